//! How many files the program may have open. A connection is one, and an answer has another to its upstream; systems
//! begin with 1,024 and let a program ask for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Asks for as many as are wanted, or all that there are.
pub(super) fn allow(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let has = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if has(limit.current) {
        return;
    }
    let current = if has(limit.maximum) { Some(wanted) } else { limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current, ..limit }) {
        warn!(%error, wanted, "cannot ask for more open files");
    } else if !has(current) {
        warn!(wanted, allowed = current, "fewer open files are allowed than connections.total may need");
    }
}
