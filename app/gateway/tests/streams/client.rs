//! A client that reads a stream, tells the checker, and looks each item up again the moment it has it.

use std::sync::Arc;

use steadfast::{Code, Error};
use steadfast_contract::stream_log::{LogItem, StreamState};
use steadfast_gateway::{
    Gateway, ReadFrom, StreamReader,
    testing::{Plain, StreamChecker},
};

pub(crate) struct Client {
    gateway: Arc<Gateway>,
    checker: StreamChecker,
    principal: String,
    number: usize,
    reader: StreamReader,
    /// The last place it has.
    pub(crate) after: u64,
    pub(crate) text: String,
}

impl Client {
    /// Comes back to a stream. The checker hears of it only when it is let in.
    pub(crate) fn attach(
        gateway: &Arc<Gateway>,
        checker: &StreamChecker,
        (stream, principal): (&str, &str),
        from: ReadFrom,
    ) -> Result<Self, Error> {
        let reader = gateway.read_stream(stream, principal, from)?;
        Ok(Self::over(gateway, checker, principal, reader, from))
    }

    pub(crate) fn over(
        gateway: &Arc<Gateway>,
        checker: &StreamChecker,
        principal: &str,
        reader: StreamReader,
        from: ReadFrom,
    ) -> Self {
        let after = match from {
            ReadFrom::After(after) => after,
            ReadFrom::Start | ReadFrom::Snapshot => 0,
        };
        let number = checker.attached(reader.id(), principal, after);
        Self {
            gateway: Arc::clone(gateway),
            checker: checker.clone(),
            principal: principal.to_owned(),
            number,
            reader,
            after,
            text: String::new(),
        }
    }

    pub(crate) async fn next(&mut self) -> Option<LogItem> {
        let item = self.reader.next().await?;
        self.checker.delivered(self.reader.id(), self.number, &item);
        self.look_up(item.seq());
        self.after = item.seq();
        match &item {
            LogItem::Frame(numbered) => {
                self.text.extend(Plain::words(&numbered.frame));
            }
            LogItem::Snapshot(snapshot) => {
                self.text = Plain::words_of(&snapshot.value).unwrap_or_default();
            }
        }
        Some(item)
    }

    fn never_began(&self) -> bool {
        matches!(self.reader.state(), StreamState::Failed { .. } | StreamState::Cancelled { .. })
    }

    /// What was delivered is in the log at that very moment.
    fn look_up(&self, seq: u64) {
        let Some(before) = seq.checked_sub(1) else { return }; // a snapshot of nothing
        match self.gateway.read_stream(self.reader.id(), &self.principal, ReadFrom::After(before)) {
            Ok(mut again) => self.checker.looked_up(self.reader.id(), seq, again.now().as_ref()),
            // The others have all the places: that says nothing about the log.
            Err(error) if error.code() == Code::RATE_LIMITED => {}
            // Its own reader is told why it never began; nobody else has anything to read.
            Err(error) if error.code() == Code::NOT_FOUND && self.never_began() => {}
            Err(_) => self.checker.looked_up(self.reader.id(), seq, None),
        }
    }

    /// Reads to the end and says how it ended.
    pub(crate) async fn rest(&mut self) -> StreamState {
        while self.next().await.is_some() {}
        let state = self.reader.state();
        self.checker.ended(self.reader.id(), &state);
        let last = self.gateway.live_streams(&self.principal).into_iter().find(|info| info.id == self.reader.id());
        if let Some(last) = last {
            self.checker.acknowledged(self.reader.id(), Some(last.seq));
        }
        state
    }
}
