//! Who is well: each part of a program says how it is, and anybody may ask. It probes nothing by itself and starts no
//! task. Surprise: a part that has not been heard from for its limit is unknown, whatever it said last; that is
//! noticed, and told, by the next report.

use crate::{Clock, Events};
use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

mod component;
mod status;

pub use component::Component;
pub use status::{ComponentReport, HealthReport, HealthStatus};

/// A registry of parts; clones are the same registry.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Clock, Health, HealthStatus};
///
/// let clock = Clock::manual();
/// let health = Health::new(clock.clone());
/// let database = health.essential("database").heard_within(Duration::from_secs(15));
/// let search = health.optional("search");
/// database.up();
/// search.down("the index is being built");
/// assert_eq!(health.verdict(), HealthStatus::Degraded);
///
/// search.up();
/// assert_eq!(health.verdict(), HealthStatus::Up);
/// clock.advance(Duration::from_secs(15)); // and the database says nothing
/// assert_eq!(health.report().components[0].status, HealthStatus::Unknown);
/// ```
#[derive(Debug, Clone)]
pub struct Health {
    components: Arc<RwLock<Vec<Component>>>,
    clock: Clock,
    events: Events,
}

impl Health {
    /// A registry without a part, reporting to nobody.
    ///
    /// ```
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let health = Health::new(Clock::real());
    /// assert_eq!(health.verdict(), HealthStatus::Up); // where nothing is, nothing is wrong
    /// ```
    pub fn new(clock: Clock) -> Self {
        Self { components: Arc::default(), clock, events: Events::none() }
    }

    /// The same registry, whose later parts report their changes to `events`.
    ///
    /// ```
    /// use steadfast::{Health, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let health = Health::new(stage.clock().clone());
    /// health.essential("disk").up(); // an earlier part: not reported
    /// let health = health.with_events(stage.events());
    /// health.essential("database").down("no route");
    /// assert_eq!(stage.to_string(), "0 ms  database: unknown to down: no route\n");
    /// ```
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// A part without which nothing works. It is unknown until it says something. A part of that name that is already
    /// there is given back as it is.
    ///
    /// ```
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let health = Health::new(Clock::real());
    /// health.essential("disk");
    /// assert_eq!(health.verdict(), HealthStatus::Degraded); // it has not said anything yet
    /// health.optional("disk").down("it is full"); // the same part, and it stays essential
    /// assert_eq!(health.verdict(), HealthStatus::Down);
    /// ```
    pub fn essential(&self, name: impl Into<Cow<'static, str>>) -> Component {
        self.part(name.into(), true)
    }

    /// A part that can be done without; see [`Health::essential`].
    ///
    /// ```
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let health = Health::new(Clock::real());
    /// let search = health.optional("search");
    /// assert_eq!(health.verdict(), HealthStatus::Degraded); // silence counts here too
    /// search.up();
    /// assert_eq!(health.verdict(), HealthStatus::Up);
    /// ```
    pub fn optional(&self, name: impl Into<Cow<'static, str>>) -> Component {
        self.part(name.into(), false)
    }

    /// Takes a part out, for instance when it was unloaded. What its handle says afterwards does not count any more;
    /// its changes still go to the events.
    ///
    /// ```
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let health = Health::new(Clock::real());
    /// let search = health.optional("search");
    /// health.forget("search");
    /// search.down("it was unloaded");
    /// assert_eq!(health.verdict(), HealthStatus::Up);
    /// ```
    pub fn forget(&self, name: &str) {
        self.write().retain(|component| component.name() != name);
    }

    /// The whole in one word: `Down` when an essential part is down; `Degraded` when one is unknown or degraded, or an
    /// optional part is not up; otherwise `Up`. Never `Unknown`. It takes no lock that a part's report holds, and tells
    /// nobody.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Health, HealthStatus, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let health = Health::new(stage.clock().clone()).with_events(stage.events());
    /// health.essential("database").heard_within(Duration::from_secs(15)).up();
    /// stage.advance(Duration::from_secs(15));
    /// assert_eq!(health.verdict(), HealthStatus::Degraded); // it has fallen silent
    /// assert_eq!(stage.to_string(), "0 ms  database: unknown to up\n"); // and only a report tells of it
    /// ```
    pub fn verdict(&self) -> HealthStatus {
        let now = self.clock.now();
        let parts = self.read();
        parts.iter().map(|part| status::weigh(part.is_essential(), part.status_at(now))).max().unwrap_or_default()
    }

    /// The whole and every part, in the order in which they came. Parts that have fallen silent become unknown now,
    /// with an event; so ask now and then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Health};
    ///
    /// let clock = Clock::manual();
    /// let health = Health::new(clock.clone());
    /// health.optional("search").down("the index is being built");
    /// clock.advance(Duration::from_secs(90));
    /// assert_eq!(health.report().to_string(), "degraded\n  search: down for 90s: the index is being built\n");
    /// ```
    pub fn report(&self) -> HealthReport {
        let now = self.clock.now();
        let components: Vec<_> = self.read().iter().map(|part| part.report(now)).collect();
        let weights = components.iter().map(|part| status::weigh(part.essential, part.status));
        HealthReport { verdict: weights.max().unwrap_or_default(), components }
    }

    fn part(&self, name: Cow<'static, str>, essential: bool) -> Component {
        let mut components = self.write();
        if let Some(known) = components.iter().find(|known| known.name() == name) {
            return known.clone();
        }
        let component = Component::new(name, essential, self.clock.clone(), self.events.clone());
        components.push(component.clone());
        component
    }

    // Both: every change is one operation on the list, so a poisoned list is still whole.
    fn read(&self) -> RwLockReadGuard<'_, Vec<Component>> {
        self.components.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Component>> {
        self.components.write().unwrap_or_else(PoisonError::into_inner)
    }
}
