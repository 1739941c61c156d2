//! The same question for an answer in one piece, sent twice under one idempotency key: answered once. The second waits
//! for the first, or gets its very bytes for a day; a key that names another question is refused (`streams` has the
//! keys, so that one key is one request whatever its manner). What broke is not an answer: sent again, it is tried again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use steadfast::{CancelToken, Clock, Deadline, Error};
use steadfast_contract::code;
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    asking::Question,
    cached::FromCache,
    caller_time::CallerTime,
    chat::AttemptNote,
    flights::{Boarded, Flights, Seat, Teller},
    gateway::Gateway,
    streams::{Arrival, IdempotencyKey},
};

/// An answer in one piece as its client got it.
#[derive(Debug, Clone)]
pub struct WholeReply {
    pub body: Bytes,
    pub model: String,
    pub target: String,
    pub attempts: Vec<AttemptNote>,
    pub cached: FromCache,
}

/// Whose request it is, by which key, and how long its caller waits.
#[derive(Debug)]
pub struct OnceAsk {
    pub principal: String,
    pub key: IdempotencyKey,
    /// The caller's own limit; ours holds as well.
    pub deadline: Option<Duration>,
    /// Cancelled when the caller leaves.
    pub token: CancelToken,
}

pub(crate) struct Replies {
    flights: Flights<String, Arc<WholeReply>>,
    /// By the name under which the keys know them.
    kept: Mutex<Kept>,
    keep_for: Duration,
}

#[derive(Default)]
struct Kept {
    replies: HashMap<String, Arc<WholeReply>>,
    by_age: VecDeque<(Instant, String)>,
    bytes: usize,
}

/// Where a request stands.
enum Place {
    Kept(Arc<WholeReply>),
    UnderWay(Seat<String, Arc<WholeReply>>, Boarded),
    /// The key is known, and nothing is there for it.
    Nothing,
}

impl Gateway {
    /// What `work` comes to, for everybody who sends the same under the same key. `work` is given the token that it
    /// must obey: it ends when nobody waits any more.
    ///
    /// # Errors
    /// `KEY_REUSED` when the key was used for something else, `STREAM_EXPIRED` when its answer is no longer kept;
    /// otherwise those of `work`, for everybody who waits.
    pub async fn answer_once<F, Fut>(
        self: &Arc<Self>,
        ask: OnceAsk,
        work: F,
    ) -> Result<(Arc<WholeReply>, Arrival), Error>
    where
        F: FnOnce(CancelToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<WholeReply, Error>> + Send + 'static,
    {
        let clock = &self.asker.clock;
        let deadline = Deadline::after(clock, Question::limit(&self.asker.settings, ask.deadline));
        let time = CallerTime { token: ask.token.clone(), deadline, clock: clock.clone() };
        let mut work = Some(work);
        for _look in 0..LOOKS {
            match self.place(&ask, &mut work)? {
                Place::Kept(reply) => return Ok((reply, Arrival::Replayed)),
                Place::UnderWay(seat, boarded) => {
                    let reply = time.wait(seat.told()).await??;
                    let arrival = if boarded == Boarded::First { Arrival::New } else { Arrival::Attached };
                    return Ok((reply, arrival));
                }
                // It was stopped a moment ago and its key is about to be free; or it is no longer kept.
                Place::Nothing => time.wait(clock.sleep(BETWEEN_LOOKS)).await?,
            }
        }
        Err(code::stream_expired()
            .with_message("The answer that was given under this `Idempotency-Key` is no longer kept."))
    }

    fn place<F, Fut>(self: &Arc<Self>, ask: &OnceAsk, work: &mut Option<F>) -> Result<Place, Error>
    where
        F: FnOnce(CancelToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<WholeReply, Error>> + Send + 'static,
    {
        let name = format!("reply {}", Uuid::new_v4().simple());
        let (streams, replies) = (&self.streams, &self.replies);
        let claimed = streams.claim_key(&ask.principal, &ask.key, &name, || {
            // Under the keys' lock: whoever finds the key finds the flight too.
            let work = work.take()?;
            let (gateway, key, principal) = (Arc::clone(self), ask.key.clone(), ask.principal.clone());
            let named = name.clone();
            Some(replies.flights.board(&name, |teller| run(gateway, teller, work, principal, key, named)))
        })?;
        Ok(match claimed {
            Ok(Some((seat, boarded))) => Place::UnderWay(seat, boarded),
            Ok(None) => Place::Nothing,
            Err(earlier) => match (replies.flights.join(&earlier), replies.kept().replies.get(&earlier)) {
                (Some(seat), _) => Place::UnderWay(seat, Boarded::Joined),
                (None, Some(reply)) => Place::Kept(Arc::clone(reply)),
                (None, None) => Place::Nothing,
            },
        })
    }
}

/// Keeps the reply before it is told, and lets go of the key when there is none.
async fn run<F, Fut>(
    gateway: Arc<Gateway>,
    teller: Teller<String, Arc<WholeReply>>,
    work: F,
    principal: String,
    key: IdempotencyKey,
    name: String,
) where
    F: FnOnce(CancelToken) -> Fut,
    Fut: Future<Output = Result<WholeReply, Error>>,
{
    let release = Release { gateway: Arc::clone(&gateway), principal, key, name: Some(name) };
    match work(teller.token().clone()).await {
        Ok(reply) => {
            let reply = Arc::new(reply);
            if let Some(name) = release.not_wanted() {
                gateway.replies.keep(name, Arc::clone(&reply), &gateway.asker.clock);
            }
            teller.tell(Ok(reply));
        }
        Err(error) => {
            drop(release);
            teller.tell(Err(error));
        }
    }
}

/// Frees the key when the work ended without a reply, however it ended.
struct Release {
    gateway: Arc<Gateway>,
    principal: String,
    key: IdempotencyKey,
    name: Option<String>,
}

impl Release {
    fn not_wanted(mut self) -> Option<String> {
        self.name.take()
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.gateway.streams.release_key(&self.principal, &self.key, name);
        }
    }
}

impl Replies {
    pub(crate) fn new(keep_for: Duration, token: CancelToken) -> Self {
        Self { flights: Flights::new(token), kept: Mutex::default(), keep_for }
    }

    fn keep(&self, name: String, reply: Arc<WholeReply>, clock: &Clock) {
        let (mut kept, now) = (self.kept(), clock.now());
        kept.bytes += weight(&reply);
        kept.by_age.push_back((now, name.clone()));
        kept.replies.insert(name, reply);
        while let Some((since, _)) = kept.by_age.front() {
            if kept.bytes <= MOST_BYTES && now.saturating_duration_since(*since) < self.keep_for {
                return;
            }
            kept.let_go_of_the_oldest();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn let_go_of_the_oldest(&mut self) {
        if let Some((_, name)) = self.by_age.pop_front()
            && let Some(reply) = self.replies.remove(&name)
        {
            self.bytes -= weight(&reply);
        }
    }
}

fn weight(reply: &WholeReply) -> usize {
    reply.body.len() + EMPTY
}

/// What a reply costs beside its body; makes their number bounded by the same limit.
const EMPTY: usize = 1024;
/// Some ten thousand answers of a usual length; the oldest go first.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// Longer than a stopped answer takes to let go of its key.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);
