//! Computes: several conversations in one context, each step a little of every one of them.
//!
//! Reading a prompt and writing an answer are the same act: feed the tokens that the memory lacks, and when the
//! last one is in, choose the next. A resumed answer is a longer prompt.

use std::{
    io,
    ops::ControlFlow,
    rc::Rc,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, TryRecvError},
    },
};

use super::{
    super::{
        llama::{Batch, Context, Logits, Model, Signals, Size, Undecoded},
        protocol::{End, Facts, Fault, Generate, Load, Reply, Request},
        variants,
    },
    Wire,
    prompt::PromptWriter,
    share::fair_shares,
};
use crate::generate::sampling::{Desk, Sampler, Token};

/// Loads the model and serves until the server ends the conversation.
pub(super) fn run(load: &Load, requests: &Receiver<Request>, wire: &Wire, signals: &Arc<Signals>) -> io::Result<()> {
    signals.working.store(true, Ordering::Relaxed);
    match Engine::load(load, wire, signals) {
        Ok(mut engine) => {
            wire.send(&Reply::Loaded(engine.facts.clone()))?;
            engine.serve(requests)
        }
        Err(Unready::Gone) => Ok(()),
        Err(Unready::Fault(fault)) => wire.send(&Reply::LoadFailed(fault)),
    }
}

struct Engine {
    context: Context,
    model: Rc<Model>,
    writer: PromptWriter,
    slots: Vec<Slot>,
    facts: Facts,
    wire: Wire,
    signals: Arc<Signals>,
    batch: Batch,
    desk: Desk,
    /// Counts answers, to know which idle slot was used longest ago.
    answers: u64,
}

enum Unready {
    /// The server took its request back.
    Gone,
    Fault(Fault),
}

/// The memory of one conversation. It keeps what it read after an answer, for the next turn.
#[derive(Debug, Default)]
struct Slot {
    /// What the context holds for this slot.
    read: Vec<Token>,
    job: Option<Job>,
    used: u64,
}

/// An answer being written.
#[derive(Debug)]
struct Job {
    id: u64,
    /// The prompt and the answer so far.
    tokens: Vec<Token>,
    prompt: usize,
    /// No longer than this in all.
    most: usize,
    sampler: Sampler,
    reading: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// More than one piece; the server is told how far it has come.
    Long,
    Short,
}

impl Engine {
    fn load(load: &Load, wire: &Wire, signals: &Arc<Signals>) -> Result<Self, Unready> {
        let variant = variants::load_best(load.skip_variants).ok_or_else(|| {
            fault(Fault::Internal("no build of llama.cpp's kernels was found that runs on this processor".into()))
        })?;
        tell(wire, &Reply::Chose { rank: variant.rank, name: variant.name.into() })?;
        let model = Rc::new(load_model(load, wire, signals)?);
        let writer = PromptWriter::new(&model).map_err(fault)?;
        tell(wire, &Reply::WarmingUp)?;
        let trained_context = model.trained_context();
        let size = Size {
            slots: load.slots.max(1),
            context: load.context.min(trained_context).max(1),
            batch: PIECE as u32,
            threads: load.threads.max(1),
        };
        let context = Context::new(&model, size, signals)
            .ok_or_else(|| fault(Fault::OutOfMemory("there is not enough memory for the conversation".into())))?;
        let facts = Facts {
            context: context.length().min(size.context),
            trained_context,
            slots: size.slots,
            threads: size.threads,
            variant: variant.name.into(),
            has_template: model.chat_template().is_some(),
            parameters: model.parameters(),
            resident_bytes: 0,
        };
        let slots = (0..size.slots).map(|_| Slot::default()).collect();
        let mut engine = Self {
            context,
            model,
            writer,
            slots,
            facts,
            wire: wire.clone(),
            signals: Arc::clone(signals),
            batch: Batch::default(),
            desk: Desk::default(),
            answers: 0,
        };
        engine.warm_up()?;
        engine.facts.resident_bytes = resident_bytes();
        Ok(engine)
    }

    /// Computes one token for nobody, so that the first question does not wait for pages of the file.
    fn warm_up(&mut self) -> Result<(), Unready> {
        self.batch.clear();
        self.batch.add(0, 0, 0, Logits::Wanted);
        match self.context.decode(&mut self.batch) {
            Ok(()) => {}
            Err(Undecoded::Aborted) => return Err(Unready::Gone),
            Err(Undecoded::Failed(code)) => {
                return Err(fault(Fault::InvalidModelFile(format!(
                    "the model loads but cannot compute (llama.cpp says {code})"
                ))));
            }
        }
        self.context.keep_first(0, 0);
        Ok(())
    }

    fn serve(&mut self, requests: &Receiver<Request>) -> io::Result<()> {
        while self.take_requests(requests)?.is_continue() {
            self.step()?;
        }
        Ok(())
    }

    /// Takes what was asked meanwhile; waits when there is nothing else to do. Breaks when the server is gone.
    fn take_requests(&mut self, requests: &Receiver<Request>) -> io::Result<ControlFlow<()>> {
        self.signals.abort.store(false, Ordering::Relaxed);
        loop {
            let idle = self.slots.iter().all(|slot| slot.job.is_none());
            self.signals.working.store(!idle, Ordering::Relaxed);
            let request =
                if idle { requests.recv().map_err(|_| TryRecvError::Disconnected) } else { requests.try_recv() };
            match request {
                Ok(Request::Generate(generate)) => self.accept(generate)?,
                Ok(Request::Cancel { id }) => self.drop_job(id),
                Ok(Request::Load(_)) => return Err(io::Error::other("a worker loads one model")),
                Err(TryRecvError::Empty) => return Ok(ControlFlow::Continue(())),
                Ok(Request::Exit) | Err(TryRecvError::Disconnected) => return Ok(ControlFlow::Break(())),
            }
        }
    }

    fn accept(&mut self, generate: Generate) -> io::Result<()> {
        let id = generate.id;
        self.signals.working.store(true, Ordering::Relaxed);
        match self.begin(generate) {
            Ok(accepted) => self.wire.send(&accepted),
            Err(fault) => self.wire.send(&Reply::Failed { id, fault }),
        }
    }

    fn begin(&mut self, generate: Generate) -> Result<Reply, Fault> {
        let prompt = self.writer.tokens(generate.prompt)?;
        let limit = self.facts.context as usize;
        if prompt.is_empty() || prompt.len() >= limit {
            return Err(Fault::ContextTooLong { tokens: prompt.len() as u64, limit: limit as u64 });
        }
        let tokens = [prompt.as_slice(), &generate.answer].concat();
        let (number, slot) = self
            .best_slot(&tokens)
            .ok_or_else(|| Fault::Internal("the server asked for more answers at once than there are slots".into()))?;
        let common = common_beginning(&slot.read, &tokens).min(tokens.len() - 1);
        let kept = if self.context.keep_first(number, common) { common } else { 0 };
        self.answers += 1;
        let most = generate.max_tokens.map_or(limit, |most| limit.min(prompt.len().saturating_add(most as usize)));
        let slot = &mut self.slots[number as usize];
        slot.read.truncate(kept);
        slot.used = self.answers;
        slot.job = Some(Job {
            id: generate.id,
            prompt: prompt.len(),
            most,
            sampler: generate.sampler,
            reading: if tokens.len() - kept > PIECE { Reading::Long } else { Reading::Short },
            tokens,
        });
        Ok(Reply::Accepted { id: generate.id, cached: kept.min(prompt.len()) as u32, prompt })
    }

    /// The idle slot that has read most of these tokens already; among equals the one used longest ago.
    fn best_slot(&self, tokens: &[Token]) -> Option<(i32, &Slot)> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.job.is_none())
            .max_by_key(|(_, slot)| (common_beginning(&slot.read, tokens), std::cmp::Reverse(slot.used)))
    }

    fn drop_job(&mut self, id: u64) {
        for slot in &mut self.slots {
            slot.job.take_if(|job| job.id == id);
        }
    }

    /// Reads a little for every answer, and writes a token for each whose reading is done.
    fn step(&mut self) -> io::Result<()> {
        let wants: Vec<usize> = self.slots.iter().map(Slot::unread).collect();
        let shares = fair_shares(&wants, PIECE);
        self.batch.clear();
        let mut rows = vec![None; self.slots.len()];
        for (index, slot) in self.slots.iter().enumerate() {
            rows[index] = slot.feed(index as i32, shares[index], &mut self.batch);
        }
        match self.context.decode(&mut self.batch) {
            Ok(()) => {}
            Err(Undecoded::Aborted) => return self.forget_unfinished(),
            Err(Undecoded::Failed(code)) => {
                return Err(io::Error::other(format!("llama.cpp could not compute (it says {code})")));
            }
        }
        for (index, row) in rows.into_iter().enumerate() {
            self.slots[index].note_read(shares[index]);
            match row {
                Some(row) => self.write_one(index, row)?,
                None => self.tell_reading(index)?,
            }
        }
        Ok(())
    }

    /// After an abort the context may hold a part of the batch that we did not count.
    fn forget_unfinished(&mut self) -> io::Result<()> {
        for (number, slot) in (0..).zip(&mut self.slots) {
            if slot.job.is_some() && !self.context.keep_first(number, slot.read.len()) {
                slot.read.clear();
            }
        }
        Ok(())
    }

    fn write_one(&mut self, index: usize, row: usize) -> io::Result<()> {
        let slot = &mut self.slots[index];
        let Some(job) = &mut slot.job else { return Ok(()) };
        let position = job.tokens.len() - job.prompt;
        let token = job.sampler.choose(self.context.logits(row), &job.tokens, position as u64, &mut self.desk);
        let id = job.id;
        let end = match token {
            None => return Err(io::Error::other("llama.cpp gave no logits")),
            _ if job.tokens.len() >= job.most => Some(End::Length),
            Some(token) if self.model.ends_answer(token) => Some(End::Stop),
            Some(token) => {
                job.tokens.push(token);
                let bytes = self.model.bytes_of(token);
                self.wire.send(&Reply::Wrote { id, position: position as u32, token, bytes })?;
                (job.tokens.len() >= job.most).then_some(End::Length)
            }
        };
        let Some(end) = end else { return Ok(()) };
        slot.job = None;
        self.wire.send(&Reply::Finished { id, end })
    }

    fn tell_reading(&self, index: usize) -> io::Result<()> {
        let slot = &self.slots[index];
        match &slot.job {
            Some(job) if job.reading == Reading::Long => self.wire.send(&Reply::Reading {
                id: job.id,
                done: slot.read.len() as u32,
                total: job.tokens.len() as u32,
            }),
            _ => Ok(()),
        }
    }
}

impl Slot {
    fn unread(&self) -> usize {
        self.job.as_ref().map_or(0, |job| job.tokens.len() - self.read.len())
    }

    /// Puts the next `share` tokens into the batch; the row with the logits when they are the last ones.
    fn feed(&self, number: i32, share: usize, batch: &mut Batch) -> Option<usize> {
        let job = self.job.as_ref()?;
        let last = job.tokens.len() - 1;
        let from = self.read.len();
        for (position, token) in job.tokens.iter().enumerate().skip(from).take(share) {
            batch.add(number, position, *token, if position == last { Logits::Wanted } else { Logits::NotWanted });
        }
        (from + share > last).then(|| batch.len() - 1)
    }

    fn note_read(&mut self, share: usize) {
        if let Some(job) = &self.job {
            let from = self.read.len();
            self.read.extend_from_slice(&job.tokens[from..from + share]);
        }
    }
}

fn load_model(load: &Load, wire: &Wire, signals: &Signals) -> Result<Model, Unready> {
    let mut told = -1.0;
    let model = Model::load(&load.path, |fraction| {
        signals.steps.fetch_add(1, Ordering::Relaxed);
        if fraction - told >= LEAST_PROGRESS || fraction >= 1.0 {
            told = fraction;
            if tell(wire, &Reply::Loading { fraction: fraction.clamp(0.0, 1.0) }).is_err() {
                return ControlFlow::Break(());
            }
        }
        if signals.exit.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match model {
        _ if signals.exit.load(Ordering::Relaxed) => Err(Unready::Gone),
        Some(model) if model.can_generate() => Ok(model),
        Some(_) => Err(fault(Fault::InvalidModelFile("the model cannot write text".into()))),
        None => Err(fault(Fault::InvalidModelFile("llama.cpp could not load the model".into()))),
    }
}

fn tell(wire: &Wire, reply: &Reply) -> Result<(), Unready> {
    wire.send(reply).map_err(|_| Unready::Gone)
}

fn fault(fault: Fault) -> Unready {
    Unready::Fault(fault)
}

fn common_beginning(one: &[Token], other: &[Token]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// From Linux's own count; 0 where there is none.
fn resident_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

/// Tokens per step: small enough that a cancellation and the others' next tokens wait only a moment.
const PIECE: usize = 128;
const LEAST_PROGRESS: f32 = 0.01;
