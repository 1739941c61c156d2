//! Moves a window of bytes from an address into the part, however often the line is cut.
//!
//! An attempt that brought new bytes does not use up the patience: only attempts that bring nothing count.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use reqwest::{Response, StatusCode, header};
use steadfast::{Attempt, Code, Error, Retry, RetryAdvice};

use super::{
    Found, Job, News,
    http::{Address, Wish, accepted, sentence},
    may_be_repeated,
    meter::{Meter, Reading},
    partial::{Note, Partial},
    space,
    wheel::archive::Member,
};
use crate::catalog::Source;

/// Bytes at an address, and what they are.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) address: Address,
    pub(super) window: Window,
    /// The length of all that is at the address, where it is known.
    pub(super) total: Option<u64>,
    pub(super) etag: Option<String>,
    /// What the server says the content's SHA-256 is.
    pub(super) digest: Option<String>,
    pub(super) packing: Packing,
    /// Names the content, so that a part of it is recognised.
    pub(super) content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: u64,
    pub(super) length: u64,
}

/// How the model file lies in the bytes.
#[derive(Debug, Clone)]
pub(super) enum Packing {
    /// The bytes are the file.
    Plain,
    /// The bytes are one packed member of an archive.
    Member(Member),
    /// The bytes are a whole wheel, and the file is this member of it.
    Wheel { member: String, sha256: String },
}

pub(super) struct Fetched {
    /// Of the window's bytes.
    pub(super) sha256: String,
    pub(super) in_one_go: bool,
}

type Shared = Arc<Mutex<Partial>>;

impl Remote {
    pub(super) fn whole_file(job: &Job, url: &str, target: &'static str, source: &Source) -> Result<Self, Error> {
        let url = reqwest::Url::parse(url)
            .map_err(|error| Error::validation(format!("The address {url} cannot be read: {error}.")))?;
        let length = job.entry.size_bytes;
        Ok(Self {
            address: Address { target, url, credentials: None },
            window: Window { start: 0, length },
            total: Some(length),
            etag: None,
            digest: None,
            packing: Packing::Plain,
            content: job.expected_digest().unwrap_or_else(|| format!("{source:?}")),
        })
    }

    /// Bytes that the disk must have room for: the part, and the unpacked file beside it.
    fn room(&self, file_size: u64) -> u64 {
        match self.packing {
            Packing::Plain => self.window.length,
            Packing::Member(_) | Packing::Wheel { .. } => self.window.length.saturating_add(file_size),
        }
    }
}

impl From<Remote> for Found {
    fn from(remote: Remote) -> Self {
        Self::Remote(Box::new(remote))
    }
}

pub(super) async fn fetch(job: &Job, remote: &Remote) -> Result<Fetched, Error> {
    let partial = open(job, remote).await?;
    let mut counted = lock(&partial).have();
    space::ensure(
        job.place.folder(),
        remote.room(job.entry.size_bytes).saturating_sub(counted),
        job.settings.keep_free_bytes,
    )?;
    let retry = Retry::exponential(job.settings.pause_between_attempts).max_attempts(job.settings.attempts);
    while let Err(error) = retry.run(&job.call, |attempt| one_attempt(job, remote, &partial, attempt)).await {
        let have = lock(&partial).have();
        if error.code() != Code::RETRY_EXHAUSTED || have < counted.saturating_add(WORTH_GOING_ON) {
            return Err(error);
        }
        counted = have;
    }
    let partial = lock(&partial);
    Ok(Fetched { sha256: partial.sha256(), in_one_go: !partial.is_resumed() })
}

async fn open(job: &Job, remote: &Remote) -> Result<Shared, Error> {
    let wanted =
        Note { of: remote.content.clone(), size: remote.window.length, from: origin(&remote.address), etag: None };
    let (place, held, token, watch) =
        (job.place.clone(), Arc::clone(&job.lock), job.call.token().clone(), Arc::clone(&job.watch));
    let total = remote.window.length;
    let opened = job.blocking("read what has arrived already", move || {
        let tell = |done| watch(News::Downloading(Reading { done, total, bytes_per_second: None, seconds_left: None }));
        Partial::open(&place, wanted, held, &token, tell)
    });
    Ok(Arc::new(Mutex::new(opened.await?)))
}

/// The address without its changing parts: signatures in the query, name and password.
fn origin(address: &Address) -> String {
    format!("{}{}", address.url.host_str().unwrap_or_default(), address.url.path())
}

async fn one_attempt(job: &Job, remote: &Remote, partial: &Shared, attempt: Attempt) -> Result<(), Error> {
    job.tell(News::Attempt(attempt));
    let outcome = ask_and_pour(job, remote, partial).await;
    if let Err(error) = &outcome
        && may_be_repeated(error)
        && !attempt.is_last()
    {
        let next = Attempt { number: attempt.number + 1, ..attempt };
        job.tell(News::Note(format!("{} Trying again ({next}).", error.message())));
    }
    outcome
}

async fn ask_and_pour(job: &Job, remote: &Remote, partial: &Shared) -> Result<(), Error> {
    let wish = {
        let mut partial = lock(partial);
        partial.mark_resumed();
        wish(remote, partial.have(), partial.etag())
    };
    if lock(partial).have() < remote.window.length {
        let response = job.get(&remote.address, wish).await?;
        let skip = begin(remote, partial, &response)?;
        pour(job, remote, partial, response, skip).await?;
    }
    flush(job, partial).await
}

fn wish(remote: &Remote, have: u64, etag: Option<&str>) -> Wish {
    let Window { start, length } = remote.window;
    if have == 0 && remote.total == Some(length) {
        return Wish { range: None, if_range: None };
    }
    let tag = etag.or(remote.etag.as_deref()).filter(|tag| !tag.starts_with("W/"));
    Wish { range: Some(format!("bytes={}-{}", start + have, start + length - 1)), if_range: tag.map(str::to_owned) }
}

/// Looks at the answer's head. Gives the number of bytes to pass over before ours begin.
fn begin(remote: &Remote, partial: &Shared, response: &Response) -> Result<u64, Error> {
    let mut partial = lock(partial);
    let changed = || {
        let message = sentence(remote.address.target, "has another file now than before; starting again");
        Error::connection_lost(remote.address.target).with_message(message).with_advice(RetryAdvice::RetryNow)
    };
    if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
        partial.restart()?;
        return Err(changed());
    }
    accepted(remote.address.target, response)?;
    let etag = text_of(response, header::ETAG);
    let expected_tag = partial.etag().or(remote.etag.as_deref()).filter(|_| partial.have() > 0);
    let skip = if response.status() == StatusCode::PARTIAL_CONTENT {
        let moved = expected_tag.zip(etag.as_deref()).is_some_and(|(expected, tag)| expected != tag);
        let wrong_place = first_byte(response) != Some(remote.window.start + partial.have());
        if moved || wrong_place {
            partial.restart()?;
            return Err(changed());
        }
        0
    } else {
        partial.restart()?;
        remote.window.start
    };
    has_the_right_length(remote, response)?;
    partial.remember_etag(etag)?;
    Ok(skip)
}

/// The whole length that the answer speaks of must be the one we expect: another file is no use to us.
fn has_the_right_length(remote: &Remote, response: &Response) -> Result<(), Error> {
    let said = match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            text_of(response, header::CONTENT_RANGE).and_then(|range| range.rsplit('/').next()?.parse().ok())
        }
        _ => text_of(response, header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok()),
    };
    match (said, remote.total) {
        (Some(said), Some(total)) if said != total => {
            let what = format!("has another file: {said} bytes instead of {total}");
            Err(Error::corrupt(sentence(remote.address.target, &what)).with_advice(RetryAdvice::TryElsewhere))
        }
        _ => Ok(()),
    }
}

async fn pour(job: &Job, remote: &Remote, partial: &Shared, response: Response, mut skip: u64) -> Result<(), Error> {
    let (total, target) = (remote.window.length, remote.address.target);
    let mut body = response.bytes_stream();
    let mut meter = Meter::new(job.call.clock());
    loop {
        let have = lock(partial).have();
        if let Some(reading) = meter.seen(have, total) {
            job.tell(News::Downloading(reading));
        }
        if have == total {
            return Ok(());
        }
        let bytes = tokio::select! {
            bytes = body.next() => bytes,
            () = job.call.clock().sleep(job.settings.stall_after) => return Err(stalled(job, target)),
        };
        let bytes = match bytes {
            Some(Ok(bytes)) => bytes,
            Some(Err(error)) => return Err(cut(target, have, total).with_source(error.without_url())),
            None => return Err(cut(target, have, total)),
        };
        let passed_over = skip.min(bytes.len() as u64);
        skip -= passed_over;
        let ours = &bytes[usize::try_from(passed_over).unwrap_or(bytes.len())..];
        let ours = &ours[..ours.len().min(usize::try_from(total - have).unwrap_or(usize::MAX))];
        if lock(partial).push(ours) {
            flush(job, partial).await?;
        }
    }
}

async fn flush(job: &Job, partial: &Shared) -> Result<(), Error> {
    let partial = Arc::clone(partial);
    job.blocking("write what has arrived", move || lock(&partial).flush()).await
}

fn stalled(job: &Job, target: &str) -> Error {
    let patience = job.settings.stall_after;
    let message = format!("No data from {target} for {} s.", patience.as_secs());
    Error::timeout(target, patience).with_message(message).with_advice(RetryAdvice::RetryNow)
}

fn cut(target: &str, have: u64, total: u64) -> Error {
    let message = format!("The line to {target} was cut after {have} of {total} bytes.");
    Error::connection_lost(target).with_message(message).with_advice(RetryAdvice::RetryNow)
}

pub(super) fn text_of(response: &Response, name: header::HeaderName) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

/// `bytes 5-9/10` begins at 5.
fn first_byte(response: &Response) -> Option<u64> {
    text_of(response, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// A lock is held only to look or to write; a panic in between leaves nothing half done that the checksum misses.
fn lock(partial: &Shared) -> MutexGuard<'_, Partial> {
    partial.lock().unwrap_or_else(PoisonError::into_inner)
}

/// New bytes that earn a fresh set of attempts.
const WORTH_GOING_ON: u64 = 1 << 20;
