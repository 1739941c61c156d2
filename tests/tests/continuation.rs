//! Whether a model goes on from a begun answer: looked at by the real program, and then made use of.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast_house_tests::{Event, Events, House, Setup, Upstream, question, steadfast, until};

const MODELS: &str = "{ id = \"SCN-continues\", continuation = \"probe\" }, \
    { id = \"SCN-restarts\", continuation = \"probe\" }, { id = \"SCN-noprefill\", continuation = \"probe\" }, \
    { id = \"unasked\" }";

fn settings(a: &Upstream, b: &Upstream) -> String {
    format!(
        "[tiers]\ngenius = [\"cloud-a/scripted\", \"cloud-b/SCN-continues\"]\n\
         [[upstreams]]\nname = \"cloud-a\"\nurl = \"{}\"\nmodels = [{{ id = \"scripted\" }}]\n\
         [[upstreams]]\nname = \"cloud-b\"\nurl = \"{}\"\nmodels = [{MODELS}]\n",
        a.base_url(),
        b.base_url()
    )
}

async fn known(house: &House, model: &str) -> Value {
    house.json(&format!("/v1/models/{model}")).await["steadfast"].take()
}

#[tokio::test]
async fn a_model_that_was_seen_to_go_on_completes_an_answer_that_broke() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Upstream::start(dir.path()).await, Upstream::start(dir.path()).await);
    let house = House::start(Setup { settings: settings(&a, &b), ..Setup::default() }).await;
    until("all three looked at", Duration::from_secs(20), async || {
        let found = known(&house, "SCN-noprefill").await["continuation_found"].is_u64();
        found.then_some(())
    })
    .await;
    let rows = [
        ("SCN-continues", "verified", true),
        ("SCN-restarts", "unsupported", true),
        ("SCN-noprefill", "unsupported", true),
        ("unasked", "unknown", false),
    ];
    for (model, continuation, was_looked_at) in rows {
        let known = known(&house, model).await;
        assert_eq!(
            (&known["continuation"], known["continuation_found"].is_u64()),
            (&json!(continuation), was_looked_at)
        );
    }
    assert_eq!(b.calls().await.len(), 3, "one question a model, and none where nobody wants it");

    let mut body = question("genius", "SCN-rst5#probed");
    body["stream"] = json!(true);
    let asked = house.http.post(house.url("/v1/chat/completions")).header("x-steadfast-continue", "any").json(&body);
    let events = Events::of(asked.send().await.unwrap()).rest().await;
    assert_eq!(events.last(), Some(&Event::Done));
    assert_eq!((a.calls().await.len(), b.calls().await.len()), (1, 4));
}

#[tokio::test]
async fn somebody_can_look_at_all_models_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Upstream::start(dir.path()).await, Upstream::start(dir.path()).await);
    a.set_mood("SCN-503").await;
    let file = dir.path().join("steadfast.toml");
    std::fs::write(&file, settings(&a, &b)).unwrap();
    let output = steadfast().args(["check", "--probe", "--json", "--config"]).arg(&file).output().await.unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let models = &found["models"];
    assert_eq!(models["cloud-b/SCN-continues"]["continuation"], "verified", "{found}");
    assert_eq!(models["cloud-b/SCN-restarts"]["continuation"], "unsupported");
    assert_eq!(models["cloud-a/scripted"]["error"], "OVERLOADED");
    let words = steadfast().args(["check", "--probe", "--config"]).arg(&file).output().await.unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(
        words.contains("cloud-b/SCN-continues  goes on") && words.contains("cloud-a/scripted  was not seen"),
        "{words}"
    );
}
