//! The checker of the streams' laws over the real program: answers that break in the middle and are joined, read over
//! real sockets, left and come back to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy knows test functions only, and the words they share are test code too"
)]

use reqwest::Response;
use serde_json::{Value, json};
use steadfast_contract::{
    chat::Protocol,
    chunk::{Frame, Seam},
    stream_log::{LogItem, Numbered, Snapshot, StreamState},
};
use steadfast_gateway::testing::StreamChecker;
use steadfast_house_tests::{House, Setup, Upstream};

/// The first says so many words before it breaks, and every word has its number: that tells the voices apart.
const BEFORE_THE_BREAK: usize = 5;

struct Stage {
    house: House,
    a: Upstream,
    b: Upstream,
    checker: StreamChecker,
    _dir: tempfile::TempDir,
}

impl Stage {
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (Upstream::start(dir.path()).await, Upstream::start(dir.path()).await);
        let upstream = |name: &str, of: &Upstream, model: &str| {
            format!("[[upstreams]]\nname = \"{name}\"\nurl = \"{}\"\nmodels = [{model}]\n", of.base_url())
        };
        let settings = format!(
            "[tiers]\ngenius = [\"cloud-a/scripted\", \"cloud-b/SCN-continues\"]\n{}{}",
            upstream("cloud-a", &a, "{ id = \"scripted\" }"),
            upstream("cloud-b", &b, "{ id = \"SCN-continues\", continuation = \"verified\" }"),
        );
        let checker = StreamChecker::new().reading(words, words_of).knowing_voices(voice).seeing_seams(seam);
        let house = House::start(Setup { settings, ..Setup::default() }).await;
        Self { house, a, b, checker, _dir: dir }
    }

    async fn ask(&self, scenario: &str) -> Response {
        let messages = json!([{ "role": "user", "content": format!("Tell me. {scenario}") }]);
        let body = json!({ "model": "genius", "stream": true, "messages": messages });
        let mut request = self.house.http.post(self.house.url("/v1/chat/completions")).json(&body);
        let headers = [("x-steadfast-resumable", "1"), ("x-steadfast-events", "1"), ("x-steadfast-continue", "any")];
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// The items after `after`, told to the checker as they come, each looked up again at once.
    async fn read(&self, response: Response, id: &str, after: u64, most: usize) -> Vec<LogItem> {
        assert_eq!(response.status(), 200);
        let reader = self.checker.attached(id, "local", after);
        let (mut response, mut buffer, mut items) = (response, String::new(), Vec::new());
        while items.len() < most {
            let Some(end) = buffer.find("\n\n") else {
                let Some(bytes) = response.chunk().await.unwrap() else { break };
                buffer.push_str(std::str::from_utf8(&bytes).unwrap());
                continue;
            };
            let block: String = buffer.drain(..end + 2).collect();
            let Some(item) = item(&block) else { continue };
            self.checker.delivered(id, reader, &item);
            let found = self.again(id, item.seq() - 1).await;
            self.checker.looked_up(id, item.seq(), found.as_ref());
            items.push(item);
        }
        items
    }

    async fn resume(&self, id: &str, after: u64) -> Response {
        self.house.get(&format!("/v1/streams/{id}?after={after}")).await
    }

    /// The first item of the log after `after`.
    async fn again(&self, id: &str, after: u64) -> Option<LogItem> {
        let (mut response, mut buffer) = (self.resume(id, after).await, String::new());
        loop {
            while let Some(end) = buffer.find("\n\n") {
                let block: String = buffer.drain(..end + 2).collect();
                if let Some(item) = item(&block) {
                    return Some(item);
                }
            }
            buffer.push_str(std::str::from_utf8(&response.chunk().await.unwrap()?).unwrap());
        }
    }

    /// How the log says that it ended.
    async fn ended(&self, id: &str) -> StreamState {
        let list = self.house.json("/v1/streams").await;
        let entry = list["data"].as_array().unwrap().iter().find(|entry| entry["id"] == id).unwrap().clone();
        let last = entry["last_event_id"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap();
        let state = match (entry["status"].as_str().unwrap(), entry["reason"].as_str()) {
            ("completed", None) => StreamState::Completed,
            ("incomplete", Some(reason)) => StreamState::Incomplete { reason: reason.to_owned() },
            other => panic!("{other:?}"),
        };
        self.checker.ended(id, &state);
        self.checker.acknowledged(id, Some(last));
        state
    }

    #[track_caller]
    fn check(&self) {
        self.checker.verdict().unwrap_or_else(|broken| panic!("{broken}"));
    }
}

/// `None` for what is no item of the log: comments, and when to come back.
fn item(block: &str) -> Option<LogItem> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let (epoch, seq) = field("id: ")?.split_once('-')?;
    let (epoch, seq) = (epoch.parse().unwrap(), seq.parse().unwrap());
    let (event, data) = (field("event: ").map(|event| event.to_owned().into()), field("data: ")?.to_owned());
    if event.as_deref() == Some("steadfast.snapshot") {
        let value = serde_json::from_str(&data).unwrap();
        return Some(LogItem::Snapshot(Snapshot { epoch, through: seq, value }));
    }
    let frame = Frame { protocol: Protocol::ChatCompletions, event, data: data.into() };
    Some(LogItem::Frame(Numbered { epoch, seq, frame }))
}

fn words(frame: &Frame) -> Option<String> {
    let chunk: Value = serde_json::from_slice(&frame.data).ok()?;
    Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
}

fn words_of(snapshot: &Value) -> Option<String> {
    Some(snapshot["choices"][0]["content"].as_str()?.to_owned())
}

fn seam(frame: &Frame) -> Option<Seam> {
    frame.event.as_deref().filter(|event| *event == "steadfast.seam")?;
    let mut seam: Value = serde_json::from_slice(&frame.data).ok()?;
    seam.as_object_mut()?.remove("kind");
    serde_json::from_value(seam).ok()
}

fn voice(words: &str) -> Option<String> {
    let number: String = words.trim_start().chars().skip_while(char::is_ascii_alphabetic).collect();
    let number: usize = number.split_whitespace().next()?.parse().ok()?;
    Some(if number <= BEFORE_THE_BREAK { "a" } else { "b" }.to_owned())
}

fn id_of(response: &Response) -> String {
    response.headers()["x-steadfast-stream-id"].to_str().unwrap().to_owned()
}

fn text(items: &[LogItem]) -> String {
    let words = |item: &LogItem| match item {
        LogItem::Frame(numbered) => words(&numbered.frame),
        LogItem::Snapshot(_) => None,
    };
    items.iter().filter_map(words).collect()
}

#[tokio::test]
async fn an_answer_that_was_joined_breaks_no_law_for_those_who_stay_and_those_who_come_back() {
    let stage = Stage::set().await;
    for scenario in ["SCN-rst5#laws", "SCN-fin5#laws", "SCN-end5#laws", "SCN-error5#laws"] {
        let response = stage.ask(scenario).await;
        let id = id_of(&response);
        stage.checker.owned(&id, "local");
        let mut items = stage.read(response, &id, 0, 4).await; // then the line is lost
        let last = items.last().unwrap().seq();
        items.extend(stage.read(stage.resume(&id, last).await, &id, last, usize::MAX).await);
        let whole = stage.read(stage.resume(&id, 0).await, &id, 0, usize::MAX).await;
        assert_eq!(items, whole, "{scenario}: who came back has the same as who reads it all");
        assert_eq!(stage.ended(&id).await, StreamState::Completed, "{scenario}");
        stage.check();

        let (a, b) = (stage.a.calls().await.pop().unwrap(), stage.b.calls().await.pop().unwrap());
        let (first, given) = (a["text_sent"].as_str().unwrap(), b["prefill"].as_str().unwrap());
        assert_eq!((first.split_whitespace().count(), first.trim_end()), (BEFORE_THE_BREAK, given), "{scenario}");
        assert_eq!(text(&whole).trim_end(), format!("{given}{}", b["text_sent"].as_str().unwrap()).trim_end());
    }
}

#[tokio::test]
async fn an_answer_that_nobody_goes_on_from_breaks_no_law_either() {
    let stage = Stage::set().await;
    stage.b.set_mood("SCN-noprefill").await;
    let response = stage.ask("SCN-rst5#alone").await;
    let id = id_of(&response);
    stage.checker.owned(&id, "local");
    let items = stage.read(response, &id, 0, usize::MAX).await;
    assert_eq!(text(&items).split_whitespace().count(), BEFORE_THE_BREAK);
    assert!(matches!(stage.ended(&id).await, StreamState::Incomplete { .. }));
    stage.check();
}
