//! The loop: begins attempts, asks the plan, pays the budget, waits. It bounds nothing: whoever makes the attempts
//! also says what may end them, so that a pipeline needs one timer and not three.

use super::{Again, Plan, plan::Next};
use crate::{Attempt, Blame, Call, Error, Event, Guidance, RetryAdvice, call::Bounded, error::Fault};
use std::{pin::pin, time::Duration};
use tokio::time::Instant;

/// What is tried, perhaps several times. Apart from `Work`, and without its parameters: the future's type must not
/// name what the work answers, or a task could not be spawned that is answered by a trait object (rustc 1.95 compares
/// the lifetimes of the two when it asks whether the task is `Send`, and finds them too general).
pub(crate) trait Begin {
    type Future: Future;

    fn begin(&mut self, attempt: Attempt) -> Self::Future;
}

/// How it ends, and whether it may begin again.
pub(crate) trait Work<T, X>: Begin {
    /// Takes out of an attempt's end what the work keeps for itself.
    fn end(&mut self, output: <Self::Future as Future>::Output) -> Result<T, X>;

    /// A wait for the next attempt begins.
    fn pausing(&mut self) {}

    /// Whether it could begin once more.
    fn repeatable(&self) -> bool {
        true
    }
}

/// How it ended.
pub(crate) struct Ran<T, X> {
    pub(crate) output: Result<T, X>,
    pub(crate) attempts: u32,
    /// The error was the last of several attempts, and is not the answer by itself.
    gave_up: bool,
}

impl<T> Ran<T, Error> {
    pub(super) fn finish(self, call: &Call) -> Result<T, Error> {
        match self.output {
            Err(error) if self.gave_up => Err(error.after_attempts(self.attempts, call.operation())),
            output => output,
        }
    }
}

/// Without a plan there is one attempt.
pub(crate) async fn drive<T, X, W, K>(plan: Option<(&Plan, &W)>, call: &Call, work: &mut K) -> Ran<T, X>
where
    X: Fault,
    W: Again<T>,
    K: Work<T, X>,
{
    let mut attempt = Attempt { number: 1, of: plan.map_or(1, |(plan, _)| plan.max_attempts) };
    let mut course = Course::new(plan.map(|(plan, _)| plan), call);
    loop {
        call.events().emit(|| started(call, attempt));
        // Pinned where it is made: awaiting it by value copies it once more, which costs as much as the whole loop.
        let output = pin!(work.begin(attempt)).await;
        let output = work.end(output);
        let guidance = match (&output, plan) {
            (Ok(value), Some((_, when))) if when.again(value) => TRY_AGAIN,
            (Ok(_), _) => {
                course.succeeded(attempt);
                return Ran { output, attempts: attempt.number, gave_up: false };
            }
            (Err(error), _) => {
                call.events().emit(|| failed(call, attempt, error));
                error.guidance()
            }
        };
        let delay = match course.decide(attempt, guidance, work) {
            Next::After(delay) => delay,
            next => {
                let gave_up = next == Next::GiveUp;
                if let Err(error) = &output
                    && gave_up
                {
                    call.events().emit(|| exhausted(call, attempt, error));
                }
                return Ran { output, attempts: attempt.number, gave_up };
            }
        };
        work.pausing();
        if let Err(stopped) = pause(call, attempt, delay, output.err()).await {
            course.unused();
            return Ran { output: Err(stopped), attempts: attempt.number, gave_up: false };
        }
        attempt.number += 1;
    }
}

/// What one run has to remember between its attempts. Empty until something fails.
struct Course<'a> {
    plan: Option<&'a Plan>,
    call: &'a Call,
    began: Option<Instant>,
    random: Option<fastrand::Rng>,
    last_delay: Option<Duration>,
    /// What the last retry took from the budget.
    paid: u32,
}

impl<'a> Course<'a> {
    fn new(plan: Option<&'a Plan>, call: &'a Call) -> Self {
        // The clock is read only when a limit needs it.
        let began = plan.and_then(|plan| plan.max_elapsed).map(|_| call.clock().now());
        Self { plan, call, began, random: None, last_delay: None, paid: 0 }
    }

    fn decide<T, X>(&mut self, attempt: Attempt, guidance: Guidance, work: &impl Work<T, X>) -> Next {
        let Some(plan) = self.plan else { return Next::GiveBack };
        let delay = self.delay(plan, attempt);
        match plan.decide(attempt, guidance.advice, delay, self.time_left(plan)) {
            Next::After(_) if !work.repeatable() => {
                self.call
                    .events()
                    .emit(|| Event::InputSpent { operation: self.call.operation_name(), attempts: attempt.number });
                Next::GiveBack
            }
            Next::After(_) if !self.pay(plan, attempt, guidance) => Next::GiveBack,
            next => next,
        }
    }

    fn delay(&mut self, plan: &Plan, attempt: Attempt) -> Duration {
        let fresh = || plan.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let random = self.random.get_or_insert_with(fresh);
        let delay = plan.backoff.delay(attempt.number, self.last_delay, random).min(plan.max_delay);
        self.last_delay = Some(delay);
        plan.jitter.apply(delay, random)
    }

    /// What is left until the deadline or the elapsed limit, whichever is earlier.
    fn time_left(&self, plan: &Plan) -> Option<Duration> {
        let now = || self.call.clock().now();
        let left = |(limit, began): (Duration, Instant)| limit.saturating_sub(now().saturating_duration_since(began));
        [self.call.remaining(), plan.max_elapsed.zip(self.began).map(left)].into_iter().flatten().min()
    }

    fn pay(&mut self, plan: &Plan, attempt: Attempt, guidance: Guidance) -> bool {
        let Some(budget) = &plan.budget else { return true };
        self.paid = budget.cost_after(guidance);
        let paid = budget.try_spend(self.paid);
        if !paid {
            self.call.events().emit(|| Event::BudgetSpent {
                operation: self.call.operation_name(),
                target: budget.target_name(),
                attempts: attempt.number,
            });
        }
        paid
    }

    /// The retry that was paid for never began.
    fn unused(&self) {
        if let Some(budget) = self.plan.and_then(|plan| plan.budget.as_ref()) {
            budget.refund(self.paid);
        }
    }

    fn succeeded(&self, attempt: Attempt) {
        if let Some(budget) = self.plan.and_then(|plan| plan.budget.as_ref()) {
            if attempt.number == 1 { budget.succeeded() } else { budget.succeeded_after(self.paid) }
        }
    }
}

/// Says that it will wait, then waits: so the listener knows before and not after. Without an error it was the value
/// that asked for another attempt.
async fn pause<X: Fault>(call: &Call, attempt: Attempt, delay: Duration, error: Option<X>) -> Result<(), X> {
    // Made first, so that a listener that hurries at once is heard.
    let hurried = call.nudge().hurried();
    let (number, of) = (attempt.number, attempt.of);
    call.events().emit(|| match &error {
        Some(error) => {
            Event::RetryScheduled { operation: call.operation_name(), attempt: number, of, delay, code: error.code() }
        }
        None => Event::ValueRefused { operation: call.operation_name(), attempt: number, of, delay },
    });
    let wait = async {
        tokio::select! {
            biased;
            () = hurried => Ok(()),
            () = call.clock().sleep(delay) => Ok(()),
        }
    };
    Bounded::new(call, None, wait).await
}

fn started(call: &Call, attempt: Attempt) -> Event {
    Event::AttemptStarted { operation: call.operation_name(), attempt: attempt.number, of: attempt.of }
}

fn failed<X: Fault>(call: &Call, attempt: Attempt, error: &X) -> Event {
    Event::AttemptFailed {
        operation: call.operation_name(),
        attempt: attempt.number,
        of: attempt.of,
        code: error.code(),
        message: error.sentence(),
    }
}

fn exhausted<X: Fault>(call: &Call, attempt: Attempt, error: &X) -> Event {
    Event::RetriesExhausted { operation: call.operation_name(), attempts: attempt.number, code: error.code() }
}

/// The guidance of a value that was refused.
const TRY_AGAIN: Guidance = Guidance { advice: RetryAdvice::RetryNow, blame: Blame::Target };
