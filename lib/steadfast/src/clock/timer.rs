//! A timer that is armed when somebody first has to wait, and moved afterwards without a new one. On the real
//! clock moving it allocates nothing; on a manual clock, which only tests have, it is made anew.

use super::{Clock, Source};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::{Instant, Sleep, sleep_until};

pub(crate) struct Timer {
    clock: Clock,
    due: Instant,
    bell: Bell,
}

enum Bell {
    /// Nobody has waited yet.
    Unarmed,
    Real(Pin<Box<Sleep>>),
    Manual(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Timer {
    pub(crate) fn new(clock: &Clock, due: Instant) -> Self {
        Self { clock: clock.clone(), due, bell: Bell::Unarmed }
    }

    /// When it rings.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Rings at `due` instead.
    pub(crate) fn move_to(&mut self, due: Instant) {
        self.due = due;
        match &mut self.bell {
            Bell::Unarmed => {}
            Bell::Real(sleep) => sleep.as_mut().reset(due),
            Bell::Manual(_) => self.bell = Bell::Unarmed,
        }
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if matches!(self.bell, Bell::Unarmed) {
            self.bell = self.arm();
        }
        match &mut self.bell {
            Bell::Unarmed => Poll::Pending,
            Bell::Real(sleep) => sleep.as_mut().poll(context),
            Bell::Manual(sleep) => sleep.as_mut().poll(context),
        }
    }

    fn arm(&self) -> Bell {
        let (clock, due) = (self.clock.clone(), self.due);
        match self.clock.0 {
            Source::Real => Bell::Real(Box::pin(sleep_until(due))),
            #[cfg(feature = "coarse-clock")]
            Source::Coarse => Bell::Real(Box::pin(sleep_until(due))),
            Source::Manual(_) => Bell::Manual(Box::pin(async move { clock.sleep_until(due).await })),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("due", &self.due).finish_non_exhaustive()
    }
}
