//! `cargo xtask bench library`: runs the programs of `benches/library`, which ask and measure `lib/steadfast` beside
//! its rivals and write `docs/conformance.md` and `docs/library-cost.md`. It is a workspace of its own, so the rivals
//! are built here and nowhere else.

use crate::child::Child;
use crate::house::House;

/// What `cargo xtask bench NAME` calls it.
pub(super) const NAME: &str = "library";

pub(super) fn run(house: &House) -> anyhow::Result<()> {
    if Child::new("valgrind").words("--version").read().is_none() {
        println!("valgrind is not installed: the cost of a call is measured in time, but its instructions are not");
        println!("counted, and the table has `?` for them; install it with your package manager to have them");
    }
    // The table is measured on what it was built from: the lock file is not changed in passing.
    ["conformance", "cost"].into_iter().try_for_each(|program| {
        Child::cargo("run --release --locked --bin")
            .args([program])
            .env("CARGO_TARGET_DIR", house.target.join(NAME))
            .within(house.root.join("benches").join(NAME))
            .go()
    })
}
