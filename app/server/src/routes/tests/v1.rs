//! The protocols of other programs: what each says in its own words, over the same answers.

use super::*;

const CHAT: &str = "/v1/chat/completions";

fn message_of(streams: bool) -> Value {
    json!({ "model": "cloud-b/big-model", "max_tokens": 9, "messages": [{ "role": "user", "content": "hello" }], "stream": streams })
}

fn response_of(more: Value) -> Value {
    let mut request = json!({ "model": "cloud-b/big-model", "input": "hello" });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

/// The data of every event, in order.
fn events(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect()
}

fn types(text: &str) -> Vec<String> {
    events(text).iter().filter_map(|event| Some(event["type"].as_str()?.to_owned())).collect()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_answer_says_who_gave_it_and_where_it_can_be_read() {
    let stage = Stage::with([Act::says(&["a"]), Act::says(&["b"])]).await;
    let whole = stage.send_with(&[("x-request-id", "mine")], "POST", CHAT, Some(question(false))).await;
    assert_eq!((header(&whole, "x-steadfast-model"), header(&whole, "x-steadfast-target")), ("big-model", "cloud-b"));
    assert_eq!((header(&whole, "x-steadfast-attempts"), header(&whole, "x-request-id")), ("1", "mine"));
    let resumable = [("x-steadfast-resumable", "1")];
    let streamed = stage.send_with(&resumable, "POST", CHAT, Some(question(true))).await;
    assert_eq!(header(&streamed, "x-steadfast-resumable"), "60");
    let place = format!("/v1/streams/{}", header(&streamed, "x-steadfast-stream-id"));
    let first = text_of(streamed).await;
    let again = text_of(stage.send("GET", &place, None).await).await;
    assert_eq!(events(&first), events(&again));
}

#[tokio::test]
async fn the_last_frame_of_a_broken_stream_says_how_far_it_came() {
    let lines = vec![Line::Say("hel"), Line::Break(Error::connection_lost("cloud-b"))];
    let stage = Stage::with([Act::Speak(lines)]).await;
    let text = text_of(stage.send("POST", CHAT, Some(question(true))).await).await;
    let last = events(&text).pop().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "error");
    let own = &last["error"]["steadfast"];
    assert_eq!((&own["partial"], &own["delivered_chars"]), (&json!(true), &json!(3)));
    assert!(own["stream_id"].as_str().unwrap().starts_with("rsp_") && own["request_id"].is_string(), "{own}");
}

#[tokio::test]
async fn a_member_that_is_wrong_or_not_allowed_is_named() {
    let stage = Stage::with([]).await;
    for (member, value, code) in [
        ("api_base", json!("http://evil.example"), "unsupported_parameter"),
        ("api_key", json!("x"), "unsupported_parameter"),
        ("max_tokens", json!(-1), "validation"),
        ("temperature", json!("hot"), "validation"),
        ("model", json!("a\r\nx: y"), "validation"),
    ] {
        let mut ask = question(false);
        ask[member] = value;
        let (status, refused) = stage.post(CHAT, ask).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
        assert_eq!((&refused["error"]["param"], &refused["error"]["code"]), (&json!(member), &json!(code)));
    }
    assert!(stage.upstream.asked().is_empty());
}

#[tokio::test]
async fn a_strange_model_name_is_not_found_and_stands_in_no_header() {
    let stage = Stage::with([]).await;
    let mut ask = question(false);
    ask["model"] = "../../etc/passwd".into();
    let response = stage.send("POST", CHAT, Some(ask)).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(!response.headers().values().any(|value| value.to_str().is_ok_and(|value| value.contains("passwd"))));
}

#[tokio::test]
async fn odd_paths_lead_nowhere() {
    let stage = Stage::with([]).await;
    for path in [
        "//v1/models",
        "/v1/%2e%2e/admin",
        "/V1/models",
        "/v1/chat/completions.",
        "/v1/models;x=1",
        "/v1/%00",
        "/v1/nothing",
    ] {
        assert_eq!(stage.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_key_of_a_client_is_taken_and_means_nothing() {
    let long = "x".repeat(8_000);
    for key in ["", "Bearer", "Bearer x' OR 1=1", &long] {
        let stage = Stage::with([Act::says(&["hello"])]).await;
        let headers = [("authorization", key), ("x-api-key", key)];
        let response = stage.send_with(&headers, "POST", CHAT, Some(question(false))).await;
        assert_eq!(response.status(), StatusCode::OK, "{key:.20}");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_question_and_no_other() {
    let stage = Stage::with([Act::says(&["hello"])]).await;
    let key = [("idempotency-key", "k-1"), ("x-steadfast-resumable", "1")];
    let first = text_of(stage.send_with(&key, "POST", CHAT, Some(question(true))).await).await;
    let again = stage.send_with(&key, "POST", CHAT, Some(question(true))).await;
    assert_eq!(header(&again, "idempotency-replayed"), "true");
    assert_eq!(events(&text_of(again).await), events(&first));
    let mut other = question(true);
    other["temperature"] = 1.into();
    let refused = stage.send_with(&key, "POST", CHAT, Some(other)).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let long = "k".repeat(10_240);
    let refused = stage.send_with(&[("idempotency-key", &long)], "POST", CHAT, Some(question(true))).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(stage.upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_message_is_streamed_in_anthropics_events() {
    let stage = Stage::with([Act::says(&["hel", "lo"])]).await;
    let headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "x"), ("x-api-key", "sk-x")];
    let text = text_of(stage.send_with(&headers, "POST", "/v1/messages", Some(message_of(true))).await).await;
    let expected = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(types(&text), expected);
    assert!(text.contains("event: message_stop\n") && !text.contains("[DONE]"), "{text}");
}

#[tokio::test]
async fn the_words_of_a_messages_headers_go_with_it() {
    let stage = Stage::with([Act::says(&["hello"])]).await;
    let headers = [("anthropic-version", "2023-06-01"), ("anthropic-beta", "context-1m"), ("x-api-key", "sk-x")];
    stage.send_with(&headers, "POST", "/v1/messages", Some(message_of(false))).await;
    let source = stage.upstream.asked()[0].source.clone().unwrap();
    let expected = [("anthropic-version", "2023-06-01".to_owned()), ("anthropic-beta", "context-1m".to_owned())];
    assert_eq!(source.headers, expected);
    let wild = [("anthropic-beta", "a b")];
    let refused = stage.send_with(&wild, "POST", "/v1/messages", Some(message_of(false))).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_message_in_one_piece_and_its_errors_have_anthropics_shape() {
    let stage = Stage::with([Act::says(&["hello"]), Act::Refuse(Error::validation("no"))]).await;
    let (status, message) = stage.post("/v1/messages", message_of(false)).await;
    assert_eq!(status, StatusCode::OK, "{message}");
    assert_eq!(message["content"], json!([{ "type": "text", "text": "hello" }]));
    assert_eq!((&message["type"], &message["stop_reason"]), (&json!("message"), &json!("end_turn")));

    let refused = stage.send("POST", "/v1/messages", Some(message_of(false))).await;
    let request = header(&refused, "request-id").to_owned();
    let (status, body) = json_of(refused).await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::BAD_REQUEST, &json!("invalid_request_error")));
    assert_eq!((&body["type"], body["request_id"].as_str()), (&json!("error"), Some(request.as_str())));
}

#[tokio::test]
async fn a_broken_message_ends_with_an_error_event() {
    let lines = vec![Line::Say("hel"), Line::Break(Error::connection_lost("cloud-b"))];
    let stage = Stage::with([Act::Speak(lines)]).await;
    let text = text_of(stage.send("POST", "/v1/messages", Some(message_of(true))).await).await;
    assert_eq!(types(&text).last().unwrap(), "error");
    assert!(text.contains("event: error\n") && !text.contains("message_stop"), "{text}");
}

#[tokio::test]
async fn tokens_are_estimated_and_said_to_be() {
    let stage = Stage::with([]).await;
    let ask = json!({ "model": "x", "messages": [{ "role": "user", "content": "one two three four" }] });
    let response = stage.send("POST", "/v1/messages/count_tokens", Some(ask)).await;
    assert_eq!(header(&response, "x-steadfast-token-count"), "estimate");
    assert_eq!(json_of(response).await.1, json!({ "input_tokens": 9 }));
}

#[tokio::test]
async fn a_response_is_streamed_with_numbers_and_read_again_after_any() {
    let stage = Stage::with([Act::says(&["hel", "lo"])]).await;
    let text = text_of(stage.send("POST", "/v1/responses", Some(response_of(json!({ "stream": true })))).await).await;
    let all = events(&text);
    assert!(all.iter().enumerate().all(|(number, event)| event["sequence_number"] == number), "{text}");
    assert_eq!(types(&text).last().unwrap(), "response.completed");
    let response = &all.last().unwrap()["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "hello");

    let place = format!("/v1/responses/{}", response["id"].as_str().unwrap());
    let rest = text_of(stage.send("GET", &format!("{place}?stream=true&starting_after=3"), None).await).await;
    assert_eq!(events(&rest), all[4..]);
    assert_eq!(stage.get(&place).await, (StatusCode::OK, response.clone()));
    assert_eq!(stage.get(&format!("{place}?stream=true&starting_after=x")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(stage.get("/v1/responses/resp_none").await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.get("/v1/responses/rsp_none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_response_in_one_piece_repeats_what_was_asked() {
    let stage = Stage::with([Act::says(&["hello"])]).await;
    let ask = response_of(json!({ "instructions": "Be brief.", "metadata": { "a": "b" } }));
    let (status, response) = stage.post("/v1/responses", ask).await;
    assert_eq!((status, &response["status"]), (StatusCode::OK, &json!("completed")));
    assert_eq!((&response["instructions"], &response["metadata"]), (&json!("Be brief."), &json!({ "a": "b" })));
    assert_eq!(response["output"][0]["content"][0]["text"], "hello");
}

#[tokio::test]
async fn a_response_in_the_background_goes_on_without_a_reader_until_it_is_stopped() {
    let gate = Gate::closed();
    let lines = vec![Line::Say("hel"), Line::Wait(gate.clone()), Line::Say("lo"), Line::Finish];
    let stage = Stage::with([Act::Speak(lines), Act::Speak(vec![Line::Say("hel"), Line::Stall])]).await;
    let background = response_of(json!({ "background": true }));
    let (status, queued) = stage.post("/v1/responses", background.clone()).await;
    assert_eq!((status, &queued["status"]), (StatusCode::OK, &json!("queued")));
    let place = format!("/v1/responses/{}", queued["id"].as_str().unwrap());
    gate.open();
    let text = text_of(stage.send("GET", &format!("{place}?stream=true"), None).await).await;
    assert_eq!(types(&text).last().unwrap(), "response.completed");
    assert_eq!(stage.get(&place).await.1["status"], "completed");

    let (_, second) = stage.post("/v1/responses", background).await;
    let place = format!("/v1/responses/{}/cancel", second["id"].as_str().unwrap());
    assert_eq!(stage.post(&place, json!({})).await.1["status"], "cancelled");
}

#[tokio::test]
async fn embeddings_of_a_model_that_makes_none_are_refused_in_words() {
    let stage = Stage::with([]).await;
    let ask = |model: &str| json!({ "model": model, "input": "hello" });
    let (status, refused) = stage.post("/v1/embeddings", ask("cloud-b/big-model")).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("unsupported_input")));
    assert_eq!(stage.post("/v1/embeddings", ask("none")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.post("/v1/embeddings", json!({ "model": "none" })).await.0, StatusCode::BAD_REQUEST);
}
