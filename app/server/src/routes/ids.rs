//! Ids that clients choose: short and tame, because they stand in addresses and logs.

use steadfast::Error;

use crate::error_reply::PARAM;

pub(super) fn check(member: &str, id: &str) -> Result<(), Error> {
    let tame = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if (1..=64).contains(&id.len()) && id.bytes().all(tame) {
        return Ok(());
    }
    Err(Error::validation(format!(
        "`{member}` is not valid: an id is 1 to 64 letters, digits, `-` or `_`; a UUID is a good one."
    ))
    .with_detail(PARAM, member))
}
