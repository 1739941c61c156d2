//! The limit that finds its own size: what moves it and what does not, and that it finds the size of a target.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers are part of the tests")]

use proptest::prelude::*;
use std::{
    collections::BTreeMap,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use steadfast::{
    AdaptiveLimit, AdaptivePermit, Blame, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events,
    testing::EventLog,
};

fn call() -> Call {
    Call::new("ask", &CancelToken::root("test"))
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn enter(limit: &AdaptiveLimit) -> Result<AdaptivePermit, Error> {
    let call = call();
    match poll(&mut Box::pin(limit.enter(&call))) {
        Poll::Ready(entered) => entered,
        Poll::Pending => panic!("nobody waits here"),
    }
}

fn fill(limit: &AdaptiveLimit) -> Vec<AdaptivePermit> {
    (0..limit.limit()).map(|_| enter(limit).unwrap()).collect()
}

fn too_many() -> Error {
    Error::rate_limited("cloud", None)
}

#[test]
fn it_starts_at_16_and_refuses_the_17th() {
    let limit = AdaptiveLimit::aimd().named("cloud");
    let inside = fill(&limit);
    let refused = enter(&limit).unwrap_err();
    assert_eq!((inside.len(), refused.code(), refused.blame()), (16, Code::OVERLOADED, Blame::Local));
    assert!(refused.details().contains(&("rejected_by", "adaptive_limit".to_owned())));
    drop(inside);
    assert_eq!(limit.in_flight(), 0);
}

#[test]
fn a_burst_of_refusals_shrinks_it_once() {
    for limit in [AdaptiveLimit::aimd(), AdaptiveLimit::gradient()] {
        for permit in fill(&limit) {
            permit.failure(&too_many());
        }
        assert_eq!(limit.limit(), 11);
        // What began after that met the new limit.
        enter(&limit).unwrap().failure(&too_many());
        assert_eq!(limit.limit(), 7);
    }
}

#[test]
fn what_is_inside_when_it_shrinks_may_finish_and_nobody_new_comes_in_before() {
    let limit = AdaptiveLimit::aimd();
    let mut inside = fill(&limit);
    inside.pop().unwrap().failure(&too_many());
    assert_eq!((limit.limit(), limit.in_flight()), (11, 15));
    while limit.in_flight() > 11 {
        assert!(enter(&limit).is_err());
        drop(inside.pop());
    }
    assert!(enter(&limit).is_err());
    drop(inside.pop());
    assert!(enter(&limit).is_ok());
}

#[test]
fn it_grows_by_one_per_window_of_successes_but_only_in_use() {
    let limit = AdaptiveLimit::aimd();
    for permit in fill(&limit) {
        permit.success();
    }
    // The second half of them ended while less than half of the limit was in use.
    assert_eq!(limit.limit(), 16);
    let mut inside = fill(&limit);
    for _ in 0..16 {
        inside.pop().unwrap().success();
        inside.push(enter(&limit).unwrap());
    }
    assert_eq!(limit.limit(), 17);
    drop(inside);
    for _ in 0..1000 {
        enter(&limit).unwrap().success();
    }
    assert_eq!(limit.limit(), 17);
}

#[test]
fn an_overload_starts_the_window_again() {
    let limit = AdaptiveLimit::aimd().start(2).bounds(2, 8);
    let _other = enter(&limit).unwrap();
    enter(&limit).unwrap().success();
    enter(&limit).unwrap().failure(&too_many());
    enter(&limit).unwrap().success();
    assert_eq!(limit.limit(), 2);
    enter(&limit).unwrap().success();
    assert_eq!(limit.limit(), 3);
}

#[test]
fn only_what_is_about_load_shrinks_it() {
    let neutral = [
        Error::validation("No."),
        Error::unauthorized("cloud"),
        Error::connection_lost("cloud"),
        Error::internal("ours"),
        Error::overloaded("cloud", None).with_blame(Blame::Local),
        Error::cancelled(CancelReason::UserStop),
        Error::cancelled(CancelReason::HedgeLost),
    ];
    let overload = [
        too_many(),
        Error::timeout("ask", Duration::from_secs(1)),
        Error::overloaded("cloud", None),
        Error::cancelled(CancelReason::AttemptTimeout),
        Error::cancelled(CancelReason::Deadline),
    ];
    for (errors, expected) in [(&neutral[..], 16), (&overload[..], 11)] {
        for error in errors {
            let limit = AdaptiveLimit::aimd();
            enter(&limit).unwrap().failure(error);
            assert_eq!((limit.limit(), limit.in_flight()), (expected, 0), "{error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_short_is_judged_by_why() {
    for (reason, expected) in [
        (None, 16),
        (Some(CancelReason::UserStop), 16),
        (Some(CancelReason::HedgeLost), 16),
        (Some(CancelReason::AttemptTimeout), 11),
    ] {
        let (limit, call) = (AdaptiveLimit::aimd(), call());
        let mut run = Box::pin(limit.run(&call, pending::<Result<(), Error>>()));
        assert!(poll(&mut run).is_pending());
        if let Some(reason) = reason {
            call.token().cancel(reason);
        }
        drop(run);
        assert_eq!((limit.limit(), limit.in_flight()), (expected, 0), "{reason:?}");
    }
    let limit = AdaptiveLimit::aimd();
    let call = call().with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(1)));
    limit.run(&call, pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!((limit.limit(), limit.in_flight()), (11, 0));
}

#[test]
fn a_panic_gives_the_place_back_and_says_nothing_about_the_load() {
    let (limit, call) = (AdaptiveLimit::aimd(), call());
    let mut run = Box::pin(limit.run(&call, async { panic!("in the work") as Result<(), Error> }));
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut run).is_ready())).is_err());
    drop(run);
    assert_eq!((limit.limit(), limit.in_flight()), (16, 0));
}

#[test]
fn a_limit_that_grows_serves_the_line_at_once() {
    let (limit, call) = (AdaptiveLimit::aimd().start(1).queue(2), call());
    let inside = enter(&limit).unwrap();
    let mut line: Vec<Pin<Box<_>>> = (0..2).map(|_| Box::pin(limit.enter(&call))).collect();
    line.iter_mut().for_each(|waiting| assert!(poll(waiting).is_pending()));
    assert_eq!(limit.queued(), 2);
    inside.success(); // grows to 2, and gives its own place too
    assert_eq!((limit.limit(), limit.in_flight(), limit.queued()), (2, 2, 0));
    assert!(line.iter_mut().all(|waiting| matches!(poll(waiting), Poll::Ready(Ok(_)))));
    assert_eq!(limit.in_flight(), 0);
}

#[test]
fn a_limit_that_shrank_serves_the_line_only_when_there_is_room_again() {
    let (limit, call) = (AdaptiveLimit::aimd().start(4).queue(1), call());
    let mut inside = fill(&limit);
    let mut waiting = Box::pin(limit.enter(&call));
    assert!(poll(&mut waiting).is_pending());
    inside.pop().unwrap().failure(&too_many()); // now 2
    assert_eq!((limit.limit(), limit.in_flight(), limit.queued()), (2, 3, 1));
    drop(inside.pop());
    assert_eq!((limit.in_flight(), limit.queued()), (2, 1));
    assert!(poll(&mut waiting).is_pending());
    drop(inside.pop());
    assert_eq!((limit.in_flight(), limit.queued()), (2, 0));
    assert!(matches!(poll(&mut waiting), Poll::Ready(Ok(_))));
}

#[test]
fn its_changes_are_told() {
    let log = Arc::new(EventLog::new(&Clock::manual()));
    let limit = AdaptiveLimit::aimd().start(1).bounds(1, 2).named("cloud").with_events(Events::to(Arc::clone(&log)));
    enter(&limit).unwrap().success();
    let _inside = enter(&limit).unwrap();
    enter(&limit).unwrap().success(); // it cannot grow further
    enter(&limit).unwrap().failure(&too_many());
    enter(&limit).is_err().then_some(()).unwrap(); // one is inside
    insta::assert_snapshot!(log, @r"
    0 ms  limit cloud: 2 at once instead of 1
    0 ms  limit cloud: 1 at once instead of 2
    ");
}

#[test]
fn nonsense_bounds_become_the_nearest_sense() {
    let limit = AdaptiveLimit::aimd().bounds(0, 0);
    assert_eq!(limit.limit(), 1);
    enter(&limit).unwrap().failure(&too_many());
    assert_eq!(limit.limit(), 1);
    assert_eq!(AdaptiveLimit::aimd().bounds(9, 3).limit(), 9);
    assert_eq!(AdaptiveLimit::aimd().start(0).limit(), 1);
    assert_eq!(AdaptiveLimit::aimd().start(u32::MAX).limit(), 256);
}

/// A target that answers in 100 ms up to `capacity` at once, and takes proportionally longer above, for callers who
/// always want more than they get. Gives the mean limit over so many answers.
fn serve(limit: &AdaptiveLimit, clock: &Clock, capacity: f64, answers: u32) -> f64 {
    let start = clock.now();
    let (mut inside, mut now, mut sum) = (BTreeMap::new(), Duration::ZERO, 0.0);
    for id in 0..answers {
        while let Ok(permit) = enter(limit) {
            let slower = (f64::from(limit.in_flight()) / capacity).max(1.0);
            let place = (now + Duration::from_millis(100).mul_f64(slower), id, inside.len());
            inside.insert(place, permit);
        }
        let ((end, ..), permit) = inside.pop_first().unwrap();
        clock.advance(end.saturating_sub(clock.now() - start));
        now = now.max(end);
        permit.success();
        sum += f64::from(limit.limit());
    }
    sum / f64::from(answers)
}

#[test]
fn the_gradient_grows_while_latency_stays_and_shrinks_when_it_rises() {
    let clock = Clock::manual();
    let limit = AdaptiveLimit::gradient().with_clock(clock.clone());
    let easy = serve(&limit, &clock, 1000.0, 5_000);
    let hard = serve(&limit, &clock, 10.0, 5_000);
    let again = serve(&limit, &clock, 1000.0, 5_000);
    assert!(easy > 200.0 && hard < 100.0 && again > 200.0, "{easy}, {hard}, {again}");
}

#[test]
fn a_first_byte_is_what_the_gradient_learns_from_when_it_is_said() {
    let clock = Clock::manual();
    let [told, untold] = [true, false].map(|told| {
        let limit = AdaptiveLimit::gradient().with_clock(clock.clone());
        for length in 1..200_u64 {
            let mut inside = fill(&limit);
            clock.advance(Duration::from_millis(100));
            if told {
                inside.iter_mut().for_each(AdaptivePermit::first_byte);
            }
            clock.advance(Duration::from_secs(length * length)); // each answer is longer than the one before
            inside.iter_mut().for_each(AdaptivePermit::first_byte); // too late
            let half = inside.len() / 2;
            inside.into_iter().take(half.max(1)).for_each(AdaptivePermit::success);
        }
        limit.limit()
    });
    assert!(told > 100 && untold < told, "{told}, {untold}");
}

/// A target that refuses what is above its capacity.
fn refuse_above(limit: &AdaptiveLimit, capacity: u32, rounds: u32) -> (u32, u32) {
    let (mut least, mut most) = (u32::MAX, 0);
    for _ in 0..rounds {
        let mut inside = std::collections::VecDeque::from(fill(limit));
        for _ in 0..inside.len() {
            let over = inside.len() > capacity as usize;
            let permit = inside.pop_front().unwrap();
            if over {
                permit.failure(&too_many());
            } else {
                permit.success();
            }
            inside.extend(enter(limit));
        }
        drop(inside);
        least = least.min(limit.limit());
        most = most.max(limit.limit());
    }
    (least, most)
}

#[test]
fn aimd_settles_around_what_the_target_takes_and_follows_it() {
    let limit = AdaptiveLimit::aimd();
    refuse_above(&limit, 60, 200);
    let (least, most) = refuse_above(&limit, 60, 200);
    assert!(least >= 35 && most <= 62, "{least} to {most} around 60");
    refuse_above(&limit, 5, 50);
    let (least, most) = refuse_above(&limit, 5, 200);
    assert!(least >= 2 && most <= 7, "{least} to {most} around 5");
    refuse_above(&limit, 60, 200);
    let (least, most) = refuse_above(&limit, 60, 200);
    assert!(least >= 35 && most <= 62, "{least} to {most} around 60 again");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter,
    Success(usize),
    Overload(usize),
    Neutral(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Enter),
        3 => any::<usize>().prop_map(Step::Success),
        1 => any::<usize>().prop_map(Step::Overload),
        1 => any::<usize>().prop_map(Step::Neutral),
        1 => (0_u64..100_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn it_stays_within_its_bounds_and_loses_no_place(
        gradient: bool,
        (min, max) in (0_u32..9, 0_u32..40),
        start in 0_u32..40,
        steps in prop::collection::vec(step(), 0..400),
    ) {
        let clock = Clock::manual();
        let limit = if gradient { AdaptiveLimit::gradient() } else { AdaptiveLimit::aimd() };
        let limit = limit.start(start).bounds(min, max).with_clock(clock.clone());
        let (min, max) = (min.max(1), max.max(min.max(1)));
        let mut inside = Vec::new();
        for step in steps {
            let before = limit.limit();
            match step {
                Step::Enter => {
                    let entered = enter(&limit);
                    prop_assert_eq!(entered.is_ok(), inside.len() < before as usize);
                    inside.extend(entered);
                }
                Step::Pass(millis) => clock.advance(Duration::from_millis(millis)),
                Step::Success(_) | Step::Overload(_) | Step::Neutral(_) if inside.is_empty() => {}
                Step::Success(which) => inside.swap_remove(which % inside.len()).success(),
                Step::Overload(which) => {
                    inside.swap_remove(which % inside.len()).failure(&too_many());
                    prop_assert!(limit.limit() <= before);
                }
                Step::Neutral(which) => {
                    inside.swap_remove(which % inside.len()).failure(&Error::validation("No."));
                    prop_assert_eq!(limit.limit(), before);
                }
            }
            prop_assert!((min..=max).contains(&limit.limit()), "{} outside {min} to {max}", limit.limit());
            prop_assert_eq!(limit.in_flight() as usize, inside.len());
        }
    }
}
