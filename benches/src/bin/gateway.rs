//! The gateway's cost beside others': `cargo xtask bench gateway`. Writes `docs/gateway-cost.md`, and fails when the
//! house itself is over its budget.

#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use std::{path::Path, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use steadfast_benches::gateway::{Figures, Mock, Peers, measure, write};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    allow_many_files();
    let mock = Mock::start().await?;
    let (peers, mut measured, mut absent) = (Peers::beside(&mock), vec![], vec![]);
    for name in Peers::NAMES {
        let figures = match peers.start(name).await {
            Ok(peer) => measure(&peer, name == "LiteLLM").await.map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        match figures {
            Ok(figures) => {
                println!("{name:<12} {}", figures.latency.told());
                measured.push(figures);
            }
            Err(error) => {
                println!("{name:<12} {error:#}");
                absent.push(format!("{name} ({error:#})"));
            }
        }
    }
    std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/gateway-cost.md"), write(&measured, &absent))?;
    let find = |name: &str| measured.iter().find(|figures| figures.name == name);
    let (Some(direct), Some(house)) = (find("direct"), find("steadfast")) else {
        anyhow::bail!("the house was not measured");
    };
    within_budget(direct, house)
}

/// Ten thousand streams are twenty thousand sockets here and as many in who is measured, who inherits this. Where it is
/// not allowed, the page shows how many were let in.
fn allow_many_files() {
    let wanted = Rlimit { current: Some(FILES), maximum: Some(FILES) };
    let allowed = Rlimit { current: getrlimit(Resource::Nofile).maximum, ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, wanted).or_else(|_| setrlimit(Resource::Nofile, allowed)).ok();
}

fn within_budget(direct: &Figures, house: &Figures) -> anyhow::Result<()> {
    let added = |share: f64| house.latency.percentile(share).saturating_sub(direct.latency.percentile(share));
    let promises = [
        ("added latency, p50", added(0.5) <= Duration::from_micros(100)),
        ("added latency, p99", added(0.99) <= Duration::from_micros(200)),
        ("processor time a question", house.cpu_per_question.is_some_and(|cost| cost <= Duration::from_micros(50))),
        ("processor time an event", house.cpu_per_event.is_some_and(|cost| cost <= Duration::from_micros(15))),
        ("memory at 256 streams", house.at_256_kib.is_some_and(|kib| kib <= 30 << 10)),
        ("ten thousand resting streams", house.resting.is_some_and(|(had, each)| had >= RESTING && each <= 25.0)),
    ];
    let broken: Vec<&str> = promises.into_iter().filter(|(_, kept)| !kept).map(|(name, _)| name).collect();
    anyhow::ensure!(broken.is_empty(), "over its budget: {}", broken.join(", "));
    Ok(())
}

const FILES: u64 = 60_000;
/// Of ten thousand; a machine that allows 20,000 files and no more lets in a few less.
const RESTING: usize = 9_900;
