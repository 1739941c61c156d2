//! Names that clients choose: of models and of tools.

use steadfast::Error;

use crate::json::wrong;

/// A model's name may be nearly anything that fits in a log line; whether there is such a model is asked later.
pub(crate) fn model(name: String) -> Result<String, Error> {
    const BYTES: usize = 256;
    if name.is_empty() || name.len() > BYTES || name.chars().any(char::is_control) {
        return Err(wrong("model", &format!("a name has 1 to {BYTES} bytes and no control characters")));
    }
    Ok(name)
}

/// As strict as the strictest provider is loose.
pub(crate) fn tool(member: &str, name: &str) -> Result<(), Error> {
    const BYTES: usize = 128;
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
    if (1..=BYTES).contains(&name.len()) && name.bytes().all(tame) {
        return Ok(());
    }
    Err(wrong(member, &format!("a tool's name has 1 to {BYTES} letters, digits, `_`, `-`, `.` or `:`")))
}

/// A tool that is there twice cannot be told apart.
pub(crate) fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let mut seen = std::collections::BTreeSet::new();
    for (number, name) in names.enumerate() {
        if !seen.insert(name) {
            return Err(wrong(&format!("tools[{number}]"), &format!("there is another tool named {name:?}")));
        }
    }
    Ok(())
}
