//! What an answer has said so far, in our words.

use serde::{Deserialize, Serialize};
use steadfast_contract::{
    chunk::{Chunk, FinishReason, Seam, Status, ToolCallPart},
    usage::Usage,
};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Option<FinishReason>,
    pub(crate) usage: Option<Usage>,
    /// Where attempts were joined, in order.
    pub(crate) seams: Vec<Seam>,
}

/// A call that the model wants made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) index: u32,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl Told {
    pub(crate) fn hear(&mut self, chunk: &Chunk) {
        match chunk {
            Chunk::Text(text) => self.text.push_str(text),
            Chunk::Reasoning(text) => self.reasoning.push_str(text),
            Chunk::ToolCall(part) => self.call(part),
            Chunk::Finish { reason, usage } => {
                self.finish = Some(*reason);
                self.usage = *usage;
            }
            Chunk::Status(Status::Seam(seam)) => self.seams.push(seam.clone()),
            Chunk::Status(_) | Chunk::Other(_) => {}
        }
    }

    pub(crate) fn anything(&self) -> bool {
        !(self.text.is_empty() && self.reasoning.is_empty() && self.calls.is_empty())
    }

    pub(crate) fn delivered_chars(&self) -> usize {
        self.text.chars().count()
    }

    fn call(&mut self, part: &ToolCallPart) {
        let at = self.calls.iter().position(|call| call.index == part.index).unwrap_or_else(|| {
            self.calls.push(Call { index: part.index, ..Call::default() });
            self.calls.len() - 1
        });
        let call = &mut self.calls[at];
        if let Some(id) = &part.id {
            call.id.clone_from(id);
        }
        if let Some(name) = &part.name {
            call.name.clone_from(name);
        }
        call.arguments.push_str(&part.arguments);
    }
}
