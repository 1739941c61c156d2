//! Every interleaving of a small token tree, by loom's model checker. It runs only under
//! `RUSTFLAGS="--cfg loom" cargo test -p steadfast --test loom_cancel --release`; all of it takes minutes, and
//! with `LOOM_MAX_PREEMPTIONS=3` a second.
#![cfg(loom)]

use loom::{future::block_on, model, thread};
use steadfast::{CancelReason, CancelToken};

#[test]
fn the_first_reason_wins_and_only_one_caller_was_first() {
    model(|| {
        let token = CancelToken::root("root");
        let other = token.clone();
        let rival = thread::spawn(move || other.cancel(CancelReason::UserStop));
        let ours = token.cancel(CancelReason::Shutdown);
        let theirs = rival.join().unwrap();
        assert_ne!(ours, theirs);
        let expected = if ours { CancelReason::Shutdown } else { CancelReason::UserStop };
        assert_eq!(token.reason(), Some(expected));
    });
}

#[test]
fn a_child_born_during_a_cancellation_does_not_escape_it() {
    model(|| {
        let root = CancelToken::root("root");
        let parent = root.clone();
        let birth = thread::spawn(move || parent.child("child"));
        assert!(root.cancel(CancelReason::ClientGone));
        let child = birth.join().unwrap();
        assert_eq!(child.reason(), Some(CancelReason::ClientGone));
    });
}

#[test]
fn a_grandchild_is_cancelled_on_return_even_when_two_threads_cancel() {
    model(|| {
        let root = CancelToken::root("root");
        let child = root.child("child");
        let grandchild = child.child("grandchild");
        let rival = thread::spawn(move || child.cancel(CancelReason::UserStop));
        assert!(root.cancel(CancelReason::Shutdown));
        assert!(grandchild.is_cancelled());
        let child_was_first = rival.join().unwrap();
        let expected = if child_was_first { CancelReason::UserStop } else { CancelReason::Shutdown };
        assert_eq!(grandchild.reason(), Some(expected));
    });
}

#[test]
fn a_waiter_is_always_woken() {
    model(|| {
        let root = CancelToken::root("root");
        let child = root.child("child");
        let canceller = thread::spawn(move || root.cancel(CancelReason::Deadline));
        assert_eq!(block_on(child.cancelled()), CancelReason::Deadline);
        canceller.join().unwrap();
    });
}

#[test]
fn children_and_waiters_may_be_dropped_while_the_parent_is_cancelled() {
    model(|| {
        let root = CancelToken::root("root");
        let child = root.child("child");
        let grandchild = child.child("grandchild");
        let dropper = thread::spawn(move || {
            drop(child);
            drop(grandchild.cancelled());
            drop(grandchild);
        });
        assert!(root.cancel(CancelReason::Shutdown));
        dropper.join().unwrap();
        assert!(root.child("late").is_cancelled());
    });
}

#[test]
fn join_returns_when_the_last_task_below_has_ended_and_not_before() {
    model(|| {
        let root = CancelToken::root("root");
        let child = root.child("child");
        let tasks = [root.track("one"), child.track("two")];
        let workers = tasks.map(|task| thread::spawn(move || drop(task)));
        block_on(root.join());
        assert!(root.running().is_empty());
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        block_on(child.join());
    });
}
