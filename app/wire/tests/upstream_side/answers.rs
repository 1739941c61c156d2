//! Every stream and body of the fixtures: what it says, that no byte of it is lost, and that no part of it passes for
//! the whole.

use std::{fmt::Write as _, fs, path::Path};

use bytes::Bytes;
use steadfast_contract::chunk::Piece;
use steadfast_wire::{
    answer_reader::{AnswerReader, Broken, Progress},
    chat_completions, messages,
    sse::{Item, Splitter},
};

use crate::golden::{assert_golden, folder};

type NewReader = fn() -> Box<dyn AnswerReader>;
/// Whether an event is the protocol's end.
type IsEnd = fn(&str) -> bool;

const PROTOCOLS: &[(&str, NewReader, IsEnd)] = &[
    ("chat_completions", || Box::new(chat_completions::answer::read::Reader::default()), ends_a_chat),
    ("messages", || Box::new(messages::answer::read::Reader::default()), |event| event.contains(r#""message_stop""#)),
];

fn ends_a_chat(event: &str) -> bool {
    ["stop", "length", "tool_calls", "content_filter", "model_length"]
        .iter()
        .any(|reason| event.contains(&format!(r#""finish_reason":"{reason}""#)))
}

struct Read {
    pieces: Vec<Piece>,
    broken: Option<Broken>,
}

fn read(mut reader: Box<dyn AnswerReader>, events: &[(String, Bytes)]) -> Read {
    let mut pieces = Vec::new();
    for (name, data) in events {
        match reader.event(name, data.clone(), &mut pieces) {
            Ok(Progress::GoesOn) => {}
            Ok(Progress::Over) => break,
            Err(broken) => return Read { pieces, broken: Some(broken) },
        }
    }
    let end = reader.end();
    let broken = end.map(|piece| pieces.push(piece)).err();
    Read { pieces, broken }
}

fn events(stream: &[u8]) -> Vec<(String, Bytes)> {
    let (mut splitter, mut found) = (Splitter::default(), Vec::new());
    splitter.push(stream, &mut found).unwrap();
    splitter.finish(&mut found).unwrap();
    let events = found.into_iter().filter_map(|item| match item {
        Item::Event { name, data } => Some((name, data.into())),
        Item::Comment => None,
    });
    events.collect()
}

/// One line a piece: how many frames it carries, and what it says.
fn told(read: &Read) -> String {
    let mut told = String::new();
    for piece in &read.pieces {
        writeln!(told, "{} {:?}", piece.wire.len(), piece.chunk).unwrap();
    }
    if let Some(broken) = &read.broken {
        writeln!(told, "broken {broken:?}").unwrap();
    }
    told
}

fn fixtures(protocol: &str, extension: &str) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let paths = fs::read_dir(folder(protocol)).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    assert!(!found.is_empty());
    found
}

fn golden_of(path: &Path) -> std::path::PathBuf {
    path.with_extension(format!("{}.txt", path.extension().unwrap().to_str().unwrap()))
}

#[test]
fn every_stream_says_what_its_file_holds() {
    for (protocol, reader, _) in PROTOCOLS {
        for (path, stream) in fixtures(protocol, "sse") {
            assert_golden(&golden_of(&path), &told(&read(reader(), &events(&stream))));
        }
    }
}

#[test]
fn every_body_says_what_its_file_holds_and_is_one_frame() {
    for (protocol, reader, _) in PROTOCOLS {
        for (path, body) in fixtures(protocol, "json") {
            let mut pieces = Vec::new();
            let broken = reader().whole(body.clone().into(), &mut pieces).err();
            let frames: Vec<_> = pieces.iter().flat_map(|piece| &piece.wire).map(|frame| &frame.data).collect();
            assert_eq!(frames, [&body], "{}", path.display());
            assert_golden(&golden_of(&path), &told(&Read { pieces, broken }));
        }
    }
}

#[test]
fn every_event_is_in_exactly_one_piece_and_in_order() {
    for (protocol, reader, _) in PROTOCOLS {
        for (path, stream) in fixtures(protocol, "sse") {
            let events = events(&stream);
            let read = read(reader(), &events);
            let wire = read.pieces.iter().flat_map(|piece| &piece.wire);
            let passed: Vec<_> = wire.map(|frame| &frame.data).collect();
            let mut came: Vec<_> = events.iter().map(|(_, data)| data).filter(|data| **data != "[DONE]").collect();
            came.truncate(came.len() - usize::from(read.broken.is_some()));
            assert_eq!(passed, came, "{}", path.display());
        }
    }
}

#[test]
fn no_beginning_of_a_stream_passes_for_the_whole() {
    for (protocol, reader, ends) in PROTOCOLS {
        for (path, stream) in fixtures(protocol, "sse") {
            // Two choices end one after the other; its own test looks at that.
            if path.ends_with("openai_two_choices.sse") {
                continue;
            }
            let events = events(&stream);
            for length in 0..events.len() {
                let beginning = &events[..length];
                let is_whole = beginning.iter().any(|(_, data)| ends(std::str::from_utf8(data).unwrap()));
                let read = read(reader(), beginning);
                assert_eq!(read.broken.is_none(), is_whole, "{} after {length} events", path.display());
            }
        }
    }
}
