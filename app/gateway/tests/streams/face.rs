//! What the gateway promises of streams, one promise a test.

use std::time::Duration;

use steadfast::{CancelReason, Clock, Code};
use steadfast_contract::{
    chunk::FinishReason,
    code,
    stream_log::{LogItem, StreamState},
};
use steadfast_gateway::{Keep, ReadFrom, StreamSettings};

use crate::{
    client::Client,
    speaker::{Act, Step, says},
    stage::{SECOND, Stage},
};

fn slowly(words: u8) -> Act {
    let steps = (0..words).flat_map(|_| [Step::Words(1), Step::Pause(SECOND)]);
    Act::Play(steps.chain([Step::Finish(FinishReason::Stop)]).collect())
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_to_its_end_and_can_be_read_again() {
    let (stage, _) = Stage::of(vec![says(3)]).await;
    let mut handle = stage.start("ann", Keep::WhileRead).unwrap();
    let opening = handle.opened().await.unwrap();
    assert_eq!((opening.model.as_str(), opening.target.as_str()), ("big", "a"));
    let id = handle.id().to_owned();
    let mut first = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    assert_eq!(first.rest().await, StreamState::Completed);
    let mut again = Client::attach(&stage.gateway, &stage.checker, (&id, "ann"), ReadFrom::After(2)).unwrap();
    assert_eq!(again.next().await.unwrap().seq(), 3);
    assert_eq!(again.rest().await, StreamState::Completed);
    assert_eq!(first.text, "a/0:1 a/0:2 a/0:3 ");
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_gave_logs_nothing_and_leaves_the_status_free() {
    let (stage, _) = Stage::of(vec![]).await;
    let mut handle = stage.start("ann", Keep::WhileRead).unwrap();
    let error = handle.opened().await.unwrap_err();
    assert_eq!(error.last_attempt().code(), Code::UNAVAILABLE);
    assert!(stage.gateway.live_streams("ann").is_empty());
    let mut reader = handle.into_reader(); // whoever had sent the status already is told in frames
    let mut told = Vec::new();
    while let Some(item) = reader.next().await {
        told.push(item.seq());
    }
    assert_eq!(told, [1, 2]);
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn leaving_a_plain_stream_closes_its_upstream_at_once() {
    let (stage, speaker) = Stage::of(vec![Act::Play(vec![Step::Words(1), Step::Stall])]).await;
    let mut handle = stage.start("ann", Keep::WhileRead).unwrap();
    handle.opened().await.unwrap();
    let id = handle.id().to_owned();
    assert_eq!(speaker.open(), 1);
    let left = Clock::real().now();
    drop(handle);
    let state = stage.gateway.cancel_stream(&id, "ann").await.unwrap(); // waits for the end
    assert_eq!(state, StreamState::Cancelled { reason: CancelReason::ClientGone });
    assert_eq!((speaker.open(), Clock::real().now() - left), (0, Duration::ZERO));
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn leaving_before_anybody_answers_ends_the_question() {
    let (stage, speaker) = Stage::of(vec![Act::Play(vec![Step::Stall])]).await;
    let handle = stage.start("ann", Keep::WhileRead).unwrap();
    tokio::task::yield_now().await;
    drop(handle);
    stage.shut_down().await;
    assert_eq!(speaker.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_resumable_answer_goes_on_without_readers_and_is_whole_when_they_come_back() {
    let (stage, _) = Stage::of(vec![slowly(5)]).await;
    let handle = stage.start("ann", Keep::Resumable(60 * SECOND)).unwrap();
    let id = handle.id().to_owned();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    client.next().await.unwrap();
    let (after, text) = (client.after, client.text.clone());
    drop(client);
    tokio::time::sleep(30 * SECOND).await;
    let mut back = Client::attach(&stage.gateway, &stage.checker, (&id, "ann"), ReadFrom::After(after)).unwrap();
    assert_eq!(back.rest().await, StreamState::Completed);
    assert_eq!(text + &back.text, "a/0:1 a/0:2 a/0:3 a/0:4 a/0:5 ");
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_and_the_answer_ends_after_its_time() {
    let (stage, speaker) = Stage::of(vec![Act::Play([Step::Words(1), Step::Pause(20 * SECOND)].repeat(9))]).await;
    let mut handle = stage.start("ann", Keep::Resumable(25 * SECOND)).unwrap();
    handle.opened().await.unwrap();
    let id = handle.id().to_owned();
    drop(handle);
    tokio::time::sleep(20 * SECOND).await;
    let reader = stage.gateway.read_stream(&id, "ann", None).unwrap(); // in time
    tokio::time::sleep(8 * SECOND).await;
    assert_eq!((reader.state(), speaker.open()), (StreamState::Running, 1));
    drop(reader);
    tokio::time::sleep(26 * SECOND).await;
    let state = stage.gateway.live_streams("ann")[0].state.clone();
    assert_eq!((state, speaker.open()), (StreamState::Cancelled { reason: CancelReason::ClientGone }, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_a_request_with_a_reason_and_saying_it_twice_changes_nothing() {
    let (stage, speaker) = Stage::of(vec![Act::Play(vec![Step::Words(2), Step::Stall])]).await;
    let mut handle = stage.start("ann", Keep::Background).unwrap();
    handle.opened().await.unwrap();
    let id = handle.id().to_owned();
    let stopped = StreamState::Cancelled { reason: CancelReason::UserStop };
    assert_eq!(stage.gateway.cancel_stream(&id, "ann").await.unwrap(), stopped);
    assert_eq!(stage.gateway.cancel_stream(&id, "ann").await.unwrap(), stopped);
    assert_eq!(speaker.open(), 0);
    let mut reader = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    assert_eq!(reader.rest().await, stopped);
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn a_cut_answer_is_incomplete_and_never_told_as_whole() {
    let (stage, _) = Stage::of(vec![Act::Play(vec![Step::Words(2), Step::Cut])]).await;
    let handle = stage.start("ann", Keep::WhileRead).unwrap();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    assert_eq!(client.rest().await, StreamState::Incomplete { reason: code::STREAM_CUT.name().into() });
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn a_panic_behind_an_answer_ends_it_with_an_error_and_a_new_epoch() {
    let (stage, _) = Stage::of(vec![Act::Play(vec![Step::Words(1), Step::Pause(SECOND), Step::Panic])]).await;
    let handle = stage.start("ann", Keep::Background).unwrap();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    let mut last = None;
    while let Some(item) = client.next().await {
        last = Some(item);
    }
    assert_eq!(last.unwrap().epoch(), 2);
    assert_eq!(client.rest().await, StreamState::Incomplete { reason: "INTERNAL".into() });
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn what_is_somebody_elses_does_not_exist() {
    let (stage, _) = Stage::of(vec![slowly(3)]).await;
    let handle = stage.start("ann", Keep::Background).unwrap();
    let id = handle.id();
    for error in [
        stage.gateway.read_stream(id, "bob", None).err(),
        stage.gateway.read_stream(id, "", None).err(),
        stage.gateway.cancel_stream(id, "bob").await.err(),
        stage.gateway.read_stream("s999", "ann", None).err(),
    ] {
        let error = error.unwrap();
        assert_eq!((error.code(), error.message()), (Code::NOT_FOUND, "There is no such stream."));
    }
    assert!(stage.gateway.live_streams("bob").is_empty());
    assert_eq!(stage.gateway.live_streams("ann").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_not_there_is_refused() {
    let (stage, _) = Stage::of(vec![says(3)]).await;
    let mut handle = stage.start("ann", Keep::Background).unwrap();
    handle.opened().await.unwrap();
    let id = handle.id().to_owned();
    handle.into_reader().next().await.unwrap();
    for place in [99, u64::MAX] {
        let error = stage.gateway.read_stream(&id, "ann", Some(place)).unwrap_err();
        assert_eq!(error.code(), Code::VALIDATION);
    }
    assert!(stage.gateway.check_stream_place(&id, "ann", 1, 2).is_ok());
    assert!(stage.gateway.check_stream_place(&id, "ann", 2, 2).is_err()); // another life of another log
}

#[tokio::test(start_paused = true)]
async fn four_may_read_and_the_fifth_is_told_to_wait() {
    let (stage, _) = Stage::of(vec![slowly(3)]).await;
    let handle = stage.start("ann", Keep::Background).unwrap();
    let id = handle.id().to_owned();
    let mut others: Vec<_> = (0..3).map(|_| stage.gateway.read_stream(&id, "ann", None).unwrap()).collect();
    let error = stage.gateway.read_stream(&id, "ann", None).unwrap_err();
    assert_eq!((error.code(), error.retry_after()), (Code::RATE_LIMITED, Some(SECOND)));
    others.pop();
    assert!(stage.gateway.read_stream(&id, "ann", None).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_falls_behind_a_full_log_gets_a_snapshot_and_the_answer_never_waits() {
    let settings = StreamSettings { events_max: 10, ..StreamSettings::default() };
    let (stage, _) = Stage::with(settings, vec![says(100)]).await;
    let mut handle = stage.start("ann", Keep::Background).unwrap();
    handle.opened().await.unwrap();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    tokio::time::sleep(SECOND).await; // the answer is whole by now
    let Some(LogItem::Snapshot(snapshot)) = client.next().await else { panic!("no snapshot") };
    assert_eq!((snapshot.through, client.text.split_whitespace().count()), (103, 100));
    assert_eq!(client.rest().await, StreamState::Completed);
    stage.check();
}

#[tokio::test(start_paused = true)]
async fn an_ended_stream_is_kept_for_its_time_and_then_known_to_be_gone() {
    let (stage, _) = Stage::of(vec![says(1)]).await;
    let handle = stage.start("ann", Keep::WhileRead).unwrap();
    let id = handle.id().to_owned();
    let mut reader = handle.into_reader();
    while reader.next().await.is_some() {}
    drop(reader);
    tokio::time::sleep(9 * 60 * SECOND).await;
    assert!(stage.gateway.read_stream(&id, "ann", None).is_ok());
    tokio::time::sleep(4 * 60 * SECOND).await;
    assert_eq!(stage.gateway.read_stream(&id, "ann", None).unwrap_err().code(), code::STREAM_EXPIRED);
    assert_eq!(stage.gateway.read_stream(&id, "bob", None).unwrap_err().code(), Code::NOT_FOUND);
    assert!(stage.token.running().iter().all(|task| !task.contains("let ended")), "{:?}", stage.token.running());
}

#[tokio::test(start_paused = true)]
async fn together_streams_stay_below_their_limit_and_ended_ones_go_first() {
    let settings = StreamSettings { bytes_all: 40_000, ..StreamSettings::default() };
    let mut acts = vec![Act::Play(vec![Step::Words(20), Step::Stall])];
    acts.extend((0..20).map(|_| says(20)));
    let (stage, _) = Stage::with(settings, acts).await;
    let running = stage.start("ann", Keep::Background).unwrap();
    for _ in 0..20 {
        let mut reader = stage.start("ann", Keep::WhileRead).unwrap().into_reader();
        while reader.next().await.is_some() {}
    }
    let kept = stage.gateway.live_streams("ann");
    assert!((6..20).contains(&kept.len()), "no more than must go: {}", kept.len());
    assert!(kept.iter().any(|info| info.id == running.id()));
    assert!(kept.iter().any(|info| info.id == "s21"), "the newest is kept");
    assert_eq!(stage.gateway.read_stream("s2", "ann", None).unwrap_err().code(), code::STREAM_EXPIRED);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_program_is_told_to_every_reader() {
    let (stage, _) = Stage::of(vec![Act::Play(vec![Step::Words(1), Step::Stall])]).await;
    let mut handle = stage.start("ann", Keep::Background).unwrap();
    handle.opened().await.unwrap();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    stage.shut_down().await;
    assert_eq!(client.rest().await, StreamState::Cancelled { reason: CancelReason::Shutdown });
    stage.check();
}
