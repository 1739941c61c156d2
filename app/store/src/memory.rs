//! The store that forgets: for tests and for trying things out. Keeps the same promises as the others while the
//! process lives, and never waits, so it is safe under paused time.

mod streams;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use steadfast::{CancelToken, Error};
use steadfast_contract::{
    BoxFuture,
    chat::Role,
    conversation::{Conversation, ConversationView, StoredMessage, Turn},
    run::{RunEvent, RunSpec, RunView},
    store::{ConversationStore, NewMessage, Written},
};

use self::streams::KeptStreams;
use crate::rules;

#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    state: Mutex<State>,
}

impl MemoryStore {
    /// Refuses when the token was cancelled; otherwise does all of `work` at once.
    fn with<'a, T: Send + 'a>(
        &'a self,
        token: &'a CancelToken,
        work: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        Box::pin(async move {
            token.check()?;
            work(&mut self.lock())
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConversationStore for MemoryStore {
    fn conversations<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<Conversation>, Error>> {
        self.with(token, |state| Ok(state.list()))
    }

    fn conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
    ) -> BoxFuture<'a, Result<ConversationView, Error>> {
        self.with(token, |state| state.view(id))
    }

    fn summary<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<Conversation, Error>> {
        self.with(token, |state| state.shown(id))
    }

    fn create_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Written<Conversation>, Error>> {
        self.with(token, move |state| Ok(state.create(id, title, now_ms)))
    }

    fn rename_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        title: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>> {
        self.with(token, move |state| {
            state.living(id)?.title = title.to_owned();
            state.touch(id, now_ms);
            state.shown(id)
        })
    }

    fn delete_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.with(token, move |state| state.delete(id, now_ms))
    }

    fn restore_conversation<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<Conversation, Error>> {
        self.with(token, move |state| state.restore(id, now_ms))
    }

    fn purge_deleted<'a>(&'a self, token: &'a CancelToken, before_ms: u64) -> BoxFuture<'a, Result<u64, Error>> {
        self.with(token, move |state| Ok(state.purge(before_ms)))
    }

    fn add_message<'a>(
        &'a self,
        token: &'a CancelToken,
        message: NewMessage,
        run: RunSpec,
    ) -> BoxFuture<'a, Result<Written<(StoredMessage, RunView)>, Error>> {
        self.with(token, move |state| state.add_message(message, run))
    }

    fn edit_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        text: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        self.with(token, move |state| {
            let message = state.changeable_message(id)?;
            message.text = text.to_owned();
            let message = message.clone();
            state.touch(&message.conversation_id, now_ms);
            Ok(message)
        })
    }

    fn remove_message<'a>(
        &'a self,
        token: &'a CancelToken,
        id: &'a str,
        now_ms: u64,
    ) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        self.with(token, move |state| state.remove_message(id, now_ms))
    }

    fn message<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<StoredMessage, Error>> {
        self.with(token, move |state| state.living_message(id).cloned())
    }

    fn add_run<'a>(&'a self, token: &'a CancelToken, run: RunSpec) -> BoxFuture<'a, Result<Written<RunView>, Error>> {
        self.with(token, move |state| state.add_run(run))
    }

    fn run<'a>(&'a self, token: &'a CancelToken, id: &'a str) -> BoxFuture<'a, Result<RunView, Error>> {
        self.with(token, move |state| Ok(state.record(id)?.view.clone()))
    }

    fn open_runs<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<Vec<RunView>, Error>> {
        self.with(token, |state| {
            Ok(state.runs.values().filter(|run| !run.view.state.is_end()).map(|run| run.view.clone()).collect())
        })
    }

    fn append<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        events: &'a [RunEvent],
    ) -> BoxFuture<'a, Result<(), Error>> {
        self.with(token, move |state| state.append(run_id, events))
    }

    fn events<'a>(
        &'a self,
        token: &'a CancelToken,
        run_id: &'a str,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<RunEvent>, Error>> {
        self.with(token, move |state| {
            let log = &state.record(run_id)?.log;
            Ok(log.iter().filter(|event| event.seq > after).take(limit).cloned().collect())
        })
    }

    fn check<'a>(&'a self, token: &'a CancelToken) -> BoxFuture<'a, Result<(), Error>> {
        self.with(token, |_| Ok(()))
    }

    fn backend(&self) -> &'static str {
        "memory"
    }
}

#[derive(Debug, Default)]
struct State {
    kept: KeptStreams,
    conversations: HashMap<String, Record>,
    /// By the order in which they were made.
    runs: BTreeMap<u64, RunRecord>,
    runs_made: u64,
}

#[derive(Debug)]
struct Record {
    id: String,
    title: String,
    created_ms: u64,
    updated_ms: u64,
    revision: u64,
    deleted_ms: Option<u64>,
    messages: Vec<StoredMessage>,
}

#[derive(Debug)]
struct RunRecord {
    view: RunView,
    log: Vec<RunEvent>,
}

impl State {
    fn list(&self) -> Vec<Conversation> {
        let living = self.conversations.values().filter(|record| record.deleted_ms.is_none());
        let mut list: Vec<_> = living.map(|record| self.as_conversation(record)).collect();
        list.sort_by(|a, b| (b.updated_ms, b.created_ms, &b.id).cmp(&(a.updated_ms, a.created_ms, &a.id)));
        list
    }

    fn view(&mut self, id: &str) -> Result<ConversationView, Error> {
        let messages = self.living(id)?.messages.clone();
        let turns = messages
            .into_iter()
            .map(|message| Turn { runs: self.runs_of(&message.id).cloned().collect(), message })
            .collect();
        Ok(ConversationView { conversation: self.shown(id)?, turns })
    }

    fn create(&mut self, id: &str, title: &str, now_ms: u64) -> Written<Conversation> {
        if let Some(record) = self.conversations.get(id) {
            return Written::Already(self.as_conversation(record));
        }
        let (id, title) = (id.to_owned(), title.to_owned());
        let record = Record {
            id,
            title,
            created_ms: now_ms,
            updated_ms: now_ms,
            revision: 1,
            deleted_ms: None,
            messages: Vec::new(),
        };
        let conversation = self.as_conversation(&record);
        self.conversations.insert(record.id.clone(), record);
        Written::New(conversation)
    }

    fn delete(&mut self, id: &str, now_ms: u64) -> Result<(), Error> {
        let record = self.conversations.get_mut(id).ok_or_else(|| rules::no_conversation(id))?;
        if record.deleted_ms.is_none() {
            record.deleted_ms = Some(now_ms);
            self.touch(id, now_ms);
        }
        Ok(())
    }

    fn restore(&mut self, id: &str, now_ms: u64) -> Result<Conversation, Error> {
        let record = self.conversations.get_mut(id).ok_or_else(|| rules::no_conversation(id))?;
        if record.deleted_ms.take().is_some() {
            self.touch(id, now_ms);
        }
        self.shown(id)
    }

    fn purge(&mut self, before_ms: u64) -> u64 {
        let before = self.conversations.len();
        self.conversations.retain(|_, record| record.deleted_ms.is_none_or(|deleted| deleted >= before_ms));
        self.runs.retain(|_, run| self.conversations.contains_key(&run.view.spec.conversation_id));
        (before - self.conversations.len()) as u64
    }

    fn add_message(&mut self, message: NewMessage, run: RunSpec) -> Result<Written<(StoredMessage, RunView)>, Error> {
        rules::belong_together(&message, &run)?;
        self.living(&message.conversation_id)?;
        if let Some(stored) = self.messages().find(|stored| stored.id == message.id) {
            rules::same_message(stored, &message)?;
            let first = self.runs_of(&message.id).next().ok_or_else(|| rules::no_run(&run.id))?;
            return Ok(Written::Already((stored.clone(), first.clone())));
        }
        if let Ok(taken) = self.record(&run.id) {
            rules::same_run(&taken.view.spec, &run)?;
        }
        let record = self.living(&message.conversation_id)?;
        let stored = StoredMessage {
            id: message.id,
            conversation_id: message.conversation_id,
            ordinal: record.messages.len() as u64 + 1,
            role: Role::User,
            text: message.text,
            created_ms: message.created_ms,
        };
        record.messages.push(stored.clone());
        self.touch(&stored.conversation_id, message.created_ms);
        Ok(Written::New((stored, self.insert_run(run))))
    }

    fn remove_message(&mut self, id: &str, now_ms: u64) -> Result<StoredMessage, Error> {
        let removed = self.changeable_message(id)?.clone();
        let record = self.living(&removed.conversation_id)?;
        record.messages.retain(|message| message.id != id);
        for (message, ordinal) in record.messages.iter_mut().zip(1..) {
            message.ordinal = ordinal;
        }
        self.runs.retain(|_, run| run.view.spec.message_id != id);
        self.touch(&removed.conversation_id, now_ms);
        Ok(removed)
    }

    fn add_run(&mut self, run: RunSpec) -> Result<Written<RunView>, Error> {
        rules::same_conversation(self.living_message(&run.message_id)?, &run)?;
        if let Ok(stored) = self.record(&run.id) {
            rules::same_run(&stored.view.spec, &run)?;
            return Ok(Written::Already(stored.view.clone()));
        }
        self.touch(&run.conversation_id, run.created_ms);
        Ok(Written::New(self.insert_run(run)))
    }

    fn insert_run(&mut self, run: RunSpec) -> RunView {
        self.runs_made += 1;
        let view = RunView::new(run);
        self.runs.insert(self.runs_made, RunRecord { view: view.clone(), log: Vec::new() });
        view
    }

    fn append(&mut self, run_id: &str, events: &[RunEvent]) -> Result<(), Error> {
        let record =
            self.runs.values_mut().find(|run| run.view.spec.id == run_id).ok_or_else(|| rules::no_run(run_id))?;
        let stored = record.view.seq;
        let (known, fresh) = rules::split_at_stored(stored, events)?;
        if !known.iter().all(|event| record.log.get(event.seq as usize - 1) == Some(event)) {
            return Err(rules::out_of_order(stored));
        }
        for event in fresh {
            record.view.fold(event);
            record.log.push(event.clone());
        }
        let conversation = record.view.spec.conversation_id.clone();
        if let Some(last) = fresh.last() {
            self.touch(&conversation, last.at_ms);
        }
        Ok(())
    }

    fn living(&mut self, id: &str) -> Result<&mut Record, Error> {
        let record = self.conversations.get_mut(id).filter(|record| record.deleted_ms.is_none());
        record.ok_or_else(|| rules::no_conversation(id))
    }

    fn living_message(&mut self, id: &str) -> Result<&mut StoredMessage, Error> {
        let living = self.conversations.values_mut().filter(|record| record.deleted_ms.is_none());
        living
            .flat_map(|record| &mut record.messages)
            .find(|message| message.id == id)
            .ok_or_else(|| rules::no_message(id))
    }

    fn changeable_message(&mut self, id: &str) -> Result<&mut StoredMessage, Error> {
        self.living_message(id)?;
        rules::not_begun(self.runs_of(id).map(|run| run.state))?;
        self.living_message(id)
    }

    fn messages(&self) -> impl Iterator<Item = &StoredMessage> {
        self.conversations.values().flat_map(|record| &record.messages)
    }

    fn runs_of(&self, message_id: &str) -> impl Iterator<Item = &RunView> {
        self.runs.values().map(|run| &run.view).filter(move |view| view.spec.message_id == message_id)
    }

    fn record(&self, run_id: &str) -> Result<&RunRecord, Error> {
        self.runs.values().find(|run| run.view.spec.id == run_id).ok_or_else(|| rules::no_run(run_id))
    }

    fn touch(&mut self, conversation_id: &str, at_ms: u64) {
        if let Some(record) = self.conversations.get_mut(conversation_id) {
            record.revision += 1;
            record.updated_ms = record.updated_ms.max(at_ms);
        }
    }

    fn shown(&self, id: &str) -> Result<Conversation, Error> {
        self.conversations.get(id).map(|record| self.as_conversation(record)).ok_or_else(|| rules::no_conversation(id))
    }

    fn as_conversation(&self, record: &Record) -> Conversation {
        let newest = self.runs.values().rev().find(|run| run.view.spec.conversation_id == record.id);
        Conversation {
            id: record.id.clone(),
            title: record.title.clone(),
            created_ms: record.created_ms,
            updated_ms: record.updated_ms,
            revision: record.revision,
            deleted: record.deleted_ms.is_some(),
            activity: newest.map(|run| run.view.state),
        }
    }
}
