//! Answers that programs read: each a log of numbered frames that can be read again from any place.
//!
//! A frame is in the log before anybody is woken, one writer at a time may add to it, and it has one end. Surprise:
//! readers pull, so nobody who reads slowly can hold up the answer; who falls too far behind gets a snapshot.

mod bounds;
mod idempotency;
mod keeper;
mod ledger;
mod live_stream;
mod log;
mod produce;
mod reader;
mod registry;
mod settings;
mod spec;
mod taking_up;
mod unread;
mod writer;

pub use self::{
    idempotency::IdempotencyKey,
    live_stream::{Kept, StreamInfo},
    reader::{Arrival, ReadFrom, StreamHandle, StreamReader},
    settings::StreamSettings,
    spec::{Keep, Opening, StreamSpec},
};
pub(crate) use self::{produce::start, registry::Streams};

#[cfg(test)]
mod tests;
