//! One download of a model at a time, over all tasks and all processes of this machine.
//!
//! The lock is the system's own lock on a small file, so a crash frees it. Who comes second waits, sees how far the
//! first one is, and then finds the file.

use std::fs::{self, File, TryLockError};

use steadfast::{Call, Error};

use super::{LOOK_EVERY, News, Place, Watch, meter::Meter, space};
use crate::catalog::Entry;

/// Held while it lives.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// `None` when somebody else holds it.
    pub(super) fn try_take(place: &Place) -> Result<Option<Self>, Error> {
        let path = place.lock();
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| space::explain(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(space::explain(&path, error)),
        }
    }
}

/// Waits for the lock and shows the other's progress meanwhile.
pub(super) async fn take(place: &Place, entry: &Entry, call: &Call, watch: &Watch) -> Result<Lock, Error> {
    if let Some(lock) = Lock::try_take(place)? {
        return Ok(lock);
    }
    watch(News::Note(format!("{} is being downloaded already; waiting for that.", entry.name)));
    let mut meter = Meter::new(call.clock());
    call.run(async {
        loop {
            call.clock().sleep(LOOK_EVERY).await;
            if let Some(lock) = Lock::try_take(place)? {
                return Ok(lock);
            }
            let there = fs::metadata(place.part()).map_or(0, |part| part.len().min(entry.size_bytes));
            if let Some(reading) = meter.seen(there, entry.size_bytes) {
                watch(News::Downloading(reading));
            }
        }
    })
    .await
}
