//! Time limits for streams: what is measured, what is not, and that cancelling and the deadline count too.

use futures_core::Stream;
use std::{
    collections::VecDeque,
    future::{pending, poll_fn, ready},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use steadfast::{
    Blame, Call, CancelReason, CancelToken, Clock, Code, Deadline, Error, Events, StreamTimeout, testing::EventLog,
};

fn call() -> Call {
    Call::new("tell", &CancelToken::root("test"))
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn piece_after(seconds: u64) -> u64 {
    Clock::real().sleep(secs(seconds)).await;
    seconds
}

fn limits() -> StreamTimeout {
    StreamTimeout::new().first_byte(secs(60)).idle(secs(30))
}

#[tokio::test(start_paused = true)]
async fn the_first_piece_may_take_longer_than_the_next() {
    let call = call();
    let start = call.clock().now();
    let mut watch = limits().watch(&call);
    assert_eq!(watch.next(piece_after(59)).await.unwrap(), 59);
    assert_eq!(watch.next(piece_after(29)).await.unwrap(), 29);
    let error = watch.next(piece_after(31)).await.unwrap_err();
    assert_eq!((error.code(), error.blame(), error.operation()), (Code::TIMEOUT, Blame::Target, Some("tell")));
    assert!(error.message().contains("30 seconds"), "{error}");
    assert_eq!(call.clock().now() - start, secs(59 + 29 + 30));
}

#[tokio::test(start_paused = true)]
async fn a_first_piece_that_never_comes_ends_the_wait() {
    let log = Arc::new(EventLog::new(&Clock::real()));
    let call = call().with_events(Events::to(Arc::clone(&log)));
    let error = limits().watch(&call).next(pending::<()>()).await.unwrap_err();
    assert_eq!(error.code(), Code::TIMEOUT);
    insta::assert_snapshot!(log, @"60000 ms  tell: timed out after 60s");
}

#[tokio::test(start_paused = true)]
async fn a_silence_after_an_early_first_piece_does_not_wait_for_the_first_limit() {
    let call = call();
    let start = call.clock().now();
    let mut watch = limits().watch(&call);
    watch.next(piece_after(1)).await.unwrap();
    watch.next(pending::<()>()).await.unwrap_err();
    assert_eq!(call.clock().now() - start, secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_steady_stream_may_last_for_ever() {
    let call = call();
    let mut watch = limits().watch(&call);
    for _ in 0..100 {
        watch.next(piece_after(29)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_reader_takes_is_not_counted() {
    let call = call();
    let mut watch = limits().watch(&call);
    for _ in 0..5 {
        call.clock().sleep(secs(600)).await;
        watch.next(piece_after(29)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_given_up_and_taken_up_again_goes_on_where_it_stood() {
    let call = call();
    let start = call.clock().now();
    let mut watch = limits().watch(&call);
    watch.next(ready(())).await.unwrap();
    for _ in 0..2 {
        let given_up = tokio::time::timeout(secs(10), watch.next(pending::<()>())).await;
        assert!(given_up.is_err());
    }
    watch.next(pending::<()>()).await.unwrap_err();
    assert_eq!(call.clock().now() - start, secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_keeps_the_silence_away_but_is_no_first_piece() {
    let call = call();
    let mut watch = limits().watch(&call);
    for _ in 0..2 {
        tokio::time::timeout(secs(25), watch.ended()).await.unwrap_err();
        watch.heartbeat();
    }
    let start = call.clock().now();
    assert_eq!(watch.ended().await.code(), Code::TIMEOUT);
    assert_eq!(call.clock().now() - start, secs(10)); // 60 s from the beginning

    let mut watch = limits().watch(&call);
    watch.item();
    for _ in 0..5 {
        tokio::time::timeout(secs(25), watch.ended()).await.unwrap_err();
        watch.heartbeat();
    }
    let start = call.clock().now();
    watch.ended().await;
    assert_eq!(call.clock().now() - start, secs(30));
}

#[tokio::test(start_paused = true)]
async fn without_a_first_limit_the_first_wait_is_like_any_other() {
    let call = call();
    let start = call.clock().now();
    let mut watch = StreamTimeout::new().idle(secs(30)).watch(&call);
    tokio::time::timeout(secs(20), watch.ended()).await.unwrap_err();
    watch.heartbeat();
    watch.ended().await;
    assert_eq!(call.clock().now() - start, secs(50));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_whatever_comes() {
    let call = call().with_deadline(Deadline::after(&Clock::real(), secs(50)));
    let start = call.clock().now();
    let mut watch = limits().watch(&call);
    watch.next(piece_after(20)).await.unwrap();
    watch.next(piece_after(20)).await.unwrap();
    assert_eq!(watch.next(piece_after(20)).await.unwrap_err().code(), Code::TIMEOUT);
    assert_eq!(call.clock().now() - start, secs(50));
    let unlimited = StreamTimeout::new().watch(&call).next(pending::<()>()).await;
    assert_eq!(unlimited.unwrap_err().code(), Code::TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_ends_the_wait_with_its_reason() {
    let call = call();
    let mut watch = limits().watch(&call);
    let (result, ()) = tokio::join!(watch.next(pending::<()>()), async {
        call.clock().sleep(secs(1)).await;
        call.token().cancel(CancelReason::UserStop);
    });
    assert_eq!(result.unwrap_err().cancel_reason(), Some(CancelReason::UserStop));
    assert!(watch.next(ready(())).await.is_err());
}

#[tokio::test]
async fn a_manual_clock_moves_the_watch() {
    let clock = Clock::manual();
    let call = call().with_clock(clock.clone());
    let mut watch = limits().watch(&call);
    watch.item();
    for wait in [29, 29, 30] {
        let (result, ()) = tokio::join!(
            watch.next(async {
                let start = clock.now();
                clock.sleep_until(start + secs(29)).await;
                // So that the limit of the last round is seen first.
                tokio::task::yield_now().await;
                if wait == 30 {
                    pending::<()>().await;
                }
            }),
            async {
                tokio::task::yield_now().await;
                clock.advance(secs(wait));
            }
        );
        assert_eq!(result.is_err(), wait == 30);
    }
}

struct Script(VecDeque<Poll<Result<u8, Error>>>);

impl Stream for Script {
    type Item = Result<u8, Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.0.front() {
            Some(Poll::Pending) => Poll::Pending,
            _ => self.0.pop_front().map_or(Poll::Ready(None), |step| step.map(Some)),
        }
    }
}

async fn collect(stream: impl Stream<Item = Result<u8, Error>>) -> Vec<Result<u8, Code>> {
    let mut stream = Box::pin(stream);
    let mut items = Vec::new();
    while let Some(item) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
        items.push(item.map_err(|error| error.code()));
    }
    items
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_falls_silent_ends_with_an_error() {
    let call = call();
    let script = Script([Poll::Ready(Ok(1)), Poll::Ready(Ok(2)), Poll::Pending].into());
    let start = call.clock().now();
    assert_eq!(collect(limits().around(&call, script)).await, [Ok(1), Ok(2), Err(Code::TIMEOUT)]);
    assert_eq!(call.clock().now() - start, secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_by_itself_stays_as_it_is() {
    let call = call();
    let script = Script([Poll::Ready(Ok(1)), Poll::Ready(Err(Error::not_found("page", "2")))].into());
    assert_eq!(collect(limits().around(&call, script)).await, [Ok(1), Err(Code::NOT_FOUND)]);
    call.token().cancel(CancelReason::UserStop);
    let script = Script([Poll::Ready(Ok(1))].into());
    assert_eq!(collect(limits().around(&call, script)).await, [Err(Code::CANCELLED)]);
}
