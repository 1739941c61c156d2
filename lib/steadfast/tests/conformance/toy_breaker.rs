//! A breaker as plain as can be: a lock, a history, nothing clever. With every mistake that a probe asks for,
//! each in one line, so that the list of mistakes is the list of the probes.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};
use steadfast::testing::conformance::{
    Answer, BreakerSpec, BreakerUnderTest, Calling, Failure, Rule, Stopper, Subject, WhyStopped, Work,
};
use tokio::time::Instant;

pub(crate) struct ToyBreakers(pub(crate) Option<BreakerFlaw>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerFlaw {
    NeverSlides,
    NeverForgets,
    CountsAnew,
    OpensAtTheFirst,
    LosesOne,
    LetsSomeThrough,
    PausesShort,
    AsksTheMachine,
    SaysNothing,
    StaysHalfOpen,
    ForgivesTheProbe,
    BelievesLateSuccess,
    BelievesLateFailure,
    CountsTheCaller,
    LetsAllProbe,
    LetsOneProbe,
    KeepsThePlace,
    WaitsForEver,
    KeepsThePlaceInPanic,
    IgnoresDrops,
    IgnoresMostDrops,
    IgnoresLimits,
    CountsEveryDrop,
    IgnoresPanics,
    CountsTheUser,
    CountsTheHedge,
    CountsTheShutdown,
    IgnoresDeadlines,
    IgnoresAttempts,
}

use BreakerFlaw as Flaw;

impl BreakerFlaw {
    /// Which probe each one fails, in the order of the probes.
    pub(crate) const PROBES: &[(&str, Self)] = &[
        ("a count window slides", Self::NeverSlides),
        ("a time window forgets", Self::NeverForgets),
        ("a time window costs the same", Self::CountsAnew),
        ("few calls are no rate", Self::OpensAtTheFirst),
        ("no failure is lost between threads", Self::LosesOne),
        ("an open breaker lets nobody through", Self::LetsSomeThrough),
        ("the pause is as long as said", Self::PausesShort),
        ("tokio's paused clock moves it", Self::AsksTheMachine),
        ("a refusal says when to come back", Self::SaysNothing),
        ("a good probe closes it", Self::StaysHalfOpen),
        ("a bad probe opens it again", Self::ForgivesTheProbe),
        ("a late success does not close it", Self::BelievesLateSuccess),
        ("a late failure does not spoil probation", Self::BelievesLateFailure),
        ("the caller's own mistakes do not count", Self::CountsTheCaller),
        ("half-open lets few through", Self::LetsAllProbe),
        ("half-open keeps to its number", Self::LetsOneProbe),
        ("a dropped probe gives its place back", Self::KeepsThePlace),
        ("a probe that hangs for ever blocks nobody for ever", Self::WaitsForEver),
        ("a panicking probe gives its place back", Self::KeepsThePlaceInPanic),
        ("a hung backend opens it", Self::IgnoresDrops),
        ("a backend that hangs nine times in ten opens it", Self::IgnoresMostDrops),
        ("a hung backend opens it when the limit is known", Self::IgnoresLimits),
        ("callers that leave at once do not open it", Self::CountsEveryDrop),
        ("panics count", Self::IgnoresPanics),
        ("a user's stop is neutral", Self::CountsTheUser),
        ("a lost hedge is neutral", Self::CountsTheHedge),
        ("a shutdown is neutral", Self::CountsTheShutdown),
        ("a deadline's stop is a failure", Self::IgnoresDeadlines),
        ("an attempt time-out is a failure", Self::IgnoresAttempts),
    ];
}

impl Subject for ToyBreakers {
    fn name(&self) -> String {
        "a toy".to_owned()
    }

    fn breaker(&self, spec: &BreakerSpec) -> Option<Box<dyn BreakerUnderTest>> {
        Some(Box::new(Toy(Arc::new(Shared { spec: *spec, flaw: self.0, state: Mutex::default() }))))
    }
}

struct Shared {
    spec: BreakerSpec,
    flaw: Option<Flaw>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    mode: Mode,
    generation: u32,
    history: VecDeque<(Instant, Verdict)>,
    failures: u32,
    refused: u32,
}

#[derive(Default, Clone, Copy)]
enum Mode {
    #[default]
    Closed,
    Open(Instant, std::time::Instant),
    HalfOpen {
        places: u32,
        succeeded: u32,
        since: Instant,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Success,
    Failure,
    Neutral,
}

impl Shared {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn enter(&self) -> Result<u32, Option<Duration>> {
        let mut state = self.state.lock().unwrap();
        let since = Instant::now();
        match state.mode {
            Mode::Closed => {}
            Mode::Open(until, machine_until) => {
                let pause = if self.has(Flaw::PausesShort) { self.spec.open_for / 2 } else { Duration::ZERO };
                let left = match self.has(Flaw::AsksTheMachine) {
                    #[expect(clippy::disallowed_methods, reason = "the mistake under test")]
                    true => machine_until.saturating_duration_since(std::time::Instant::now()),
                    false => until.saturating_duration_since(since).saturating_sub(pause),
                };
                state.refused += 1;
                let slips_through = self.has(Flaw::LetsSomeThrough) && state.refused.is_multiple_of(10);
                if !left.is_zero() && !slips_through {
                    return Err((!self.has(Flaw::SaysNothing)).then_some(left));
                }
                state.generation += 1;
                state.mode = Mode::HalfOpen { places: 1, succeeded: 0, since };
            }
            Mode::HalfOpen { places, succeeded, since: begun } => {
                let probes = if self.has(Flaw::LetsOneProbe) { 1 } else { self.spec.probes };
                let stale = since - begun >= self.spec.open_for
                    && !self.has(Flaw::WaitsForEver)
                    && !self.has(Flaw::KeepsThePlace)
                    && !self.has(Flaw::KeepsThePlaceInPanic);
                if places < probes || self.has(Flaw::LetsAllProbe) {
                    state.mode = Mode::HalfOpen { places: places + 1, succeeded, since };
                } else if stale {
                    state.generation += 1;
                    state.mode = Mode::HalfOpen { places: 1, succeeded: 0, since };
                } else {
                    return Err(Some(self.spec.open_for));
                }
            }
        }
        Ok(state.generation)
    }

    fn settle(&self, generation: u32, verdict: Verdict) {
        let seen = self.state.lock().unwrap().failures;
        std::thread::yield_now();
        let mut state = self.state.lock().unwrap();
        if self.has(Flaw::LosesOne) {
            state.failures = seen;
        }
        if generation != state.generation {
            match verdict {
                Verdict::Success if self.has(Flaw::BelievesLateSuccess) => state.mode = Mode::Closed,
                Verdict::Failure if self.has(Flaw::BelievesLateFailure) => self.open(&mut state),
                _ => {}
            }
            return;
        }
        match (state.mode, verdict) {
            (Mode::Closed, verdict) if self.trips(&mut state, verdict) => self.open(&mut state),
            (Mode::HalfOpen { .. }, Verdict::Failure) if !self.has(Flaw::ForgivesTheProbe) => self.open(&mut state),
            (Mode::HalfOpen { succeeded, .. }, _)
                if verdict != Verdict::Neutral
                    && succeeded + 1 >= self.spec.probes
                    && !self.has(Flaw::StaysHalfOpen) =>
            {
                *state = State { generation: generation + 1, ..State::default() };
            }
            (Mode::HalfOpen { places, succeeded, since }, Verdict::Success) => {
                state.mode = Mode::HalfOpen { places, succeeded: succeeded + 1, since };
            }
            (Mode::HalfOpen { places, succeeded, since }, _) => {
                state.mode = Mode::HalfOpen { places: places - 1, succeeded, since };
            }
            (Mode::Closed | Mode::Open(..), _) => {}
        }
    }

    fn open(&self, state: &mut State) {
        state.generation += 1;
        #[expect(clippy::disallowed_methods, reason = "the mistake under test")]
        let machine = std::time::Instant::now();
        state.mode = Mode::Open(Instant::now() + self.spec.open_for, machine + self.spec.open_for);
    }

    fn trips(&self, state: &mut State, verdict: Verdict) -> bool {
        if verdict == Verdict::Neutral {
            return false;
        }
        let now = Instant::now();
        let (calls, window, rate, min_calls) = match self.spec.rule {
            Rule::Consecutive { failures } => {
                state.failures = if verdict == Verdict::Failure { state.failures + 1 } else { 0 };
                return state.failures >= failures;
            }
            Rule::CountWindow { calls, rate, min_calls } => (calls as usize, Duration::MAX, rate, min_calls),
            Rule::TimeWindow { window, rate, min_calls } => (usize::MAX, window, rate, min_calls),
        };
        state.history.push_back((now, verdict));
        state.failures += u32::from(verdict == Verdict::Failure);
        let slides = !self.has(Flaw::NeverSlides) && !self.has(Flaw::NeverForgets);
        while let Some(&(at, old)) = state.history.front().filter(|_| slides)
            && (state.history.len() > calls || now - at > window)
        {
            state.history.pop_front();
            state.failures -= u32::from(old == Verdict::Failure);
        }
        if self.has(Flaw::CountsAnew) {
            state.failures = state.history.iter().filter(|(_, verdict)| *verdict == Verdict::Failure).count() as u32;
        }
        let enough = state.history.len() >= min_calls as usize || self.has(Flaw::OpensAtTheFirst);
        enough && f64::from(state.failures) >= rate * state.history.len() as f64
    }
}

struct Toy(Arc<Shared>);

/// Settles, whatever happens to the call.
struct Place {
    toy: Arc<Shared>,
    generation: Option<u32>,
    why: Arc<Mutex<Option<WhyStopped>>>,
    limit: bool,
    since: Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(generation) = self.generation else { return };
        let toy = &self.toy;
        let panics = std::thread::panicking();
        let verdict = match *self.why.lock().unwrap() {
            _ if panics && (toy.has(Flaw::IgnoresPanics) || toy.has(Flaw::KeepsThePlaceInPanic)) => return,
            _ if panics => Verdict::Failure,
            Some(WhyStopped::User) if !toy.has(Flaw::CountsTheUser) => Verdict::Neutral,
            Some(WhyStopped::HedgeLost) if !toy.has(Flaw::CountsTheHedge) => Verdict::Neutral,
            Some(WhyStopped::Shutdown) if !toy.has(Flaw::CountsTheShutdown) => Verdict::Neutral,
            Some(WhyStopped::Deadline) if toy.has(Flaw::IgnoresDeadlines) => Verdict::Neutral,
            Some(WhyStopped::AttemptTimeout) if toy.has(Flaw::IgnoresAttempts) => Verdict::Neutral,
            None if self.limit && toy.has(Flaw::IgnoresLimits) => Verdict::Neutral,
            None if toy.has(Flaw::KeepsThePlace) => return,
            None if self.since.elapsed() < PATIENCE && !toy.has(Flaw::CountsEveryDrop) => Verdict::Neutral,
            None if toy.has(Flaw::IgnoresDrops) || toy.has(Flaw::IgnoresMostDrops) => Verdict::Neutral,
            _ => Verdict::Failure,
        };
        toy.settle(generation, verdict);
    }
}

impl Toy {
    fn begin(&self, work: Work, why: Arc<Mutex<Option<WhyStopped>>>, limit: bool) -> Calling {
        let toy = Arc::clone(&self.0);
        Box::pin(async move {
            let generation = match toy.enter() {
                Ok(generation) => Some(generation),
                Err(retry_after) => return Answer::Refused { retry_after },
            };
            let mut place = Place { toy, generation, why: Arc::clone(&why), limit, since: Instant::now() };
            let stopped = std::future::poll_fn(|_| match *why.lock().unwrap() {
                Some(_) => std::task::Poll::Ready(()),
                None => std::task::Poll::Pending,
            });
            let answer = tokio::select! { biased; () = stopped => return Answer::Stopped, answer = work => answer };
            let verdict = match answer {
                Ok(()) => Verdict::Success,
                Err(Failure::Invalid) if !place.toy.has(Flaw::CountsTheCaller) => Verdict::Neutral,
                Err(_) => Verdict::Failure,
            };
            place.generation = None;
            place.toy.settle(generation.unwrap_or_default(), verdict);
            answer.map_or_else(Answer::Failed, |()| Answer::Succeeded)
        })
    }
}

impl BreakerUnderTest for Toy {
    fn call(&self, work: Work) -> Calling {
        self.begin(work, Arc::default(), false)
    }

    fn call_within(&self, _: Duration, work: Work) -> Option<Calling> {
        Some(self.begin(work, Arc::default(), true))
    }

    fn call_stoppable(&self, work: Work) -> Option<(Calling, Stopper)> {
        let why = Arc::default();
        let calling = self.begin(work, Arc::clone(&why), false);
        Some((calling, Box::new(move |reason| *why.lock().unwrap() = Some(reason))))
    }
}

/// Whoever drops a call earlier did not want it; later, it took too long.
const PATIENCE: Duration = Duration::from_millis(500);
