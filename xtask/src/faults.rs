//! `cargo xtask faults [ROW]...`: builds the real binary and the scripted upstream, and plays the table of faults
//! against them. Without a row it writes `docs/faults.md`.

use crate::child::Child;
use crate::house::House;
use crate::{needs, test};

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let mut variables = needs::settle(house, &[needs::FOR_BUILDING, needs::FOR_ASKING])?.variables()?;
    variables.extend(test::programs(house));
    test::build_programs(house, &variables)?;
    Child::cargo("run --package steadfast-house-tests --bin faults --")
        .args(arguments)
        .envs(variables)
        .within(&house.root)
        .go()
}
