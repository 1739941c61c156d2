//! What the headers of an answer say about how it came about.

use http::{HeaderMap, HeaderValue, header};
use steadfast_gateway::{Arrival, AttemptNote, FromCache, Keep, Kept};

use super::caller::RESUMABLE;

/// Who answers, after how many attempts.
pub(super) fn says_who(headers: &mut HeaderMap, model: &str, target: &str, attempts: &[AttemptNote]) {
    put(headers, "x-steadfast-model", model);
    put(headers, "x-steadfast-target", target);
    put(headers, ATTEMPTS, &attempts.len().max(1).to_string());
}

/// Where the answer can be read again.
pub(super) fn says_where(headers: &mut HeaderMap, id: &str, keep: Keep, arrival: Arrival) {
    put(headers, "x-steadfast-stream-id", id);
    if let Keep::Resumable(_) = keep {
        put(headers, "x-steadfast-resumable", &RESUMABLE.as_secs().to_string());
    }
    says_again(headers, arrival);
}

/// Whether it had been given before.
pub(super) fn says_again(headers: &mut HeaderMap, arrival: Arrival) {
    if arrival == Arrival::Replayed {
        put(headers, "idempotency-replayed", "true");
    }
}

/// Whether it was kept, and for how long: `age` as every cache says it. An old one also says why there is no new one.
pub(super) fn says_how_old(headers: &mut HeaderMap, cached: FromCache) {
    let (word, age) = match cached {
        FromCache::Unasked => return,
        FromCache::Missed => return put(headers, CACHE, "miss"),
        FromCache::Hit { age } => ("hit", age),
        FromCache::Stale { age, code } => {
            put(headers, "x-steadfast-cache-reason", code.name());
            ("stale", age)
        }
    };
    put(headers, CACHE, word);
    headers.insert(header::AGE, age.as_secs().into());
    headers.remove(ATTEMPTS); // they were another question's
}

/// Whether it can also be read again when the program was started anew.
pub(super) fn says_kept(headers: &mut HeaderMap, kept: Kept) {
    match kept {
        Kept::No => {}
        Kept::Yes => put(headers, "x-steadfast-kept", "yes"),
        Kept::NotYet | Kept::StoreAway => put(headers, "x-steadfast-kept", "no"),
    }
}

/// A name that cannot stand in a header is left out; the body has it.
fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

const ATTEMPTS: &str = "x-steadfast-attempts";
const CACHE: &str = "x-steadfast-cache";
