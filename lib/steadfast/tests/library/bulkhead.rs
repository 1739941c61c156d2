//! The bulkhead: who gets in, who waits in which order, and that no place is ever lost; and against a slow model.

use proptest::prelude::*;
use std::{
    collections::VecDeque,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};
use steadfast::{
    Blame, Bulkhead, BulkheadPermit, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events,
    testing::EventLog,
};

fn call() -> Call {
    Call::new("print", &CancelToken::root("test"))
}

type Entering<'a> = Pin<Box<dyn Future<Output = Result<BulkheadPermit, Error>> + 'a>>;

fn line_up<'a>(bulkhead: &'a Bulkhead, call: &'a Call) -> Entering<'a> {
    let mut entering: Entering<'a> = Box::pin(bulkhead.enter(call));
    assert!(poll(&mut entering).is_pending());
    entering
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_refusal_says_who_refused_and_blames_nobody_else() {
    let bulkhead = Bulkhead::new(1).named("printer");
    let _inside = bulkhead.try_enter().unwrap();
    let refused = bulkhead.try_enter().unwrap_err();
    assert_eq!((refused.code(), refused.blame()), (Code::OVERLOADED, Blame::Local));
    assert!(refused.details().contains(&("rejected_by", "bulkhead".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_full_bulkhead_refuses_at_once_and_says_so() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let bulkhead = Bulkhead::new(1).named("printer");
    let inside = bulkhead.try_enter().unwrap();
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let refused = bulkhead.run(&call, async { Ok(()) }).await.unwrap_err();
    assert_eq!((refused.code(), refused.operation()), (Code::OVERLOADED, Some("print")));
    drop(inside);
    bulkhead.run(&call, async { Ok(()) }).await.unwrap();
    insta::assert_snapshot!(log, @"0 ms  print: refused by the bulkhead of printer");
}

#[test]
fn who_waits_is_served_in_the_order_of_arrival_and_not_overtaken() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(3), call());
    let inside = bulkhead.try_enter().unwrap();
    let mut line: Vec<_> = (0..3).map(|_| line_up(&bulkhead, &call)).collect();
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (1, 3));
    drop(inside);
    // The place belongs to the first in line, who has not even looked yet.
    assert!(bulkhead.try_enter().is_err());
    for later in (1..3).rev() {
        assert!(poll(&mut line[later]).is_pending());
    }
    for place in 0..3 {
        let Poll::Ready(Ok(permit)) = poll(&mut line[place]) else { panic!("{place} has no place") };
        assert!(line[place + 1..].iter_mut().all(|next| poll(next).is_pending()));
        drop(permit);
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[test]
fn one_place_that_comes_free_wakes_one() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(10), call());
    let inside = bulkhead.try_enter().unwrap();
    let bells: Vec<Arc<Bell>> = (0..10).map(|_| Arc::default()).collect();
    let mut line: Vec<_> = bells
        .iter()
        .map(|bell| {
            let mut entering: Entering<'_> = Box::pin(bulkhead.enter(&call));
            assert!(entering.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(bell)))).is_pending());
            entering
        })
        .collect();
    drop(inside);
    let rings = || bells.iter().map(|bell| bell.0.load(Ordering::SeqCst)).collect::<Vec<_>>();
    assert_eq!(rings(), [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let first = poll(&mut line[0]);
    assert!(matches!(first, Poll::Ready(Ok(_))));
    drop(first);
    assert_eq!(rings(), [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_waiter_that_moved_to_another_task_is_woken_there() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(1), call());
    let inside = bulkhead.try_enter().unwrap();
    let mut waiter = line_up(&bulkhead, &call);
    let bell = Arc::new(Bell::default());
    assert!(waiter.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell)))).is_pending());
    drop(inside);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
}

#[test]
fn a_waiter_that_goes_away_leaves_the_line() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(2), call());
    let inside = bulkhead.try_enter().unwrap();
    let (first, mut second) = (line_up(&bulkhead, &call), line_up(&bulkhead, &call));
    drop(first);
    assert_eq!(bulkhead.queued(), 1);
    drop(inside);
    assert!(matches!(poll(&mut second), Poll::Ready(Ok(_))));
    assert_eq!(bulkhead.in_flight(), 0);
}

#[test]
fn a_place_that_was_given_to_a_waiter_that_goes_away_goes_to_the_next() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(2), call());
    let inside = bulkhead.try_enter().unwrap();
    let (first, mut second) = (line_up(&bulkhead, &call), line_up(&bulkhead, &call));
    drop(inside); // now it is the first's
    drop(first);
    assert!(matches!(poll(&mut second), Poll::Ready(Ok(_))));
    drop(second);
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn running_out_of_time_in_the_line_is_a_refusal_because_the_work_was_not_begun() {
    let bulkhead = Bulkhead::new(1).queue(1);
    let _inside = bulkhead.try_enter().unwrap();
    let clock = Clock::real();
    let start = clock.now();
    let call = call().with_deadline(Deadline::after(&clock, Duration::from_secs(3)));
    let error = bulkhead.run(&call, async { unreachable!("never begun") as Result<(), Error> }).await.unwrap_err();
    assert_eq!((error.code(), error.blame()), (Code::OVERLOADED, Blame::Local));
    assert_eq!(clock.now() - start, Duration::from_secs(3));
    assert_eq!(bulkhead.queued(), 0);

    let hasty = bulkhead.max_wait(Duration::from_secs(1));
    let _inside = hasty.try_enter().unwrap();
    let error = hasty.run(&self::call(), async { Ok(()) }).await.unwrap_err();
    assert_eq!(error.code(), Code::OVERLOADED);
    assert_eq!(clock.now() - start, Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_leaves_the_line_with_its_reason() {
    let bulkhead = Bulkhead::new(1).queue(1);
    let _inside = bulkhead.try_enter().unwrap();
    let call = call();
    let (error, ()) = tokio::join!(bulkhead.run(&call, async { Ok(()) }), async {
        call.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(bulkhead.queued(), 1);
        call.token().cancel(CancelReason::ClientGone);
    });
    assert_eq!(error.unwrap_err().cancel_reason(), Some(CancelReason::ClientGone));
    assert_eq!(bulkhead.queued(), 0);
    let error = bulkhead.run(&call, async { Ok(()) }).await.unwrap_err();
    assert_eq!(error.cancel_reason(), Some(CancelReason::ClientGone));
}

#[tokio::test(start_paused = true)]
async fn work_that_is_inside_is_ended_by_its_deadline() {
    let bulkhead = Bulkhead::new(1);
    let call = call().with_deadline(Deadline::after(&Clock::real(), Duration::from_secs(1)));
    let error = bulkhead.run(&call, pending::<Result<(), Error>>()).await.unwrap_err();
    assert_eq!((error.code(), bulkhead.in_flight()), (Code::TIMEOUT, 0));
}

#[test]
fn a_panic_gives_the_place_back() {
    let (bulkhead, call) = (Bulkhead::new(1), call());
    let mut run = Box::pin(bulkhead.run(&call, async { panic!("in the work") }));
    let result: Result<Poll<Result<(), Error>>, _> = catch_unwind(AssertUnwindSafe(|| poll(&mut run)));
    assert!(result.is_err());
    drop(run);
    assert_eq!(bulkhead.in_flight(), 0);
    assert!(bulkhead.try_enter().is_ok());
}

#[test]
fn a_future_that_is_never_polled_takes_no_place() {
    let (bulkhead, call) = (Bulkhead::new(1).queue(1), call());
    let run = bulkhead.run(&call, async { Ok(()) });
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    drop(run);
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[test]
fn the_work_is_gone_before_its_place_is_given_away() {
    struct Tidies(Bulkhead, Arc<AtomicU32>);
    impl Drop for Tidies {
        fn drop(&mut self) {
            self.1.store(self.0.in_flight(), Ordering::SeqCst);
        }
    }
    let (bulkhead, call) = (Bulkhead::new(1), call());
    let seen = Arc::new(AtomicU32::new(9));
    let tidies = Tidies(bulkhead.clone(), Arc::clone(&seen));
    let mut run = Box::pin(bulkhead.run(&call, async move {
        let _tidies = tidies;
        pending::<Result<(), Error>>().await
    }));
    assert!(poll(&mut run).is_pending());
    drop(run);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_are_never_more_inside_than_allowed_and_everybody_gets_in() {
    let bulkhead = Bulkhead::new(3).queue(u32::MAX);
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let root = CancelToken::root("test");
    let tasks: Vec<_> = (0..400)
        .map(|_| {
            let (bulkhead, inside, most) = (bulkhead.clone(), Arc::clone(&inside), Arc::clone(&most));
            let call = Call::new("print", &root);
            root.spawn("caller", async move {
                for _ in 0..50 {
                    let work = async {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        inside.fetch_sub(1, Ordering::SeqCst);
                        Ok(())
                    };
                    bulkhead.run(&call, work).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Arrive,
    /// Whoever is here, inside or in line, goes away.
    Go(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![3 => Just(Step::Arrive), 2 => any::<usize>().prop_map(Step::Go)]
}

proptest! {
    #[test]
    fn it_behaves_like_a_list_of_those_inside_and_a_line(
        limit in 1_u32..4,
        queue in 0_u32..4,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let (bulkhead, call) = (Bulkhead::new(limit).queue(queue), call());
        let (mut inside, mut line) = (Vec::new(), VecDeque::new());
        let mut here: Vec<(u32, Option<Entering<'_>>, Option<BulkheadPermit>)> = Vec::new();
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Arrive => {
                    let mut entering: Entering<'_> = Box::pin(bulkhead.enter(&call));
                    let polled = poll(&mut entering);
                    if line.is_empty() && inside.len() < limit as usize {
                        inside.push(id);
                        let Poll::Ready(Ok(permit)) = polled else { panic!("a place is free") };
                        here.push((id, None, Some(permit)));
                    } else if line.len() < queue as usize {
                        line.push_back(id);
                        prop_assert!(polled.is_pending());
                        here.push((id, Some(entering), None));
                    } else {
                        prop_assert!(matches!(polled, Poll::Ready(Err(_))));
                    }
                }
                Step::Go(who) if !here.is_empty() => {
                    let (id, ..) = here.swap_remove(who % here.len());
                    line.retain(|waiting| *waiting != id);
                    inside.retain(|held| *held != id);
                    if inside.len() < limit as usize {
                        inside.extend(line.pop_front());
                    }
                }
                Step::Go(_) => {}
            }
            for (id, entering, permit) in &mut here {
                if let Some(waiting) = entering && let Poll::Ready(result) = poll(waiting) {
                    prop_assert!(inside.contains(id), "{id} got in too early");
                    *permit = Some(result.unwrap());
                    *entering = None;
                }
                prop_assert_eq!(permit.is_some(), inside.contains(id));
            }
            prop_assert_eq!(bulkhead.in_flight() as usize, inside.len());
            prop_assert_eq!(bulkhead.queued() as usize, line.len());
        }
    }
}
