//! What happens under the lock: probes, marked calls, every move, and the overrides by hand. Nothing here is on
//! the way of a healthy call. Events are told after the lock is free.

use super::{
    BreakerState, OpenReason,
    gate::Phase,
    rule::{self, ObservedMove, Verdict},
    settings::Settings,
    state::{NEVER, PROBE_WAIT, Shared, nanos},
    window::{Mark, Window},
};
use crate::{Events, sync::MutexGuard};
use fastrand::Rng;
use std::{sync::PoisonError, time::Duration};

#[derive(Debug)]
pub(super) struct Inside {
    pub(super) settings: Settings,
    mode: Mode,
    window: Window,
    /// Openings since it was last closed.
    openings: u32,
    /// The present or last open time, in nanoseconds.
    pause: u64,
    /// How often the settings changed.
    edition: u64,
    random: Rng,
}

/// Moments are nanoseconds of the breaker's time.
#[derive(Debug, Clone, Copy)]
enum Mode {
    Closed,
    Open { until: u64 },
    Isolated,
    HalfOpen { under_way: u32, succeeded: u32, last_admitted: u64 },
}

impl Inside {
    pub(super) fn new(settings: Settings, window: Window) -> Self {
        let random = settings.seed.map_or_else(Rng::new, Rng::with_seed);
        Self { mode: Mode::Closed, window, openings: 0, pause: 0, edition: 0, random, settings }
    }

    /// How long the probes may say nothing.
    fn patience(&self) -> u64 {
        self.settings.patience.map_or(self.pause.max(nanos(SHORTEST_PATIENCE)), nanos)
    }

    /// Whether one probe more may go.
    fn has_room(&self, under_way: u32, succeeded: u32) -> bool {
        let (probes, needed) = (self.settings.probes, self.settings.successes_needed());
        under_way < probes && under_way.saturating_add(succeeded) < probes.max(needed)
    }
}

/// Calls.
impl Shared {
    /// The generation of the probe that may go, or how long to wait.
    pub(super) fn admit_probe(&self, events: &Events) -> Result<u32, Duration> {
        let mut inside = self.lock();
        let now = self.now();
        let mut step = None;
        match inside.mode {
            Mode::Closed => {}
            Mode::Isolated => return Err(self.dials.usual_pause()),
            Mode::Open { until } if now < until => return Err(Duration::from_nanos(until - now)),
            Mode::Open { .. } => {
                self.probe_anew(&mut inside, now);
                step = Some(ObservedMove::HalfOpen);
            }
            Mode::HalfOpen { under_way, succeeded, .. } if inside.has_room(under_way, succeeded) => {
                inside.mode = Mode::HalfOpen { under_way: under_way + 1, succeeded, last_admitted: now };
                self.show_room(&inside);
            }
            // The probes hang; without this, nobody would ever be let in again.
            Mode::HalfOpen { last_admitted, .. } if now >= last_admitted.saturating_add(inside.patience()) => {
                self.probe_anew(&mut inside, now);
            }
            Mode::HalfOpen { .. } => return Err(PROBE_WAIT.min(self.dials.usual_pause())),
        }
        let generation = self.gate.generation();
        drop(inside);
        self.tell(events, step);
        Ok(generation)
    }

    pub(super) fn settle_inside(&self, generation: u32, verdict: Verdict, slow: bool, events: &Events) {
        let mut inside = self.lock();
        if self.gate.generation() != generation {
            return;
        }
        let step = match inside.mode {
            Mode::Closed => self.mark(&mut inside, verdict, slow),
            Mode::HalfOpen { under_way, succeeded, last_admitted } => {
                inside.mode = Mode::HalfOpen { under_way: under_way.saturating_sub(1), succeeded, last_admitted };
                self.end_probe(&mut inside, verdict, slow)
            }
            Mode::Open { .. } | Mode::Isolated => None,
        };
        drop(inside);
        self.tell(events, step);
    }

    /// A call that was not healthy, while closed.
    fn mark(&self, inside: &mut Inside, verdict: Verdict, slow: bool) -> Option<ObservedMove> {
        let failed = verdict == Verdict::Failure;
        if !failed && !slow {
            return None;
        }
        let in_a_row = if failed { self.gate.count_failure() } else { 0 };
        let totals = inside.window.record(&self.tally, || self.now(), Mark { failed, slow });
        let enough = inside.settings.consecutive.is_some_and(|limit| in_a_row >= limit);
        let reason = enough.then_some(OpenReason::ConsecutiveFailures(in_a_row));
        reason.or_else(|| rule::judge_window(totals, &inside.settings)).map(|reason| self.open(inside, reason))
    }

    fn end_probe(&self, inside: &mut Inside, verdict: Verdict, slow: bool) -> Option<ObservedMove> {
        match verdict {
            Verdict::Failure => return Some(self.open(inside, OpenReason::ProbeFailed)),
            Verdict::Success if slow => return Some(self.open(inside, OpenReason::ProbeSlow)),
            Verdict::Success => {
                if let Mode::HalfOpen { succeeded, .. } = &mut inside.mode {
                    *succeeded += 1;
                    if *succeeded >= inside.settings.successes_needed() {
                        return Some(self.close(inside));
                    }
                }
            }
            Verdict::Neutral => {}
        }
        self.show_room(inside);
        None
    }
}

/// Moves.
impl Shared {
    fn open(&self, inside: &mut Inside, reason: OpenReason) -> ObservedMove {
        let pause = inside.settings.pause.length(inside.openings, || inside.random.f64());
        inside.openings = inside.openings.saturating_add(1);
        inside.pause = nanos(pause);
        // `NEVER` is for isolation.
        let until = self.now().saturating_add(inside.pause).min(NEVER - 1);
        inside.mode = Mode::Open { until };
        self.gate.shift(Phase::Open, until);
        ObservedMove::Open { reason, retry_after: pause }
    }

    fn close(&self, inside: &mut Inside) -> ObservedMove {
        inside.mode = Mode::Closed;
        inside.openings = 0;
        // Before the gate, so that nothing of the new generation is forgotten.
        inside.window.clear(&self.tally, || self.now());
        self.gate.shift(Phase::Closed, 0);
        ObservedMove::Close
    }

    fn probe_anew(&self, inside: &mut Inside, now: u64) {
        inside.mode = Mode::HalfOpen { under_way: 1, succeeded: 0, last_admitted: now };
        self.gate.shift(Phase::HalfOpen, 0);
        self.show_room(inside);
    }

    /// Spares the lock those who would be refused anyway.
    fn show_room(&self, inside: &Inside) {
        if let Mode::HalfOpen { under_way, succeeded, last_admitted } = inside.mode {
            let full = !inside.has_room(under_way, succeeded);
            self.gate.refuse_until(if full { last_admitted.saturating_add(inside.patience()) } else { 0 });
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing under the lock can panic half-way through a change, so a poisoned state is still whole.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By hand.
impl Shared {
    pub(super) fn state(&self) -> BreakerState {
        match self.lock().mode {
            Mode::Closed => BreakerState::Closed,
            Mode::Isolated => BreakerState::Open { retry_after: self.dials.usual_pause() },
            Mode::HalfOpen { .. } => BreakerState::HalfOpen,
            Mode::Open { until } => match until.saturating_sub(self.now()) {
                0 => BreakerState::HalfOpen,
                left => BreakerState::Open { retry_after: Duration::from_nanos(left) },
            },
        }
    }

    pub(super) fn force_open(&self) {
        let mut inside = self.lock();
        if matches!(inside.mode, Mode::Isolated) {
            return;
        }
        inside.mode = Mode::Isolated;
        self.gate.shift(Phase::Isolated, NEVER);
        let retry_after = inside.settings.pause.base;
        drop(inside);
        let step = ObservedMove::Open { reason: OpenReason::Forced, retry_after };
        self.tell(&self.identity.events, Some(step));
    }

    pub(super) fn force_close(&self) {
        let mut inside = self.lock();
        let was_closed = matches!(inside.mode, Mode::Closed);
        let step = self.close(&mut inside);
        drop(inside);
        self.tell(&self.identity.events, (!was_closed).then_some(step));
    }

    /// The next call is a probe.
    pub(super) fn release(&self) {
        let mut inside = self.lock();
        if matches!(inside.mode, Mode::Isolated) {
            let now = self.now();
            inside.pause = nanos(inside.settings.pause.base);
            inside.mode = Mode::Open { until: now };
            self.gate.shift(Phase::Open, now);
        }
    }

    pub(super) fn reconfigure(&self, settings: Settings) {
        let mut inside = self.lock();
        inside.edition += 1;
        if inside.settings.span() != settings.span() {
            let (now, edition) = (self.now(), inside.edition);
            inside.window.change(settings.span(), edition, &self.tally, now);
        }
        if inside.settings.seed != settings.seed {
            inside.random = settings.seed.map_or_else(Rng::new, Rng::with_seed);
        }
        self.dials.set(&settings);
        inside.settings = settings;
        self.show_room(&inside);
    }
}

/// A guess: a good call that takes longer is rare, and whoever has such calls can say so.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(5);
