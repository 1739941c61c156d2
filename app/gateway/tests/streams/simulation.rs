//! The real gateway and the real provider over a network that is made up: upstreams that misbehave by seed, lines
//! that are cut and held, clients that read, leave and come back. `STEADFAST_SEEDS` says how many seeds,
//! `STEADFAST_SEED` which one alone; `cargo xtask simulate` sets both.

mod network;
mod trace;
mod upstream;
mod visitor;
mod world;

use std::{panic, thread};

use self::world::simulate;

/// Odd seeds are for liveness: the faults end, and every stream must have ended 60 s later.
#[test]
fn no_seed_breaks_a_law() {
    let seeds = match number("STEADFAST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STEADFAST_SEEDS").unwrap_or(200),
    };
    // One world knows nothing of another, so each core has its own.
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let tally = thread::scope(|scope| {
        let played = |core| seeds.clone().skip(core).step_by(cores).fold(trace::Tally::default(), play);
        let workers: Vec<_> = (0..cores).map(|core| scope.spawn(move || played(core))).collect();
        workers.into_iter().map(|worker| worker.join().expect("a panic is told as a story")).sum::<trace::Tally>()
    });
    eprintln!("{tally}");
    assert!(
        tally.failed.is_empty(),
        "{} of these seeds failed; alone: cargo xtask simulate --seed N",
        tally.failed.len()
    );
    if number("STEADFAST_SEED").is_none() {
        tally.assert_everything_happened();
    }
}

fn play(mut tally: trace::Tally, seed: u64) -> trace::Tally {
    match panic::catch_unwind(|| simulate(seed)) {
        Ok(Ok(trace)) => tally.add(&trace),
        Ok(Err(story)) => tally.failed(seed, &story),
        Err(_) => tally.failed(seed, "it panicked, as is said above"),
    }
    tally
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in [3, 8] {
        assert_eq!(simulate(seed).unwrap().lines, simulate(seed).unwrap().lines, "seed {seed}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
