//! The model hub: one question about the file (its size, its digest), then an ordinary download.
//!
//! The hub answers with a redirect whose headers describe the large file behind it (`x-linked-size`, `x-linked-etag`,
//! which is the file's SHA-256). A file that the hub's own tools have put into their cache on this disk is used.

use std::path::PathBuf;

use reqwest::{Response, Url, header};
use steadfast::{Error, RetryAdvice};

use super::{
    Found, Job,
    http::{Address, accepted, sentence},
    transfer::{Packing, Remote, Window, text_of},
};

pub(super) async fn ask(job: &Job, repo: &str, file: &str, revision: &str) -> Result<Found, Error> {
    if let Some(path) = in_cache(job, repo, file, revision) {
        return Ok(Found::Local(path));
    }
    let address = address(job, repo, file, revision)?;
    let facts = facts(job, &address).await?;
    let length = job.entry.size_bytes;
    if let Some(size) = facts.size.filter(|size| *size != length) {
        return Err(other_file(&format!("has another file: {size} bytes instead of {length}")));
    }
    let expected = job.expected_digest();
    if let (Some(expected), Some(digest)) = (&expected, &facts.digest)
        && expected != digest
    {
        let error =
            other_file("has a file with another checksum than the one that is expected").with_detail("sha256", digest);
        return Err(error.with_suggestion(job.what_about_a_wrong_file()));
    }
    let content = expected.or_else(|| facts.digest.clone()).unwrap_or_else(|| format!("{repo}/{file}@{revision}"));
    let window = Window { start: 0, length };
    Ok(Remote {
        address,
        window,
        total: Some(length),
        etag: None,
        digest: facts.digest,
        packing: Packing::Plain,
        content,
    }
    .into())
}

/// `models--owner--name/blobs/<sha256>`, or the file of the wanted revision.
fn in_cache(job: &Job, repo: &str, file: &str, revision: &str) -> Option<PathBuf> {
    let folder = job.settings.hub_cache.as_ref()?.join(format!("models--{}", repo.replace('/', "--")));
    let commit =
        std::fs::read_to_string(folder.join("refs").join(revision)).unwrap_or_else(|_no_such_name| revision.to_owned());
    // What a reference file says becomes a path: only a commit's digits may.
    let commit =
        Some(commit.trim()).filter(|commit| commit.bytes().all(|byte| byte.is_ascii_hexdigit())).map(str::to_owned);
    let by_digest = job.expected_digest().map(|digest| folder.join("blobs").join(digest));
    let by_revision = commit.map(|commit| folder.join("snapshots").join(commit).join(file));
    let whole = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == job.entry.size_bytes)
    };
    by_digest.into_iter().chain(by_revision).find(whole)
}

fn address(job: &Job, repo: &str, file: &str, revision: &str) -> Result<Address, Error> {
    let text = format!("{}/{repo}/resolve/{revision}/{file}", job.settings.hub_endpoint.trim_end_matches('/'));
    let url = Url::parse(&text)
        .map_err(|error| Error::validation(format!("The hub's address {text} cannot be read: {error}.")))?;
    Ok(Address { target: TARGET, url, credentials: None })
}

struct Facts {
    size: Option<u64>,
    digest: Option<String>,
}

/// Follows renames until the hub describes the file.
async fn facts(job: &Job, address: &Address) -> Result<Facts, Error> {
    let mut address = address.clone();
    for _ in 0..MOST_RENAMES {
        let response = job.head(&address).await?;
        let facts = Facts { size: linked_size(&response), digest: linked_digest(&response) };
        let next = response.status().is_redirection().then(|| next_url(&address, &response)).flatten();
        let described = facts.size.is_some() || facts.digest.is_some();
        match next {
            Some(url) if !described => address.url = url,
            Some(_) => return Ok(facts),
            None => return accepted(TARGET, &response).map(|()| facts),
        }
    }
    Err(other_file("sends us round in circles"))
}

fn next_url(address: &Address, response: &Response) -> Option<Url> {
    address.url.join(&text_of(response, header::LOCATION)?).ok()
}

fn linked_size(response: &Response) -> Option<u64> {
    text_of(response, header::HeaderName::from_static("x-linked-size"))?.parse().ok()
}

/// Small files have a git digest here, which is no SHA-256 and shorter.
fn linked_digest(response: &Response) -> Option<String> {
    let tag = text_of(response, header::HeaderName::from_static("x-linked-etag"))?;
    let tag = tag.trim_start_matches("W/").trim_matches('"');
    (tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| tag.to_ascii_lowercase())
}

fn other_file(what: &str) -> Error {
    Error::corrupt(sentence(TARGET, what)).with_advice(RetryAdvice::TryElsewhere)
}

const TARGET: &str = "the hub";
const MOST_RENAMES: u32 = 5;
