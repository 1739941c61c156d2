//! Answers in one piece.

use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason},
};
use steadfast_wire::{
    answer::{Collected, OwnEvents},
    chat_completions::answer::write as chat,
    messages::answer::write as messages,
    responses::answer::write as responses,
};

use crate::{
    answers::setting,
    golden,
    stories::{finish, on_wire, seam, unwired},
};

fn collected(pieces: Vec<steadfast_contract::chunk::Piece>) -> Collected {
    let mut collected = Collected::default();
    pieces.into_iter().for_each(|piece| collected.add(piece));
    collected
}

fn pretty(body: &[u8]) -> String {
    serde_json::to_string_pretty(&serde_json::from_slice::<serde_json::Value>(body).unwrap()).unwrap()
}

#[test]
fn every_whole_story_is_written_in_every_protocol() {
    for story in unwired().into_iter().filter(|story| story.breaks.is_none()) {
        let (answer, identity) = (collected(story.pieces), setting(OwnEvents::Withheld).identity);
        assert!(answer.is_whole());
        golden("chat_completions/answer/whole", story.name, &pretty(&chat::whole(&answer, &identity)));
        golden("messages/answer/whole", story.name, &pretty(&messages::whole(&answer, &identity)));
        let response = responses::whole(answer, setting(OwnEvents::Withheld), serde_json::Map::new());
        golden("responses/answer/whole", story.name, &pretty(&response));
    }
}

const BODY: &str = r#"{"id":"up-1",  "choices":[{"index":0,"message":{"content":"Hello"}}], "x": 1.0}"#;

#[test]
fn a_body_of_the_clients_own_protocol_passes_untouched() {
    let pieces = || {
        vec![
            on_wire(Chunk::Text("Hello".into()), Protocol::ChatCompletions, &[(None, BODY)]),
            finish(FinishReason::Stop),
        ]
    };
    let identity = setting(OwnEvents::Withheld).identity;
    assert_eq!(chat::whole(&collected(pieces()), &identity), BODY);
    assert!(pretty(&messages::whole(&collected(pieces()), &identity)).contains(r#""text": "Hello""#));

    let mut joined = pieces();
    joined.insert(1, seam());
    assert_ne!(chat::whole(&collected(joined), &identity), BODY);
}

#[test]
fn an_event_is_not_taken_for_a_body() {
    let event = r#"{"id":"up-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":"stop"}]}"#;
    let pieces = vec![
        on_wire(Chunk::Text("Hello".into()), Protocol::ChatCompletions, &[(None, event)]),
        finish(FinishReason::Stop),
    ];
    assert!(
        pretty(&chat::whole(&collected(pieces), &setting(OwnEvents::Withheld).identity)).contains("chat.completion\"")
    );
}

#[test]
fn what_has_no_end_marker_is_not_whole() {
    assert!(!collected(vec![Chunk::Text("Hel".into()).into()]).is_whole());
}
