//! Writers that go on under the name of one in an earlier process: what such a one remembers of itself, and a fresh
//! one made of that.
//!
//! A memo is ours alone: written and read here, kept by others without a look inside.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use steadfast::Error;
use steadfast_contract::{
    chat::Protocol,
    chunk::{Chunk, Piece, Status, ToolCallPart},
    kept_stream::WriterAgain,
    stream_log::AnswerWriter,
};

use crate::{
    answer::{Explain, Identity, OwnEvents, Setting, Told},
    chat_completions::{self, question::read::UsageFrame},
    messages, responses,
};

/// Everything that a writer remembers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Memo<'a> {
    identity: Cow<'a, Identity>,
    own_events: OwnEvents,
    told: Cow<'a, Told>,
    #[serde(flatten)]
    speaks: Speaks<'a>,
}

/// The protocol, with what only it has to remember.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "snake_case")]
pub(crate) enum Speaks<'a> {
    ChatCompletions { usage: UsageFrame },
    Messages,
    Responses { echo: Cow<'a, Map<String, Value>> },
}

impl<'a> Memo<'a> {
    pub(crate) fn of(setting: &'a Setting, told: &'a Told, speaks: Speaks<'a>) -> Value {
        let memo = Self {
            identity: Cow::Borrowed(&setting.identity),
            own_events: setting.own_events,
            told: Cow::Borrowed(told),
            speaks,
        };
        // Our own types always can be written; what could not be would be refused when it is read.
        serde_json::to_value(memo).unwrap_or_default()
    }
}

/// Makes writers of memos. `explain` is what a server gives to every writer of a protocol.
pub struct Writers<E>(pub E);

impl<E: Fn(Protocol) -> Explain + Send + Sync> WriterAgain for Writers<E> {
    fn again(&self, memo: &Value, first: u64) -> Result<(Box<dyn AnswerWriter>, Vec<Piece>), Error> {
        let memo = Memo::deserialize(memo)
            .map_err(|error| Error::corrupt("A kept stream cannot be read.").with_source(error))?;
        let protocol = memo.speaks.protocol();
        let setting =
            Setting { identity: memo.identity.into_owned(), own_events: memo.own_events, explain: (self.0)(protocol) };
        let writer: Box<dyn AnswerWriter> = match memo.speaks {
            Speaks::ChatCompletions { usage } => Box::new(chat_completions::answer::write::Writer::new(setting, usage)),
            Speaks::Messages => Box::new(messages::answer::write::Writer::new(setting)),
            Speaks::Responses { echo } => {
                let writer = responses::answer::write::Writer::new(setting, echo.into_owned());
                Box::new(writer.beginning_at(first))
            }
        };
        Ok((writer, retold(memo.told.into_owned())))
    }
}

impl Speaks<'_> {
    fn protocol(&self) -> Protocol {
        match self {
            Self::ChatCompletions { .. } => Protocol::ChatCompletions,
            Self::Messages => Protocol::Messages,
            Self::Responses { .. } => Protocol::Responses,
        }
    }
}

/// What was said in as few pieces as can say it: thoughts, text with its seams in their places, calls, the end.
fn retold(told: Told) -> Vec<Piece> {
    let mut chunks = Vec::new();
    if !told.reasoning.is_empty() {
        chunks.push(Chunk::Reasoning(told.reasoning));
    }
    let (mut rest, mut behind) = (told.text.as_str(), 0);
    for seam in told.seams {
        let chars = (seam.at_chars as usize).saturating_sub(behind);
        let at = rest.char_indices().nth(chars).map_or(rest.len(), |(at, _)| at);
        let (before, after) = rest.split_at(at);
        behind += before.chars().count();
        chunks.extend(text(before));
        chunks.push(Chunk::Status(Status::Seam(seam)));
        rest = after;
    }
    chunks.extend(text(rest));
    chunks.extend(told.calls.into_iter().map(|call| {
        Chunk::ToolCall(ToolCallPart {
            index: call.index,
            id: Some(call.id),
            name: Some(call.name),
            arguments: call.arguments,
        })
    }));
    chunks.extend(told.finish.map(|reason| Chunk::Finish { reason, usage: told.usage }));
    chunks.into_iter().map(Piece::from).collect()
}

fn text(text: &str) -> Option<Chunk> {
    (!text.is_empty()).then(|| Chunk::Text(text.to_owned()))
}

impl<E> fmt::Debug for Writers<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
