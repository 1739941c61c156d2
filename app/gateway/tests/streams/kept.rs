//! Streams that outlive the process that began them: what a caller finds who comes back to the next one.

use std::time::Duration;

use steadfast::Code;
use steadfast_contract::{
    chunk::FinishReason,
    code,
    stream_log::{LogItem, StreamState},
};
use steadfast_gateway::{Arrival, IdempotencyKey, Keep, Kept, ReadFrom, StreamSettings, testing::Plain};

use crate::{
    client::Client,
    speaker::{Act, Step, says},
    stage::{SECOND, Stage},
};

fn key(body: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey::new("k-1", body.as_bytes()).unwrap())
}

/// Says three words, then nothing for an hour.
fn stops_after_three() -> Vec<Act> {
    vec![Act::Play(vec![Step::Words(3), Step::Pause(3_600 * SECOND), Step::Finish(FinishReason::Stop)])]
}

/// What a reader gets from there to the end: the snapshot's text, the frames behind it, and the last place.
fn read(stage: &Stage, id: &str, from: ReadFrom) -> (Option<String>, Vec<String>, String) {
    let mut reader = stage.gateway.read_stream(id, "ann", from).unwrap();
    let (mut snapshot, mut frames, mut last) = (None, Vec::new(), String::new());
    while let Some(item) = reader.now() {
        last = format!("{}-{}", item.epoch(), item.seq());
        match item {
            LogItem::Snapshot(found) => snapshot = Plain::words_of(&found.value),
            LogItem::Frame(numbered) => frames.push(String::from_utf8(numbered.frame.data.to_vec()).unwrap()),
        }
    }
    assert!(reader.is_done(), "it has an end");
    (snapshot, frames, last)
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_there_again_and_its_key_finds_it() {
    let (stage, _) = Stage::of(vec![says(2)]).await;
    let handle = stage.start_with("ann", Keep::Background, key("{}")).unwrap();
    assert_eq!(handle.kept().await, Kept::Yes);
    let id = handle.id().to_owned();
    let mut client = Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start);
    assert_eq!(client.rest().await, StreamState::Completed);
    stage.check();

    let next = stage.after_a_crash(StreamSettings::default()).await;
    let end = vec![r#"{"finish":"stop"}"#.to_owned(), "[DONE]".to_owned()];
    let whole = (Some("a/0:1 a/0:2 ".to_owned()), end);
    for from in [ReadFrom::Start, ReadFrom::After(2), ReadFrom::After(client.after - 1)] {
        let (text, frames, last) = read(&next, &id, from);
        assert_eq!((text, frames), whole, "{from:?}");
        assert!(last.starts_with("2-"), "the second start writes as its own epoch: {last}");
    }
    assert_eq!(read(&next, &id, ReadFrom::After(client.after)).0, None); // it has everything
    assert!(next.gateway.read_stream(&id, "ann", ReadFrom::After(client.after)).unwrap().is_done());

    let mut again = next.start_with("ann", Keep::WhileRead, key("{}")).unwrap();
    assert_eq!((again.arrival(), again.id()), (Arrival::Replayed, id.as_str()));
    assert_eq!(again.opened().await.unwrap().model, "big");
    let mut frames = again.into_reader();
    let mut text = String::new();
    while let Some(item) = frames.next().await {
        let LogItem::Frame(numbered) = item else { panic!("a client of the protocol gets frames: {item:?}") };
        text.extend(Plain::words(&numbered.frame));
    }
    assert_eq!(text, "a/0:1 a/0:2 ");
    let refused = next.start_with("ann", Keep::WhileRead, key("[]")).unwrap_err();
    assert_eq!(refused.code(), code::KEY_REUSED);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_whose_middle_the_process_ended_has_its_text_and_an_honest_end() {
    let (stage, _) = Stage::of(stops_after_three()).await;
    let handle = stage.start_with("ann", Keep::Resumable(60 * SECOND), key("{}")).unwrap();
    let id = handle.id().to_owned();
    let mut reader = handle.into_reader();
    for _ in 0..4 {
        reader.next().await.unwrap();
    }
    tokio::time::sleep(SECOND + Duration::from_millis(10)).await; // no word is longer than a second without its copy

    let next = stage.after_a_crash(StreamSettings::default()).await;
    let text = Some("a/0:1 a/0:2 a/0:3 ".to_owned());
    for from in [ReadFrom::Start, ReadFrom::After(2), ReadFrom::After(4), ReadFrom::After(5_000)] {
        let (found, frames, last) = read(&next, &id, from);
        assert_eq!((found, frames), (text.clone(), vec![r#"{"error":"INTERRUPTED"}"#.to_owned()]), "{from:?}");
        // A caller that had more than was kept knows by the place that this is newer.
        let (epoch, seq) = last.split_once('-').unwrap();
        assert!(epoch == "2" && seq.parse::<u64>().unwrap() > 5_000, "{last}");
    }
    next.gateway.check_stream_place(&id, "ann", 1, 4).unwrap();
    let info = next.gateway.live_streams("ann").remove(0);
    assert_eq!((info.state, info.kept), (StreamState::Incomplete { reason: "INTERRUPTED".into() }, Kept::Yes));
    assert_eq!(next.gateway.read_stream(&id, "bob", ReadFrom::Start).unwrap_err().code(), Code::NOT_FOUND);
    assert_eq!(next.gateway.cancel_stream(&id, "bob").await.unwrap_err().code(), Code::NOT_FOUND);
    let refused = next.start_with("ann", Keep::Background, key("[]")).unwrap_err();
    assert_eq!(refused.code(), code::KEY_REUSED);
    assert_eq!(next.start_with("ann", Keep::Background, key("{}")).unwrap().arrival(), Arrival::New); // tried anew

    let third = next.after_a_crash(StreamSettings::default()).await;
    let (found, frames, last) = read(&third, &id, ReadFrom::After(4));
    assert_eq!((found, frames), (text, vec![r#"{"error":"INTERRUPTED"}"#.to_owned()]));
    assert!(last.starts_with("3-"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_stopped_stays_stopped() {
    let (stage, _) = Stage::of(stops_after_three()).await;
    let mut handle = stage.start("ann", Keep::Background).unwrap();
    handle.opened().await.unwrap();
    stage.gateway.cancel_stream(handle.id(), "ann").await.unwrap();
    let next = stage.after_a_crash(StreamSettings::default()).await;
    let state = next.gateway.live_streams("ann").remove(0).state;
    assert_eq!(state, StreamState::Cancelled { reason: steadfast::CancelReason::UserStop });
    assert_eq!(read(&next, handle.id(), ReadFrom::Start).1, [r#"{"error":"CANCELLED"}"#]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_longer_kept_was_there_and_its_key_too() {
    let settings = StreamSettings { keep_ended: 600 * SECOND, ..StreamSettings::default() };
    let (stage, _) = Stage::with(settings.clone(), vec![says(1)]).await;
    let handle = stage.start_with("ann", Keep::Background, key("{}")).unwrap();
    let id = handle.id().to_owned();
    Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start).rest().await;

    tokio::time::sleep(601 * SECOND).await;
    let next = stage.after_a_crash(settings).await;
    assert_eq!(next.gateway.read_stream(&id, "ann", ReadFrom::Start).unwrap_err().code(), code::STREAM_EXPIRED);
    assert_eq!(next.gateway.read_stream(&id, "bob", ReadFrom::Start).unwrap_err().code(), Code::NOT_FOUND);
    let again = |body| next.start_with("ann", Keep::Background, key(body)).unwrap_err().code();
    assert_eq!((again("{}"), again("[]")), (code::STREAM_EXPIRED, code::KEY_REUSED));
}

#[tokio::test(start_paused = true)]
async fn a_plain_stream_is_not_kept() {
    let (stage, _) = Stage::of(vec![says(2)]).await;
    let handle = stage.start("ann", Keep::WhileRead).unwrap();
    assert_eq!(handle.kept().await, Kept::No);
    Client::over(&stage.gateway, &stage.checker, "ann", handle.into_reader(), ReadFrom::Start).rest().await;
    assert!(stage.store.kept_streams(&stage.token).await.unwrap().is_empty());
}
