//! Numbers within what is possible. An error names the member and its range.

use serde_json::Number;
use steadfast::Error;

use crate::json::wrong;

pub(crate) fn real(member: &str, number: Option<&Number>, least: f32, most: f32) -> Result<Option<f32>, Error> {
    let Some(number) = number else { return Ok(None) };
    let value = number.as_f64().map_or(f32::NAN, |value| value as f32);
    match (least..=most).contains(&value) {
        true => Ok(Some(value)),
        false => Err(wrong(member, &format!("{least} to {most} is possible"))),
    }
}

pub(crate) fn whole(member: &str, number: Option<&Number>, least: u32, most: u32) -> Result<Option<u32>, Error> {
    let Some(number) = number else { return Ok(None) };
    // 5.0 is how some languages write 5.
    let value = number.as_u64().or_else(|| number.as_f64().filter(|real| real.fract() == 0.0).map(|real| real as u64));
    let value = value.and_then(|value| u32::try_from(value).ok()).filter(|_| !is_negative(number));
    match value.filter(|value| (least..=most).contains(value)) {
        Some(value) => Ok(Some(value)),
        None => Err(wrong(member, &format!("a whole number from {least} to {most} is possible"))),
    }
}

fn is_negative(number: &Number) -> bool {
    number.as_f64().is_some_and(|value| value < 0.0)
}

/// Texts that end an answer.
pub(crate) fn stops(member: &str, stops: Vec<String>) -> Result<Vec<String>, Error> {
    const MOST: usize = 16;
    if stops.len() > MOST || stops.iter().any(String::is_empty) {
        return Err(wrong(member, &format!("up to {MOST} texts that are not empty are possible")));
    }
    Ok(stops)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn number(text: &str) -> Number {
        match serde_json::from_str(text).unwrap() {
            Value::Number(number) => number,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_whole_number_is_whole_and_in_its_range() {
        for (text, expected) in [("1", Some(1)), ("5.0", Some(5)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(whole("max_tokens", Some(&number(text)), 1, u32::MAX).unwrap(), expected);
        }
        for text in ["0", "-1", "-0", "1.5", "9223372036854775808", "1e300", "-1e300"] {
            let error = whole("max_tokens", Some(&number(text)), 1, u32::MAX).unwrap_err();
            assert!(
                error.message().contains("`max_tokens`") && error.message().contains("from 1 to"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_real_number_is_in_its_range() {
        assert_eq!(real("temperature", Some(&number("-0")), 0.0, 2.0).unwrap(), Some(-0.0));
        for text in ["2.01", "-0.1", "1e300"] {
            assert!(real("temperature", Some(&number(text)), 0.0, 2.0).is_err(), "{text}");
        }
    }
}
