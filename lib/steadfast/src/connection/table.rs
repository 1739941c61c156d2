//! The legal moves of a connection, a row each. It knows no time: that a back-off must be over before the dial is
//! checked by the caller.

use std::fmt;

/// Where a connection stands.
///
/// ```
/// use steadfast::{Connection, ConnectionPhase, ConnectionSignal};
///
/// let database = Connection::new("database");
/// for signal in [ConnectionSignal::Dial, ConnectionSignal::Connected, ConnectionSignal::Silent] {
///     database.signal(signal, "a quiet day")?;
/// }
/// assert_eq!(database.phase(), ConnectionPhase::Suspect); // doubted, not lost
/// # Ok::<(), steadfast::RefusedMove>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectionPhase {
    /// Not connected, and nobody is trying.
    Idle,
    /// Somebody is trying.
    Connecting,
    /// It works.
    Ready,
    /// Nothing was heard for too long; it may still work.
    Suspect,
    /// What is under way ends, nothing new begins.
    Draining,
    /// It waits before the next dial.
    Backoff,
    /// It is put aside until somebody releases it.
    Quarantined,
}

/// What happened to a connection.
///
/// ```
/// use steadfast::{Connection, ConnectionPhase, ConnectionSignal};
///
/// let database = Connection::new("database");
/// for signal in [ConnectionSignal::Dial, ConnectionSignal::Lost, ConnectionSignal::Hurry] {
///     database.signal(signal, "a person asked")?;
/// }
/// assert_eq!(database.phase(), ConnectionPhase::Idle); // Hurry ends the wait; the Dial comes after it
/// # Ok::<(), steadfast::RefusedMove>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectionSignal {
    /// Somebody begins to connect.
    Dial,
    /// The other end answered the greeting.
    Connected,
    /// The dial failed or the connection broke.
    Lost,
    /// Nothing was heard for too long.
    Silent,
    /// Something was heard again.
    Heard,
    /// Nothing new is to begin.
    Drain,
    /// The last piece of work has ended.
    Drained,
    /// Do not wait any longer: a person wants it now.
    Hurry,
    /// Put it aside, for instance because the key is wrong.
    Quarantine,
    /// It may be used again.
    Release,
}

use ConnectionPhase::{Backoff, Connecting, Draining, Idle, Quarantined, Ready, Suspect};
use ConnectionSignal::{Connected, Dial, Drain, Drained, Heard, Hurry, Lost, Quarantine, Release, Silent};

const TABLE: &[(ConnectionPhase, ConnectionSignal, ConnectionPhase)] = &[
    (Idle, Dial, Connecting),
    (Idle, Quarantine, Quarantined),
    (Connecting, Connected, Ready),
    (Connecting, Lost, Backoff),
    // Nothing is under way yet, so nothing needs to end.
    (Connecting, Drain, Idle),
    (Connecting, Quarantine, Quarantined),
    (Ready, Silent, Suspect),
    (Ready, Lost, Backoff),
    (Ready, Drain, Draining),
    (Ready, Quarantine, Quarantined),
    (Suspect, Heard, Ready),
    (Suspect, Lost, Backoff),
    (Suspect, Drain, Draining),
    (Suspect, Quarantine, Quarantined),
    (Draining, Drained, Idle),
    // It was to end anyway.
    (Draining, Lost, Idle),
    (Draining, Quarantine, Quarantined),
    // Only when the wait is over.
    (Backoff, Dial, Connecting),
    (Backoff, Hurry, Idle),
    (Backoff, Drain, Idle),
    (Backoff, Quarantine, Quarantined),
    (Quarantined, Release, Idle),
];

/// Where `signal` leads; `None` when the table has no such move.
pub(super) fn step(from: ConnectionPhase, signal: ConnectionSignal) -> Option<ConnectionPhase> {
    TABLE.iter().find(|row| (row.0, row.1) == (from, signal)).map(|row| row.2)
}

impl ConnectionPhase {
    /// Every phase.
    pub const ALL: [Self; 7] = [Idle, Connecting, Ready, Suspect, Draining, Backoff, Quarantined];

    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::ConnectionPhase;
    ///
    /// assert_eq!(ConnectionPhase::Quarantined.as_str(), "quarantined");
    /// assert_eq!(serde_json::to_value(ConnectionPhase::Quarantined)?, "quarantined"); // the same word
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Idle => "idle",
            Connecting => "connecting",
            Ready => "ready",
            Suspect => "suspect",
            Draining => "draining",
            Backoff => "backoff",
            Quarantined => "quarantined",
        }
    }

    /// The reverse of `as u8`; no other number is ever stored.
    pub(super) fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Idle)
    }
}

impl ConnectionSignal {
    /// Every signal.
    pub const ALL: [Self; 10] = [Dial, Connected, Lost, Silent, Heard, Drain, Drained, Hurry, Quarantine, Release];

    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::ConnectionSignal;
    ///
    /// assert_eq!(ConnectionSignal::Drained.as_str(), "drained");
    /// assert_eq!(ConnectionSignal::Drained.to_string(), "drained");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Dial => "dial",
            Connected => "connected",
            Lost => "lost",
            Silent => "silent",
            Heard => "heard",
            Drain => "drain",
            Drained => "drained",
            Hurry => "hurry",
            Quarantine => "quarantine",
            Release => "release",
        }
    }
}

impl fmt::Display for ConnectionPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for ConnectionSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_and_every_signal() {
        let cell = |from, signal| step(from, signal).map_or("-", ConnectionPhase::as_str);
        let line = |name: &str, cells: Vec<&str>| {
            let cells: Vec<_> = cells.into_iter().map(|cell| format!("{cell:11}")).collect();
            format!("{name:11} {}", cells.join(" ")).trim_end().to_owned()
        };
        let head = line("", ConnectionSignal::ALL.iter().map(|signal| signal.as_str()).collect());
        let rows = ConnectionPhase::ALL
            .map(|from| line(from.as_str(), ConnectionSignal::ALL.iter().map(|signal| cell(from, *signal)).collect()));
        insta::assert_snapshot!(format!("{head}\n{}", rows.join("\n")), @r"
                    dial        connected   lost        silent      heard       drain       drained     hurry       quarantine  release
        idle        connecting  -           -           -           -           -           -           -           quarantined -
        connecting  -           ready       backoff     -           -           idle        -           -           quarantined -
        ready       -           -           backoff     suspect     -           draining    -           -           quarantined -
        suspect     -           -           backoff     -           ready       draining    -           -           quarantined -
        draining    -           -           idle        -           -           -           idle        -           quarantined -
        backoff     connecting  -           -           -           -           idle        -           idle        quarantined -
        quarantined -           -           -           -           -           -           -           -           -           idle
        ");
    }

    #[test]
    fn no_move_is_listed_twice_and_every_number_is_its_phase() {
        let mut moves: Vec<_> = TABLE.iter().map(|row| (row.0.as_str(), row.1.as_str())).collect();
        moves.sort_unstable();
        moves.dedup();
        assert_eq!(moves.len(), TABLE.len());
        for phase in ConnectionPhase::ALL {
            assert_eq!(ConnectionPhase::from_number(phase as u8), phase);
        }
    }
}
