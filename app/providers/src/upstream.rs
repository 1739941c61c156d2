//! What speaking to any remote server takes, whatever its protocol: addresses, headers, one request, and an answer or
//! the reason why there is none.

mod address;
pub(crate) mod continuation;
mod failure;
mod models;
mod reading;
mod retry_after;
mod status;
mod words;

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream::unfold;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use steadfast::{Call, CancelToken, Clock, Code, Deadline, Error, Events, Timeout};
use steadfast_contract::{
    chunk::AnswerStream,
    provider::{Ask, Delivery, EmbedAsk, Timers},
};
use steadfast_wire::answer_reader::AnswerReader;

use self::{
    address::Address,
    continuation::Continuations,
    failure::Cause,
    models::Models,
    reading::{Limits, Reading},
    status::Refusal,
    words::{Speaker, Words},
};
use crate::{
    http::{Answer, Http, connector::Connector},
    secret::Secret,
    settings::{Timeouts, UpstreamSettings},
};

#[derive(Debug)]
pub(crate) struct Upstream {
    name: String,
    address: Address,
    key: Option<Secret>,
    /// Go with every request.
    headers: HeaderMap,
    pub(crate) models: Models,
    pub(crate) continuations: Continuations,
    timeouts: Timeouts,
    http: Http,
    clock: Clock,
}

impl Upstream {
    pub(crate) fn new(
        settings: UpstreamSettings,
        clock: Clock,
        connector: Arc<dyn Connector>,
        mut headers: HeaderMap,
    ) -> Result<Self, Error> {
        headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("steadfast/", env!("CARGO_PKG_VERSION"))));
        Ok(Self {
            address: Address::new(&settings.name, &settings.base_url)?,
            headers,
            models: Models::new(&settings),
            continuations: Continuations::new(&settings.models, clock.clone()),
            http: Http::new(&settings.name, connector, settings.timeouts.connect, clock.clone()),
            name: settings.name,
            key: settings.key,
            timeouts: settings.timeouts,
            clock,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn host(&self) -> &str {
        &self.address.host
    }

    pub(crate) fn timers(&self) -> Timers {
        self.timeouts.timers
    }

    /// Asks once; the answer is what `reader` makes of what comes. `said` goes with it as headers, and wins over what
    /// goes with every request.
    pub(crate) async fn ask(
        &self,
        ask: &Ask,
        path: &str,
        (body, said): (Bytes, &[(&'static str, String)]),
        reader: Box<dyn AnswerReader>,
    ) -> Result<AnswerStream, Error> {
        let call = self.call("ask upstream", &ask.token, ask.deadline, &ask.events);
        let speaker = self.speaker(&ask.request.model);
        let mut request = self.post(path, body, &ask.request_id)?;
        let (accepted, limit) = match ask.delivery {
            Delivery::Streamed => ("text/event-stream", self.timeouts.silence),
            Delivery::Whole => ("application/json", self.whole()),
        };
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accepted));
        for (name, value) in said {
            // What no header can carry was refused where it came in.
            if let Ok(value) = HeaderValue::try_from(value) {
                request.headers_mut().insert(*name, value);
            }
        }
        let limits = Limits { silence: self.timeouts.silence, whole: self.whole() };
        let answer = self.send(&call, request, &speaker, limit).await?;
        // In a box: an unfolded state is moved twice for every piece.
        let reading = Box::new(Reading::new(answer, reader, speaker, call, ask.delivery, limits));
        Ok(Box::pin(unfold(reading, |mut reading| async move { reading.next().await.map(|piece| (piece, reading)) })))
    }

    /// Passes a request on and gives back the body of what comes.
    pub(crate) async fn embed(&self, ask: &EmbedAsk, path: &str, body: Bytes) -> Result<Bytes, Error> {
        let call = self.call("make embeddings", &ask.token, ask.deadline, &ask.events);
        let request = self.post(path, body, &ask.request_id)?;
        let speaker = self.speaker(&ask.model);
        let body = self.fetch(&call, request, &speaker, self.whole()).await?;
        // A program gets these bytes as they are: they must at least be what it asked for.
        match serde_json::from_slice::<models::List<'_>>(&body) {
            Ok(list) if list.data.is_some() => Ok(body),
            _ => Err(status::explain_body(&body, &speaker)),
        }
    }

    /// Whether a connection can be made.
    pub(crate) async fn reach(&self) -> Result<(), Error> {
        self.http.reach(self.address.of("")?).await
    }

    /// Asks which models there are, if the settings want to know.
    pub(crate) async fn discover(&self, path: &str, token: &CancelToken) -> Result<(), Error> {
        if !self.models.may_grow() {
            return Ok(());
        }
        let call = self.call("list models", token, None, &Events::none());
        let speaker = self.speaker("the models");
        let body = self.fetch(&call, self.request(Method::GET, path, Bytes::new())?, &speaker, LIST_LIMIT).await?;
        self.models.take_found(&body).map_err(|models::NoList| status::explain_body(&body, &speaker))
    }

    fn post(&self, path: &str, body: Bytes, request_id: &str) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = self.request(Method::POST, path, body)?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // An id that no header can carry is not worth failing for.
        if let Ok(id) = HeaderValue::try_from(request_id) {
            request.headers_mut().insert("x-request-id", id);
        }
        Ok(request)
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Error> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.address.of(path)?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    async fn send(
        &self,
        call: &Call,
        request: Request<Full<Bytes>>,
        speaker: &Speaker,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let accepted = async {
            let mut answer = self.http.send(request).await?;
            match answer.status {
                StatusCode::OK => Ok(answer),
                _ => Err(self.refused(&mut answer, speaker).await),
            }
        };
        let in_time = Timeout::after(limit).run(call, async { Ok(accepted.await) }).await;
        in_time.map_err(|error| self.too_slow(error))?
    }

    /// The whole body of an answer that is no stream.
    async fn fetch(
        &self,
        call: &Call,
        request: Request<Full<Bytes>>,
        speaker: &Speaker,
        limit: Duration,
    ) -> Result<Bytes, Error> {
        let body = async {
            let mut answer = self.send(call, request, speaker, limit).await?;
            answer.start_of_body(reading::WHOLE_BYTES + 1).await
        };
        let body = Timeout::after(limit).run(call, body).await.map_err(|error| self.too_slow(error))?;
        if body.len() > reading::WHOLE_BYTES {
            return Err(failure::explain(Cause::Unreadable, speaker, &Words::default()));
        }
        Ok(body.into())
    }

    async fn refused(&self, answer: &mut Answer, speaker: &Speaker) -> Error {
        // A refusal whose body breaks off is still that refusal.
        let body = answer.start_of_body(REFUSAL_BYTES).await.unwrap_or_default();
        let refusal =
            Refusal { status: answer.status, headers: &answer.headers, body: &body, now_ms: self.clock.unix_ms() };
        if refusal.is_of_a_given_beginning() {
            self.continuations.is_refused(&speaker.model);
        }
        refusal.explain(speaker)
    }

    fn call(
        &self,
        operation: impl Into<Cow<'static, str>>,
        token: &CancelToken,
        deadline: Option<Deadline>,
        events: &Events,
    ) -> Call {
        let call = Call::new(operation, token).with_clock(self.clock.clone()).with_events(events.clone());
        match deadline {
            Some(deadline) => call.with_deadline(deadline),
            None => call,
        }
    }

    fn speaker(&self, model: &str) -> Speaker {
        Speaker::new(&self.name, model, self.key.clone())
    }

    /// A little longer than whoever asks waits, who then has the word.
    fn whole(&self) -> Duration {
        self.timeouts.timers.whole.saturating_add(Duration::from_secs(5))
    }

    /// Says who was too slow; anything else stays what it is.
    fn too_slow(&self, error: Error) -> Error {
        match error.code() {
            Code::TIMEOUT if error.message().contains(&self.name) => error,
            Code::TIMEOUT => error.with_message(format!("{} did not answer in time.", self.name)),
            _ => error,
        }
    }
}

/// More than any explanation needs.
const REFUSAL_BYTES: usize = 64 * 1024;
/// A list of models is no work.
const LIST_LIMIT: Duration = Duration::from_secs(10);
