//! Keeps one engine alive: starts the child, hears it, tells how it died, starts the next one, and hands every
//! unfinished answer over to it.
//!
//! One task owns all of it, so there is nothing to lock. It never waits for a client: a client that does not read
//! only lets its own answer pile up.

mod ending;
mod link;
mod patience;
mod process;
mod restarts;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use steadfast::{CancelReason, CancelToken, Error};
use steadfast_contract::{
    chunk::Status,
    code::{context_too_long, model_crashed},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

pub(super) use self::ending::{Ending, State};
use self::{
    link::{Link, Unsent},
    patience::Patience,
    process::{Death, Process, cause_of},
    restarts::{Restarts, Verdict},
};
use super::{
    Gauges, WorkerEvent, WorkerNotes, WorkerSettings,
    answer::{Answer, Next},
    protocol::{Facts, Fault, Load, Reply, Request, VERSION},
};

/// What the worker's handles ask for.
#[derive(Debug)]
pub(super) enum Command {
    Open(Box<Answer>),
}

pub(super) struct Supervisor {
    settings: WorkerSettings,
    model: String,
    path: PathBuf,
    token: CancelToken,
    notes: WorkerNotes,
    gauges: Arc<Gauges>,
    commands: mpsc::Receiver<Command>,
    state: watch::Sender<State>,
    /// In the child's hands, by number; lower numbers came first.
    writing: BTreeMap<u64, Answer>,
    waiting: VecDeque<(u64, Answer)>,
    unwanted: FuturesUnordered<BoxFuture<'static, (u64, Option<CancelReason>)>>,
    answers: u64,
    restarts: Restarts,
    /// How many of the best CPU variants this processor refused.
    skip_variants: u32,
    variant: Option<u32>,
}

/// How one child's life ended.
enum Life {
    Over(Ending),
    Lost(Death, String),
}

/// Something that is not a reply of the child.
enum Outside {
    Cancelled(CancelReason),
    Unwanted(u64, CancelReason),
    Settled,
    Command(Command),
    NobodyLeft,
}

impl Supervisor {
    pub(super) fn new(
        settings: WorkerSettings,
        model: &str,
        path: PathBuf,
        token: CancelToken,
        notes: WorkerNotes,
        gauges: Arc<Gauges>,
        (commands, state): (mpsc::Receiver<Command>, watch::Sender<State>),
    ) -> Self {
        Self {
            restarts: Restarts::new(settings.most_restarts, settings.restart_window),
            settings,
            model: model.to_owned(),
            path,
            token,
            notes,
            gauges,
            commands,
            state,
            writing: BTreeMap::new(),
            waiting: VecDeque::new(),
            unwanted: FuturesUnordered::new(),
            answers: 0,
            skip_variants: 0,
            variant: None,
        }
    }

    pub(super) async fn run(mut self) {
        let ending = self.lives().await;
        self.commands.close();
        while let Ok(Command::Open(answer)) = self.commands.try_recv() {
            self.waiting.push_back((0, *answer));
        }
        self.state.send_replace(State::Ended(ending.clone()));
        for answer in self.writing.values().chain(self.waiting.iter().map(|(_, answer)| answer)) {
            answer.fail(ending.to_error(&self.model));
        }
        (self.notes)(WorkerEvent::Ended);
    }

    async fn lives(&mut self) -> Ending {
        loop {
            let (death, last_words) = match self.live().await {
                Life::Over(ending) => return ending,
                Life::Lost(death, last_words) => (death, last_words),
            };
            let wait = match self.mourn(&death) {
                Verdict::Again { attempt, wait } => {
                    (self.notes)(WorkerEvent::Restarting { cause: death.to_string(), attempt });
                    wait
                }
                Verdict::GiveUp { retry_after } => {
                    return Ending::Crashed { cause: death.to_string(), last_words, retry_after };
                }
            };
            if let ControlFlow::Break(ending) = self.pause_until(self.settings.clock.now() + wait).await {
                return ending;
            }
        }
    }

    /// Decides whether there will be another child, and which answers it may not see again.
    fn mourn(&mut self, death: &Death) -> Verdict {
        let was_ready = matches!(*self.state.borrow(), State::Ready(_));
        self.state.send_replace(State::Starting);
        let cause = death.to_string();
        let suspects: Vec<u64> =
            self.writing.iter_mut().filter_map(|(id, answer)| (!answer.can_resume(&cause)).then_some(*id)).collect();
        for id in suspects {
            if let Some(answer) = self.writing.remove(&id) {
                answer.fail(model_crashed(&self.model).with_detail("cause", &cause));
            }
        }
        if *death == Death::IllegalInstruction {
            // There are only so many variants, so this ends without a budget.
            self.skip_variants = self.variant.take().unwrap_or(self.skip_variants) + 1;
            return Verdict::at_once();
        }
        self.restarts.judge(self.settings.clock.now(), was_ready)
    }

    /// One child from its start to its end.
    async fn live(&mut self) -> Life {
        let started = match Process::start(&self.settings, &self.token).await {
            Ok((process, socket)) => Link::new(socket, &self.token).map(|link| (process, link)),
            Err(error) => Err(error),
        };
        let (mut process, mut link) = match started {
            Ok(started) => started,
            Err(error) => return Life::Over(Ending::CannotStart(error.to_string())),
        };
        self.gauges.pid.store(process.pid(), Ordering::Relaxed);
        let life = self.attend(&mut link).await;
        drop(link); // the child sees it and ends
        let life = self.bury(&mut process, life).await;
        self.gauges.pid.store(0, Ordering::Relaxed);
        life
    }

    /// Hears the child and the outside until one of them ends it; `None` when the child closed the line.
    async fn attend(&mut self, link: &mut Link) -> Option<Life> {
        let clock = self.settings.clock.clone();
        let mut patience = Patience::new(clock.now(), self.settings.load_hang_after, self.settings.hang_after);
        loop {
            let next = tokio::select! {
                biased;
                outside = self.outside() => self.react(outside, Some(link)),
                reply = link.next() => {
                    let reply = reply?;
                    patience.hear(&reply, clock.now());
                    self.hear(reply, link)
                }
                () = clock.sleep_until(patience.ends()) => ControlFlow::Break(Life::Lost(patience.verdict(), String::new())),
            };
            if let ControlFlow::Break(life) = next {
                return Some(life);
            }
        }
    }

    /// Makes sure that the child is gone, and finds out why when nobody knows yet.
    async fn bury(&mut self, process: &mut Process, life: Option<Life>) -> Life {
        if matches!(life, Some(Life::Lost(..))) {
            process.kill();
        }
        let grace = self.settings.clock.now() + self.settings.exit_grace;
        let status = tokio::select! {
            status = process.ended() => status,
            () = self.settings.clock.sleep_until(grace) => {
                process.kill();
                process.ended().await
            }
        };
        match (life, status) {
            (Some(Life::Lost(death, _)), _) => Life::Lost(death, process.last_words()),
            (Some(over), _) => over,
            (None, Ok(status)) => Life::Lost(cause_of(status), process.last_words()),
            (None, Err(error)) => Life::Lost(Death::Crashed(error.to_string()), process.last_words()),
        }
    }

    /// Waits before the next start, while the outside goes on.
    async fn pause_until(&mut self, until: Instant) -> ControlFlow<Ending> {
        let clock = self.settings.clock.clone();
        loop {
            tokio::select! {
                biased;
                outside = self.outside() => {
                    if let ControlFlow::Break(Life::Over(ending)) = self.react(outside, None) {
                        return ControlFlow::Break(ending);
                    }
                }
                () = clock.sleep_until(until) => return ControlFlow::Continue(()),
            }
        }
    }

    async fn outside(&mut self) -> Outside {
        tokio::select! {
            biased;
            reason = self.token.cancelled() => Outside::Cancelled(reason),
            Some((id, why)) = self.unwanted.next() => why.map_or(Outside::Settled, |reason| Outside::Unwanted(id, reason)),
            command = self.commands.recv() => command.map_or(Outside::NobodyLeft, Outside::Command),
        }
    }

    fn react(&mut self, outside: Outside, link: Option<&Link>) -> ControlFlow<Life> {
        match outside {
            Outside::Cancelled(reason) => ControlFlow::Break(Life::Over(Ending::Cancelled(reason))),
            Outside::NobodyLeft => ControlFlow::Break(Life::Over(Ending::Cancelled(CancelReason::ClientGone))),
            Outside::Settled => ControlFlow::Continue(()),
            Outside::Unwanted(id, reason) => self.drop_answer(id, reason, link),
            Outside::Command(Command::Open(answer)) => {
                self.answers += 1;
                let (id, unwanted) = (self.answers, answer.unwanted());
                self.unwanted.push(Box::pin(async move { (id, unwanted.await) }));
                self.waiting.push_back((id, *answer));
                self.fill_slots(link)
            }
        }
    }

    fn drop_answer(&mut self, id: u64, reason: CancelReason, link: Option<&Link>) -> ControlFlow<Life> {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == id)
            && let Some((_, answer)) = self.waiting.remove(at)
        {
            answer.fail(Error::cancelled(reason));
            self.tell_places();
        }
        let Some(answer) = self.writing.remove(&id) else { return ControlFlow::Continue(()) };
        answer.fail(Error::cancelled(reason));
        self.release(id, link)
    }

    /// The child need not go on with this answer; somebody else may have its place.
    fn release(&mut self, id: u64, link: Option<&Link>) -> ControlFlow<Life> {
        if let Some(link) = link
            && link.send(&Request::Cancel { id }).is_err()
        {
            return lost_contact();
        }
        self.fill_slots(link)
    }

    fn hear(&mut self, reply: Reply, link: &Link) -> ControlFlow<Life> {
        match reply {
            Reply::Hello { version } => return self.greet(version, link),
            Reply::Chose { rank, name } => {
                self.variant = Some(rank);
                (self.notes)(WorkerEvent::Chose { variant: name });
            }
            Reply::Loading { fraction } => (self.notes)(WorkerEvent::Loading { fraction }),
            Reply::WarmingUp => (self.notes)(WorkerEvent::WarmingUp),
            Reply::Loaded(facts) => return self.ready(facts, link),
            Reply::LoadFailed(fault) => return ControlFlow::Break(Life::Over(Ending::Unloadable(fault))),
            Reply::Heartbeat { .. } => self.writing.values().for_each(Answer::alive),
            Reply::Accepted { id, prompt, cached } => {
                if let Some(answer) = self.writing.get_mut(&id) {
                    answer.accepted(prompt, cached);
                }
            }
            Reply::Reading { id, done, total } => {
                if let Some(answer) = self.writing.get(&id) {
                    answer.status(Status::Reading { done, total });
                }
            }
            Reply::Wrote { id, position, token, bytes } => return self.wrote(id, (position, token, &bytes), link),
            Reply::Finished { id, end } => {
                if let Some(mut answer) = self.writing.remove(&id) {
                    answer.finished(end);
                }
                return self.fill_slots(Some(link));
            }
            Reply::Failed { id, fault } => {
                if let Some(answer) = self.writing.remove(&id) {
                    answer.fail(fault_to_error(&fault, &self.model));
                }
                return self.fill_slots(Some(link));
            }
        }
        ControlFlow::Continue(())
    }

    fn greet(&self, version: u32, link: &Link) -> ControlFlow<Life> {
        if version != VERSION {
            let why = "The program was replaced while it ran; restart the server.".to_owned();
            return ControlFlow::Break(Life::Over(Ending::CannotStart(why)));
        }
        let load = Load {
            path: self.path.clone(),
            slots: self.settings.slots,
            context: self.settings.context,
            threads: self.settings.threads,
            skip_variants: self.skip_variants,
            heartbeat: self.settings.heartbeat,
        };
        if link.send(&Request::Load(load)).is_err() { lost_contact() } else { ControlFlow::Continue(()) }
    }

    /// Unfinished answers first, in the order in which they came.
    fn ready(&mut self, facts: Facts, link: &Link) -> ControlFlow<Life> {
        self.state.send_replace(State::Ready(facts.clone()));
        (self.notes)(WorkerEvent::Ready(facts));
        for (id, answer) in std::mem::take(&mut self.writing) {
            self.hand_over(id, answer, link)?;
        }
        self.fill_slots(Some(link))
    }

    fn fill_slots(&mut self, link: Option<&Link>) -> ControlFlow<Life> {
        let ready = matches!(*self.state.borrow(), State::Ready(_));
        if let (true, Some(link)) = (ready, link) {
            while self.writing.len() < self.settings.slots as usize
                && let Some((id, answer)) = self.waiting.pop_front()
            {
                self.hand_over(id, answer, link)?;
            }
        }
        self.tell_places();
        ControlFlow::Continue(())
    }

    fn hand_over(&mut self, id: u64, answer: Answer, link: &Link) -> ControlFlow<Life> {
        match link.send(&Request::Generate(answer.request(id))) {
            Ok(()) => {
                self.writing.insert(id, answer);
                ControlFlow::Continue(())
            }
            Err(Unsent::TooLarge) => {
                let limit = self.state.borrow().context();
                let why = format!("This conversation is longer than {} can read ({limit} tokens).", self.model);
                answer.fail(context_too_long(&self.model, u64::from(limit), u64::from(limit)).with_message(why));
                ControlFlow::Continue(())
            }
            Err(Unsent::Stuck) => {
                self.writing.insert(id, answer);
                lost_contact()
            }
        }
    }

    fn tell_places(&self) {
        for (place, (_, answer)) in (1..).zip(&self.waiting) {
            answer.status(Status::Waiting { place });
        }
    }

    fn wrote(&mut self, id: u64, (position, token, bytes): (u32, i32, &[u8]), link: &Link) -> ControlFlow<Life> {
        let Some(answer) = self.writing.get_mut(&id) else { return ControlFlow::Continue(()) };
        match answer.wrote(position, token, bytes) {
            Next::GoOn => ControlFlow::Continue(()),
            Next::Broken => ControlFlow::Break(Life::Lost(
                Death::Crashed("the engine sent a token out of order".into()),
                String::new(),
            )),
            Next::Complete => {
                self.writing.remove(&id);
                self.release(id, Some(link))
            }
        }
    }
}

fn lost_contact() -> ControlFlow<Life> {
    ControlFlow::Break(Life::Lost(Death::Hung("the engine did not listen any more".into()), String::new()))
}

fn fault_to_error(fault: &Fault, model: &str) -> Error {
    match fault {
        Fault::InvalidModelFile(why) => steadfast_contract::code::invalid_model_file(why),
        Fault::OutOfMemory(why) => Error::out_of_memory(model).with_detail("cause", why),
        Fault::ContextTooLong { tokens, limit } => context_too_long(model, *tokens, *limit),
        Fault::Refused(why) => Error::validation(why),
        Fault::Internal(why) => Error::internal(why),
    }
}
