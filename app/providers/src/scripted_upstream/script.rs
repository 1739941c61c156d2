//! What an answer consists of and what goes wrong in it. What a model says is the same in all of them: [`words`], so
//! that a test can compare word for word, and so that a second upstream can go on where the first was cut.

use std::time::Duration;

/// The answer's text: this many words, each with a space behind it; no two are alike.
pub fn words(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{}{} ", NAMES[number % NAMES.len()], number + 1)).collect()
}

/// One answer, good or bad.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) says: Says,
    /// Before the first letter.
    pub(super) first: Duration,
    /// After each word.
    pub(super) pace: Duration,
    pub(super) framing: Framing,
    /// What goes wrong, and after how many words or pieces of a tool call.
    pub(super) twist: Option<(usize, Twist)>,
    pub(super) prefill: Prefill,
}

#[derive(Debug, Clone)]
pub(super) enum Says {
    Words(Vec<String>),
    /// Calls a tool, after this many words.
    Tool(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    /// No length at all: the answer ends with the connection.
    UntilClose,
    /// Chunked, one byte at a time, 200 of them a second.
    Dripping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    Reset,
    /// The connection ends without the last chunk.
    Fin,
    /// As HTTP sees it all is well, but the end marker is missing.
    CleanEnd,
    Stall,
    /// One line that is no JSON; then all goes on.
    BrokenLine,
    /// The upstream says in the stream that it cannot go on, and closes.
    ErrorEvent,
    /// From here on every frame comes twice.
    Twice,
    /// Ends after the finish reason: no usage, no end marker.
    AfterFinish,
    /// 200, and half a JSON object in place of an answer or a stream.
    BrokenBody,
}

/// What happens when the last message is the assistant's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefill {
    /// The answer begins from its beginning.
    Restarts,
    /// The answer goes on from exactly that text.
    Continues,
    /// 400.
    Refused,
}

impl Script {
    /// A good answer of so many words.
    pub(super) fn of(count: usize) -> Self {
        Self {
            says: Says::Words(words(count)),
            first: Duration::ZERO,
            pace: QUICKLY,
            framing: Framing::Chunked,
            twist: None,
            prefill: Prefill::Restarts,
        }
    }

    pub(super) fn twisted(self, after: usize, twist: Twist) -> Self {
        Self { twist: Some((after, twist)), ..self }
    }

    pub(super) fn slowly(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    pub(super) fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    pub(super) fn after(self, first: Duration) -> Self {
        Self { first, ..self }
    }

    pub(super) fn prefilled(self, prefill: Prefill) -> Self {
        Self { prefill, ..self }
    }

    pub(super) fn saying(self, says: Says) -> Self {
        Self { says, ..self }
    }
}

/// What is left to say after `said`: the rest of the words when they begin with it, the next numbers when it counts,
/// nothing that fits otherwise.
pub(super) fn rest_of(words: &[String], said: &str) -> Vec<String> {
    let whole = words.concat();
    if let Some(rest) = whole.strip_prefix(said) {
        return rest.split_inclusive(' ').map(str::to_owned).collect();
    }
    let number = said.trim_end_matches(|last: char| !last.is_ascii_digit());
    let digits = number.len() - number.bytes().rev().take_while(u8::is_ascii_digit).count();
    match number[digits..].parse::<u32>() {
        Ok(last) => (last + 1..last + 8).map(|next| format!(" {next},")).collect(),
        Err(_) => words.to_vec(),
    }
}

const QUICKLY: Duration = Duration::from_millis(10);
const NAMES: [&str; 8] = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_on_from_exactly_where_it_was_cut() {
        let all = words(8);
        assert_eq!(rest_of(&all, &all[..5].concat()).concat(), all[5..].concat());
        assert_eq!(rest_of(&all, all[..5].concat().trim_end()).concat(), format!(" {}", all[5..].concat()));
        assert_eq!(rest_of(&all, "amber1 bir").concat(), format!("ch2 {}", all[2..].concat()));
    }

    #[test]
    fn counting_goes_on_and_a_foreign_text_does_not() {
        assert_eq!(rest_of(&words(2), "1, 2, 3,")[0], " 4,");
        assert_eq!(rest_of(&words(2), "Good morning"), words(2));
    }
}
