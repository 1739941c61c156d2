//! Tool calls and their results belong together: a result without its call, or two of one id, cannot be understood
//! by any model, and providers answer them with errors that help nobody.

use std::collections::BTreeMap;

use steadfast::Error;
use steadfast_contract::chat::{Message, Part};

use crate::json::wrong;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Waits,
    Answered,
}

/// `place` says how a protocol calls the message with a number.
pub(crate) fn check(messages: &[Message], place: impl Fn(usize) -> String) -> Result<(), Error> {
    let mut calls = BTreeMap::new();
    for (number, message) in messages.iter().enumerate() {
        for part in &message.parts {
            match part {
                // Some servers count their calls anew in every answer, so an id may come back once it was answered.
                Part::ToolCall { id, .. } if calls.insert(id.as_str(), Call::Waits) == Some(Call::Waits) => {
                    return Err(wrong(&place(number), &format!("the tool call {id:?} is there twice")));
                }
                Part::ToolResult { id, .. } => match calls.insert(id.as_str(), Call::Answered) {
                    Some(Call::Waits) => {}
                    Some(Call::Answered) => {
                        return Err(wrong(&place(number), &format!("the tool call {id:?} was answered already")));
                    }
                    None => {
                        return Err(wrong(&place(number), &format!("no tool call {id:?} was made before this result")));
                    }
                },
                _ => {}
            }
        }
    }
    Ok(())
}
