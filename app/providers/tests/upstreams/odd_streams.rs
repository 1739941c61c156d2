//! The catalogue of bad streams: what is legal is read, what is not has a code, and nothing passes for an answer.

use steadfast::Code;
use steadfast_contract::{chunk::FinishReason, code};
use tokio::io::AsyncWriteExt as _;

use crate::line::{DONE, Outcome, STOP, ask_bytes, ask_server, stream_of, text};

async fn answer(events: impl AsRef<[u8]>) -> Outcome {
    let bytes = [stream_of("").as_bytes(), events.as_ref()].concat();
    ask_bytes(bytes).await.unwrap()
}

fn bare(json: &str) -> String {
    format!("data: {json}\n\n")
}

#[tokio::test]
async fn every_legal_way_to_write_an_event_is_read() {
    let events = format!("{}{STOP}{DONE}", text("gr\u{fc}n \u{1f422}"));
    for written in [
        events.clone(),
        events.replace('\n', "\r"),
        events.replace('\n', "\r\n"),
        format!("\u{feff}{events}"),
        format!("retry: 0\nid: \u{0}\n\n{events}"),
        format!(": \n\nevent: message\n{events}"),
        format!("data:\n\n{events}{DONE}"),
        events.replace("data: ", "data:"),
        events.replace("data: {", "data: {\ndata: "),
    ] {
        let outcome = answer(&written).await;
        assert_eq!(outcome.text, "gr\u{fc}n \u{1f422}", "{written:?}: {:?}", outcome.error);
        assert_eq!(outcome.finish, Some((FinishReason::Stop, None)), "{written:?}");
    }
}

#[tokio::test]
async fn what_is_no_protocol_is_said_to_be_none() {
    for events in [
        bare("hello"),
        bare("{\"choices\":[{\"delta\":{\"content\":\"cut"),
        bare("{\"choices\":[]}{\"choices\":[]}"),
        bare("<html>502</html>"),
        bare("\u{0}"),
        bare("[]"),
        bare(r#"{"id":7}"#),
        bare(r#"{"choices":"none"}"#),
    ] {
        let outcome = answer(format!("{}{events}{}{STOP}{DONE}", text("one "), text("two"))).await;
        assert_eq!((outcome.text.as_str(), outcome.finish), ("one ", None), "{events}");
        assert_eq!(outcome.error.unwrap().code(), code::UPSTREAM_PROTOCOL, "{events}");
    }
    let not_utf8 = [text("one ").as_bytes(), b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}\n\n"].concat();
    assert_eq!(answer(not_utf8).await.error.unwrap().code(), code::UPSTREAM_PROTOCOL);
    let utf16: Vec<u8> = format!("{}{STOP}", text("x")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let outcome = answer(utf16).await;
    assert_eq!((outcome.text.as_str(), outcome.finish), ("", None));
}

#[tokio::test]
async fn an_answer_without_an_answer_is_none() {
    for events in [
        DONE.to_owned(),
        format!("{DONE}{DONE}"),
        format!("{DONE}{}{STOP}", text("late")),
        ": only this\n\n".repeat(9),
        String::new(),
    ] {
        let outcome = answer(&events).await;
        assert_eq!((outcome.text.as_str(), outcome.finish), ("", None), "{events}");
        assert_eq!(outcome.error.unwrap().code(), code::STREAM_CUT, "{events}");
    }
}

#[tokio::test]
async fn what_stands_in_a_text_stays_text() {
    for odd in [
        "\n\ndata: [DONE]\n\n",
        "\u{1b}[31m<script>alert(1)</script>",
        "\u{202e}\u{2066}\u{e0041}",
        &"a\u{301}".repeat(50_000),
    ] {
        let outcome = answer(format!("{}{STOP}{DONE}", text(odd))).await;
        assert_eq!((outcome.text.as_str(), outcome.finish), (odd, Some((FinishReason::Stop, None))));
    }
}

#[tokio::test]
async fn a_stream_without_an_event_does_not_fill_the_memory() {
    let outcome = ask_server(|mut socket| async move {
        socket.write_all(stream_of("").as_bytes()).await.unwrap();
        let line = format!("data: {}\n", "x".repeat(60_000));
        // 100 MiB, unless the client has seen enough.
        for _ in 0..1_750 {
            if socket.write_all(line.as_bytes()).await.is_err() {
                return;
            }
        }
        panic!("the client read everything");
    });
    assert_eq!(outcome.await.unwrap().error.unwrap().code(), code::UPSTREAM_PROTOCOL);
}

#[tokio::test]
async fn odd_heads_do_no_harm() {
    let refused = |head: &str| ask_bytes(format!("HTTP/1.1 429 No\r\n{head}\r\ncontent-length: 0\r\n\r\n"));
    for (head, wait) in [
        ("retry-after: -5", None),
        ("retry-after: 1e9", Some(86_400)),
        ("retry-after: Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
        ("retry-after: soon", None),
    ] {
        let error = refused(head).await.unwrap_err();
        assert_eq!(
            (error.code(), error.retry_after().map(|wait| wait.as_secs())),
            (Code::RATE_LIMITED, wait),
            "{head}"
        );
    }
    let giant = format!("HTTP/1.1 200 OK\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(ask_bytes(giant).await.unwrap_err().code(), Code::UNAVAILABLE);
    let event = format!("{}{STOP}", text("half"));
    let short = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n{event}",
        text("half").len()
    );
    assert_eq!(ask_bytes(short).await.unwrap().error.unwrap().code(), code::STREAM_CUT);
}
