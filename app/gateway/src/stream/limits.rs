//! The limits on one attempt, as pure arithmetic over what has come and when. `watched.rs` waits as it says.
//!
//! Statuses are life: a model that reads a long prompt is not hung. Surprise: a bare sign of life (`Alive`, an
//! upstream's comment line) is not, for ever: proxies send them for servers that died. Only this machine's own engine,
//! which is watched elsewhere, is believed.

use std::{collections::VecDeque, time::Duration};

use steadfast::{Blame, Code, Error, RetryAdvice};
use steadfast_contract::{
    chunk::{Chunk, Status, Weight},
    provider::{Delivery, Timers},
};
use tokio::time::Instant;

use crate::routing::Target;

/// What holds for one attempt.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(super) target: String,
    /// Until the first content; for an answer in one body, until that.
    first: Duration,
    idle: Duration,
    rate: Option<Rate>,
    /// Signs of life alone keep it going.
    trusted: bool,
    pub(super) tokens: usize,
}

#[derive(Debug, Clone, Copy)]
struct Rate {
    /// So many characters must come in every window.
    characters: usize,
    window: Duration,
}

/// What has come so far, and when.
#[derive(Debug)]
pub(super) struct Course {
    /// The last item of any kind.
    life: Instant,
    /// The last that was more than a sign of life.
    progress: Instant,
    first_content: Option<Instant>,
    /// The newest contents that together make up the rate: when, and how many characters.
    newest: VecDeque<(Instant, usize)>,
}

/// Which limit ends the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    FirstContent,
    Silence,
    TooSlow,
    Deadline,
}

impl Limits {
    /// `idle` is the local engine's; `tokens` is how long the question is, roughly.
    pub(crate) fn new(target: &Target, delivery: Delivery, tokens: usize, idle: Duration) -> Self {
        let trusted = target.is_local();
        let timers = target.timers();
        let timers = if trusted { Timers { idle, first_token: idle, whole: idle, ..timers } } else { timers };
        Self::of(target.label(), timers, (delivery, tokens), target.health.reading_speed(), trusted)
    }

    fn of(
        target: String,
        timers: Timers,
        (delivery, tokens): (Delivery, usize),
        reading_speed: Option<f64>,
        trusted: bool,
    ) -> Self {
        let first = match delivery {
            Delivery::Whole => timers.whole,
            Delivery::Streamed => timers.first_token + reading_time(timers.per_1k_tokens, reading_speed, tokens),
        };
        let characters = (timers.min_chars_per_second * timers.rate_window.as_secs_f32()).ceil() as usize;
        let rate = (characters > 0).then_some(Rate { characters, window: timers.rate_window });
        Self { target, first, idle: timers.idle, rate, trusted, tokens }
    }

    /// The next moment at which the wait ends, and why.
    pub(super) fn next(&self, course: &Course, deadline: Option<Instant>) -> (Instant, Limit) {
        let deadline = deadline.map(|at| (at, Limit::Deadline));
        let limits = match course.first_content {
            None => {
                let since = if self.trusted { course.life } else { course.progress };
                [Some((since + self.first, Limit::FirstContent)), None, None, deadline]
            }
            Some(first) => {
                let mere_life = course.progress + self.idle * IDLES_OF_MERE_LIFE;
                [
                    Some((course.life + self.idle, Limit::Silence)),
                    (!self.trusted).then_some((mere_life, Limit::Silence)),
                    self.rate.map(|rate| (rate.due(first, &course.newest), Limit::TooSlow)),
                    deadline,
                ]
            }
        };
        let usual = (course.life + self.idle, Limit::Silence);
        limits.into_iter().flatten().min_by_key(|(at, _)| *at).unwrap_or(usual)
    }

    pub(super) fn note(&self, course: &mut Course, chunk: &Chunk, now: Instant) {
        course.life = now;
        if *chunk == Chunk::Status(Status::Alive) {
            return;
        }
        course.progress = now;
        let characters = match chunk {
            Chunk::Status(_) | Chunk::Other(Weight::Preamble) | Chunk::Finish { .. } => return,
            Chunk::Text(text) | Chunk::Reasoning(text) => text.chars().count(),
            Chunk::ToolCall(part) => part.arguments.chars().count(),
            // Sound has no characters; it keeps any rate.
            Chunk::Other(Weight::Content) => usize::MAX,
        };
        course.first_content.get_or_insert(now);
        if let Some(rate) = self.rate {
            course.newest.push_back((now, characters));
            rate.forget(&mut course.newest);
        }
    }

    pub(super) fn error(&self, limit: Limit, course: &Course, now: Instant) -> Error {
        let target = &self.target;
        let silent = now.saturating_duration_since(course.progress);
        let error = |message: String| {
            Error::timeout(&format!("ask {target}"), silent).with_message(message).with_detail("target", target)
        };
        match limit {
            Limit::FirstContent => error(format!("{target} said nothing for {} seconds.", silent.as_secs())),
            Limit::Silence => error(format!("{target} has gone quiet for {} seconds.", silent.as_secs())),
            Limit::TooSlow => error(format!("{target} writes too slowly.")),
            // Whether the target hung or the caller was in a hurry: what it was silent for tells.
            Limit::Deadline => error(format!("{target} was not done when the time for the question was over."))
                .with_blame(if silent >= HUNG { Blame::Target } else { Blame::Caller })
                .with_advice(RetryAdvice::Never),
        }
        .with_detail("limit", limit.name())
    }
}

impl Course {
    pub(super) fn begun(now: Instant) -> Self {
        Self { life: now, progress: now, first_content: None, newest: VecDeque::new() }
    }

    pub(super) fn has_content(&self) -> bool {
        self.first_content.is_some()
    }
}

impl Rate {
    /// When the newest characters that make up the rate are a window old.
    fn due(self, first: Instant, newest: &VecDeque<(Instant, usize)>) -> Instant {
        let total = newest.iter().fold(0_usize, |sum, (_, characters)| sum.saturating_add(*characters));
        match newest.front() {
            Some((oldest, _)) if total >= self.characters => (*oldest).max(first) + self.window,
            _ => first + self.window,
        }
    }

    /// Keeps as few of the newest as make up the rate.
    fn forget(self, newest: &mut VecDeque<(Instant, usize)>) {
        let mut total = newest.iter().fold(0_usize, |sum, (_, characters)| sum.saturating_add(*characters));
        while let Some((_, oldest)) = newest.front() {
            match total.checked_sub(*oldest) {
                Some(without) if without >= self.characters => total = without,
                _ => return,
            }
            newest.pop_front();
        }
    }
}

impl Limit {
    fn name(self) -> &'static str {
        match self {
            Self::FirstContent => "first_token",
            Self::Silence => "idle",
            Self::TooSlow => "min_rate",
            Self::Deadline => "total",
        }
    }
}

/// Whether `error` is the end of the whole question's time.
pub(super) fn is_the_deadline(error: &Error) -> bool {
    error.code() == Code::TIMEOUT && error.details().iter().any(|(key, value)| *key == "limit" && value == "total")
}

/// What the settings grant for reading, or three times what it was seen to take.
fn reading_time(per_1k_tokens: Duration, seen: Option<f64>, tokens: usize) -> Duration {
    let thousands = tokens as f64 / 1000.0;
    let granted = per_1k_tokens.as_secs_f64().max(seen.map_or(0.0, |seconds| seconds * SLACK));
    Duration::try_from_secs_f64(granted * thousands).unwrap_or(LONGEST_READ).min(LONGEST_READ)
}

/// So many silences of nothing but signs of life.
const IDLES_OF_MERE_LIFE: u32 = 10;

/// A target may take three times as long as it usually does before that is strange.
const SLACK: f64 = 3.0;

const LONGEST_READ: Duration = Duration::from_secs(3600);

/// A silence shorter than this is no reason to blame the target for a caller's deadline.
const HUNG: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use steadfast::Clock;

    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn limits(timers: Timers) -> Limits {
        Limits::of("b".into(), timers, (Delivery::Streamed, 0), None, false)
    }

    fn text(text: &str) -> Chunk {
        Chunk::Text(text.into())
    }

    #[test]
    fn a_long_question_gets_more_time_and_a_slow_reader_too() {
        let first = |tokens, speed| {
            Limits::of("b".into(), Timers::default(), (Delivery::Streamed, tokens), speed, false).first.as_secs()
        };
        assert_eq!([first(0, None), first(10_000, None), first(10_000, Some(4.0))], [60, 80, 180]);
    }

    #[test]
    fn a_body_in_one_piece_has_its_own_limit() {
        let whole = Limits::of("b".into(), Timers::default(), (Delivery::Whole, 10_000), None, false);
        assert_eq!(whole.first, Timers::default().whole);
    }

    #[test]
    fn a_heartbeat_does_not_put_the_first_content_off_but_reading_does() {
        let (limits, start) = (limits(Timers::default()), Clock::manual().now());
        let mut course = Course::begun(start);
        limits.note(&mut course, &Chunk::Status(Status::Alive), start + seconds(50));
        assert_eq!(limits.next(&course, None), (start + seconds(60), Limit::FirstContent));
        limits.note(&mut course, &Chunk::Status(Status::Reading { done: 1, total: 9 }), start + seconds(50));
        assert_eq!(limits.next(&course, None), (start + seconds(110), Limit::FirstContent));
    }

    #[test]
    fn mere_life_holds_an_answer_for_ten_silences() {
        let (limits, start) = (limits(Timers::default()), Clock::manual().now());
        let mut course = Course::begun(start);
        limits.note(&mut course, &text("a"), start);
        assert_eq!(limits.next(&course, None), (start + seconds(30), Limit::Silence));
        limits.note(&mut course, &Chunk::Status(Status::Alive), start + seconds(290));
        assert_eq!(limits.next(&course, None), (start + seconds(300), Limit::Silence));
    }

    #[test]
    fn the_rate_is_asked_of_every_window() {
        let timers =
            Timers { min_chars_per_second: 1.0, rate_window: seconds(20), idle: seconds(600), ..Timers::default() };
        let (limits, start) = (limits(timers), Clock::manual().now());
        let mut course = Course::begun(start);
        limits.note(&mut course, &text("ab"), start);
        assert_eq!(limits.next(&course, None), (start + seconds(20), Limit::TooSlow));
        limits.note(&mut course, &text(&"x".repeat(20)), start + seconds(10));
        assert_eq!(limits.next(&course, None), (start + seconds(30), Limit::TooSlow));
        assert_eq!(course.newest.len(), 1, "what is not needed is forgotten");
    }

    #[test]
    fn a_deadline_soon_after_the_question_is_not_the_targets_fault() {
        let (limits, start) = (limits(Timers::default()), Clock::manual().now());
        let course = Course::begun(start);
        assert_eq!(limits.next(&course, Some(start + seconds(3))), (start + seconds(3), Limit::Deadline));
        let blame = |after| limits.error(Limit::Deadline, &course, start + seconds(after)).blame();
        assert_eq!((blame(3), blame(30)), (Blame::Caller, Blame::Target));
    }
}
