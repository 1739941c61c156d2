//! A bell for a moment that keeps moving away. Moving it touches no timer: the bell rings too early once, and is wound
//! up again then. Most of what is waited for comes in time, so most waits cost nothing.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use steadfast::Clock;
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Bell(Option<Wound>);

struct Wound {
    rings: Instant,
    wait: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Bell {
    /// Ready once `due` is past.
    pub(crate) fn poll(&mut self, clock: &Clock, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let wound = match self.0.take() {
                Some(wound) if wound.rings <= due => self.0.insert(wound),
                _none_or_too_late => self.0.insert(Wound::up(clock, due)),
            };
            ready!(wound.wait.as_mut().poll(context));
            let rang_for = wound.rings;
            self.0 = None;
            if rang_for == due {
                return Poll::Ready(());
            }
        }
    }
}

impl Wound {
    fn up(clock: &Clock, rings: Instant) -> Self {
        let clock = clock.clone();
        Self { rings, wait: Box::pin(async move { clock.sleep_until(rings).await }) }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bell").field(&self.0.as_ref().map(|wound| wound.rings)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bell_rings_at_its_moment_wherever_that_was_moved() {
        let clock = Clock::real();
        let start = clock.now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut bell = Bell::default();
        for (asked, until, rang) in [(60, 10, 10), (20, 30, 30), (90, 40, 40)] {
            poll_fn(|context| Poll::Ready(bell.poll(&clock, at(asked), context).is_pending())).await;
            poll_fn(|context| bell.poll(&clock, at(until), context)).await;
            assert_eq!((clock.now() - start).as_secs(), rang, "asked for {asked}, then for {until}");
        }
    }
}
