//! The order in which the program ends. Each stage has a token; a stage is asked to end when the one before it has.

use std::time::Duration;

use steadfast::{CancelReason, CancelToken, Clock, Deadline, Events};
use tracing::warn;

#[derive(Debug, Clone)]
pub(super) struct Stages {
    /// New connections.
    pub(super) accepting: CancelToken,
    /// Plain questions and runs.
    pub(super) asking: CancelToken,
    /// Open connections, and whatever reports to them.
    pub(super) lines: CancelToken,
    pub(super) models: CancelToken,
    pub(super) store: CancelToken,
}

impl Stages {
    pub(super) fn new(events: Events) -> Self {
        let root = CancelToken::root("steadfast").with_events(events);
        Self {
            accepting: root.child("accepting"),
            asking: root.child("asking"),
            lines: root.child("lines"),
            models: root.child("models"),
            store: root.child("store"),
        }
    }

    /// Ends every stage, all of them within [`PATIENCE`], and says who was late.
    pub(super) async fn end(&self, clock: &Clock) -> Vec<String> {
        let deadline = Deadline::after(clock, PATIENCE);
        let mut late = vec![];
        for stage in [&self.accepting, &self.asking, &self.lines, &self.models, &self.store] {
            stage.cancel(CancelReason::Shutdown);
            tokio::select! {
                biased;
                () = stage.join() => {}
                () = clock.sleep(deadline.remaining(clock)) => late.extend(stage.running()),
            }
        }
        if !late.is_empty() {
            warn!(?late, "some tasks did not end in time");
        }
        late
    }
}

/// Service managers kill after 10 s or more; what has not ended by then would not end at all.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_stage_ends_when_the_one_before_it_has() {
        let stages = Stages::new(Events::none());
        let ended = Arc::new(Mutex::new(vec![]));
        for (name, stage) in [("store", &stages.store), ("models", &stages.models), ("asking", &stages.asking)] {
            let (ended, token) = (Arc::clone(&ended), stage.clone());
            drop(stage.spawn(name, async move {
                token.cancelled().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                ended.lock().unwrap().push(name);
            }));
        }
        assert!(stages.end(&Clock::real()).await.is_empty());
        assert_eq!(*ended.lock().unwrap(), ["asking", "models", "store"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_task_is_named_and_not_waited_for() {
        let stages = Stages::new(Events::none());
        drop(stages.models.spawn("deaf", std::future::pending::<()>()));
        let clock = Clock::real();
        let begun = clock.now();
        let late = stages.end(&clock).await;
        assert_eq!((clock.now() - begun).as_secs(), PATIENCE.as_secs());
        assert!(late.len() == 1 && late[0].ends_with("deaf"), "{late:?}");
    }
}
