//! Makes trouble on purpose, so that the other policies are seen to work: faults, delays, hangs, odd behaviour and
//! changed outcomes, each with a probability. Surprise: it is made switched off, because it may be built into a
//! program that people use; switched off it costs one load.

use super::{Around, TryFuture};
use crate::{Call, Error, Event, Stop, chance::Chance};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use troubled::Troubled;

mod outcome;
mod troubled;

pub use outcome::ChaosOutcome;

/// Trouble around one piece of work; clones share the switch and the chance. Each kind of trouble is drawn on its
/// own, in the order in which it was added; a builder method gives a new one, switched off.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Call, CancelToken, Chaos, Code, Error, Stop};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let call = Call::new("buy", &CancelToken::root("program"));
/// let chaos = Chaos::new().seed(7).fault(1.0, Stop::TimedOut(Duration::from_secs(2)));
/// assert_eq!(chaos.run(&call, async { Ok("bought") }).await?, "bought");
/// chaos.turn_on();
/// assert_eq!(chaos.run(&call, async { Ok("bought") }).await.unwrap_err().code(), Code::TIMEOUT);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Chaos {
    dial: Arc<Dial>,
    seed: Option<u64>,
    troubles: Arc<[Trouble]>,
}

/// The switch and the chance.
#[derive(Debug, Default)]
struct Dial {
    on: AtomicBool,
    chance: Chance,
}

#[derive(Debug, Clone)]
struct Trouble {
    probability: f64,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Fault(Stop),
    Latency { least: Duration, most: Duration },
    Hang,
    Behaviour(Arc<dyn Fn(&Call) + Send + Sync>),
}

impl Chaos {
    /// No trouble yet, and switched off.
    ///
    /// ```
    /// use steadfast::Chaos;
    ///
    /// let chaos = Chaos::new().hang(1.0);
    /// assert!(!chaos.is_on());
    /// ```
    pub fn new() -> Self {
        Self { dial: Arc::default(), seed: None, troubles: Arc::default() }
    }

    /// Makes the trouble the same in every run whose calls come in the same order.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, RejectedBy, Rejection, Stop};
    ///
    /// async fn failures(call: &Call) -> Vec<bool> {
    ///     let full = Stop::Rejected(Rejection::new(RejectedBy::Bulkhead, "shop"));
    ///     let chaos = Chaos::new().fault(0.5, full).seed(7);
    ///     chaos.turn_on();
    ///     let mut failures = Vec::new();
    ///     for _ in 0..20 {
    ///         failures.push(chaos.run(call, async { Ok(()) }).await.is_err());
    ///     }
    ///     failures
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// assert_eq!(failures(&call).await, failures(&call).await);
    /// # }
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }.anew()
    }

    /// With this probability (clamped to 0 to 1; what is no number is 0) the work is not begun, and ends as `stop`
    /// says.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Code, RejectedBy, Rejection, Stop};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chaos = Chaos::new().fault(1.0, Stop::Rejected(Rejection::new(RejectedBy::Breaker, "shop")));
    /// chaos.turn_on();
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let mut bought = false;
    /// let refused = chaos.run(&call, async { Ok(bought = true) }).await.unwrap_err();
    /// assert_eq!((refused.code(), bought), (Code::CIRCUIT_OPEN, false));
    /// # }
    /// ```
    #[must_use]
    pub fn fault(self, probability: f64, stop: Stop) -> Self {
        self.with(probability, Kind::Fault(stop))
    }

    /// With this probability the work begins late, by anything from `least` to `most` (at least `least`).
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Chaos, Error, testing::Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Error> {
    /// let (least, most) = (Duration::from_millis(100), Duration::from_millis(300));
    /// let chaos = Chaos::new().latency(1.0, least, most);
    /// chaos.turn_on();
    /// let call = Stage::paused().call("buy");
    /// let began = call.clock().now();
    /// chaos.run(&call, async { Ok("bought") }).await?; // late, but it succeeds
    /// let took = call.clock().now() - began;
    /// assert!(least <= took && took <= most + Duration::from_millis(1)); // a timer counts milliseconds
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn latency(self, probability: f64, least: Duration, most: Duration) -> Self {
        self.with(probability, Kind::Latency { least, most: most.max(least) })
    }

    /// With this probability the work never begins; only the call's token, its deadline or a time-out outside ends it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Call, CancelToken, Chaos, Code, Timeout};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let chaos = Chaos::new().hang(1.0);
    /// chaos.turn_on();
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let limit = Timeout::after(Duration::from_secs(2));
    /// let error = limit.run(&call, chaos.run(&call, async { Ok("bought") })).await.unwrap_err();
    /// assert_eq!(error.code(), Code::TIMEOUT);
    /// # }
    /// ```
    #[must_use]
    pub fn hang(self, probability: f64) -> Self {
        self.with(probability, Kind::Hang)
    }

    /// With this probability `act` is called before the work begins: to panic, to stop a token, to fill a disk. It
    /// runs inside the call, so it must not wait.
    ///
    /// ```
    /// use steadfast::{Call, CancelReason, CancelToken, Chaos, Code};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chaos = Chaos::new().behaviour(1.0, |call| {
    ///     call.token().cancel(CancelReason::ClientGone);
    /// });
    /// chaos.turn_on();
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// let error = chaos.run(&call, async { call.check() }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::CANCELLED);
    /// # }
    /// ```
    #[must_use]
    pub fn behaviour(self, probability: f64, act: impl Fn(&Call) + Send + Sync + 'static) -> Self {
        self.with(probability, Kind::Behaviour(Arc::new(act)))
    }

    /// Changes outcomes instead of the work: with this probability what `make` gives takes the place of what the work
    /// gave. It knows the work's type, so it is a policy of its own.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Code, Error};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let chaos = Chaos::outcome(1.0, |_: Result<u32, Error>| Err(Error::corrupt("The scales show nonsense.")));
    /// chaos.turn_on();
    /// let call = Call::new("read the scales", &CancelToken::root("program"));
    /// let error = chaos.run(&call, async { Ok(5) }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::CORRUPT);
    /// # }
    /// ```
    pub fn outcome<T, X>(
        probability: f64,
        make: impl Fn(Result<T, X>) -> Result<T, X> + Send + Sync + 'static,
    ) -> ChaosOutcome<T, X> {
        ChaosOutcome::new(probability, make)
    }

    /// From now on there is trouble.
    ///
    /// ```
    /// use steadfast::Chaos;
    ///
    /// let switch = Chaos::new().hang(0.01);
    /// let in_the_pipeline = switch.clone(); // after the last builder method
    /// switch.turn_on();
    /// assert!(in_the_pipeline.is_on());
    /// ```
    pub fn turn_on(&self) {
        self.dial.on.store(true, Ordering::Relaxed);
    }

    /// From now on there is none; what is delayed or hangs already stays so.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Chaos, Error, Stop};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let chaos = Chaos::new().fault(1.0, Stop::TimedOut(std::time::Duration::from_secs(2)));
    /// let call = Call::new("buy", &CancelToken::root("program"));
    /// chaos.turn_on();
    /// assert!(chaos.run(&call, async { Ok("bought") }).await.is_err());
    /// chaos.turn_off();
    /// assert_eq!(chaos.run(&call, async { Ok("bought") }).await?, "bought");
    /// # Ok(()) }
    /// ```
    pub fn turn_off(&self) {
        self.dial.on.store(false, Ordering::Relaxed);
    }

    /// Whether there is trouble.
    ///
    /// ```
    /// use steadfast::Chaos;
    ///
    /// let chaos = Chaos::new();
    /// chaos.turn_on();
    /// assert!(chaos.is_on());
    /// assert!(!chaos.hang(0.01).is_on()); // a new one, with a switch of its own
    /// ```
    pub fn is_on(&self) -> bool {
        self.dial.on.load(Ordering::Relaxed)
    }

    /// Runs `work` with its share of trouble. Delays end with the call's token and deadline. Cancel safe when the
    /// work is. Whether it is switched on is looked at by the first poll.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Chaos, Code, Deadline, testing::Stage};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// let chaos = Chaos::new().latency(1.0, Duration::from_secs(60), Duration::from_secs(90));
    /// chaos.turn_on();
    /// let stage = Stage::paused();
    /// let call = stage.call("buy").with_deadline(Deadline::after(stage.clock(), Duration::from_secs(5)));
    /// let error = chaos.run(&call, async { Ok("bought") }).await.unwrap_err();
    /// assert_eq!(error.code(), Code::TIMEOUT);
    /// # }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, work)
    }

    fn with(self, probability: f64, kind: Kind) -> Self {
        let trouble = Trouble { probability: likely(probability), kind };
        Self { troubles: self.troubles.iter().cloned().chain([trouble]).collect(), ..self }.anew()
    }

    fn anew(self) -> Self {
        let chance = self.seed.map_or_else(Chance::default, Chance::seeded);
        Self { dial: Arc::new(Dial { on: AtomicBool::new(false), chance }), ..self }
    }
}

impl Default for Chaos {
    fn default() -> Self {
        Self::new()
    }
}

impl Around for Chaos {
    type Future<'a, F: TryFuture> = Troubled<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Troubled<'a, F> {
        Troubled::new(self, call, work)
    }
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Fault(_) => "fault",
            Self::Latency { .. } => "latency",
            Self::Hang => "hang",
            Self::Behaviour(_) => "behaviour",
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn tell(call: &Call, kind: &'static str) {
    call.events().emit(|| Event::ChaosMade { operation: call.operation_name(), kind: kind.into() });
}

fn likely(probability: f64) -> f64 {
    if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) }
}
