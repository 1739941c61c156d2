//! The scripted upstream's scenarios, as the provider meets them; so that a test of the whole house can trust both.

use serde_json::Value;
use steadfast::{CancelReason, CancelToken, Code};
use steadfast_contract::{chunk::FinishReason, code, provider::Provider as _, usage::Usage};
use steadfast_providers::{OpenAiCompatible, scripted_upstream};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::line::{Outcome, ask, provider_with, read, short};

struct Stage {
    provider: OpenAiCompatible,
    address: std::net::SocketAddr,
    token: CancelToken,
}

impl Stage {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let token = CancelToken::root("upstream");
        drop(token.spawn("upstream", scripted_upstream::serve(listener, token.clone())));
        Self { provider: provider_with(format!("http://{address}/v1"), short()), address, token }
    }

    async fn ask(&self, text: &str) -> Result<Outcome, Code> {
        match self.provider.open(ask(text)).await {
            Ok(stream) => Ok(read(stream).await),
            Err(error) => Err(error.code()),
        }
    }

    /// The error that ends a stream, and the words before it.
    async fn ask_in_vain(&self, text: &str) -> (String, Code) {
        let outcome = self.ask(text).await.unwrap();
        (outcome.text, outcome.error.unwrap().code())
    }

    /// The log's calls, read as any client would.
    async fn log(&self) -> Vec<Value> {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(b"GET /log HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let log: Value = serde_json::from_str(body).unwrap();
        log["calls"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn the_good_case_gives_every_word_and_the_usage() {
    let stage = Stage::start().await;
    let outcome = stage.ask("Tell me. SCN-ok").await.unwrap();
    assert_eq!(outcome.text, scripted_upstream::words(50).concat());
    let usage = Usage { prompt_tokens: 9, completion_tokens: 50, cached_tokens: 0 };
    assert_eq!(outcome.finish, Some((FinishReason::Stop, Some(usage))));
    assert_eq!(stage.ask("no scenario at all").await.unwrap().text, outcome.text);
}

#[tokio::test]
async fn refusals_have_their_codes_every_time() {
    let stage = Stage::start().await;
    for (scenario, code) in [
        ("SCN-503", Code::OVERLOADED),
        ("SCN-401", Code::UNAUTHORIZED),
        ("SCN-403", Code::FORBIDDEN),
        ("SCN-502html", Code::UNAVAILABLE),
        ("SCN-ctx", code::CONTEXT_TOO_LONG),
        ("SCN-hang", Code::TIMEOUT),
    ] {
        for _ in 0..2 {
            assert_eq!(stage.ask(scenario).await.unwrap_err(), code, "{scenario}");
        }
    }
}

#[tokio::test]
async fn passing_troubles_pass_and_are_counted_by_their_key() {
    let stage = Stage::start().await;
    for key in ["SCN-503x2#a", "SCN-503x2#b"] {
        for _ in 0..2 {
            assert_eq!(stage.ask(key).await.unwrap_err(), Code::OVERLOADED);
        }
        assert!(stage.ask(key).await.unwrap().finish.is_some());
    }
    assert_eq!(stage.ask("SCN-429").await.unwrap_err(), Code::RATE_LIMITED);
    assert!(stage.ask("SCN-429").await.unwrap().finish.is_some());
    assert_eq!(stage.ask("SCN-loading").await.unwrap_err(), code::MODEL_LOADING);
    let calls: Vec<_> = stage
        .log()
        .await
        .iter()
        .map(|call| format!("{} {}", call["scenario"], call["call"]).replace('"', ""))
        .collect();
    assert_eq!(
        calls[..6],
        ["SCN-503x2#a 1", "SCN-503x2#a 2", "SCN-503x2#a 3", "SCN-503x2#b 1", "SCN-503x2#b 2", "SCN-503x2#b 3"]
    );
}

#[tokio::test]
async fn broken_streams_keep_their_words() {
    let stage = Stage::start().await;
    let half = scripted_upstream::words(14).concat();
    assert_eq!(stage.ask_in_vain("SCN-cut").await, (half.clone(), code::STREAM_CUT));
    assert_eq!(stage.ask_in_vain("SCN-sseerr").await, (half.clone(), Code::OUT_OF_MEMORY));
    assert_eq!(stage.ask_in_vain("SCN-stall").await, (scripted_upstream::words(10).concat(), Code::TIMEOUT));
    let (kept, code) = stage.ask_in_vain("SCN-reset").await;
    assert!(half.starts_with(&kept), "{kept}");
    assert_eq!(code, Code::CONNECTION_LOST);
    assert_eq!(stage.ask("SCN-reset").await.unwrap().text, scripted_upstream::words(50).concat());
}

#[tokio::test]
async fn the_log_tells_what_was_sent_and_who_left_and_hides_the_key() {
    let stage = Stage::start().await;
    stage.ask("SCN-ok").await.unwrap();
    assert_eq!(stage.ask_in_vain("SCN-stall").await.1, Code::TIMEOUT);
    let log = loop {
        let log = stage.log().await;
        if log[1]["ended_ms"].is_u64() {
            break log;
        }
    };
    assert_eq!((&log[0]["words_sent"], &log[0]["closed_by_client"]), (&50.into(), &false.into()));
    assert_eq!((&log[1]["words_sent"], &log[1]["closed_by_client"]), (&10.into(), &true.into()));
    let headers = log[0]["headers"].to_string();
    assert!(
        headers.contains("Bearer <secret>") && headers.contains("req-1") && !headers.contains("sk-test"),
        "{headers}"
    );
    stage.token.cancel(CancelReason::Shutdown);
    stage.token.join().await;
}
