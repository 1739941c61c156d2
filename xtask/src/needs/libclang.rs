//! libclang, which reads llama.cpp's headers when the bindings are generated. It is searched where the
//! `clang-sys` crate searches; the wheel's copy lacks the compiler's own headers, so those are pointed out.

use std::env;
use std::path::{Path, PathBuf};

use super::ways::Way;
use super::{Found, Need, search};
use crate::child::Child;
use crate::house::House;

pub(crate) const LIBCLANG: Need = Need {
    name: "libclang",
    what_for: "the bindings to llama.cpp",
    find,
    ways: &[Way::Debian("libclang-dev"), Way::Wheels("libclang==18.1.1")],
    otherwise: "install it (Debian: libclang-dev, macOS: brew install llvm) or set LIBCLANG_PATH to its folder",
};

fn find(house: &House) -> Option<Found> {
    if env::var_os("LIBCLANG_PATH").is_some() || system_folders().iter().any(|folder| holds_libclang(folder)) {
        return Some(Found::default());
    }
    if let Some(folder) = homebrew_folders().into_iter().find(|folder| holds_libclang(folder)) {
        return Some(Found { variables: vec![("LIBCLANG_PATH", folder.into())], folder: None });
    }
    from_the_wheel(house)
}

fn system_folders() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/usr/lib"), "/usr/lib64".into(), "/usr/local/lib".into()];
    folders.push("/Library/Developer/CommandLineTools/usr/lib".into());
    let usr_lib = Path::new("/usr/lib");
    folders.extend(search::folders(usr_lib, |name| name.contains("-linux-")));
    folders
        .extend(search::folders(usr_lib, |name| name.starts_with("llvm")).into_iter().map(|folder| folder.join("lib")));
    folders
}

fn homebrew_folders() -> [PathBuf; 2] {
    ["/opt/homebrew/opt/llvm/lib".into(), "/usr/local/opt/llvm/lib".into()]
}

fn from_the_wheel(house: &House) -> Option<Found> {
    let pythons = search::folders(&house.tools.join("python/lib"), |name| name.starts_with("python3"));
    let folder = pythons
        .into_iter()
        .map(|python| python.join("site-packages/clang/native"))
        .find(|folder| holds_libclang(folder))?;
    let mut variables = vec![("LIBCLANG_PATH", folder.into())];
    if let Some(headers) = Child::new("c++").words("-print-file-name=include").read() {
        variables.push(("BINDGEN_EXTRA_CLANG_ARGS", format!("-isystem {headers}").into()));
    }
    Some(Found { variables, folder: None })
}

fn holds_libclang(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    let mut there = entries.flatten().filter(|entry| entry.path().exists()); // a link may lead nowhere
    there.any(|entry| is_library(&entry.file_name().to_string_lossy()))
}

fn is_library(name: &str) -> bool {
    let is_libclang =
        ["libclang.", "libclang-"].iter().any(|start| name.starts_with(start)) && !name.starts_with("libclang-cpp");
    is_libclang && (name.contains(".so") || name.ends_with(".dylib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_told_from_its_neighbours() {
        let accepted =
            |names: &[&'static str]| names.iter().copied().filter(|name| is_library(name)).collect::<Vec<_>>();
        let names = [
            "libclang.so",
            "libclang-14.so.1",
            "libclang.dylib",
            "libclangAST.a",
            "libclang-cpp.so.14",
            "libclang_rt.so",
        ];
        assert_eq!(accepted(&names), names[..3]);
    }
}
