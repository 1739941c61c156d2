//! What servers answer, written after their public formats (not recorded): `fixtures/openai_compatible`. Bytes in any pieces.

use steadfast::Code;
use steadfast_contract::{chunk::FinishReason, code, usage::Usage};
use tokio::io::AsyncWriteExt as _;

use crate::line::{DONE, STOP, ask_bytes, ask_server, stream_of, text};

fn usage(prompt: u32, completion: u32, cached: u32) -> Option<Usage> {
    Some(Usage { prompt_tokens: prompt, completion_tokens: completion, cached_tokens: cached })
}

async fn check_stream(fixture: &str, words: &str, reason: FinishReason, usage: Option<Usage>) {
    let outcome = ask_bytes(stream_of(fixture)).await.unwrap();
    assert_eq!(outcome.text, words);
    assert_eq!(outcome.finish, Some((reason, usage)), "{:?}", outcome.error);
}

#[tokio::test]
async fn streams_of_real_servers_are_read() {
    let fixture = include_str!("../../fixtures/openai_compatible/openai.sse");
    check_stream(fixture, "Hello there!", FinishReason::Stop, usage(19, 10, 0)).await;
    let fixture = include_str!("../../fixtures/openai_compatible/llama_cpp.sse");
    check_stream(fixture, "Hello!", FinishReason::Length, usage(12, 2, 0)).await;
    let fixture = include_str!("../../fixtures/openai_compatible/ollama.sse");
    check_stream(fixture, "The sky is blue.", FinishReason::Stop, usage(26, 5, 0)).await;
    let fixture = include_str!("../../fixtures/openai_compatible/vllm.sse");
    check_stream(fixture, "Hi 👋", FinishReason::Stop, usage(8, 4, 4)).await;
    let fixture = include_str!("../../fixtures/openai_compatible/openrouter.sse");
    check_stream(fixture, "Sure.", FinishReason::Stop, None).await;
}

#[tokio::test]
async fn an_answer_that_was_not_streamed_is_read_too() {
    let body = include_str!("../../fixtures/openai_compatible/whole_answer.json");
    let outcome = ask_bytes(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{body}"))
        .await
        .unwrap();
    assert_eq!(outcome.text, "Hello! How can I help?");
    assert_eq!(outcome.finish, Some((FinishReason::Stop, usage(9, 12, 0))));
    assert!(outcome.pieces.iter().all(|piece| piece.wire.is_empty()), "a body is no stream's frame");
}

#[tokio::test]
async fn a_refusal_inside_a_200_is_a_refusal() {
    let body = r#"{"error":{"message":"Rate limit exceeded","code":429}}"#;
    let outcome = ask_bytes(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}")).await.unwrap();
    assert_eq!(outcome.error.unwrap().code(), Code::RATE_LIMITED);
}

#[tokio::test]
async fn one_byte_at_a_time_is_enough() {
    let bytes = stream_of(&format!(": hi\r\n\r\n{}{}{STOP}{DONE}", text("sl"), text("ow 🐌")));
    let outcome = ask_server(|mut socket| async move {
        socket.set_nodelay(true).unwrap();
        for byte in bytes.as_bytes() {
            socket.write_all(std::slice::from_ref(byte)).await.unwrap();
        }
    });
    let outcome = outcome.await.unwrap();
    assert_eq!((outcome.text.as_str(), outcome.finish), ("slow 🐌", Some((FinishReason::Stop, None))));
}

#[tokio::test]
async fn comments_and_empty_deltas_are_life_but_not_a_flood() {
    let thinking = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n".repeat(500);
    let outcome = ask_bytes(stream_of(&format!(": wait\n\n{thinking}{}{STOP}{DONE}", text("done")))).await.unwrap();
    assert_eq!(outcome.text, "done");
    assert!((1..10).contains(&outcome.statuses), "{}", outcome.statuses);
}

#[tokio::test]
async fn every_frame_comes_through_once_in_order_and_byte_for_byte() {
    for fixture in [
        include_str!("../../fixtures/openai_compatible/openai.sse"),
        include_str!("../../fixtures/openai_compatible/vllm.sse"),
        include_str!("../../fixtures/openai_compatible/openrouter.sse"),
    ] {
        let outcome = ask_bytes(stream_of(fixture)).await.unwrap();
        let frames: Vec<_> = outcome.pieces.iter().flat_map(|piece| &piece.wire).map(|frame| &frame.data).collect();
        let sent: Vec<_> = fixture.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(frames, sent[..sent.len() - 1], "all but [DONE]");
    }
}

#[tokio::test]
async fn a_finish_without_the_last_marker_is_whole() {
    let outcome = ask_bytes(stream_of(&format!("{}{STOP}", text("all")))).await.unwrap();
    assert_eq!(outcome.finish, Some((FinishReason::Stop, None)));
}

#[tokio::test]
async fn trouble_after_the_finish_does_not_take_the_answer_back() {
    let giant = format!("data: {}\n\n", "x".repeat(2 << 20));
    for trouble in [
        "data: {\"error\":\"late\"}\n\n",
        "data: {\"choices\":[{",
        "data: nonsense\n\n",
        giant.as_str(),
        format!("{DONE}{giant}").as_str(),
    ] {
        let outcome = ask_bytes(stream_of(&format!("{}{STOP}{trouble}", text("all")))).await.unwrap();
        assert_eq!((outcome.text.as_str(), outcome.finish), ("all", Some((FinishReason::Stop, None))));
    }
}

#[tokio::test]
async fn a_last_marker_without_a_finish_is_a_cut() {
    let outcome = ask_bytes(stream_of(&format!("{}{DONE}", text("half")))).await.unwrap();
    assert_eq!(outcome.text, "half");
    assert_eq!(outcome.error.unwrap().code(), code::STREAM_CUT);
}

#[tokio::test]
async fn what_comes_after_the_end_does_not_count() {
    let outcome = ask_bytes(stream_of(&format!("{}{STOP}{DONE}{}", text("all"), text("more")))).await.unwrap();
    assert_eq!(outcome.text, "all");
}
