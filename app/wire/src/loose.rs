//! Values as servers really send them: a number as a string, a text as a list of parts, a figure below zero. What
//! cannot be understood counts as absent, so that one odd member does not cost the answer.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A text: a string, the `text` of an object, or a list of those.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LooseText(pub(crate) String);

/// A count: below zero it is zero, above 32 bits it is the largest.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LooseCount(pub(crate) u32);

impl LooseText {
    /// The text, when there is any.
    pub(crate) fn some(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

/// JSON text, which some servers send as a string and some as the object itself.
pub(crate) fn json_text(raw: Option<&RawValue>) -> String {
    let raw = raw.map(RawValue::get).unwrap_or_default();
    match raw {
        "" | "null" => String::new(),
        string if string.starts_with('"') => serde_json::from_str(string).unwrap_or_default(),
        object => object.to_owned(),
    }
}

/// Is there anything in it?
pub(crate) fn says_something(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| !matches!(raw.get(), "null" | "false" | "\"\"" | "[]" | "{}"))
}

impl<'de> Deserialize<'de> for LooseText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = String;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_bool<E>(self, _: bool) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<String, A::Error> {
        let mut all = String::new();
        while let Some(LooseText(text)) = parts.next_element()? {
            all.push_str(&text);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        let mut text = String::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == "text" {
                LooseText(text) = members.next_value()?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(text)
    }
}

impl<'de> Deserialize<'de> for LooseCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor).map(Self)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = u32;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a count")
    }

    fn visit_u64<E>(self, number: u64) -> Result<u32, E> {
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn visit_i64<E>(self, number: i64) -> Result<u32, E> {
        Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    }

    fn visit_f64<E>(self, number: f64) -> Result<u32, E> {
        // A cast of a float stops at the type's ends, and makes zero of what is no number.
        Ok(number as u32)
    }

    fn visit_str<E>(self, text: &str) -> Result<u32, E> {
        Ok(text.trim().parse().unwrap_or_default())
    }

    fn visit_unit<E>(self) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_bool<E>(self, _: bool) -> Result<u32, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u32, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<u32, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_shape() {
        for (json, text) in [
            (r#""Hi \ud83c\udf89""#, "Hi 🎉"),
            ("null", ""),
            (r#"[{"type":"text","text":"a"},{"type":"image"},"b"]"#, "ab"),
            (r#"{"type":"text","text":["a","b"]}"#, "ab"),
            ("7", "7"),
            ("true", ""),
        ] {
            assert_eq!(serde_json::from_str::<LooseText>(json).unwrap().0, text, "{json}");
        }
    }

    #[test]
    fn a_count_stays_within_its_bounds() {
        for (json, count) in [
            ("7", 7),
            ("-1", 0),
            ("18446744073709551616", u32::MAX),
            ("4294967296", u32::MAX),
            ("1.9", 1),
            (r#""12""#, 12),
            (r#""many""#, 0),
            ("null", 0),
            (r#"{"a":[1]}"#, 0),
            ("[1,2]", 0),
        ] {
            assert_eq!(serde_json::from_str::<LooseCount>(json).unwrap().0, count, "{json}");
        }
    }
}
