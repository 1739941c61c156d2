//! The law of passing on: what needs no change is the same bytes, and a change touches only its own members.

use proptest::prelude::*;
use serde_json::{Map, json};
use steadfast_contract::chat::Source;

use super::*;

fn asked(body: impl Into<Bytes>, model: &str, delivery: Delivery) -> Bytes {
    let source = Some(Source { protocol: Protocol::ChatCompletions, body: body.into(), headers: vec![] });
    let request = ChatRequest { model: model.into(), source, ..ChatRequest::default() };
    write(&request, Manner { delivery, turn: Turn::Begin, dialect: Dialect::Others }).unwrap()
}

#[test]
fn only_what_must_change_changes() {
    let streamed = r#"{ "model":"big", "n":1e2,"stream" : true,"stream_options":{"include_usage":true} }"#;
    assert_eq!(asked(streamed, "big", Delivery::Streamed), streamed);
    assert_eq!(
        asked(streamed, "huge", Delivery::Whole),
        r#"{"model":"huge","n":1e2,"stream":false}"#,
        "spaces between members are not the client's words"
    );
    let whole = r#"{"model":"big","messages":[]}"#;
    assert_eq!(asked(whole, "big", Delivery::Whole), whole);
    assert_eq!(
        asked(r#"{"model":"alias","stream_options":{"x":1}}"#, "big", Delivery::Streamed),
        r#"{"model":"big","stream_options":{"x":1,"include_usage":true},"stream":true}"#
    );
}

#[test]
fn a_model_is_renamed_in_a_request_for_embeddings() {
    let body = Bytes::from_static(br#"{"model":"e","input":["a", "b"]}"#);
    assert_eq!(with_model(&body, "e").unwrap(), body);
    assert_eq!(with_model(&body, "f").unwrap(), r#"{"model":"f","input":["a", "b"]}"#);
    assert!(with_model(&Bytes::from_static(b"[]"), "f").is_err());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("\\PC{0,8}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_body() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        "[a-z_\"\\\\é]{1,10}",
        Just("stream".to_owned()),
        Just("stream_options".to_owned()),
        Just("model".to_owned()),
    ];
    prop::collection::vec((name, any_json()), 0..8).prop_map(|members| members.into_iter().collect())
}

fn without_edited(body: &Map<String, Value>) -> Vec<(String, Value)> {
    let edited = ["model", "stream", "stream_options"];
    body.iter().filter(|(name, _)| !edited.contains(&name.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect()
}

proptest! {
    #[test]
    fn a_question_that_needs_no_change_is_passed_on_byte_for_byte(body in any_body(), pretty in any::<bool>()) {
        let mut body = body;
        body.insert("model".into(), json!("big"));
        body.insert("stream".into(), json!(true));
        body.insert("stream_options".into(), json!({"include_usage": true, "other": 1}));
        let bytes = if pretty { serde_json::to_vec_pretty(&body).unwrap() } else { serde_json::to_vec(&body).unwrap() };
        prop_assert_eq!(asked(bytes.clone(), "big", Delivery::Streamed), bytes.clone());
        body.shift_remove("stream_options");
        body.insert("stream".into(), json!(false));
        let bytes = serde_json::to_vec(&body).unwrap();
        prop_assert_eq!(asked(bytes.clone(), "big", Delivery::Whole), bytes);
    }

    #[test]
    fn a_change_touches_only_its_own_members(body in any_body(), streamed in any::<bool>()) {
        let delivery = if streamed { Delivery::Streamed } else { Delivery::Whole };
        let bytes = serde_json::to_vec(&body).unwrap();
        let sent: Map<String, Value> = serde_json::from_slice(&asked(bytes.clone(), "big", delivery)).unwrap();
        let came: Map<String, Value> = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(without_edited(&sent), without_edited(&came), "order included");
        prop_assert_eq!(&sent["model"], &json!("big"));
        prop_assert_eq!(sent.get("stream").cloned().unwrap_or(json!(false)), json!(streamed));
        prop_assert_eq!(sent.get("stream_options").is_some(), streamed);
    }
}
