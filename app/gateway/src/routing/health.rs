//! How a target does, known to everybody who asks it: its breaker, its budget of retries, a rest that it asked for
//! or that a refused key demands, and how fast it reads.
//!
//! A rest is not the breaker's business: a target that says "not so often" is well. Surprise: when nobody else is
//! left, a resting target is tried all the same, now and then, by one question (`probe`).

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use steadfast::{Blame, Breaker, BreakerState, Budget, Call, Clock, Code, Error, Permit, RetryAdvice};
use tokio::time::Instant;

use super::lookout::Lookout;
use crate::settings::GatewaySettings;

#[derive(Debug, Clone)]
pub(crate) struct TargetHealth {
    pub(crate) breaker: Breaker,
    pub(crate) budget: Budget,
    pub(super) lookout: Lookout,
    pub(super) clock: Clock,
    name: Arc<str>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    rest: Option<Rest>,
    /// The last thing that spoke against it, or the last probe.
    last_trouble: Option<Instant>,
    /// Seconds that it takes to read 1,000 tokens of a question, smoothed; `None` before it was measured.
    reading: Option<f64>,
}

#[derive(Debug, Clone)]
struct Rest {
    until: Instant,
    why: Error,
}

/// One attempt that was let in. Say how it went; dropped without a word, the call's reason says it.
#[derive(Debug)]
pub(crate) struct Admission {
    permit: Permit,
    health: TargetHealth,
    began: Instant,
}

/// Who insists on a target that rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Insistence {
    /// Waits for its turn at probing.
    #[default]
    Patient,
    /// A person who pressed a button: has perhaps mended the key this very minute.
    Insists,
}

impl TargetHealth {
    pub(crate) fn new(name: &str, settings: &GatewaySettings, clock: &Clock) -> Self {
        let rest = settings.breaker_rest;
        Self {
            breaker: Breaker::consecutive(settings.breaker_failures)
                .or_failure_rate(FAILURE_RATE)
                .window(FAILURE_WINDOW)
                .open_for(rest)
                .growing(2.0, rest.max(LONGEST_OPEN))
                .named(name.to_owned())
                .with_clock(clock.clone()),
            budget: Budget::default().named(name.to_owned()).with_clock(clock.clone()),
            lookout: Lookout::default(),
            name: name.into(),
            clock: clock.clone(),
            state: Arc::default(),
        }
    }

    /// Lets an attempt in, or says why not and for how long.
    pub(crate) fn enter(&self, call: &Call) -> Result<Admission, Error> {
        if let Some(resting) = self.resting() {
            return Err(resting);
        }
        let permit = self.breaker.enter_for(call)?;
        Ok(Admission { permit, health: self.clone(), began: self.clock.now() })
    }

    /// How long until it can be asked; `None` when that is now.
    pub(crate) fn closed_for(&self) -> Option<Duration> {
        let open = match self.breaker.state() {
            BreakerState::Open { retry_after } => Some(retry_after),
            BreakerState::Closed | BreakerState::HalfOpen => None,
        };
        open.max(self.rest().map(|rest| rest.until.saturating_duration_since(self.clock.now())))
    }

    /// Opens a resting target for one attempt, if it is time for that.
    pub(crate) fn probe(&self, insistence: Insistence) -> bool {
        let now = self.clock.now();
        let mut state = self.state();
        let quiet = state.last_trouble.is_none_or(|at| now.saturating_duration_since(at) >= PROBE_EVERY);
        if !quiet && insistence == Insistence::Patient {
            return false;
        }
        state.last_trouble = Some(now);
        state.rest = None;
        drop(state);
        self.let_one_in();
        true
    }

    /// The next attempt is a probe, if the breaker is open.
    pub(super) fn let_one_in(&self) {
        if matches!(self.breaker.state(), BreakerState::Open { .. }) {
            self.breaker.force_open();
            self.breaker.release();
        }
    }

    /// Seconds for 1,000 tokens of a question, if that was seen.
    pub(crate) fn reading_speed(&self) -> Option<f64> {
        self.state().reading
    }

    pub(crate) fn has_read(&self, tokens: usize, took: Duration) {
        if tokens < TOKENS_TO_MEASURE {
            return; // what a short question takes is the line's time and not the model's
        }
        let seconds = took.as_secs_f64() * 1000.0 / tokens as f64;
        let mut state = self.state();
        state.reading = Some(state.reading.map_or(seconds, |before| before + SMOOTHING * (seconds - before)));
    }

    fn failed(&self, error: &Error) {
        let now = self.clock.now();
        let mut state = self.state();
        if error.blame() == Blame::Target {
            state.last_trouble = Some(now);
        }
        if let Some(length) = rest_after(error) {
            state.last_trouble = Some(now);
            state.rest = Some(Rest { until: now + length, why: error.clone() });
        }
    }

    fn resting(&self) -> Option<Error> {
        let rest = self.rest()?;
        let wait = rest.until.saturating_duration_since(self.clock.now());
        Some(
            Error::circuit_open(&self.name, wait)
                .with_message(format!("{} It is not asked again for {}.", rest.why.message(), in_words(wait)))
                .with_suggestion(rest.why.suggestion())
                .with_detail("cause", rest.why.code()),
        )
    }

    fn rest(&self) -> Option<Rest> {
        let now = self.clock.now();
        self.state().rest.clone().filter(|rest| rest.until > now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Admission {
    /// The first content came, after a question of so many tokens.
    pub(crate) fn first_content(&mut self, tokens: usize) {
        self.permit.first_byte();
        let took = self.health.clock.now().saturating_duration_since(self.began);
        self.health.has_read(tokens, took);
    }

    pub(crate) fn succeeded(self) {
        self.permit.success();
    }

    pub(crate) fn failed(self, error: &Error) {
        self.health.failed(error);
        self.permit.failure(error);
    }
}

/// How long a target is left alone after `error`.
fn rest_after(error: &Error) -> Option<Duration> {
    match error.code() {
        // An account without credit says TryElsewhere: waiting a second does not fill it.
        Code::RATE_LIMITED if error.advice() == RetryAdvice::TryElsewhere => Some(KEY_REST),
        Code::RATE_LIMITED | Code::OVERLOADED | Code::UNAVAILABLE => {
            error.retry_after().map(|wait| wait.min(LONGEST_REST))
        }
        Code::UNAUTHORIZED | Code::FORBIDDEN => Some(KEY_REST),
        _ => None,
    }
}

fn in_words(wait: Duration) -> String {
    match wait.as_secs().max(1) {
        1 => "1 second".to_owned(),
        seconds @ 2..=119 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Half of at least 20 calls in 30 s: the numbers of the breaker's guide, for targets with much traffic.
const FAILURE_RATE: f64 = 0.5;
const FAILURE_WINDOW: Duration = Duration::from_secs(30);

/// A pause never grows beyond it, as in linkerd.
const LONGEST_OPEN: Duration = Duration::from_secs(60);

/// Nobody mends a key faster, and a refused key asked again and again gets an address banned.
const KEY_REST: Duration = Duration::from_secs(300);

/// An upstream that names a day is asked once an hour all the same.
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// When nobody else is left: often enough that a recovery is noticed while people still wait.
const PROBE_EVERY: Duration = Duration::from_secs(5);

const TOKENS_TO_MEASURE: usize = 1000;

/// A third of the newest: three questions tell.
const SMOOTHING: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast::CancelToken;

    fn health(clock: &Clock) -> (TargetHealth, Call) {
        let settings = GatewaySettings { breaker_failures: 2, ..GatewaySettings::default() };
        let call = Call::new("ask", &CancelToken::root("test")).with_clock(clock.clone());
        (TargetHealth::new("cloud-b/big", &settings, clock), call)
    }

    #[test]
    fn what_a_rest_follows_is_a_table() {
        let wait = Duration::from_secs(2);
        let rows = [
            (Error::rate_limited("b", Some(wait)), Some(wait)),
            (Error::rate_limited("b", None), None),
            (Error::rate_limited("b", None).with_advice(RetryAdvice::TryElsewhere), Some(KEY_REST)),
            (Error::rate_limited("b", Some(Duration::from_secs(99_999))), Some(LONGEST_REST)),
            (Error::overloaded("b", Some(wait)), Some(wait)),
            (Error::unauthorized("b"), Some(KEY_REST)),
            (Error::forbidden("b"), Some(KEY_REST)),
            (Error::unavailable("b"), None),
            (Error::validation("b"), None),
        ];
        for (error, rest) in rows {
            assert_eq!(rest_after(&error), rest, "{error}");
        }
    }

    #[test]
    fn too_many_requests_rest_the_target_and_do_not_trip_its_breaker() {
        let clock = Clock::manual();
        let (health, call) = health(&clock);
        for _ in 0..5 {
            health.enter(&call).unwrap().failed(&Error::rate_limited("cloud-b", Some(Duration::from_secs(2))));
            assert_eq!(health.enter(&call).unwrap_err().retry_after(), Some(Duration::from_secs(2)));
            clock.advance(Duration::from_secs(2));
        }
        assert_eq!(health.closed_for(), None);
    }

    #[test]
    fn the_callers_own_mistakes_do_not_count() {
        let clock = Clock::manual();
        let (health, call) = health(&clock);
        (0..9).for_each(|_| health.enter(&call).unwrap().failed(&Error::validation("no such option")));
        assert_eq!(health.closed_for(), None);
    }

    #[test]
    fn a_resting_target_is_probed_by_one_and_not_at_once() {
        let clock = Clock::manual();
        let (health, call) = health(&clock);
        (0..2).for_each(|_| health.enter(&call).unwrap().failed(&Error::unavailable("cloud-b")));
        assert!(!health.probe(Insistence::Patient), "it has just failed");
        clock.advance(PROBE_EVERY);
        assert!(health.probe(Insistence::Patient));
        assert!(!health.probe(Insistence::Patient), "one at a time");
        let probe = health.enter(&call).unwrap();
        assert!(health.enter(&call).is_err());
        probe.succeeded();
        assert!(health.enter(&call).is_ok());
    }

    #[test]
    fn its_speed_is_measured_on_long_questions() {
        let (health, _) = health(&Clock::manual());
        health.has_read(10, Duration::from_secs(60));
        assert_eq!(health.reading_speed(), None);
        health.has_read(10_000, Duration::from_secs(20));
        assert_eq!(health.reading_speed(), Some(2.0));
    }
}
