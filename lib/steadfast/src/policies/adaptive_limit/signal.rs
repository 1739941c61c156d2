//! What one call says about the load of the target: too much, fine, or nothing.

use crate::{Blame, CancelReason, Code, error::Fault};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Success,
    Overload,
    Neutral,
}

/// `None` is success. A failure that is not about load (a refused key, a broken connection) says nothing about how
/// many calls the target can take.
pub(super) fn judge<X: Fault>(error: Option<&X>) -> Signal {
    let Some(error) = error else { return Signal::Success };
    if let Some(reason) = error.cancel_reason() {
        return judge_cancelled(reason);
    }
    let too_much = match error.guidance().blame {
        Blame::Quota => true,
        Blame::Target => matches!(error.code(), Code::TIMEOUT | Code::QUERY_TIMEOUT | Code::OVERLOADED),
        Blame::Caller | Blame::Local => false,
    };
    if too_much { Signal::Overload } else { Signal::Neutral }
}

/// Cut short because it took too long, or because nobody wanted it any more.
pub(super) fn judge_cancelled(reason: CancelReason) -> Signal {
    match reason {
        CancelReason::Deadline | CancelReason::AttemptTimeout => Signal::Overload,
        CancelReason::UserStop
        | CancelReason::RouteChange
        | CancelReason::ModelSwitch
        | CancelReason::Shutdown
        | CancelReason::ClientGone
        | CancelReason::HedgeLost
        | CancelReason::Superseded => Signal::Neutral,
    }
}
