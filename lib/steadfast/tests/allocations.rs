//! What succeeds at once allocates nothing. Counted for this thread alone, because tests run in several.
#![expect(unsafe_code, reason = "an allocator cannot be written without it")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use steadfast::{Breaker, Budget, Call, CancelToken, Error, GivenBack, Pipeline, Retry, Timeout};

struct Counting;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

// SAFETY: everything is the system allocator's; counting in a constant thread local allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: as our caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as our caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work`, which is ready at once, asks for memory.
fn allocations<F: Future>(work: F) -> u32 {
    let before = COUNT.get();
    let done = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(done, Poll::Ready(_)));
    COUNT.get() - before
}

#[test]
fn what_succeeds_at_once_allocates_nothing() {
    let call = Call::new("fetch", &CancelToken::root("test"));
    let retry = Retry::exponential(Duration::from_millis(50)).budget(Budget::default());
    let (breaker, limit) = (Breaker::consecutive(5), Duration::from_secs(1));
    let pipeline = Pipeline::named("shop")
        .deadline(limit)
        .retry(retry.clone())
        .limits((Timeout::after(limit), Some(Timeout::after(limit))))
        .breaker(breaker.clone())
        .attempt_timeout(limit);
    let work = || async { Ok::<_, Error>(7) };

    assert_eq!(allocations(async { black_box(Box::new(7)) }), 1, "it counts");
    assert_eq!(allocations(retry.run(&call, |_| work())), 0);
    assert_eq!(allocations(breaker.run(&call, work())), 0);
    assert_eq!(allocations(Timeout::after(limit).run(&call, work())), 0);
    assert_eq!(allocations(pipeline.run(&call, |_| work())), 0);
    let gives_back = |_, input| async move { Ok::<u32, GivenBack<Error, u32>>(input) };
    assert_eq!(allocations(pipeline.run_giving_back(&call, 7, gives_back)), 0);
}
