//! Inputs of work that is tried several times. A request body that was read once is empty the second time; so an
//! input is either copied beforehand or given back by the work that failed, and without it there is no next attempt.

use super::drive::{Begin, Work};
use crate::{
    Attempt, CancelReason, Code, Guidance,
    error::{Fault, Stop},
};

/// An input that perhaps can be sent once more. Everything that is `Clone` can; implement it for a type of yours that
/// only sometimes can.
///
/// ```
/// use steadfast::Replay;
///
/// enum Body {
///     Bytes(Vec<u8>),
///     Stream(std::fs::File),
/// }
/// impl Replay for Body {
///     fn replay(&self) -> Option<Self> {
///         match self {
///             Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
///             Self::Stream(_) => None,
///         }
///     }
/// }
/// assert!(Body::Bytes(vec![1]).replay().is_some());
/// ```
pub trait Replay: Sized {
    /// A copy for the next attempt, or `None` when there can be no next attempt.
    fn replay(&self) -> Option<Self>;
}

impl<T: Clone> Replay for T {
    fn replay(&self) -> Option<Self> {
        Some(self.clone())
    }
}

/// An error of work that had been given an input, perhaps with the input. `?` makes one without: whoever says nothing
/// is not tried again.
///
/// ```
/// use steadfast::{Error, GivenBack};
///
/// fn open() -> Result<(), Error> {
///     Err(Error::unavailable("box"))
/// }
/// fn careless(_letter: String) -> Result<(), GivenBack<Error, String>> {
///     Ok(open()?)
/// }
/// fn careful(letter: String) -> Result<(), GivenBack<Error, String>> {
///     open().map_err(|error| GivenBack::whole(error, letter))
/// }
/// assert_eq!(careless("Dear Ada".to_owned()).unwrap_err().input, None); // is not tried again
/// assert!(careful("Dear Ada".to_owned()).unwrap_err().input.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenBack<E, I> {
    /// What went wrong.
    pub error: E,
    /// The input, when it is still whole.
    pub input: Option<I>,
}

impl<E, I> GivenBack<E, I> {
    /// The input was not touched, or can be sent again as it is.
    ///
    /// ```
    /// use steadfast::{Error, GivenBack};
    ///
    /// let refused = GivenBack::whole(Error::unavailable("box"), "letter");
    /// assert_eq!(refused.input, Some("letter")); // goes into the next attempt
    /// ```
    pub fn whole(error: E, input: I) -> Self {
        Self { error, input: Some(input) }
    }

    /// The input is gone.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Code, Error, GivenBack, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("post", &CancelToken::root("program"));
    /// let retry = Retry::fixed(Duration::from_millis(1));
    /// let lost = |_, _letter| async { Err::<(), _>(GivenBack::spent(Error::unavailable("box"))) };
    /// let error = retry.run_giving_back(&call, "letter", lost).await.unwrap_err();
    /// assert_eq!(error.code(), Code::UNAVAILABLE); // not retried, although the error would allow it
    /// # }
    /// ```
    pub fn spent(error: E) -> Self {
        Self { error, input: None }
    }
}

impl<E, I> From<E> for GivenBack<E, I> {
    fn from(error: E) -> Self {
        Self::spent(error)
    }
}

/// What a policy says has no input: the work was dropped, and the input with it.
impl<X: Fault, I> Fault for GivenBack<X, I> {
    fn from_stop(stop: Stop, operation: &str) -> Self {
        Self::spent(X::from_stop(stop, operation))
    }

    fn guidance(&self) -> Guidance {
        self.error.guidance()
    }

    fn code(&self) -> Code {
        self.error.code()
    }

    fn sentence(&self) -> String {
        self.error.sentence()
    }

    fn cancel_reason(&self) -> Option<CancelReason> {
        self.error.cancel_reason()
    }

    fn after_attempts(self, attempts: u32, operation: &str) -> Self {
        Self { error: self.error.after_attempts(attempts, operation), ..self }
    }
}

/// Work without an input.
pub(crate) struct Each<F>(pub(crate) F);

impl<F, Fut> Begin for Each<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future,
{
    type Future = Fut;

    fn begin(&mut self, attempt: Attempt) -> Fut {
        (self.0)(attempt)
    }
}

impl<T, X, F, Fut> Work<T, X> for Each<F>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, X>>,
{
    fn end(&mut self, output: Result<T, X>) -> Result<T, X> {
        output
    }
}

/// Work whose input is copied beforehand.
pub(crate) struct Replayed<I, F> {
    next: Option<I>,
    work: F,
}

impl<I, F> Replayed<I, F> {
    pub(crate) fn new(input: I, work: F) -> Self {
        Self { next: Some(input), work }
    }
}

impl<I, F, Fut> Begin for Replayed<I, F>
where
    I: Replay,
    F: FnMut(Attempt, I) -> Fut,
    Fut: Future,
{
    type Future = Fut;

    fn begin(&mut self, attempt: Attempt) -> Fut {
        let input = taken(&mut self.next);
        self.next = if attempt.is_last() { None } else { input.replay() };
        (self.work)(attempt, input)
    }
}

impl<T, X, I, F, Fut> Work<T, X> for Replayed<I, F>
where
    I: Replay,
    F: FnMut(Attempt, I) -> Fut,
    Fut: Future<Output = Result<T, X>>,
{
    fn end(&mut self, output: Result<T, X>) -> Result<T, X> {
        output
    }

    fn repeatable(&self) -> bool {
        self.next.is_some()
    }
}

/// Work that gives its input back.
pub(crate) struct GivesBack<I, F> {
    next: Option<I>,
    work: F,
}

impl<I, F> GivesBack<I, F> {
    pub(crate) fn new(input: I, work: F) -> Self {
        Self { next: Some(input), work }
    }
}

impl<I, F, Fut> Begin for GivesBack<I, F>
where
    F: FnMut(Attempt, I) -> Fut,
    Fut: Future,
{
    type Future = Fut;

    fn begin(&mut self, attempt: Attempt) -> Fut {
        let input = taken(&mut self.next);
        (self.work)(attempt, input)
    }
}

impl<T, X, I, F, Fut> Work<T, X> for GivesBack<I, F>
where
    F: FnMut(Attempt, I) -> Fut,
    Fut: Future<Output = Result<T, GivenBack<X, I>>>,
{
    fn end(&mut self, output: Result<T, GivenBack<X, I>>) -> Result<T, X> {
        output.map_err(|GivenBack { error, input }| {
            self.next = input;
            error
        })
    }

    fn repeatable(&self) -> bool {
        self.next.is_some()
    }
}

#[expect(clippy::expect_used, reason = "the loop begins the first attempt once, and a later one only if repeatable")]
fn taken<I>(input: &mut Option<I>) -> I {
    input.take().expect("an attempt that begins has an input")
}
