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
pub struct House {
    pub clock: Clock,
    /// Plain questions end with it, each with a last word to its client.
    pub asking: CancelToken,
    /// Lines to clients end with it, without a word: their readers come back.
    pub token: CancelToken,
    /// How much an error may say to clients.
    pub detail: Detail,
    /// Names this life of the program.
    pub boot: String,
    pub started: Instant,
    pub started_ms: u64,
    rooms: watch::Sender<Option<Rooms>>,
    store: watch::Sender<StoreHealth>,
    draining: AtomicBool,
}

/// What starts after the doors are open.
#[derive(Debug, Clone)]
pub struct Rooms {
    pub gateway: Arc<Gateway>,
    pub upstreams: Vec<Arc<dyn Provider>>,
    pub store_backend: &'static str,
}

/// What the last look at the store found.
#[derive(Debug, Clone, Default)]
pub struct StoreHealth {
    pub trouble: Option<Arc<Error>>,
}

impl House {
    pub fn new(clock: Clock, asking: CancelToken, token: CancelToken, detail: Detail) -> Self {
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
            draining: AtomicBool::new(false),
        }
    }

    /// From here on calls are answered.
    pub fn open_rooms(&self, rooms: Rooms) {
        self.rooms.send_replace(Some(rooms));
    }

    pub async fn gateway(&self) -> Result<Arc<Gateway>, Error> {
        Ok(self.rooms().await?.gateway)
    }

    /// The rooms, waiting a moment for a start that is under way.
    pub async fn rooms(&self) -> Result<Rooms, Error> {
        let mut rooms = self.rooms.subscribe();
        tokio::select! {
            open = rooms.wait_for(Option::is_some) => open.ok().and_then(|rooms| rooms.clone()).ok_or_else(still_starting),
            () = self.clock.sleep(START_PATIENCE) => Err(still_starting()),
            reason = self.token.cancelled() => Err(Error::cancelled(reason)),
        }
    }

    /// The rooms if they are open; for those who must not wait.
    pub fn rooms_now(&self) -> Option<Rooms> {
        self.rooms.borrow().clone()
    }

    /// Stops saying that we are ready, so that whoever balances load goes elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub fn store_health(&self) -> StoreHealth {
        self.store.borrow().clone()
    }

    /// Looks at the store now and then, so that a health report never has to wait for it.
    pub async fn watch_store(self: Arc<Self>) {
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
    Error::unavailable("steadfast").with_message("Steadfast is still starting.").with_retry_after(Duration::from_secs(1))
}

const START_PATIENCE: Duration = Duration::from_secs(10);
const STORE_LOOK: Duration = Duration::from_secs(5);
