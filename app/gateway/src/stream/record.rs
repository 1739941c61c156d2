//! What the reader has of an answer: enough to decide what may follow a break, and to go on from.

use steadfast_contract::{
    chunk::{Chunk, Weight},
    usage::Usage,
};

use super::ladder::Delivered;

#[derive(Debug)]
pub(super) struct Record {
    pub(super) text: String,
    characters: usize,
    reasoning_characters: usize,
    most: Delivered,
}

impl Record {
    /// `begun` is the text that the answer goes on from, which its reader has already.
    pub(super) fn begun_with(begun: &str) -> Self {
        Self {
            text: begun.to_owned(),
            characters: begun.chars().count(),
            reasoning_characters: 0,
            most: if begun.is_empty() { Delivered::Nothing } else { Delivered::Text },
        }
    }

    pub(super) fn take(&mut self, chunk: &Chunk) {
        let delivered = match chunk {
            Chunk::Status(_) | Chunk::Other(Weight::Preamble) => return,
            Chunk::Text(text) => {
                self.text.push_str(text);
                self.characters += text.chars().count();
                if text.is_empty() { Delivered::Nothing } else { Delivered::Text }
            }
            Chunk::Reasoning(thought) => {
                self.reasoning_characters += thought.chars().count();
                Delivered::Reasoning
            }
            Chunk::ToolCall(_) => Delivered::ToolCall,
            Chunk::Other(Weight::Content) => Delivered::Foreign,
            Chunk::Finish { .. } => Delivered::Finish,
        };
        self.most = self.most.max(delivered);
    }

    pub(super) fn delivered(&self) -> Delivered {
        self.most
    }

    /// Characters of the answer itself.
    pub(super) fn characters(&self) -> usize {
        self.characters
    }

    /// What was written so far in tokens, roughly: the attempt that broke never said.
    pub(super) fn tokens(&self) -> u32 {
        let characters = self.characters + self.reasoning_characters;
        u32::try_from(characters.div_ceil(CHARACTERS_PER_TOKEN)).unwrap_or(u32::MAX)
    }
}

/// The sum over the attempts of a joined answer.
pub(super) fn merged(last: Option<Usage>, before: Usage) -> Option<Usage> {
    last.map(|last| Usage {
        prompt_tokens: last.prompt_tokens.saturating_add(before.prompt_tokens),
        completion_tokens: last.completion_tokens.saturating_add(before.completion_tokens),
        cached_tokens: last.cached_tokens.saturating_add(before.cached_tokens),
    })
}

const CHARACTERS_PER_TOKEN: usize = 4;

#[cfg(test)]
mod tests {
    use steadfast_contract::chunk::{FinishReason, ToolCallPart};

    use super::*;

    #[test]
    fn the_heaviest_thing_delivered_counts() {
        let chunks = [
            (Chunk::Other(Weight::Preamble), Delivered::Nothing),
            (Chunk::Text(String::new()), Delivered::Nothing),
            (Chunk::Reasoning("so".into()), Delivered::Reasoning),
            (Chunk::Text("a".into()), Delivered::Text),
            (Chunk::Reasoning("well".into()), Delivered::Text),
            (Chunk::ToolCall(ToolCallPart::default()), Delivered::ToolCall),
            (Chunk::Other(Weight::Content), Delivered::Foreign),
            (Chunk::Finish { reason: FinishReason::Stop, usage: None }, Delivered::Finish),
        ];
        let mut record = Record::begun_with("");
        for (chunk, delivered) in chunks {
            record.take(&chunk);
            assert_eq!(record.delivered(), delivered, "{chunk:?}");
        }
        assert_eq!((record.text.as_str(), record.characters(), record.tokens()), ("a", 1, 2));
    }
}
