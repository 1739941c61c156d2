//! Work that does as it is told: a list of outcomes, played one by one. Surprise: past its end it fails with
//! `INTERNAL`, so that a policy that asks once too often is seen.

use crate::{Clock, Error};
use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A target that plays its steps in order, one for each call; clones play the same list.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Error, Retry, testing::{Script, Step}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let shop = Script::new([Step::error(Error::unavailable("shop")), Step::value("bought")]);
/// let call = Call::new("buy", &CancelToken::root("test"));
/// let retry = Retry::fixed(Duration::from_millis(1));
/// assert_eq!(retry.run(&call, |_| shop.play()).await?, "bought");
/// assert_eq!((shop.played(), shop.left()), (2, 0));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Script<T, X = Error> {
    steps: Arc<Mutex<VecDeque<Step<T, X>>>>,
    played: Arc<AtomicUsize>,
    clock: Clock,
}

/// What one call does. Delays may stand before anything: `Step::value(1).after(delay)`.
pub struct Step<T, X = Error> {
    delay: Duration,
    parts: Vec<T>,
    end: End<T, X>,
}

enum End<T, X> {
    Value(T),
    Error(X),
    Hang,
    Panic(&'static str),
    /// A stream that ends well.
    Done,
}

impl<T, X> Step<T, X> {
    /// It succeeds.
    pub fn value(value: T) -> Self {
        Self::ending(End::Value(value))
    }

    /// It fails.
    pub fn error(error: X) -> Self {
        Self::ending(End::Error(error))
    }

    /// It never ends.
    pub fn hang() -> Self {
        Self::ending(End::Hang)
    }

    /// It panics.
    pub fn panic(message: &'static str) -> Self {
        Self::ending(End::Panic(message))
    }

    /// A stream of these parts that ends well; see [`Script::open`].
    pub fn parts(parts: impl IntoIterator<Item = T>) -> Self {
        Self { parts: parts.into_iter().collect(), ..Self::ending(End::Done) }
    }

    /// A stream that breaks after these parts, with what `self` does: an error, a hang or a panic.
    #[must_use]
    pub fn after_parts(self, parts: impl IntoIterator<Item = T>) -> Self {
        Self { parts: parts.into_iter().collect(), ..self }
    }

    /// The same, so much later. For a stream, before every part and before its end.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    fn ending(end: End<T, X>) -> Self {
        Self { delay: Duration::ZERO, parts: Vec::new(), end }
    }
}

impl<T> Script<T> {
    /// Plays these steps on the real clock, which paused time moves.
    pub fn new(steps: impl IntoIterator<Item = Step<T>>) -> Self {
        Self::of(steps)
    }

    /// Plays the next step. A step with parts gives its last one, or what its stream ends with. Cancel safe, except
    /// that the step is spent when this is called.
    pub fn play(&self) -> impl Future<Output = Result<T, Error>> + use<T> {
        self.play_or(past_the_end)
    }

    /// Opens the next step as a stream: first its parts, then its end. A step without parts is a stream that breaks
    /// at once, or that has its value as the only part.
    pub fn open(&self) -> Parts<T> {
        self.open_or(past_the_end)
    }
}

/// With errors of your own.
impl<T, X> Script<T, X> {
    /// Plays these steps; use it when the error is not the house's.
    pub fn of(steps: impl IntoIterator<Item = Step<T, X>>) -> Self {
        let steps = Arc::new(Mutex::new(steps.into_iter().collect()));
        Self { steps, played: Arc::default(), clock: Clock::real() }
    }

    /// The same script, whose delays pass on this clock.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// One step more at the end.
    pub fn push(&self, step: Step<T, X>) {
        self.lock().push_back(step);
    }

    /// [`Script::play`], with an error for a call past the end.
    pub fn play_or(&self, past_the_end: fn() -> X) -> impl Future<Output = Result<T, X>> + use<T, X> {
        let mut parts = self.open_or(past_the_end);
        async move {
            let mut last = None;
            while let Some(part) = parts.next().await {
                last = Some(part?);
            }
            last.ok_or_else(past_the_end)
        }
    }

    /// [`Script::open`], with an error for a call past the end.
    pub fn open_or(&self, past_the_end: fn() -> X) -> Parts<T, X> {
        self.played.fetch_add(1, Ordering::Relaxed);
        let step = self.lock().pop_front().unwrap_or_else(|| Step::error(past_the_end()));
        Parts { clock: self.clock.clone(), delay: step.delay, parts: step.parts.into(), end: Some(step.end) }
    }

    /// How many times it was asked to play or to open, the times past the end included.
    pub fn played(&self) -> usize {
        self.played.load(Ordering::Relaxed)
    }

    /// How many steps are left.
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step<T, X>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scripted stream.
pub struct Parts<T, X = Error> {
    clock: Clock,
    delay: Duration,
    parts: VecDeque<T>,
    /// `None` when it is over.
    end: Option<End<T, X>>,
}

impl<T, X> Parts<T, X> {
    /// The next part, or the error that breaks the stream; `None` when it is over. Cancel safe: a part that was not
    /// given out comes the next time.
    pub async fn next(&mut self) -> Option<Result<T, X>> {
        self.end.as_ref()?;
        if !self.delay.is_zero() {
            self.clock.sleep(self.delay).await;
        }
        if let Some(part) = self.parts.pop_front() {
            return Some(Ok(part));
        }
        if matches!(self.end, Some(End::Hang)) {
            return std::future::pending().await;
        }
        match self.end.take()? {
            End::Value(value) => Some(Ok(value)),
            End::Error(error) => Some(Err(error)),
            End::Panic(message) => scripted_panic(message),
            End::Hang | End::Done => None,
        }
    }
}

#[expect(clippy::panic, reason = "a panic is what the script asked for")]
fn scripted_panic(message: &'static str) -> ! {
    panic!("{message}")
}

fn past_the_end() -> Error {
    Error::internal("the script has no step left")
}

impl<T, X> fmt::Debug for Step<T, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match &self.end {
            End::Value(_) => "value",
            End::Error(_) => "error",
            End::Hang => "hang",
            End::Panic(_) => "panic",
            End::Done => "done",
        };
        write!(f, "{end} after {:?} and {} parts", self.delay, self.parts.len())
    }
}

impl<T, X> fmt::Debug for Parts<T, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("left", &self.parts.len()).finish_non_exhaustive()
    }
}
