//! The gateway's cost beside others': `cargo xtask bench gateway`. Writes `docs/gateway-cost.md` and the README's
//! table, and fails when the house itself is over its goals. With names (`steadfast nginx`) it measures only those,
//! and writes nothing.

#![expect(clippy::print_stdout, reason = "a measuring program prints what it measured")]

use std::{env, path::Path};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use steadfast_benches::gateway::{Bench, Cores, Figures, Goal, page, readme};

/// One thread for the load and the upstream: whoever is measured has the other core to itself.
fn main() -> anyhow::Result<()> {
    let files = allow_many_files();
    let cores = Cores::share();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(cores, files))
}

async fn run(cores: Cores, files: u64) -> anyhow::Result<()> {
    let bench = Bench::start(cores, files).await?;
    let named: Vec<String> = env::args().skip(1).collect();
    let (mut measured, mut absent) = (vec![], vec![]);
    for name in Bench::NAMES.into_iter().filter(|name| named.is_empty() || named.iter().any(|wanted| wanted == name)) {
        match bench.measure(name).await {
            Ok(figures) => {
                println!("{}", figures.told());
                measured.push(figures);
            }
            Err(error) => {
                println!("{name:<12} {error:#}");
                absent.push(format!("{name}: {error:#}"));
            }
        }
    }
    if named.is_empty() {
        write(&measured, &absent, cores)?;
    }
    let missed: Vec<&str> = Goal::missed(&measured).map(|goal| goal.what).collect();
    anyhow::ensure!(missed.is_empty(), "over its goals: {}", missed.join(", "));
    Ok(())
}

fn write(measured: &[Figures], absent: &[String], cores: Cores) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::write(root.join("docs/gateway-cost.md"), page(measured, absent, cores))?;
    let own = root.join("README.md");
    Ok(std::fs::write(&own, readme(&std::fs::read_to_string(&own)?, measured)?)?)
}

/// Ten thousand streams are twenty thousand sockets here and as many in who is measured, who inherits this. Where so
/// many are not allowed there are fewer streams, and the page says how many.
fn allow_many_files() -> u64 {
    let wanted = Rlimit { current: Some(FILES), maximum: Some(FILES) };
    let allowed = Rlimit { current: getrlimit(Resource::Nofile).maximum, ..getrlimit(Resource::Nofile) };
    // What came of it is read below.
    let _either = setrlimit(Resource::Nofile, wanted).or_else(|_| setrlimit(Resource::Nofile, allowed));
    getrlimit(Resource::Nofile).current.unwrap_or(FILES)
}

const FILES: u64 = 30_000;
