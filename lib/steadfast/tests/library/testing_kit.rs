//! The testing kit: a script does what it says, in order, and a stage moves everything that is on it.

use std::time::Duration;
use steadfast::{
    Blame, CancelReason, Classify, Code, Error, Event, Guidance, RetryAdvice,
    testing::{Script, Stage, Step},
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_script_plays_its_steps_in_order_and_then_fails() {
    let stage = Stage::paused();
    let script = Script::new([
        Step::value(1),
        Step::error(Error::unavailable("shop")).after(SECOND),
        Step::hang(),
        Step::value(2).after(3 * SECOND),
    ]);
    assert_eq!(script.play().await.unwrap(), 1);
    assert_eq!(script.play().await.unwrap_err().code(), Code::UNAVAILABLE);
    assert!(tokio::time::timeout(1000 * SECOND, script.play()).await.is_err());
    let began = stage.clock().now();
    assert_eq!((script.play().await.unwrap(), stage.clock().now() - began), (2, 3 * SECOND));
    assert_eq!(script.play().await.unwrap_err().code(), Code::INTERNAL);
    assert_eq!((script.played(), script.left()), (5, 0));
    script.push(Step::value(3));
    assert_eq!(script.clone().play().await.unwrap(), 3);
}

#[tokio::test]
async fn a_scripted_panic_is_a_panic() {
    let script = Script::new([Step::<()>::panic("on purpose")]);
    let stage = Stage::manual();
    let task = stage.root().spawn("panics", async move { script.play().await });
    task.await.unwrap_err();
    assert!(matches!(&stage.log().events()[..], [Event::TaskPanicked { message, .. }] if message == "on purpose"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_its_parts_and_then_breaks_or_ends() {
    let script = Script::new([
        Step::error(Error::connection_lost("shop")).after_parts(["a", "b"]).after(SECOND),
        Step::parts(["c"]),
        Step::hang().after_parts(["d"]),
    ]);
    let stage = Stage::paused();
    let (mut parts, began) = (script.open(), stage.clock().now());
    assert_eq!((parts.next().await.unwrap().unwrap(), parts.next().await.unwrap().unwrap()), ("a", "b"));
    assert_eq!(parts.next().await.unwrap().unwrap_err().code(), Code::CONNECTION_LOST);
    assert_eq!((parts.next().await.is_none(), stage.clock().now() - began), (true, 3 * SECOND));
    let mut parts = script.open();
    assert_eq!(parts.next().await.unwrap().unwrap(), "c");
    assert!(parts.next().await.is_none());
    let mut parts = script.open();
    assert_eq!(parts.next().await.unwrap().unwrap(), "d");
    assert!(tokio::time::timeout(1000 * SECOND, parts.next()).await.is_err());
}

#[tokio::test]
async fn a_script_speaks_any_error_and_waits_on_any_clock() {
    #[derive(Debug, PartialEq)]
    struct Jammed;
    impl Classify for Jammed {
        fn guidance(&self) -> Guidance {
            Guidance { advice: RetryAdvice::Never, blame: Blame::Target }
        }
    }
    let stage = Stage::manual();
    let script = Script::of([Step::<(), _>::error(Jammed).after(SECOND)]).with_clock(stage.clock().clone());
    let (ended, ()) = tokio::join!(script.play_or(|| Jammed), async { stage.advance(SECOND) });
    assert_eq!(ended, Err(Jammed));
}

#[tokio::test]
async fn a_stages_calls_share_its_clock_its_log_and_its_root() {
    let stage = Stage::manual();
    let call = stage.call("fetch");
    let before = call.clock().now();
    stage.advance(SECOND);
    assert_eq!(call.clock().now() - before, SECOND);
    stage.root().cancel(CancelReason::Shutdown);
    call.run(async { Ok(()) }).await.unwrap_err();
    assert_eq!(stage.to_string(), "1000 ms  fetch: cancelled: shutdown\n");
}
