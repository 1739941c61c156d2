# Read by llama.cpp's own build after its project() line (see .cargo/config.toml).
# Keeps the build to what we ship: few CPU variants, plain library names, found beside the binary.

set(CMAKE_PLATFORM_NO_VERSIONED_SONAME ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN")

# These kernels round differently for one token than for several, so a resumed or shared answer could differ from
# an undisturbed one. Without them (and without flash attention, see src/worker/llama.rs) the logits are the same
# however the tokens are cut into batches; reading a prompt takes a few per cent longer.
set(GGML_LLAMAFILE OFF CACHE BOOL "" FORCE)

# Every CPU variant compiles the kernels once more (about a minute each). The ones that no machine of
# ours would choose are emptied rather than left out, because ggml's own list cannot be shortened.
# sapphirerapids is emptied on purpose: AMX may be announced and yet forbidden in a virtual machine.
set(STEADFAST_EMPTY_VARIANTS
    sse42 sandybridge ivybridge piledriver skylakex cannonlake icelake cooperlake zen4 sapphirerapids)

function(steadfast_empty_unused_variants)
    foreach(variant ${STEADFAST_EMPTY_VARIANTS})
        if(TARGET ggml-cpu-${variant})
            set_target_properties(ggml-cpu-${variant} PROPERTIES SOURCES ${STEADFAST_EMPTY_SOURCE})
        endif()
    endforeach()
endfunction()

if(CMAKE_CURRENT_SOURCE_DIR STREQUAL CMAKE_SOURCE_DIR)
    set(STEADFAST_EMPTY_SOURCE ${CMAKE_CURRENT_LIST_DIR}/empty.c)
    cmake_language(DEFER DIRECTORY ${CMAKE_SOURCE_DIR} CALL steadfast_empty_unused_variants)
endif()
