//! Writing server-sent events: frames, heartbeats as comments, and an end when the program ends.
//!
//! Heartbeats are comments because both official OpenAI clients hand a named event to the user as a chunk.

use std::{fmt::Write as _, future::poll_fn, io, panic::AssertUnwindSafe, time::Duration};

use axum::{body::Body, response::Response};
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue, header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use steadfast::{CancelToken, Clock};
use steadfast_contract::stream_log::LogItem;
use tracing::error;

use crate::bell::Bell;

/// `data: …`, with an id when a reader may come back to this place.
pub(super) fn data(id: Option<u64>, value: &impl Serialize) -> Bytes {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    match serde_json::to_string(value) {
        Ok(json) => Bytes::from(format!("{id}data: {json}\n\n")),
        // Our own types can always be written; should one not be, the log has it and readers see a comment.
        Err(error) => {
            error!(%error, "an event cannot be written as JSON");
            comment("an event was lost")
        }
    }
}

/// Adds an item of a stream's log, with its place as the id. Data of several lines stays data.
pub(super) fn log_item(bytes: &mut BytesMut, item: &LogItem) {
    match item {
        LogItem::Frame(numbered) => {
            bytes.reserve(numbered.frame.data.len() + ROOM_FOR_NAMES);
            place(bytes, item);
            if let Some(event) = &numbered.frame.event {
                bytes.extend_from_slice(format!("event: {}\n", event.replace(['\r', '\n', '\0'], " ")).as_bytes());
            }
            data_lines(bytes, &numbered.frame.data);
        }
        LogItem::Snapshot(snapshot) => {
            place(bytes, item);
            bytes.extend_from_slice(b"event: steadfast.snapshot\n");
            let through = format!("{}-{}", snapshot.epoch, snapshot.through);
            let value = match &snapshot.value {
                Value::Object(members) => {
                    let through = ("through".to_owned(), Value::from(through));
                    std::iter::once(through).chain(members.clone()).collect::<Map<_, _>>().into()
                }
                other => json!({ "through": through, "value": other }),
            };
            data_lines(bytes, value.to_string().as_bytes());
        }
    }
    bytes.extend_from_slice(b"\n");
}

/// The item's place, which a reader brings back.
fn place(bytes: &mut BytesMut, item: &LogItem) {
    let _ = writeln!(bytes, "id: {}-{}", item.epoch(), item.seq()); // writing to memory cannot fail
}

fn data_lines(bytes: &mut BytesMut, data: &[u8]) {
    for line in data.split(|byte| matches!(byte, b'\r' | b'\n')) {
        bytes.extend_from_slice(b"data: ");
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\n");
    }
}

/// `id: 1-4294967295`, `event: …`, `data: ` and their line ends.
const ROOM_FOR_NAMES: usize = 64;

/// How long a reader should wait before it comes back.
pub(super) fn retry_after(wait: Duration) -> Bytes {
    Bytes::from(format!("retry: {}\n\n", wait.as_millis()))
}

/// A line that every reader skips.
pub(super) fn comment(text: &str) -> Bytes {
    Bytes::from(format!(": {}\n\n", text.replace(['\r', '\n'], " ")))
}

/// `frames`, with a `beat` whenever nothing came for a while.
pub(super) fn with_heartbeats(
    frames: impl Stream<Item = Bytes> + Send,
    every: Duration,
    clock: Clock,
    beat: impl FnMut() -> Bytes + Send,
) -> impl Stream<Item = Bytes> + Send {
    let beating = (Box::pin(frames), clock.now(), Bell::default(), clock, beat);
    stream::unfold(beating, move |(mut frames, heard, mut bell, clock, mut beat)| async move {
        let frame = tokio::select! {
            biased;
            frame = frames.next() => frame?,
            () = poll_fn(|context| bell.poll(&clock, heard + every, context)) => beat(),
        };
        let now = clock.now();
        Some((frame, (frames, now, bell, clock, beat)))
    })
}

/// `frames` until `token` is cancelled, for streams that nothing else would end.
pub(super) fn until<S: Stream<Item = Bytes> + Send>(
    token: &CancelToken,
    frames: S,
) -> impl Stream<Item = Bytes> + Send + use<S> {
    frames.take_until(token.cancelled())
}

/// The response. Ends when the frames end, or when making one panics.
pub(super) fn response(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    // The panic hook has written where it happened. The reader sees a connection that breaks.
    let frames = AssertUnwindSafe(frames)
        .catch_unwind()
        .map(|frame| frame.map_err(|_panic| io::Error::other("a stream panicked")));
    let mut response = Response::new(Body::from_stream(frames));
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    (header::CACHE_CONTROL, "no-cache"),
    // nginx would collect the events otherwise.
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use steadfast::CancelReason;
    use steadfast_contract::{chat::Protocol, chunk::Frame, stream_log::Numbered};

    use super::*;

    #[test]
    fn text_from_outside_cannot_forge_an_event() {
        let frame = data(Some(7), &serde_json::json!({"text": "a\n\ndata: forged"}));
        assert_eq!(frame, "id: 7\ndata: {\"text\":\"a\\n\\ndata: forged\"}\n\n");
        assert_eq!(comment("a\nb"), ": a b\n\n");
    }

    #[test]
    fn a_frame_of_several_lines_is_one_event_and_forges_no_other() {
        let frame = Frame {
            protocol: Protocol::Messages,
            event: Some("a\nid: 9".into()),
            data: Bytes::from_static(b"{\n\ndata: [DONE]\r\n}"),
        };
        let mut bytes = BytesMut::new();
        log_item(&mut bytes, &LogItem::Frame(Numbered { epoch: 2, seq: 7, frame }));
        assert_eq!(bytes, "id: 2-7\nevent: a id: 9\ndata: {\ndata: \ndata: data: [DONE]\ndata: \ndata: }\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_beats_and_a_lively_one_does_not() {
        let frames = stream::unfold(0_u64, |n| async move {
            tokio::time::sleep(Duration::from_secs(if n < 2 { 1 } else { 7 })).await;
            (n < 3).then(|| (data(None, &n), n + 1))
        });
        let all: Vec<Bytes> =
            with_heartbeats(frames, Duration::from_secs(5), Clock::real(), || comment("alive")).take(4).collect().await;
        assert_eq!(all, ["data: 0\n\n", "data: 1\n\n", ": alive\n\n", "data: 2\n\n"]);
    }

    #[tokio::test]
    async fn a_stream_ends_with_the_program() {
        let token = CancelToken::root("program");
        let response = response(until(&token, stream::pending()));
        token.cancel(CancelReason::Shutdown);
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }

    #[tokio::test]
    async fn a_panic_ends_the_stream_and_nothing_else() {
        let frames = stream::iter([1, 2]).map(|n| if n == 2 { panic!("on purpose") } else { data(None, &n) });
        let mut body = response(frames).into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
        assert!(body.frame().await.unwrap().is_err(), "it must not look like a good end");
    }
}
