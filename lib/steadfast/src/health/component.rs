//! One part's handle. A part that says "up" again and again only stores the time; a change takes its lock and is told.

use super::status::{ComponentReport, HealthStatus};
use crate::{Clock, Event, Events};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The handle with which a part of the program says how it is; clones speak for the same part. Nothing it says waits
/// for anybody.
///
/// ```
/// use steadfast::{Clock, Health, HealthStatus};
///
/// let health = Health::new(Clock::real());
/// let disk = health.essential("disk");
/// assert_eq!(disk.status(), HealthStatus::Unknown);
/// disk.degraded("nine tenths are full");
/// assert_eq!(health.report().components[0].reason, "nine tenths are full");
/// ```
#[derive(Debug, Clone)]
pub struct Component(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    name: Cow<'static, str>,
    essential: bool,
    clock: Clock,
    events: Events,
    start: Instant,
    /// The status of `story`, for readers that must not wait.
    status: AtomicU8,
    /// When it last said something, in nanoseconds after `start`, plus one; 0 when it never did.
    heard: AtomicU64,
    /// Nanoseconds; `u64::MAX` when it may be silent for ever.
    limit: AtomicU64,
    story: Mutex<Story>,
}

#[derive(Debug)]
struct Story {
    status: HealthStatus,
    reason: Cow<'static, str>,
    since: Instant,
}

impl Component {
    pub(super) fn new(name: Cow<'static, str>, essential: bool, clock: Clock, events: Events) -> Self {
        let (start, status) = (clock.now(), HealthStatus::Unknown);
        let story = Story { status, reason: Cow::Borrowed(NEVER_HEARD), since: start };
        Self(Arc::new(Inside {
            name,
            essential,
            clock,
            events,
            start,
            status: AtomicU8::new(status as u8),
            heard: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            story: Mutex::new(story),
        }))
    }

    /// From now on it must say something before this much time has passed, or it is unknown. This holds for the part,
    /// whichever handle says it. Default: it may be silent for ever.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let clock = Clock::manual();
    /// let disk = Health::new(clock.clone()).essential("disk").heard_within(Duration::from_secs(15));
    /// disk.up();
    /// clock.advance(Duration::from_secs(14));
    /// disk.up(); // in time
    /// clock.advance(Duration::from_secs(14));
    /// assert_eq!(disk.status(), HealthStatus::Up);
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(disk.status(), HealthStatus::Unknown);
    /// ```
    #[must_use]
    pub fn heard_within(self, limit: Duration) -> Self {
        self.0.limit.store(nanoseconds(limit), Ordering::Relaxed);
        self
    }

    /// It works.
    ///
    /// ```
    /// use steadfast::{Health, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let disk = Health::new(stage.clock().clone()).with_events(stage.events()).essential("disk");
    /// (0..1000).for_each(|_| disk.up());
    /// assert_eq!(stage.log().events().len(), 1); // only a change is told
    /// ```
    pub fn up(&self) {
        self.0.hear();
        if self.0.status.load(Ordering::Acquire) != HealthStatus::Up as u8 {
            self.0.change(HealthStatus::Up, Cow::Borrowed(""));
        }
    }

    /// It works, but not as it should. The reason is for people.
    ///
    /// ```
    /// use steadfast::{Health, testing::Stage};
    ///
    /// let stage = Stage::manual();
    /// let health = Health::new(stage.clock().clone()).with_events(stage.events());
    /// let disk = health.essential("disk");
    /// disk.degraded("nine tenths are full");
    /// disk.degraded("almost full"); // a newer reason is kept, but is no change
    /// assert_eq!(health.report().components[0].reason, "almost full");
    /// assert_eq!(stage.log().events().len(), 1);
    /// ```
    pub fn degraded(&self, reason: impl Into<Cow<'static, str>>) {
        self.0.hear();
        self.0.change(HealthStatus::Degraded, reason.into());
    }

    /// It does not work. The reason is for people.
    ///
    /// ```
    /// use steadfast::{Clock, Error, Health, HealthStatus};
    ///
    /// let health = Health::new(Clock::real());
    /// let database = health.essential("database");
    /// let answer: Result<(), Error> = Err(Error::connection_lost("database"));
    /// match answer {
    ///     Ok(()) => database.up(),
    ///     Err(error) => database.down(error.message().to_owned()),
    /// }
    /// assert_eq!(health.verdict(), HealthStatus::Down);
    /// ```
    pub fn down(&self, reason: impl Into<Cow<'static, str>>) {
        self.0.hear();
        self.0.change(HealthStatus::Down, reason.into());
    }

    /// What it is called.
    ///
    /// ```
    /// use steadfast::{Clock, Health};
    ///
    /// let health = Health::new(Clock::real());
    /// let disk = health.essential("disk");
    /// assert_eq!(disk.name(), health.report().components[0].name);
    /// ```
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How it is. Two atomic loads and, when it must be heard, a look at the clock.
    ///
    /// ```
    /// use steadfast::{Clock, Health, HealthStatus};
    ///
    /// let disk = Health::new(Clock::real()).essential("disk");
    /// assert_eq!(disk.status(), HealthStatus::Unknown); // not up: it has not said so
    /// disk.up();
    /// assert_eq!(disk.status(), HealthStatus::Up);
    /// ```
    pub fn status(&self) -> HealthStatus {
        self.status_at(self.0.clock.now())
    }

    pub(super) fn is_essential(&self) -> bool {
        self.0.essential
    }

    pub(super) fn status_at(&self, now: Instant) -> HealthStatus {
        match HealthStatus::from_number(self.0.status.load(Ordering::Acquire)) {
            HealthStatus::Unknown => HealthStatus::Unknown,
            _ if self.0.is_silent(now) => HealthStatus::Unknown,
            status => status,
        }
    }

    /// How it is, told when it has fallen silent.
    pub(super) fn report(&self, now: Instant) -> ComponentReport {
        let inside = &self.0;
        if self.status_at(now) == HealthStatus::Unknown {
            inside.notice_silence(now);
        }
        let story = inside.lock();
        ComponentReport {
            name: inside.name.clone(),
            status: story.status,
            reason: story.reason.clone(),
            essential: inside.essential,
            since: now.saturating_duration_since(story.since),
            heard: inside.silence(now),
        }
    }
}

impl Inside {
    fn hear(&self) {
        let since_start = nanoseconds(self.clock.now().saturating_duration_since(self.start));
        self.heard.store(since_start.saturating_add(1), Ordering::Release);
    }

    /// How long ago it said something.
    fn silence(&self, now: Instant) -> Option<Duration> {
        let heard = self.heard.load(Ordering::Acquire).checked_sub(1)?;
        Some(now.saturating_duration_since(self.start).saturating_sub(Duration::from_nanos(heard)))
    }

    fn is_silent(&self, now: Instant) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        limit != u64::MAX && self.silence(now).is_none_or(|silence| nanoseconds(silence) >= limit)
    }

    fn notice_silence(&self, now: Instant) {
        let mut story = self.lock();
        // It may have spoken meanwhile; and what is unknown already is not told again.
        if story.status != HealthStatus::Unknown && self.is_silent(now) {
            let event = self.rewrite(&mut story, HealthStatus::Unknown, Cow::Borrowed(FELL_SILENT), now);
            drop(story);
            self.events.emit(|| event);
        }
    }

    fn change(&self, status: HealthStatus, reason: Cow<'static, str>) {
        let mut story = self.lock();
        if story.status == status {
            story.reason = reason;
            return;
        }
        let event = self.rewrite(&mut story, status, reason, self.clock.now());
        drop(story);
        self.events.emit(|| event);
    }

    fn rewrite(&self, story: &mut Story, status: HealthStatus, reason: Cow<'static, str>, now: Instant) -> Event {
        let from = story.status;
        *story = Story { status, reason: reason.clone(), since: now };
        self.status.store(status as u8, Ordering::Release);
        Event::HealthChanged { component: self.name.clone(), from, to: status, reason }
    }

    fn lock(&self) -> MutexGuard<'_, Story> {
        // Every change is a single assignment, so a poisoned story is still whole.
        self.story.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lasts for 584 years.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

const NEVER_HEARD: &str = "it has not said anything yet";
const FELL_SILENT: &str = "it has fallen silent";
