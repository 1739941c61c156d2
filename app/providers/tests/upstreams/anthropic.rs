//! The provider of Anthropic's protocol: what it sends, what it reads, and that only `message_stop` is an end.

use serde_json::{Value, json};
use steadfast::{Blame, CancelToken, Clock, Code, Error};
use steadfast_contract::{
    chat::{Message, Part, Protocol, Role, Source, Tool, ToolOutcome},
    chunk::{Chunk, FinishReason},
    code,
    provider::{Ask, Continuation, Delivery, Provider as _},
    usage::Usage,
};
use steadfast_providers::{Anthropic, FoundModels, Secret, UpstreamSettings};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use crate::line::{Outcome, ask, read, read_request, stream_of};

const ANSWER: &str = include_str!("../../fixtures/anthropic/answer.sse");

struct Exchange {
    outcome: Result<Outcome, Error>,
    head: String,
    sent: Vec<u8>,
}

async fn exchange(ask: Ask, answer: String) -> Exchange {
    let (provider, server) = provider(answer).await;
    let outcome = match provider.open(ask).await {
        Ok(stream) => Ok(read(stream).await),
        Err(error) => Err(error),
    };
    let (head, sent) = server.await.unwrap();
    Exchange { outcome, head, sent }
}

async fn provider(answer: String) -> (Anthropic, steadfast::Task<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings =
        UpstreamSettings::new("cloud-a", format!("http://{}/v1", listener.local_addr().unwrap()), vec![]);
    settings.key = Some(Secret::new("sk-ant-test"));
    settings.found = FoundModels::Added;
    let server = CancelToken::root("server").spawn("server", async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let asked = read_request(&mut socket).await;
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.shutdown().await.ok();
        asked
    });
    (Anthropic::new(settings, Clock::real()).unwrap(), server)
}

async fn answered(stream: &str) -> Outcome {
    exchange(ask("hello"), stream_of(stream)).await.outcome.unwrap()
}

#[tokio::test]
async fn a_stream_with_thoughts_text_and_a_call_is_read() {
    let exchange = exchange(ask("hello"), stream_of(ANSWER)).await;
    let outcome = exchange.outcome.unwrap();
    assert_eq!(outcome.text, "I will look it up. ☂");
    let usage = Usage { prompt_tokens: 100, completion_tokens: 89, cached_tokens: 70 };
    assert_eq!(outcome.finish, Some((FinishReason::ToolCalls, Some(usage))));
    let calls: Vec<_> = outcome
        .pieces
        .iter()
        .filter_map(|piece| match &piece.chunk {
            Chunk::ToolCall(part) => Some((part.id.as_deref(), part.name.as_deref(), part.arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [(Some("toolu_01"), Some("weather"), ""), (None, None, "{\"city\": \"Ro"), (None, None, "me\"}")]
    );
    assert!(outcome.pieces.iter().any(|piece| piece.chunk == Chunk::Reasoning("The weather, then.".into())));
    let head = exchange.head;
    for header in ["post /v1/messages http/1.1", "x-api-key: sk-ant-test", "anthropic-version: 2023-06-01"] {
        assert!(head.contains(header), "{head}");
    }
    assert!(!head.contains("authorization"), "{head}");
}

#[tokio::test]
async fn every_event_comes_through_once_in_order_and_byte_for_byte() {
    let outcome = answered(ANSWER).await;
    let frames: Vec<_> = outcome.pieces.iter().flat_map(|piece| &piece.wire).collect();
    let data: Vec<_> = frames.iter().map(|frame| frame.data.as_ref()).collect();
    let names: Vec<_> = frames.iter().map(|frame| frame.event.as_deref().unwrap()).collect();
    let sent = |field: &'static str| ANSWER.lines().filter_map(move |line| line.strip_prefix(field));
    assert_eq!(data, sent("data: ").map(str::as_bytes).collect::<Vec<_>>());
    assert_eq!(names, sent("event: ").collect::<Vec<_>>());
}

#[tokio::test]
async fn an_end_before_message_stop_is_a_cut() {
    let (events, _) = ANSWER.split_once("event: message_stop").unwrap();
    let outcome = answered(events).await;
    assert_eq!((outcome.finish, outcome.error.unwrap().code()), (None, code::STREAM_CUT));
    assert_eq!(outcome.text, "I will look it up. ☂", "what was said is kept");
}

#[tokio::test]
async fn an_error_in_the_stream_has_its_own_code() {
    let (events, _) = ANSWER.split_once("event: content_block_stop").unwrap();
    for (kind, code) in [
        ("overloaded_error", Code::OVERLOADED),
        ("rate_limit_error", Code::RATE_LIMITED),
        ("api_error", Code::UNAVAILABLE),
        ("billing_error", code::QUOTA_EXHAUSTED),
        ("authentication_error", Code::UNAUTHORIZED),
    ] {
        let error = json!({"type": "error", "error": {"type": kind, "message": "x"}});
        let outcome = answered(&format!("{events}event: error\ndata: {error}\n\n")).await;
        assert_eq!(outcome.error.unwrap().code(), code, "{kind}");
    }
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let body =
        |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
    for (status, body, code, blame) in [
        (529, body("overloaded_error", "Overloaded"), Code::OVERLOADED, Blame::Target),
        (429, body("rate_limit_error", "slow"), Code::RATE_LIMITED, Blame::Quota),
        (400, body("invalid_request_error", "Your credit balance is too low"), code::QUOTA_EXHAUSTED, Blame::Quota),
        (
            400,
            body("invalid_request_error", "prompt is too long: 210000 tokens > 200000"),
            code::CONTEXT_TOO_LONG,
            Blame::Caller,
        ),
        (401, body("authentication_error", "invalid x-api-key"), Code::UNAUTHORIZED, Blame::Caller),
    ] {
        let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let error = exchange(ask("hello"), answer).await.outcome.unwrap_err();
        assert_eq!((error.code(), error.blame()), (code, blame), "{body}");
    }
}

#[tokio::test]
async fn a_clients_own_bytes_are_passed_on() {
    let body = r#"{"model":"big-model","max_tokens":9,"messages":[ ],"thinking":{"type":"enabled"},"stream":true}"#;
    let mut ask = ask("hello");
    ask.request.source = Some(Source { protocol: Protocol::Messages, body: body.into(), headers: vec![] });
    assert_eq!(exchange(ask, stream_of(ANSWER)).await.sent, body.as_bytes());
}

#[tokio::test]
async fn a_clients_version_and_betas_are_passed_on_and_another_protocols_are_not() {
    let said =
        vec![("anthropic-version", "2024-10-22".to_owned()), ("anthropic-beta", "files-api,context-1m".to_owned())];
    let with = |protocol| {
        let mut ask = ask("hello");
        let body = r#"{"model":"big-model","max_tokens":9,"messages":[],"stream":true}"#;
        ask.request.source = Some(Source { protocol, body: body.into(), headers: said.clone() });
        ask
    };
    let own = exchange(with(Protocol::Messages), stream_of(ANSWER)).await.head;
    assert!(own.contains("\r\nanthropic-version: 2024-10-22\r\n"), "{own}");
    assert!(own.contains("\r\nanthropic-beta: files-api,context-1m\r\n"), "{own}");
    let foreign = exchange(with(Protocol::ChatCompletions), stream_of(ANSWER)).await.head;
    assert!(foreign.contains("\r\nanthropic-version: 2023-06-01\r\n") && !foreign.contains("beta"), "{foreign}");
}

#[tokio::test]
async fn a_question_in_our_words_follows_the_protocols_rules() {
    let mut ask = ask("hello");
    let call = Part::ToolCall { id: "call:1".into(), name: "weather".into(), arguments: r#"{"city": "Rome"}"#.into() };
    let result = |text: &str, outcome| Part::ToolResult { id: "call:1".into(), text: text.into(), outcome };
    ask.request.messages = vec![
        Message::text(Role::System, "Be brief."),
        Message {
            role: Role::User,
            parts: vec![
                Part::Text("Look:".into()),
                Part::Image { url: "data:image/png;base64,AA==".into() },
                Part::Image { url: "https://a/b.png".into() },
            ],
        },
        Message { role: Role::Assistant, parts: vec![Part::Text(" ".into()), call] },
        Message { role: Role::Tool, parts: vec![result("no", ToolOutcome::Failed)] },
        Message::text(Role::User, "And?"),
        Message::text(Role::System, "Speak Latin."),
        Message::text(Role::Assistant, "Well, \n"),
    ];
    ask.request.tools = vec![Tool { name: "weather".into(), description: None, parameters: None, strict: None }];
    ask.request.sampling.stop = vec!["\n\n".into(), "END".into()];
    ask.delivery = Delivery::Whole;
    let body = r#"{"type":"message","content":[{"type":"text","text":"Pluit."}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":2}}"#;
    let exchange = exchange(ask, format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{body}")).await;
    assert_eq!(
        serde_json::from_slice::<Value>(&exchange.sent).unwrap(),
        json!({
            "model": "big-model", "max_tokens": 8192, "system": "Be brief.\n\nSpeak Latin.", "stream": false,
            "stop_sequences": ["END"],
            "tools": [{"name": "weather", "input_schema": {"type": "object", "properties": {}}}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                    {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Rome"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": "no", "is_error": true},
                    {"type": "text", "text": "And?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "Well,"}]},
            ],
        })
    );
    let outcome = exchange.outcome.unwrap();
    let usage = Some(Usage { prompt_tokens: 1, completion_tokens: 2, cached_tokens: 0 });
    assert_eq!((outcome.text.as_str(), outcome.finish), ("Pluit.", Some((FinishReason::Length, usage))));
    assert_eq!(outcome.pieces[0].wire[0].data, body);
}

#[tokio::test]
async fn models_are_found_and_continuation_is_asked_for() {
    let list = r#"{"data":[{"type":"model","id":"claude-x","display_name":"Claude X","created_at":"2026-01-01T00:00:00Z"}],"has_more":false}"#;
    let (provider, server) = provider(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{list}", list.len())).await;
    let token = CancelToken::root("test");
    provider.discover(&token).await.unwrap();
    assert_eq!(provider.models()[0].name, "Claude X");
    assert!(server.await.unwrap().0.starts_with("get /v1/models?limit=1000 http/1.1"));

    let refusal = r#"{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill. The conversation must end with a user message."}}"#;
    let answer = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n{refusal}", refusal.len());
    let (provider, server) = self::provider(answer).await;
    assert_eq!(provider.verify_continuation("claude-x", &token).await.unwrap(), Continuation::Unsupported);
    let sent: Value = serde_json::from_slice(&server.await.unwrap().1).unwrap();
    assert_eq!(sent["messages"][1], json!({"role": "assistant", "content": [{"type": "text", "text": "1, 2, 3,"}]}));
}
