//! Which build of llama.cpp's kernels suits this processor: best first, and where the builds lie.
//!
//! The one for AMX is not shipped: a virtual machine may announce it and yet kill whoever uses it. Should any
//! other be refused with an illegal instruction, the server starts the worker again and passes it over.

use std::path::{Path, PathBuf};

use super::llama;

/// Best first. llama.cpp refuses to load one whose instructions the processor does not announce.
#[cfg(target_arch = "x86_64")]
const VARIANTS: &[&str] = &["cascadelake", "alderlake", "haswell", "x64"];
#[cfg(all(target_arch = "aarch64", target_os = "macos"))]
const VARIANTS: &[&str] = &["apple_m4", "apple_m2_m3", "apple_m1"];
#[cfg(all(target_arch = "aarch64", not(target_os = "macos")))]
const VARIANTS: &[&str] =
    &["armv9.2_2", "armv9.2_1", "armv8.6_2", "armv8.6_1", "armv8.2_3", "armv8.2_2", "armv8.2_1", "armv8.0_1"];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const VARIANTS: &[&str] = &[];

/// Loaded as well where the build made them (cargo features `cuda`, `metal`, `vulkan`).
const GPU_BACKENDS: &[&str] = &["cuda", "hip", "metal", "vulkan"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    /// Its place in the list, from 0.
    pub(super) rank: u32,
    pub(super) name: &'static str,
}

/// Loads the best kernels that are at least at `skip` in the list; `None` when none is left that runs here.
pub(super) fn load_best(skip: u32) -> Option<Variant> {
    let places = places();
    let best = (0..).zip(VARIANTS).skip(skip as usize).find(|(_, name)| load(&places, &format!("cpu-{name}")));
    for gpu in GPU_BACKENDS {
        load(&places, gpu);
    }
    best.map(|(rank, name)| Variant { rank, name })
}

fn load(places: &[PathBuf], backend: &str) -> bool {
    let file = format!("libggml-{backend}.so");
    places
        .iter()
        .map(|place| place.join(&file))
        .find(|library| library.is_file())
        .is_some_and(|library| llama::load_backend(&library))
}

/// Beside the program, or above it (cargo puts tests one folder deeper), or where cargo built them.
fn places() -> Vec<PathBuf> {
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().into_iter().flat_map(|folder| [Some(folder), folder.parent()]).flatten();
    let built = option_env!("STEADFAST_ENGINE_LIBRARIES").map(Path::new);
    beside.chain(built).map(Path::to_path_buf).collect()
}
