//! How long an upstream asks us to wait, in all the dialects: milliseconds, seconds with or without a fraction, a
//! date, and the rate-limit headers. What cannot be read is as if it were not there; nothing is longer than a day.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use jiff::Timestamp;

/// `now_ms`: milliseconds since 1970.
pub(super) fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    text("retry-after-ms")
        .and_then(|text| seconds(text.parse::<f64>().ok()? / 1000.0))
        .or_else(|| in_seconds_or_at(text("retry-after")?, now_ms))
        .or_else(|| {
            // When several limits are spent, the last to come back counts.
            LIMITS.iter().filter_map(|(remaining, reset)| spent(text(remaining), text(reset), now_ms)).max()
        })
        .map(|wait| wait.min(LONGEST))
}

/// How long an error's own words say: "Please try again in 6m0s." or Google's `"retryDelay": "37s"`.
pub(super) fn told_in_words(words: &str) -> Option<Duration> {
    let at = ["try again in ", "retry in ", "retryDelay\": \""]
        .iter()
        .find_map(|start| words.find(start).map(|place| place + start.len()))?;
    let end = |letter: char| !letter.is_ascii_alphanumeric() && letter != '.';
    let told = words[at..].split(end).next()?.trim_end_matches('.');
    go_duration(told).map(|wait| wait.min(LONGEST))
}

fn in_seconds_or_at(text: &str, now_ms: u64) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms);
            Some(at.duration_since(now).unwrap_or_default())
        }
    }
}

/// A reset time counts only when nothing remains until then.
fn spent(remaining: Option<&str>, reset: Option<&str>, now_ms: u64) -> Option<Duration> {
    if remaining?.parse::<f64>().ok()? > 0.0 {
        return None;
    }
    let reset = reset?;
    match reset.parse::<f64>() {
        // A moment is written in milliseconds or seconds since 1970, a wait in seconds.
        Ok(number) if number >= 1e11 => seconds((number - now_ms as f64) / 1000.0),
        Ok(number) if number >= 1e9 => seconds(number - now_ms as f64 / 1000.0),
        Ok(number) => seconds(number),
        Err(_) => go_duration(reset).or_else(|| until(reset, now_ms)),
    }
}

/// `2026-11-22T23:30:00Z`.
fn until(moment: &str, now_ms: u64) -> Option<Duration> {
    let at_ms = u64::try_from(moment.parse::<Timestamp>().ok()?.as_millisecond()).ok()?;
    Some(Duration::from_millis(at_ms.saturating_sub(now_ms)))
}

/// `6m0s`, `1.5s`, `20ms`, `1h2m3s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|letter: char| letter.is_ascii_alphabetic())?);
        let end = behind.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(behind.len());
        let unit = match &behind[..end] {
            "d" => 86_400.0,
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = &behind[end..];
    }
    if text.is_empty() { None } else { seconds(total) }
}

/// Negative, endless and not-a-number waits are nonsense.
fn seconds(number: f64) -> Option<Duration> {
    (number >= 0.0).then(|| Duration::try_from_secs_f64(number).ok()).flatten()
}

/// What remains of a limit, and when it is whole again.
const LIMITS: &[(&str, &str)] = &[
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("anthropic-ratelimit-input-tokens-remaining", "anthropic-ratelimit-input-tokens-reset"),
    ("anthropic-ratelimit-output-tokens-remaining", "anthropic-ratelimit-output-tokens-reset"),
    // OpenRouter and the IETF's draft.
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// A daily limit is the longest that anybody means in earnest.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06 08:49:37 UTC.
    const NOW: u64 = 784_111_777_000;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<f64> {
        let headers =
            headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        retry_after(&headers, NOW).map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_dialect_is_understood() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(7.0));
        assert_eq!(wait(&[("retry-after", " 0.7 ")]), Some(0.7));
        assert_eq!(wait(&[("retry-after-ms", "300"), ("retry-after", "5")]), Some(0.3));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "5")]), Some(5.0));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(10.0));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(0.0), "already over");
    }

    #[test]
    fn a_spent_limit_says_when_it_is_whole_again() {
        let openai = |reset| wait(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", reset)]);
        for (reset, expected) in [("6m0.5s", 360.5), ("20ms", 0.02), ("7.5", 7.5), ("1d", 86_400.0)] {
            assert_eq!(openai(reset), Some(expected), "{reset}");
        }
        assert_eq!(wait(&[("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-requests", "1h")]), None);
        let moments = [
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:40Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T09:49:47+01:00"),
            ("anthropic-ratelimit-output-tokens-remaining", "50"),
            ("anthropic-ratelimit-output-tokens-reset", "1994-11-06T10:00:00Z"),
        ];
        assert_eq!(wait(&moments), Some(10.0), "the later of the two that are spent");
        let at = |reset| wait(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset)]);
        assert_eq!((at("784111787000"), at("9")), (Some(10.0), Some(9.0)));
    }

    #[test]
    fn nonsense_is_no_wait_and_nothing_is_longer_than_a_day() {
        for text in ["soon", "", "-1", "NaN", "inf", "1e400", "1 2"] {
            assert_eq!(wait(&[("retry-after", text)]), None, "{text}");
            assert_eq!(wait(&[("retry-after-ms", text)]), None, "{text}");
        }
        for text in ["5", "s", "5x", "1m5", "é", ""] {
            assert_eq!(go_duration(text), None, "{text}");
        }
        assert_eq!(wait(&[("retry-after", "1e9")]), Some(86_400.0));
    }

    #[test]
    fn a_wait_may_stand_in_the_words() {
        for (words, expected) in [
            ("Rate limit reached for m on tokens per min. Please try again in 1.5s. Visit x", Some(1.5)),
            ("Please try again in 6m0s", Some(360.0)),
            ("try again in 20ms.", Some(0.02)),
            (r#"{"details":[{"retryDelay": "37s"}]}"#, Some(37.0)),
            ("Please try again in a while.", None),
            ("Try later.", None),
        ] {
            assert_eq!(told_in_words(words).map(|wait| wait.as_secs_f64()), expected, "{words}");
        }
    }
}
