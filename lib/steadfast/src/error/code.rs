//! The stable names of what can go wrong, each with its default advice, blame and sentences. The list is open:
//! a program declares its own codes beside these, with the same `CodeSpec`.

use super::{Blame, RetryAdvice};
use std::{
    fmt,
    hash::{Hash, Hasher},
    time::Duration,
};

/// Everything that a code says by default.
///
/// ```
/// use steadfast::{Blame, Code, RetryAdvice};
///
/// let spec = Code::UNAUTHORIZED.spec();
/// assert_eq!((spec.name, spec.advice, spec.blame), ("UNAUTHORIZED", RetryAdvice::Never, Blame::Caller));
/// assert_eq!((spec.message, spec.retry_after), ("The key or the sign-in was not accepted.", None));
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSpec {
    /// The stable name on every surface, in upper snake case.
    pub name: &'static str,
    /// What may be tried next.
    pub advice: RetryAdvice,
    /// How long waiting helps when the error itself does not say.
    pub retry_after: Option<Duration>,
    /// On whose side it went wrong.
    pub blame: Blame,
    /// A full, plain sentence for people.
    pub message: &'static str,
    /// What the person can do next.
    pub suggestion: &'static str,
}

/// The stable name of what went wrong. A code may be matched on, like the variant of an enum; keep names unique.
///
/// ```
/// use steadfast::{Blame, Code, CodeSpec, Error, RetryAdvice};
///
/// const TAPE_JAMMED: Code = Code::new(&CodeSpec {
///     name: "TAPE_JAMMED",
///     advice: RetryAdvice::TryElsewhere,
///     retry_after: None,
///     blame: Blame::Target,
///     message: "The tape is jammed.",
///     suggestion: "Use another drive.",
/// });
/// let next = match Error::new(TAPE_JAMMED).code() {
///     TAPE_JAMMED => "another drive",
///     Code::TIMEOUT => "patience",
///     _ => "a technician",
/// };
/// assert_eq!(next, "another drive");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(&'static CodeSpec);

impl Code {
    /// A code of your own.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Blame, Code, CodeSpec, Error, RetryAdvice};
    ///
    /// const OUT_OF_PAPER: Code = Code::new(&CodeSpec {
    ///     name: "OUT_OF_PAPER",
    ///     advice: RetryAdvice::RetryNow,
    ///     retry_after: Some(Duration::from_secs(60)),
    ///     blame: Blame::Target,
    ///     message: "There is no paper left.",
    ///     suggestion: "Put some in.",
    /// });
    /// assert_eq!(Error::new(OUT_OF_PAPER).retry_after(), Some(Duration::from_secs(60)));
    /// assert!(!Code::ALL.contains(&OUT_OF_PAPER)); // only the library's own are there
    /// ```
    pub const fn new(spec: &'static CodeSpec) -> Self {
        Self(spec)
    }

    /// The stable name.
    ///
    /// ```
    /// use steadfast::Code;
    ///
    /// assert_eq!(Code::DISK_FULL.name(), "DISK_FULL");
    /// assert_eq!(Code::DISK_FULL.to_string(), Code::DISK_FULL.name());
    /// ```
    pub const fn name(&self) -> &'static str {
        self.0.name
    }

    /// Everything the code says by default.
    ///
    /// ```
    /// use steadfast::Code;
    ///
    /// assert_eq!(Code::DISK_FULL.spec().suggestion, "Free some room, then try again.");
    /// ```
    pub const fn spec(&self) -> &'static CodeSpec {
        self.0
    }
}

macro_rules! codes {
    ($($name:ident, $advice:ident, $blame:ident, $retry_after:expr, $message:literal, $suggestion:literal;)*) => {
        impl Code {
            $(
                #[doc = $message]
                pub const $name: Self = Self::new(&CodeSpec {
                    name: stringify!($name),
                    advice: RetryAdvice::$advice,
                    retry_after: $retry_after,
                    blame: Blame::$blame,
                    message: $message,
                    suggestion: $suggestion,
                });
            )*

            /// The library's own codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

codes! {
    TIMEOUT, RetryNow, Target, None, "It took too long.", "Try again, or allow more time.";
    CIRCUIT_OPEN, TryElsewhere, Local, Some(Code::CIRCUIT_OPEN_WAIT), "It failed several times in a row and is resting.", "Wait the seconds shown, or choose another one.";
    CONNECTION_LOST, RetryNow, Target, None, "The connection was lost.", "Check the network and try again.";
    RETRY_EXHAUSTED, Never, Target, None, "It kept failing.", "Look at the last failure, and try again later.";
    CANCELLED, Never, Caller, None, "It was stopped.", "Start it again when you want it.";
    RATE_LIMITED, RetryNow, Quota, None, "Too many requests were made in a short time.", "Wait a moment, then try again.";
    OVERLOADED, RetryNow, Target, None, "There is too much to do right now.", "Wait a moment, then try again.";
    UNAVAILABLE, RetryNow, Target, None, "It cannot be reached right now.", "Check that it is running, then try again.";
    VALIDATION, Never, Caller, None, "The request is not valid.", "Correct the request and send it again.";
    NOT_FOUND, Never, Caller, None, "It does not exist.", "Check the name.";
    CONFLICT, Never, Caller, None, "Somebody else changed it first.", "Load it again, then repeat the change.";
    UNAUTHORIZED, Never, Caller, None, "The key or the sign-in was not accepted.", "Check the key in the settings.";
    FORBIDDEN, Never, Caller, None, "It is not allowed.", "Ask somebody who may.";
    OUT_OF_MEMORY, TryElsewhere, Local, None, "There is not enough memory.", "Close other programs, or choose something smaller.";
    DISK_FULL, Never, Local, None, "There is not enough room on the disk.", "Free some room, then try again.";
    CORRUPT, Never, Local, None, "Stored data is damaged.", "Restore it from a backup, or fetch it again.";
    STORAGE_UNAVAILABLE, RetryNow, Target, None, "The storage cannot be reached right now.", "Wait a moment, then try again.";
    QUERY_TIMEOUT, RetryNow, Target, None, "The storage took too long.", "Try again.";
    INTERNAL, Never, Local, None, "Something went wrong inside the program.", "Report it with the time at which it happened.";
}

impl Code {
    /// How long an open breaker asks for when nothing else is known: 30 s, the default of requirement E1 and
    /// half of what resilience4j waits.
    pub(crate) const CIRCUIT_OPEN_WAIT: Duration = Duration::from_secs(30);
}

impl Hash for Code {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
