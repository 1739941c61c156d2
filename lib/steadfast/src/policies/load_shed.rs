//! Keeps room for what matters: as pressure rises, the least important class of calls is refused first. A class
//! that is refused stays so until the pressure is clearly lower, so that the door does not flap.

use super::{Around, TryFuture};
use crate::{
    Call, Error, Events,
    call::Bounded,
    error::{RejectedBy, Rejection},
};
use admitted::Admitted;
use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

mod admitted;
mod pressure;
mod priority;

pub use pressure::Pressure;
pub use priority::Priority;

/// Refuses calls by class under pressure; clones share what is refused now. A builder method gives a new shedder
/// that lets everything pass. The class of a call is its [`Call::priority`].
///
/// Costs one look at the pressure and one load: no lock, no allocation, no look at the clock.
///
/// ```
/// use steadfast::{Call, CancelToken, Code, LoadShed, Pressure, Priority};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let memory = Pressure::new();
/// let shedder = LoadShed::watching(&memory).named("memory");
/// let call = Call::new("work", &CancelToken::root("program"));
/// let background = call.clone().with_priority(Priority::Background);
///
/// memory.set(0.92);
/// let refused = shedder.run(&background, async { Ok(()) }).await.unwrap_err();
/// assert_eq!(refused.code(), Code::OVERLOADED);
/// shedder.run(&call, async { Ok(()) }).await.unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct LoadShed {
    /// One bit per class that is refused now.
    refused: Arc<AtomicU8>,
    settings: Arc<Settings>,
}

type Measure = Arc<dyn Fn() -> f64 + Send + Sync>;

#[derive(Clone)]
struct Settings {
    measure: Measure,
    /// By class, the least important first.
    thresholds: [f64; Priority::ALL.len()],
    margin: f64,
    retry_after: Duration,
    target: Cow<'static, str>,
    events: Events,
}

impl LoadShed {
    /// Asks `pressure` for every call: 0 is idle and 1 is full. It must be quick and must not wait. Outside of 0 to
    /// 1 the nearest end counts; what is no number counts as 0.
    ///
    /// ```
    /// use steadfast::{Bulkhead, LoadShed, Priority};
    ///
    /// let bulkhead = Bulkhead::new(10);
    /// let inside = bulkhead.clone();
    /// let shedder = LoadShed::by(move || f64::from(inside.in_flight()) / f64::from(inside.limit()));
    /// let _nine = (0..9).map(|_| bulkhead.try_enter()).collect::<Result<Vec<_>, _>>()?;
    /// assert!(shedder.check(Priority::Background).is_err()); // 0.9, its default threshold
    /// assert!(shedder.check(Priority::Api).is_ok());
    /// # Ok::<(), steadfast::Error>(())
    /// ```
    pub fn by(pressure: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self::new(Settings {
            measure: Arc::new(pressure),
            thresholds: THRESHOLDS,
            margin: MARGIN,
            retry_after: RETRY_AFTER,
            target: Cow::Borrowed("target"),
            events: Events::none(),
        })
    }

    /// Watches a gauge that the program keeps up to date.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let shedder = LoadShed::watching(&memory);
    /// memory.set(0.96); // after the shedder was made
    /// assert!(shedder.check(Priority::Api).is_err());
    /// assert!(shedder.check(Priority::Interactive).is_ok());
    /// ```
    pub fn watching(gauge: &Pressure) -> Self {
        let gauge = gauge.clone();
        Self::by(move || gauge.get())
    }

    /// From this pressure on a class is refused; above 1, or what is no number, never. Zero and below is the least
    /// pressure above zero. Default 0.90 for background work, 0.95 for the
    /// API, 0.98 for people.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let never_people = LoadShed::watching(&memory).threshold(Priority::Interactive, 2.0);
    /// memory.set(1.0);
    /// assert!(never_people.check(Priority::Interactive).is_ok());
    /// assert!(never_people.check(Priority::Api).is_err());
    /// ```
    #[must_use]
    pub fn threshold(&self, priority: Priority, pressure: f64) -> Self {
        let mut settings = self.settings();
        // `max` with a NaN would give the other number, and `clamp` keeps it.
        settings.thresholds[priority as usize] = pressure.clamp(f64::MIN_POSITIVE, f64::INFINITY);
        Self::new(settings)
    }

    /// How far below its threshold the pressure must fall before a refused class passes again (from 0 to 1).
    /// Default 0.05.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let steady = LoadShed::watching(&memory).margin(0.2);
    /// memory.set(0.96);
    /// assert!(steady.check(Priority::Api).is_err());
    /// memory.set(0.80); // 0.15 below its threshold
    /// assert!(steady.check(Priority::Api).is_err());
    /// memory.set(0.70);
    /// assert!(steady.check(Priority::Api).is_ok());
    /// ```
    #[must_use]
    pub fn margin(&self, margin: f64) -> Self {
        Self::new(Settings { margin: pressure::sane(margin), ..self.settings() })
    }

    /// What a refusal says about when to ask again. Default 1 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let shedder = LoadShed::watching(&memory).retry_after(Duration::from_secs(5));
    /// memory.set(1.0);
    /// let refused = shedder.check(Priority::Api).unwrap_err();
    /// assert_eq!(refused.retry_after(), Some(Duration::from_secs(5))); // a `Retry` outside waits as long
    /// ```
    #[must_use]
    pub fn retry_after(&self, retry_after: Duration) -> Self {
        Self::new(Settings { retry_after, ..self.settings() })
    }

    /// What it protects, for errors and events.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure};
    ///
    /// let shedder = LoadShed::watching(&Pressure::new());
    /// assert_eq!(shedder.named("memory").target(), "memory");
    /// assert_eq!(shedder.target(), "target"); // the first one is as it was
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Settings { target: target.into(), ..self.settings() })
    }

    /// Where its changes are reported. Default: where the call that met the change reports.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority, testing::Stage};
    ///
    /// let (stage, memory) = (Stage::manual(), Pressure::new());
    /// let shedder = LoadShed::watching(&memory).named("memory").with_events(stage.events());
    /// memory.set(0.96);
    /// assert!((0..3).all(|_| shedder.check(Priority::Api).is_err()));
    /// assert_eq!(stage.to_string(), "0 ms  shedding memory: api work is refused\n"); // once, not three times
    /// ```
    #[must_use]
    pub fn with_events(&self, events: Events) -> Self {
        Self::new(Settings { events, ..self.settings() })
    }

    fn new(settings: Settings) -> Self {
        Self { refused: Arc::new(AtomicU8::new(0)), settings: Arc::new(settings) }
    }

    fn settings(&self) -> Settings {
        (*self.settings).clone()
    }
}

/// Using it.
impl LoadShed {
    /// Runs `work` if its class may pass now, and until the call's token or deadline ends it; otherwise
    /// `OVERLOADED`, with the time to wait. It is asked once, at the beginning. Cancel safe.
    ///
    /// ```
    /// use steadfast::{Call, CancelToken, Code, LoadShed, Pressure};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), steadfast::Error> {
    /// let memory = Pressure::new();
    /// let shedder = LoadShed::watching(&memory);
    /// let call = Call::new("work", &CancelToken::root("program"));
    /// let fills_it = async {
    ///     memory.set(1.0);
    ///     Ok("done")
    /// };
    /// assert_eq!(shedder.run(&call, fills_it).await?, "done"); // what has begun may end
    /// let refused = shedder.run(&call, async { Ok("done") }).await.unwrap_err();
    /// assert_eq!(refused.code(), Code::OVERLOADED);
    /// # Ok(()) }
    /// ```
    pub fn run<'a, T, F>(&'a self, call: &'a Call, work: F) -> impl Future<Output = Result<T, Error>> + use<'a, T, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.around(call, Bounded::new(call, None, work))
    }

    /// Whether work of this class may pass now, for work that is no single future; otherwise `OVERLOADED`.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let shedder = LoadShed::watching(&memory);
    /// memory.set(0.96);
    /// assert!(shedder.check(Priority::Api).is_err());
    /// memory.set(0.92); // lower, but not clearly
    /// assert!(shedder.check(Priority::Api).is_err());
    /// memory.set(0.89);
    /// assert!(shedder.check(Priority::Api).is_ok());
    /// ```
    pub fn check(&self, priority: Priority) -> Result<(), Error> {
        self.ask(priority, &Events::none()).map_err(Error::from)
    }

    /// Whether this class was refused the last time that somebody of it asked.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure, Priority};
    ///
    /// let memory = Pressure::new();
    /// let shedder = LoadShed::watching(&memory);
    /// memory.set(1.0);
    /// assert!(!shedder.sheds(Priority::Api)); // nobody has asked yet
    /// assert!(shedder.check(Priority::Api).is_err());
    /// assert!(shedder.sheds(Priority::Api));
    /// ```
    pub fn sheds(&self, priority: Priority) -> bool {
        self.refused.load(Ordering::Relaxed) & bit(priority) != 0
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::{LoadShed, Pressure};
    /// assert_eq!(LoadShed::watching(&Pressure::new()).target(), "target"); // until it is named
    /// ```
    pub fn target(&self) -> &str {
        &self.settings.target
    }

    fn ask(&self, priority: Priority, calls_events: &Events) -> Result<(), Rejection> {
        let settings = &*self.settings;
        let pressure = pressure::sane((settings.measure)());
        let threshold = settings.thresholds[priority as usize];
        let before = self.sheds(priority);
        // Without pressure everything passes, however large the margin.
        let door = if before { (threshold - settings.margin).max(f64::MIN_POSITIVE) } else { threshold };
        let shed = pressure >= door;
        if shed != before {
            self.change(priority, shed, calls_events);
        }
        if !shed {
            return Ok(());
        }
        let rejection = Rejection::new(RejectedBy::LoadShed, settings.target.clone());
        Err(rejection.retry_after(settings.retry_after))
    }

    /// Tells only once, however many callers see the change at the same time.
    fn change(&self, priority: Priority, shed: bool, calls_events: &Events) {
        let before = match shed {
            true => self.refused.fetch_or(bit(priority), Ordering::Relaxed),
            false => self.refused.fetch_and(!bit(priority), Ordering::Relaxed),
        };
        if (before & bit(priority) != 0) != shed {
            let own = &self.settings.events;
            let events = if own.is_empty() { calls_events } else { own };
            events.emit(|| crate::Event::SheddingChanged { target: self.settings.target.clone(), priority, shed });
        }
    }
}

impl fmt::Debug for LoadShed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadShed")
            .field("target", &self.settings.target)
            .field("thresholds", &self.settings.thresholds)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

impl Around for LoadShed {
    type Future<'a, F: TryFuture> = Admitted<'a, F>;

    fn around<'a, F: TryFuture>(&'a self, call: &'a Call, work: F) -> Admitted<'a, F> {
        Admitted::new(self, call, work)
    }
}

fn bit(priority: Priority) -> u8 {
    1 << priority as u8
}

/// After Envoy's overload manager: first what can wait, then new work, and at the very end everything.
const THRESHOLDS: [f64; Priority::ALL.len()] = [0.90, 0.95, 0.98];

/// The distance between the first two thresholds: background work comes back when the API is clearly safe.
const MARGIN: f64 = 0.05;

/// A choice: pressure is measured a few times per second, so after a second it has an answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);
