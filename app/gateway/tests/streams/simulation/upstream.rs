//! An upstream on a simulated host that answers each question in a way that chance picks, and keeps the truth of what
//! it said.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use serde_json::json;
use steadfast::CancelToken;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    Good,
    Slow,
    /// 503 and nothing else.
    Refuse,
    /// The line is dropped before the head.
    Reset,
    StallFirst,
    StallLater,
    Cut,
    ErrorInside,
}

/// What all upstreams of one world share; outlives a crash of its host.
#[derive(Clone)]
pub(super) struct Upstream {
    pub(super) name: String,
    inside: Arc<Mutex<Inside>>,
    /// From this moment on (in simulated time) every answer is good.
    good_from: Option<Duration>,
    /// The sides of the die that picks the manner: the fewer, the worse.
    die: u8,
}

struct Inside {
    chance: Rng,
    asked: usize,
    /// By voice: all the words of a good answer.
    said: BTreeMap<String, String>,
    manners: Vec<Manner>,
}

impl Upstream {
    pub(super) fn new(name: String, seed: u64, die: u8, good_from: Option<Duration>) -> Self {
        let inside = Inside { chance: Rng::with_seed(seed), asked: 0, said: BTreeMap::new(), manners: Vec::new() };
        Self { name, inside: Arc::new(Mutex::new(inside)), good_from, die }
    }

    /// The whole answer that `voice` gave, if it ended well.
    pub(super) fn whole(&self, voice: &str) -> Option<String> {
        self.inside.lock().unwrap().said.get(voice).cloned()
    }

    pub(super) fn manners(&self) -> Vec<Manner> {
        self.inside.lock().unwrap().manners.clone()
    }

    pub(super) async fn serve(self) -> turmoil::Result {
        let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
        let token = CancelToken::root("upstream");
        loop {
            let (line, _) = listener.accept().await?;
            let upstream = self.clone();
            // A line that breaks is what this host is for.
            drop(token.spawn("line", async move { upstream.answer(line).await.ok() }));
        }
    }

    fn plan(&self) -> (Manner, usize, usize) {
        let mut inside = self.inside.lock().unwrap();
        inside.asked += 1;
        let is_good = self.good_from.is_some_and(|from| turmoil::elapsed() >= from);
        let roll = inside.chance.u8(0..self.die);
        let manner = if is_good { Manner::Good } else { MANNERS[usize::from(roll).min(MANNERS.len() - 1)] };
        inside.manners.push(manner);
        (manner, inside.asked, inside.chance.usize(1..40))
    }

    async fn answer(&self, mut line: TcpStream) -> io::Result<()> {
        while read_question(&mut line).await? {
            let (manner, number, words) = self.plan();
            match manner {
                Manner::Reset => return Ok(()),
                Manner::StallFirst => std::future::pending().await,
                Manner::Refuse => line.write_all(REFUSAL.as_bytes()).await?,
                _ => {
                    line.write_all(HEAD.as_bytes()).await?;
                    if !self.speak(&mut line, manner, number, words).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// True when the answer ended as it should.
    async fn speak(&self, line: &mut TcpStream, manner: Manner, number: usize, words: usize) -> io::Result<bool> {
        let voice = format!("{}/{number}", self.name);
        let mut said = String::new();
        for word in 1..=words {
            if word * 2 > words {
                match manner {
                    Manner::Cut => return Ok(false),
                    Manner::StallLater => std::future::pending().await,
                    Manner::ErrorInside => {
                        send(line, &json!({ "error": { "message": "broken", "code": "boom" } }).to_string()).await?;
                        return Ok(false);
                    }
                    _ => {}
                }
            }
            let text = format!("{voice}:{word} ");
            said.push_str(&text);
            send(line, &chunk(&json!({ "content": text }), None)).await?;
            let pause = if manner == Manner::Slow { 900 } else { 30 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.inside.lock().unwrap().said.insert(voice, said);
        send(line, &chunk(&json!({}), Some("stop"))).await?;
        send(line, "[DONE]").await?;
        line.write_all(b"0\r\n\r\n").await?;
        Ok(true)
    }
}

fn chunk(delta: &serde_json::Value, finish: Option<&str>) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "big",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
    })
    .to_string()
}

async fn send(line: &mut TcpStream, data: &str) -> io::Result<()> {
    let event = format!("data: {data}\n\n");
    line.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await
}

/// False when the other side closed the line instead of asking.
async fn read_question(line: &mut TcpStream) -> io::Result<bool> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if line.read(&mut byte).await? == 0 {
            return Ok(false);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|row| row.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    line.read_exact(&mut body).await?;
    Ok(true)
}

pub(super) const PORT: u16 = 9000;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const REFUSAL: &str =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
/// What the roll of the die means; everything beyond the list is the last, a good answer.
const MANNERS: [Manner; 12] = [
    Manner::Refuse,
    Manner::Refuse,
    Manner::Reset,
    Manner::StallFirst,
    Manner::StallLater,
    Manner::Cut,
    Manner::Cut,
    Manner::ErrorInside,
    Manner::Slow,
    Manner::Slow,
    Manner::Good,
    Manner::Good,
];
