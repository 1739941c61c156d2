//! Single flight: one execution for all, one outcome for all, and nobody is failed by somebody else's stop.

use std::{cell::Cell, sync::Arc, time::Duration};
use steadfast::{
    Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, SingleFlight,
    testing::{Script, Stage, Step},
};
use tokio::sync::Notify;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn who_asks_at_the_same_time_shares_one_execution() {
    let (stage, flights) = (Stage::paused(), SingleFlight::new());
    let call = stage.call("load");
    let work = Script::new([Step::value(7).after(SECOND), Step::value(8)]);
    let load = || flights.run(&call, "key", || work.play());
    let (a, b, c) = tokio::join!(load(), load(), load());
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap(), work.played()), (7, 7, 7, 1));
    // Nothing is kept: who comes later begins anew.
    assert_eq!((load().await.unwrap(), flights.under_way()), (8, 0));
    insta::assert_snapshot!(stage, @r"
    0 ms  load: joined one that is under way
    0 ms  load: joined one that is under way
    ");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_shared_too_with_its_source() {
    let (stage, flights) = (Stage::paused(), SingleFlight::<_, u32>::new());
    let call = stage.call("load");
    let broken = Error::unavailable("shop").with_source(std::io::Error::other("cable"));
    let work = Script::new([Step::error(broken).after(SECOND)]);
    let load = || flights.run(&call, 1, || work.play());
    let (a, b) = tokio::join!(load(), load());
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert_eq!(error.code(), Code::UNAVAILABLE);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "cable");
    }
    assert_eq!(work.played(), 1);
}

#[tokio::test(start_paused = true)]
async fn different_keys_do_not_wait_for_one_another() {
    let (stage, flights) = (Stage::paused(), SingleFlight::new());
    let call = stage.call("load");
    let work = Script::new([Step::value(1).after(SECOND), Step::value(2).after(SECOND)]);
    let (a, b) = tokio::join!(flights.run(&call, 1, || work.play()), flights.run(&call, 2, || work.play()));
    assert_eq!((a.unwrap(), b.unwrap(), work.played()), (1, 2, 2));
}

/// The first of three leaves in the way given; the others go on.
async fn leader_leaves(leave: impl FnOnce(&CancelToken)) -> (Result<u32, Error>, Vec<Result<u32, Error>>, usize) {
    let (stage, flights) = (Stage::paused(), SingleFlight::new());
    let leaders = stage.root().child("leader");
    let hanging = Script::new([Step::hang()]);
    let work = Script::new([Step::value(7).after(SECOND)]);
    let leader_call =
        stage.call("load").with_token(&leaders).with_deadline(Deadline::after(stage.clock(), Duration::from_secs(60)));
    let call = stage.call("load");
    let leader = flights.run(&leader_call, (), || hanging.play());
    let (first, joined, ()) = tokio::join!(
        leader,
        async { tokio::join!(flights.run(&call, (), || work.play()), flights.run(&call, (), || work.play())) },
        async { leave(&leaders) },
    );
    assert_eq!(flights.under_way(), 0);
    (first, vec![joined.0, joined.1], work.played())
}

#[tokio::test(start_paused = true)]
async fn when_the_one_at_work_is_cancelled_another_goes_on_with_its_own_work() {
    let (first, joined, played) = leader_leaves(|leader| {
        leader.cancel(CancelReason::UserStop);
    })
    .await;
    assert_eq!(first.unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
    assert!(joined.into_iter().all(|ended| ended.unwrap() == 7));
    assert_eq!(played, 1, "the two that are left share again");
}

#[tokio::test(start_paused = true)]
async fn when_the_one_at_work_runs_out_of_time_the_others_do_not() {
    let (first, joined, played) = leader_leaves(|_| {}).await;
    assert_eq!(first.unwrap_err().code(), Code::TIMEOUT);
    assert!(joined.into_iter().all(|ended| ended.unwrap() == 7));
    assert_eq!(played, 1);
}

#[tokio::test]
async fn when_the_one_at_work_is_dropped_the_longest_waiting_goes_on() {
    let (flights, call) = (SingleFlight::new(), Call::new("load", &CancelToken::root("test")));
    let mut leader = Box::pin(flights.run(&call, (), std::future::pending));
    let mut first = Box::pin(flights.run(&call, (), || async { Ok(1) }));
    let mut second = Box::pin(flights.run(&call, (), || async { Ok(2) }));
    tokio::select! { biased; _ = &mut leader => panic!("it hangs"), () = std::future::ready(()) => {} }
    tokio::select! { biased; _ = &mut second => panic!("too early"), () = std::future::ready(()) => {} }
    tokio::select! { biased; _ = &mut first => panic!("too early"), () = std::future::ready(()) => {} }
    drop(leader);
    // The second one asked before the first one did.
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap(), second.unwrap(), flights.under_way()), (2, 2, 0));
}

#[tokio::test]
async fn who_comes_when_the_outcome_is_there_begins_anew_though_others_have_not_read_it_yet() {
    let (flights, call) = (SingleFlight::new(), Call::new("load", &CancelToken::root("test")));
    let gate = Notify::new();
    let mut leader = Box::pin(flights.run(&call, (), async || {
        gate.notified().await;
        Ok(1)
    }));
    let mut joined = Box::pin(flights.run(&call, (), || async { Ok(2) }));
    tokio::select! { biased; _ = &mut leader => panic!("it waits"), () = std::future::ready(()) => {} }
    tokio::select! { biased; _ = &mut joined => panic!("too early"), () = std::future::ready(()) => {} }
    gate.notify_one();
    assert_eq!(leader.await.unwrap(), 1);
    let mut late = Box::pin(flights.run(&call, (), async || {
        gate.notified().await;
        Ok(3)
    }));
    tokio::select! { biased; _ = &mut late => panic!("it waits"), () = std::future::ready(()) => {} }
    assert_eq!((joined.await.unwrap(), flights.under_way()), (1, 1), "the newer one keeps its place");
    gate.notify_one();
    assert_eq!((late.await.unwrap(), flights.under_way()), (3, 0));
}

#[tokio::test]
async fn who_comes_after_the_one_at_work_has_left_joins_those_who_wait_and_the_last_one_forgets_the_key() {
    let (flights, call) = (SingleFlight::new(), Call::new("load", &CancelToken::root("test")));
    let began = Cell::new(0);
    let hang = async || {
        began.set(began.get() + 1);
        std::future::pending::<Result<(), Error>>().await
    };
    let mut callers: Vec<_> = (0..2).map(|_| Box::pin(flights.run(&call, (), hang))).collect();
    for _ in 0..3 {
        for caller in &mut callers {
            tokio::select! { biased; _ = caller => panic!("it hangs"), () = std::future::ready(()) => {} }
        }
        // The next one in line is at work now; whoever comes joins it.
        callers.push(Box::pin(flights.run(&call, (), hang)));
        drop(callers.remove(0));
        assert_eq!(flights.under_way(), 1);
    }
    assert_eq!(began.get(), 3);
    callers.clear();
    assert_eq!(flights.under_way(), 0);
}

#[tokio::test]
async fn when_the_one_at_work_panics_the_others_go_on() {
    let root = CancelToken::root("test");
    let (flights, call) = (SingleFlight::new(), Call::new("load", &root));
    let begun = Arc::new(Notify::new());
    let (shared, panicking, signal) = (flights.clone(), call.clone(), Arc::clone(&begun));
    let task = root.spawn("panics", async move {
        let work = || async {
            signal.notify_one();
            tokio::task::yield_now().await;
            panic!("on purpose")
        };
        shared.run(&panicking, (), work).await
    });
    begun.notified().await;
    assert_eq!(flights.run(&call, (), || async { Ok(5) }).await.unwrap(), 5);
    assert_eq!(task.await.unwrap_err().code(), Code::INTERNAL);
    assert_eq!(flights.under_way(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_waits_only_as_long_as_its_own_call_allows() {
    let (stage, flights) = (Stage::paused(), SingleFlight::new());
    let (patient, hurried) = (stage.call("load"), stage.call("load"));
    let hurried = hurried.with_deadline(Deadline::after(stage.clock(), SECOND));
    let work = Script::new([Step::value(7).after(10 * SECOND)]);
    let (a, b) = tokio::join!(flights.run(&patient, (), || work.play()), flights.run(&hurried, (), || work.play()));
    assert_eq!((a.unwrap(), b.unwrap_err().code(), work.played()), (7, Code::TIMEOUT, 1));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_everybody_works_for_themselves() {
    let (stage, flights) = (Stage::paused(), SingleFlight::new().max_keys(1));
    let call = stage.call("load");
    let began = Cell::new(0);
    let work = async |key| {
        began.set(began.get() + 1);
        stage.clock().sleep(SECOND).await;
        Ok(key)
    };
    let load = async |key| flights.run(&call, key, || work(key)).await;
    let (a, b, c, d) = tokio::join!(load(1), load(2), load(2), load(1));
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap(), began.get()), (1, 2, 2, 1, 3));
    assert_eq!(flights.under_way(), 0);
}

#[test]
fn threads_that_all_ask_and_leave_forget_every_key() {
    let flights = SingleFlight::new();
    let root = CancelToken::root("test");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..400_u32)
            .map(|number| {
                let (flights, call) = (flights.clone(), Call::new("load", &root));
                root.spawn("ask", async move {
                    let work = || async {
                        tokio::task::yield_now().await;
                        if number % 3 == 0 { Err(Error::unavailable("shop")) } else { Ok(number % 5) }
                    };
                    let call = call.with_deadline(Deadline::after(&Clock::real(), 10 * SECOND));
                    if number % 7 == 0 {
                        tokio::select! { biased; _ = flights.run(&call, number % 5, work) => {}, () = tokio::task::yield_now() => {} }
                        return Ok(number % 5);
                    }
                    flights.run(&call, number % 5, work).await
                })
            })
            .collect();
        for (number, task) in (0..).zip(tasks) {
            match task.await.unwrap() {
                Ok(value) => assert_eq!(value, number % 5),
                Err(error) => assert_eq!(error.code(), Code::UNAVAILABLE),
            }
        }
    });
    assert_eq!(flights.under_way(), 0);
}
