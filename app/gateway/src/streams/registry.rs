//! All streams, by id: started, found by their owners only, kept for a while after their end, and let go when
//! together they hold too much.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use steadfast::{CancelReason, CancelToken, Clock, Error};
use steadfast_contract::{
    code,
    kept_stream::StreamStore,
    stream_log::{AnswerWriter, StreamState},
};
use tokio::time::Instant;

use super::{
    bounds::Bounds,
    idempotency::{IdempotencyKey, Keys},
    ledger::Ledger,
    live_stream::{LiveStream, Seat, StreamInfo},
    log::Log,
    reader::{Arrival, ReadFrom, StreamHandle, StreamReader},
    settings::StreamSettings,
    spec::{Keep, StreamSpec},
    writer::LogWriter,
};

pub(crate) struct Streams {
    pub(super) settings: StreamSettings,
    pub(super) clock: Clock,
    pub(super) token: CancelToken,
    ledger: Ledger,
    /// Which start of the program this is: the epoch of every log begun in it.
    epoch: u64,
    pub(super) store: Arc<dyn StreamStore>,
    /// Whether there is anything of ours in the store.
    pub(super) has_kept: AtomicBool,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    streams: HashMap<String, Arc<LiveStream>>,
    keys: Keys,
    gone: Gone,
    /// Whether a task looks for what is to be let go.
    is_swept: bool,
    /// When somebody last looked for room.
    looked: Option<Instant>,
}

/// Streams that were there once, so that their owners hear more than "unknown".
#[derive(Default)]
struct Gone {
    owners: HashMap<String, String>,
    by_age: VecDeque<String>,
}

/// What a request comes to: its place in a stream, and the right to write if the stream is new.
pub(super) struct Admitted {
    pub(super) handle: StreamHandle,
    pub(super) writer: Option<LogWriter>,
}

impl Streams {
    pub(crate) fn new(
        settings: StreamSettings,
        clock: Clock,
        token: CancelToken,
        (store, epoch): (Arc<dyn StreamStore>, u64),
    ) -> Self {
        let (ledger, has_kept) = (Ledger::default(), AtomicBool::new(false));
        Self { settings, clock, token, ledger, epoch, store, has_kept, inside: Mutex::default() }
    }

    /// A new stream below `token`, or the one that answers the same request already.
    pub(super) fn admit(
        &self,
        spec: StreamSpec,
        writer: Box<dyn AnswerWriter>,
        token: &CancelToken,
    ) -> Result<Admitted, Error> {
        if self.is_over_its_limit() {
            self.make_room();
        }
        let mut inside = self.inside();
        inside.keys.tidy(self.clock.now(), self.settings.keys_for, self.settings.keys_max);
        if let Some(earlier) = inside.answered_already(&spec)? {
            let arrival = if earlier.state().is_end() { Arrival::Replayed } else { Arrival::Attached };
            let seat = Seat::take(&earlier, self.settings.readers_max)?;
            return Ok(Admitted { handle: StreamHandle::new(seat, arrival), writer: None });
        }
        if self.is_over_its_limit() {
            return Err(Error::overloaded("the streams", Some(Duration::from_secs(1))));
        }
        if inside.streams.contains_key(&spec.id) || inside.gone.owners.contains_key(&spec.id) {
            return Err(Error::internal("a stream's id was given twice"));
        }
        inside.remember_key(&spec, self.clock.now());
        let log = self.log(writer).of_epoch(self.epoch, spec.keep.into());
        let token = token.child(format!("stream {}", spec.id));
        let stream = Arc::new(LiveStream::new(spec, log, token, self.clock.clone()));
        inside.streams.insert(stream.spec.id.clone(), Arc::clone(&stream));
        let handle = StreamHandle::new(Seat::take(&stream, self.settings.readers_max)?, Arrival::New);
        Ok(Admitted { handle, writer: Some(LogWriter::first(stream)) })
    }

    /// The key of a request that is no stream: does `begin` and remembers the key for `name`, or says who has it.
    pub(crate) fn claim_key<T>(
        &self,
        principal: &str,
        key: &IdempotencyKey,
        name: &str,
        begin: impl FnOnce() -> Option<T>,
    ) -> Result<Result<Option<T>, String>, Error> {
        let (mut inside, now) = (self.inside(), self.clock.now());
        inside.keys.tidy(now, self.settings.keys_for, self.settings.keys_max);
        if let Some(earlier) = inside.keys.find(principal, key)? {
            return Ok(Err(earlier.to_owned()));
        }
        let begun = begin();
        if begun.is_some() {
            inside.keys.remember(principal, key, name, now);
        }
        Ok(Ok(begun))
    }

    /// Sent again, the request is a new one.
    pub(crate) fn release_key(&self, principal: &str, key: &IdempotencyKey, name: &str) {
        self.inside().keys.release(principal, key, name);
    }

    pub(super) fn log(&self, writer: Box<dyn AnswerWriter>) -> Log {
        let bounds = Bounds { events: self.settings.events_max, bytes: self.settings.bytes_max };
        Log::new(writer, bounds, self.ledger.share())
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// A stream of an earlier process, under its old id and key.
    pub(super) fn insert(&self, stream: LiveStream) {
        let mut inside = self.inside();
        inside.remember_key(&stream.spec, self.clock.now());
        inside.streams.insert(stream.spec.id.clone(), Arc::new(stream));
    }

    /// One that was there once.
    pub(super) fn insert_gone(&self, spec: &StreamSpec) {
        let mut inside = self.inside();
        inside.remember_key(spec, self.clock.now());
        inside.gone.remember(&spec.id, &spec.principal);
    }

    pub(crate) fn read(&self, id: &str, principal: &str, from: ReadFrom) -> Result<StreamReader, Error> {
        let stream = self.find(id, principal)?;
        if let ReadFrom::After(after) = from
            && after > stream.log().last()
        {
            return Err(Error::validation("This stream has not come as far as the place that was named.")
                .with_detail("param", "Last-Event-ID"));
        }
        Ok(StreamReader::new(Seat::take(&stream, self.settings.readers_max)?, from))
    }

    /// Whether `epoch` wrote the frame `seq`, or could have.
    pub(crate) fn check_place(&self, id: &str, principal: &str, epoch: u64, seq: u64) -> Result<(), Error> {
        let stream = self.find(id, principal)?;
        let log = stream.log();
        let fits = match log.epoch_at(seq) {
            Some(written) => written == epoch,
            None => (1..=log.epoch()).contains(&epoch),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::validation("This stream has no such place.").with_detail("param", "Last-Event-ID"))
        }
    }

    /// Asks it to end and waits until it has; a stream that does not obey is ended all the same.
    pub(crate) async fn cancel(&self, id: &str, principal: &str) -> Result<StreamState, Error> {
        let stream = self.find(id, principal)?;
        stream.token.cancel(CancelReason::UserStop);
        tokio::select! {
            biased;
            state = stream.end() => return Ok(state),
            () = self.clock.sleep(self.settings.stop_patience) => {}
        }
        let reason = stream.token.reason().unwrap_or(CancelReason::UserStop);
        stream.end_for(Error::cancelled(reason));
        self.has_ended(&stream);
        Ok(stream.state())
    }

    /// Newest first.
    pub(crate) fn list(&self, principal: &str) -> Vec<StreamInfo> {
        let owned: Vec<_> =
            self.inside().streams.values().filter(|stream| stream.spec.principal == principal).cloned().collect();
        let mut infos: Vec<_> = owned.iter().map(|stream| stream.info()).collect();
        infos.sort_by(|a, b| (b.started_ms, &b.id).cmp(&(a.started_ms, &a.id)));
        infos
    }

    /// An answer that broke gives its key back, for another try. One that never began and was for one reader only is
    /// not kept: that reader was told.
    pub(super) fn has_ended(&self, stream: &LiveStream) {
        let began = stream.log().opened().is_some_and(Result::is_ok);
        let mut inside = self.inside();
        if !stream.state().is_the_models_own_end() {
            inside.release_key(stream);
        }
        if !began && stream.spec.keep == Keep::WhileRead {
            inside.streams.remove(&stream.spec.id);
        }
    }

    fn is_over_its_limit(&self) -> bool {
        self.ledger.bytes() > self.settings.bytes_all
    }

    /// Looks through all streams when together they hold too much, and not more often than is of use.
    pub(super) fn make_room_if_needed(&self) {
        if !self.is_over_its_limit() {
            return;
        }
        let now = self.clock.now();
        let looked = self.inside().looked.replace(now);
        if looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_AGAIN) {
            self.make_room();
        } else {
            self.inside().looked = looked;
        }
    }

    /// Lets go of what is too old; beyond the limit of ended streams, the oldest first; then of the frames of the
    /// oldest that are still being written.
    fn make_room(&self) {
        let mut inside = self.inside();
        let now = self.clock.now();
        let mut by_age: Vec<_> = inside.streams.values().cloned().collect();
        by_age.sort_by_cached_key(|stream| (stream.log().ended(), stream.started_ms));
        let mut written = Vec::new();
        // One after another: what is let go no longer counts once it is dropped here and nobody reads it.
        for stream in by_age {
            let Some(ended) = stream.log().ended() else {
                written.push(stream);
                continue;
            };
            if self.is_over_its_limit() || now.saturating_duration_since(ended) >= self.settings.keep_ended {
                inside.let_go(&stream);
            }
        }
        for stream in written.iter().take_while(|_| self.is_over_its_limit()) {
            stream.log().cut_to(Bounds { events: NEWEST_FRAMES, bytes: self.settings.bytes_max / 16 });
        }
    }

    /// Starts the task that lets ended streams go in time, unless it runs already. It ends with the last stream.
    pub(super) fn sweep(self: &Arc<Self>) {
        if std::mem::replace(&mut self.inside().is_swept, true) {
            return;
        }
        let (streams, token) = (Arc::clone(self), self.token.clone());
        drop(self.token.spawn("let ended streams go", async move {
            while token.run(streams.clock.sleep(streams.settings.keep_ended / 4)).await.is_ok() {
                streams.make_room();
                streams.tidy_store().await;
                let mut inside = streams.inside();
                if inside.streams.is_empty() {
                    inside.is_swept = false;
                    return;
                }
            }
        }));
    }

    /// Somebody else's stream and one that never was are the same answer.
    fn find(&self, id: &str, principal: &str) -> Result<Arc<LiveStream>, Error> {
        let inside = self.inside();
        match inside.streams.get(id).filter(|stream| stream.spec.principal == principal) {
            Some(stream) => Ok(Arc::clone(stream)),
            None if inside.gone.owners.get(id).is_some_and(|owner| owner == principal) => Err(code::stream_expired()),
            None => Err(Error::not_found("stream", "this id").with_message("There is no such stream.")),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// The stream that answers the same request. One that broke is no answer: sent again, the request is tried again.
    fn answered_already(&mut self, spec: &StreamSpec) -> Result<Option<Arc<LiveStream>>, Error> {
        let Some(key) = &spec.idempotency else { return Ok(None) };
        let Some(id) = self.keys.find(&spec.principal, key)? else { return Ok(None) };
        match self.streams.get(id) {
            Some(stream) => {
                let state = stream.state();
                let answers = !state.is_end() || state.is_the_models_own_end();
                Ok(answers.then(|| Arc::clone(stream)))
            }
            None => Err(code::stream_expired()),
        }
    }

    fn remember_key(&mut self, spec: &StreamSpec, now: Instant) {
        if let Some(key) = &spec.idempotency {
            self.keys.remember(&spec.principal, key, &spec.id, now);
        }
    }

    fn release_key(&mut self, stream: &LiveStream) {
        if let Some(key) = &stream.spec.idempotency {
            self.keys.release(&stream.spec.principal, key, &stream.spec.id);
        }
    }

    fn let_go(&mut self, stream: &LiveStream) {
        self.streams.remove(&stream.spec.id);
        self.gone.remember(&stream.spec.id, &stream.spec.principal);
    }
}

impl Gone {
    fn remember(&mut self, id: &str, principal: &str) {
        self.owners.insert(id.to_owned(), principal.to_owned());
        self.by_age.push_back(id.to_owned());
        if self.by_age.len() > REMEMBERED
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.owners.remove(&oldest);
        }
    }
}

/// A look costs a walk over all streams; when it finds nothing, the next piece will find nothing either.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Left of a stream that has to give way: what a reader that keeps up still needs.
const NEWEST_FRAMES: usize = 256;
/// About 1 MiB of ids.
const REMEMBERED: usize = 8_192;
