//! Speaks `/chat/completions` as OpenAI defined it and many servers speak it: vLLM, llama.cpp, Ollama and others.
//! Always asks for a stream. Not a client library: one attempt, told exactly as it went.

mod answer;
mod failure;
mod request;
mod retry_after;
mod status;
mod stream;
mod words;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::unfold;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use steadfast::{Call, Clock, Code, Error, Timeout};
use steadfast_contract::{
    BoxFuture,
    chunk::AnswerStream,
    model::ModelInfo,
    provider::{Ask, Provider},
};

use self::{status::Refusal, stream::Reading, words::Speaker};
use crate::{
    http::{
        Answer, Http,
        connector::{Connector, Network},
    },
    secret::Secret,
    settings::{Timeouts, UpstreamSettings},
};

/// A remote server that speaks OpenAI's protocol.
#[derive(Debug)]
pub struct OpenAiCompatible {
    name: String,
    address: Uri,
    key: Option<Secret>,
    authorization: Option<HeaderValue>,
    models: Vec<ModelInfo>,
    timeouts: Timeouts,
    http: Http,
    clock: Clock,
}

impl OpenAiCompatible {
    /// Fails with `VALIDATION` when the settings cannot be used.
    pub fn new(settings: UpstreamSettings, clock: Clock) -> Result<Self, Error> {
        Self::with_connector(settings, clock, Arc::new(Network::new()?))
    }

    /// As [`OpenAiCompatible::new`], over something else than the network.
    pub fn with_connector(
        settings: UpstreamSettings,
        clock: Clock,
        connector: Arc<dyn Connector>,
    ) -> Result<Self, Error> {
        Ok(Self {
            address: address(&settings.name, &settings.base_url)?,
            authorization: settings.key.as_ref().map(Secret::as_bearer).transpose()?,
            models: settings.model_infos(),
            http: Http::new(&settings.name, connector, settings.timeouts.connect, clock.clone()),
            name: settings.name,
            key: settings.key,
            timeouts: settings.timeouts,
            clock,
        })
    }

    async fn ask(&self, ask: Ask) -> Result<AnswerStream, Error> {
        let call = self.call(&ask);
        let speaker = Speaker::new(&self.name, &ask.request.model, self.key.clone());
        let request = self.request(&ask)?;
        let accepted = async {
            let mut answer = self.http.send(request).await?;
            match answer.status {
                StatusCode::OK => Ok(answer),
                _ => Err(self.refused(&mut answer, &speaker).await),
            }
        };
        let in_time = Timeout::after(self.timeouts.first_byte).run(&call, async { Ok(accepted.await) }).await;
        let answer = in_time.map_err(|error| self.too_slow(error))??;
        let reading = Reading::new(answer, speaker, call, self.timeouts.idle);
        Ok(Box::pin(unfold(reading, |mut reading| async move { reading.next().await.map(|chunk| (chunk, reading)) })))
    }

    fn call(&self, ask: &Ask) -> Call {
        let call = Call::new("ask upstream", &ask.token).with_clock(self.clock.clone()).with_events(ask.events.clone());
        match ask.deadline {
            Some(deadline) => call.with_deadline(deadline),
            None => call,
        }
    }

    fn request(&self, ask: &Ask) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::new(Full::new(request::encode(&ask.request)?));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.address.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("steadfast/", env!("CARGO_PKG_VERSION"))));
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        // An id that no header can carry is not worth failing for.
        if let Ok(id) = HeaderValue::try_from(&ask.request_id) {
            headers.insert("x-request-id", id);
        }
        Ok(request)
    }

    async fn refused(&self, answer: &mut Answer, speaker: &Speaker) -> Error {
        // A refusal whose body breaks off is still that refusal.
        let body = answer.start_of_body(REFUSAL_BYTES).await.unwrap_or_default();
        Refusal { status: answer.status, headers: &answer.headers, body: &body, now_ms: self.clock.unix_ms() }
            .explain(speaker)
    }

    /// Says who was too slow; anything else stays what it is.
    fn too_slow(&self, error: Error) -> Error {
        match error.code() {
            Code::TIMEOUT => error.with_message(format!("{} did not answer in time.", self.name)),
            _ => error,
        }
    }
}

impl Provider for OpenAiCompatible {
    fn name(&self) -> &str {
        &self.name
    }

    fn models(&self) -> Vec<ModelInfo> {
        self.models.clone()
    }

    fn open(&self, ask: Ask) -> BoxFuture<'_, Result<AnswerStream, Error>> {
        Box::pin(self.ask(ask))
    }
}

/// Where to ask: the base address and the path behind it.
fn address(upstream: &str, base: &str) -> Result<Uri, Error> {
    let wrong = |why: &str| Error::validation(format!("The address of {upstream} cannot be used: {why}."));
    let base: Uri = base.trim().parse().map_err(|_invalid| wrong("it is not a URL"))?;
    let known_scheme = matches!(base.scheme_str(), Some("http" | "https"));
    if !known_scheme || base.host().is_none_or(str::is_empty) {
        return Err(wrong("it must begin with http:// or https:// and name a host"));
    }
    if base.query().is_some() || base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong("it must hold neither a query nor a password; the key has its own setting"));
    }
    format!("{}/chat/completions", base.to_string().trim_end_matches('/'))
        .parse()
        .map_err(|_invalid| wrong("it is not a URL"))
}

/// More than any explanation needs.
const REFUSAL_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn the_path_is_put_behind_the_base_address() {
        for base in ["http://localhost:9000/v1", "http://localhost:9000/v1/", " http://localhost:9000/v1// "] {
            assert_eq!(address("b", base).unwrap(), "http://localhost:9000/v1/chat/completions");
        }
        assert_eq!(address("b", "https://api.example").unwrap(), "https://api.example/chat/completions");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_the_reason() {
        for base in [
            "",
            "localhost:9000",
            "/v1",
            "ftp://a/v1",
            "http://",
            "http://a/v1?key=1",
            "http://me:secret@a/v1",
            "http://a b",
        ] {
            let error = address("cloud-b", base).unwrap_err();
            assert!(error.message().starts_with("The address of cloud-b cannot be used: "), "{base}: {error:?}");
            assert!(!error.message().contains("secret"));
        }
    }
}
