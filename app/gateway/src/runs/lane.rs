//! The runs of one conversation, one after another, in the order in which they were sent.
//!
//! A lane is a task while it has something to do. Who waits is told their place whenever it changes.

use std::{collections::VecDeque, sync::Arc};

use steadfast::{CancelReason, Error};
use steadfast_contract::run::{QueuedWhy, RunChange};

use super::{Runs, live_run::LiveRun};

#[derive(Default)]
pub(super) struct Lane {
    pub(super) waiting: VecDeque<Arc<LiveRun>>,
    pub(super) current: Option<Arc<LiveRun>>,
}

impl Runs {
    /// At the end of its conversation's lane.
    pub(super) fn enqueue(self: &Arc<Self>, run: Arc<LiveRun>) {
        self.join_lane(run, VecDeque::push_back);
    }

    /// Next in its conversation's lane.
    pub(super) fn enqueue_first(self: &Arc<Self>, run: Arc<LiveRun>) {
        self.join_lane(run, VecDeque::push_front);
    }

    fn join_lane(self: &Arc<Self>, run: Arc<LiveRun>, push: impl FnOnce(&mut VecDeque<Arc<LiveRun>>, Arc<LiveRun>)) {
        let conversation = run.spec.conversation_id.clone();
        let mut open = self.open();
        open.runs.insert(run.spec.id.clone(), Arc::clone(&run));
        let is_new = !open.lanes.contains_key(&conversation);
        push(&mut open.lanes.entry(conversation.clone()).or_default().waiting, run);
        drop(open);
        if is_new {
            let runs = Arc::clone(self);
            drop(self.token.spawn(format!("lane {conversation}"), async move { runs.work(&conversation).await }));
        }
    }

    /// Until the lane is empty or the house shuts down.
    async fn work(self: Arc<Self>, conversation: &str) {
        while let Some(run) = self.next_in(conversation) {
            self.tell_places(conversation).await;
            self.produce(&run).await;
            self.open().runs.remove(&run.spec.id);
        }
    }

    /// Takes the next run of the lane, or takes the empty lane away. Both under one lock, so no run is left behind.
    fn next_in(&self, conversation: &str) -> Option<Arc<LiveRun>> {
        let mut open = self.open();
        let lane = open.lanes.get_mut(conversation)?;
        lane.current = lane.waiting.pop_front();
        let next = lane.current.clone();
        if next.is_none() || self.token.is_cancelled() {
            open.lanes.remove(conversation);
            return None;
        }
        next
    }

    /// Everybody who waits behind an answer hears their place.
    pub(super) async fn tell_places(&self, conversation: &str) {
        for (run, place) in self.behind_an_answer(conversation).into_iter().zip(1..) {
            let change = RunChange::Queued { why: QueuedWhy::AnotherAnswer, place };
            if run.commit(self, change).await.is_err() {
                run.show_all(); // a place in line that is not on disk is worth saying all the same
            }
        }
    }

    fn behind_an_answer(&self, conversation: &str) -> Vec<Arc<LiveRun>> {
        let open = self.open();
        let lane = open.lanes.get(conversation).filter(|lane| lane.current.is_some());
        lane.map(|lane| lane.waiting.iter().cloned().collect()).unwrap_or_default()
    }

    /// Takes a waiting run out of its lane; false when it is not waiting.
    pub(super) fn leave_lane(&self, run: &LiveRun) -> bool {
        let mut open = self.open();
        let Some(lane) = open.lanes.get_mut(&run.spec.conversation_id) else { return false };
        let before = lane.waiting.len();
        lane.waiting.retain(|other| other.spec.id != run.spec.id);
        let left = lane.waiting.len() < before;
        if left {
            open.runs.remove(&run.spec.id);
        }
        left
    }

    pub(super) fn current_of(&self, conversation: &str) -> Option<Arc<LiveRun>> {
        self.open().lanes.get(conversation).and_then(|lane| lane.current.clone())
    }

    pub(super) fn waiting_in(&self, conversation: &str) -> usize {
        self.open().lanes.get(conversation).map_or(0, |lane| lane.waiting.len())
    }

    /// Ends the run that is being answered, if there is one, and waits for its end.
    pub(super) async fn stop_current(&self, conversation: &str, reason: CancelReason) -> Result<(), Error> {
        match self.current_of(conversation) {
            Some(run) => self.stop_and_wait(&run, reason).await,
            None => Ok(()),
        }
    }
}
