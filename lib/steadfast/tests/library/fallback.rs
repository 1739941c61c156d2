//! Fallback and ranking: who is asked next, who is not, what is learnt; and the ranking against a slow reference
//! model.

use proptest::prelude::*;
use std::{cell::RefCell, collections::BTreeSet, time::Duration};
use steadfast::{
    Breaker, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Fallback, Pipeline, Ranked, Retry,
    testing::{Script, Stage, Step},
};

/// Asks a chain of "a", "b", "c", where each target gives its outcome; who was asked, and what came of it.
async fn ask(chain: &Fallback<&'static str>, call: &Call, outcome: impl Fn(&str) -> Result<u32, Error>) -> Asked {
    let order = RefCell::new(String::new());
    let ended = chain
        .run(call, |target, attempt| {
            order.borrow_mut().push_str(target);
            assert_eq!(attempt.of, 3);
            std::future::ready(outcome(target))
        })
        .await;
    Asked { order: order.take(), ended: ended.map(|served| (*served.by, served.degraded, served.attempts)) }
}

struct Asked {
    order: String,
    ended: Result<(&'static str, bool, u32), Error>,
}

fn chain() -> Fallback<&'static str> {
    Fallback::ordered(["a", "b", "c"])
}

fn call() -> Call {
    Call::new("fetch", &CancelToken::root("test"))
}

#[tokio::test]
async fn the_first_target_serves_when_it_can_and_is_not_degraded() {
    let asked = ask(&chain(), &call(), |_| Ok(1)).await;
    assert_eq!((asked.order.as_str(), asked.ended.unwrap()), ("a", ("a", false, 1)));
}

#[tokio::test]
async fn the_next_target_is_asked_exactly_when_it_may_do_better() {
    let exhausted = || Error::retry_exhausted(3, Error::overloaded("a", None).with_blame(steadfast::Blame::Local));
    let cases = [
        (Error::unavailable("a"), true),
        (Error::rate_limited("a", Some(Duration::from_secs(99))), true),
        (Error::out_of_memory("a"), true),
        (Error::retry_exhausted(3, Error::unavailable("a")), true),
        (exhausted(), true),
        (Error::cancelled(CancelReason::AttemptTimeout), true),
        (Error::validation("No."), false),
        (Error::unauthorized("a"), false),
        (Error::internal("ours"), false),
        (Error::cancelled(CancelReason::UserStop), false),
    ];
    for (error, moves) in cases {
        let asked = ask(&chain(), &call(), |target| if target == "a" { Err(error.clone()) } else { Ok(1) }).await;
        assert_eq!(asked.order, if moves { "ab" } else { "a" }, "{error}");
        match asked.ended {
            Ok(served) => assert_eq!(served, ("b", true, 2), "{error}"),
            Err(same) => assert_eq!(same.to_string(), error.to_string()),
        }
    }
}

#[tokio::test]
async fn a_mistake_of_the_caller_found_by_the_second_target_comes_back_as_itself() {
    let asked = ask(&chain(), &call(), |target| match target {
        "a" => Err(Error::unavailable("a")),
        _ => Err(Error::validation("No.")),
    })
    .await;
    assert_eq!(asked.ended.unwrap_err().code(), Code::VALIDATION);
}

#[tokio::test(start_paused = true)]
async fn the_story_of_a_chain_that_does_not_serve() {
    let stage = Stage::paused();
    let asked = ask(&chain(), &stage.call("fetch"), |target| Err(Error::unavailable(target))).await;
    let error = asked.ended.unwrap_err();
    assert_eq!((asked.order.as_str(), error.code(), error.attempts()), ("abc", Code::RETRY_EXHAUSTED, Some(3)));
    assert_eq!(error.last_attempt().message(), "c cannot be reached right now.");
    insta::assert_snapshot!(stage, @r"
    0 ms  fetch: fell back from a to b: UNAVAILABLE
    0 ms  fetch: fell back from b to c: UNAVAILABLE
    0 ms  fetch: no target served, 3 were asked: UNAVAILABLE
    ");
}

#[tokio::test]
async fn at_most_so_many_targets_are_asked_and_a_refusal_by_a_breaker_is_no_asking() {
    let chain = Fallback::ordered(["a", "b", "c", "d", "e"]).at_most(2);
    let order = RefCell::new(Vec::new());
    let call = call();
    let ended = chain.run(&call, |target, attempt| {
        order.borrow_mut().push((*target, attempt.number, attempt.of));
        std::future::ready(match *target {
            "a" | "c" => Err::<(), _>(Error::circuit_open(target, Duration::from_secs(1))),
            _ => Err(Error::unavailable(target)),
        })
    });
    let error = ended.await.unwrap_err();
    assert_eq!(order.take(), [("a", 1, 2), ("b", 1, 2), ("c", 2, 2), ("d", 2, 2)]);
    assert_eq!(error.attempts(), Some(2));
}

#[tokio::test]
async fn when_every_breaker_refuses_the_refusal_comes_back_with_its_wait() {
    let asked = ask(&chain(), &call(), |target| Err(Error::circuit_open(target, Duration::from_secs(9)))).await;
    let error = asked.ended.unwrap_err();
    assert_eq!((error.code(), error.retry_after()), (Code::CIRCUIT_OPEN, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn an_answer_from_behind_an_open_breaker_is_degraded_though_one_target_was_asked() {
    let asked = ask(&chain(), &call(), |target| match target {
        "a" => Err(Error::circuit_open("a", Duration::from_secs(9))),
        _ => Ok(1),
    })
    .await;
    assert_eq!(asked.ended.unwrap(), ("b", true, 1));
}

#[tokio::test]
async fn one_real_failure_says_more_than_many_refusals() {
    let asked = ask(&chain(), &call(), |target| match target {
        "a" => Err(Error::connection_lost("a")),
        _ => Err(Error::circuit_open(target, Duration::from_secs(9))),
    })
    .await;
    assert_eq!(asked.ended.unwrap_err().code(), Code::CONNECTION_LOST);
}

#[tokio::test]
async fn an_empty_chain_refuses() {
    let none = Fallback::<String>::ordered([]);
    let error = none.run(&call(), |_, _| async { Ok(()) }).await.unwrap_err();
    assert_eq!((error.code(), error.operation()), (Code::UNAVAILABLE, Some("fetch")));
}

#[tokio::test]
async fn a_cancelled_call_asks_nobody_else() {
    let (call, chain, asked) = (call(), chain(), RefCell::new(String::new()));
    let ended = chain.run(&call, async |target, _| {
        asked.borrow_mut().push_str(target);
        tokio::task::yield_now().await;
        call.token().cancel(CancelReason::UserStop);
        Err::<(), _>(Error::unavailable("a"))
    });
    // It had failed before it heard of the stop, so the failure is what comes back.
    assert_eq!(ended.await.unwrap_err().code(), Code::UNAVAILABLE);
    assert_eq!(asked.take(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_call_out_of_time_asks_nobody_else() {
    let stage = Stage::paused();
    let call = stage.call("fetch").with_deadline(Deadline::after(stage.clock(), Duration::from_secs(5)));
    let script = Script::new([Step::<u32>::hang(), Step::value(1)]);
    let error = chain().run(&call, |_, _| script.play()).await.unwrap_err();
    assert_eq!((error.code(), script.played()), (Code::TIMEOUT, 1));
}

#[tokio::test]
async fn it_works_inside_a_spawned_task_with_what_the_task_owns() {
    let token = CancelToken::root("test");
    let call = Call::new("fetch", &token);
    let task = token.spawn("task", async move {
        let (chain, greeting) = (Fallback::ordered(["a".to_owned()]), "hello ".to_owned());
        let greeting = &greeting;
        let served = chain.run(&call, |target, _| async move { Ok(format!("{greeting}{target}")) }).await;
        served.map(|served| served.value)
    });
    assert_eq!(task.await.unwrap().unwrap(), "hello a");
}

#[tokio::test]
async fn a_retry_that_gave_up_and_an_open_breaker_inside_both_lead_on() {
    let breaker = Breaker::consecutive(2);
    let call = call();
    let retry = Retry::fixed(Duration::from_millis(1)).max_attempts(2);
    for expected in [2, 0] {
        let near = RefCell::new(0);
        let chain = Fallback::ordered(["near", "far"]);
        let served = chain.run(&call, async |target, _| {
            if *target == "far" {
                return Ok(());
            }
            let tried = retry.run(&call, |_| {
                breaker.run(&call, async {
                    *near.borrow_mut() += 1;
                    Err(Error::unavailable("near"))
                })
            });
            tried.await
        });
        assert_eq!(*served.await.unwrap().by, "far");
        assert_eq!(near.take(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_for_each_target_and_a_chain_around_them() {
    let stage = Stage::paused();
    let call = stage.call("fetch");
    let pipeline = |target: &'static str| {
        let breaker = Breaker::consecutive(2).named(target).with_clock(stage.clock().clone());
        let retry = Retry::fixed(Duration::from_secs(1)).max_attempts(2);
        let pipeline = Pipeline::named(target).retry(retry).breaker(breaker).attempt_timeout(Duration::from_secs(2));
        Named(target, pipeline)
    };
    let chain = Fallback::ordered([pipeline("near"), pipeline("far")]);
    let mut asked = Vec::new();
    for _ in 0..2 {
        let near = Script::new([Step::hang(), Step::error(Error::unavailable("near"))]);
        let served = chain.run(&call, async |target, _| {
            let Named(name, pipeline) = target;
            let run = pipeline.run(&call, |_| async { if *name == "near" { near.play().await } else { Ok("sunny") } });
            Ok(run.await?.value)
        });
        asked.push((served.await.unwrap().by.0, near.played()));
    }
    // The first time near is tried twice, the second time its breaker refuses.
    assert_eq!(asked, [("far", 2), ("far", 0)]);
    insta::assert_snapshot!(stage, @r"
    0 ms  fetch: attempt 1 of 2 started
    2000 ms  fetch: timed out after 2s
    2000 ms  fetch: attempt 1 of 2 failed: TIMEOUT: it took longer than 2 s
    2000 ms  fetch: retry in 1s after attempt 1 of 2: TIMEOUT
    3000 ms  fetch: attempt 2 of 2 started
    3000 ms  breaker near: opened for 30s: 2 failures in a row
    3000 ms  fetch: attempt 2 of 2 failed: UNAVAILABLE: near cannot be reached right now.
    3000 ms  fetch: gave up after 2 attempts: UNAVAILABLE
    3000 ms  fetch: fell back from near to far: RETRY_EXHAUSTED
    3000 ms  fetch: attempt 1 of 2 started
    3000 ms  fetch: attempt 1 of 2 started
    3000 ms  fetch: attempt 1 of 2 failed: CIRCUIT_OPEN: the breaker of near refused, try again in 30 s
    3000 ms  fetch: fell back from near to far: CIRCUIT_OPEN
    3000 ms  fetch: attempt 1 of 2 started
    ");
}

/// A chain shows its targets' names in events.
struct Named<P>(&'static str, P);

impl<P> std::fmt::Display for Named<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

// What is measured.

async fn seconds(stage: &Stage, chain: &Ranked<&'static str>, outcome: impl Fn(&str) -> Result<u64, Error>) -> String {
    let call = stage.call("fetch");
    let order = RefCell::new(String::new());
    let _ended = chain
        .run(&call, |target, _| {
            order.borrow_mut().push_str(target);
            let outcome = outcome(target);
            async {
                stage.advance(Duration::from_secs(*outcome.as_ref().unwrap_or(&0)));
                outcome
            }
        })
        .await;
    order.take()
}

fn ranked() -> Ranked<&'static str> {
    Ranked::new(["a", "b", "c"]).explore(0.0).half_life(Duration::from_secs(60))
}

#[tokio::test]
async fn a_target_that_fails_is_asked_last_and_finds_its_way_back() {
    let (stage, chain) = (Stage::manual(), ranked());
    let down = |target: &str| if target == "a" { Err(Error::unavailable("a")) } else { Ok(1) };
    assert_eq!(seconds(&stage, &chain, down).await, "ab");
    assert_eq!(seconds(&stage, &chain, down).await, "c", "who was never asked comes first");
    assert_eq!(seconds(&stage, &chain, down).await, "b");
    // After 20 half-lives everything is forgotten.
    stage.advance(Duration::from_secs(60 * 60));
    assert_eq!(seconds(&stage, &chain, |_| Ok(1)).await, "a");
}

#[tokio::test]
async fn the_quicker_of_two_that_serve_is_asked_first() {
    let (stage, chain) = (Stage::manual(), ranked());
    let outcome = |target: &str| match target {
        "a" => Ok(9),
        "b" => Ok(3),
        _ => Err(Error::unavailable("c")),
    };
    assert_eq!(seconds(&stage, &chain, outcome).await, "a");
    assert_eq!(seconds(&stage, &chain, outcome).await, "b");
    assert_eq!(seconds(&stage, &chain, outcome).await, "cb", "c fails, and b is quicker than a");
    assert_eq!(seconds(&stage, &chain, outcome).await, "b");
    let [a, b, c] = chain.standings(stage.clock())[..] else { panic!("three targets") };
    assert_eq!((a.latency, b.latency, c.latency), (Some(Duration::from_secs(9)), Some(Duration::from_secs(3)), None));
    assert!(b.score < a.score, "{a:?} {b:?}");
}

#[tokio::test]
async fn a_target_that_fails_quickly_does_not_look_good() {
    let (stage, chain) = (Stage::manual(), ranked());
    let outcome = |target: &str| if target == "a" { Err(Error::unavailable("a")) } else { Ok(5) };
    for _ in 0..5 {
        seconds(&stage, &chain, outcome).await;
    }
    assert_eq!(seconds(&stage, &chain, outcome).await, "b");
}

#[tokio::test]
async fn refusals_and_stops_do_not_count_and_used_up_quotas_and_time_outs_do() {
    let cases = [
        (Error::circuit_open("a", Duration::from_secs(1)), false),
        (Error::cancelled(CancelReason::UserStop), false),
        (Error::cancelled(CancelReason::HedgeLost), false),
        (Error::cancelled(CancelReason::Shutdown), false),
        (Error::validation("No."), false),
        (Error::internal("ours"), false),
        (Error::out_of_memory("a"), true),
        (Error::overloaded("a", None).with_blame(steadfast::Blame::Local), true),
        (Error::rate_limited("a", None), true),
        (Error::cancelled(CancelReason::AttemptTimeout), true),
        (Error::timeout("a", Duration::from_secs(1)), true),
    ];
    for (error, counts) in cases {
        let (stage, chain) = (Stage::manual(), ranked());
        seconds(&stage, &chain, |target| if target == "a" { Err(error.clone()) } else { Ok(0) }).await;
        let success = chain.standings(stage.clock())[0].success;
        assert_eq!(success < 1.0, counts, "{error}");
    }
}

#[tokio::test]
async fn work_that_is_dropped_is_judged_by_why() {
    const SECOND: Duration = Duration::from_secs(1);
    for (reason, waits, counts) in [
        (None, SECOND, false),
        (None, 5 * SECOND, true),
        (Some(CancelReason::ClientGone), 5 * SECOND, false),
        (Some(CancelReason::AttemptTimeout), SECOND, true),
    ] {
        let (stage, chain) = (Stage::manual(), ranked());
        let call = stage.call("fetch").with_deadline(Deadline::after(stage.clock(), 5 * SECOND));
        {
            let run = chain.run(&call, |_, _| std::future::pending::<Result<(), Error>>());
            tokio::pin!(run);
            tokio::select! { biased; _ = &mut run => panic!("it hangs"), () = std::future::ready(()) => {} }
            stage.advance(waits);
            reason.map(|reason| stage.root().cancel(reason));
        }
        assert_eq!(chain.standings(stage.clock())[0].success < 1.0, counts, "{reason:?} after {waits:?}");
    }
}

#[tokio::test]
async fn a_panic_counts_against_the_target() {
    let (stage, chain) = (Stage::manual(), ranked());
    let (call, inner) = (stage.call("fetch"), chain.clone());
    let task = stage.root().spawn("panics", async move {
        inner.run(&call, |_, _| Script::new([Step::<()>::panic("on purpose")]).play()).await.map(|_| ())
    });
    assert_eq!(task.await.unwrap_err().code(), Code::INTERNAL);
    assert!(chain.standings(stage.clock())[0].success < 1.0);
}

#[tokio::test]
async fn the_share_of_exploring_calls_is_as_asked_and_repeats_with_the_seed() {
    let explored = async |share, seed| {
        let (stage, chain) = (Stage::manual(), Ranked::new(["a", "b", "c"]).explore(share).seed(seed));
        let mut firsts = String::new();
        for _ in 0..2003 {
            // Without time and failures everybody stays equal, so "a" is the best.
            firsts.push_str(&seconds(&stage, &chain, |_| Ok(0)).await);
        }
        // The first three ask each target once.
        firsts.split_off(3)
    };
    let firsts = explored(0.1, 7).await;
    assert_eq!(firsts, explored(0.1, 7).await);
    assert_ne!(firsts, explored(0.1, 8).await);
    for other in ["b", "c"] {
        assert!((60..140).contains(&firsts.matches(other).count()), "{}", firsts.matches(other).count());
    }
    for share in [0.0, -3.0, f64::NAN] {
        assert!(!explored(share, 7).await.contains(['b', 'c']));
    }
    assert!(!explored(9.0, 7).await.contains('a'));
}

#[tokio::test]
async fn a_call_explores_once_and_then_follows_the_ranking() {
    let (stage, chain) = (Stage::manual(), Ranked::new(["a", "b", "c"]).explore(1.0).seed(7));
    // Of three equals, one of the others comes first, then the rest in the given order.
    let mut orders = BTreeSet::new();
    for _ in 0..50 {
        orders.insert(seconds(&stage, &chain, |_| Err(Error::unavailable("all"))).await);
    }
    assert_eq!(Vec::from_iter(orders), ["bac", "cab"]);
}

#[test]
fn numbers_without_sense_do_no_harm() {
    let chain = Ranked::new((0..100).map(|number| number.to_string())).half_life(Duration::ZERO).at_most(0);
    assert_eq!(chain.standings(&Clock::manual()).len(), 64);
    let _far = Ranked::new(["a"]).half_life(Duration::MAX).standings(&Clock::manual());
}

// The reference model: every sample is kept and weighed again each time.

#[derive(Debug, Clone, Copy)]
enum Turn {
    Wait(u64),
    Outcome { target: usize, served: Option<u64> },
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        (0..200_000_u64).prop_map(Turn::Wait),
        (0..3_usize, prop::option::of(1..30_000_u64)).prop_map(|(target, served)| Turn::Outcome { target, served }),
    ]
}

#[derive(Default)]
struct Model {
    now: f64,
    samples: Vec<(usize, f64, Option<f64>)>,
}

impl Model {
    fn weigh(&self, target: usize, pick: impl Fn(Option<f64>) -> f64) -> f64 {
        let own = self.samples.iter().filter(|sample| sample.0 == target);
        own.map(|(_, at, served)| pick(*served) * 0.5_f64.powf((self.now - at) / 60.0)).sum()
    }

    fn latency(&self, target: usize) -> Option<f64> {
        let served = self.weigh(target, |served| f64::from(u8::from(served.is_some())));
        (served >= 1e-6).then(|| self.weigh(target, |served| served.unwrap_or(0.0)) / served)
    }

    fn scores(&self) -> [f64; 3] {
        let usual = (0..3).filter_map(|target| self.latency(target)).fold(f64::INFINITY, f64::min);
        let usual = if usual.is_finite() { usual } else { 0.001 };
        [0, 1, 2].map(|target| {
            let served = self.weigh(target, |served| f64::from(u8::from(served.is_some())));
            let failed = self.weigh(target, |served| f64::from(u8::from(served.is_none())));
            if served + failed < 1e-6 {
                return 0.0;
            }
            self.latency(target).unwrap_or(usual).max(0.001) * (served + failed + 1.0) / (served + 1.0)
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_ranking_agrees_with_weighing_every_sample_anew(turns in prop::collection::vec(turn(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (stage, chain, mut model) = (Stage::manual(), ranked(), Model::default());
        for turn in turns {
            match turn {
                Turn::Wait(ms) => {
                    stage.advance(Duration::from_millis(ms));
                    model.now += Duration::from_millis(ms).as_secs_f64();
                }
                Turn::Outcome { target: wanted, served } => {
                    // Everybody before the wanted one is skipped, so only it is scored.
                    let name = ["a", "b", "c"][wanted];
                    let order = RefCell::new(Vec::new());
                    let call = stage.call("fetch");
                    let run = chain.run(&call, |target, _| {
                        order.borrow_mut().push(*target);
                        let (stage, is_wanted) = (&stage, *target == name);
                        async move {
                            match served {
                                _ if !is_wanted => Err(Error::circuit_open(target, Duration::ZERO)),
                                None => Err(Error::unavailable(target)),
                                Some(ms) => {
                                    stage.advance(Duration::from_millis(ms));
                                    Ok(())
                                }
                            }
                        }
                    });
                    let scores = model.scores();
                    let _ended = runtime.block_on(run);
                    let asked: Vec<_> = order.take().iter().map(|name| scores["abc".find(name).unwrap()]).collect();
                    prop_assert!(asked.windows(2).all(|two| two[0] <= two[1] * 1.000_001), "{:?} of {:?}", asked, scores);
                    let seconds = served.map(|ms| Duration::from_millis(ms).as_secs_f64());
                    model.now += seconds.unwrap_or(0.0);
                    model.samples.push((wanted, model.now, seconds));
                }
            }
            for (standing, score) in chain.standings(stage.clock()).iter().zip(model.scores()) {
                prop_assert!((standing.score - score).abs() <= score * 1e-6, "{:?} is not {}", standing, score);
            }
        }
    }
}
