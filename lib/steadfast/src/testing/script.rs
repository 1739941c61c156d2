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
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Clock, Error, testing::{Script, Step}};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Error> {
/// let clock = Clock::real();
/// let began = clock.now();
/// let shop = Script::new([
///     Step::error(Error::unavailable("shop")),
///     Step::value("bought").after(Duration::from_secs(2)),
/// ]);
/// assert!(shop.play().await.is_err());
/// assert_eq!(shop.play().await?, "bought");
/// assert_eq!(clock.now() - began, Duration::from_secs(2));
/// # Ok(()) }
/// ```
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
    ///
    /// ```
    /// use steadfast::{Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Script::new([Step::value("bought"), Step::value("bought")]);
    /// assert_eq!(shop.play().await?, "bought");
    /// let mut parts = shop.open(); // as a stream it is the only part
    /// assert_eq!(parts.next().await.transpose()?, Some("bought"));
    /// assert!(parts.next().await.is_none());
    /// # Ok(()) }
    /// ```
    pub fn value(value: T) -> Self {
        Self::ending(End::Value(value))
    }

    /// It fails.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Retry, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shop = Script::new([Step::error(Error::not_found("book", "7")), Step::value("bought")]);
    /// let call = Stage::manual().call("buy");
    /// Retry::fixed(Duration::ZERO).run(&call, |_| shop.play()).await.unwrap_err();
    /// assert_eq!(shop.left(), 1); // what is permanent was not tried again
    /// # }
    /// ```
    pub fn error(error: X) -> Self {
        Self::ending(End::Error(error))
    }

    /// It never ends.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Code, Timeout, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let shop: Script<()> = Script::new([Step::hang()]);
    /// let call = Stage::paused().call("buy");
    /// let error = Timeout::after(Duration::from_secs(2)).run(&call, shop.play()).await.unwrap_err();
    /// assert_eq!(error.code(), Code::TIMEOUT);
    /// # }
    /// ```
    pub fn hang() -> Self {
        Self::ending(End::Hang)
    }

    /// It panics.
    ///
    /// ```
    /// use steadfast::{CancelToken, Code, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let printer: Script<()> = Script::new([Step::panic("out of paper")]);
    /// let task = CancelToken::root("test").spawn("print", printer.play());
    /// assert_eq!(task.await.unwrap_err().code(), Code::INTERNAL); // the panic went no further
    /// # }
    /// ```
    pub fn panic(message: &'static str) -> Self {
        Self::ending(End::Panic(message))
    }

    /// A stream of these parts that ends well; see [`Script::open`].
    ///
    /// ```
    /// use steadfast::{Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let teller = Script::new([Step::parts(["once", "upon"])]);
    /// let mut story = teller.open();
    /// assert_eq!(story.next().await.transpose()?, Some("once"));
    /// assert_eq!(story.next().await.transpose()?, Some("upon"));
    /// assert!(story.next().await.is_none());
    /// # Ok(()) }
    /// ```
    pub fn parts(parts: impl IntoIterator<Item = T>) -> Self {
        Self { parts: parts.into_iter().collect(), ..Self::ending(End::Done) }
    }

    /// A stream that breaks after these parts, with what `self` does: an error, a hang or a panic.
    ///
    /// ```
    /// use steadfast::{Code, Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let teller = Script::new([Step::error(Error::connection_lost("teller")).after_parts(["once"])]);
    /// let mut story = teller.open();
    /// assert_eq!(story.next().await.transpose()?, Some("once"));
    /// assert_eq!(story.next().await.transpose().unwrap_err().code(), Code::CONNECTION_LOST);
    /// assert!(story.next().await.is_none()); // after the break it is over
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn after_parts(self, parts: impl IntoIterator<Item = T>) -> Self {
        Self { parts: parts.into_iter().collect(), ..self }
    }

    /// The same, so much later. For a stream, before every part and before its end.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let clock = Clock::real();
    /// let began = clock.now();
    /// let teller = Script::new([Step::parts(["once", "upon"]).after(Duration::from_secs(1))]);
    /// let mut story = teller.open();
    /// while story.next().await.is_some() {}
    /// assert_eq!(clock.now() - began, Duration::from_secs(3)); // two parts and the end
    /// # }
    /// ```
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
    ///
    /// ```
    /// use steadfast::{Code, Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Script::new([Step::value("bought")]);
    /// assert_eq!(shop.play().await?, "bought");
    /// assert_eq!(shop.play().await.unwrap_err().code(), Code::INTERNAL); // asked once too often
    /// # Ok(()) }
    /// ```
    pub fn new(steps: impl IntoIterator<Item = Step<T>>) -> Self {
        Self::of(steps)
    }

    /// Plays the next step. A step with parts gives its last one, or what its stream breaks with; a stream without
    /// any part counts as past the end. Cancel safe, except that the step is spent when this is called.
    ///
    /// ```
    /// use steadfast::{Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Script::new([Step::value("first"), Step::value("second")]);
    /// drop(shop.play()); // never polled, and spent all the same
    /// assert_eq!(shop.play().await?, "second");
    /// # Ok(()) }
    /// ```
    pub fn play(&self) -> impl Future<Output = Result<T, Error>> + use<T> {
        self.play_or(past_the_end)
    }

    /// Opens the next step as a stream: first its parts, then its end. A step without parts is a stream that breaks
    /// at once, or that has its value as the only part.
    ///
    /// ```
    /// use steadfast::{Code, Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let teller: Script<&str> = Script::new([Step::error(Error::unavailable("teller"))]);
    /// let mut story = teller.open(); // opening never fails, the first part does
    /// assert_eq!(story.next().await.transpose().unwrap_err().code(), Code::UNAVAILABLE);
    /// # }
    /// ```
    pub fn open(&self) -> Parts<T> {
        self.open_or(past_the_end)
    }
}

/// With errors of your own.
impl<T, X> Script<T, X> {
    /// Plays these steps; use it when the error is not the house's.
    ///
    /// ```
    /// use steadfast::testing::{Script, Step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// #[derive(Debug, PartialEq)]
    /// enum ShopError {
    ///     Closed,
    ///     NotScripted,
    /// }
    ///
    /// let shop: Script<&str, ShopError> = Script::of([Step::error(ShopError::Closed)]);
    /// assert_eq!(shop.play_or(|| ShopError::NotScripted).await, Err(ShopError::Closed));
    /// # }
    /// ```
    pub fn of(steps: impl IntoIterator<Item = Step<T, X>>) -> Self {
        let steps = Arc::new(Mutex::new(steps.into_iter().collect()));
        Self { steps, played: Arc::default(), clock: Clock::real() }
    }

    /// The same script, whose delays pass on this clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let (stage, hour) = (Stage::manual(), Duration::from_secs(3600));
    /// let shop = Script::new([Step::value("bought").after(hour)]).with_clock(stage.clock().clone());
    /// let (answer, ()) = tokio::join!(shop.play(), async { stage.advance(hour) });
    /// assert_eq!(answer?, "bought");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// One step more at the end.
    ///
    /// ```
    /// use steadfast::{Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let shop = Script::new([]);
    /// let seen_by_the_program = shop.clone();
    /// shop.push(Step::value("bought")); // clones play the same list
    /// assert_eq!(seen_by_the_program.play().await?, "bought");
    /// # Ok(()) }
    /// ```
    pub fn push(&self, step: Step<T, X>) {
        self.lock().push_back(step);
    }

    /// [`Script::play`], with an error for a call past the end.
    ///
    /// ```
    /// use steadfast::testing::{Script, Step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shop: Script<u32, &str> = Script::of([Step::value(7)]);
    /// assert_eq!(shop.play_or(|| "not in the script").await, Ok(7));
    /// assert_eq!(shop.play_or(|| "not in the script").await, Err("not in the script"));
    /// # }
    /// ```
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
    ///
    /// ```
    /// use steadfast::testing::{Script, Step};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let teller: Script<&str, &str> = Script::of([Step::error("the line broke").after_parts(["once"])]);
    /// let mut story = teller.open_or(|| "not in the script");
    /// assert_eq!(story.next().await, Some(Ok("once")));
    /// assert_eq!(story.next().await, Some(Err("the line broke")));
    /// assert_eq!(teller.open_or(|| "not in the script").next().await, Some(Err("not in the script")));
    /// # }
    /// ```
    pub fn open_or(&self, past_the_end: fn() -> X) -> Parts<T, X> {
        self.played.fetch_add(1, Ordering::Relaxed);
        let step = self.lock().pop_front().unwrap_or_else(|| Step::error(past_the_end()));
        Parts { clock: self.clock.clone(), delay: step.delay, parts: step.parts.into(), end: Some(step.end) }
    }

    /// How many times it was asked to play or to open, the times past the end included.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, Retry, testing::{Script, Stage, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let shop: Script<()> = Script::new([Step::error(Error::unavailable("shop"))]);
    /// let call = Stage::manual().call("buy");
    /// Retry::fixed(Duration::ZERO).max_attempts(2).run(&call, |_| shop.play()).await.unwrap_err();
    /// assert_eq!((shop.played(), shop.left()), (2, 0)); // one of the two was past the end
    /// # }
    /// ```
    pub fn played(&self) -> usize {
        self.played.load(Ordering::Relaxed)
    }

    /// How many steps are left.
    ///
    /// ```
    /// use steadfast::testing::{Script, Step};
    ///
    /// let shop: Script<u32> = Script::new([Step::value(1), Step::value(2)]);
    /// drop(shop.open());
    /// assert_eq!(shop.left(), 1);
    /// ```
    pub fn left(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step<T, X>>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A scripted stream.
///
/// ```
/// use steadfast::{Error, testing::{Script, Step}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let teller = Script::new([Step::parts(["once", "upon", "a time"])]);
/// let (mut story, mut told) = (teller.open(), Vec::new());
/// while let Some(part) = story.next().await {
///     told.push(part?);
/// }
/// assert_eq!(told.join(" "), "once upon a time");
/// # Ok(()) }
/// ```
pub struct Parts<T, X = Error> {
    clock: Clock,
    delay: Duration,
    parts: VecDeque<T>,
    /// `None` when it is over.
    end: Option<End<T, X>>,
}

impl<T, X> Parts<T, X> {
    /// The next part, or the error that breaks the stream; `None` when it is over. Cancel safe: a part that was not
    /// given out comes the next time, after its whole delay.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Error, testing::{Script, Step}};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Error> {
    /// let teller = Script::new([Step::parts(["once"]).after(Duration::from_secs(2))]);
    /// let mut story = teller.open();
    /// assert!(tokio::time::timeout(Duration::from_secs(1), story.next()).await.is_err());
    /// assert_eq!(story.next().await.transpose()?, Some("once")); // not lost
    /// # Ok(()) }
    /// ```
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
