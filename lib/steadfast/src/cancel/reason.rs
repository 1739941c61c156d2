//! Why something was stopped. Breakers, logs and people read it; it is not an error by itself.

use crate::{Blame, Error};
use std::{fmt, str::FromStr};

/// Why something was stopped.
///
/// ```
/// use steadfast::CancelReason;
///
/// assert_eq!(CancelReason::UserStop.as_str(), "user_stop");
/// assert_eq!("user_stop".parse::<CancelReason>().unwrap(), CancelReason::UserStop);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum CancelReason {
    /// A person pressed stop.
    UserStop,
    /// The person went to another page.
    RouteChange,
    /// Another model was chosen.
    ModelSwitch,
    /// The program is ending.
    Shutdown,
    /// Whoever asked is no longer connected.
    ClientGone,
    /// The time for the whole call is over.
    Deadline,
    /// The time for one attempt is over.
    AttemptTimeout,
    /// Another attempt at the same thing was faster.
    HedgeLost,
    /// A newer call took its place.
    Superseded,
}

impl CancelReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::UserStop,
        Self::RouteChange,
        Self::ModelSwitch,
        Self::Shutdown,
        Self::ClientGone,
        Self::Deadline,
        Self::AttemptTimeout,
        Self::HedgeLost,
        Self::Superseded,
    ];

    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::{CancelReason, Error};
    ///
    /// let error = Error::cancelled(CancelReason::ClientGone);
    /// assert_eq!(error.details(), [("reason", CancelReason::ClientGone.as_str().to_owned())]);
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserStop => "user_stop",
            Self::RouteChange => "route_change",
            Self::ModelSwitch => "model_switch",
            Self::Shutdown => "shutdown",
            Self::ClientGone => "client_gone",
            Self::Deadline => "deadline",
            Self::AttemptTimeout => "attempt_timeout",
            Self::HedgeLost => "hedge_lost",
            Self::Superseded => "superseded",
        }
    }

    /// For the middle of a sentence for people.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::UserStop => "somebody pressed stop",
            Self::RouteChange => "the page was left",
            Self::ModelSwitch => "another model was chosen",
            Self::Shutdown => "the program is ending",
            Self::ClientGone => "whoever asked is no longer connected",
            Self::Deadline => "the time was over",
            Self::AttemptTimeout => "the attempt took too long",
            Self::HedgeLost => "another attempt was faster",
            Self::Superseded => "a newer request took its place",
        }
    }

    /// Who caused it. A target that let the time run out is to blame, a person who pressed stop is not.
    pub(crate) const fn blame(self) -> Blame {
        match self {
            Self::Deadline | Self::AttemptTimeout => Blame::Target,
            Self::Shutdown | Self::HedgeLost => Blame::Local,
            Self::UserStop | Self::RouteChange | Self::ModelSwitch | Self::ClientGone | Self::Superseded => {
                Blame::Caller
            }
        }
    }

    /// A number above zero for the tree's atomic.
    pub(super) const fn to_number(self) -> u8 {
        self as u8 + 1
    }

    /// The reverse of `to_number`; zero is no reason.
    pub(super) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CancelReason {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|reason| reason.as_str() == name);
        found.ok_or_else(|| Error::validation(format!("There is no cancel reason named {name}.")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_the_trip_through_its_name_and_its_number() {
        for reason in CancelReason::ALL {
            assert_eq!(reason.as_str().parse::<CancelReason>().unwrap(), reason);
            assert_eq!(CancelReason::from_number(reason.to_number()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(CancelReason::from_number(0), None);
        assert!("bored".parse::<CancelReason>().is_err());
    }
}
