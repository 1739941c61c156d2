//! The laws of streams, and what a broken one looks like.

use std::fmt;

/// What must hold for every stream, whatever breaks underneath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// L1: what was sent can be read again at that moment.
    LogBeforeSend,
    /// L2: who was fenced off adds nothing.
    OneWriter,
    /// L3: 1, 2, 3, …; or a snapshot and then what follows it.
    GaplessOrder,
    /// L4: what was delivered stays as it was; text only grows.
    PrefixImmutability,
    /// L5: one end, and the marker of a good one only for a good one.
    OneTerminal,
    /// L6: whole only if the upstream said so.
    EvidenceOfCompletion,
    /// L7: what was acknowledged can be read again.
    DurableAcknowledgement,
    /// L8: nobody sees or stops what is somebody else's.
    Ownership,
    /// L9: where two attempts were joined, the log says so.
    TruthfulSeams,
    /// L10: a call is asked for once.
    NoDoubleEffect,
}

/// A law that was broken, with everything that happened before.
#[derive(Debug, Clone)]
pub struct Broken {
    pub law: Law,
    pub stream: String,
    pub what: String,
    pub story: Vec<String>,
}

impl Law {
    pub const ALL: [Self; 10] = [
        Self::LogBeforeSend,
        Self::OneWriter,
        Self::GaplessOrder,
        Self::PrefixImmutability,
        Self::OneTerminal,
        Self::EvidenceOfCompletion,
        Self::DurableAcknowledgement,
        Self::Ownership,
        Self::TruthfulSeams,
        Self::NoDoubleEffect,
    ];
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = Law::ALL.iter().position(|law| *law == self.law).map_or(0, |index| index + 1);
        writeln!(f, "L{number} ({:?}) was broken by stream {}: {}", self.law, self.stream, self.what)?;
        self.story.iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}
