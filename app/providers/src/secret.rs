//! A key that never shows itself: not in logs, not in errors, not in `Debug`.

use std::fmt;

use http::HeaderValue;
use steadfast::Error;

/// What an upstream knows us by.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The `authorization` header that carries it.
    pub(crate) fn as_bearer(&self) -> Result<HeaderValue, Error> {
        Self::header(&format!("Bearer {}", self.0.trim()))
    }

    /// A header that carries nothing else.
    pub(crate) fn as_key(&self) -> Result<HeaderValue, Error> {
        Self::header(self.0.trim())
    }

    /// Marked, so that HTTP code does not print it either.
    fn header(text: &str) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(text)
            .map_err(|_invalid| Error::validation("The key holds a character that a header cannot carry."))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` without this secret.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        match self.0.trim() {
            "" => text.to_owned(),
            secret => text.replace(secret, HIDDEN),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(HIDDEN)
    }
}

pub(crate) const HIDDEN: &str = "<secret>";

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("sk-very-secret");
        let bearer = secret.as_bearer().unwrap();
        assert_eq!(format!("{secret:?} {bearer:?}"), "<secret> Sensitive");
        assert_eq!(secret.hide_in("key sk-very-secret is wrong"), "key <secret> is wrong");
        assert_eq!(Secret::new(" \n").hide_in("nothing to hide"), "nothing to hide");
    }

    #[test]
    fn a_key_with_a_line_break_inside_is_refused() {
        assert!(Secret::new("a\nb").as_bearer().is_err());
        assert_eq!(Secret::new("a\n").as_bearer().unwrap(), "Bearer a", "a file's last line end is not part of it");
    }
}
