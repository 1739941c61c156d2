//! What odd servers send, and that no frame is lost, doubled or moved.

use steadfast_contract::chunk::ToolCallPart;

use super::*;

fn read(frames: &[&str]) -> (Vec<Piece>, Result<Piece, Broken>) {
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    for frame in frames {
        match reader.event("", Bytes::copy_from_slice(frame.as_bytes()), &mut found) {
            Ok(Progress::GoesOn) => {}
            Ok(Progress::Over) => break,
            Err(broken) => return (found, Err(broken)),
        }
    }
    let end = reader.end();
    (found, end)
}

fn chunks(frames: &[&str]) -> Vec<Chunk> {
    let (found, end) = read(frames);
    found.into_iter().chain(end.ok()).map(|piece| piece.chunk).collect()
}

fn finish(reason: FinishReason) -> Chunk {
    Chunk::Finish { reason, usage: None }
}

fn call(index: u32, id: Option<&str>, name: Option<&str>, arguments: &str) -> Chunk {
    let (id, name) = (id.map(Into::into), name.map(Into::into));
    Chunk::ToolCall(ToolCallPart { index, id, name, arguments: arguments.into() })
}

const STOP: &str = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

#[test]
fn a_frame_that_says_several_things_goes_with_the_first_of_them() {
    let both = r#"{"choices":[{"delta":{"reasoning":"hm","content":"Hi"},"finish_reason":"length"}]}"#;
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":-3,"completion_tokens":18446744073709551616}}"#;
    let (found, end) = read(&[both, usage, "[DONE]", STOP]);
    assert_eq!(found[0].chunk, Chunk::Reasoning("hm".into()));
    assert_eq!((found[0].wire[0].data.as_ref(), found[1].wire.len(), found.len()), (both.as_bytes(), 0, 2));
    let end = end.unwrap();
    let figures = Usage { prompt_tokens: 0, completion_tokens: u32::MAX, cached_tokens: 0 };
    assert_eq!(end.chunk, Chunk::Finish { reason: FinishReason::Length, usage: Some(figures) });
    assert_eq!((end.wire.len(), end.wire[0].data.as_ref()), (1, usage.as_bytes()));
}

#[test]
fn an_answer_of_several_choices_is_done_when_all_of_them_are() {
    let one = r#"{"choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    let other = r#"{"choices":[{"index":1,"delta":{"content":"b"}}]}"#;
    let other_ends = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#;
    assert_eq!(read(&[one, other, STOP]).1, Err(Broken::Cut));
    let all = chunks(&[one, STOP, other, other_ends]);
    assert_eq!(
        all,
        [
            Chunk::Text("a".into()),
            Chunk::Other(Weight::Preamble), // the first choice's end, which was none of the answer's
            Chunk::Other(Weight::Content),
            finish(FinishReason::Stop)
        ]
    );
}

#[test]
fn a_server_that_numbers_its_only_choice_oddly_is_understood() {
    let odd = r#"{"choices":[{"index":5,"delta":{"content":"a"},"finish_reason":"weird"}]}"#;
    assert_eq!(chunks(&[odd]), [Chunk::Text("a".into()), finish(FinishReason::Stop)]);
}

#[test]
fn calls_are_told_apart_whatever_their_numbers() {
    let part = |json: &str| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{json}]}}}}]}}"#);
    let frames = [
        part(r#"{"index":5,"id":"a","function":{"name":"f","arguments":""}}"#),
        part(r#"{"index":5,"id":"a","function":{"name":"f","arguments":"{\"x\""}}"#),
        part(r#"{"index":5,"function":{"arguments":":1}"}}"#),
        part(r#"{"index":5,"id":"b","function":{"name":"g","arguments":{"y":2}}}"#),
        part(r#"{"id":"c","function":{"name":"h","arguments":null}},{"function":{"arguments":"{}"}}"#),
        STOP.into(),
    ];
    let frames: Vec<_> = frames.iter().map(String::as_str).collect();
    assert_eq!(
        chunks(&frames),
        [
            call(0, Some("a"), Some("f"), ""),
            call(0, None, None, r#"{"x""#),
            call(0, None, None, ":1}"),
            call(1, Some("b"), Some("g"), r#"{"y":2}"#),
            call(2, Some("c"), Some("h"), ""),
            call(2, None, None, "{}"),
            finish(FinishReason::ToolCalls),
        ]
    );
}

#[test]
fn the_old_kind_of_call_is_a_call() {
    let old =
        r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}"#;
    assert_eq!(chunks(&[old]), [call(0, None, Some("f"), "{}"), finish(FinishReason::ToolCalls)]);
}

#[test]
fn odd_members_do_no_harm() {
    for (odd, text) in [
        (r#"{"choices":[{"index":null,"delta":{"content":[{"type":"text","text":"x"}],"tool_calls":null}}]}"#, "x"),
        (r#"{"choices":[{"delta":{"content":"x","refusal":null}}],"usage":"none","error":null,"extra":[1]}"#, "x"),
        (r#"{"choices":[{"delta":{"content":"x"},"message":{"content":"all of it"}}]}"#, "x"),
        (r#"{"choices":[{"delta":{"refusal":"No."}}]}"#, "No."),
        (
            r#"{"choices":[{"delta":{"content":"\n\ndata: [DONE]\u0000\u001b[31m"}}]}"#,
            "\n\ndata: [DONE]\u{0}\u{1b}[31m",
        ),
    ] {
        assert_eq!(chunks(&[odd]), [Chunk::Text(text.into())], "{odd}");
    }
    for preamble in [
        r#"{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":""}]}"#,
        r#"{"choices":[{"delta":null}]}"#,
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"object":"chat.completion.chunk"}"#,
    ] {
        assert_eq!(chunks(&[preamble]), [Chunk::Other(Weight::Preamble)], "{preamble}");
    }
    let audio = r#"{"choices":[{"delta":{"audio":{"data":"AA=="}}}]}"#;
    assert_eq!(chunks(&[audio]), [Chunk::Other(Weight::Content)]);
    assert_eq!(chunks(&["", "  "]), []);
}

#[test]
fn figures_are_found_wherever_they_stand() {
    for usage in [
        r#""usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}"#,
        r#""usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_cache_hit_tokens":4}"#,
        r#""x_groq":{"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_cache_hit_tokens":4}}"#,
        r#""timings":{"prompt_n":1,"cache_n":4,"predicted_n":2,"predicted_ms":7.5}"#,
    ] {
        let frame = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"stop"}}],{usage}}}"#);
        let figures = Usage { prompt_tokens: 5, completion_tokens: 2, cached_tokens: 4 };
        assert_eq!(chunks(&[&frame]), [Chunk::Finish { reason: FinishReason::Stop, usage: Some(figures) }], "{usage}");
    }
}

#[test]
fn errors_cuts_and_what_is_not_the_protocol_are_told_apart() {
    for error in [
        r#"{"error":{"message":"x"}}"#,
        r#"{"error":"x"}"#,
        r#"{"object":"error","message":"x","code":400}"#,
        r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"x"}}"#,
    ] {
        assert_eq!(read(&[error]).1, Err(Broken::Told(error.into())), "{error}");
    }
    for broken in ["{", "{}", "null", "[1]", r#"{"choices":[{"delta":{"content":"cut"#, "\u{0}", r#"{"choices":[]} {}"#]
    {
        assert_eq!(read(&[broken]).1, Err(Broken::Unreadable(broken.into())), "{broken}");
    }
    let not_utf8 = Bytes::from_static(b"{\"choices\":[{\"delta\":{\"content\":\"\xff\"}}]}");
    assert!(Reader::default().event("", not_utf8, &mut Vec::new()).is_err());
    let words = r#"{"choices":[{"delta":{"content":"half"}}]}"#;
    assert_eq!(read(&[words, "[DONE]"]).1, Err(Broken::Cut), "[DONE] proves nothing");
    assert_eq!(read(&["[DONE]"]).1, Err(Broken::Cut));
    assert_eq!(read(&[r#"{"choices":[{"delta":{},"finish_reason":"abort"}]}"#]).1, Err(Broken::Cut));
}

#[test]
fn an_endless_list_of_choices_or_calls_is_no_answer() {
    let choices: Vec<_> = (0..200).map(|index| format!(r#"{{"index":{index},"delta":{{"content":"x"}}}}"#)).collect();
    let frame = format!(r#"{{"choices":[{}]}}"#, choices.join(","));
    assert!(matches!(read(&[&frame]).1, Err(Broken::Unreadable(_))));
    let calls: Vec<_> = (0..200).map(|index| format!(r#"{{"index":{index},"id":"{index}"}}"#)).collect();
    let frame = format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{}]}}}}]}}"#, calls.join(","));
    assert!(matches!(read(&[&frame]).1, Err(Broken::Unreadable(_))));
}

#[test]
fn a_body_is_one_frame_with_the_first_thing_it_says() {
    let body = r#"{"choices":[{"message":{"content":"all","reasoning_content":"hm"},"finish_reason":"length"},
        {"index":1,"message":{"content":"other"}}]}"#;
    let (mut reader, mut found) = (Reader::default(), Vec::new());
    reader.whole(body.into(), &mut found).unwrap();
    let chunks: Vec<_> = found.iter().map(|piece| (&piece.chunk, piece.wire.len())).collect();
    assert_eq!(
        chunks,
        [
            (&Chunk::Reasoning("hm".into()), 1),
            (&Chunk::Text("all".into()), 0),
            (&Chunk::Other(Weight::Content), 0),
            (&finish(FinishReason::Length), 0)
        ]
    );
    let empty = r#"{"choices":[{"message":{"content":""}}]}"#;
    let mut found = Vec::new();
    Reader::default().whole(empty.into(), &mut found).unwrap();
    assert_eq!(found, [Piece { chunk: finish(FinishReason::Stop), wire: vec![frame_of(empty.into())] }]);
    for none in [r#"{"choices":[]}"#, r#"{"id":"chatcmpl-mock","object":"chat.completion","choices":["#, "<html>"] {
        assert!(matches!(Reader::default().whole(none.into(), &mut Vec::new()), Err(Broken::Unreadable(_))), "{none}");
    }
}
