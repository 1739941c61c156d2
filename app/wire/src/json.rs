//! Reading JSON that came from outside: how deep it may go, where it is broken, and which member is wrong.

use serde::de::DeserializeOwned;
use steadfast::Error;

/// The detail of an error that names the member which is wrong.
pub const PARAM: &str = "param";

/// # Errors
/// `VALIDATION` with the place (line and column) or the member that is wrong.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    // Members that nobody reads are passed on, so their text is looked at here.
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::validation(format!("The body is not UTF-8 at byte {}.", error.valid_up_to())))?;
    if depth(bytes) > DEPTH {
        return Err(Error::validation(format!("The JSON is nested deeper than {DEPTH} levels.")));
    }
    // Keeping the path costs as much again as reading, so only what is wrong is read with it.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let member = error.path().to_string();
        let why = error.into_inner();
        if member == "." || why.is_syntax() || why.is_eof() {
            return Error::validation(format!("The JSON is not valid: {why}."));
        }
        Error::validation(format!("`{member}` is not valid: {why}.")).with_detail(PARAM, member)
    })?;
    json.end().map_err(|_more| Error::validation("There is something behind the end of the JSON."))?;
    Ok(value)
}

/// Whether the JSON of a string says `text`; nothing is made unless it holds an escape.
pub(crate) fn is_text(json: &str, text: &str) -> bool {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if !inside.contains('\\') => inside == text,
        Some(_escaped) => serde_json::from_str::<String>(json).is_ok_and(|said| said == text),
        None => false,
    }
}

/// `member` breaks a rule.
pub fn wrong(member: &str, rule: &str) -> Error {
    Error::validation(format!("`{member}` is not valid: {rule}.")).with_detail(PARAM, member)
}

/// How deep the arrays and objects go, without building anything.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

const DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Thing {
        #[expect(dead_code, reason = "only its type matters")]
        parts: Vec<u32>,
    }

    fn refused(bytes: &[u8]) -> String {
        decode::<Thing>(bytes).unwrap_err().message().to_owned()
    }

    #[test]
    fn a_wrong_type_is_told_with_the_member_that_has_it() {
        let error = decode::<Thing>(br#"{"parts": [1, "two"]}"#).unwrap_err();
        assert!(error.message().contains("`parts[1]`"), "{error}");
        assert!(error.details().contains(&(PARAM, "parts[1]".to_owned())));
    }

    #[test]
    fn broken_json_is_refused_with_its_place() {
        for broken in [
            &br#"{"parts": ["#[..],
            br#"{"parts": [NaN]}"#,
            br#"{"parts": [1e999]}"#,
            "\u{feff}{\"parts\": []}".as_bytes(),
            b"",
        ] {
            let message = refused(broken);
            assert!(message.contains("line 1 column"), "{message}");
        }
        assert!(refused(b"{\"parts\": [], \"x\": \"\xff\"}").contains("at byte 20"));
        assert!(refused(br#"{"parts": []} {}"#).contains("behind the end"));
    }

    #[test]
    fn a_member_that_stands_there_twice_is_refused() {
        assert!(refused(br#"{"parts": [], "parts": [1]}"#).contains("duplicate field"));
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(depth(br#"{"a": ["[[[[\"[[", {}]}"#), 3);
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(decode::<serde_json::Value>(&deep).unwrap_err().message().contains("64 levels"));
    }
}
