//! The list of backends, and the door to them.

use std::{path::PathBuf, sync::Arc};

use steadfast::{CancelToken, Clock, Error, Events};
use steadfast_contract::store::Store;

use crate::{memory::MemoryStore, sqlite::SqliteStore};

/// Where to keep what must last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSettings {
    /// One file on this machine. One process at a time.
    Sqlite { path: PathBuf },
    /// Forgets everything at the end of the process: for tests and for trying things out.
    Memory,
}

/// Opens the store, and makes it first if there is none.
///
/// The store's tasks belong to `token`; cancel it last, because then every later call is refused. Writes that
/// were queued by then are still made. Fails with `STORAGE_UNAVAILABLE` when another process has the store open.
pub async fn open(
    settings: StoreSettings,
    token: &CancelToken,
    clock: Clock,
    events: Events,
) -> Result<Arc<dyn Store>, Error> {
    Ok(match settings {
        StoreSettings::Sqlite { path } => Arc::new(SqliteStore::open(path, token, clock, events).await?),
        StoreSettings::Memory => Arc::new(MemoryStore::default()),
    })
}
