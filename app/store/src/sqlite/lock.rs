//! Keeps a second process out: an exclusive lock on a file beside the database, until the last write is made.
//! The lock is the kernel's, so a killed process never leaves one behind; the file itself stays and means nothing.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use steadfast::{Code, Error, RetryAdvice};

#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(database: &Path) -> Result<Self, Error> {
        let path = beside(database);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unusable(folder, error))?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.map_err(|error| unusable(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(database, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(&path, error)),
        }
        sign(&mut file).map_err(|error| unusable(&path, error))?;
        Ok(Self { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

/// Leaves our process id in the file, for the message that a second process shows.
fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn taken(database: &Path, file: &mut File) -> Error {
    let mut holder = String::new();
    // Who holds it is a courtesy: the message is right without it.
    let holder = match file.read_to_string(&mut holder) {
        Ok(_) if !holder.is_empty() => format!(" (process {holder})"),
        _ => String::new(),
    };
    Error::new(Code::STORAGE_UNAVAILABLE)
        .with_message(format!("Another Steadfast{holder} is using {} already.", database.display()))
        .with_suggestion("Stop the other one, or give this one another data folder.")
        .with_advice(RetryAdvice::Never)
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new(Code::STORAGE_UNAVAILABLE)
        .with_message(format!("{} cannot be used: {error}.", path.display()))
        .with_suggestion("Check that the data folder exists and that this user may write to it.")
        .with_source(error)
}
