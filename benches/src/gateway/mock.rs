//! An upstream that costs next to nothing: it answers before it has thought. Its model's name says how: `paced` writes
//! a word every 20 ms, `idle` begins an answer and leaves it at that, anything else is as fast as it goes.

use std::{io, net::SocketAddr, time::Duration};

use steadfast::{CancelReason, CancelToken, Clock};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::load::body_length;

/// Stands as long as this value.
#[derive(Debug)]
pub(super) struct Mock {
    pub(super) address: SocketAddr,
    token: CancelToken,
}

impl Mock {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, token) = (listener.local_addr()?, CancelToken::root("mock"));
        let own = token.clone();
        drop(token.spawn("door", async move {
            while let Ok(accepted) = own.run(listener.accept()).await {
                // Out of files for a moment, perhaps: those who wait are let in later.
                let Ok((line, _)) = accepted else {
                    Clock::real().sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let served = own.clone();
                // A client that leaves is the end of its line, and no news.
                drop(own.spawn("line", async move { served.run(serve(line)).await.map(drop) }));
            }
        }));
        drop(token.spawn("awake", stay_awake(token.clone())));
        Ok(Self { address, token })
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.token.cancel(CancelReason::Shutdown);
    }
}

/// Never lets the thread sleep: whoever is measured would pay for waking it, which nobody does whose clients and
/// upstreams are other machines.
async fn stay_awake(token: CancelToken) {
    while !token.is_cancelled() {
        tokio::task::yield_now().await;
    }
}

async fn serve(mut line: TcpStream) -> io::Result<()> {
    line.set_nodelay(true)?;
    let (mut read, clock) = (Vec::with_capacity(4096), Clock::real());
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if line.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        let whole = end + body_length(&read[..end]);
        while read.len() < whole {
            if line.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        let has = |word: &[u8]| read[..whole].windows(word.len()).any(|window| window == word);
        let (post, streams) = (read.starts_with(b"POST"), has(b"\"stream\":true") || has(b"\"stream\": true"));
        let (paced, idle) = (has(b"paced"), has(b"idle"));
        read.drain(..whole);
        if !post || !streams {
            let body = if post { JSON } else { MODELS };
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            line.write_all((head + body).as_bytes()).await?;
            continue;
        }
        line.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        for _ in 0..EVENTS {
            line.write_all(&chunk(WORD)).await?;
            if idle {
                // Until the other side has had enough.
                return line.read_buf(&mut read).await.map(drop);
            }
            if paced {
                clock.sleep(Duration::from_millis(20)).await;
            }
        }
        for last in [FINISH, USAGE, "data: [DONE]\n\n"] {
            line.write_all(&chunk(last)).await?;
        }
        line.write_all(b"0\r\n\r\n").await?;
    }
}

fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

/// Words of one streamed answer; finish, usage and the end marker follow.
pub(super) const EVENTS: usize = 50;
const MODELS: &str = r#"{"object":"list","data":[{"id":"mock","object":"model","owned_by":"mock"}],"model_path":"mock","is_generation":true}"#;
const JSON: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"A lighthouse keeps its light through the night, and ships pass by."},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":14,"total_tokens":23}}"#;
const WORD: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lighthouse \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
const FINISH: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"mock\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":50,\"total_tokens\":59}}\n\n";
