//! An upstream that plays scenarios over a real socket, for tests of the whole house: `/v1/chat/completions`,
//! `/v1/models`, and `/log`, which tells every call it saw and how each ended.
//!
//! The scenario is a word in the last user message: `SCN-503x2`, or `SCN-503x2#abc` to count its calls apart from
//! other tests'. It writes its own HTTP, because it must be able to break the rules: reset, cut, stall, never answer.

mod log;
mod request;
mod scenario;
mod talk;

use std::{io, sync::Arc};

use steadfast::{CancelToken, Clock};
use tokio::net::{TcpListener, TcpStream};

use self::{log::Log, request::Request, talk::Talk};
pub use scenario::words;

/// Answers on `listener` until `token` is cancelled.
pub async fn serve(listener: TcpListener, token: CancelToken) -> io::Result<()> {
    let house = Arc::new(House { log: Log::default(), clock: Clock::real() });
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
                ("GET", "/v1/models") => talk.reply(200, scenario::MODELS).await?,
                ("POST", "/v1/chat/completions") => {
                    if !self.answer(&mut talk, &request).await? {
                        return Ok(());
                    }
                }
                _ => talk.reply(404, r#"{"error":{"message":"no such path","code":404}}"#).await?,
            }
        }
        Ok(())
    }

    /// Plays the scenario. `false` when the line is no more.
    async fn answer(&self, talk: &mut Talk, request: &Request) -> io::Result<bool> {
        let key = request.scenario();
        let (number, call) = self.log.begin(&key, request, self.clock.unix_ms());
        let end = scenario::play(talk, &key, call, &request.model()).await;
        self.log.end(number, talk.take_words_sent(), &end, self.clock.unix_ms());
        match end {
            Ok(end) => Ok(end.keeps_line()),
            Err(_client_left) => Ok(false),
        }
    }
}
