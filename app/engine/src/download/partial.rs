//! The part of a file that has arrived: on the disk, hashed as it grows, and with a note of what it is a part of.
//!
//! What is pending in memory is written when the part is dropped, so a cancelled download keeps every byte.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    path::PathBuf,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use steadfast::{CancelToken, Error};

use super::{
    digest,
    lock::Lock,
    place::{Place, remove_if_there, write_json},
    space,
};

/// What a part is a part of. Kept beside it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Names the content: two sources with the same content share a part.
    pub(super) of: String,
    pub(super) size: u64,
    /// Whose `etag` it is.
    pub(super) from: String,
    pub(super) etag: Option<String>,
}

pub(super) struct Partial {
    file: File,
    path: PathBuf,
    note: Note,
    note_path: PathBuf,
    hasher: Sha256,
    written: u64,
    pending: Vec<u8>,
    /// Some bytes are from an earlier time, or from before a cut.
    resumed: bool,
    _lock: Arc<Lock>,
}

impl Partial {
    /// Opens what is there of `wanted`, or begins anew. What is there is read again for its checksum.
    pub(super) fn open(
        place: &Place,
        wanted: Note,
        lock: Arc<Lock>,
        token: &CancelToken,
        tell: impl FnMut(u64),
    ) -> Result<Self, Error> {
        let (path, note_path) = (place.part(), place.part_note());
        let known: Option<Note> = fs::read(&note_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let known = known.filter(|known| known.of == wanted.of && known.size == wanted.size);
        if known.is_none() {
            remove_if_there(&path)?;
        }
        let etag = known.filter(|known| known.from == wanted.from).and_then(|known| known.etag);
        let note = Note { etag, ..wanted };
        write_json(&note_path, &note)?;
        let mut file = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| space::explain(&path, error))?;
        let mut hasher = Sha256::new();
        let written = digest::feed(&mut hasher, &mut file, &path, token, tell)?;
        let pending = Vec::with_capacity(2 * FLUSH_AT);
        let mut partial =
            Self { file, path, note, note_path, hasher, written, pending, resumed: written > 0, _lock: lock };
        if written > partial.note.size {
            partial.restart()?;
        }
        Ok(partial)
    }

    pub(super) fn have(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub(super) fn etag(&self) -> Option<&str> {
        self.note.etag.as_deref()
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.resumed
    }

    pub(super) fn mark_resumed(&mut self) {
        self.resumed |= self.have() > 0;
    }

    pub(super) fn remember_etag(&mut self, etag: Option<String>) -> Result<(), Error> {
        if self.note.etag == etag {
            return Ok(());
        }
        self.note.etag = etag;
        write_json(&self.note_path, &self.note)
    }

    /// Takes bytes into memory; true when it is time to [`Self::flush`].
    pub(super) fn push(&mut self, bytes: &[u8]) -> bool {
        self.pending.extend_from_slice(bytes);
        self.pending.len() >= FLUSH_AT
    }

    pub(super) fn flush(&mut self) -> Result<(), Error> {
        if let Err(error) = self.file.write_all(&self.pending) {
            self.pending.clear();
            // Half of it may be on the disk; the length must stay what the checksum covers.
            let shortened =
                self.file.set_len(self.written).and_then(|()| self.file.seek(SeekFrom::Start(self.written)));
            return Err(space::explain(&self.path, shortened.err().unwrap_or(error)));
        }
        self.hasher.update(&self.pending);
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub(super) fn restart(&mut self) -> Result<(), Error> {
        self.pending.clear();
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|error| space::explain(&self.path, error))?;
        (self.hasher, self.written, self.resumed) = (Sha256::new(), 0, false);
        self.remember_etag(None)
    }

    pub(super) fn sha256(&self) -> String {
        digest::hex(&self.hasher)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; the next download finds a shorter part and goes on from there.
        let _kept_less = self.flush();
    }
}

const FLUSH_AT: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_only_in_memory_is_on_the_disk_when_the_part_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path(), "tiny");
        let note = || Note { of: "x".into(), size: 10, from: "here".into(), etag: None };
        let open = || {
            let lock = Arc::new(Lock::try_take(&place).unwrap().unwrap());
            Partial::open(&place, note(), lock, &CancelToken::root("test"), |_done| {}).unwrap()
        };
        let mut first = open();
        first.push(b"every");
        drop(first);
        assert_eq!(open().have(), 5);
    }
}
