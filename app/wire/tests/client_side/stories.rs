//! Answers as a gateway hands them over, told once for all protocols.

use bytes::Bytes;
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, FinishReason, Frame, Piece, Seam, SeamMethod, Status, ToolCallPart, Weight},
    code,
    usage::Usage,
};

/// What comes, and how it ends badly, if it does.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) breaks: Option<Error>,
}

pub(crate) fn text(words: &str) -> Piece {
    Chunk::Text(words.into()).into()
}

pub(crate) fn finish(reason: FinishReason) -> Piece {
    let usage = Usage { prompt_tokens: 9, completion_tokens: 3, cached_tokens: 4 };
    Chunk::Finish { reason, usage: Some(usage) }.into()
}

pub(crate) fn seam() -> Piece {
    let seam = Seam {
        at_chars: 5,
        from: "a/m1".into(),
        to: "b/m2".into(),
        method: SeamMethod::Prefill,
        cause: "STREAM_CUT".into(),
        attempt: 2,
    };
    Chunk::Status(Status::Seam(seam)).into()
}

pub(crate) fn call(index: u32, id: Option<&str>, arguments: &str) -> Piece {
    let name = id.map(|id| format!("tool_{id}"));
    Chunk::ToolCall(ToolCallPart { index, id: id.map(Into::into), name, arguments: arguments.into() }).into()
}

pub(crate) fn on_wire(chunk: Chunk, protocol: Protocol, frames: &[(Option<&'static str>, &'static str)]) -> Piece {
    let frame = |(event, data): &(Option<&'static str>, &'static str)| Frame {
        protocol,
        event: event.map(Into::into),
        data: Bytes::from_static(data.as_bytes()),
    };
    Piece { chunk, wire: frames.iter().map(frame).collect() }
}

/// What no wire has said: every protocol writes it.
pub(crate) fn unwired() -> Vec<Story> {
    let story = |name, pieces, breaks| Story { name, pieces, breaks };
    vec![
        story("text", vec![text("Hel"), text("lo"), finish(FinishReason::Stop)], None),
        story(
            "thoughts_text_and_calls",
            vec![
                Chunk::Status(Status::Alive).into(),
                Chunk::Other(Weight::Preamble).into(),
                Chunk::Reasoning("Hm.".into()).into(),
                text("I look."),
                call(0, Some("one"), ""),
                call(0, None, "{\"a\":"),
                call(1, Some("two"), "{}"),
                call(0, None, "1}"),
                finish(FinishReason::ToolCalls),
            ],
            None,
        ),
        story("cut_by_its_limit", vec![text("Hel"), finish(FinishReason::Length)], None),
        story("joined", vec![text("Hello"), seam(), text(", you"), finish(FinishReason::Stop)], None),
        story("broken", vec![text("Hel")], Some(code::stream_cut("cloud-b"))),
        story("never_begun", vec![], Some(Error::unavailable("cloud-b"))),
        story("stopped", vec![text("Hel")], Some(Error::cancelled(steadfast::CancelReason::UserStop))),
    ]
}
