//! Answers that were given before, for those who may have them: while they are fresh, in place of asking; when they
//! are not, as a last resort and marked, because nobody could answer. Equal questions at the same time are one question.
//!
//! Stands in front of asking: retries, fallbacks and breakers are behind it. Surprise: an answer is recorded while it is
//! read, so that a stream reaches everybody as it comes; what broke was only ever a recording.

mod kept;
mod key;
mod recording;
mod wish;

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream};
use steadfast::{Blame, CancelReason, CancelToken, Clock, Code, Deadline, Error, Event, Events};
use steadfast_contract::{
    chunk::{AnswerStream, Chunk, Piece, Status},
    code,
    provider::Delivery,
};

pub use self::wish::{CacheAsk, CacheWish};
use self::{
    kept::{Kept, KeptAnswer},
    key::Key,
    recording::{Extent, Head, Place, Recording},
};
use crate::{
    asking::Question,
    caller_time::CallerTime,
    chat::{Answer, ChatAsk, GoesOn},
    flights::{Boarded, Flights, Seat, Teller},
    gateway::Gateway,
    routing::Target,
    settings::CacheSettings,
};

/// How an answer came about, as far as the cache is concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FromCache {
    /// The cache was not looked at.
    #[default]
    Unasked,
    /// Nothing was there, so somebody was asked.
    Missed,
    /// It was kept and is fresh.
    Hit { age: Duration },
    /// It is past its time, and nobody could answer: `code` says why.
    Stale { age: Duration, code: Code },
}

pub(crate) struct AnswerCache {
    settings: CacheSettings,
    kept: Kept,
    flights: Flights<FlightKey, Arc<Recording>>,
}

/// A stream and an answer in one piece are asked for differently, and what breaks may go on differently.
type FlightKey = (Key, Delivery, GoesOn);

/// A question that the cache may answer.
struct Cacheable<'a> {
    cache: &'a AnswerCache,
    wish: CacheAsk,
    key: Key,
    delivery: Delivery,
    clock: Clock,
    events: Events,
    operation: String,
}

impl AnswerCache {
    pub(crate) fn new(settings: CacheSettings, token: CancelToken) -> Self {
        let kept = Kept::new(settings.max_bytes);
        Self { settings, kept, flights: Flights::new(token) }
    }

    /// Whoever answers now may answer otherwise.
    pub(crate) fn clear(&self) {
        self.kept.clear();
    }

    fn longest_answer(&self) -> usize {
        self.settings.max_bytes / SHARE
    }
}

/// Asks through the cache, if the settings have one and the question may use it.
pub(crate) async fn answer(gateway: &Arc<Gateway>, ask: ChatAsk) -> Result<Answer, Error> {
    let Some(question) = cacheable(gateway, &ask)? else { return gateway.ask_anew(ask).await };
    if let Some(hit) = question.hit() {
        return Ok(hit);
    }
    let time = CallerTime {
        token: ask.token.clone(),
        deadline: Deadline::after(&question.clock, Question::limit(&gateway.asker.settings, ask.deadline)),
        clock: question.clock.clone(),
    };
    match question.asked(gateway, ask, time).await {
        Ok(answer) => Ok(answer),
        Err(error) => question.stale(&error).ok_or(error),
    }
}

fn cacheable<'a>(gateway: &'a Arc<Gateway>, ask: &ChatAsk) -> Result<Option<Cacheable<'a>>, Error> {
    let (Some(cache), Some(wish), Some(source)) = (&gateway.cached, &ask.cache, &ask.request.source) else {
        return Ok(None);
    };
    if !wish.admits(&ask.request) {
        return Ok(None);
    }
    let targets: Vec<String> = gateway.routes.resolve(&ask.request.model)?.iter().map(Target::full_name).collect();
    Ok(key::key(&wish.principal, &targets, source).map(|key| Cacheable {
        cache,
        wish: wish.clone(),
        key,
        delivery: ask.delivery,
        clock: gateway.asker.clock.clone(),
        events: gateway.asker.events.clone(),
        operation: format!("answer as {}", ask.request.model),
    }))
}

impl Cacheable<'_> {
    /// What is kept and fresh.
    fn hit(&self) -> Option<Answer> {
        let fresh_for = self.cache.settings.fresh_for.min(self.wish.max_age.unwrap_or(Duration::MAX));
        let found = self.kept(fresh_for).filter(|_| self.wish.wish != CacheWish::Refresh);
        let Some((kept, age, pieces)) = found else {
            self.events.emit(|| Event::CacheMissed { operation: self.operation.clone().into() });
            return None;
        };
        self.events.emit(|| Event::ServedKept { operation: self.operation.clone().into(), age });
        Some(told_again(&kept.head, pieces, FromCache::Hit { age }))
    }

    /// What is kept and past its time, when nobody could answer. Never in the place of the caller's own mistake, never
    /// for one who wants a new answer, and never a call: what it does may have been done since.
    fn stale(&self, error: &Error) -> Option<Answer> {
        let is_nobodys_wish = error.cancel_reason().is_some_and(|reason| reason != CancelReason::Deadline);
        if error.blame() == Blame::Caller || is_nobodys_wish || self.wish.wish == CacheWish::Refresh {
            return None;
        }
        let Self { cache: AnswerCache { settings, .. }, wish, .. } = self;
        let beyond = settings.stale_for.min(wish.max_stale.unwrap_or(Duration::MAX));
        let (kept, age, mut pieces) = self.kept(settings.fresh_for.saturating_add(beyond))?;
        if kept.has_calls {
            return None;
        }
        let code = if error.cancel_reason().is_some() { Code::TIMEOUT } else { error.last_attempt().code() };
        self.events.emit(|| Event::ServedStale { operation: self.operation.clone().into(), age, code });
        let age_seconds = u32::try_from(age.as_secs()).unwrap_or(u32::MAX);
        pieces.insert(0, Chunk::Status(Status::Stale { age_seconds, code: code.name().to_owned() }).into());
        Some(told_again(&kept.head, pieces, FromCache::Stale { age, code }))
    }

    fn kept(&self, limit: Duration) -> Option<(Arc<KeptAnswer>, Duration, Vec<Piece>)> {
        let kept = self.cache.kept.get(&self.key)?;
        let age = self.clock.now().saturating_duration_since(kept.at);
        let pieces = Some(&kept).filter(|_| age < limit)?.told(self.delivery)?;
        Some((kept, age, pieces))
    }

    /// The answer of whoever is asked for everybody. In one piece only when it is whole.
    async fn asked(&self, gateway: &Arc<Gateway>, ask: ChatAsk, time: CallerTime) -> Result<Answer, Error> {
        let (begun_by, alone) = (Arc::clone(gateway), ask.clone());
        let key = (self.key, self.delivery, ask.goes_on);
        let (seat, boarded) = self.cache.flights.board(&key, |teller| record(begun_by, ask, teller, key));
        if boarded == Boarded::Joined {
            self.events.emit(|| Event::FlightJoined { operation: self.operation.clone().into() });
        }
        let recording = time.wait(seat.told()).await??;
        let Some(place) = recording.read() else { return gateway.ask_anew(alone).await };
        let heard = listening(Listening { place, time, is_over: false, _seat: seat });
        let stream = match self.delivery {
            Delivery::Streamed => heard,
            Delivery::Whole => {
                let pieces: Vec<_> = heard.collect().await;
                told(pieces.into_iter().collect::<Result<Vec<Piece>, Error>>()?)
            }
        };
        Ok(answer_of(&recording.head, stream, FromCache::Missed))
    }
}

/// The one who asks for everybody, to the end of the answer. No caller's time holds for it: each has its own.
async fn record(
    gateway: Arc<Gateway>,
    ask: ChatAsk,
    teller: Teller<FlightKey, Arc<Recording>>,
    (key, delivery, _): FlightKey,
) {
    let Some(cache) = &gateway.cached else { return };
    let ask = ChatAsk { token: teller.token().clone(), deadline: None, ..ask };
    let Answer { stream, model, target, attempts, .. } = match gateway.ask_anew(ask).await {
        Ok(answer) => answer,
        Err(error) => return teller.tell(Err(error)),
    };
    let cut = target.clone();
    let recording = Arc::new(Recording::new(Head { model, target, attempts }, cache.longest_answer()));
    let taping = Taping { recording: Arc::clone(&recording), token: teller.token().clone() };
    teller.tell(Ok(Arc::clone(&recording)));
    let ended = tape(stream, &cut, &recording, || teller.close()).await;
    if let Some(pieces) = recording.whole().filter(|_| ended.is_ok())
        && let Some(answer) = KeptAnswer::of(recording.head.clone(), &pieces, delivery, gateway.asker.clock.now())
    {
        // Before the flight lands, so that whoever comes after it finds the answer here.
        cache.kept.insert(key, answer);
    }
    recording.end(ended);
    drop(taping);
}

/// Until the answer's own end, which is part of it.
async fn tape(mut stream: AnswerStream, target: &str, recording: &Recording, too_long: impl Fn()) -> Result<(), Error> {
    loop {
        let piece = stream.next().await.unwrap_or_else(|| Err(code::stream_cut(target)))?;
        let is_end = matches!(piece.chunk, Chunk::Finish { .. });
        if recording.add(piece) == Extent::TooLong {
            too_long();
        }
        if is_end {
            return Ok(());
        }
    }
}

/// Nobody waits for a recording that was stopped.
struct Taping {
    recording: Arc<Recording>,
    token: CancelToken,
}

impl Drop for Taping {
    fn drop(&mut self) {
        let why = self.token.reason().map_or_else(|| Error::internal("a recording was dropped"), Error::cancelled);
        self.recording.end(Err(why)); // changes nothing when it has its end
    }
}

struct Listening {
    place: Place,
    time: CallerTime,
    is_over: bool,
    /// Falls with the stream: the last one to leave ends the answer.
    _seat: Seat<FlightKey, Arc<Recording>>,
}

fn listening(listening: Listening) -> AnswerStream {
    Box::pin(stream::unfold(
        listening,
        |mut listening| async move { listening.next().await.map(|item| (item, listening)) },
    ))
}

impl Listening {
    async fn next(&mut self) -> Option<Result<Piece, Error>> {
        if self.is_over {
            return None;
        }
        let item = self.time.wait(self.place.next()).await.unwrap_or_else(|over| Some(Err(over)));
        self.is_over = matches!(item, Some(Err(_)));
        item
    }
}

fn told_again(head: &Head, pieces: Vec<Piece>, cached: FromCache) -> Answer {
    answer_of(head, told(pieces), cached)
}

fn told(pieces: Vec<Piece>) -> AnswerStream {
    Box::pin(stream::iter(pieces.into_iter().map(Ok)))
}

fn answer_of(head: &Head, stream: AnswerStream, cached: FromCache) -> Answer {
    let Head { model, target, attempts } = head.clone();
    Answer { stream, model, target, attempts, cached }
}

/// One answer may fill this part of the cache: a few long ones do not push out all the others.
const SHARE: usize = 8;
