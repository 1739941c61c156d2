//! Puts llama.cpp's libraries beside the program, where it looks for them, and says where else they lie.
//!
//! cargo builds them in a folder of its own; without this the program would run under `cargo run` only.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let Some(backends) = env::var_os("DEP_LLAMA_BACKENDS_DIR").map(PathBuf::from) else { return Ok(()) };
    println!("cargo:rerun-if-changed={}", backends.display());
    println!("cargo:rustc-env=STEADFAST_ENGINE_LIBRARIES={}", backends.display());
    // Our own test binaries; whoever else links a program with this crate adds the same line to its build script.
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN,-rpath,$ORIGIN/..");
    let linked = backends.parent().map(|out| out.join("lib")).unwrap_or_default();
    let programs = profile_folder()?;
    let tests = programs.join("deps");
    for library in [shared_libraries(&backends)?, shared_libraries(&linked)?].concat() {
        copy_if_changed(&library, &programs)?;
        copy_if_changed(&library, &tests)?;
    }
    Ok(())
}

/// `target/debug` or the like: three above this crate's own output folder.
fn profile_folder() -> io::Result<PathBuf> {
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    out.ancestors().nth(3).map(Path::to_path_buf).ok_or_else(|| io::Error::other("OUT_DIR is not where cargo puts it"))
}

/// Variants that were emptied (see native/llama.cmake) are left out: they are smaller than any real one.
fn shared_libraries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_library =
            path.extension().is_some_and(|extension| ["so", "dylib", "dll"].iter().any(|known| extension == *known));
        if is_library && fs::metadata(&path)?.len() > LARGEST_EMPTY_LIBRARY {
            libraries.push(path);
        }
    }
    Ok(libraries)
}

/// A new file in place of the old one, never a change of the old one: a running program may be using it.
fn copy_if_changed(library: &Path, folder: &Path) -> io::Result<()> {
    let Some(name) = library.file_name() else { return Ok(()) };
    let target = folder.join(name);
    if fs::read(&target).ok() == Some(fs::read(library)?) {
        return Ok(());
    }
    let fresh = folder.join(format!("{}.new", name.to_string_lossy()));
    fs::copy(library, &fresh)?;
    fs::rename(fresh, target)
}

const LARGEST_EMPTY_LIBRARY: u64 = 32 * 1024;
