//! The one live line of the page: what changed, as it changes.
//!
//! Everything on it is a whole new state, so a reader that was too slow and lost the middle loses nothing that
//! matters; it is greeted again and reads the rest anew.

use std::sync::Arc;

use steadfast::Error;
use steadfast_contract::{
    conversation::Conversation,
    live::Live,
    model::{ModelChanges, ModelHost, ModelStatus},
};
use tokio::sync::broadcast;

/// Where changes of conversations are announced.
#[derive(Debug, Clone)]
pub(crate) struct LiveLine {
    sender: broadcast::Sender<Conversation>,
    boot: String,
}

/// One reader of the line.
pub struct LiveReader {
    conversations: broadcast::Receiver<Conversation>,
    models: Box<dyn ModelChanges>,
    greeting: std::vec::IntoIter<Live>,
    line: LiveLine,
    host: Arc<dyn ModelHost>,
}

impl LiveLine {
    pub(crate) fn new(boot: String) -> Self {
        Self { sender: broadcast::Sender::new(CAPACITY), boot }
    }

    /// Nobody listening is no trouble.
    pub(crate) fn announce(&self, conversation: Conversation) {
        self.sender.send(conversation).ok();
    }

    pub(crate) fn read(&self, host: &Arc<dyn ModelHost>) -> LiveReader {
        LiveReader {
            conversations: self.sender.subscribe(),
            models: host.subscribe(),
            greeting: self.greeting(host.list()),
            line: self.clone(),
            host: Arc::clone(host),
        }
    }

    fn greeting(&self, models: Vec<ModelStatus>) -> std::vec::IntoIter<Live> {
        let hello = Live::Hello { boot: self.boot.clone(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let models = models.into_iter().map(|model| Live::Model { model: Box::new(model) });
        [hello].into_iter().chain(models).collect::<Vec<_>>().into_iter()
    }
}

impl LiveReader {
    /// The next entry; the first ones greet. `Err` when the gateway is gone. Cancel safe.
    pub async fn next(&mut self) -> Result<Live, Error> {
        loop {
            if let Some(greeting) = self.greeting.next() {
                return Ok(greeting);
            }
            tokio::select! {
                model = self.models.next() => return Ok(Live::Model { model: Box::new(model) }),
                conversation = self.conversations.recv() => match conversation {
                    Ok(conversation) => return Ok(Live::Conversation { conversation }),
                    Err(broadcast::error::RecvError::Lagged(_)) => self.greeting = self.line.greeting(self.host.list()),
                    Err(broadcast::error::RecvError::Closed) => return Err(Error::unavailable("the live line")),
                },
            }
        }
    }
}

impl std::fmt::Debug for LiveReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveReader").field("boot", &self.line.boot).finish_non_exhaustive()
    }
}

/// Changes that a reader may be behind before it is greeted anew.
const CAPACITY: usize = 256;
