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
    pub fn new(clock: Clock) -> Self {
        Self { components: Arc::default(), clock, events: Events::none() }
    }

    /// The same registry, whose later parts report their changes to `events`.
    #[must_use]
    pub fn with_events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// A part without which nothing works. It is unknown until it says something. A part of that name that is already
    /// there is given back as it is.
    pub fn essential(&self, name: impl Into<Cow<'static, str>>) -> Component {
        self.part(name.into(), true)
    }

    /// A part that can be done without; see [`Health::essential`].
    pub fn optional(&self, name: impl Into<Cow<'static, str>>) -> Component {
        self.part(name.into(), false)
    }

    /// Takes a part out, for instance when it was unloaded. What its handle says afterwards is not heard.
    pub fn forget(&self, name: &str) {
        self.write().retain(|component| component.name() != name);
    }

    /// The whole in one word: `Down` when an essential part is down; `Degraded` when one is unknown or degraded, or an
    /// optional part is not up; otherwise `Up`. Never `Unknown`. It takes no lock that a part's report holds, and tells
    /// nobody.
    pub fn verdict(&self) -> HealthStatus {
        let now = self.clock.now();
        let parts = self.read();
        parts.iter().map(|part| status::weigh(part.is_essential(), part.status_at(now))).max().unwrap_or_default()
    }

    /// The whole and every part, in the order in which they came. Parts that have fallen silent become unknown now,
    /// with an event; so ask now and then.
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
