//! What is done to a stream between the provider and whoever reads it.
//!
//! Both guards end a stream with a typed error where the bare stream would just fall silent.

mod commit_point;
mod idle_guard;

use std::time::Duration;

use steadfast::Clock;
use steadfast_contract::chunk::AnswerStream;

pub(crate) use self::commit_point::first_content;

/// A stream that cannot hang and cannot end without its end marker.
pub(crate) fn guarded(stream: AnswerStream, target: String, idle: Duration, clock: Clock) -> AnswerStream {
    idle_guard::guard(stream, target, idle, clock)
}
