//! What the routes see: the gateway once it has started, and the state of the program itself.
//!
//! The page opens before anything else is ready, so a call may have to wait for the gateway; it never waits for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use steadfast::{CancelToken, Clock, Detail, Error};
use steadfast_contract::provider::Provider;
use steadfast_gateway::Gateway;
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// Shared by every request.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) clock: Clock,
    /// Plain questions end with it, each with a last word to its client.
    pub(crate) asking: CancelToken,
    /// Lines to clients end with it, without a word: their readers come back.
    pub(crate) token: CancelToken,
    /// How much an error may say to clients.
    pub(crate) detail: Detail,
    /// Names this life of the program.
    pub(crate) boot: String,
    pub(crate) started: Instant,
    pub(crate) started_ms: u64,
    rooms: watch::Sender<Option<Rooms>>,
    store: watch::Sender<StoreHealth>,
    settings: watch::Sender<SettingsHealth>,
    draining: AtomicBool,
}

/// What starts after the doors are open.
#[derive(Debug, Clone)]
pub(crate) struct Rooms {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstreams: Vec<Arc<dyn Provider>>,
    pub(crate) store_backend: &'static str,
}

/// What the last look at the store found.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreHealth {
    pub(crate) trouble: Option<Arc<Error>>,
}

/// What the last look at the settings file found.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingsHealth {
    /// Why the file is not in force; empty when it is.
    pub(crate) trouble: Vec<String>,
    pub(crate) waiting_for_a_restart: Vec<&'static str>,
}

impl House {
    pub(crate) fn new(clock: Clock, asking: CancelToken, token: CancelToken, detail: Detail) -> Self {
        Self {
            started: clock.now(),
            started_ms: clock.unix_ms(),
            clock,
            asking,
            token,
            detail,
            boot: Uuid::now_v7().to_string(),
            rooms: watch::Sender::new(None),
            store: watch::Sender::new(StoreHealth::default()),
            settings: watch::Sender::new(SettingsHealth::default()),
            draining: AtomicBool::new(false),
        }
    }

    /// From here on calls are answered.
    pub(crate) fn open_rooms(&self, rooms: Rooms) {
        self.rooms.send_replace(Some(rooms));
    }

    pub(crate) async fn gateway(&self) -> Result<Arc<Gateway>, Error> {
        // Every question comes by here, and only the first ones have to wait.
        if let Some(rooms) = self.rooms.borrow().as_ref() {
            return Ok(Arc::clone(&rooms.gateway));
        }
        Ok(self.rooms().await?.gateway)
    }

    /// The rooms, waiting a moment for a start that is under way.
    pub(crate) async fn rooms(&self) -> Result<Rooms, Error> {
        let mut rooms = self.rooms.subscribe();
        tokio::select! {
            open = rooms.wait_for(Option::is_some) => open.ok().and_then(|rooms| rooms.clone()).ok_or_else(still_starting),
            () = self.clock.sleep(START_PATIENCE) => Err(still_starting()),
            reason = self.token.cancelled() => Err(Error::cancelled(reason)),
        }
    }

    pub(crate) fn watch_rooms(&self) -> watch::Receiver<Option<Rooms>> {
        self.rooms.subscribe()
    }

    /// The rooms if they are open; for those who must not wait.
    pub(crate) fn rooms_now(&self) -> Option<Rooms> {
        self.rooms.borrow().clone()
    }

    /// Stops saying that we are ready, so that whoever balances load goes elsewhere.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn store_health(&self) -> StoreHealth {
        self.store.borrow().clone()
    }

    pub(crate) fn settings_health(&self) -> SettingsHealth {
        self.settings.borrow().clone()
    }

    #[cfg(test)]
    pub(crate) fn watch_settings(&self) -> watch::Receiver<SettingsHealth> {
        self.settings.subscribe()
    }

    pub(crate) fn tell_settings(&self, health: SettingsHealth) {
        self.settings.send_replace(health);
    }

    /// Looks at the store now and then, so that a health report never has to wait for it.
    pub(crate) async fn watch_store(self: Arc<Self>) {
        while let Ok(gateway) = self.gateway().await {
            let trouble = gateway.check_store().await.err().map(Arc::new);
            self.store.send_replace(StoreHealth { trouble });
            if self.token.run(self.clock.sleep(STORE_LOOK)).await.is_err() {
                return;
            }
        }
    }
}

fn still_starting() -> Error {
    Error::unavailable("steadfast")
        .with_message("Steadfast is still starting.")
        .with_retry_after(Duration::from_secs(1))
}

const START_PATIENCE: Duration = Duration::from_secs(10);
const STORE_LOOK: Duration = Duration::from_secs(5);
