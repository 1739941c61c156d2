//! Every question in `fixtures/*/question/asked` is read, and keeps its own bytes.

use std::{fmt::Debug, fs, path::Path};

use bytes::Bytes;
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Protocol};
use steadfast_wire::{chat_completions, messages, responses};

use crate::golden;

fn read_all<Q: Debug>(
    folder: &str,
    protocol: Protocol,
    read: impl Fn(Bytes) -> Result<Q, Error>,
    request: impl Fn(&mut Q) -> &mut ChatRequest,
) {
    let asked = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder).join("question/asked");
    let files: Vec<_> = fs::read_dir(asked).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let body = Bytes::from(fs::read(&file).unwrap());
        let mut question = read(body.clone()).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let source = request(&mut question).source.take().unwrap();
        assert_eq!((source.protocol, source.body), (protocol, body));
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        golden(&format!("{folder}/question/read"), &name, &format!("{question:#?}"));
    }
}

#[test]
fn chat_completions_are_read() {
    use chat_completions::question::read::{Question, read};
    read_all("chat_completions", Protocol::ChatCompletions, read, |question: &mut Question| &mut question.request);
}

#[test]
fn messages_are_read() {
    use messages::question::read::{Question, read};
    read_all("messages", Protocol::Messages, read, |question: &mut Question| &mut question.request);
}

#[test]
fn responses_are_read() {
    use responses::question::read::{Question, read};
    read_all("responses", Protocol::Responses, read, |question: &mut Question| &mut question.request);
}
