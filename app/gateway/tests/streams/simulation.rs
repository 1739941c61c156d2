//! The real gateway and the real provider over a network that is made up: upstreams that misbehave by seed, lines
//! that are cut and held, clients that read, leave and come back. `STEADFAST_SEEDS` says how many seeds,
//! `STEADFAST_SEED` which one alone; `cargo xtask simulate` sets both.

mod network;
mod trace;
mod upstream;
mod visitor;
mod world;

use self::world::simulate;

/// Odd seeds are for liveness: the faults end, and every stream must have ended 60 s later.
#[test]
fn no_seed_breaks_a_law() {
    let seeds = match number("STEADFAST_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STEADFAST_SEEDS").unwrap_or(200),
    };
    let mut tally = trace::Tally::default();
    for seed in seeds {
        match simulate(seed) {
            Ok(trace) => tally.add(&trace),
            Err(story) => panic!("seed {seed}:\n{story}\nalone: cargo xtask simulate --seed {seed}"),
        }
    }
    eprintln!("{tally}");
    if number("STEADFAST_SEED").is_none() {
        tally.assert_everything_happened();
    }
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
