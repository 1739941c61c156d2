//! What a file says of answers that are given again.

use std::time::Duration;

use steadfast_gateway::CacheSettings;

use super::{duration::Written, raw::RawCache};

/// What is not said stays as usual.
pub(super) fn settings(raw: &RawCache) -> CacheSettings {
    let usual = CacheSettings::default();
    let wait = |written: Option<Written>, usual: Duration| written.map_or(usual, |Written(duration)| duration);
    CacheSettings {
        fresh_for: wait(raw.fresh_for, usual.fresh_for),
        stale_for: wait(raw.stale_for, usual.stale_for),
        max_bytes: raw.max_mib.map_or(usual.max_bytes, |mebibytes| mebibytes.saturating_mul(MEBIBYTE)),
    }
}

/// What cannot be meant; each begins with the member's name.
pub(super) fn problems(raw: &RawCache) -> impl Iterator<Item = String> {
    let too_long = |written: Option<Written>| written.is_some_and(|Written(duration)| duration > LONGEST);
    let wrong = [
        (too_long(raw.fresh_for), "fresh_for: At most 720h."),
        (too_long(raw.stale_for), "stale_for: At most 720h."),
        (raw.max_mib.is_some_and(|most| !(1..=MOST_MEBIBYTES).contains(&most)), "max_mib: Between 1 and 65536."),
    ];
    wrong.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, rule)| rule.to_owned())
}

const MEBIBYTE: usize = 1024 * 1024;
const MOST_MEBIBYTES: usize = 64 * 1024;
/// A month: whoever wants an answer to stand for longer should write it down.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_holds_and_the_rest_is_as_usual() {
        let raw = RawCache { fresh_for: Some(Written(Duration::ZERO)), max_mib: Some(2), ..RawCache::default() };
        assert_eq!(problems(&raw).count(), 0);
        let usual = CacheSettings::default();
        let expected = CacheSettings { fresh_for: Duration::ZERO, max_bytes: 2 * MEBIBYTE, ..usual };
        assert_eq!(settings(&raw), expected);
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_name() {
        let beyond = Some(Written(LONGEST + Duration::from_secs(1)));
        let raw = RawCache { fresh_for: beyond, stale_for: beyond, max_mib: Some(0), ..RawCache::default() };
        let names: Vec<_> = problems(&raw).map(|problem| problem.split(':').next().unwrap().to_owned()).collect();
        assert_eq!(names, ["fresh_for", "stale_for", "max_mib"]);
    }
}
