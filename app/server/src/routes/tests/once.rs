//! The same POST twice, as clients that try again send it.

use super::*;

const KEY: [(&str, &str); 1] = [("idempotency-key", "k-1")];

fn asks() -> [(&'static str, Value); 3] {
    let messages = json!([{ "role": "user", "content": "hello" }]);
    [
        ("/v1/chat/completions", json!({ "model": "cloud-b/big-model", "messages": messages })),
        ("/v1/messages", json!({ "model": "cloud-b/big-model", "messages": messages, "max_tokens": 9 })),
        ("/v1/responses", json!({ "model": "cloud-b/big-model", "input": "hello" })),
    ]
}

#[tokio::test]
async fn in_every_protocol_one_key_is_one_call_and_one_body() {
    for (path, body) in asks() {
        let gate = Gate::closed();
        let lines = vec![Line::Wait(gate.clone()), Line::Say("hello"), Line::Finish];
        let stage = Stage::with([Act::Speak(lines)]).await;
        let post = || stage.send_with(&KEY, "POST", path, Some(body.clone()));
        let opens = async { gate.open() };
        let (first, second, ()) = tokio::join!(post(), post(), opens);
        let third = post().await;
        assert_eq!(first.headers().get("idempotency-replayed"), None);
        assert_eq!(third.headers()["idempotency-replayed"], "true");
        assert_eq!(third.headers()["x-steadfast-model"], "big-model");
        let first = text_of(first).await;
        assert!(first.contains("hello"), "{path}: {first}");
        assert_eq!((text_of(second).await, text_of(third).await), (first.clone(), first), "{path}");
        assert_eq!(stage.upstream.asked().len(), 1, "{path}");
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused_whatever_its_manner() {
    let stage = Stage::with([Act::says(&["hello"]), Act::says(&["hello"])]).await;
    let (path, body) = asks().into_iter().next().unwrap();
    stage.send_with(&KEY, "POST", path, Some(body.clone())).await;
    for (member, value) in [("temperature", json!(1)), ("stream", json!(true))] {
        let mut other = body.clone();
        other[member] = value;
        let refused = stage.send_with(&KEY, "POST", path, Some(other)).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{member}");
    }
    let without = stage.send("POST", path, Some(body)).await;
    assert_eq!(without.status(), StatusCode::OK);
    assert_eq!(stage.upstream.asked().len(), 2);
}

#[tokio::test]
async fn an_answer_that_broke_is_none_and_the_key_is_free_again() {
    let stage = Stage::with([Act::Speak(vec![Line::Say("hel")]), Act::says(&["hello"])]).await;
    let (path, body) = asks().into_iter().next().unwrap();
    let (status, _) = json_of(stage.send_with(&KEY, "POST", path, Some(body.clone())).await).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    let (status, answer) = json_of(stage.send_with(&KEY, "POST", path, Some(body)).await).await;
    assert_eq!((status, &answer["choices"][0]["message"]["content"]), (StatusCode::OK, &json!("hello")));
}
