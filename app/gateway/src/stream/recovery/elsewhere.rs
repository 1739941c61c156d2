//! Whom to ask when an attempt broke, and what.

use std::collections::VecDeque;

use steadfast::Error;
use steadfast_contract::{
    chat::{Message, Role},
    chunk::SeamMethod,
    model::Failure,
    provider::Continuation,
};

use super::super::seam::Joint;
use crate::{
    asking::{Moment, Question},
    chat::GoesOn,
    routing::Target,
};

/// The same question; whoever broke has its turn last.
pub(super) fn anew(question: &Question, broke: &Target, cause: &Error) -> Question {
    let mut again = mid_answer(question, cause);
    let name = broke.full_name();
    again.targets.sort_by_key(|target| target.full_name() == name);
    again
}

/// The question with the text so far, first for whoever wrote it to the letter, then for the others that can go on:
/// the same model elsewhere first, then, where the question allows another one, as the chain lists them. Empty when
/// nobody may or can.
pub(super) fn going_on(question: &Question, wrote: &Target, text: &str, cause: &Error) -> VecDeque<Question> {
    let mut able: Vec<Target> = question
        .targets
        .iter()
        .filter(|target| can_go_on(target) && may_go_on(question.goes_on, wrote, target))
        .cloned()
        .collect();
    able.sort_by_key(|target| target.model.id != wrote.model.id);
    let (exact, others): (Vec<_>, Vec<_>) =
        able.into_iter().partition(|target| method(wrote, target) == SeamMethod::Exact);
    // To the letter means the very tokens, white space and all; others refuse white space at the end.
    let stages = [(exact, text.to_owned()), (others, Joint::after(text).given().to_owned())];
    let again = mid_answer(question, cause);
    let asked = stages.into_iter().filter(|(targets, _)| !targets.is_empty());
    asked.map(|(targets, given)| with_beginning(&again, targets, given)).collect()
}

fn with_beginning(again: &Question, targets: Vec<Target>, given: String) -> Question {
    let mut more = Question { targets, ..again.clone() };
    if let Some(most) = more.request.sampling.max_tokens.as_mut() {
        let written = u32::try_from(given.chars().count() / CHARACTERS_PER_TOKEN).unwrap_or(u32::MAX);
        *most = most.saturating_sub(written).max(1);
    }
    more.request.messages.push(Message::text(Role::Assistant, given));
    more.request.source = None;
    more
}

pub(super) fn method(wrote: &Target, goes_on: &Target) -> SeamMethod {
    match goes_on.continuation() {
        Continuation::Exact if wrote.full_name() == goes_on.full_name() => SeamMethod::Exact,
        _ => SeamMethod::Prefill,
    }
}

fn may_go_on(allowed: GoesOn, wrote: &Target, target: &Target) -> bool {
    allowed == GoesOn::AnyModel || target.model.id == wrote.model.id
}

fn can_go_on(target: &Target) -> bool {
    matches!(target.continuation(), Continuation::Exact | Continuation::Verified)
}

fn mid_answer(question: &Question, cause: &Error) -> Question {
    let cause = Some(Failure::behind(cause));
    Question { moment: Moment::MidAnswer, cause, ranked: None, continues: None, ..question.clone() }
}

const CHARACTERS_PER_TOKEN: usize = 4;
