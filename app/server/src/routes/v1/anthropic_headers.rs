//! The two headers in which Anthropic's clients say which words of the protocol they speak. They go on to an upstream
//! that speaks it too; which of them it knows is its business, that nothing else gets through is ours.

use http::HeaderMap;
use steadfast::Error;

use crate::error_reply::PARAM;

/// What goes with the question, in the order in which it is sent.
///
/// # Errors
/// `VALIDATION` for a version that is no date, and for betas that are no plain names or too many.
pub(super) fn of(headers: &HeaderMap) -> Result<Vec<(&'static str, String)>, Error> {
    let version = said(headers, VERSION, &is_version, "it is a date such as `2023-06-01`")?;
    let betas = said(
        headers,
        BETA,
        &is_beta,
        "it is up to 32 names of letters, digits, `-`, `_` and `.`, with commas between",
    )?;
    if version.len() > 1 {
        return Err(wrong(VERSION, "it is there twice"));
    }
    if betas.len() > MOST_BETAS {
        return Err(wrong(BETA, "it names more than 32"));
    }
    let version = version.first().map(|version| (VERSION, (*version).to_owned()));
    let betas = (!betas.is_empty()).then(|| (BETA, betas.join(",")));
    Ok(version.into_iter().chain(betas).collect())
}

/// Every word of every line of it.
fn said<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
    is_valid: &dyn Fn(&str) -> bool,
    rule: &str,
) -> Result<Vec<&'a str>, Error> {
    let mut words = vec![];
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_not_text| wrong(name, rule))?;
        words.extend(value.split(',').map(str::trim).filter(|word| !word.is_empty()));
    }
    if words.iter().all(|word| is_valid(word)) { Ok(words) } else { Err(wrong(name, rule)) }
}

fn is_version(word: &str) -> bool {
    let is_digit_or_dash =
        |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    word.len() == 10 && word.bytes().enumerate().all(is_digit_or_dash)
}

fn is_beta(word: &str) -> bool {
    word.len() <= LONGEST_BETA && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn wrong(name: &'static str, rule: &str) -> Error {
    Error::validation(format!("`{name}` is not valid: {rule}.")).with_detail(PARAM, name)
}

const VERSION: &str = "anthropic-version";
const BETA: &str = "anthropic-beta";
/// Their clients send a handful, of about 30 letters each.
const MOST_BETAS: usize = 32;
const LONGEST_BETA: usize = 64;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(lines: &[(&'static str, &str)]) -> Result<Vec<(&'static str, String)>, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        of(&headers)
    }

    #[test]
    fn a_version_and_all_betas_are_taken_in_one_line_each() {
        let lines = [(BETA, "files-api-2025-04-14, ,context-1m"), (VERSION, "2023-06-01"), (BETA, "x.y_z")];
        let betas = "files-api-2025-04-14,context-1m,x.y_z".to_owned();
        assert_eq!(read(&lines).unwrap(), [(VERSION, "2023-06-01".to_owned()), (BETA, betas)]);
        assert_eq!(read(&[(BETA, " ")]).unwrap(), []);
        assert_eq!(read(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_no_date_no_name_or_too_much_is_refused_by_name() {
        let (many, long) = ("x,".repeat(33), "x".repeat(65));
        for (name, value) in [
            (VERSION, "soon"),
            (VERSION, "2023-6-01"),
            (VERSION, "2023-06-01, 2023-06-02"),
            (BETA, "a b"),
            (BETA, "a;b"),
            (BETA, "a:\tb"),
            (BETA, many.as_str()),
            (BETA, long.as_str()),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.message().contains(name), "{value}: {error}");
        }
    }
}
