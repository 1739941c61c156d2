//! Who asks, as the headers tell: how long they wait, whether they come back, and what they want to be told.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{FromRequestParts, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, request::Parts};
use steadfast::{CancelToken, Detail, Error};
use steadfast_contract::{
    chat::{ChatRequest, ToolArguments},
    provider::Delivery,
};
use steadfast_gateway::{ChatAsk, Gateway, GoesOn, IdempotencyKey, Keep, StreamSpec};
use steadfast_wire::{
    answer::{Explain, Identity, OwnEvents, Setting},
    question::Wanted,
};
use uuid::Uuid;

use super::cache_wish;
use crate::{
    edge::RequestId,
    error_reply::{self, PARAM, Refusal, Shape},
    house::House,
    routes::streams::PRINCIPAL,
};

/// Taken from a request before its body is read.
pub(in crate::routes) struct Caller {
    pub(super) house: Arc<House>,
    pub(super) id: RequestId,
    pub(super) headers: HeaderMap,
}

impl FromRequestParts<Arc<House>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, house: &Arc<House>) -> Result<Self, Refusal> {
        let Extension(id) = Extension::<RequestId>::from_request_parts(parts, house)
            .await
            .map_err(|_missing| Error::internal("a request without an id"))?;
        let State(house) = match State::<Arc<House>>::from_request_parts(parts, house).await {
            Ok(house) => house,
            Err(never) => match never {},
        };
        Ok(Self { house, id, headers: parts.headers.clone() })
    }
}

impl Caller {
    pub(super) async fn gateway(&self) -> Result<Arc<Gateway>, Error> {
        self.house.gateway().await
    }

    /// The one place where a question for the gateway is made.
    ///
    /// # Errors
    /// `VALIDATION` for a header that says what cannot be meant.
    pub(super) fn ask(&self, mut request: ChatRequest, wanted: Wanted, token: &CancelToken) -> Result<ChatAsk, Error> {
        let delivery = match wanted {
            Wanted::Stream => Delivery::Streamed,
            Wanted::Whole => Delivery::Whole,
        };
        if self.headers.get("x-steadfast-tool-arguments").is_some_and(|value| value == "live") {
            request.tool_arguments = ToolArguments::Live;
        }
        let cache = cache_wish::of(&self.headers)?;
        Ok(ChatAsk {
            request,
            delivery,
            request_id: self.id.as_str().to_owned(),
            deadline: self.patience(wanted),
            token: token.clone(),
            session: self.session(),
            goes_on: self.goes_on()?,
            // What goes on without its reader is nobody else's.
            cache: cache.filter(|_| self.keep() == Keep::WhileRead),
        })
    }

    /// What a stream is started with; `id` cannot be guessed.
    pub(super) fn spec(&self, id: &str, body: &Bytes) -> Result<StreamSpec, Error> {
        Ok(StreamSpec {
            id: id.to_owned(),
            principal: PRINCIPAL.to_owned(),
            keep: self.keep(),
            idempotency: self.idempotency(body)?,
        })
    }

    pub(super) fn setting(&self, id: String, model: &str, stream_id: Option<String>, shape: Shape) -> Setting {
        let own_events = if self.says_yes("x-steadfast-events") { OwnEvents::Told } else { OwnEvents::Withheld };
        Setting { identity: self.identity(id, model, stream_id), own_events, explain: self.explain(shape) }
    }

    pub(super) fn identity(&self, id: String, model: &str, stream_id: Option<String>) -> Identity {
        Identity { id, created: self.house.clock.unix_ms() / 1000, model: model.to_owned(), stream_id }
    }

    /// For how long the answer goes on without a reader.
    pub(super) fn keep(&self) -> Keep {
        if self.says_yes("x-steadfast-resumable") { Keep::Resumable(RESUMABLE) } else { Keep::WhileRead }
    }

    /// How long the caller will wait. A streaming client is kept patient by heartbeats, so only the limit that speaks
    /// of the whole answer counts for it. A margin is taken off, so that our word comes before the caller gives up.
    pub(super) fn patience(&self, wanted: Wanted) -> Option<Duration> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.parse::<f64>().ok();
        let total = number("x-steadfast-timeout-ms").map(|ms| ms / 1000.0);
        let seconds = ["x-stainless-read-timeout", "x-stainless-timeout"].into_iter().filter_map(number);
        let silence = seconds.filter(|_| wanted == Wanted::Whole);
        let shortest = total.into_iter().chain(silence).filter(|seconds| *seconds > 0.0).min_by(f64::total_cmp)?;
        Some(Duration::try_from_secs_f64(shortest * 0.95).unwrap_or(Duration::MAX))
    }

    pub(super) fn idempotency(&self, body: &Bytes) -> Result<Option<IdempotencyKey>, Error> {
        let Some(key) = self.headers.get("idempotency-key") else { return Ok(None) };
        let key = key.to_str().map_err(|_not_text| {
            Error::validation("`Idempotency-Key` is not plain text.").with_detail(PARAM, "Idempotency-Key")
        })?;
        IdempotencyKey::new(key, body).map(Some)
    }

    fn explain(&self, shape: Shape) -> Explain {
        let (id, detail): (RequestId, Detail) = (self.id.clone(), self.house.detail);
        Box::new(move |error| error_reply::object(error, shape, &id, detail))
    }

    /// Questions with the same word go to the same target of a chain, as long as it is well.
    fn session(&self) -> Option<String> {
        self.headers.get("x-steadfast-session").and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// Who may go on with a text that broke.
    fn goes_on(&self) -> Result<GoesOn, Error> {
        match self.headers.get(CONTINUE).map(HeaderValue::as_bytes) {
            None | Some(b"same") => Ok(GoesOn::SameModel),
            Some(b"any") => Ok(GoesOn::AnyModel),
            Some(_) => Err(Error::validation(format!("`{CONTINUE}` is not valid: it is `any` or `same`."))
                .with_detail(PARAM, CONTINUE)),
        }
    }

    fn says_yes(&self, header: &str) -> bool {
        self.headers.get(header).is_some_and(|value| value == "1")
    }
}

/// 122 random bits behind a word that says what it is.
pub(super) fn new_id(kind: &str) -> String {
    format!("{kind}{}", Uuid::new_v4().simple())
}

const CONTINUE: &str = "x-steadfast-continue";
/// As long as a phone takes to come out of a tunnel.
pub(super) const RESUMABLE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use steadfast::Clock;

    use super::*;

    fn caller(headers: &[(&'static str, &'static str)]) -> Caller {
        let root = CancelToken::root("test");
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        let house = Arc::new(House::new(Clock::real(), root.clone(), root, Detail::Public));
        Caller { house, id: RequestId::of(&headers), headers }
    }

    #[test]
    fn the_shortest_patience_of_the_caller_counts() {
        let both = caller(&[("x-stainless-read-timeout", "600"), ("x-steadfast-timeout-ms", "2000")]);
        assert_eq!(both.patience(Wanted::Whole), Some(Duration::from_millis(1900)));
        assert_eq!(both.patience(Wanted::Stream), Some(Duration::from_millis(1900)));
    }

    #[test]
    fn a_limit_on_silence_says_nothing_about_a_whole_stream() {
        let patient = caller(&[("x-stainless-read-timeout", "600"), ("x-stainless-timeout", "10")]);
        assert_eq!(patient.patience(Wanted::Stream), None);
        assert_eq!(patient.patience(Wanted::Whole), Some(Duration::from_millis(9500)));
        assert_eq!(caller(&[("x-stainless-timeout", "soon")]).patience(Wanted::Whole), None);
        assert_eq!(caller(&[("x-stainless-timeout", "-1")]).patience(Wanted::Whole), None);
    }

    #[test]
    fn another_model_goes_on_when_the_caller_says_so() {
        let goes_on = |headers| caller(headers).goes_on();
        assert_eq!(goes_on(&[]).unwrap(), GoesOn::SameModel);
        assert_eq!(goes_on(&[("x-steadfast-continue", "any")]).unwrap(), GoesOn::AnyModel);
        assert!(goes_on(&[("x-steadfast-continue", "yes")]).unwrap_err().message().contains("x-steadfast-continue"));
    }

    #[test]
    fn an_answer_is_resumable_when_the_caller_says_so() {
        assert_eq!(caller(&[]).keep(), Keep::WhileRead);
        assert_eq!(caller(&[("x-steadfast-resumable", "1")]).keep(), Keep::Resumable(RESUMABLE));
    }
}
