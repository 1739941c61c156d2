//! Asking and listening to the end: what a program receives of one answer.

use std::sync::Arc;

use futures_util::StreamExt;
use steadfast::{CancelToken, Error};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role},
    chunk::{Chunk, FinishReason, Seam, Status},
    provider::Delivery,
    usage::Usage,
};
use steadfast_gateway::{Answer, AttemptNote, ChatAsk, GoesOn};
use steadfast_providers::scripted::Scripted;

use crate::house::{House, Plan};

pub(crate) fn ask(model: &str) -> ChatAsk {
    ChatAsk {
        request: ChatRequest {
            model: model.to_owned(),
            messages: vec![Message::text(Role::User, "hi")],
            ..ChatRequest::default()
        },
        delivery: Delivery::Streamed,
        request_id: "req_1".to_owned(),
        deadline: None,
        session: None,
        cache: None,
        goes_on: GoesOn::default(),
        token: CancelToken::root("caller"),
    }
}

/// A chain named `genius` of two upstreams with the same model.
pub(crate) fn chain(first: &Arc<Scripted>, second: &Arc<Scripted>) -> Plan {
    let mut plan = Plan::quick(Vec::new());
    plan.tiers.insert("genius".into(), vec!["a/big".into(), "b/big".into()]);
    plan.more = vec![Arc::clone(first), Arc::clone(second)];
    plan
}

/// What was received.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) text: String,
    pub(crate) thoughts: String,
    /// The arguments of its calls.
    pub(crate) calls: Vec<String>,
    pub(crate) seams: Vec<Seam>,
    pub(crate) finishes: Vec<(FinishReason, Option<Usage>)>,
    pub(crate) error: Option<Error>,
    pub(crate) attempts: Vec<AttemptNote>,
}

impl Heard {
    /// The text, if the answer is whole.
    pub(crate) fn whole(self) -> Result<String, Error> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.text),
        }
    }

    pub(crate) fn detail(&self, key: &str) -> Option<&str> {
        let error = self.error.as_ref()?;
        error.details().iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    /// Who was asked, and how it went.
    pub(crate) fn went(&self) -> Vec<(&str, Option<&str>)> {
        self.attempts.iter().map(|note| (note.target.as_str(), note.code.as_deref())).collect()
    }

    fn take(&mut self, chunk: Chunk) {
        match chunk {
            Chunk::Text(text) => self.text.push_str(&text),
            Chunk::Reasoning(thought) => self.thoughts.push_str(&thought),
            Chunk::ToolCall(part) => self.calls.push(part.arguments),
            Chunk::Status(Status::Seam(seam)) => self.seams.push(seam),
            Chunk::Finish { reason, usage } => self.finishes.push((reason, usage)),
            Chunk::Status(_) | Chunk::Other(_) => {}
        }
    }
}

pub(crate) async fn listen(mut answer: Answer) -> Heard {
    let mut heard = Heard { attempts: answer.attempts.clone(), ..Heard::default() };
    while let Some(piece) = answer.stream.next().await {
        match piece {
            Ok(piece) => heard.take(piece.chunk),
            Err(error) => heard.error = Some(error),
        }
    }
    heard
}

pub(crate) async fn hear(house: &House, ask: ChatAsk) -> Heard {
    match house.gateway.chat(ask).await {
        Ok(answer) => listen(answer).await,
        Err(error) => Heard { error: Some(error), ..Heard::default() },
    }
}
