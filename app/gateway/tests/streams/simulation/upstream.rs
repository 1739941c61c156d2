//! An upstream on a simulated host that answers each question in a way that chance picks, and keeps the truth of what
//! it said.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use serde_json::{Value, json};
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
    /// Asked to go on: it goes on, and says the last words again first.
    Repeats,
    /// Asked to go on: it begins with what was given, and then says something else.
    Echoes,
    /// Asked to go on: 400.
    RefusesToGoOn,
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
    /// Whether somebody has seen that it goes on from a given beginning.
    pub(super) goes_on: bool,
}

struct Inside {
    chance: Rng,
    asked: usize,
    /// By voice: all the words of a good answer.
    said: BTreeMap<String, String>,
    /// By voice: what was said so far, good or not.
    begun: BTreeMap<String, String>,
    /// By voice: what it was given to go on from.
    given: BTreeMap<String, String>,
    manners: Vec<Manner>,
}

impl Upstream {
    pub(super) fn new(name: String, seed: u64, die: u8, good_from: Option<Duration>) -> Self {
        let mut chance = Rng::with_seed(seed);
        let goes_on = chance.u8(0..3) > 0;
        let inside = Inside {
            chance,
            asked: 0,
            said: BTreeMap::new(),
            begun: BTreeMap::new(),
            given: BTreeMap::new(),
            manners: Vec::new(),
        };
        Self { name, inside: Arc::new(Mutex::new(inside)), good_from, die, goes_on }
    }

    /// The whole answer that `voice` gave, if it ended well.
    pub(super) fn whole(&self, voice: &str) -> Option<String> {
        self.inside.lock().unwrap().said.get(voice).cloned()
    }

    /// What `voice` has said, well ended or not.
    pub(super) fn begun(&self, voice: &str) -> Option<String> {
        self.inside.lock().unwrap().begun.get(voice).cloned()
    }

    /// What `voice` was given to go on from.
    pub(super) fn given(&self, voice: &str) -> Option<String> {
        self.inside.lock().unwrap().given.get(voice).cloned()
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

    fn plan(&self, given: Option<&str>) -> (Manner, usize, usize) {
        let mut inside = self.inside.lock().unwrap();
        inside.asked += 1;
        let is_good = self.good_from.is_some_and(|from| turmoil::elapsed() >= from);
        let roll = inside.chance.u8(0..self.die);
        let manners: &[Manner] = if given.is_some() { &GOING_ON } else { &MANNERS };
        let manner = if is_good { Manner::Good } else { manners[usize::from(roll).min(manners.len() - 1)] };
        if let Some(given) = given {
            let voice = format!("{}/{}", self.name, inside.asked);
            inside.given.insert(voice, given.to_owned());
        }
        inside.manners.push(manner);
        (manner, inside.asked, inside.chance.usize(1..40))
    }

    async fn answer(&self, mut line: TcpStream) -> io::Result<()> {
        while let Some(given) = read_question(&mut line).await? {
            let given = given.as_deref();
            let (manner, number, words) = self.plan(given);
            match manner {
                Manner::Reset => return Ok(()),
                Manner::StallFirst => std::future::pending().await,
                Manner::Refuse => line.write_all(REFUSAL.as_bytes()).await?,
                Manner::RefusesToGoOn => line.write_all(NO_PREFILL.as_bytes()).await?,
                _ => {
                    line.write_all(HEAD.as_bytes()).await?;
                    if let Some(given) = given {
                        self.say_again(&mut line, manner, given).await?;
                    }
                    if !self.speak(&mut line, manner, number, words).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What whoever goes on should not have said, in front of what it says.
    async fn say_again(&self, line: &mut TcpStream, manner: Manner, given: &str) -> io::Result<()> {
        let again = match manner {
            Manner::Repeats => {
                let last = self.inside.lock().unwrap().chance.usize(16..60);
                given.get(given.len().saturating_sub(last)..).filter(|again| again.len() >= 16)
            }
            // All of a short beginning; of a long one a part, so that it is no repetition of the end.
            Manner::Echoes => Some(if given.len() < 80 { given } else { &given[..40] }),
            _ => None,
        };
        match again {
            Some(again) => send(line, &chunk(&json!({ "content": format!("{again} ") }), None)).await,
            None => Ok(()),
        }
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
            self.inside.lock().unwrap().begun.insert(voice.clone(), said.clone());
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

fn chunk(delta: &Value, finish: Option<&str>) -> String {
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

/// `None` when the other side closed the line instead of asking; else what is to be gone on from, if anything.
async fn read_question(line: &mut TcpStream) -> io::Result<Option<Option<String>>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if line.read(&mut byte).await? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|row| row.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    line.read_exact(&mut body).await?;
    let question: Value = serde_json::from_slice(&body)?;
    let last = question["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
    Ok(Some(last["content"].as_str().filter(|_| last["role"] == "assistant").map(str::to_owned)))
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
/// The same for a question to go on.
const GOING_ON: [Manner; 10] = [
    Manner::RefusesToGoOn,
    Manner::Echoes,
    Manner::Echoes,
    Manner::Repeats,
    Manner::Repeats,
    Manner::Cut,
    Manner::StallFirst,
    Manner::Refuse,
    Manner::Good,
    Manner::Good,
];
const NO_PREFILL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 87\r\n\r\n\
    {\"error\":{\"message\":\"Prefilling assistant messages is not supported for this model.\"}} ";
