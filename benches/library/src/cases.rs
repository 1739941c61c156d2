//! What is measured: calls that succeed at once, the path of nearly every call, through each crate's policies; and
//! the refusal of an open breaker. Each case is built once and is shared by the threads that run it.

use std::{
    fmt,
    future::Future,
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

mod ours;
mod seatbelt;
mod small;
mod tower_resilience;

/// One row of the table.
pub struct Case {
    pub group: Group,
    pub name: &'static str,
    pub whose: Whose,
    /// Makes the shared object, and gives a function that makes so many calls.
    pub build: fn() -> Arc<dyn Fn(u64) + Send + Sync>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Bare,
    Breaker,
    Retry,
    Timeout,
    Stack,
    Rejection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Nobody,
    Ours,
    Rival,
}

/// Every case, in the order of the table.
pub fn all() -> Vec<Case> {
    let mut cases = vec![Case { group: Group::Bare, name: "bare async fn", whose: Whose::Nobody, build: bare }];
    cases.extend(ours::cases());
    cases.extend(seatbelt::cases());
    cases.extend(tower_resilience::cases());
    cases.extend(small::cases());
    cases.sort_by_key(|case| case.group as u8);
    cases
}

fn bare() -> Arc<dyn Fn(u64) + Send + Sync> {
    repeat(|| at_once(work::<Refused>(black_box(7))))
}

/// The work of every case.
async fn work<E>(number: u64) -> Result<u64, E> {
    Ok(black_box(number))
}

/// The error of the crates that take any error. As small as can be: none is ever made on this path.
#[derive(Debug, Clone, Copy)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

/// A function that makes so many calls.
fn repeat<T>(call: impl Fn() -> T + Send + Sync + 'static) -> Arc<dyn Fn(u64) + Send + Sync> {
    Arc::new(move |calls| {
        for _ in 0..calls {
            black_box(call());
        }
    })
}

/// Runs a call to its end, without an executor's own cost. Nearly all are ready at the first poll; who waits for a
/// lock that another thread has sleeps until it is woken. Inline, as an `.await` is: a future that is built and then
/// moved into a function is read back before its fields are written out, which costs 5 ns that no `.await` pays.
#[inline(always)]
fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    WAKER.with(|waker| {
        let mut context = Context::from_waker(waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            thread::park_timeout(LOST);
        }
    })
}

/// tower-resilience's open breaker was seen not to wake a thread that had met another one: it must not stop the run.
const LOST: Duration = Duration::from_millis(10);

thread_local! {
    static WAKER: Waker = Arc::new(Unpark(thread::current())).into();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
