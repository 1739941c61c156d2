//! The desk: orders from people and programs, carried out on conversations, messages and runs.

use std::sync::Arc;

use steadfast::{CancelReason, Error};
use steadfast_contract::{
    conversation::{Conversation, ConversationView, StoredMessage, Turn},
    run::{RunChange, RunSpec, RunView},
    store::{NewMessage, Written},
};
use uuid::Uuid;

use super::{Runs, live_run::LiveRun};
use crate::gateway::{NewRun, SendMessage};

impl Runs {
    pub(crate) async fn check_store(&self) -> Result<(), Error> {
        self.store.check(&self.token).await
    }

    pub(crate) async fn conversations(&self) -> Result<Vec<Conversation>, Error> {
        self.store.conversations(&self.token).await
    }

    /// What is stored, with the newest state of every run that is being written.
    pub(crate) async fn conversation(&self, id: &str) -> Result<ConversationView, Error> {
        let mut view = self.store.conversation(&self.token, id).await?;
        for run in view.turns.iter_mut().flat_map(|turn| &mut turn.runs) {
            if let Some(live) = self.live(&run.spec.id) {
                *run = live.shown();
            }
        }
        Ok(view)
    }

    pub(crate) async fn create_conversation(&self, id: &str, title: &str) -> Result<Written<Conversation>, Error> {
        let written = self.store.create_conversation(&self.token, id, title, self.now_ms()).await?;
        if written.is_new() {
            self.announce(id).await;
        }
        Ok(written)
    }

    pub(crate) async fn rename_conversation(&self, id: &str, title: &str) -> Result<Conversation, Error> {
        let renamed = self.store.rename_conversation(&self.token, id, title, self.now_ms()).await?;
        self.line.announce(renamed.clone());
        Ok(renamed)
    }

    pub(crate) async fn delete_conversation(&self, id: &str) -> Result<(), Error> {
        let now = self.now_ms();
        self.store.delete_conversation(&self.token, id, now).await?;
        self.announce(id).await;
        self.stop_current(id, CancelReason::UserStop).await?;
        let undo_ms = u64::try_from(self.asker.settings.undo_for.as_millis()).unwrap_or(u64::MAX);
        self.store.purge_deleted(&self.token, now.saturating_sub(undo_ms)).await?;
        Ok(())
    }

    pub(crate) async fn restore_conversation(&self, id: &str) -> Result<Conversation, Error> {
        let restored = self.store.restore_conversation(&self.token, id, self.now_ms()).await?;
        self.line.announce(restored.clone());
        Ok(restored)
    }

    pub(crate) async fn send(
        self: &Arc<Self>,
        message: SendMessage,
    ) -> Result<Written<(StoredMessage, RunView)>, Error> {
        self.routes.resolve(&message.model)?;
        self.room_in_line(&message)?;
        self.create_conversation(&message.conversation_id, &title_of(&message.text)).await?;
        let spec = self.first_run(&message);
        let new = NewMessage {
            id: message.id,
            conversation_id: message.conversation_id,
            text: message.text,
            created_ms: self.now_ms(),
        };
        let written = self.store.add_message(&self.token, new, spec).await?;
        if let Written::New((stored, view)) = &written {
            self.start(view.clone());
            self.tell_places(&stored.conversation_id).await;
            self.announce(&stored.conversation_id).await;
        }
        Ok(written)
    }

    fn start(self: &Arc<Self>, view: RunView) {
        self.enqueue(Arc::new(LiveRun::new(view, &self.token)));
    }

    fn room_in_line(&self, message: &SendMessage) -> Result<(), Error> {
        let most = self.asker.settings.queue_max;
        if self.waiting_in(&message.conversation_id) < most {
            return Ok(());
        }
        Err(Error::overloaded("this conversation", None)
            .with_message(format!("{most} messages are in line already."))
            .with_suggestion("Send it when one of them has been answered."))
    }

    fn first_run(&self, message: &SendMessage) -> RunSpec {
        RunSpec {
            id: Uuid::now_v7().to_string(),
            conversation_id: message.conversation_id.clone(),
            message_id: message.id.clone(),
            version: 1,
            model: message.model.clone(),
            sampling: message.sampling.clone(),
            continues: None,
            created_ms: self.now_ms(),
        }
    }

    /// An answer to the same message that is still being written makes room first.
    pub(crate) async fn run_again(self: &Arc<Self>, message_id: &str, new: NewRun) -> Result<RunView, Error> {
        let message = self.store.message(&self.token, message_id).await?;
        let view = self.conversation(&message.conversation_id).await?;
        let turn = view
            .turns
            .iter()
            .find(|turn| turn.message.id == message_id)
            .ok_or_else(|| Error::not_found("message", message_id))?;
        let spec = self.next_version(turn, new)?;
        self.routes.resolve(&spec.model)?;
        self.make_room(turn).await?;
        let written = self.store.add_run(&self.token, spec).await?;
        if let Written::New(view) = &written {
            self.enqueue_first(Arc::new(LiveRun::new(view.clone(), &self.token)));
            self.announce(&message.conversation_id).await;
        }
        Ok(written.into_inner())
    }

    fn next_version(&self, turn: &Turn, new: NewRun) -> Result<RunSpec, Error> {
        let last = turn.runs.last().ok_or_else(|| Error::internal("a message without a run"))?;
        Ok(RunSpec {
            id: new.id,
            conversation_id: turn.message.conversation_id.clone(),
            message_id: turn.message.id.clone(),
            version: last.spec.version + 1,
            model: new.model.unwrap_or_else(|| last.spec.model.clone()),
            sampling: last.spec.sampling.clone(),
            continues: new.continues,
            created_ms: self.now_ms(),
        })
    }

    async fn make_room(&self, turn: &Turn) -> Result<(), Error> {
        for run in turn.runs.iter().filter(|run| !run.state.is_end()) {
            self.stop(&run.spec.id, CancelReason::ModelSwitch).await?;
        }
        Ok(())
    }

    pub(crate) async fn edit_message(&self, id: &str, text: &str) -> Result<StoredMessage, Error> {
        let edited = self.store.edit_message(&self.token, id, text, self.now_ms()).await?;
        self.announce(&edited.conversation_id).await;
        Ok(edited)
    }

    pub(crate) async fn remove_message(&self, id: &str) -> Result<(), Error> {
        let removed = self.store.remove_message(&self.token, id, self.now_ms()).await?;
        for run in self.live_runs_of(id) {
            run.write(self.now_ms(), RunChange::Withdrawn);
            run.token.cancel(CancelReason::UserStop);
            self.leave_lane(&run);
        }
        self.tell_places(&removed.conversation_id).await;
        self.announce(&removed.conversation_id).await;
        Ok(())
    }

    pub(crate) async fn send_now(self: &Arc<Self>, message_id: &str) -> Result<RunView, Error> {
        let waiting = self.live_runs_of(message_id).into_iter().next();
        let Some(run) = waiting.filter(|run| self.leave_lane(run)) else {
            return Err(Error::conflict("This message is not in line any more."));
        };
        let current = self.current_of(&run.spec.conversation_id);
        self.enqueue_first(Arc::clone(&run));
        if let Some(current) = current {
            self.stop_and_wait(&current, CancelReason::Superseded).await?;
        }
        Ok(run.shown())
    }

    pub(crate) async fn run(&self, id: &str) -> Result<RunView, Error> {
        match self.live(id) {
            Some(run) => Ok(run.shown()),
            None => self.store.run(&self.token, id).await,
        }
    }

    pub(crate) async fn stop(&self, run_id: &str, reason: CancelReason) -> Result<RunView, Error> {
        if let Some(run) = self.live(run_id) {
            if self.leave_lane(&run) {
                run.commit(self, RunChange::Stopped { reason }).await?;
            } else {
                self.stop_and_wait(&run, reason).await?;
            }
        }
        self.run(run_id).await
    }

    pub(super) async fn stop_and_wait(&self, run: &LiveRun, reason: CancelReason) -> Result<(), Error> {
        run.token.cancel(reason);
        let mut watch = run.watch();
        let ended = watch.wait_for(|_| run.has_shown_its_end());
        tokio::select! {
            _ = ended => Ok(()),
            () = self.asker.clock.sleep(LONGEST_STOP) => Err(Error::timeout("stop", LONGEST_STOP)),
        }
    }

    pub(crate) async fn try_now(&self, run_id: &str) -> Result<RunView, Error> {
        if let Some(run) = self.live(run_id) {
            run.nudge.hurry();
        }
        self.run(run_id).await
    }

    pub(crate) async fn dismiss(&self, run_id: &str) -> Result<RunView, Error> {
        let view = self.store.run(&self.token, run_id).await?;
        if !view.state.is_end() {
            return Err(Error::conflict("This answer is still being written.").with_suggestion("Stop it first."));
        }
        if view.dismissed {
            return Ok(view);
        }
        let run = LiveRun::new(view, &self.token);
        run.commit(self, RunChange::Dismissed).await?;
        Ok(run.view())
    }

    fn live_runs_of(&self, message_id: &str) -> Vec<Arc<LiveRun>> {
        self.open().runs.values().filter(|run| run.spec.message_id == message_id).cloned().collect()
    }
}

/// The first words of the first message, for the list.
fn title_of(text: &str) -> String {
    let first_line = text.trim().lines().next().unwrap_or_default();
    let mut title: String = first_line.chars().take(TITLE_CHARS).collect();
    if first_line.chars().count() > TITLE_CHARS {
        title.push('…');
    }
    if title.is_empty() { "New conversation".to_owned() } else { title }
}

const TITLE_CHARS: usize = 60;
/// A stop takes one token's time and one write; this only keeps a broken one from hanging its caller.
const LONGEST_STOP: std::time::Duration = std::time::Duration::from_secs(5);
