//! The first look at a model file: is it a GGUF file that the engine may be shown, and what is it?
//!
//! This is a bounded reader of the header only, in safe Rust. It does not load weights and it trusts nothing:
//! every number of the file is held against a limit or against the bytes that are really there before it is used.

mod cursor;
mod facts;
mod limits;
mod metadata;
mod tensors;

#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod sample;

use std::{fs::File, path::Path};

use steadfast::Error;
use steadfast_contract::code;

pub use facts::Facts;

use cursor::Cursor;
pub use cursor::ReadAt;

/// Why a file was refused: which check, where in the file, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (check: {check}, at byte {at})")]
pub struct Invalid {
    pub check: &'static str,
    pub at: u64,
    pub message: String,
}

/// Opens `path` (never through a symbolic link, only a regular file) and reads its header.
pub fn inspect(path: &Path) -> Result<Facts, Error> {
    let file = open_regular(path)?;
    let length = file.metadata().map_err(|error| unreadable(path, error))?.len();
    read_header(&file, length).map_err(|invalid| invalid.about(path))
}

/// Reads the header of anything that can be read at a position.
pub fn read_header(source: &impl ReadAt, length: u64) -> Result<Facts, Invalid> {
    let mut cursor = Cursor::new(source, length);
    let counts = begin(&mut cursor)?;
    let metadata = metadata::read(&mut cursor, counts.entries)?;
    let tensors = tensors::read(&mut cursor, counts.tensors, metadata.alignment()?)?;
    facts::gather(&metadata, &tensors)
}

impl Invalid {
    fn new(check: &'static str, at: u64, message: impl Into<String>) -> Self {
        Self { check, at, message: message.into() }
    }

    fn about(self, path: &Path) -> Error {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        code::invalid_model_file(format!("{name} cannot be used: {}.", self.message))
            .with_detail("check", self.check)
            .with_detail("at_byte", self.at)
            .with_source(self)
    }
}

struct Counts {
    tensors: u64,
    entries: u64,
}

fn begin(cursor: &mut Cursor<'_, impl ReadAt>) -> Result<Counts, Invalid> {
    if cursor.bytes::<4>("magic")? != *b"GGUF" {
        return Err(Invalid::new("magic", 0, "it does not begin with GGUF"));
    }
    let version = cursor.u32("version")?;
    if version.swap_bytes() < 0x1_0000 && version >= 0x1_0000 {
        return Err(Invalid::new("version", 4, "it was written for a big-endian machine"));
    }
    if !limits::VERSIONS.contains(&version) {
        return Err(Invalid::new("version", 4, format!("its format version is {version}; 2 and 3 are known")));
    }
    let tensors = cursor.count("tensor count", limits::TENSORS)?;
    let entries = cursor.count("metadata count", limits::ENTRIES)?;
    Ok(Counts { tensors, entries })
}

#[cfg(unix)]
fn open_regular(path: &Path) -> Result<File, Error> {
    use rustix::fs::{Mode, OFlags};
    // NONBLOCK so that a pipe in the model's place cannot hold us; it means nothing for a regular file.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file =
        rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(|error| unreadable(path, error.into()))?;
    ensure_regular(path, file)
}

#[cfg(not(unix))]
fn open_regular(path: &Path) -> Result<File, Error> {
    let kind = std::fs::symlink_metadata(path).map_err(|error| unreadable(path, error))?;
    if kind.is_symlink() {
        return Err(Invalid::new("regular file", 0, "it is a symbolic link").about(path));
    }
    ensure_regular(path, File::open(path).map_err(|error| unreadable(path, error))?)
}

fn ensure_regular(path: &Path, file: File) -> Result<File, Error> {
    let kind = file.metadata().map_err(|error| unreadable(path, error))?;
    if kind.is_file() { Ok(file) } else { Err(Invalid::new("regular file", 0, "it is not a regular file").about(path)) }
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Invalid::new("open", 0, format!("it cannot be opened ({error})")).about(path).with_source(error)
}
