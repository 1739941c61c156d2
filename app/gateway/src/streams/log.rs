//! The log of one stream: what its writer wrote, numbered, and how it ended.
//!
//! Everything happens under one lock, so a number is given and kept in one step. Whoever writes shows the epoch that
//! it was given; after a takeover the old one is refused. The writer of the protocol lives in here, because only it
//! can say everything so far in one frame, and only under the same lock is that the truth up to a number.

use std::collections::VecDeque;

use serde_json::Value;
use steadfast::Error;
use steadfast_contract::{
    chunk::{Chunk, Frame, Piece},
    stream_log::{AnswerWriter, LogItem, Numbered, Snapshot, StreamState},
};
use tokio::time::Instant;

use super::{
    bounds::{Bounds, remembered, weight},
    ledger::Share,
    spec::{Keep, Opening},
};

pub(super) struct Log {
    writer: Box<dyn AnswerWriter>,
    epoch: u64,
    /// The newest frames; the last of them is number `last`.
    frames: VecDeque<Numbered>,
    last: u64,
    frame_bytes: usize,
    remembered_bytes: usize,
    bounds: Bounds,
    share: Share,
    opened: Option<Result<Opening, Error>>,
    state: StreamState,
    ended: Option<Instant>,
    /// Why it failed, as long as nobody needed frames to be told.
    unsaid: Option<Error>,
    end_shown: EndShown,
    /// An end that is made and not yet shown.
    held: Option<HeldEnd>,
    /// What came before this process.
    earlier: Option<Earlier>,
}

/// When readers get to see the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndShown {
    AtOnce,
    /// When [`Log::show_end`] says so: whoever reads it can then rely on its being kept.
    OnceKept,
}

impl From<Keep> for EndShown {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::WhileRead => Self::AtOnce,
            Keep::Resumable(_) | Keep::Background => Self::OnceKept,
        }
    }
}

/// An end that is made. Until it is shown, whoever asks gets what was said before it.
struct HeldEnd {
    frames: Vec<Frame>,
    state: StreamState,
    before: Option<Snapshot>,
}

/// A log of an earlier process, told anew in frames of its own after place `base`. Whoever has a place from before
/// gets what was said as a snapshot, and then the end.
struct Earlier {
    base: u64,
    /// What was said, up to the end.
    said: Snapshot,
    /// The last place of a log that was whole: nothing comes after it.
    whole_at: Option<u64>,
}

/// The writer was fenced off, or the log has its end: nothing was added.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closed;

impl Log {
    pub(super) fn new(writer: Box<dyn AnswerWriter>, bounds: Bounds, share: Share) -> Self {
        Self {
            writer,
            epoch: 1,
            frames: VecDeque::new(),
            last: 0,
            frame_bytes: 0,
            remembered_bytes: 0,
            bounds,
            share,
            opened: None,
            state: StreamState::Running,
            ended: None,
            unsaid: None,
            end_shown: EndShown::AtOnce,
            held: None,
            earlier: None,
        }
    }

    pub(super) fn of_epoch(self, epoch: u64, end_shown: EndShown) -> Self {
        Self { epoch, end_shown, ..self }
    }

    /// The first frame is the one after `base`.
    pub(super) fn beginning_after(self, base: u64) -> Self {
        Self { last: base, ..self }
    }

    /// All that an earlier process said is in; what follows is the end.
    pub(super) fn said_earlier(&mut self, base: u64, whole_at: Option<u64>) {
        self.earlier = Some(Earlier { base, said: self.snapshot(), whole_at });
    }

    /// Fences off whoever writes, and gives the right to write to the caller.
    pub(super) fn take_over(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// The commit point is reached.
    pub(super) fn open(&mut self, epoch: u64, opening: Opening) -> Result<(), Closed> {
        self.admit(epoch)?;
        self.opened = Some(Ok(opening));
        let frames = self.writer.begin();
        self.add(frames);
        Ok(())
    }

    pub(super) fn piece(&mut self, epoch: u64, piece: Piece, now: Instant) -> Result<(), Closed> {
        self.admit(epoch)?;
        let end = match &piece.chunk {
            Chunk::Finish { reason, .. } => Some(StreamState::finished(*reason)),
            _ => None,
        };
        self.remembered_bytes += remembered(&piece.chunk);
        let before = end.as_ref().and_then(|_| self.before_the_end());
        let frames = self.writer.piece(piece);
        match end {
            Some(state) => self.end(HeldEnd { frames, state, before }, now),
            None => self.add(frames),
        }
        Ok(())
    }

    /// The end that nobody wished for. Before the commit point nothing is logged, so that whoever asked can still be
    /// told in another way.
    pub(super) fn fail(&mut self, epoch: u64, error: Error, now: Instant) -> Result<(), Closed> {
        self.admit(epoch)?;
        let state = match (error.cancel_reason(), &self.opened) {
            (Some(reason), _) => StreamState::Cancelled { reason },
            (None, Some(Ok(_))) => StreamState::Incomplete { reason: error.code().name().to_owned() },
            (None, _) => StreamState::Failed { code: error.code() },
        };
        let before = self.before_the_end();
        let frames = if self.opened.is_some() {
            self.writer.fail(&error)
        } else {
            self.opened = Some(Err(error.clone()));
            self.unsaid = Some(error);
            Vec::new()
        };
        self.end(HeldEnd { frames, state, before }, now);
        Ok(())
    }

    /// From here on nothing is held back.
    pub(super) fn hold_no_more(&mut self, now: Instant) {
        self.end_shown = EndShown::AtOnce;
        self.show_end(now);
    }

    /// Shows the end that was held back; changes nothing when there is none.
    pub(super) fn show_end(&mut self, now: Instant) {
        if let Some(held) = self.held.take() {
            self.add(held.frames);
            (self.state, self.ended) = (held.state, Some(now));
        }
    }

    /// The frames after `after`, at most `most`; a snapshot when the next one is no longer there.
    pub(super) fn read(&mut self, after: u64, most: usize) -> Vec<LogItem> {
        self.say_the_unsaid();
        if let Some(earlier) = self.earlier.as_ref().filter(|earlier| after < earlier.base) {
            let has_all = earlier.whole_at.is_some_and(|whole| after >= whole);
            return if has_all { Vec::new() } else { vec![LogItem::Snapshot(earlier.said.clone())] };
        }
        let dropped = self.last - self.frames.len() as u64;
        if after < dropped {
            return vec![LogItem::Snapshot(self.snapshot())];
        }
        let start = usize::try_from(after - dropped).unwrap_or(usize::MAX).min(self.frames.len());
        self.frames.range(start..).take(most).cloned().map(LogItem::Frame).collect()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        if let Some(before) = self.held.as_ref().and_then(|held| held.before.as_ref()) {
            return before.clone();
        }
        Snapshot { epoch: self.epoch, through: self.last, value: self.writer.snapshot() }
    }

    /// Lets all but the newest frames go; whoever has not read them gets a snapshot. The last one stays: it may be a
    /// whole answer.
    pub(super) fn cut_to(&mut self, bounds: Bounds) {
        while self.frames.len() > 1 && bounds.are_passed_by(self.frames.len(), self.frame_bytes) {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.frame_bytes -= weight(&oldest.frame);
        }
        self.frames.shrink_to(2 * self.frames.len());
        self.account();
    }

    /// What a writer in a later process has to know.
    pub(super) fn memo(&self) -> Value {
        self.writer.memo()
    }

    /// The newest frame that is made, shown or not.
    pub(super) fn last_made(&self) -> u64 {
        self.last + self.held.as_ref().map_or(0, |held| held.frames.len() as u64)
    }

    pub(super) fn remembered_bytes(&self) -> usize {
        self.remembered_bytes
    }

    /// The place before the first frame.
    pub(super) fn base(&self) -> u64 {
        self.earlier.as_ref().map_or(0, |earlier| earlier.base)
    }

    pub(super) fn is_of_an_earlier_process(&self) -> bool {
        self.earlier.is_some()
    }

    pub(super) fn state(&self) -> &StreamState {
        &self.state
    }

    /// Nothing more can be written: the end is there, if not yet for everybody to see.
    pub(super) fn is_closed(&self) -> bool {
        self.held.is_some() || self.state.is_end()
    }

    /// The end that is there or is held back.
    pub(super) fn end_made(&self) -> Option<&StreamState> {
        self.held.as_ref().map(|held| &held.state).or_else(|| Some(&self.state).filter(|state| state.is_end()))
    }

    pub(super) fn ended(&self) -> Option<Instant> {
        self.ended
    }

    pub(super) fn opened(&self) -> Option<&Result<Opening, Error>> {
        self.opened.as_ref()
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The epoch of a frame that is still here.
    pub(super) fn epoch_at(&self, seq: u64) -> Option<u64> {
        let back = usize::try_from(self.last.checked_sub(seq)?).ok()?;
        let index = self.frames.len().checked_sub(back + 1)?;
        self.frames.get(index).map(|numbered| numbered.epoch)
    }

    fn admit(&self, epoch: u64) -> Result<(), Closed> {
        if epoch == self.epoch && !self.is_closed() { Ok(()) } else { Err(Closed) }
    }

    /// A reader that came before the status code was chosen hears of the failure in frames.
    fn say_the_unsaid(&mut self) {
        if let Some(error) = self.unsaid.take() {
            let mut frames = self.writer.begin();
            frames.extend(self.writer.fail(&error));
            self.add(frames);
        }
    }

    fn add(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.last += 1;
            self.frame_bytes += weight(&frame);
            self.frames.push_back(Numbered { epoch: self.epoch, seq: self.last, frame });
        }
        if self.bounds.are_passed_by(self.frames.len(), self.frame_bytes) {
            self.cut_to(self.bounds.after_a_cut());
        } else {
            self.account();
        }
    }

    /// What readers get while the end is held back; nothing where it is shown at once.
    fn before_the_end(&self) -> Option<Snapshot> {
        (self.end_shown == EndShown::OnceKept).then(|| self.snapshot())
    }

    fn end(&mut self, end: HeldEnd, now: Instant) {
        self.held = Some(end);
        if self.end_shown == EndShown::AtOnce {
            self.show_end(now);
        }
    }

    fn account(&mut self) {
        self.share.set(self.frame_bytes + self.remembered_bytes);
    }
}
