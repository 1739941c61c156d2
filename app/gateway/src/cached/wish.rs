//! What a caller wants of the cache, and which questions may be answered from it. Pure.

use std::time::Duration;

use steadfast_contract::chat::{ChatRequest, Part};

/// A question that may use the cache, as far as its caller is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheAsk {
    /// Whose question it is: nobody is given what somebody else was told.
    pub principal: String,
    pub wish: CacheWish,
    /// Nothing older than this, when the caller says so.
    pub max_age: Option<Duration>,
    /// When nobody can answer, nothing that is past its time by more than this.
    pub max_stale: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheWish {
    /// Only where the same answer is to be expected.
    #[default]
    Unsaid,
    /// Whatever the question is: the caller knows that the same answer will do.
    Use,
    /// A new answer, that is kept for the next one who asks.
    Refresh,
}

impl CacheAsk {
    /// Chance, tools, and what stands elsewhere make the same question another one, unless its caller says otherwise.
    pub(super) fn admits(&self, request: &ChatRequest) -> bool {
        match (&request.source, self.wish) {
            (None, _) => false,
            (Some(_), CacheWish::Use | CacheWish::Refresh) => true,
            (Some(_), CacheWish::Unsaid) => {
                request.sampling.temperature == Some(0.0) && request.tools.is_empty() && says_all_it_means(request)
            }
        }
    }
}

/// An image behind an address may change, and a search that the provider runs finds something else tomorrow.
fn says_all_it_means(request: &ChatRequest) -> bool {
    request.messages.iter().flat_map(|message| &message.parts).all(|part| match part {
        Part::Text(_) => true,
        Part::Image { url } => url.starts_with("data:"),
        Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Foreign { .. } => false,
    })
}

#[cfg(test)]
mod tests {
    use steadfast_contract::chat::{Message, Protocol, Role, Sampling, Source, Tool};

    use super::*;

    fn greedy(parts: Vec<Part>) -> ChatRequest {
        ChatRequest {
            messages: vec![Message { role: Role::User, parts }],
            sampling: Sampling { temperature: Some(0.0), ..Sampling::default() },
            source: Some(Source { protocol: Protocol::Messages, body: "{}".into(), headers: vec![] }),
            ..ChatRequest::default()
        }
    }

    #[test]
    fn only_a_question_with_one_answer_is_kept_unasked() {
        let plain = greedy(vec![Part::Text("hi".into())]);
        let warm = ChatRequest { sampling: Sampling::default(), ..plain.clone() };
        let tool = Tool { name: "tide".into(), description: None, parameters: None, strict: None };
        let image = |url: &str| greedy(vec![Part::Image { url: url.into() }]);
        let rows = [
            (plain.clone(), true),
            (image("data:image/png;base64,AA=="), true),
            (warm, false),
            (ChatRequest { tools: vec![tool], ..plain.clone() }, false),
            (image("https://example.org/cat.png"), false),
            (greedy(vec![Part::Foreign { kind: "web_search".into() }]), false),
        ];
        for (request, expected) in rows {
            let ask = |wish| CacheAsk { principal: "ann".into(), wish, max_age: None, max_stale: None };
            assert_eq!(ask(CacheWish::Unsaid).admits(&request), expected, "{request:?}");
            assert!(ask(CacheWish::Use).admits(&request) && ask(CacheWish::Refresh).admits(&request));
            let unsourced = ChatRequest { source: None, ..request };
            assert!(!ask(CacheWish::Use).admits(&unsourced), "what the client wrote is the key");
        }
    }
}
