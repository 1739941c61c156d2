//! Tries again, when the error says that this can help and there is time. It does not decide what is permanent:
//! the error's advice does. Surprise: what it gives back after several attempts is `RETRY_EXHAUSTED`, with the
//! last error as its source.

use crate::{Attempt, Call, Error, Event, RetryAdvice, call::Bounded, error::Fault};
use backoff::Backoff;
use std::time::Duration;
use tokio::time::Instant;

mod backoff;
mod jitter;

pub use jitter::Jitter;

/// How often and how soon to try again.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Code, Error, Retry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let call = Call::new("fetch", &CancelToken::root("program"));
/// let retry = Retry::exponential(Duration::from_millis(1)).max_attempts(2);
/// let error = retry.run(&call, |_| async { Err::<(), _>(Error::unavailable("shop")) }).await.unwrap_err();
/// assert_eq!((error.code(), error.attempts()), (Code::RETRY_EXHAUSTED, Some(2)));
///
/// // What is permanent fails at once, as itself.
/// let error = retry.run(&call, |_| async { Err::<(), _>(Error::not_found("book", "7")) }).await.unwrap_err();
/// assert_eq!((error.code(), error.attempts()), (Code::NOT_FOUND, None));
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retry {
    backoff: Backoff,
    jitter: Jitter,
    max_attempts: u32,
    max_delay: Duration,
    max_elapsed: Option<Duration>,
    seed: Option<u64>,
}

impl Retry {
    /// Waits `delay` each time, without jitter.
    pub fn fixed(delay: Duration) -> Self {
        Self::new(Backoff::Fixed(delay), Jitter::None)
    }

    /// Waits `step`, then twice, then three times as long, without jitter.
    pub fn linear(step: Duration) -> Self {
        Self::new(Backoff::Linear(step), Jitter::None)
    }

    /// Waits up to `base`, then up to twice, then up to four times as long, with full jitter.
    pub fn exponential(base: Duration) -> Self {
        Self::new(Backoff::Exponential(base), Jitter::Full)
    }

    fn new(backoff: Backoff, jitter: Jitter) -> Self {
        Self { backoff, jitter, max_attempts: MAX_ATTEMPTS, max_delay: MAX_DELAY, max_elapsed: None, seed: None }
    }

    /// How many tries there are at most, the first one included; at least 1. Default 3.
    #[must_use]
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts: max_attempts.max(1), ..self }
    }

    /// The longest wait between two attempts. When the other side asks for more, the error is given back at
    /// once. Default 30 s.
    #[must_use]
    pub fn max_delay(self, max_delay: Duration) -> Self {
        Self { max_delay, ..self }
    }

    /// No attempt begins later than this after the first one began. Default: no limit but the call's deadline.
    #[must_use]
    pub fn max_elapsed(self, max_elapsed: Duration) -> Self {
        Self { max_elapsed: Some(max_elapsed), ..self }
    }

    /// How much chance is mixed into the waits.
    #[must_use]
    pub fn jitter(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// Makes the waits of every run the same, for tests and simulations.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Runs `work` until it succeeds, its error forbids another attempt, the attempts or the time are used up,
    /// or the call is cancelled. The deadline and the token also end an attempt that is under way.
    ///
    /// Gives back the error itself when it forbids another attempt, asks for a longer wait than is left, or
    /// was the only one; otherwise `RETRY_EXHAUSTED` with the last error as its source.
    pub async fn run<T, F, Fut>(&self, call: &Call, work: F) -> Result<T, Error>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        self.around(call, work).await
    }

    /// `run` for any error type.
    pub(crate) async fn around<T, X: Fault, F, Fut>(&self, call: &Call, mut work: F) -> Result<T, X>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let mut random = None;
        // The clock is read only when a limit needs it.
        let began = self.max_elapsed.map(|_| call.clock().now());
        let mut attempt = Attempt { number: 1, of: self.max_attempts };
        loop {
            call.events().emit(|| started(call, attempt));
            let error = match Bounded::new(call, None, work(attempt)).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            call.events().emit(|| failed(call, attempt, &error));
            let random = random.get_or_insert_with(|| self.random());
            let delay = self.jitter.apply(self.backoff.delay(attempt.number).min(self.max_delay), random);
            match self.decide(attempt, &error, delay, self.time_left(call, began)) {
                Next::After(delay) => pause(call, attempt, delay, &error).await?,
                Next::GiveBack => return Err(error),
                Next::GiveUp => return Err(exhausted(call, attempt, error)),
            }
            attempt.number += 1;
        }
    }

    /// Made only when something failed.
    fn random(&self) -> fastrand::Rng {
        self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)
    }

    /// What is left until the deadline or the elapsed limit, whichever is earlier.
    fn time_left(&self, call: &Call, began: Option<Instant>) -> Option<Duration> {
        let elapsed_left =
            self.max_elapsed.zip(began).map(|(limit, began)| limit.saturating_sub(call.clock().now() - began));
        [call.remaining(), elapsed_left].into_iter().flatten().min()
    }

    /// The whole decision, without effects. `delay` is what we would wait by ourselves.
    fn decide<X: Fault>(&self, attempt: Attempt, error: &X, delay: Duration, time_left: Option<Duration>) -> Next {
        let hint = match error.guidance().advice {
            RetryAdvice::RetryNow => Duration::ZERO,
            RetryAdvice::RetryAfter(hint) => hint,
            RetryAdvice::TryElsewhere | RetryAdvice::Never => return Next::GiveBack,
        };
        let fits = |wait: Duration| time_left.is_none_or(|left| wait < left);
        if hint > self.max_delay || (!hint.is_zero() && !fits(hint)) {
            return Next::GiveBack;
        }
        let delay = delay.max(hint);
        if !attempt.is_last() && fits(delay) {
            Next::After(delay)
        } else if attempt.number == 1 {
            Next::GiveBack
        } else {
            Next::GiveUp
        }
    }
}

enum Next {
    After(Duration),
    /// The error itself is the answer.
    GiveBack,
    /// Several attempts are spent.
    GiveUp,
}

/// Says that it will wait, then waits: so the listener knows before and not after.
async fn pause<X: Fault>(call: &Call, attempt: Attempt, delay: Duration, error: &X) -> Result<(), X> {
    // Made first, so that a listener that hurries at once is heard.
    let hurried = call.nudge().hurried();
    call.events().emit(|| Event::RetryScheduled {
        operation: call.operation_name(),
        attempt: attempt.number,
        of: attempt.of,
        delay,
        code: error.code(),
    });
    let wait = async {
        tokio::select! {
            biased;
            () = hurried => Ok(()),
            () = call.clock().sleep(delay) => Ok(()),
        }
    };
    Bounded::new(call, None, wait).await
}

fn exhausted<X: Fault>(call: &Call, attempt: Attempt, error: X) -> X {
    call.events().emit(|| Event::RetriesExhausted {
        operation: call.operation_name(),
        attempts: attempt.number,
        code: error.code(),
    });
    error.after_attempts(attempt.number, call.operation())
}

fn started(call: &Call, attempt: Attempt) -> Event {
    Event::AttemptStarted { operation: call.operation_name(), attempt: attempt.number, of: attempt.of }
}

fn failed<X: Fault>(call: &Call, attempt: Attempt, error: &X) -> Event {
    Event::AttemptFailed {
        operation: call.operation_name(),
        attempt: attempt.number,
        of: attempt.of,
        code: error.code(),
        message: error.sentence(),
    }
}

/// One try and two more, as the AWS SDKs do by default (retry mode "standard").
const MAX_ATTEMPTS: u32 = 3;

/// A choice: common HTTP clients obey a named wait of up to 60 s, but few people sit through half of that.
const MAX_DELAY: Duration = Duration::from_secs(30);
