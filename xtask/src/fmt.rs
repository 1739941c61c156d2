//! `cargo xtask fmt`: formats every crate.

use crate::child::Child;
use crate::house::House;

pub(crate) fn run(house: &House, _: &[String]) -> anyhow::Result<()> {
    Child::cargo("fmt --all").within(&house.root).go()
}
