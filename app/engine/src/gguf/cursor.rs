//! A forward reader over bytes that somebody else wrote: it knows how many are left and never reads past them.

use std::{fs::File, io};

use super::{Invalid, limits};

/// Something that can be read at a position without moving.
pub trait ReadAt {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, position)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        let mut done = 0;
        while done < buffer.len() {
            match self.seek_read(&mut buffer[done..], position + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => done += read,
            }
        }
        Ok(())
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let start = usize::try_from(position).map_err(|_too_far| io::ErrorKind::UnexpectedEof)?;
        let end = start.checked_add(buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.as_slice().read_exact_at(buffer, position)
    }
}

pub(super) struct Cursor<'a, R: ?Sized> {
    source: &'a R,
    length: u64,
    /// The header may not go beyond this byte.
    end: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
}

impl<'a, R: ReadAt> Cursor<'a, R> {
    pub(super) fn new(source: &'a R, length: u64) -> Self {
        let end = length.min(limits::HEADER_BYTES);
        Self { source, length, end, position: 0, window: Vec::new(), window_start: 0 }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn file_length(&self) -> u64 {
        self.length
    }

    pub(super) fn left(&self) -> u64 {
        self.end - self.position
    }

    pub(super) fn refuse(&self, check: &'static str, message: impl Into<String>) -> Invalid {
        Invalid::new(check, self.position, message)
    }

    pub(super) fn bytes<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Invalid> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Invalid> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Invalid> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    /// A number of things that follow; each takes at least one byte, so more than the bytes left is a lie.
    pub(super) fn count(&mut self, what: &'static str, limit: u64) -> Result<u64, Invalid> {
        let at = self.position;
        let count = self.u64(what)?;
        if count > limit || count > self.left() {
            return Err(Invalid::new(
                "limits",
                at,
                format!("its {what} is {count}, which is impossible or over the limit of {limit}"),
            ));
        }
        Ok(count)
    }

    pub(super) fn string(&mut self, what: &'static str, limit: u64) -> Result<String, Invalid> {
        let length = self.count(what, limit)?;
        let at = self.position;
        let bytes = self.vector(length, what)?;
        String::from_utf8(bytes).map_err(|_not_text| Invalid::new("text", at, format!("its {what} is not UTF-8 text")))
    }

    /// `length` bytes, held against the bytes left first, so that nothing is allocated for a lie.
    pub(super) fn vector(&mut self, length: u64, what: &'static str) -> Result<Vec<u8>, Invalid> {
        if length > self.left() {
            return Err(self.cut_short(what));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, length: u64, what: &'static str) -> Result<(), Invalid> {
        if length > self.left() {
            return Err(self.cut_short(what));
        }
        self.position += length;
        Ok(())
    }

    fn fill(&mut self, out: &mut [u8], what: &'static str) -> Result<(), Invalid> {
        if out.len() as u64 > self.left() {
            return Err(self.cut_short(what));
        }
        if out.len() > WINDOW {
            let read = self.source.read_exact_at(out, self.position);
            read.map_err(|error| self.refuse("read", format!("its {what} cannot be read ({error})")))?;
        } else {
            self.show(out.len(), what)?;
            let from = usize::try_from(self.position - self.window_start).unwrap_or(usize::MAX);
            out.copy_from_slice(&self.window[from..from + out.len()]);
        }
        self.position += out.len() as u64;
        Ok(())
    }

    /// Makes sure that the window holds the next `length` bytes; the caller checked that they exist.
    fn show(&mut self, length: usize, what: &'static str) -> Result<(), Invalid> {
        let window_end = self.window_start + self.window.len() as u64;
        if self.position >= self.window_start && self.position + length as u64 <= window_end {
            return Ok(());
        }
        let size = self.left().min(WINDOW as u64);
        self.window.resize(usize::try_from(size).unwrap_or(WINDOW), 0);
        self.window_start = self.position;
        let read = self.source.read_exact_at(&mut self.window, self.position);
        read.map_err(|error| {
            self.window.clear();
            Invalid::new("read", self.position, format!("its {what} cannot be read ({error})"))
        })
    }

    fn cut_short(&self, what: &'static str) -> Invalid {
        let why =
            if self.end < self.length { "the header is longer than the limit" } else { "the file ends too early" };
        self.refuse("length", format!("{why} (in its {what})"))
    }
}

const WINDOW: usize = 64 << 10;
