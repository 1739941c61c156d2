//! Who runs where: load and upstream share the last core, whoever is measured has the first to itself. So what is
//! measured is the work of one core, and nobody's threads wait for a core that the load is using.

use std::{process, thread};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// The last one is ours.
    Apart { last: usize },
    /// There is one core, or no `taskset` to part them with.
    Shared,
}

impl Cores {
    /// Takes the last core for this process, which must not have started another thread.
    pub fn share() -> Self {
        let last = thread::available_parallelism().map_or(1, usize::from) - 1;
        if last > 0 && go_to(last) { Self::Apart { last } } else { Self::Shared }
    }

    /// What `start` starts gets the first core, and this process has its own again afterwards.
    pub(super) async fn elsewhere<T>(self, start: impl Future<Output = T>) -> T {
        let Self::Apart { last } = self else { return start.await };
        go_to(0);
        let started = start.await;
        go_to(last);
        started
    }
}

/// Moves this process's only thread. Without `unsafe` that takes a program.
fn go_to(core: usize) -> bool {
    let own = process::id().to_string();
    let moved = process::Command::new("taskset").args(["-pc", &core.to_string(), &own]).output();
    moved.is_ok_and(|moved| moved.status.success())
}
