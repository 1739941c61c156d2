//! What an upstream says instead of an answer, in the shape of the face that was asked.

use serde_json::json;

use super::voice::Voice;

#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Whole header lines.
    pub(super) headers: &'static str,
    says: Saying,
}

#[derive(Debug, Clone, Copy)]
enum Saying {
    /// Message, type for OpenAI's clients, type for Anthropic's, code.
    Json(&'static str, &'static str, &'static str, Option<&'static str>),
    /// A page of something in front of the upstream.
    Page(&'static str),
}

impl Refusal {
    pub(super) const UNAVAILABLE: Self =
        Self::new(503, "", "Service temporarily unavailable", "server_error", "api_error", None);
    pub(super) const LOADING: Self = Self::new(503, "", "Loading model", "unavailable_error", "api_error", None);
    pub(super) const CRASHED: Self =
        Self::new(500, "", "The server had an error while processing your request", "server_error", "api_error", None);
    pub(super) const GATEWAY_TIMEOUT: Self =
        Self::new(504, "", "The model did not answer in time", "server_error", "timeout_error", None);
    pub(super) const OVERLOADED: Self =
        Self::new(529, "", "Overloaded", "overloaded_error", "overloaded_error", Some("overloaded"));
    pub(super) const RATE_LIMITED: Self = Self::new(
        429,
        "retry-after: 2\r\n",
        "Rate limit reached for org-1234 on requests per min",
        "requests",
        "rate_limit_error",
        Some("rate_limit_exceeded"),
    );
    pub(super) const RATE_LIMITED_FOR_AN_HOUR: Self = Self::new(
        429,
        "retry-after: 3600\r\n",
        "Rate limit reached for org-1234 on requests per day",
        "requests",
        "rate_limit_error",
        Some("rate_limit_exceeded"),
    );
    /// As OpenAI says it: a 429 that no waiting cures.
    pub(super) const OUT_OF_QUOTA: Self = Self { status: 429, ..Self::OUT_OF_CREDIT };
    pub(super) const OUT_OF_CREDIT: Self = Self::new(
        402,
        "",
        "You exceeded your current quota, please check your plan and billing details",
        "insufficient_quota",
        "billing_error",
        Some("insufficient_quota"),
    );
    pub(super) const BAD_KEY: Self = Self::new(
        401,
        "",
        "Incorrect API key provided: sk-mock****1234.",
        "invalid_request_error",
        "authentication_error",
        Some("invalid_api_key"),
    );
    pub(super) const FORBIDDEN: Self = Self::new(
        403,
        "",
        "You are not allowed to sample from this model",
        "invalid_request_error",
        "permission_error",
        None,
    );
    pub(super) const TOO_LONG: Self = Self::new(
        400,
        "",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        "invalid_request_error",
        "invalid_request_error",
        Some("context_length_exceeded"),
    );
    pub(super) const NO_PREFILL: Self = Self::new(
        400,
        "",
        "This model does not support assistant message prefill. The conversation must end with a user message.",
        "invalid_request_error",
        "invalid_request_error",
        None,
    );
    pub(super) const BAD_GATEWAY: Self =
        Self { status: 502, headers: "server: nginx/1.24.0\r\n", says: Saying::Page(PAGE) };

    const fn new(
        status: u16,
        headers: &'static str,
        message: &'static str,
        openai: &'static str,
        anthropic: &'static str,
        code: Option<&'static str>,
    ) -> Self {
        Self { status, headers, says: Saying::Json(message, openai, anthropic, code) }
    }

    pub(super) fn media_type(&self) -> &'static str {
        match self.says {
            Saying::Json(..) => "application/json",
            Saying::Page(_) => "text/html",
        }
    }

    pub(super) fn body(&self, voice: Voice) -> String {
        match (self.says, voice) {
            (Saying::Page(page), _) => page.to_owned(),
            (Saying::Json(message, _, kind, _), Voice::Messages) => {
                json!({"type": "error", "error": {"type": kind, "message": message}}).to_string()
            }
            (Saying::Json(message, kind, _, code), Voice::Chat | Voice::Embeddings) => {
                // vLLM and llama.cpp repeat the status where OpenAI has a word.
                let code = code.map_or_else(|| json!(self.status), |code| json!(code));
                let code = if self.status == 403 { json!(null) } else { code };
                json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
            }
        }
    }
}

const PAGE: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx/1.24.0</center></body>\r\n</html>\r\n";
