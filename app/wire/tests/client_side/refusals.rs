//! What cannot be asked, and the member that the refusal names.

use bytes::Bytes;
use serde_json::{Value, json};
use steadfast::Error;
use steadfast_wire::{chat_completions, json::PARAM, messages, responses};

fn param(refused: Error) -> (String, String) {
    let param = refused.details().iter().find(|(key, _)| *key == PARAM).map(|(_, value)| value.clone());
    (param.unwrap_or_default(), refused.code().name().to_owned())
}

fn bytes(request: &Value) -> Bytes {
    Bytes::from(request.to_string())
}

fn chat(more: Value) -> Result<(), Error> {
    let mut request = json!({ "model": "quick", "messages": [{ "role": "user", "content": "hi" }] });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    chat_completions::question::read::read(bytes(&request)).map(|_| ())
}

fn message(more: Value) -> Result<(), Error> {
    let mut request = json!({ "model": "quick", "max_tokens": 9, "messages": [{ "role": "user", "content": "hi" }] });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    messages::question::read::read(bytes(&request)).map(|_| ())
}

fn response(more: Value) -> Result<(), Error> {
    let mut request = json!({ "model": "quick", "input": "hi" });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    responses::question::read::read(bytes(&request)).map(|_| ())
}

fn names(ask: fn(Value) -> Result<(), Error>, cases: &[(Value, &str)]) {
    ask(json!({})).unwrap();
    for (more, member) in cases {
        let (named, code) = param(ask(more.clone()).expect_err(&more.to_string()));
        assert_eq!((named.as_str(), code.as_str()), (*member, "VALIDATION"), "{more}");
    }
}

#[test]
fn addresses_and_keys_of_upstreams_are_not_taken_from_a_request() {
    for ask in [chat, message, response] {
        for member in ["api_base", "base_url", "api_key", "extra_headers"] {
            let (named, code) = param(ask(json!({ member: "https://evil.example" })).unwrap_err());
            assert_eq!((named.as_str(), code.as_str()), (member, "UNSUPPORTED_PARAMETER"));
            ask(json!({ member: null })).unwrap();
        }
    }
}

#[test]
fn a_number_out_of_its_range_is_named() {
    let many: Value = (0..5_000).map(|token| (token.to_string(), json!(1))).collect::<serde_json::Map<_, _>>().into();
    names(
        chat,
        &[
            (json!({ "max_tokens": -1 }), "max_tokens"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "max_completion_tokens": 9_223_372_036_854_775_808_u64 }), "max_completion_tokens"),
            (json!({ "n": 1_000_000 }), "n"),
            (json!({ "temperature": "hot" }), "temperature"),
            (json!({ "temperature": 3 }), "temperature"),
            (json!({ "presence_penalty": -3 }), "presence_penalty"),
            (json!({ "logit_bias": many }), "logit_bias"),
            (json!({ "logit_bias": { "5": 101 } }), "logit_bias"),
            (json!({ "stop": vec![""; 1_000] }), "stop"),
            (json!({ "stop": [""] }), "stop"),
        ],
    );
    names(
        message,
        &[
            (json!({ "max_tokens": null }), "max_tokens"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "temperature": 1.5 }), "temperature"),
            (json!({ "stop_sequences": [""] }), "stop_sequences"),
        ],
    );
    names(response, &[(json!({ "max_output_tokens": 0 }), "max_output_tokens"), (json!({ "top_p": 1.5 }), "top_p")]);
}

#[test]
fn a_conversation_that_makes_no_sense_is_refused_at_its_place() {
    let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let user = json!({ "role": "user", "content": "hi" });
    let result = json!({ "role": "tool", "tool_call_id": "c1", "content": "42" });
    let calling = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let ask = |messages: Value| json!({ "messages": messages });
    names(
        chat,
        &[
            (ask(json!([])), "messages"),
            (ask(json!(vec![user.clone(); 5_000])), "messages"),
            (ask(json!([{ "role": "robot", "content": "hi" }])), "messages[0].role"),
            (ask(json!([{ "role": "user", "content": 7 }])), "messages[0].content"),
            (ask(json!([{ "role": "user", "content": null }])), "messages[0].content"),
            (ask(json!([{ "role": "user", "content": [null] }])), "messages[0].content"),
            (ask(json!([{ "role": "user", "content": [] }])), "messages[0].content"),
            (ask(json!([{ "role": "assistant" }])), "messages[0].content"),
            (ask(json!([user, result])), "messages[1]"),
            (ask(json!([user, calling, result, result])), "messages[3]"),
            (ask(json!([user, { "role": "assistant", "tool_calls": [call, call] }])), "messages[1]"),
            (ask(json!([user, calling, { "role": "tool", "content": "42" }])), "messages[2].tool_call_id"),
            (ask(json!([{ "role": "user", "content": "hi", "tool_calls": [call] }])), "messages[0].tool_calls"),
        ],
    );
    let block = |role: &str, block: Value| json!({ "messages": [{ "role": role, "content": [block] }] });
    names(
        message,
        &[
            (block("user", json!({ "type": "tool_result", "tool_use_id": "t1" })), "messages[0]"),
            (
                block("user", json!({ "type": "tool_use", "id": "t1", "name": "f", "input": {} })),
                "messages[0].content[0]",
            ),
            (block("system", json!({ "type": "text", "text": "x" })), "messages[0].role"),
            (block("user", json!({ "type": "image" })), "messages[0].content[0]"),
            (json!({ "messages": [{ "role": "user", "content": null }] }), "messages[0].content"),
        ],
    );
    names(
        response,
        &[
            (json!({ "input": [] }), "input"),
            (json!({ "input": [{ "type": "function_call_output", "call_id": "c1", "output": "42" }] }), "input[0]"),
            (json!({ "input": [{ "role": "robot", "content": "hi" }] }), "input"),
            (json!({ "input": [{ "role": "user" }] }), "input[0]"),
        ],
    );
}

#[test]
fn the_same_call_id_may_come_back_once_it_was_answered() {
    let call = json!({ "id": "call_0", "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let calling = json!({ "role": "assistant", "tool_calls": [call] });
    let result = json!({ "role": "tool", "tool_call_id": "call_0", "content": "42" });
    chat(json!({ "messages": [calling, result, calling, result] })).unwrap();
}

#[test]
fn an_image_that_leads_inside_is_refused() {
    for url in ["file:///etc/passwd", "http://169.254.169.254/", "https://[::ffff:127.0.0.1]/", "https://0x7f.1/"] {
        let part = json!({ "type": "image_url", "image_url": { "url": url } });
        names(
            chat,
            &[(json!({ "messages": [{ "role": "user", "content": [part] }] }), "messages[0].content[0].image_url.url")],
        );
        let image = json!({ "type": "image", "source": { "type": "url", "url": url } });
        names(
            message,
            &[(json!({ "messages": [{ "role": "user", "content": [image] }] }), "messages[0].content[0].source")],
        );
        let image = json!({ "type": "input_image", "image_url": url });
        names(
            response,
            &[(json!({ "input": [{ "role": "user", "content": [image] }] }), "input[0].content[0].image_url")],
        );
    }
}

#[test]
fn tools_and_their_choice_fit_together() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
    names(
        chat,
        &[
            (json!({ "tools": [tool("a b")] }), "tools[0].function.name"),
            (json!({ "tools": [tool("f"), tool("f")] }), "tools[1]"),
            (json!({ "tools": [{ "type": "function" }] }), "tools[0]"),
            (
                json!({ "tools": [{ "type": "function", "function": { "name": "f", "parameters": [] } }] }),
                "tools[0].function.parameters",
            ),
            (json!({ "tool_choice": "required" }), "tool_choice"),
            (
                json!({ "tools": [tool("f")], "tool_choice": { "type": "function", "function": { "name": "g" } } }),
                "tool_choice",
            ),
            (json!({ "response_format": { "type": "json_schema" } }), "response_format.json_schema"),
            (json!({ "response_format": { "type": "yaml" } }), "response_format.type"),
        ],
    );
}

#[test]
fn a_tool_that_its_provider_runs_may_be_chosen() {
    let tools = json!([{ "type": "web_search_20250305", "name": "web_search" }]);
    message(json!({ "tools": tools, "tool_choice": { "type": "tool", "name": "web_search" } })).unwrap();
}

#[test]
fn a_schema_may_point_anywhere_because_nobody_here_follows_it() {
    let schema =
        json!({ "$ref": "http://169.254.169.254/", "$defs": { "a": { "$ref": "#/$defs/a" } }, "pattern": "(a+)+$" });
    chat(json!({ "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } }))
        .unwrap();
    let body =
        format!(r#"{{"model":"quick","messages":[{{"role":"user","content":"x"}}],"tools":{}}}"#, nested(10_000));
    let refused = chat_completions::question::read::read(Bytes::from(body)).unwrap_err();
    assert!(refused.message().contains("64 levels"), "{refused}");
}

fn nested(levels: usize) -> String {
    format!("{}{{}}{}", r#"[{"anyOf":"#.repeat(levels), "}]".repeat(levels))
}

#[test]
fn a_wild_model_name_is_refused_and_a_strange_one_is_not() {
    for wild in ["", "a\r\nx: y", &"x".repeat(1 << 20)] {
        for ask in [chat, message, response] {
            assert_eq!(param(ask(json!({ "model": wild })).unwrap_err()).0, "model");
        }
    }
    chat(json!({ "model": "../../etc/passwd" })).unwrap();
}

#[test]
fn what_only_openai_keeps_is_refused_by_name() {
    for member in ["previous_response_id", "conversation", "prompt"] {
        let (named, code) = param(response(json!({ member: "x" })).unwrap_err());
        assert_eq!((named.as_str(), code.as_str()), (member, "UNSUPPORTED_PARAMETER"));
    }
    let (named, _) = param(response(json!({ "tools": [{ "type": "web_search" }] })).unwrap_err());
    assert_eq!(named, "tools[0]");
}

#[test]
fn broken_json_is_refused_with_its_place() {
    let refused = chat_completions::question::read::read(Bytes::from_static(b"{\"model\": \"x\",\n \"messages\": [}"))
        .unwrap_err();
    assert!(refused.message().contains("line 2 column 15"), "{refused}");
    let half = Bytes::from_static(br#"{"model": "x", "messages": [{"role": "user", "content": "\ud800"}]}"#);
    assert!(chat_completions::question::read::read(half).is_err());
}
