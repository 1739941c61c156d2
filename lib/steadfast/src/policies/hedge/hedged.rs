//! The copies of one call, all polled in one future. The first lives in it, further ones in boxes: they are rare.

use super::{Hedge, race::Race};
use crate::{Attempt, Call, error::Fault};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Hedged<'a, X, W, F> {
        #[pin]
        first: Option<F>,
        others: Vec<(u32, Pin<Box<F>>)>,
        race: Race<'a, X>,
        work: W,
    }
}

impl<'a, X, W, F> Hedged<'a, X, W, F> {
    pub(super) fn new(hedge: &'a Hedge, call: &'a Call, work: W) -> Self {
        Self { first: None, others: Vec::new(), race: Race::new(hedge, call), work }
    }
}

impl<T, X, W, F> Future for Hedged<'_, X, W, F>
where
    X: Fault,
    W: FnMut(Attempt, Call) -> F,
    F: Future<Output = Result<T, X>>,
{
    type Output = Result<T, X>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.race.has_begun() {
            let this = self.as_mut().project();
            let (attempt, call) = this.race.start();
            let mut first = this.first;
            first.set(Some((this.work)(attempt, call)));
        }
        loop {
            let end = self.as_mut().poll_copies(context);
            let mut this = self.as_mut().project();
            if let Some(output) = end {
                // The losers' tokens were cancelled before they are dropped here, so that who judges them knows why.
                this.first.set(None);
                this.others.clear();
                return Poll::Ready(output);
            }
            let Some((attempt, call)) = this.race.poll_next_copy(context) else { return Poll::Pending };
            this.others.push((attempt.number, Box::pin((this.work)(attempt, call))));
        }
    }
}

impl<T, X, W, F> Hedged<'_, X, W, F>
where
    X: Fault,
    F: Future<Output = Result<T, X>>,
{
    /// What the whole call ends with, if that is known now.
    fn poll_copies(self: Pin<&mut Self>, context: &mut Context<'_>) -> Option<Result<T, X>> {
        let mut this = self.project();
        if let Some(first) = this.first.as_mut().as_pin_mut()
            && let Poll::Ready(output) = first.poll(context)
        {
            this.first.set(None);
            if let Some(end) = this.race.ended(1, output) {
                return Some(end);
            }
        }
        let mut index = 0;
        while let Some((copy, work)) = this.others.get_mut(index) {
            let copy = *copy;
            match work.as_mut().poll(context) {
                Poll::Pending => index += 1,
                Poll::Ready(output) => {
                    drop(this.others.remove(index));
                    if let Some(end) = this.race.ended(copy, output) {
                        return Some(end);
                    }
                }
            }
        }
        let nobody_is_left = this.first.is_none() && this.others.is_empty();
        if nobody_is_left { this.race.last_failure().map(Err) } else { None }
    }
}
