//! An upstream that plays scenarios over a real socket, for tests of the whole house: chat completions, Anthropic's
//! messages, embeddings, models, and `/log`, which tells every call it saw and how each ended.
//!
//! The scenario is a word in the last user message: `SCN-503x2`, or `SCN-503x2#abc` to count its calls apart from
//! other tests'. A model that is itself named `SCN-…` always plays that, so that two upstreams can treat one question
//! differently, and `PUT /mood` with such a word as its body overrules both until an empty one comes. It writes its
//! own HTTP, because it must be able to break the rules: reset, cut, stall, never answer.

mod log;
mod play;
mod refusal;
mod request;
mod scenario;
mod script;
mod talk;
mod voice;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use steadfast::{CancelToken, Clock};
use tokio::net::{TcpListener, TcpStream};

use self::{log::Log, request::Request, talk::Talk, voice::Voice};
pub use script::words;

/// Answers on `listener` until `token` is cancelled.
pub async fn serve(listener: TcpListener, token: CancelToken) -> io::Result<()> {
    let clock = Clock::real();
    let house = Arc::new(House { log: Log::default(), mood: Mutex::default(), started_ms: clock.unix_ms(), clock });
    while let Ok(accepted) = token.run(listener.accept()).await {
        let (socket, _) = accepted?;
        let (house, line) = (Arc::clone(&house), token.child("line"));
        // A client that breaks its own line is no news here.
        drop(token.spawn("line", async move { line.run(house.talk_to(socket)).await }));
    }
    Ok(())
}

/// What all lines share.
#[derive(Debug)]
struct House {
    log: Log,
    /// A scenario that overrules every other; empty for none.
    mood: Mutex<String>,
    started_ms: u64,
    clock: Clock,
}

impl House {
    /// One connection, question after question.
    async fn talk_to(&self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut talk = Talk::new(socket, self.clock.clone());
        while let Some(request) = talk.next_request().await? {
            match (request.method.as_str(), request.path.as_str()) {
                ("GET", "/log") => talk.reply(200, &self.log.as_json()).await?,
                ("DELETE", "/log") => {
                    self.log.clear();
                    talk.reply(200, "{}").await?;
                }
                ("PUT", "/mood") => {
                    self.set_mood(&request.text);
                    talk.reply(200, "{}").await?;
                }
                ("GET", "/v1/models") => talk.reply(200, &voice::models()).await?,
                ("POST", "/v1/messages/count_tokens") => talk.reply(200, r#"{"input_tokens":9}"#).await?,
                ("POST", path) => match Voice::of(path) {
                    Some(voice) => {
                        if !self.answer(&mut talk, &request, voice).await? {
                            return Ok(());
                        }
                    }
                    None => talk.reply(404, NO_SUCH_PATH).await?,
                },
                _ => talk.reply(404, NO_SUCH_PATH).await?,
            }
        }
        Ok(())
    }

    /// Plays the scenario. `false` when the line is no more.
    async fn answer(&self, talk: &mut Talk, request: &Request, voice: Voice) -> io::Result<bool> {
        let key = Some(self.mood()).filter(|mood| !mood.is_empty()).unwrap_or_else(|| request.scenario());
        let (number, call) = self.log.begin(&key, request, self.clock.unix_ms());
        let up_for = self.clock.unix_ms() - self.started_ms;
        let end = play::play(talk, &scenario::of(&key, call, up_for), request, voice).await;
        self.log.end(number, talk.take_said(), &end, self.clock.unix_ms());
        match end {
            Ok(end) => Ok(end.keeps_line()),
            Err(_client_left) => Ok(false),
        }
    }

    fn mood(&self) -> String {
        self.mood.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_mood(&self, mood: &str) {
        mood.trim().clone_into(&mut self.mood.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

const NO_SUCH_PATH: &str = r#"{"error":{"message":"no such path","code":404}}"#;
