//! Looking for programs and files, without running them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::Found;
use crate::house::House;

/// A program on the user's `PATH`, or among the wheels of `.tools/python`.
pub(crate) fn program(house: &House, name: &str) -> Option<Found> {
    if on_path(name).is_some() {
        return Some(Found::default());
    }
    let folder = wheels(house);
    is_file(&folder.join(name)).then(|| Found { folder: Some(folder), ..Found::default() })
}

/// Where that program is.
pub(crate) fn path(house: &House, name: &str) -> Option<PathBuf> {
    on_path(name).or_else(|| Some(wheels(house).join(name)).filter(|path| is_file(path)))
}

/// Where the programs of the fetched wheels are.
pub(crate) fn wheels(house: &House) -> PathBuf {
    house.tools.join("python/bin")
}

pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_file(file))
}

/// The folders below `folder` whose names the test accepts; none when it cannot be read.
pub(crate) fn folders(folder: &Path, accept: fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let named = entries.flatten().filter(|entry| accept(&entry.file_name().to_string_lossy()));
    named.map(|entry| entry.path()).collect()
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}
