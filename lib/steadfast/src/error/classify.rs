//! The one place that says what an error means for the next step. Everything it calls permanent fails at once.
//! It knows the errors of the standard library; a program adds its own with the trait or the derive.

use super::{Blame, Code, Error, RetryAdvice};
use crate::CancelReason;
use std::{fmt, io};

/// What an error means for retry, breaker, fallback and healing.
///
/// ```
/// use std::io;
/// use steadfast::{Blame, Classify, Guidance, RetryAdvice};
///
/// let broken = io::Error::from(io::ErrorKind::BrokenPipe);
/// assert_eq!(broken.guidance(), Guidance { advice: RetryAdvice::RetryNow, blame: Blame::Target });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guidance {
    /// What may be tried next.
    pub advice: RetryAdvice,
    /// On whose side it went wrong.
    pub blame: Blame,
}

/// An error that knows what may be done about it. With the feature `derive` it can be derived for enums.
///
/// ```
/// use steadfast::{Blame, Classify, Code, Guidance, RetryAdvice};
///
/// #[derive(Debug)]
/// struct Jammed;
/// # impl std::fmt::Display for Jammed {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("jammed") }
/// # }
/// # impl std::error::Error for Jammed {}
/// impl Classify for Jammed {
///     fn guidance(&self) -> Guidance {
///         Guidance { advice: RetryAdvice::TryElsewhere, blame: Blame::Target }
///     }
/// }
/// let error = Jammed.into_error(Code::UNAVAILABLE);
/// assert_eq!(error.advice(), RetryAdvice::TryElsewhere);
/// ```
pub trait Classify {
    /// What this error means for the next step.
    fn guidance(&self) -> Guidance;

    /// The stable code under which events report it. By default what its blame suggests: `UNAVAILABLE` for the target,
    /// `RATE_LIMITED` for a quota, `VALIDATION` for the caller and `INTERNAL` for this program.
    fn code(&self) -> Code {
        match self.guidance().blame {
            Blame::Target => Code::UNAVAILABLE,
            Blame::Quota => Code::RATE_LIMITED,
            Blame::Caller => Code::VALIDATION,
            Blame::Local => Code::INTERNAL,
        }
    }

    /// What happened as a sentence, for events. By default its `Display`.
    fn sentence(&self) -> String
    where
        Self: fmt::Display,
    {
        self.to_string()
    }

    /// Why it was cancelled; `None`, the default, for everything else.
    fn cancel_reason(&self) -> Option<CancelReason> {
        None
    }

    /// The house's error with this code, this guidance, and `self` as its source.
    fn into_error(self, code: Code) -> Error
    where
        Self: std::error::Error + Send + Sync + Sized + 'static,
    {
        let Guidance { advice, blame } = self.guidance();
        Error::new(code).with_advice(advice).with_blame(blame).with_source(self)
    }
}

impl Classify for Error {
    fn guidance(&self) -> Guidance {
        Guidance { advice: self.advice(), blame: self.blame() }
    }

    fn code(&self) -> Code {
        self.code()
    }

    fn sentence(&self) -> String {
        self.message().to_owned()
    }

    fn cancel_reason(&self) -> Option<CancelReason> {
        self.cancel_reason()
    }
}

impl Classify for io::Error {
    fn guidance(&self) -> Guidance {
        let spec = io_code(self.kind()).spec();
        Guidance { advice: spec.advice, blame: spec.blame }
    }

    fn code(&self) -> Code {
        io_code(self.kind())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::new(io_code(error.kind())).with_detail("cause", &error).with_source(error)
    }
}

fn io_code(kind: io::ErrorKind) -> Code {
    use io::ErrorKind as Kind;
    match kind {
        Kind::TimedOut => Code::TIMEOUT,
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
            Code::UNAVAILABLE
        }
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::NotConnected
        | Kind::BrokenPipe
        | Kind::UnexpectedEof => Code::CONNECTION_LOST,
        Kind::WouldBlock | Kind::Interrupted | Kind::ResourceBusy => Code::OVERLOADED,
        Kind::NotFound => Code::NOT_FOUND,
        Kind::AlreadyExists => Code::CONFLICT,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Code::FORBIDDEN,
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Code::DISK_FULL,
        Kind::OutOfMemory => Code::OUT_OF_MEMORY,
        Kind::InvalidData => Code::CORRUPT,
        Kind::InvalidInput | Kind::InvalidFilename => Code::VALIDATION,
        _ => Code::INTERNAL,
    }
}
