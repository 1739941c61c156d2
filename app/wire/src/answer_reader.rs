//! What a provider drives, whatever the protocol: events in, pieces out, and in the end the marker or why there is
//! none.

use std::fmt::Debug;

use bytes::Bytes;
use steadfast_contract::chunk::Piece;

/// Reads one answer. Pure: it keeps what it must know of the answer so far and nothing else.
pub trait AnswerReader: Send + Debug {
    /// Takes the next event of a stream and adds what it says to `found`. `name` is empty where the event has none.
    fn event(&mut self, name: &str, data: Bytes, found: &mut Vec<Piece>) -> Result<Progress, Broken>;

    /// Takes an answer in one body; the pieces end with the end marker.
    fn whole(&mut self, body: Bytes, found: &mut Vec<Piece>) -> Result<(), Broken>;

    /// Nothing comes any more: the end marker, if the upstream said that it was done.
    fn end(&mut self) -> Result<Piece, Broken>;

    /// Whether the upstream said that it was done; only figures may follow.
    fn is_finished(&self) -> bool;
}

/// Whether a stream goes on after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    GoesOn,
    /// Whatever follows does not count.
    Over,
}

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The upstream says itself what went wrong, in these words.
    Told(Bytes),
    /// This is not the protocol.
    Unreadable(Bytes),
    /// It ended without saying that it was done.
    Cut,
}
