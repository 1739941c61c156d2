//! The same request sent twice: known by its sender's key and by what it says. A key that names another request is
//! a mistake of the sender, and told so.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use steadfast::Error;
use steadfast_contract::{code, kept_stream::KeptKey};
use tokio::time::Instant;

/// A sender's own name for one request, with what the request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    key: String,
    body_hash: [u8; 32],
}

impl IdempotencyKey {
    /// Fails with `VALIDATION` when the key is empty, longer than 255 characters or not plain text.
    pub fn new(key: &str, body: &[u8]) -> Result<Self, Error> {
        if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(Error::validation(format!(
                "`Idempotency-Key` is not valid: it is 1 to {LONGEST_KEY} plain characters."
            ))
            .with_detail("param", "Idempotency-Key"));
        }
        Ok(Self { key: key.to_owned(), body_hash: Sha256::digest(body).into() })
    }

    pub(super) fn as_kept(&self) -> KeptKey {
        KeptKey { key: self.key.clone(), body_hash: self.body_hash }
    }

    pub(super) fn of_kept(kept: KeptKey) -> Self {
        Self { key: kept.key, body_hash: kept.body_hash }
    }
}

/// Which stream answers a key. Bounded in time and number; the oldest goes first.
#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: HashMap<Named, Entry>,
    by_age: VecDeque<(Instant, Named)>,
}

/// A key belongs to whoever chose it: another principal's is another key.
type Named = (String, String);

#[derive(Debug)]
struct Entry {
    body_hash: [u8; 32],
    stream: String,
    since: Instant,
}

impl Keys {
    /// The stream that answers this request already, if one does.
    ///
    /// # Errors
    /// `KEY_REUSED` when the key was used with another body.
    pub(super) fn find(&self, principal: &str, key: &IdempotencyKey) -> Result<Option<&str>, Error> {
        match self.entries.get(&named(principal, key)) {
            None => Ok(None),
            Some(entry) if entry.body_hash == key.body_hash => Ok(Some(&entry.stream)),
            Some(_) => Err(code::key_reused()),
        }
    }

    pub(super) fn remember(&mut self, principal: &str, key: &IdempotencyKey, stream: &str, now: Instant) {
        let named = named(principal, key);
        self.by_age.push_back((now, named.clone()));
        self.entries.insert(named, Entry { body_hash: key.body_hash, stream: stream.to_owned(), since: now });
    }

    /// Forgets the key if it is this stream's: sent again, the request is a new one.
    pub(super) fn release(&mut self, principal: &str, key: &IdempotencyKey, stream: &str) {
        let named = named(principal, key);
        if self.entries.get(&named).is_some_and(|entry| entry.stream == stream) {
            self.entries.remove(&named);
        }
    }

    /// Lets go of what is too old or too much.
    pub(super) fn tidy(&mut self, now: Instant, keep: Duration, most: usize) {
        while let Some((since, named)) = self.by_age.front() {
            let is_current = self.entries.get(named).is_some_and(|entry| entry.since == *since);
            if is_current && self.by_age.len() <= most && now.saturating_duration_since(*since) < keep {
                return;
            }
            if is_current {
                self.entries.remove(named);
            }
            self.by_age.pop_front();
        }
    }
}

fn named(principal: &str, key: &IdempotencyKey) -> Named {
    (principal.to_owned(), key.key.clone())
}

/// As the services that made the header known have it.
const LONGEST_KEY: usize = 255;

#[cfg(test)]
mod tests {
    use steadfast::{Clock, Code};

    use super::*;

    fn key(name: &str, body: &str) -> IdempotencyKey {
        IdempotencyKey::new(name, body.as_bytes()).unwrap()
    }

    #[test]
    fn a_key_is_plain_and_short() {
        for bad in ["", "a\r\nb", "ключ", &"k".repeat(256), &"k".repeat(10_240)] {
            assert_eq!(IdempotencyKey::new(bad, b"{}").unwrap_err().code(), Code::VALIDATION, "{bad:?}");
        }
        assert!(IdempotencyKey::new(&"k".repeat(255), b"{}").is_ok());
    }

    #[test]
    fn the_same_key_is_the_same_request_for_its_principal_only() {
        let (mut keys, now) = (Keys::default(), Clock::manual().now());
        keys.remember("ann", &key("k", "{}"), "s1", now);
        assert_eq!(keys.find("ann", &key("k", "{}")).unwrap(), Some("s1"));
        assert_eq!(keys.find("ann", &key("k", "[]")).unwrap_err().code(), code::KEY_REUSED);
        assert_eq!(keys.find("bob", &key("k", "[]")).unwrap(), None);
    }

    #[test]
    fn a_released_key_names_a_new_request_and_its_old_age_takes_nothing_away() {
        let (mut keys, clock) = (Keys::default(), Clock::manual());
        let day = Duration::from_secs(86_400);
        keys.remember("ann", &key("k", "{}"), "s1", clock.now());
        keys.release("ann", &key("k", "{}"), "s1");
        clock.advance(day / 2);
        keys.remember("ann", &key("k", "[]"), "s2", clock.now());
        clock.advance(day / 2);
        keys.tidy(clock.now(), day, 10);
        assert_eq!(keys.find("ann", &key("k", "[]")).unwrap(), Some("s2"));
        clock.advance(day);
        keys.tidy(clock.now(), day, 10);
        assert_eq!(keys.find("ann", &key("k", "[]")).unwrap(), None);
    }

    #[test]
    fn the_number_of_keys_is_bounded_and_the_oldest_goes() {
        let (mut keys, now) = (Keys::default(), Clock::manual().now());
        for name in ["a", "b", "c"] {
            keys.remember("ann", &key(name, "{}"), name, now);
            keys.tidy(now, Duration::from_secs(1), 2);
        }
        let found = ["a", "b", "c"].map(|name| keys.find("ann", &key(name, "{}")).unwrap().is_some());
        assert_eq!(found, [false, true, true]);
    }
}
