//! A store to try the sentences on, and short words for what they do with it.

use std::sync::Arc;

use steadfast::{CancelToken, Clock, Code, Error, Events};
use steadfast_contract::{
    chat::Sampling,
    conversation::{ConversationView, StoredMessage},
    run::{RunChange, RunEvent, RunSpec, RunView},
    store::{NewMessage, Store, Written},
};
use steadfast_store::{StoreSettings, open};

pub(crate) struct Stage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) token: CancelToken,
    _folder: Option<tempfile::TempDir>,
}

impl Stage {
    pub(crate) async fn memory() -> Self {
        Self::open(StoreSettings::Memory, None).await
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::open(StoreSettings::Sqlite { path: folder.path().join("deep/steadfast.db") }, Some(folder)).await
    }

    async fn open(settings: StoreSettings, folder: Option<tempfile::TempDir>) -> Self {
        let token = CancelToken::root("test");
        let store = open(settings, &token, Clock::real(), Events::none()).await.unwrap();
        Self { store, token, _folder: folder }
    }

    pub(crate) async fn conversation(&self, id: &str) {
        self.store.create_conversation(&self.token, id, "title", 1).await.unwrap();
    }

    pub(crate) async fn view(&self, id: &str) -> ConversationView {
        self.store.conversation(&self.token, id).await.unwrap()
    }

    pub(crate) async fn revision(&self, id: &str) -> u64 {
        self.view(id).await.conversation.revision
    }

    /// Sends message `id` to conversation `c`; its run is `id-1`.
    pub(crate) async fn send(&self, id: &str, text: &str) -> Result<Written<(StoredMessage, RunView)>, Error> {
        self.send_to("c", id, text).await
    }

    pub(crate) async fn send_to(
        &self,
        conversation: &str,
        id: &str,
        text: &str,
    ) -> Result<Written<(StoredMessage, RunView)>, Error> {
        self.store.add_message(&self.token, message(conversation, id, text), run(conversation, id, 1)).await
    }

    pub(crate) async fn append(&self, run: &str, events: &[RunEvent]) -> Result<(), Error> {
        self.store.append(&self.token, run, events).await
    }

    pub(crate) async fn run(&self, id: &str) -> RunView {
        self.store.run(&self.token, id).await.unwrap()
    }
}

pub(crate) fn message(conversation: &str, id: &str, text: &str) -> NewMessage {
    NewMessage { id: id.into(), conversation_id: conversation.into(), text: text.into(), created_ms: 10 }
}

pub(crate) fn run(conversation: &str, message: &str, version: u32) -> RunSpec {
    RunSpec {
        id: format!("{message}-{version}"),
        conversation_id: conversation.into(),
        message_id: message.into(),
        version,
        model: "quick".into(),
        sampling: Sampling::default(),
        continues: None,
        created_ms: 10,
    }
}

pub(crate) fn event(seq: u64, what: RunChange) -> RunEvent {
    RunEvent { seq, at_ms: 100 + seq, what }
}

pub(crate) fn text(seq: u64, text: &str) -> RunEvent {
    event(seq, RunChange::Text { text: text.into() })
}

pub(crate) fn connecting(seq: u64) -> RunEvent {
    event(seq, RunChange::Connecting { attempt: 1, of: 3, target: "cloud-b".into(), wait_ms: 0, cause: None })
}

pub(crate) fn done(seq: u64) -> RunEvent {
    event(seq, RunChange::Done { finish: steadfast_contract::chunk::FinishReason::Stop, usage: None })
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, code: Code) {
    assert_eq!(outcome.expect_err("this must be refused").code(), code);
}
