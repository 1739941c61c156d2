//! Measures calls: time of the measuring thread's own processor, so that a busy machine does not count; many short
//! samples, taken in turns, so that a slow minute hits every case alike; and allocations.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
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
    /// Each of two threads on one shared object.
    pub shared: Shared,
    pub allocations: f64,
    pub allocated_bytes: f64,
    pub instructions: Option<f64>,
}

/// Two threads on one shared object, for each call of one of them; the median of the samples.
#[derive(Debug, Clone, Copy, Default)]
pub enum Shared {
    /// They hardly ever ran at once.
    #[default]
    Unknown,
    /// Both ran all the time.
    Busy(f64),
    /// They slept for a good part of it, waiting for one another: real time, not the processor's.
    Waiting(f64),
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
            shared: shared_cost(&shared, rounds),
            allocations: allocations as f64 / 1_000.0,
            allocated_bytes: bytes as f64 / 1_000.0,
            instructions: None,
        }
    });
    costs.collect()
}

fn shared_cost(samples: &[Together], rounds: usize) -> Shared {
    let of = |busy| samples.iter().filter(|sample| sample.busy == busy).map(|sample| sample.ns).collect::<Vec<_>>();
    let (busy, waiting) = (of(true), of(false));
    let enough = |samples: &Vec<f64>| samples.len() >= rounds / 2;
    match (median(busy.clone()), median(waiting.clone())) {
        (Some(ns), _) if enough(&busy) => Shared::Busy(ns),
        (_, Some(ns)) if enough(&waiting) => Shared::Waiting(ns),
        _ => Shared::Unknown,
    }
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

/// Short samples of two threads that begin each at one moment, without those in which they did not really run at
/// once. Short, because on a busy machine two threads seldom run together for long, but they do when both have just
/// met.
fn on_two_threads(run: &Arc<dyn Fn(u64) + Send + Sync>, calls: u64) -> Vec<Together> {
    let (arrived, runtime) = (AtomicU32::new(0), tokio::runtime::Handle::current());
    let calls = calls / MEETINGS as u64 + 1;
    let one = || {
        let _inside = runtime.enter();
        run(calls);
        let sample = |meeting| {
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < 2 * (meeting + 1) {
                std::hint::spin_loop();
            }
            let (began, before) = (now(), thread_time());
            run(calls);
            Sample { began, ended: now(), busy: thread_time() - before }
        };
        (0..MEETINGS).map(sample).collect::<Vec<_>>()
    };
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(one);
        (one(), second.join())
    });
    let pairs = first.iter().zip(second.iter().flatten());
    pairs.filter_map(|(first, second)| first.at_once_with(second, calls)).collect()
}

struct Sample {
    began: Instant,
    ended: Instant,
    busy: Duration,
}

impl Sample {
    /// What a call cost each thread, when both were at it at the same time.
    fn at_once_with(&self, other: &Self, calls: u64) -> Option<Together> {
        let together = self.ended.min(other.ended).saturating_duration_since(self.began.max(other.began));
        let longest = (self.ended - self.began).max(other.ended - other.began);
        let ran = (self.busy + other.busy) / 2;
        let busy = ran.as_secs_f64() >= AT_ONCE * longest.as_secs_f64();
        let ns = if busy { ran } else { longest }.as_nanos() as f64 / calls as f64;
        (together.as_secs_f64() >= AT_ONCE * longest.as_secs_f64()).then_some(Together { ns, busy })
    }
}

#[derive(Clone)]
struct Together {
    ns: f64,
    /// Whether both ran all the time.
    busy: bool,
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

/// How often the two threads meet for each time that they are begun.
const MEETINGS: u32 = 8;

/// Both threads ran for this share of the sample, and at the same time.
const AT_ONCE: f64 = 0.85;
