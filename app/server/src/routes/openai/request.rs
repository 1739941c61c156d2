//! A chat completion as it is asked for. Members that we do not know are ignored; a wrong one is named.

use serde::Deserialize;
use steadfast::Error;
use steadfast_contract::{
    chat::{Message, Part, Role, Sampling},
    code,
    provider::Delivery,
};
use steadfast_gateway::ChatAsk;

use super::Caller;
use crate::error_reply::PARAM;

#[derive(Debug, Deserialize)]
pub(in crate::routes) struct ChatCompletion {
    model: String,
    messages: Vec<RawMessage>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    min_p: Option<f32>,
    repeat_penalty: Option<f32>,
    repetition_penalty: Option<f32>,
    seed: Option<i64>,
    stop: Option<Stop>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Deserialize)]
struct RawMessage {
    role: RawRole,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawRole {
    System,
    Developer,
    User,
    Assistant,
    Tool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "text, or a list of parts")]
enum Content {
    Text(String),
    Parts(Vec<RawPart>),
}

#[derive(Debug, Deserialize)]
struct RawPart {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Debug, Deserialize)]
struct ImageUrl {
    url: String,
}

/// How the answer is to be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) streams: bool,
    pub(super) usage_at_the_end: bool,
}

impl ChatCompletion {
    pub(super) fn check(self, caller: Caller<'_>) -> Result<(Wanted, ChatAsk), Error> {
        if self.messages.is_empty() || self.messages.len() > MESSAGES {
            return Err(wrong("messages", &format!("1 to {MESSAGES} messages are possible")));
        }
        if self.n.is_some_and(|n| n != 1) {
            return Err(wrong("n", "one answer at a time is possible"));
        }
        let streams = self.stream == Some(true);
        let wanted = Wanted {
            streams,
            usage_at_the_end: self.stream_options.and_then(|options| options.include_usage) == Some(true),
        };
        // A streaming client is kept patient by heartbeats; its read time-out says nothing about the whole answer.
        let patience = if streams { None } else { caller.patience() };
        let delivery = if streams { Delivery::Streamed } else { Delivery::Whole };
        let sampling = self.sampling()?;
        let mut ask = caller.ask(self.model, delivery, patience);
        ask.request.sampling = sampling;
        ask.request.messages = self.messages.into_iter().enumerate().map(message).collect::<Result<_, _>>()?;
        Ok((wanted, ask))
    }

    fn sampling(&self) -> Result<Sampling, Error> {
        let penalty = self.repeat_penalty.or(self.repetition_penalty);
        let max_tokens = self.max_completion_tokens.or(self.max_tokens);
        within("temperature", self.temperature, 0.0, 2.0)?;
        within("top_p", self.top_p, 0.0, 1.0)?;
        within("min_p", self.min_p, 0.0, 1.0)?;
        within("repeat_penalty", penalty, 0.1, 10.0)?;
        if max_tokens == Some(0) {
            return Err(wrong("max_tokens", "at least 1 is possible"));
        }
        let stop = match &self.stop {
            None => vec![],
            Some(Stop::One(text)) => vec![text.clone()],
            Some(Stop::Several(texts)) => texts.clone(),
        };
        if stop.len() > STOPS || stop.iter().any(String::is_empty) {
            return Err(wrong("stop", &format!("up to {STOPS} texts that are not empty are possible")));
        }
        Ok(Sampling {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repeat_penalty: penalty,
            // Clients send -1 for "any seed"; the bits are kept otherwise.
            seed: self.seed.filter(|seed| *seed != -1).map(i64::cast_unsigned),
            stop,
            max_tokens,
        })
    }
}

fn message((number, raw): (usize, RawMessage)) -> Result<Message, Error> {
    let role = match raw.role {
        RawRole::System | RawRole::Developer => Role::System,
        RawRole::User => Role::User,
        RawRole::Assistant => Role::Assistant,
        RawRole::Tool => Role::Tool,
    };
    let parts = match raw.content {
        None => vec![Part::Text(String::new())],
        Some(Content::Text(text)) => vec![Part::Text(text)],
        Some(Content::Parts(parts)) => {
            let place = |part: usize| format!("messages[{number}].content[{part}]");
            parts.into_iter().enumerate().map(|(at, part)| part.check(&place(at))).collect::<Result<_, _>>()?
        }
    };
    Ok(Message { role, parts })
}

impl RawPart {
    fn check(self, place: &str) -> Result<Part, Error> {
        match (self.kind.as_str(), self.text, self.image_url) {
            ("text", Some(text), _) => Ok(Part::Text(text)),
            ("image_url", _, Some(image)) => Ok(Part::Image { url: image.url }),
            ("text" | "image_url", ..) => {
                Err(wrong(place, &format!("a part of type {} needs its `{}`", self.kind, self.kind)))
            }
            (other, ..) => {
                Err(code::unsupported_input(format!("`{place}` is of type {other}, which no model here can take."))
                    .with_detail(PARAM, place))
            }
        }
    }
}

fn within(member: &str, value: Option<f32>, least: f32, most: f32) -> Result<(), Error> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(wrong(member, &format!("{least} to {most} is possible")))
        }
        _ => Ok(()),
    }
}

fn wrong(member: &str, rule: &str) -> Error {
    Error::validation(format!("`{member}` is not valid: {rule}.")).with_detail(PARAM, member)
}

const MESSAGES: usize = 4096;
const STOPS: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use serde_json::{Value, json};
    use steadfast::CancelToken;

    use super::{super::Leaving, *};
    use crate::{edge::RequestId, routes::body::decode};

    fn asked(request: Value, headers: &HeaderMap) -> Result<(Wanted, ChatAsk), Error> {
        let request: ChatCompletion = decode(request.to_string().as_bytes())?;
        let leaving = Leaving::new(&CancelToken::root("test"));
        request.check(Caller { headers, id: &RequestId::of(headers), leaving: &leaving })
    }

    fn param(request: Value) -> String {
        let error = asked(request, &HeaderMap::new()).unwrap_err();
        error.details().iter().find(|(key, _)| *key == PARAM).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    #[test]
    fn both_names_of_a_setting_are_understood_and_unknown_members_are_ignored() {
        let request = json!({
            "model": "quick", "messages": [{"role": "developer", "content": "be brief", "name": "x"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "repetition_penalty": 1.1, "max_completion_tokens": 5, "stop": "END", "seed": -1, "logit_bias": {}, "frequency_penalty": 0.5
        });
        let (wanted, ask) = asked(request, &HeaderMap::new()).unwrap();
        assert!(!wanted.streams);
        assert_eq!(ask.request.messages, [Message::text(Role::System, "be brief"), Message::text(Role::User, "hi")]);
        let expected = Sampling {
            repeat_penalty: Some(1.1),
            max_tokens: Some(5),
            stop: vec!["END".into()],
            ..Sampling::default()
        };
        assert_eq!(ask.request.sampling, expected);
    }

    #[test]
    fn a_wrong_member_is_named() {
        let user = json!([{"role": "user", "content": "hi"}]);
        assert_eq!(param(json!({"model": "quick", "messages": user, "temperature": "warm"})), "temperature");
        assert_eq!(param(json!({"model": "quick", "messages": user, "temperature": 3})), "temperature");
        assert_eq!(param(json!({"model": "quick", "messages": user, "n": 2})), "n");
        assert_eq!(param(json!({"model": "quick", "messages": user, "stop": [""]})), "stop");
        assert_eq!(param(json!({"model": "quick", "messages": []})), "messages");
        assert_eq!(
            param(json!({"model": "quick", "messages": [{"role": "robot", "content": "hi"}]})),
            "messages[0].role"
        );
        assert_eq!(
            param(json!({"model": "quick", "messages": [{"role": "user", "content": 7}]})),
            "messages[0].content"
        );
        let audio = json!([{"role": "user", "content": [{"type": "input_audio"}]}]);
        assert_eq!(param(json!({"model": "quick", "messages": audio})), "messages[0].content[0]");
    }

    #[test]
    fn the_shortest_patience_of_the_caller_counts_for_a_whole_answer() {
        let headers: HeaderMap = [("x-stainless-read-timeout", "600"), ("x-steadfast-timeout-ms", "2000")]
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .into_iter()
            .collect();
        let request =
            |stream: bool| json!({"model": "quick", "messages": [{"role": "user", "content": "hi"}], "stream": stream});
        assert_eq!(asked(request(false), &headers).unwrap().1.deadline, Some(Duration::from_millis(1900)));
        assert_eq!(asked(request(true), &headers).unwrap().1.deadline, None);
    }
}
