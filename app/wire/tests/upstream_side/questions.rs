//! Questions in our words, and the bodies that are sent for them in each protocol.

use bytes::Bytes;
use serde_json::{Value, value::RawValue};
use steadfast::Error;
use steadfast_contract::{
    chat::{AnswerFormat, ChatRequest, Message, Part, Role, Sampling, Tool, ToolChoice, ToolOutcome},
    code,
    provider::Delivery,
};
use steadfast_wire::{
    chat_completions::question::write::{self, Dialect, Manner, Turn},
    messages::question::write::write as write_messages,
};

use crate::golden::{assert_golden, folder};

fn write_chat(request: &ChatRequest, delivery: Delivery, turn: Turn) -> Result<Bytes, Error> {
    write::write(request, Manner { delivery, turn, dialect: Dialect::Others })
}

fn raw(json: &str) -> Option<Box<RawValue>> {
    Some(RawValue::from_string(json.to_owned()).unwrap())
}

fn asks(messages: Vec<Message>) -> ChatRequest {
    ChatRequest { model: "big".into(), messages, ..ChatRequest::default() }
}

fn plain() -> ChatRequest {
    asks(vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hi 🎉")])
}

fn everything_sampled() -> ChatRequest {
    let sampling = Sampling {
        temperature: Some(1.5),
        top_p: Some(0.25),
        top_k: Some(40),
        min_p: Some(0.125),
        repeat_penalty: Some(1.5),
        seed: Some(u64::MAX),
        stop: vec!["END".into(), " ".into()],
        max_tokens: Some(7),
    };
    let format = AnswerFormat::Schema {
        name: "city".into(),
        schema: raw(r#"{"type":"object","properties":{"x":{"type":"number","maximum":1e2}}}"#).unwrap(),
        strict: Some(true),
    };
    ChatRequest { sampling, format, reasoning_effort: Some("minimal".into()), ..plain() }
}

fn tools_and_images() -> ChatRequest {
    let call = |id: &str, name: &str, arguments: &str| Part::ToolCall {
        id: id.into(),
        name: name.into(),
        arguments: arguments.into(),
    };
    let result = |id: &str, text: &str, outcome| Part::ToolResult { id: id.into(), text: text.into(), outcome };
    let messages = vec![
        Message {
            role: Role::User,
            parts: vec![
                Part::Text("What is this?".into()),
                Part::Image { url: "data:image/png;base64,AA==".into() },
                Part::Image { url: "https://a.example/b.png".into() },
            ],
        },
        Message {
            role: Role::Assistant,
            parts: vec![
                Part::Text("I look.".into()),
                call("a", "weather", r#"{"city": "Rome"}"#),
                call("b.1", "clock", ""),
            ],
        },
        Message { role: Role::Tool, parts: vec![result("a", "rain", ToolOutcome::Worked)] },
        Message {
            role: Role::User,
            parts: vec![Part::Text("And?".into()), result("b.1", "it is broken", ToolOutcome::Failed)],
        },
        Message { role: Role::Assistant, parts: vec![call("c", "clock", "{}")] },
        Message { role: Role::Tool, parts: vec![result("c", "noon", ToolOutcome::Worked)] },
    ];
    let tools = vec![
        Tool {
            name: "weather".into(),
            description: Some("Of a city.".into()),
            parameters: raw(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#),
            strict: Some(true),
        },
        Tool { name: "clock".into(), description: None, parameters: None, strict: None },
    ];
    ChatRequest { tools, tool_choice: ToolChoice::Named("weather".into()), ..asks(messages) }
}

fn given_beginning() -> ChatRequest {
    asks(vec![Message::text(Role::User, "Count."), Message::text(Role::Assistant, "1, 2, 3, \n")])
}

#[test]
fn every_question_is_sent_as_its_file_holds() {
    for (name, request, delivery, turn) in [
        ("plain", plain(), Delivery::Streamed, Turn::Begin),
        ("everything_sampled", everything_sampled(), Delivery::Whole, Turn::Begin),
        ("tools_and_images", tools_and_images(), Delivery::Streamed, Turn::Begin),
        ("given_beginning", given_beginning(), Delivery::Streamed, Turn::GoOn),
    ] {
        let chat = write_chat(&request, delivery, turn).unwrap();
        assert_golden(&folder("questions").join(format!("{name}.chat_completions.json")), &pretty(&chat));
        let messages = write_messages(&request, delivery).unwrap();
        assert_golden(&folder("questions").join(format!("{name}.messages.json")), &pretty(&messages));
    }
}

#[test]
fn openai_itself_is_told_only_what_it_knows() {
    let manner = Manner { delivery: Delivery::Whole, turn: Turn::Begin, dialect: Dialect::OpenAi };
    let body = write::write(&everything_sampled(), manner).unwrap();
    assert_golden(&folder("questions").join("everything_sampled.openai.json"), &pretty(&body));
}

fn pretty(body: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<Value>(body).unwrap()).unwrap() + "\n"
}

#[test]
fn every_choice_of_tools_has_its_word() {
    for (choice, chat, messages) in [
        (ToolChoice::Auto, "null", "null"),
        (ToolChoice::Never, r#""none""#, r#"{"type":"none"}"#),
        (ToolChoice::Required, r#""required""#, r#"{"type":"any"}"#),
    ] {
        let request = ChatRequest { tool_choice: choice, ..tools_and_images() };
        let sent = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap()["tool_choice"].to_string();
        assert_eq!(sent(&write_chat(&request, Delivery::Whole, Turn::Begin).unwrap()), chat);
        assert_eq!(sent(&write_messages(&request, Delivery::Whole).unwrap()), messages);
    }
}

#[test]
fn what_a_protocol_cannot_say_is_refused() {
    let foreign = asks(vec![Message { role: Role::User, parts: vec![Part::Foreign { kind: "input_audio".into() }] }]);
    for refused in [write_chat(&foreign, Delivery::Whole, Turn::Begin), write_messages(&foreign, Delivery::Whole)] {
        assert_eq!(refused.unwrap_err().code(), code::UNSUPPORTED_INPUT);
    }
    let any_json = ChatRequest { format: AnswerFormat::Json, ..plain() };
    assert_eq!(write_messages(&any_json, Delivery::Whole).unwrap_err().code(), code::UNSUPPORTED_INPUT);
    let sent: Value = serde_json::from_slice(&write_chat(&any_json, Delivery::Whole, Turn::Begin).unwrap()).unwrap();
    assert_eq!(sent["response_format"], serde_json::json!({"type": "json_object"}));
}
