//! Measures calls: time of the measuring thread's own processor, so that a busy machine does not count; many short
//! samples, taken in turns, so that a slow minute hits every case alike; and allocations.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use crate::cases::Case;

/// What one case costs, for each call.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// Median of the samples, one thread.
    pub alone_ns: f64,
    /// Median of the samples, each of two threads on one shared object; `None` when the two hardly ever ran at once.
    pub shared_ns: Option<f64>,
    pub allocations: f64,
    pub allocated_bytes: f64,
    pub instructions: Option<f64>,
}

/// Every case, in turns.
pub fn measure(cases: &[Case], rounds: usize) -> Vec<Cost> {
    let runs: Vec<_> = cases.iter().map(|case| (case.build)()).collect();
    let batches: Vec<_> = runs.iter().map(|run| batch(&**run)).collect();
    let mut alone = vec![Vec::new(); cases.len()];
    let mut shared = vec![Vec::new(); cases.len()];
    for _ in 0..rounds {
        for (case, run) in runs.iter().enumerate() {
            alone[case].push(on_this_thread(&**run, batches[case]).as_nanos() as f64 / batches[case] as f64);
            shared[case].extend(on_two_threads(run, batches[case]));
        }
    }
    let costs = runs.iter().zip(alone.into_iter().zip(shared)).map(|(run, (alone, shared))| {
        let (allocations, bytes) = allocations(|| run(1_000));
        Cost {
            alone_ns: median(alone).unwrap_or(f64::NAN),
            shared_ns: if shared.len() >= rounds / 4 { median(shared) } else { None },
            allocations: allocations as f64 / 1_000.0,
            allocated_bytes: bytes as f64 / 1_000.0,
            instructions: None,
        }
    });
    costs.collect()
}

/// So many calls that they take about a millisecond.
fn batch(run: &dyn Fn(u64)) -> u64 {
    let mut calls = 64;
    while on_this_thread(run, calls) < SAMPLE && calls < 1 << 24 {
        calls *= 2;
    }
    calls
}

fn on_this_thread(run: &dyn Fn(u64), calls: u64) -> Duration {
    let before = thread_time();
    run(calls);
    thread_time() - before
}

/// One sample of two threads that begin at one moment; nothing when they did not really run at once.
fn on_two_threads(run: &Arc<dyn Fn(u64) + Send + Sync>, calls: u64) -> Option<f64> {
    let (ready, runtime) = (AtomicU32::new(0), tokio::runtime::Handle::current());
    let both = Barrier::new(2);
    let one = || {
        let _inside = runtime.enter();
        run(calls / 8 + 1);
        both.wait();
        ready.fetch_add(1, Ordering::SeqCst);
        while ready.load(Ordering::SeqCst) < 2 {
            std::hint::spin_loop();
        }
        let (began, before) = (now(), thread_time());
        run(calls);
        (began, now(), thread_time() - before)
    };
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(one);
        (one(), second.join())
    });
    let second = second.ok()?;
    let together = first.1.min(second.1).saturating_duration_since(first.0.max(second.0));
    let longest = (first.1 - first.0).max(second.1 - second.0);
    let busy = (first.2 + second.2).as_secs_f64() / (2.0 * longest.as_secs_f64());
    let at_once = together.as_secs_f64() / longest.as_secs_f64();
    let per_call = (first.2 + second.2).as_nanos() as f64 / 2.0 / calls as f64;
    (at_once >= AT_ONCE && busy >= AT_ONCE).then_some(per_call)
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn now() -> Instant {
    Instant::now()
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

pub fn median(mut samples: Vec<f64>) -> Option<f64> {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

/// How often and how much `run` allocates.
fn allocations(run: impl FnOnce()) -> (u64, u64) {
    let before = (COUNT.load(Ordering::SeqCst), BYTES.load(Ordering::SeqCst));
    COUNTING.store(true, Ordering::SeqCst);
    run();
    COUNTING.store(false, Ordering::SeqCst);
    (COUNT.load(Ordering::SeqCst) - before.0, BYTES.load(Ordering::SeqCst) - before.1)
}

/// The system's allocator, which counts when it is told to and otherwise costs one load more.
#[derive(Debug)]
pub struct Counting;

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every method hands its arguments to the system's allocator unchanged, and gives back what that gave.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn note(size: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
    }
}

static COUNTING: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Long enough for the clock, short enough to be seldom interrupted.
const SAMPLE: Duration = Duration::from_millis(1);

/// Both threads ran for this share of the sample, and at the same time.
const AT_ONCE: f64 = 0.85;
