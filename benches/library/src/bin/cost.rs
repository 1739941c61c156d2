//! Measures what each crate's policies cost a call that succeeds at once, prints the table and writes
//! `docs/library-cost.md`. `--rounds N` takes more or fewer samples; `--run CASE N` only makes N calls of a case, for
//! callgrind and for a profiler; `--quick` measures little and writes nothing.

use std::{fmt::Write as _, path::Path};

use anyhow::Context;
use steadfast_library_benches::{
    callgrind,
    cases::{self, Case, Group, Whose},
    meter::{Cost, Counting, Shared, measure},
    today, version,
};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Policies ask the runtime for its timer; nothing is ever run on it.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let _inside = runtime.enter();
    let cases = cases::all();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--run", name, calls] => run(&cases, name, calls.parse()?),
        ["--rounds", rounds] => report(&cases, rounds.parse()?),
        ["--quick"] => {
            println!("{}", table(&cases, &measure(&cases, 5)));
            Ok(())
        }
        [] => report(&cases, ROUNDS),
        other => anyhow::bail!("not understood: {other:?}"),
    }
}

fn run(cases: &[Case], wanted: &str, calls: u64) -> anyhow::Result<()> {
    let case = cases.iter().find(|case| key(case) == wanted).with_context(|| format!("there is no case {wanted:?}"))?;
    (case.build)()(calls);
    Ok(())
}

fn report(cases: &[Case], rounds: usize) -> anyhow::Result<()> {
    let mut costs = measure(cases, rounds);
    if callgrind::is_there() {
        for (case, cost) in cases.iter().zip(&mut costs) {
            cost.instructions = Some(callgrind::instructions(&key(case))?);
        }
    } else {
        println!("valgrind is not there: no instructions are counted");
    }
    let table = table(cases, &costs);
    println!("{table}");
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/library-cost.md"), document(&table))?;
    println!("wrote docs/library-cost.md");
    Ok(())
}

fn key(case: &Case) -> String {
    format!("{:?}: {}", case.group, case.name)
}

fn table(cases: &[Case], costs: &[Cost]) -> String {
    let mut text = String::from(
        "| | ns | over bare | 2 threads | instructions | allocations | times the cheapest rival |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    let bare = costs[0].alone_ns;
    for (number, (case, cost)) in cases.iter().zip(costs).enumerate() {
        if number == 0 || cases[number - 1].group != case.group {
            let _ = writeln!(text, "| **{}** | | | | | | |", title(case.group));
        }
        let rivals =
            cases.iter().zip(costs).filter(|(other, _)| other.group == case.group && other.whose == Whose::Rival);
        let cheapest = rivals.map(|(_, cost)| cost.alone_ns - bare).fold(f64::INFINITY, f64::min);
        let over = cost.alone_ns - bare;
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {} | {} | {} | {} |",
            case.name,
            cost.alone_ns,
            over,
            match cost.shared {
                Shared::Unknown => "?".to_owned(),
                Shared::Busy(ns) => format!("{ns:.0}"),
                Shared::Waiting(ns) => format!("{ns:.0} asleep"),
            },
            cost.instructions.map_or_else(|| "?".to_owned(), |count| format!("{count:.0}")),
            if cost.allocations < 0.01 {
                "0".to_owned()
            } else {
                format!("{:.0} ({:.0} B)", cost.allocations, cost.allocated_bytes)
            },
            if cheapest.is_finite() { format!("{:.2}", over / cheapest) } else { String::new() },
        );
    }
    text
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Bare => "no policy",
        Group::Breaker => "breaker, closed",
        Group::Retry => "retry, first attempt succeeds",
        Group::Timeout => "time-out, ready at once",
        Group::Stack => "retry + breaker + time-out",
        Group::Rejection => "breaker, open: the refusal",
    }
}

fn document(table: &str) -> String {
    let versions: Vec<_> = CRATES.iter().map(|name| format!("{name} {}", version(name))).collect();
    format!(
        "<!-- Written by `cargo xtask bench library` on {}; do not edit. -->\n\n# What a call costs\n\n\
         A call that succeeds at once, through each crate's policies. {}. {}.\n\n{table}{NOTES}",
        today(),
        versions.join(", "),
        machine(),
    )
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{}, {cores} cores", model.map_or("An unknown processor", |(_, model)| model))
}

const CRATES: &[&str] = &["seatbelt", "tower-resilience", "recloser", "failsafe", "backon", "tokio"];

const ROUNDS: usize = 61;

const NOTES: &str = "
- **ns**: time of the thread's own processor, median of 61 samples of about 1 ms, the cases in turns. Differences
  under a quarter are noise on a busy machine.
- **2 threads**: the same for each of two threads that call one shared object at the same moment; samples in which
  both did not run for 85 % of the time are left out, and `?` means that too few were left. `asleep`: they slept,
  waiting for one another, so this is real time, on a busy machine too high, and a wake-up that is lost adds 10 ms.
- **instructions**: counted by callgrind, the difference of 6,000 and 1,000 calls. It does not depend on the machine's
  load; it does not see waiting for memory, and reading a clock counts as nothing but the call.
- **allocations**: for each call, by a counting allocator.
- **times the cheapest rival**: over bare, as a share of the cheapest other crate in the group. That is not always one
  that does the same: recloser, failsafe and tower-resilience read no clock on this path, seatbelt and our 30 s window do.
- A breaker is given a rule in brackets: failures in a row, a rate over the last 100 calls, or over the last 30 s.
- An open breaker's refusal says in steadfast for how long; the other crates give back a bare variant. The house's
  error is a box with sentences for people in it; with an error type of one's own, or with a permit, it is not made.
- steadfast is put together by hand, one policy's `run` inside the other's, and as the pipeline, which also tells the
  attempts and the time, takes any error type and has a retry budget.

## Where the time goes

Seen with `perf` on the machine of the table, 2026-11-22.

- **The stack by hand** is one inlined function (90 % of the samples). A quarter of it is a single store: the breaker's
  and the time-out's futures, just built, are written into the retry's own. Policies that nest pay that once a level;
  the rest is the retry (as much as backon's and seatbelt's), two loads of atomics, one store, and no clock. That is
  3.5 to 4 times cheaper than the cheapest stack of other crates, which is three crates put together by hand with no
  budget and no cancellation, and 8 times cheaper than the one crate that has all three policies.
- **The pipeline** adds 5 to 8 ns for what the stack by hand does not have: the story of the attempts and the split of
  the time (24 % of its samples).
- **The refusal** is decided in 9 ns (the permit). Told by a pipeline it is a `Failed` with a box for what is known of
  the refusal: a third is building and moving that answer, a sixth is the allocation, a twelfth the decision.
- **A window of time** reads the machine's clock once for each call, and that read is most of it: the coarse clock
  takes 20 ns off.
";
