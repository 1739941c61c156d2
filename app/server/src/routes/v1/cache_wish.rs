//! What the headers of a question say about the cache: ours, or the directives of `cache-control` that a request may
//! carry (RFC 9111, RFC 5861). Ours wins.

use std::time::Duration;

use http::{HeaderMap, header};
use steadfast::Error;
use steadfast_gateway::{CacheAsk, CacheWish};

use crate::{error_reply::PARAM, routes::streams::PRINCIPAL};

/// `None` when the answer must be asked for anew and not be kept.
///
/// # Errors
/// `VALIDATION` for a word that is none of ours.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<CacheAsk>, Error> {
    let standard = Directives::of(headers);
    let wish = match word(headers)? {
        Some(Word::Off) => return Ok(None),
        Some(Word::Wish(wish)) => wish,
        None if standard.no_store => return Ok(None),
        None if standard.no_cache => CacheWish::Refresh,
        None => CacheWish::Unsaid,
    };
    let Directives { max_age, stale_if_error: max_stale, .. } = standard;
    Ok(Some(CacheAsk { principal: PRINCIPAL.to_owned(), wish, max_age, max_stale }))
}

enum Word {
    Off,
    Wish(CacheWish),
}

fn word(headers: &HeaderMap) -> Result<Option<Word>, Error> {
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    match value.as_bytes() {
        b"use" => Ok(Some(Word::Wish(CacheWish::Use))),
        b"refresh" => Ok(Some(Word::Wish(CacheWish::Refresh))),
        b"off" => Ok(Some(Word::Off)),
        _ => Err(Error::validation(format!("`{NAME}` is not valid: it is `use`, `refresh` or `off`."))
            .with_detail(PARAM, NAME)),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Directives {
    no_store: bool,
    no_cache: bool,
    max_age: Option<Duration>,
    stale_if_error: Option<Duration>,
}

impl Directives {
    /// What cannot be read is passed over, as the standard has it.
    fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        for directive in values.flat_map(|value| value.split(',')).map(str::trim) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = || value.trim_matches('"').parse().ok().map(Duration::from_secs);
            match name.to_ascii_lowercase().as_str() {
                "no-store" => found.no_store = true,
                "no-cache" => found.no_cache = true,
                "max-age" => found.max_age = seconds(),
                "stale-if-error" => found.stale_if_error = seconds(),
                _ => {}
            }
        }
        found
    }
}

const NAME: &str = "x-steadfast-cache";

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    type Said = &'static [(&'static str, &'static str)];

    fn wish(headers: Said) -> Option<CacheAsk> {
        of(&map(headers)).unwrap()
    }

    fn map(headers: Said) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn our_word_wins_over_the_standard_ones() {
        let rows: [(Said, Option<CacheWish>); 8] = [
            (&[], Some(CacheWish::Unsaid)),
            (&[(NAME, "use")], Some(CacheWish::Use)),
            (&[(NAME, "refresh")], Some(CacheWish::Refresh)),
            (&[(NAME, "off")], None),
            (&[("cache-control", "no-cache")], Some(CacheWish::Refresh)),
            (&[("cache-control", "max-age=5, No-Store")], None),
            (&[(NAME, "use"), ("cache-control", "no-store")], Some(CacheWish::Use)),
            (&[("cache-control", "only-words, x=y")], Some(CacheWish::Unsaid)),
        ];
        for (headers, expected) in rows {
            assert_eq!(wish(headers).map(|wish| wish.wish), expected, "{headers:?}");
        }
    }

    #[test]
    fn ages_are_seconds() {
        let asked = wish(&[("cache-control", "max-age=60, stale-if-error=\"600\"")]).unwrap();
        assert_eq!((asked.max_age, asked.max_stale), (Some(Duration::from_secs(60)), Some(Duration::from_secs(600))));
        assert_eq!(wish(&[("cache-control", "max-age=soon")]).unwrap().max_age, None);
    }

    #[test]
    fn another_word_is_refused_by_name() {
        let error = of(&map(&[(NAME, "yes")])).unwrap_err();
        assert!(error.message().contains(NAME), "{error}");
    }
}
