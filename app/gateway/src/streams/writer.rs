//! The right to write to one log, as long as nobody took it over. Readers are woken after the frames are in the log.

use std::sync::Arc;

use steadfast::Error;
use steadfast_contract::chunk::Piece;

use super::{
    live_stream::LiveStream,
    log::{Closed, Log},
    spec::Opening,
};

/// Dropped without an end (its task panicked, or the runtime went), it ends the log with an error.
pub(super) struct LogWriter {
    stream: Arc<LiveStream>,
    epoch: u64,
}

impl LogWriter {
    /// The first writer of a fresh log.
    pub(super) fn first(stream: Arc<LiveStream>) -> Self {
        let epoch = stream.log().epoch();
        Self { stream, epoch }
    }

    pub(super) fn stream(&self) -> &Arc<LiveStream> {
        &self.stream
    }

    pub(super) fn open(&self, opening: Opening) -> Result<(), Closed> {
        self.write(|log| log.open(self.epoch, opening))
    }

    pub(super) fn piece(&self, piece: Piece) -> Result<(), Closed> {
        let now = self.stream.clock.now();
        self.write(|log| log.piece(self.epoch, piece, now))
    }

    pub(super) fn fail(&self, error: Error) -> Result<(), Closed> {
        let now = self.stream.clock.now();
        self.write(|log| log.fail(self.epoch, error, now))
    }

    fn write(&self, change: impl FnOnce(&mut Log) -> Result<(), Closed>) -> Result<(), Closed> {
        change(&mut self.stream.log())?;
        self.stream.tell();
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let unfinished = {
            let log = self.stream.log();
            log.epoch() == self.epoch && !log.is_closed()
        };
        if unfinished {
            self.stream.end_for(Error::internal("the task behind the answer ended without a word"));
        }
    }
}
