//! Who can take a question at all: what it holds and asks for, against what is known of a model.
//!
//! What is not known counts as able: the upstream then says it itself, which costs one attempt and no wrong refusal.

use steadfast::Error;
use steadfast_contract::{
    chat::{AnswerFormat, ChatRequest, Part, ToolChoice},
    code,
    model::ModelInfo,
};

use super::Target;

/// Those of `targets` that can take `request`, in their order.
///
/// # Errors
/// `CONTEXT_TOO_LONG` when it is too long for the one with the longest context, `UNSUPPORTED_INPUT` otherwise.
pub(crate) fn able(targets: Vec<Target>, request: &ChatRequest) -> Result<Vec<Target>, Error> {
    let mut refusals = Vec::new();
    let needs = Needs::of(request);
    let able: Vec<Target> = targets
        .into_iter()
        .filter(|target| needs.refused_by(&target.model).map(|refusal| refusals.push(refusal)).is_none())
        .collect();
    match able.is_empty() {
        false => Ok(able),
        true => Err(why_nobody(refusals)),
    }
}

/// How many tokens the question has, roughly: four characters each.
pub(crate) fn tokens(request: &ChatRequest) -> usize {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    let said: usize = parts.map(characters).sum();
    let tools: usize =
        request.tools.iter().filter_map(|tool| tool.parameters.as_ref()).map(|schema| schema.get().len()).sum();
    (said + tools) / CHARACTERS_PER_TOKEN
}

#[derive(Debug, Clone, Copy)]
struct Needs {
    tools: bool,
    images: bool,
    schema: bool,
    tokens: usize,
}

impl Needs {
    fn of(request: &ChatRequest) -> Self {
        let mut parts = request.messages.iter().flat_map(|message| &message.parts);
        Self {
            tools: !request.tools.is_empty() && request.tool_choice != ToolChoice::Never,
            images: parts.any(|part| matches!(part, Part::Image { .. })),
            schema: !matches!(request.format, AnswerFormat::Text),
            tokens: tokens(request),
        }
    }

    fn refused_by(&self, model: &ModelInfo) -> Option<Error> {
        let cannot = |needed: bool, able: Option<bool>| needed && able == Some(false);
        let lack = [
            (cannot(self.tools, model.abilities.tools), "call tools"),
            (cannot(self.images, model.abilities.images), "look at images"),
            (cannot(self.schema, model.abilities.schema), "answer in a given JSON form"),
        ];
        if let Some((_, what)) = lack.into_iter().find(|(lacks, _)| *lacks) {
            return Some(code::unsupported_input(format!("{} cannot {what}.", model.name)));
        }
        let limit = usize::try_from(model.context_tokens?).unwrap_or(usize::MAX);
        (self.tokens > limit.saturating_mul(SURELY)).then(|| {
            code::context_too_long(&model.name, self.tokens as u64, limit as u64)
                .with_message(format!("This conversation is longer than {} can read.", model.name))
        })
    }
}

/// Too long for the largest says more than too long for the smallest; a lack says more than either.
fn why_nobody(refusals: Vec<Error>) -> Error {
    let all = refusals.iter().map(Error::message).collect::<Vec<_>>().join(" ");
    let lacking = refusals.iter().position(|error| error.code() == code::UNSUPPORTED_INPUT);
    match refusals.into_iter().nth(lacking.unwrap_or_default()) {
        Some(error) => error.with_message(all),
        None => Error::internal("a question without a target"),
    }
}

fn characters(part: &Part) -> usize {
    match part {
        Part::Text(text) | Part::ToolResult { text, .. } => text.chars().count(),
        Part::ToolCall { arguments, .. } => arguments.chars().count(),
        Part::Image { .. } | Part::Foreign { .. } => 0,
    }
}

/// English and most code; other scripts have fewer, so the estimate is low there and refuses nobody wrongly.
const CHARACTERS_PER_TOKEN: usize = 4;

/// Beyond twice the context by our low estimate nothing helps; below, the upstream counts better than we do.
const SURELY: usize = 2;

#[cfg(test)]
mod tests {
    use steadfast_contract::{
        chat::{Message, Role, Tool},
        model::{Abilities, Tier},
    };
    use steadfast_providers::scripted::local;

    use super::*;

    fn saying(text: &str) -> ChatRequest {
        ChatRequest { messages: vec![Message::text(Role::User, text)], ..ChatRequest::default() }
    }

    fn with_tool() -> ChatRequest {
        let tool = Tool { name: "tide".into(), description: None, parameters: None, strict: None };
        ChatRequest { tools: vec![tool], ..saying("hi") }
    }

    fn with_image() -> ChatRequest {
        let picture = Part::Image { url: "https://example.org/a.png".into() };
        ChatRequest { messages: vec![Message { role: Role::User, parts: vec![picture] }], ..saying("hi") }
    }

    fn refusal(request: &ChatRequest, abilities: Abilities) -> Option<&'static str> {
        let model = ModelInfo { abilities, context_tokens: Some(100), ..local("a", "A", Tier::Quick) };
        Needs::of(request).refused_by(&model).map(|error| error.code().name())
    }

    #[test]
    fn what_a_model_is_known_not_to_do_is_not_asked_of_it() {
        let (none, unknown) = (Abilities::TEXT_ONLY, Abilities::default());
        let json = ChatRequest { format: AnswerFormat::Json, ..saying("hi") };
        let unused_tool = ChatRequest { tool_choice: ToolChoice::Never, ..with_tool() };
        let rows = [
            (saying("hi"), none, None),
            (with_tool(), none, Some("UNSUPPORTED_INPUT")),
            (with_tool(), unknown, None),
            (unused_tool, none, None),
            (with_image(), none, Some("UNSUPPORTED_INPUT")),
            (with_image(), unknown, None),
            (json, none, Some("UNSUPPORTED_INPUT")),
        ];
        for (request, abilities, expected) in rows {
            assert_eq!(refusal(&request, abilities), expected, "{request:?}");
        }
    }

    #[test]
    fn only_what_is_surely_too_long_is_refused() {
        let unknown = Abilities::default();
        assert_eq!(refusal(&saying(&"abcd".repeat(200)), unknown), None, "by the estimate twice the context");
        assert_eq!(refusal(&saying(&"abcd".repeat(201)), unknown), Some("CONTEXT_TOO_LONG"));
    }

    #[test]
    fn why_nobody_can_names_everybody() {
        let refusals = vec![code::context_too_long("A", 9, 1), code::unsupported_input("B cannot look at images.")];
        let why = why_nobody(refusals);
        assert_eq!(why.code(), code::UNSUPPORTED_INPUT);
        assert!(why.message().contains("longer than A") && why.message().contains("B cannot"), "{}", why.message());
    }
}
