//! `cargo xtask simulate`: the gateway's streams over a simulated network, for more seeds than a usual test run has
//! time for, or for the one seed that failed.

use anyhow::bail;

use crate::child::Child;
use crate::house::House;

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    let (variable, number) = chosen(arguments)?;
    // The same selection as the stage `unit` of the tests, so that nothing is built twice.
    Child::cargo("test --workspace --exclude steadfast-house-tests --exclude steadfast-engine --test streams")
        .words("-- --exact simulation::no_seed_breaks_a_law --nocapture")
        .env(variable, number.to_string())
        .within(&house.root)
        .go()
}

fn chosen(arguments: &[String]) -> anyhow::Result<(&'static str, u64)> {
    match arguments {
        [] => Ok((SEEDS, 20_000)),
        [flag, number] if flag == "--seeds" => Ok((SEEDS, number.parse()?)),
        [flag, number] if flag == "--seed" => Ok(("STEADFAST_SEED", number.parse()?)),
        _ => bail!("`cargo xtask simulate [--seeds N | --seed N]`"),
    }
}

const SEEDS: &str = "STEADFAST_SEEDS";

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_of(arguments: &[&str]) -> anyhow::Result<(&'static str, u64)> {
        chosen(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn many_seeds_or_one() {
        assert_eq!(chosen_of(&[]).unwrap(), (SEEDS, 20_000));
        assert_eq!(chosen_of(&["--seeds", "7"]).unwrap(), (SEEDS, 7));
        assert_eq!(chosen_of(&["--seed", "42"]).unwrap(), ("STEADFAST_SEED", 42));
    }

    #[test]
    fn a_slip_of_the_finger_is_an_error() {
        for wrong in [&["--seeds"][..], &["7"], &["--seed", "x"]] {
            assert!(chosen_of(wrong).is_err(), "{wrong:?}");
        }
    }
}
