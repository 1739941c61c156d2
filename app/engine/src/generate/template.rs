//! Runs a model's chat template (Jinja, from the model file) to turn messages into the prompt's text.
//!
//! The template is a stranger's program: it gets fuel, a depth and an output limit, no loader, no input or output.
//! A model that brings none gets a declared default (ChatML).

use std::io;

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, context, syntax::SyntaxConfig};
use serde::{Deserialize, Serialize};
use steadfast::Clock;

/// One message as templates know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turn {
    pub(crate) role: String,
    pub(crate) content: String,
}

/// The tokens that some templates write out themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpecialWords {
    pub(crate) begin: String,
    pub(crate) end: String,
}

#[derive(Debug)]
pub(crate) struct ChatTemplate {
    environment: Environment<'static>,
    words: SpecialWords,
}

/// Why there is no prompt; the text is for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateFault {
    #[error("The model's chat template has {0} bytes; at most {LARGEST_TEMPLATE} are accepted.")]
    TooLarge(usize),
    #[error("The model's chat template cannot be read: {0}")]
    Unreadable(minijinja::Error),
    #[error("The model's chat template refused the conversation: {0}")]
    Refused(String),
    #[error("The model's chat template failed: {0}")]
    Failed(minijinja::Error),
}

impl ChatTemplate {
    pub(crate) fn new(source: Option<&str>, words: SpecialWords, clock: Clock) -> Result<Self, TemplateFault> {
        let source = source.unwrap_or(DEFAULT_TEMPLATE);
        if source.len() > LARGEST_TEMPLATE {
            return Err(TemplateFault::TooLarge(source.len()));
        }
        let mut environment = confined_environment(clock);
        environment.add_template_owned(NAME, source.to_owned()).map_err(TemplateFault::Unreadable)?;
        Ok(Self { environment, words })
    }

    /// The prompt's text, ending where the answer begins.
    ///
    /// A conversation that ends with the assistant's own words asks for those words to be continued. A template
    /// that takes no system message gets it at the head of the first question.
    pub(crate) fn render(&self, turns: &[Turn]) -> Result<String, TemplateFault> {
        let (turns, begun) = match turns.split_last() {
            Some((last, before)) if last.role == "assistant" => (before, last.content.as_str()),
            _ => (turns, ""),
        };
        let prompt = match (self.render_turns(turns), without_system(turns)) {
            (Err(TemplateFault::Refused(_)), Some(merged)) => self.render_turns(&merged),
            (prompt, _) => prompt,
        }?;
        Ok(prompt + begun)
    }

    fn render_turns(&self, turns: &[Turn]) -> Result<String, TemplateFault> {
        let template = self.environment.get_template(NAME).map_err(TemplateFault::Unreadable)?;
        let messages: Vec<Value> = turns
            .iter()
            .map(|turn| context! { role => turn.role.as_str(), content => turn.content.as_str() })
            .collect();
        let mut page = CappedPage::default();
        template
            .render_captured_to(
                context! {
                    messages => messages,
                    add_generation_prompt => true,
                    enable_thinking => false,
                    bos_token => self.words.begin.as_str(),
                    eos_token => self.words.end.as_str(),
                },
                &mut page,
            )
            .map_err(fault_of)?;
        String::from_utf8(page.0).map_err(|error| TemplateFault::Refused(error.to_string()))
    }
}

fn confined_environment(clock: Clock) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_syntax(huggingface_syntax());
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(DEPTH);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |why: String| -> Result<Value, minijinja::Error> {
        Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{REFUSAL}{why}")))
    });
    environment.add_function("strftime_now", move |format: String| now_as(&clock, &format));
    environment
}

/// The dialect that model authors write for.
fn huggingface_syntax() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    syntax.build().unwrap_or_default()
}

fn now_as(clock: &Clock, format: &str) -> Result<String, minijinja::Error> {
    let milliseconds = i64::try_from(clock.unix_ms()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds)
        .and_then(|now| jiff::fmt::strtime::format(format, &now.to_zoned(jiff::tz::TimeZone::system())))
        .map_err(|error| minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn fault_of(error: minijinja::Error) -> TemplateFault {
    match error.detail().and_then(|detail| detail.strip_prefix(REFUSAL)) {
        Some(why) => TemplateFault::Refused(why.to_owned()),
        None => TemplateFault::Failed(error),
    }
}

/// The same conversation with the system message moved into the first question; `None` when it has none.
fn without_system(turns: &[Turn]) -> Option<Vec<Turn>> {
    let [system, question, rest @ ..] = turns else { return None };
    if system.role != "system" {
        return None;
    }
    let mut first = question.clone();
    first.content = format!("{}\n\n{}", system.content, question.content);
    Some(std::iter::once(first).chain(rest.iter().cloned()).collect())
}

/// Where the template writes; full at [`LONGEST_PROMPT`].
#[derive(Default)]
struct CappedPage(Vec<u8>);

impl io::Write for CappedPage {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_PROMPT {
            return Err(io::Error::other(format!("it wrote more than {LONGEST_PROMPT} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const NAME: &str = "chat";
const REFUSAL: &str = "refused: ";
const LARGEST_TEMPLATE: usize = 256 << 10;
const LONGEST_PROMPT: usize = 4 << 20;
const FUEL: u64 = 200_000;
const DEPTH: usize = 64;

/// ChatML, which most small instruct models were trained on.
const DEFAULT_TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

#[cfg(test)]
mod tests;
