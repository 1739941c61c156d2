//! The key-value part of the header. Keeps what somebody will look at; everything else is checked and skipped.

use std::collections::{HashMap, HashSet};

use super::{Invalid, ReadAt, cursor::Cursor, limits};

pub(super) struct Metadata {
    entries: HashMap<String, Entry>,
}

pub(super) struct Entry {
    pub(super) at: u64,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Negative(i64),
    Real(f64),
    Flag(bool),
    Text(String),
    /// A string that nobody here needs, by its length.
    LongText(u64),
    /// A list, by its length; `numbers` only when it is short and all are whole.
    List {
        count: u64,
        numbers: Vec<u64>,
    },
}

pub(super) fn read(cursor: &mut Cursor<'_, impl ReadAt>, count: u64) -> Result<Metadata, Invalid> {
    let mut entries = HashMap::new();
    let mut seen = HashSet::new();
    for _ in 0..count {
        let at = cursor.position();
        let key = cursor.string("metadata key", limits::NAME_BYTES)?;
        let kind = cursor.u32("metadata type")?;
        let value = read_value(cursor, kind, &key)?;
        if !seen.insert(key.clone()) {
            return Err(Invalid::new("duplicate key", at, format!("its key {key:?} is there twice")));
        }
        entries.insert(key, Entry { at, value });
    }
    Ok(Metadata { entries })
}

impl Metadata {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// A whole number in `range`; `None` when the key is not there.
    pub(super) fn whole(&self, key: &str, range: &std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Invalid> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        match entry.value {
            Value::Whole(number) if range.contains(&number) => Ok(Some(number)),
            Value::Whole(number) => {
                Err(entry.refuse(key, &format!("{number}, but must be {} to {}", range.start(), range.end())))
            }
            _ => Err(entry.refuse(key, "of the wrong type")),
        }
    }

    pub(super) fn required(&self, key: &str, range: &std::ops::RangeInclusive<u64>) -> Result<u64, Invalid> {
        self.whole(key, range)?.ok_or_else(|| Invalid::new("missing key", 0, format!("its key {key:?} is missing")))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, Invalid> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        match &entry.value {
            Value::Text(text) => Ok(Some(text)),
            Value::LongText(length) => Err(entry.refuse(key, &format!("{length} bytes long"))),
            _ => Err(entry.refuse(key, "of the wrong type")),
        }
    }

    pub(super) fn list_length(&self, key: &str) -> Result<Option<u64>, Invalid> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        match &entry.value {
            Value::List { count, .. } => Ok(Some(*count)),
            _ => Err(entry.refuse(key, "of the wrong type")),
        }
    }

    pub(super) fn alignment(&self) -> Result<u64, Invalid> {
        const KEY: &str = "general.alignment";
        let alignment = self.whole(KEY, &limits::ALIGNMENTS)?.unwrap_or(32);
        if alignment.is_power_of_two() {
            return Ok(alignment);
        }
        Err(Invalid::new("hyperparameter", 0, format!("its {KEY} is {alignment}, which is not a power of two")))
    }
}

impl Entry {
    pub(super) fn refuse(&self, key: &str, what: &str) -> Invalid {
        Invalid::new("hyperparameter", self.at, format!("its {key} is {what}"))
    }
}

fn read_value(cursor: &mut Cursor<'_, impl ReadAt>, kind: u32, key: &str) -> Result<Value, Invalid> {
    match kind {
        STRING => read_text(cursor, key),
        ARRAY => read_list(cursor, 1),
        BOOL => read_flag(cursor),
        _ => read_number(cursor, kind),
    }
}

fn read_number(cursor: &mut Cursor<'_, impl ReadAt>, kind: u32) -> Result<Value, Invalid> {
    const WHAT: &str = "metadata value";
    Ok(match kind {
        0 => Value::Whole(u8::from_le_bytes(cursor.bytes(WHAT)?).into()),
        1 => whole(i8::from_le_bytes(cursor.bytes(WHAT)?).into()),
        2 => Value::Whole(u16::from_le_bytes(cursor.bytes(WHAT)?).into()),
        3 => whole(i16::from_le_bytes(cursor.bytes(WHAT)?).into()),
        4 => Value::Whole(cursor.u32(WHAT)?.into()),
        5 => whole(i32::from_le_bytes(cursor.bytes(WHAT)?).into()),
        6 => Value::Real(f32::from_le_bytes(cursor.bytes(WHAT)?).into()),
        10 => Value::Whole(cursor.u64(WHAT)?),
        11 => whole(i64::from_le_bytes(cursor.bytes(WHAT)?)),
        12 => Value::Real(f64::from_le_bytes(cursor.bytes(WHAT)?)),
        _ => return Err(cursor.refuse("metadata type", format!("it has a value of the unknown type {kind}"))),
    })
}

fn whole(number: i64) -> Value {
    u64::try_from(number).map_or(Value::Negative(number), Value::Whole)
}

fn read_flag(cursor: &mut Cursor<'_, impl ReadAt>) -> Result<Value, Invalid> {
    match cursor.bytes::<1>("metadata value")? {
        [0] => Ok(Value::Flag(false)),
        [1] => Ok(Value::Flag(true)),
        [other] => Err(cursor.refuse("metadata value", format!("it has a flag with the value {other}"))),
    }
}

fn read_text(cursor: &mut Cursor<'_, impl ReadAt>, key: &str) -> Result<Value, Invalid> {
    let kept = if key == CHAT_TEMPLATE { limits::TEMPLATE_BYTES } else { limits::KEPT_STRING_BYTES };
    let length = cursor.count("string length", limits::STRING_BYTES)?;
    if length > kept {
        cursor.skip(length, "string")?;
        return Ok(Value::LongText(length));
    }
    let at = cursor.position();
    let text = String::from_utf8(cursor.vector(length, "string")?);
    text.map(Value::Text)
        .map_err(|_not_text| Invalid::new("text", at, format!("its value of {key:?} is not UTF-8 text")))
}

fn read_list(cursor: &mut Cursor<'_, impl ReadAt>, depth: u32) -> Result<Value, Invalid> {
    if depth > limits::NESTING {
        return Err(cursor.refuse("limits", "it has lists nested too deeply"));
    }
    let kind = cursor.u32("list type")?;
    let count = cursor.count("list length", limits::ARRAY_ELEMENTS)?;
    let smallest = smallest_size(kind)
        .ok_or_else(|| cursor.refuse("metadata type", format!("it has a list of the unknown type {kind}")))?;
    // Both are bounded, so the product cannot overflow; said with a check all the same.
    if count.checked_mul(smallest).is_none_or(|bytes| bytes > cursor.left()) {
        return Err(cursor.refuse("length", format!("it has a list of {count} values that the file has no room for")));
    }
    match kind {
        STRING => (0..count).try_for_each(|_| skip_text(cursor))?,
        ARRAY => (0..count).try_for_each(|_| read_list(cursor, depth + 1).map(drop))?,
        _ if count <= limits::KEPT_NUMBERS && kind != BOOL => return read_numbers(cursor, kind, count),
        _ => cursor.skip(count * smallest, "list")?,
    }
    Ok(Value::List { count, numbers: Vec::new() })
}

fn read_numbers(cursor: &mut Cursor<'_, impl ReadAt>, kind: u32, count: u64) -> Result<Value, Invalid> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        if let Value::Whole(number) = read_number(cursor, kind)? {
            numbers.push(number);
        }
    }
    if numbers.len() as u64 != count {
        numbers.clear();
    }
    Ok(Value::List { count, numbers })
}

fn skip_text(cursor: &mut Cursor<'_, impl ReadAt>) -> Result<(), Invalid> {
    let length = cursor.count("string length", limits::STRING_BYTES)?;
    cursor.skip(length, "string")
}

/// The fewest bytes that one value of this kind takes.
fn smallest_size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | BOOL => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        STRING | 10..=12 => Some(8),
        ARRAY => Some(12),
        _ => None,
    }
}

const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

pub(super) const CHAT_TEMPLATE: &str = "tokenizer.chat_template";
