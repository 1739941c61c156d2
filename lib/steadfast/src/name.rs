//! A name that is copied on every refusal, so a copy must cost nothing: a literal and a short name (up to 22
//! bytes) are copied by value, and only a longer one is shared by counting. Surprise: it never allocates when cloned.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// What something is called: text that is cheap to clone and never changes.
///
/// ```
/// use steadfast::Name;
///
/// let name = Name::from("shop");
/// assert_eq!(name, "shop");
/// assert_eq!(format!("{}/{name}", Name::from(String::from("town"))), "town/shop");
/// assert_eq!(size_of::<Name>(), size_of::<String>());
/// ```
#[derive(Clone)]
pub struct Name(Text);

#[derive(Clone)]
enum Text {
    Literal(&'static str),
    Short { length: u8, bytes: [u8; SHORT] },
    Shared(Arc<str>),
}

/// As much as fits into the room that a `String` takes, beside the length and the variant's number.
const SHORT: usize = 22;

impl Name {
    /// The text.
    ///
    /// ```
    /// assert_eq!(steadfast::Name::from("shop").as_str(), "shop");
    /// ```
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Literal(text) => text,
            // It was cut from whole text, so it is whole text.
            Text::Short { length, bytes } => {
                bytes.get(..usize::from(*length)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
            }
            Text::Shared(text) => text,
        }
    }

    fn short(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self(Text::Short { length: u8::try_from(text.len()).ok()?, bytes }))
    }
}

impl From<&'static str> for Name {
    fn from(text: &'static str) -> Self {
        Self(Text::Literal(text))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::short(&text).unwrap_or_else(|| Self(Text::Shared(text.into())))
    }
}

impl From<Cow<'static, str>> for Name {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl From<&Self> for Name {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

/// For events, which keep their words as `Cow`.
impl From<&Name> for Cow<'static, str> {
    fn from(name: &Name) -> Self {
        match &name.0 {
            Text::Literal(text) => Cow::Borrowed(text),
            Text::Short { .. } | Text::Shared(_) => Cow::Owned(name.as_str().to_owned()),
        }
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Name {}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Name {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_text_that_it_was_made_from_however_it_is_kept() {
        for length in [0, 1, 21, 22, 23, 400] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let name = Name::from(text.clone());
            assert_eq!(name, text.as_str());
            assert_eq!(name.clone().as_str(), text);
            assert_eq!(matches!(name.0, Text::Short { .. }), length <= SHORT, "{length}");
            assert_eq!(Cow::from(&name), text);
        }
        assert_eq!(Name::from(Cow::Borrowed("shop")), Name::from("shop".to_owned()));
        assert_eq!(serde_json::to_value(Name::from("shop")).unwrap(), "shop");
    }
}
