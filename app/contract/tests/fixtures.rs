//! The runs in `fixtures/runs` and the codes in `fixtures/codes.json`, which the page's tests read too: both sides
//! fold the same events to the same view and know the same codes. `STEADFAST_WRITE_FIXTURES=1` writes what Rust says.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use steadfast::Code;
use steadfast_contract::{
    code,
    run::{RunEvent, RunSpec, RunView},
};

#[derive(Serialize, Deserialize)]
struct Fixture {
    about: String,
    spec: RunSpec,
    events: Vec<RunEvent>,
    view: Option<RunView>,
}

#[test]
fn every_fixture_folds_to_its_view() {
    let mut seen = 0;
    for entry in fs::read_dir(folder().join("runs")).unwrap() {
        let path = entry.unwrap().path();
        let mut fixture: Fixture = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut view = RunView::new(fixture.spec.clone());
        fixture.events.iter().for_each(|event| view.fold(event));
        if is_writing() {
            fixture.view = Some(view);
            write(&path, &fixture).unwrap();
        } else {
            assert_eq!(fixture.view, Some(view), "{}", path.display());
        }
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} fixtures were found");
}

#[test]
fn the_list_of_codes_is_complete() {
    let names: Vec<_> = Code::ALL.iter().chain(code::ALL).map(Code::name).collect();
    let path = folder().join("codes.json");
    if is_writing() {
        write(&path, &names).unwrap();
    }
    let listed: Vec<String> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(listed, names, "run this test with STEADFAST_WRITE_FIXTURES=1");
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}

fn is_writing() -> bool {
    std::env::var_os("STEADFAST_WRITE_FIXTURES").is_some()
}

fn write(path: &Path, value: &impl Serialize) -> std::io::Result<()> {
    fs::write(path, serde_json::to_string_pretty(value)? + "\n")
}
