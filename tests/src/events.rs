//! Reading an event stream of the house, as any client would.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Response;
use serde_json::Value;

use crate::wait::within;

/// One thing on the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Data { id: Option<u64>, json: Value },
    Done,
    Comment(String),
}

/// A stream, event by event.
pub struct Events {
    bytes: futures_util::stream::BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: Vec<u8>,
}

impl Events {
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { bytes: response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed(), buffer: vec![] }
    }

    /// `None` at the end of the stream, also at a bad one.
    pub async fn next(&mut self) -> Option<Event> {
        within("the next event", PATIENCE, self.read()).await
    }

    /// The next event that is data.
    pub async fn data(&mut self) -> Option<(Option<u64>, Value)> {
        loop {
            match self.next().await? {
                Event::Data { id, json } => return Some((id, json)),
                Event::Done => return None,
                Event::Comment(_) => {}
            }
        }
    }

    /// Everything up to the end of the stream.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut all = vec![];
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(event(&String::from_utf8(block).expect("the stream is UTF-8")));
            }
            let chunk = self.bytes.next().await?.ok()?;
            self.buffer.extend(chunk);
        }
    }
}

fn event(block: &str) -> Event {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    match field("data:") {
        Some("[DONE]") => Event::Done,
        Some(json) => {
            Event::Data { id: field("id:").map(number), json: serde_json::from_str(json).expect("data is JSON") }
        }
        None => Event::Comment(field(":").unwrap_or_default().to_owned()),
    }
}

/// A run numbers its events 1, 2, 3; a stream puts its log's epoch before that: `1-1`, `1-2`.
fn number(id: &str) -> u64 {
    let id = id.rsplit_once('-').map_or(id, |(_epoch, seq)| seq);
    id.parse().expect("an id is a number")
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
