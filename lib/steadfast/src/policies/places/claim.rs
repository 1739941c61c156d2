//! One caller's claim on a place: asking, waiting, holding. Dropping it at any moment leaves nothing behind.

use super::{Asked, Places, Ticket};
use std::{
    ops::Deref,
    task::{Context, Poll},
};

/// `P` is `&Places` inside a future, and `Arc<Places>` for a permit that travels.
#[derive(Debug)]
pub(in crate::policies) struct Claim<P: Deref<Target = Places>> {
    places: P,
    stage: Stage,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Outside,
    Waiting(Ticket),
    Holding,
}

/// No place, and no room in the queue.
#[derive(Debug)]
pub(in crate::policies) struct Full;

impl<P: Deref<Target = Places>> Claim<P> {
    pub(in crate::policies) fn new(places: P) -> Self {
        Self { places, stage: Stage::Outside }
    }

    /// A place, only if one is free now.
    pub(in crate::policies) fn try_take(&mut self) -> Result<(), Full> {
        if !self.places.try_take() {
            return Err(Full);
        }
        self.stage = Stage::Holding;
        Ok(())
    }

    /// A place, waiting for it in the queue.
    pub(in crate::policies) fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Full>> {
        match self.stage {
            Stage::Holding => return Poll::Ready(Ok(())),
            Stage::Waiting(ticket) => match self.places.poll_ticket(ticket, context.waker()) {
                Poll::Ready(()) => {}
                Poll::Pending => return Poll::Pending,
            },
            Stage::Outside => match self.places.ask(context.waker()) {
                Asked::Taken => {}
                Asked::Full => return Poll::Ready(Err(Full)),
                Asked::Waiting(ticket) => {
                    self.stage = Stage::Waiting(ticket);
                    return Poll::Pending;
                }
            },
        }
        self.stage = Stage::Holding;
        Poll::Ready(Ok(()))
    }

    /// Ends the claim now instead of at the drop.
    pub(in crate::policies) fn release(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Outside) {
            Stage::Outside => {}
            Stage::Waiting(ticket) => self.places.leave(ticket),
            Stage::Holding => self.places.give_back(),
        }
    }
}

impl<P: Deref<Target = Places>> Drop for Claim<P> {
    fn drop(&mut self) {
        self.release();
    }
}
