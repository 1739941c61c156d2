//! Our words as the protocol's JSON. Says only what was asked for: a strict server refuses members it does not know.

use bytes::Bytes;
use serde::Serialize;
use steadfast::Error;
use steadfast_contract::chat::{ChatRequest, Message, Part, Role};

pub(super) fn encode(request: &ChatRequest) -> Result<Bytes, Error> {
    let body = Body::of(request);
    serde_json::to_vec(&body)
        .map(Bytes::from)
        .map_err(|error| Error::internal("a request could not be encoded").with_source(error))
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f32>,
    /// llama.cpp's and Ollama's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f32>,
    /// vLLM's and SGLang's name for the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct WireMessage<'a> {
    role: Role,
    content: Content<'a>,
}

/// A plain string whenever the message is plain: not every server takes parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(String),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
}

impl<'a> Body<'a> {
    fn of(request: &'a ChatRequest) -> Self {
        let sampling = &request.sampling;
        Self {
            model: &request.model,
            messages: request.messages.iter().map(WireMessage::of).collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            min_p: sampling.min_p,
            repeat_penalty: sampling.repeat_penalty,
            repetition_penalty: sampling.repeat_penalty,
            seed: sampling.seed,
            stop: &sampling.stop,
            max_tokens: sampling.max_tokens,
        }
    }
}

impl<'a> WireMessage<'a> {
    fn of(message: &'a Message) -> Self {
        let content = match message.as_text() {
            Some(text) => Content::Text(text),
            None => Content::Parts(message.parts.iter().map(WirePart::of).collect()),
        };
        Self { role: message.role, content }
    }
}

impl<'a> WirePart<'a> {
    fn of(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::Text { text },
            Part::Image { url } => Self::ImageUrl { image_url: ImageUrl { url } },
            Part::ToolResult { text, .. } => Self::Text { text },
            Part::ToolCall { arguments, .. } => Self::Text { text: arguments },
            Part::Foreign { kind } => Self::Text { text: kind },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use steadfast_contract::chat::Sampling;

    use super::*;

    fn encoded(messages: Vec<Message>, sampling: Sampling) -> Value {
        let request = ChatRequest { model: "big".into(), messages, sampling, ..ChatRequest::default() };
        serde_json::from_slice(&encode(&request).unwrap()).unwrap()
    }

    #[test]
    fn a_plain_question_says_nothing_that_was_not_asked_for() {
        let messages = vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hi 🎉")];
        assert_eq!(
            encoded(messages, Sampling::default()),
            json!({
                "model": "big",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi 🎉"}],
                "stream": true,
                "stream_options": {"include_usage": true},
            })
        );
    }

    #[test]
    fn sampling_has_the_names_that_servers_know() {
        let sampling = Sampling {
            temperature: Some(0.5),
            top_p: Some(0.25),
            top_k: Some(40),
            min_p: Some(0.125),
            repeat_penalty: Some(1.5),
            seed: Some(u64::MAX),
            stop: vec!["END".into()],
            max_tokens: Some(7),
        };
        let body = encoded(vec![], sampling);
        let expected = json!({"temperature": 0.5, "top_p": 0.25, "top_k": 40, "min_p": 0.125, "repeat_penalty": 1.5,
            "repetition_penalty": 1.5, "seed": u64::MAX, "stop": ["END"], "max_tokens": 7});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&body[name], value, "{name}");
        }
    }

    #[test]
    fn an_image_makes_the_content_a_list_of_parts() {
        let image = Part::Image { url: "data:image/png;base64,AA==".into() };
        let message = Message { role: Role::User, parts: vec![Part::Text("What is this?".into()), image] };
        assert_eq!(
            encoded(vec![message], Sampling::default())["messages"][0]["content"],
            json!([
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
            ])
        );
    }
}
