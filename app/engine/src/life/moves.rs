//! The life of a model as a table: every legal move is a row, everything else does not happen.

use steadfast_contract::model::ModelPhase::{
    self, Downloading, Failed, Idle, Loading, Ready, Unloading, Verifying, WarmingUp,
};

/// What can happen to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Bytes of the file are needed.
    Download,
    /// A file is there and is being checked.
    Verify,
    /// The file is good: the worker starts.
    Start,
    WarmUp,
    Finish,
    Fail,
    Cancel,
    Unload,
    Unloaded,
    /// The worker of a ready model is gone for good.
    Die,
    Reset,
}

pub(super) const MOVES: &[(ModelPhase, Signal, ModelPhase)] = &[
    (Idle, Signal::Download, Downloading),
    (Idle, Signal::Verify, Verifying),
    (Idle, Signal::Reset, Idle),
    (Downloading, Signal::Download, Downloading),
    (Downloading, Signal::Verify, Verifying),
    (Downloading, Signal::Start, Loading),
    (Downloading, Signal::Fail, Failed),
    (Downloading, Signal::Cancel, Idle),
    // The checksum was wrong: the next source is tried.
    (Verifying, Signal::Download, Downloading),
    (Verifying, Signal::Verify, Verifying),
    (Verifying, Signal::Start, Loading),
    (Verifying, Signal::Fail, Failed),
    (Verifying, Signal::Cancel, Idle),
    (Loading, Signal::Start, Loading),
    (Loading, Signal::WarmUp, WarmingUp),
    (Loading, Signal::Fail, Failed),
    (Loading, Signal::Cancel, Idle),
    (WarmingUp, Signal::Finish, Ready),
    (WarmingUp, Signal::Fail, Failed),
    (WarmingUp, Signal::Cancel, Idle),
    (Ready, Signal::Unload, Unloading),
    (Ready, Signal::Die, Failed),
    (Failed, Signal::Download, Downloading),
    (Failed, Signal::Verify, Verifying),
    (Failed, Signal::Reset, Idle),
    (Unloading, Signal::Unloaded, Idle),
];

/// Where `signal` leads from `phase`; `None` when it is not a legal move.
pub(super) fn after(phase: ModelPhase, signal: Signal) -> Option<ModelPhase> {
    MOVES.iter().find(|(from, on, _)| (*from, *on) == (phase, signal)).map(|(_, _, to)| *to)
}

/// Is a load under way?
pub(super) fn is_loading(phase: ModelPhase) -> bool {
    matches!(phase, Downloading | Verifying | Loading | WarmingUp)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const PHASES: [ModelPhase; 8] = [Idle, Downloading, Verifying, Loading, WarmingUp, Ready, Failed, Unloading];
    const SIGNALS: [Signal; 11] = [
        Signal::Download,
        Signal::Verify,
        Signal::Start,
        Signal::WarmUp,
        Signal::Finish,
        Signal::Fail,
        Signal::Cancel,
        Signal::Unload,
        Signal::Unloaded,
        Signal::Die,
        Signal::Reset,
    ];

    #[test]
    fn every_state_and_signal_is_decided() {
        let mut table = String::new();
        for phase in PHASES {
            let moves =
                SIGNALS.map(|signal| after(phase, signal).map_or("-".to_owned(), |to| format!("{signal:?}>{to:?}")));
            let legal: Vec<&str> = moves.iter().map(String::as_str).filter(|text| *text != "-").collect();
            writeln!(table, "{phase:?}: {}", legal.join(" ")).unwrap();
        }
        insta::assert_snapshot!(table, @r"
        Idle: Download>Downloading Verify>Verifying Reset>Idle
        Downloading: Download>Downloading Verify>Verifying Start>Loading Fail>Failed Cancel>Idle
        Verifying: Download>Downloading Verify>Verifying Start>Loading Fail>Failed Cancel>Idle
        Loading: Start>Loading WarmUp>WarmingUp Fail>Failed Cancel>Idle
        WarmingUp: Finish>Ready Fail>Failed Cancel>Idle
        Ready: Unload>Unloading Die>Failed
        Failed: Download>Downloading Verify>Verifying Reset>Idle
        Unloading: Unloaded>Idle
        ");
    }

    #[test]
    fn no_state_is_a_dead_end_and_none_is_out_of_reach() {
        for phase in PHASES {
            assert!(MOVES.iter().any(|(from, _, to)| *from == phase && *to != phase), "{phase:?} has no way out");
            assert!(MOVES.iter().any(|(from, _, to)| *to == phase && *from != phase), "{phase:?} cannot be reached");
        }
    }
}
