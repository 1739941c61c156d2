//! Work that trouble may come before: the draws are made by the first poll, and only when chaos is switched on.

use super::{Chaos, Kind, tell};
use crate::{Call, Stop, clock::later, error::Fault};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

pin_project! {
    #[must_use = "futures do nothing unless awaited"]
    pub struct Troubled<'a, F> {
        chaos: &'a Chaos,
        call: &'a Call,
        // The trouble to draw next; `None` before the first poll, then up to the length of the list.
        next: Option<usize>,
        delay: Option<Delay>,
        #[pin]
        work: F,
    }
}

/// Boxed, because it is made only when there is trouble.
type Delay = Pin<Box<dyn Future<Output = Option<Stop>> + Send>>;

impl<'a, F> Troubled<'a, F> {
    pub(super) fn new(chaos: &'a Chaos, call: &'a Call, work: F) -> Self {
        Self { chaos, call, next: None, delay: None, work }
    }
}

impl<T, X: Fault, F: Future<Output = Result<T, X>>> Future for Troubled<'_, F> {
    type Output = Result<T, X>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let troubles = &this.chaos.troubles;
        let next = this.next.get_or_insert_with(|| if this.chaos.is_on() { 0 } else { troubles.len() });
        loop {
            if let Some(delay) = this.delay {
                let stop = ready!(delay.as_mut().poll(context));
                *this.delay = None;
                if let Some(stop) = stop {
                    return Poll::Ready(Err(X::from_stop(stop, this.call.operation())));
                }
            }
            let Some(trouble) = troubles.get(*next) else { return this.work.poll(context) };
            *next += 1;
            if this.chaos.dial.chance.unit() >= trouble.probability {
                continue;
            }
            tell(this.call, trouble.kind.name());
            match &trouble.kind {
                Kind::Fault(stop) => {
                    *next = troubles.len();
                    return Poll::Ready(Err(X::from_stop(stop.clone(), this.call.operation())));
                }
                Kind::Latency { least, most } => {
                    let spread = most.saturating_sub(*least).mul_f64(this.chaos.dial.chance.unit());
                    *this.delay = Some(delay(this.call, Some(least.saturating_add(spread))));
                }
                Kind::Hang => *this.delay = Some(delay(this.call, None)),
                Kind::Behaviour(act) => act(this.call),
            }
        }
    }
}

/// Waits so long, or for ever; gives the reason when the call ends it earlier.
fn delay(call: &Call, wait: Option<Duration>) -> Delay {
    let call = call.clone();
    Box::pin(async move {
        let began = call.clock().now();
        let end = wait.map(|wait| later(began, wait));
        let deadline = call.deadline().map(|deadline| deadline.moment());
        let is_late = deadline.is_some_and(|deadline| end.is_none_or(|end| deadline < end));
        let sleep = async {
            match if is_late { deadline } else { end } {
                Some(moment) => call.clock().sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            reason = call.token().cancelled() => Some(Stop::Cancelled(reason)),
            () = sleep => is_late.then(|| Stop::TimedOut(call.clock().now().saturating_duration_since(began))),
        }
    })
}
