//! Settings from file, environment and flags, and what a wrong one says.

use std::{fs, path::Path, time::Duration};

use steadfast_contract::provider::Continuation;
use steadfast_gateway::Order;
use steadfast_providers::{FoundModels, UpstreamProtocol};

use super::{ConnectionLimits, Environment, Exposure, Flags, Problems, Settings, WhenTaken};

fn load(text: &str, environment: &Environment, flags: Flags) -> Result<Settings, Problems> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("steadfast.toml");
    fs::write(&file, text).unwrap();
    Settings::load(&Flags { config: Some(file), ..flags }, environment)
}

fn home() -> Environment {
    Environment::from([("HOME", "/home/somebody")])
}

fn problems(text: &str) -> String {
    load(text, &home(), Flags::default()).unwrap_err().to_string()
}

#[test]
fn nothing_has_to_be_chosen() {
    let settings = load("", &home(), Flags::default()).unwrap();
    assert_eq!(settings.listen.address.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.listen.when_taken, WhenTaken::TakeTheNext);
    assert_eq!(settings.data_dir, Path::new("/home/somebody/.local/share/steadfast"));
    assert_eq!(settings.models.start.as_deref(), Some("quick"));
}

#[test]
fn the_limits_of_connections_can_be_chosen_and_fit_together() {
    let limits = |text: &str| load(text, &home(), Flags::default()).unwrap().connections;
    assert_eq!(limits(""), ConnectionLimits::default());
    let chosen = limits("[connections]\ntotal = 20000\nper_local_address = 20000\n");
    assert_eq!((chosen.total, chosen.per_address, chosen.per_local_address), (20_000, 64, 20_000));
    let few = limits("[connections]\ntotal = 10\n");
    assert_eq!((few.per_address, few.per_local_address), (10, 10));

    let told = problems("[connections]\ntotal = 10\nper_address = 11\n");
    assert!(told.contains("connections.per_address: Between 1 and connections.total, which is 10."), "{told}");
    assert!(problems("[connections]\ntotal = 0\n").contains("connections.total: Between 1 and"));
}

#[test]
fn flags_win_over_the_environment_and_the_environment_over_the_file() {
    let file = "listen = \"127.0.0.1:1001\"\ndata_dir = \"/file\"\n";
    let environment =
        Environment::from([("STEADFAST_LISTEN", "127.0.0.1:1002"), ("STEADFAST_DATA_DIR", "/environment")]);
    let flags = Flags { listen: Some("127.0.0.1:1003".into()), ..Flags::default() };

    let settings = load(file, &environment, flags).unwrap();

    assert_eq!(settings.listen.address.port(), 1003);
    assert_eq!(settings.listen.when_taken, WhenTaken::Fail);
    assert_eq!(settings.data_dir, Path::new("/environment"));
}

#[test]
fn an_unknown_key_is_an_error_with_its_line_and_a_hint() {
    let told = problems("log = \"info\"\nlisen = \"127.0.0.1:1\"\n");
    assert!(told.contains("steadfast.toml:2:"), "{told}");
    assert!(told.contains("did you mean `listen`?"), "{told}");
}

#[test]
fn every_problem_is_told_at_once() {
    let told = problems(
        r#"
        listen = "everywhere"
        [gateway]
        attempts = 0
        [[upstreams]]
        name = "cloud-b"
        url = "http://127.0.0.1:9000/v1"
        key_env = "NOT_SET"
        models = [{ id = "big-model", tier = "geniuss" }]
        [tiers]
        genius = ["cloud-b/big-modle"]
        smrt = ["quick"]
        "#,
    );
    for part in [
        "listen: `everywhere`",
        "gateway.attempts",
        "The variable NOT_SET is not set",
        "did you mean `genius`?",
        "did you mean `cloud-b/big-model`?",
        "did you mean `smart`?",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
}

#[test]
fn an_address_that_others_can_reach_needs_a_proxy() {
    let file = "listen = \"0.0.0.0:8080\"";
    assert!(problems(file).contains("--i-have-a-proxy"));
    let flags = Flags { exposure: Exposure::BehindProxy, ..Flags::default() };
    assert!(load(file, &home(), flags).is_ok());
}

#[test]
fn durations_have_units_and_keys_come_from_where_they_are_kept() {
    let environment = Environment::from([("HOME", "/h"), ("CLOUD_KEY", "s3cret")]);
    let file = r#"
        [gateway]
        wait_first = "250ms"
        [[upstreams]]
        name = "cloud-b"
        url = "http://127.0.0.1:9000/v1"
        key_env = "CLOUD_KEY"
        models = [{ id = "big-model", name = "Big", tier = "genius", context = 32768 }]
        [tiers]
        genius = ["cloud-b/big-model", "quick"]
    "#;
    let settings = load(file, &environment, Flags::default()).unwrap();
    assert_eq!(settings.gateway.wait_first, Duration::from_millis(250));
    assert_eq!(settings.upstreams[0].models[0].context, Some(32768));
    assert!(settings.upstreams[0].key.is_some());
    assert!(!format!("{settings:?}").contains("s3cret"));
    assert!(problems("[gateway]\nwait_first = 3").contains("with its unit"));
}

#[test]
fn an_upstream_says_how_it_is_spoken_to_and_a_chain_how_it_is_walked() {
    let file = r#"
        [[upstreams]]
        name = "claude"
        url = "https://models.example.com/v1"
        protocol = "anthropic"
        discover = true
        router = true
        first_token = "20s"
        min_chars_per_second = 2.5
        models = [{ id = "opus", continuation = "verified", images = false }]
        [tiers]
        genius = ["claude/opus", "claude/found-later", "quick"]
        [chains.genius]
        order = "ranked"
        weights = { "claude/opus" = 3 }
    "#;
    let settings = load(file, &home(), Flags::default()).unwrap();
    let upstream = &settings.upstreams[0];
    assert_eq!(upstream.protocol, UpstreamProtocol::Anthropic);
    assert_eq!(upstream.found, FoundModels::Added);
    assert_eq!(upstream.timeouts.timers.first_token, Duration::from_secs(20));
    assert_eq!(upstream.models[0].continuation, Continuation::Verified);
    assert_eq!(upstream.models[0].abilities.images, Some(false));
    assert!(settings.gateway.routers.contains("claude"));
    assert_eq!(settings.gateway.chains["genius"].order, Order::Ranked);

    let told = problems(&file.replace("[chains.genius]", "[chains.genus]").replace("20s", "0s"));
    assert!(told.contains("did you mean `genius`?"), "{told}");
    assert!(told.contains("first_token: Longer than nothing"), "{told}");
    assert!(problems(&file.replace("\"ranked\"", "\"best\"")).contains("expected `listed` or `ranked`"));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let flags = Flags { config: Some("/no/such/file.toml".into()), ..Flags::default() };
    assert!(Settings::load(&flags, &home()).unwrap_err().to_string().contains("cannot be read"));
}
