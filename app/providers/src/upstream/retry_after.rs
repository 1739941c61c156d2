//! How long an upstream asks us to wait, in all the dialects: milliseconds, seconds with or without a fraction, a
//! date, and the rate-limit headers' durations. What cannot be read is as if it were not there.

use std::time::{Duration, SystemTime};

use http::HeaderMap;

/// `now_ms`: milliseconds since 1970.
pub(super) fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    text("retry-after-ms")
        .and_then(|text| seconds(text.parse::<f64>().ok()? / 1000.0))
        .or_else(|| in_seconds_or_at(text("retry-after")?, now_ms))
        .or_else(|| spent(text("x-ratelimit-remaining-requests"), text("x-ratelimit-reset-requests")))
        .or_else(|| spent(text("x-ratelimit-remaining-tokens"), text("x-ratelimit-reset-tokens")))
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
fn spent(remaining: Option<&str>, reset: Option<&str>) -> Option<Duration> {
    (remaining? == "0").then(|| go_duration(reset?)).flatten()
}

/// `6m0s`, `1.5s`, `20ms`, `1h2m3s`.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|letter: char| letter.is_ascii_alphabetic())?);
        let end = behind.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(behind.len());
        let unit = match &behind[..end] {
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
        assert_eq!(
            wait(&[("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0.5s")]),
            Some(360.5)
        );
        assert_eq!(wait(&[("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "20ms")]), Some(0.02));
        assert_eq!(wait(&[("x-ratelimit-remaining-requests", "9"), ("x-ratelimit-reset-requests", "1h")]), None);
    }

    #[test]
    fn nonsense_is_no_wait() {
        for text in ["soon", "", "-1", "NaN", "inf", "1e400", "1 2"] {
            assert_eq!(wait(&[("retry-after", text)]), None, "{text}");
            assert_eq!(wait(&[("retry-after-ms", text)]), None, "{text}");
        }
        for text in ["5", "s", "5x", "1m5", "é", ""] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
