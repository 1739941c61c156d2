//! Every interleaving of a few callers at a bulkhead, by loom's model checker. It runs only under
//! `RUSTFLAGS="--cfg loom" cargo test -p steadfast --test loom_places --release`; it takes a minute or two.
#![cfg(loom)]

use loom::{
    future::block_on,
    model,
    model::Builder,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};
use steadfast::{AdaptiveLimit, Bulkhead, Call, CancelToken};

fn call() -> Call {
    Call::new("print", &CancelToken::root("root"))
}

fn is_empty_and_open(bulkhead: &Bulkhead) {
    assert_eq!((bulkhead.in_flight(), bulkhead.queued()), (0, 0));
    assert!(bulkhead.try_enter().is_ok());
}

#[test]
fn two_callers_are_never_in_the_same_place() {
    model(|| {
        let bulkhead = Bulkhead::new(1);
        let inside = Arc::new(AtomicUsize::new(0));
        let visit = |bulkhead: Bulkhead, inside: Arc<AtomicUsize>| {
            if let Ok(permit) = bulkhead.try_enter() {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
        };
        let (theirs, counter) = (bulkhead.clone(), Arc::clone(&inside));
        let rival = thread::spawn(move || visit(theirs, counter));
        visit(bulkhead.clone(), inside);
        rival.join().unwrap();
        is_empty_and_open(&bulkhead);
    });
}

#[test]
fn a_waiter_always_gets_the_place_that_comes_free() {
    model(|| {
        let bulkhead = Bulkhead::new(1).queue(1);
        let permit = bulkhead.try_enter().unwrap();
        let leaver = thread::spawn(move || drop(permit));
        let permit = block_on(bulkhead.enter(&call())).unwrap();
        assert_eq!(bulkhead.in_flight(), 1);
        drop(permit);
        leaver.join().unwrap();
        is_empty_and_open(&bulkhead);
    });
}

#[test]
fn a_waiter_that_goes_away_while_a_place_comes_free_keeps_nothing() {
    model(|| {
        let bulkhead = Bulkhead::new(1).queue(1);
        let permit = bulkhead.try_enter().unwrap();
        let leaver = thread::spawn(move || drop(permit));
        {
            let call = call();
            let waiting = pin!(bulkhead.enter(&call));
            drop(waiting.poll(&mut Context::from_waker(Waker::noop())));
        }
        leaver.join().unwrap();
        is_empty_and_open(&bulkhead);
    });
}

#[test]
fn two_waiters_and_two_leavers_all_get_in_and_out() {
    // Three threads at three locks: without a bound it takes half an hour.
    let mut bounded = Builder::new();
    bounded.preemption_bound = Some(3);
    bounded.check(|| {
        let bulkhead = Bulkhead::new(1).queue(2);
        let permit = bulkhead.try_enter().unwrap();
        let theirs = bulkhead.clone();
        let waiter = thread::spawn(move || drop(block_on(theirs.enter(&call())).unwrap()));
        let leaver = thread::spawn(move || drop(permit));
        drop(block_on(bulkhead.enter(&call())).unwrap());
        waiter.join().unwrap();
        leaver.join().unwrap();
        is_empty_and_open(&bulkhead);
    });
}

#[test]
fn a_limit_that_grows_while_somebody_joins_the_line_serves_him() {
    model(|| {
        // The second place is there after one success; the first is never given back.
        let limit = AdaptiveLimit::aimd().start(1).bounds(1, 2).queue(1);
        let call = call();
        let permit = block_on(limit.enter(&call)).unwrap();
        let theirs = limit.clone();
        let grower = thread::spawn(move || permit.success());
        let first = block_on(theirs.enter(&call)).unwrap();
        let second = block_on(theirs.enter(&call)).unwrap();
        assert_eq!((theirs.limit(), theirs.in_flight()), (2, 2));
        grower.join().unwrap();
        drop((first, second));
        assert_eq!(theirs.in_flight(), 0);
    });
}
