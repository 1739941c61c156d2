//! Splits bytes into server-sent events, as the HTML standard defines them ("Interpreting an event stream").
//! Fed with any pieces of a stream it finds the same events. It keeps limits, because whoever sends may be broken.
//! Surprise: an event that the end of the stream cut short is dispatched too; its reader notices what is missing.

/// What a stream consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Event {
        name: String,
        data: Vec<u8>,
    },
    /// A line that only says "still here".
    Comment,
}

/// A line or an event is larger than anybody sends in earnest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

#[derive(Debug, Default)]
pub struct Splitter {
    line: Vec<u8>,
    name: String,
    /// `None` until the event has a `data` line: an empty line then ends nothing.
    data: Option<Vec<u8>>,
    began: bool,
    after_return: bool,
}

impl Splitter {
    /// Takes the next bytes; adds what they complete to `found`.
    pub fn push(&mut self, mut bytes: &[u8], found: &mut Vec<Item>) -> Result<(), TooLarge> {
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
            let (piece, terminator) = (&bytes[..end], bytes[end]);
            bytes = &bytes[end + 1..];
            // The second half of CR LF ends no line of its own.
            let second_half = terminator == b'\n' && self.after_return && piece.is_empty();
            self.after_return = terminator == b'\r';
            if !second_half {
                self.keep(piece)?;
                self.end_line(found)?;
            }
        }
        if !bytes.is_empty() {
            self.after_return = false;
        }
        self.keep(bytes)
    }

    /// The stream is over: what is left becomes a last event.
    pub fn finish(&mut self, found: &mut Vec<Item>) -> Result<(), TooLarge> {
        if !self.line.is_empty() {
            self.end_line(found)?;
        }
        self.dispatch(found);
        Ok(())
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), TooLarge> {
        if self.line.len() + piece.len() > LINE_BYTES {
            return Err(TooLarge);
        }
        self.line.extend_from_slice(piece);
        Ok(())
    }

    fn end_line(&mut self, found: &mut Vec<Item>) -> Result<(), TooLarge> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.began, true) && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        match line.first() {
            None => self.dispatch(found),
            Some(b':') => found.push(Item::Comment),
            Some(_) => self.field(&line)?,
        }
        line.clear();
        self.line = line; // its memory is used again
        Ok(())
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLarge> {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &line[..colon] {
            b"data" => self.add_data(value),
            b"event" => {
                self.name = String::from_utf8_lossy(value).into_owned();
                Ok(())
            }
            _ => Ok(()), // `id` and `retry` are for browsers; the rest is for nobody
        }
    }

    fn add_data(&mut self, value: &[u8]) -> Result<(), TooLarge> {
        let Some(data) = &mut self.data else {
            self.data = Some(value.to_vec());
            return Ok(());
        };
        if data.len() + 1 + value.len() > EVENT_BYTES {
            return Err(TooLarge);
        }
        data.push(b'\n');
        data.extend_from_slice(value);
        Ok(())
    }

    fn dispatch(&mut self, found: &mut Vec<Item>) {
        let name = std::mem::take(&mut self.name);
        if let Some(data) = self.data.take() {
            found.push(Item::Event { name, data });
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Far above the largest chunk seen from any server (log probabilities: some 10 KiB).
const LINE_BYTES: usize = 1 << 20;
const EVENT_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests;
