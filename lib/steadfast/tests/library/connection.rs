//! The connection: its story, its back-off, and every signal against a slow reference model.

use proptest::prelude::*;
use std::time::Duration;
use steadfast::{
    Clock, Connection, ConnectionPhase as Phase, ConnectionSignal as Signal, ConnectionState, testing::Stage,
};

const SECOND: Duration = Duration::from_secs(1);

fn connection(clock: &Clock) -> Connection {
    Connection::new("database").with_clock(clock.clone()).seed(7)
}

/// Fails once; the wait that follows is slept through.
fn fail(connection: &Connection, clock: &Clock) -> Duration {
    let moves = [connection.signal(Signal::Dial, "try"), connection.signal(Signal::Lost, "no route")];
    assert!(moves.iter().all(Result::is_ok), "{moves:?}");
    let wait = connection.dial_wait().unwrap_or_default();
    clock.advance(wait);
    wait
}

#[test]
fn the_story_of_a_connection() {
    let stage = Stage::manual();
    let connection = connection(stage.clock()).with_events(stage.events());
    for (signal, cause) in [
        (Signal::Dial, "first use"),
        (Signal::Connected, "greeted"),
        (Signal::Silent, "no heartbeat for 6 s"),
        (Signal::Heard, "heartbeat"),
        (Signal::Lost, "reset by the other end"),
        (Signal::Hurry, "somebody pressed try now"),
        (Signal::Dial, "again"),
        (Signal::Quarantine, "the key was refused"),
    ] {
        stage.advance(SECOND);
        connection.signal(signal, cause).unwrap();
    }
    assert_eq!(connection.state(), ConnectionState::Quarantined { reason: "the key was refused".into() });
    connection.signal(Signal::Dial, "again").unwrap_err();
    connection.signal(Signal::Release, "a new key").unwrap();
    assert_eq!(connection.phase(), Phase::Idle);
    insta::assert_snapshot!(stage, @r"
    1000 ms  connection database: idle to connecting: first use
    2000 ms  connection database: connecting to ready: greeted
    3000 ms  connection database: ready to suspect: no heartbeat for 6 s
    4000 ms  connection database: suspect to ready: heartbeat
    5000 ms  connection database: ready to backoff: reset by the other end
    6000 ms  connection database: backoff to idle: somebody pressed try now
    7000 ms  connection database: idle to connecting: again
    8000 ms  connection database: connecting to quarantined: the key was refused
    8000 ms  connection database: quarantined to idle: a new key
    ");
}

#[test]
fn a_refused_move_changes_nothing_and_tells_nobody() {
    let stage = Stage::manual();
    let connection = connection(stage.clock()).with_events(stage.events());
    let refused = connection.signal(Signal::Connected, "out of the blue").unwrap_err();
    assert_eq!((refused.from, refused.signal, refused.wait), (Phase::Idle, Signal::Connected, None));
    assert_eq!((connection.state(), stage.to_string().as_str()), (ConnectionState::Idle, ""));
}

#[test]
fn it_is_not_dialled_before_its_time() {
    let clock = Clock::manual();
    let connection = connection(&clock).backoff(10 * SECOND, 10 * SECOND);
    connection.signal(Signal::Dial, "try").unwrap();
    connection.signal(Signal::Lost, "no route").unwrap();
    let wait = connection.dial_wait().unwrap();
    assert!(wait > Duration::ZERO && wait <= 10 * SECOND, "{wait:?}");
    clock.advance(wait - Duration::from_nanos(1));
    let refused = connection.signal(Signal::Dial, "too early").unwrap_err();
    assert_eq!(refused.wait, Some(Duration::from_nanos(1)));
    assert_eq!(refused.to_string(), "database: dial is no move from backoff for another 1ns");
    clock.advance(Duration::from_nanos(1));
    connection.signal(Signal::Dial, "on time").unwrap();
}

#[test]
fn waits_are_spread_over_a_growing_and_bounded_range() {
    let mut waits = [(Duration::MAX, Duration::ZERO); 14];
    for seed in 0..200 {
        let clock = Clock::manual();
        let connection = connection(&clock).seed(seed);
        for (number, (shortest, longest)) in waits.iter_mut().enumerate() {
            let wait = fail(&connection, &clock);
            let limit = Duration::from_millis(100 << number).min(30 * SECOND);
            assert!(wait <= limit, "{wait:?} after failure {number}");
            *shortest = wait.min(*shortest);
            *longest = wait.max(*longest);
        }
    }
    for (number, (shortest, longest)) in waits.iter().enumerate() {
        let limit = Duration::from_millis(100 << number).min(30 * SECOND);
        let spread = limit.mul_f64(0.1) > *shortest && *longest > limit.mul_f64(0.9);
        assert!(spread, "full jitter: from almost nothing to almost {limit:?}, not {shortest:?} to {longest:?}");
    }
}

#[test]
fn failures_are_forgotten_after_a_minute_of_ready_and_not_before() {
    for (ready, failures) in [(60 * SECOND, 1), (60 * SECOND - Duration::from_nanos(1), 4)] {
        let clock = Clock::manual();
        let connection = connection(&clock);
        for _ in 0..3 {
            fail(&connection, &clock);
        }
        connection.signal(Signal::Dial, "try").unwrap();
        connection.signal(Signal::Connected, "greeted").unwrap();
        clock.advance(ready);
        let state = connection.signal(Signal::Lost, "reset").unwrap();
        assert!(matches!(state, ConnectionState::Backoff { failures: after, .. } if after == failures), "{state:?}");
    }
}

#[test]
fn numbers_without_sense_do_no_harm() {
    let clock = Clock::manual();
    let connection = connection(&clock).backoff(Duration::MAX, Duration::ZERO).steady_after(Duration::MAX);
    for _ in 0..40 {
        connection.signal(Signal::Dial, "try").unwrap();
        connection.signal(Signal::Lost, "no route").unwrap();
        connection.signal(Signal::Hurry, "now").unwrap();
    }
}

// The reference model: it keeps everything that has happened, and derives each answer from the whole of it.

#[derive(Default)]
struct Model {
    now: Duration,
    /// Every accepted signal, when, and the phase it led to.
    past: Vec<(Duration, Signal, Phase)>,
    until: Duration,
}

impl Model {
    fn phase(&self) -> Phase {
        self.past.last().map_or(Phase::Idle, |last| last.2)
    }

    fn next(&self, signal: Signal) -> Option<Phase> {
        let connected = matches!(self.phase(), Phase::Ready | Phase::Suspect);
        match (signal, self.phase()) {
            (Signal::Release, Phase::Quarantined) => Some(Phase::Idle),
            (_, Phase::Quarantined) | (Signal::Release, _) => None,
            (Signal::Quarantine, _) => Some(Phase::Quarantined),
            (Signal::Dial, Phase::Idle) => Some(Phase::Connecting),
            (Signal::Dial, Phase::Backoff) => (self.now >= self.until).then_some(Phase::Connecting),
            (Signal::Connected, Phase::Connecting) | (Signal::Heard, Phase::Suspect) => Some(Phase::Ready),
            (Signal::Silent, Phase::Ready) => Some(Phase::Suspect),
            (Signal::Lost, Phase::Connecting) => Some(Phase::Backoff),
            (Signal::Lost, _) if connected => Some(Phase::Backoff),
            (Signal::Drain, _) if connected => Some(Phase::Draining),
            (Signal::Drain, Phase::Connecting | Phase::Backoff) | (Signal::Hurry, Phase::Backoff) => Some(Phase::Idle),
            (Signal::Drained | Signal::Lost, Phase::Draining) => Some(Phase::Idle),
            _ => None,
        }
    }

    /// Back-offs since the last release or the last minute of Ready.
    fn failures(&self) -> usize {
        let ends: Vec<_> = self.past.iter().skip(1).map(|next| next.0).chain([self.now]).collect();
        let forgets = |(entry, end): (&(Duration, Signal, Phase), &Duration)| {
            entry.1 == Signal::Release || (entry.2 == Phase::Ready && *end - entry.0 >= 60 * SECOND)
        };
        let last = self.past.iter().zip(&ends).rposition(forgets).map_or(0, |place| place + 1);
        self.past[last..].iter().filter(|entry| entry.2 == Phase::Backoff).count()
    }
}

fn signal() -> impl Strategy<Value = Signal> {
    // The ones that lead somewhere come more often.
    prop_oneof![
        3 => Just(Signal::Dial), 3 => Just(Signal::Connected), 3 => Just(Signal::Lost),
        2 => proptest::sample::select(Signal::ALL.to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn it_agrees_with_the_model(
        seed in any::<u64>(),
        steps in prop::collection::vec((signal(), prop::sample::select(vec![0_u64, 40, 700, 31_000, 61_000])), 1..120),
    ) {
        let clock = Clock::manual();
        let connection = connection(&clock).seed(seed);
        let (start, mut model) = (clock.now(), Model::default());
        for (signal, wait_ms) in steps {
            clock.advance(Duration::from_millis(wait_ms));
            model.now += Duration::from_millis(wait_ms);
            let expected = model.next(signal);
            let moved = connection.signal(signal, "step");
            prop_assert_eq!(moved.is_ok(), expected.is_some(), "{:?} from {}", signal, model.phase());
            if let Some(phase) = expected {
                model.past.push((model.now, signal, phase));
            }
            prop_assert_eq!(connection.phase(), model.phase());
            if let Ok(ConnectionState::Backoff { until, failures }) = moved {
                let wait = until - clock.now();
                prop_assert_eq!(failures as usize, model.failures());
                prop_assert!(wait <= 30 * SECOND.min(SECOND / 10 * 2_u32.saturating_pow(failures - 1)));
                model.until = until - start;
            }
        }
    }
}
