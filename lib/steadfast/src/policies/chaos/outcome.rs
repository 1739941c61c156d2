//! Trouble after the work: another outcome takes the place of the real one. Like `Chaos` it is made switched off.

use super::{Dial, likely, tell};
use crate::{Call, chance::Chance};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

type Make<T, X> = dyn Fn(Result<T, X>) -> Result<T, X> + Send + Sync;

/// Changes outcomes with a probability; made by [`Chaos::outcome`](super::Chaos::outcome). Clones share the switch.
///
/// ```
/// use steadfast::{Call, CancelToken, Chaos, Error};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("read the scales", &CancelToken::root("program"));
/// let chaos = Chaos::outcome(1.0, |weight: Result<u32, Error>| weight.map(|weight| weight + 1_000_000));
/// chaos.turn_on();
/// assert_eq!(chaos.run(&call, async { Ok(5) }).await?, 1_000_005);
/// # Ok(()) }
/// ```
pub struct ChaosOutcome<T, X> {
    dial: Arc<Dial>,
    probability: f64,
    make: Arc<Make<T, X>>,
}

impl<T, X> ChaosOutcome<T, X> {
    pub(super) fn new(probability: f64, make: impl Fn(Result<T, X>) -> Result<T, X> + Send + Sync + 'static) -> Self {
        Self { dial: Arc::default(), probability: likely(probability), make: Arc::new(make) }
    }

    /// Makes the trouble the same in every run whose calls come in the same order. Gives a new one, switched off.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Error};
    ///
    /// async fn readings(call: &Call) -> Vec<Result<u32, Error>> {
    ///     let chaos = Chaos::outcome(0.5, |weight: Result<u32, Error>| weight.map(|weight| weight + 1_000)).seed(7);
    ///     chaos.turn_on();
    ///     let mut readings = Vec::new();
    ///     for _ in 0..20 {
    ///         readings.push(chaos.run(call, async { Ok(5) }).await);
    ///     }
    ///     readings
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("read the scales", &CancelToken::root("program"));
    /// let (first, second) = (readings(&call).await, readings(&call).await);
    /// assert!(first.iter().flatten().eq(second.iter().flatten()));
    /// # }
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        let dial = Dial { on: AtomicBool::new(false), chance: Chance::seeded(seed) };
        Self { dial: Arc::new(dial), ..self }
    }

    /// From now on outcomes are changed.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let chaos = Chaos::outcome(1.0, |weight: Result<u32, Error>| weight.map(|weight| weight + 1_000));
    /// let call = Call::new("read the scales", &CancelToken::root("program"));
    /// assert_eq!(chaos.run(&call, async { Ok(5) }).await?, 5); // nobody has switched it on yet
    /// chaos.clone().turn_on(); // clones share the switch
    /// assert_eq!(chaos.run(&call, async { Ok(5) }).await?, 1_005);
    /// # Ok(()) }
    /// ```
    pub fn turn_on(&self) {
        self.dial.on.store(true, Ordering::Relaxed);
    }

    /// From now on they are not.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let chaos = Chaos::outcome(1.0, |weight: Result<u32, Error>| weight.map(|weight| weight + 1_000));
    /// let call = Call::new("read the scales", &CancelToken::root("program"));
    /// chaos.turn_on();
    /// let slow = chaos.run(&call, async {
    ///     chaos.turn_off(); // while the work is under way
    ///     Ok(5)
    /// });
    /// assert_eq!(slow.await?, 5); // the switch is looked at when the work is done
    /// # Ok(()) }
    /// ```
    pub fn turn_off(&self) {
        self.dial.on.store(false, Ordering::Relaxed);
    }

    /// Runs `work` and perhaps gives something else than it gave. Cancel safe when the work is.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// // A failure can become a success too: some targets answer "done" and have done nothing.
    /// let chaos = Chaos::outcome(1.0, |_: Result<&str, Error>| Ok("done"));
    /// chaos.turn_on();
    /// let call = Call::new("store", &CancelToken::root("program"));
    /// assert_eq!(chaos.run(&call, async { Err(Error::disk_full(10, 0)) }).await?, "done");
    /// # Ok(()) }
    /// ```
    pub async fn run<F>(&self, call: &Call, work: F) -> Result<T, X>
    where
        F: Future<Output = Result<T, X>>,
    {
        let outcome = work.await;
        if !self.dial.on.load(Ordering::Relaxed) || self.dial.chance.unit() >= self.probability {
            return outcome;
        }
        tell(call, "outcome");
        (self.make)(outcome)
    }
}

impl<T, X> Clone for ChaosOutcome<T, X> {
    fn clone(&self) -> Self {
        Self { dial: Arc::clone(&self.dial), probability: self.probability, make: Arc::clone(&self.make) }
    }
}

impl<T, X> fmt::Debug for ChaosOutcome<T, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChaosOutcome").field("probability", &self.probability).finish_non_exhaustive()
    }
}
