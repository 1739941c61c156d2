//! Where to ask: the base address and the paths behind it.

use std::sync::{PoisonError, RwLock};

use http::Uri;
use steadfast::Error;

#[derive(Debug)]
pub(super) struct Address {
    upstream: String,
    /// In small letters.
    pub(super) host: String,
    base: String,
    /// The addresses that were made so far: a provider has three or four paths, and asks one of them all day.
    made: RwLock<Vec<(String, Uri)>>,
}

impl Address {
    pub(super) fn new(upstream: &str, base: &str) -> Result<Self, Error> {
        let wrong = |why: &str| wrong(upstream, why);
        let base: Uri = base.trim().parse().map_err(|_invalid| wrong("it is not a URL"))?;
        let known_scheme = matches!(base.scheme_str(), Some("http" | "https"));
        if !known_scheme || base.host().is_none_or(str::is_empty) {
            return Err(wrong("it must begin with http:// or https:// and name a host"));
        }
        if base.query().is_some() || base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("it must hold neither a query nor a password; the key has its own setting"));
        }
        let address = Self {
            upstream: upstream.to_owned(),
            host: base.host().unwrap_or_default().to_ascii_lowercase(),
            base: base.to_string().trim_end_matches('/').to_owned(),
            made: RwLock::default(),
        };
        address.of("/models").map(|_| address)
    }

    /// `path` begins with a slash.
    pub(super) fn of(&self, path: &str) -> Result<Uri, Error> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, uri)) = made.iter().find(|(known, _)| known == path) {
            return Ok(uri.clone());
        }
        drop(made);
        let uri: Uri =
            format!("{}{path}", self.base).parse().map_err(|_invalid| wrong(&self.upstream, "it is not a URL"))?;
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        if made.len() < MOST_PATHS {
            made.push((path.to_owned(), uri.clone()));
        }
        Ok(uri)
    }
}

/// More than any provider asks for, so that nothing grows.
const MOST_PATHS: usize = 8;

fn wrong(upstream: &str, why: &str) -> Error {
    Error::validation(format!("The address of {upstream} cannot be used: {why}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat(base: &str) -> Result<Uri, Error> {
        Address::new("cloud-b", base)?.of("/chat/completions")
    }

    #[test]
    fn the_path_is_put_behind_the_base_address() {
        for base in ["http://localhost:9000/v1", "http://localhost:9000/v1/", " http://localhost:9000/v1// "] {
            assert_eq!(chat(base).unwrap(), "http://localhost:9000/v1/chat/completions");
        }
        assert_eq!(chat("https://api.example").unwrap(), "https://api.example/chat/completions");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_the_reason() {
        for base in [
            "",
            "localhost:9000",
            "/v1",
            "ftp://a/v1",
            "http://",
            "http://a/v1?key=1",
            "http://me:secret@a/v1",
            "http://a b",
        ] {
            let error = chat(base).unwrap_err();
            assert!(error.message().starts_with("The address of cloud-b cannot be used: "), "{base}: {error:?}");
            assert!(!error.message().contains("secret"));
        }
    }
}
