//! What a catalogue accepts, merges and refuses.

use steadfast_contract::model::Tier;

use super::{Catalog, Digest, Source};

fn with(text: &str) -> Result<Catalog, steadfast::Error> {
    Catalog::from_layers(&[(super::BUILT_IN_NAME, super::BUILT_IN), ("mine.toml", text)])
}

fn refusal(text: &str) -> steadfast::Error {
    with(text).expect_err("this catalogue must be refused")
}

const OWN: &str = r#"
[[model]]
id = "mine"
licence = "MIT"
size_bytes = 1000
sources = [{ kind = "file", path = "/models/mine.gguf" }]
"#;

#[test]
fn the_built_in_models_are_three_tiers_with_quick_as_the_default() {
    let catalog = Catalog::built_in().unwrap();
    let tiers: Vec<_> = catalog.entries().iter().map(|entry| entry.tier).collect();
    assert_eq!(tiers, [Some(Tier::Quick), Some(Tier::Smart), Some(Tier::Genius)]);
    assert_eq!(catalog.default_entry().unwrap().id, "smollm2-135m-instruct");
    assert!(catalog.entries().iter().all(|entry| !entry.sources.is_empty() && entry.licence == "Apache-2.0"));
}

#[test]
fn a_model_is_found_by_id_and_by_tier() {
    let catalog = Catalog::built_in().unwrap();
    assert_eq!(catalog.find("quick").unwrap().id, "smollm2-135m-instruct");
    assert_eq!(catalog.find("qwen2.5-1.5b-instruct").unwrap().tier, Some(Tier::Smart));
    let error = catalog.require("smolm2-135m-instruct").unwrap_err();
    assert_eq!(error.suggestion(), "Did you mean smollm2-135m-instruct?");
}

#[test]
fn a_users_file_adds_models_and_changes_single_keys_of_known_ones() {
    let text = format!("{OWN}[[model]]\nid = \"smollm2-135m-instruct\"\ncontext = 2048\n");
    let catalog = with(&text).unwrap();
    let quick = catalog.find("quick").unwrap();
    assert_eq!((quick.context, quick.size_bytes, quick.sources.len()), (2048, 98_362_432, 2));
    let own = catalog.find("mine").unwrap();
    assert_eq!(own.digest, Digest::FirstUse);
    assert_eq!(own.sources, [Source::File { path: "/models/mine.gguf".into() }]);
    assert_eq!(own.memory_bytes, 1500);
}

#[test]
fn an_unknown_key_is_refused_with_line_and_hint() {
    let error = refusal("\n[[model]]\nid = \"mine\"\nsise_bytes = 1\n");
    assert!(error.message().contains("mine.toml line 4"), "{}", error.message());
    assert!(error.message().contains("unknown field `sise_bytes`"), "{}", error.message());
    assert_eq!(error.suggestion(), "Did you mean `size_bytes`?");
}

#[test]
fn what_is_missing_is_named_with_the_line_of_its_model() {
    let error = refusal("\n\n[[model]]\nid = \"mine\"\nlicence = \"MIT\"\nsize_bytes = 1\n");
    assert_eq!(error.message(), "The model catalogue is wrong: the model \"mine\" has no sources (mine.toml line 3).");
}

#[test]
fn names_that_could_leave_their_folder_are_refused() {
    for (from, to) in [
        ("id = \"mine\"", "id = \"../mine\""),
        ("id = \"mine\"", "id = \"Mine\""),
        ("id = \"mine\"", "id = \".mine\""),
        ("id = \"mine\"", "id = \"quick\""),
        ("path = \"/models/mine.gguf\"", "path = \"../mine.gguf\""),
        ("licence = \"MIT\"", "licence = \"MIT\"\nsha256 = \"../../etc/passwd\""),
        ("licence = \"MIT\"", "licence = \"MIT\"\ntier = \"quick\""),
        ("size_bytes = 1000", "size_bytes = 0"),
        ("path = \"/models/mine.gguf\"", "path = \"models/mine.gguf\""),
        ("kind = \"file\", path = \"/models/mine.gguf\"", "kind = \"https\", url = \"http://example.org/m.gguf\""),
        ("kind = \"file\", path = \"/models/mine.gguf\"", "kind = \"hub\", repo = \"a/../b\", file = \"f\""),
        ("kind = \"file\", path = \"/models/mine.gguf\"", "kind = \"ftp\", url = \"x\""),
    ] {
        let error = refusal(&OWN.replacen(from, to, 1));
        assert_eq!(error.code().name(), "VALIDATION", "{to}");
    }
    assert!(with(OWN).is_ok());
}
