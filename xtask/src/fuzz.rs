//! `cargo xtask fuzz NAME`: runs one fuzz target of `fuzz/`. Says what is missing when cargo-fuzz or the
//! nightly toolchain is; neither is fetched, because only a person who hunts for a crash wants them.

use anyhow::bail;

use crate::child::Child;
use crate::house::House;

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let targets = targets(house)?;
    let Some((name, rest)) = arguments.split_first() else {
        bail!("which one? {}", targets.join(", "));
    };
    if !targets.contains(name) {
        bail!("there is no fuzz target `{name}`; there are: {}", targets.join(", "));
    }
    if Child::cargo("fuzz --version").read().is_none() {
        bail!("cargo-fuzz is missing: `rustup toolchain install nightly`, `cargo install cargo-fuzz`, then again");
    }
    Child::new("cargo").words("+nightly fuzz run").args([name]).args(rest).within(house.root.join("fuzz")).go()
}

fn targets(house: &House) -> anyhow::Result<Vec<String>> {
    crate::bench::programs(&house.root.join("fuzz/fuzz_targets"))
}
