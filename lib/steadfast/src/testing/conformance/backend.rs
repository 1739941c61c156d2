//! The thing that is called: it counts who reaches it, and does as it is told. A scripted panic bypasses the
//! panic hook, so that a run does not fill the terminal.

use std::{
    fmt,
    future::{pending, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

/// One call of the backend, to be put inside the subject's policy. It begins when it is first polled.
pub type Work = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// How a scripted call fails.
///
/// ```
/// use std::time::Duration;
/// use steadfast::testing::conformance::Failure;
///
/// assert!(Failure::Busy { retry_after: Duration::from_secs(3) }.is_transient());
/// assert!(!Failure::Invalid.is_transient());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The backend is at fault; trying again may help.
    Unavailable,
    /// The same, and the backend said when to come back.
    Busy {
        /// Not before this long from now.
        retry_after: Duration,
    },
    /// The request is wrong: trying again cannot help, and it says nothing against the backend.
    Invalid,
}

impl Failure {
    /// Whether trying again may help.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::testing::conformance::Failure;
    ///
    /// // What an adapter tells a crate that asks "again?".
    /// let again = |answer: Result<(), Failure>| answer.is_err_and(Failure::is_transient);
    /// assert!(again(Err(Failure::Unavailable)) && again(Err(Failure::Busy { retry_after: Duration::ZERO })));
    /// assert!(!again(Err(Failure::Invalid)) && !again(Ok(())));
    /// ```
    pub fn is_transient(self) -> bool {
        self != Self::Invalid
    }

    /// What the backend said about waiting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::testing::conformance::Failure;
    ///
    /// let wait = Duration::from_secs(3);
    /// assert_eq!(Failure::Busy { retry_after: wait }.retry_after(), Some(wait));
    /// assert_eq!(Failure::Unavailable.retry_after(), None); // then the crate's own back-off decides
    /// ```
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after } => Some(retry_after),
            Self::Unavailable | Self::Invalid => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the backend is unavailable",
            Self::Busy { .. } => "the backend is busy",
            Self::Invalid => "the request is invalid",
        })
    }
}

impl std::error::Error for Failure {}

/// A backend for breakers.
#[derive(Debug, Clone, Default)]
pub(super) struct Backend {
    reached: Arc<AtomicU32>,
}

impl Backend {
    /// How many calls have reached it.
    pub(super) fn reached(&self) -> u32 {
        self.reached.load(Ordering::Relaxed)
    }

    pub(super) fn answers(&self, answer: Result<(), Failure>) -> Work {
        let backend = self.clone();
        Box::pin(async move {
            backend.is_reached();
            answer
        })
    }

    pub(super) fn succeeds(&self) -> Work {
        self.answers(Ok(()))
    }

    pub(super) fn fails(&self) -> Work {
        self.answers(Err(Failure::Unavailable))
    }

    pub(super) fn hangs(&self) -> Work {
        let backend = self.clone();
        Box::pin(async move {
            backend.is_reached();
            pending().await
        })
    }

    pub(super) fn panics(&self) -> Work {
        let backend = self.clone();
        Box::pin(async move {
            backend.is_reached();
            std::panic::resume_unwind(Box::new("a scripted panic"))
        })
    }

    /// Waits until the gate is opened, then answers.
    pub(super) fn waits_for(&self, gate: &Gate, answer: Result<(), Failure>) -> Work {
        let (backend, gate) = (self.clone(), Arc::clone(&gate.0));
        Box::pin(async move {
            backend.is_reached();
            poll_fn(|_| if gate.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }).await;
            answer
        })
    }

    fn is_reached(&self) {
        self.reached.fetch_add(1, Ordering::Relaxed);
    }
}

/// Holds calls back. It wakes nobody: the probes poll by hand.
#[derive(Debug, Default)]
pub(super) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(super) fn open(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A backend for retries: answers in order, the last one for ever, and remembers when it was asked, by tokio's
/// time.
///
/// ```
/// use steadfast::testing::conformance::{Failure, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let script = Script::new([Err(Failure::Unavailable), Ok(())]);
/// assert_eq!(script.attempt().await, Err(Failure::Unavailable));
/// assert_eq!(script.attempt().await, Ok(()));
/// assert_eq!(script.attempt().await, Ok(()));
/// assert_eq!(script.attempts(), 3);
/// # }
/// ```
#[derive(Debug)]
pub struct Script {
    answers: Vec<Result<(), Failure>>,
    asked: Mutex<Vec<tokio::time::Instant>>,
}

impl Script {
    /// Answers like this; without any answer it always succeeds.
    ///
    /// ```
    /// use steadfast::testing::conformance::{Failure, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let outage = Script::new([Err(Failure::Unavailable)]); // the last answer is given for ever
    /// for _ in 0..100 {
    ///     assert_eq!(outage.attempt().await, Err(Failure::Unavailable));
    /// }
    /// assert_eq!(Script::new([]).attempt().await, Ok(()));
    /// # }
    /// ```
    pub fn new(answers: impl IntoIterator<Item = Result<(), Failure>>) -> Arc<Self> {
        Arc::new(Self { answers: answers.into_iter().collect(), asked: Mutex::default() })
    }

    /// One attempt. It begins when it is first polled.
    ///
    /// ```
    /// use steadfast::testing::conformance::{Failure, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let script = Script::new([Err(Failure::Unavailable), Ok(())]);
    /// drop(script.attempt()); // never polled: it did not reach the backend
    /// assert_eq!(script.attempts(), 0);
    /// assert_eq!(script.attempt().await, Err(Failure::Unavailable));
    /// # }
    /// ```
    pub fn attempt(self: &Arc<Self>) -> Work {
        let script = Arc::clone(self);
        Box::pin(async move {
            let mut asked = script.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = script.answers.get(asked.len()).or(script.answers.last()).copied().unwrap_or(Ok(()));
            asked.push(crate::Clock::real().now());
            answer
        })
    }

    /// How many attempts there were.
    ///
    /// ```
    /// use steadfast::testing::conformance::{Failure, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let script = Script::new([Err(Failure::Unavailable), Ok(())]);
    /// while script.attempt().await.is_err() {}
    /// assert_eq!(script.attempts(), 2); // the one that succeeded is one of them
    /// # }
    /// ```
    pub fn attempts(&self) -> usize {
        self.asked().len()
    }

    /// The times between the attempts, in order.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::testing::conformance::{Failure, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let script = Script::new([Err(Failure::Unavailable), Ok(())]);
    /// while script.attempt().await.is_err() {
    ///     tokio::time::sleep(Duration::from_secs(2)).await;
    /// }
    /// assert_eq!(script.waits(), [Duration::from_secs(2)]); // one fewer than attempts
    /// # }
    /// ```
    pub fn waits(&self) -> Vec<Duration> {
        self.asked().windows(2).map(|two| two[1] - two[0]).collect()
    }

    fn asked(&self) -> Vec<tokio::time::Instant> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
