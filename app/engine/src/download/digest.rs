//! Reads a file once and says its SHA-256, telling how far it is and stopping when asked.

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest as _, Sha256};
use steadfast::{CancelToken, Error};

use super::space;

/// Feeds `file` into `hasher` from where the file stands; `tell` hears how many bytes were read so far.
pub(super) fn feed(
    hasher: &mut Sha256,
    file: &mut impl Read,
    path: &Path,
    token: &CancelToken,
    mut tell: impl FnMut(u64),
) -> Result<u64, Error> {
    let mut buffer = vec![0; PIECE];
    let mut done = 0;
    loop {
        token.check()?;
        let read = file.read(&mut buffer).map_err(|error| space::explain(path, error))?;
        if read == 0 {
            return Ok(done);
        }
        hasher.update(&buffer[..read]);
        done += read as u64;
        tell(done);
    }
}

pub(super) fn of_file(path: &Path, token: &CancelToken, tell: impl FnMut(u64)) -> Result<String, Error> {
    let mut file = File::open(path).map_err(|error| space::explain(path, error))?;
    let mut hasher = Sha256::new();
    feed(&mut hasher, &mut file, path, token, tell)?;
    Ok(hex(&hasher))
}

pub(super) fn hex(hasher: &Sha256) -> String {
    hasher.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

const PIECE: usize = 1 << 20;
