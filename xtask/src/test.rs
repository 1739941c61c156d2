//! `cargo xtask test`: everything that CI runs, as a list of stages. The first stage that fails ends the
//! run; the table at the end says what ran, how long it took and what was not reached.
//!
//! Every cargo stage uses the dev profile and one target folder, so that llama.cpp is built once.

mod features;
mod page;
mod report;
mod rust;

use anyhow::bail;

use crate::house::House;
use crate::needs::{self, FOR_ASKING, FOR_BUILDING, FOR_CLIENTS, FOR_THE_BROWSER, FOR_THE_PAGE, Need, Variables};
use crate::tidy;

pub(crate) use rust::{build_programs, programs};

struct Stage {
    name: &'static str,
    needs: &'static [&'static [Need]],
    run: fn(&Ground<'_>) -> anyhow::Result<()>,
}

/// What a stage stands on.
struct Ground<'a> {
    house: &'a House,
    /// What every test sees: the tools that were found and the programs under test.
    variables: Variables,
}

/// Cheap stages first; the lints are the first that build llama.cpp.
const STAGES: &[Stage] = &[
    Stage { name: "format", needs: &[], run: rust::format },
    Stage { name: "tidy", needs: &[], run: |ground| tidy::run(ground.house, &[]) },
    Stage { name: "page-packages", needs: &[FOR_THE_PAGE], run: page::packages },
    Stage { name: "page-check", needs: &[FOR_THE_PAGE], run: page::check },
    Stage { name: "page-unit", needs: &[FOR_THE_BROWSER], run: page::unit },
    Stage { name: "page-types", needs: &[], run: page::types },
    Stage { name: "dependencies", needs: &[], run: rust::dependencies },
    Stage { name: "features", needs: &[], run: features::check },
    Stage { name: "lint", needs: &[FOR_BUILDING], run: rust::lint },
    Stage { name: "unit", needs: &[FOR_BUILDING, FOR_ASKING], run: rust::unit },
    Stage { name: "doc", needs: &[FOR_BUILDING], run: rust::doc },
    Stage { name: "loom", needs: &[], run: rust::loom },
    Stage { name: "build", needs: &[FOR_BUILDING], run: |ground| build_programs(ground.house, &ground.variables) },
    Stage { name: "house", needs: &[FOR_BUILDING, FOR_ASKING, FOR_CLIENTS], run: rust::house },
    Stage { name: "browser", needs: &[FOR_BUILDING, FOR_ASKING, FOR_THE_BROWSER], run: page::browser },
];

pub(crate) fn run(house: &House, arguments: &[String]) -> anyhow::Result<()> {
    if arguments.iter().any(|argument| argument == "--list") {
        STAGES.iter().for_each(|stage| println!("{}", stage.name));
        return Ok(());
    }
    let stages = chosen(arguments)?;
    let mut report = report::Report::new(stages.iter().map(|stage| stage.name));
    let outcome = report
        .time("needs", || Ground::prepare(house, &stages))
        .and_then(|ground| stages.iter().try_for_each(|stage| report.time(stage.name, || (stage.run)(&ground))));
    report.print();
    outcome
}

/// All stages, or those that `--only` names, in the list's order.
fn chosen(arguments: &[String]) -> anyhow::Result<Vec<&'static Stage>> {
    let mut names = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), rest.next()) {
            ("--only", Some(name)) if STAGES.iter().any(|stage| stage.name == name) => names.push(name),
            ("--only", Some(name)) => bail!("there is no stage `{name}`; `cargo xtask test --list` names them"),
            _ => bail!("`{argument}` is not understood; `cargo xtask test [--only STAGE]... [--list]`"),
        }
    }
    Ok(STAGES.iter().filter(|stage| names.is_empty() || names.iter().any(|name| *name == stage.name)).collect())
}

impl<'a> Ground<'a> {
    fn prepare(house: &'a House, stages: &[&Stage]) -> anyhow::Result<Self> {
        let lists: Vec<_> = stages.iter().flat_map(|stage| stage.needs).copied().collect();
        let mut variables = needs::settle(house, &lists)?.variables()?;
        variables.extend(programs(house));
        Ok(Self { house, variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> anyhow::Result<Vec<&'static str>> {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Ok(chosen(&arguments)?.into_iter().map(|stage| stage.name).collect())
    }

    #[test]
    fn without_arguments_every_stage_runs() {
        assert_eq!(names(&[]).unwrap().len(), STAGES.len());
    }

    #[test]
    fn only_the_named_stages_run_in_the_order_of_the_list() {
        assert_eq!(names(&["--only", "unit", "--only", "tidy"]).unwrap(), ["tidy", "unit"]);
    }

    #[test]
    fn a_mistyped_stage_is_an_error_and_not_an_empty_run() {
        assert!(names(&["--only", "units"]).is_err());
        assert!(names(&["unit"]).is_err());
    }
}
