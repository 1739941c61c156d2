//! Starting, ending, and two of us at once.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use steadfast_house_tests::{
    Event, Events, House, Program, Upstream, conversation, new_id, question, steadfast, within,
};

#[tokio::test]
async fn sigterm_ends_it_cleanly_while_an_answer_is_being_written() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    let mut house = House::asking(&upstream, "").await;
    let run = conversation(&new_id(), "cloud-b/big-model", "SCN-slow#run").run(&house).await;
    house.run_has_written(&run, 1).await;
    let mut body = question("cloud-b/big-model", "SCN-slow#plain");
    body["stream"] = json!(true);
    let mut plain = Events::of(house.post("/v1/chat/completions", body).await);
    plain.data().await.unwrap();

    let ended = house.end().await;
    assert!(ended.success(), "{ended}\n{}", house.program().log());
    let last_words = plain.rest().await;
    assert!(!last_words.contains(&Event::Done));
    let Some(Event::Data { json, .. }) = last_words.last() else {
        panic!("the stream ended without a word: {last_words:?}")
    };
    assert_eq!(json["error"]["steadfast"]["code"], "CANCELLED");

    house.begin().await;
    let kept = house.run(&run).await;
    assert_eq!((&kept["state"], &kept["stop_reason"]), (&json!("stopped"), &json!("shutdown")));
    assert!(!kept["text"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_with_words() {
    let house = House::empty().await;
    let mut second = steadfast();
    second
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(house.data_dir())
        .arg("--config")
        .arg(house.settings_file());
    second.env("STEADFAST_LOG", "off");
    let output = within("the second server's end", Duration::from_secs(30), second.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(words.contains("already") || words.contains("another") || words.contains("Another"), "{words}");
    assert!(output.stdout.is_empty(), "it said that it listens");
    assert_eq!(house.get("/livez").await.status(), 200);
}

#[tokio::test]
async fn health_is_told_honestly() {
    let house = House::empty().await;
    assert_eq!(house.get("/readyz").await.status(), 200);
    let health = house.json("/healthz").await;
    assert_eq!((&health["status"], &health["store"]["ok"]), (&json!("ok"), &json!(true)));
    assert_eq!(health["store"]["backend"], "sqlite");
}

#[tokio::test]
async fn a_taken_port_is_an_error_when_it_was_asked_for() {
    let house = House::empty().await;
    let dir = tempfile::tempdir().unwrap();
    let mut second = steadfast();
    second.args(["serve", "--listen", &house.address.to_string(), "--data-dir"]).arg(dir.path());
    let output = within("the second server's end", Duration::from_secs(30), second.output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("listens on"));
}

#[tokio::test]
async fn wrong_settings_end_it_with_78_and_a_wrong_command_line_with_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.toml");
    std::fs::write(&file, "lisen = \"127.0.0.1:0\"\n").unwrap();
    let wrong_settings = steadfast().arg("check").arg("--config").arg(&file).output().await.unwrap();
    assert_eq!(wrong_settings.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&wrong_settings.stderr).contains("did you mean `listen`?"));
    let wrong_words = steadfast().arg("srve").output().await.unwrap();
    assert_eq!(wrong_words.status.code(), Some(2));
}

#[tokio::test]
async fn the_doctor_tells_what_it_sees_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let output = steadfast()
        .args(["doctor", "--json", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(dir.path())
        .output()
        .await
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.len() >= 8);
    assert!(
        findings.iter().all(|finding| finding["sentence"].as_str().is_some_and(|words| words.ends_with('.'))),
        "{report}"
    );
}

#[tokio::test]
async fn the_second_signal_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = steadfast();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("data"));
    command.env("HOME", dir.path());
    let mut program = Program::start(command, &dir.path().join("server.log"));
    program.line().await;
    program.signal(Signal::INT);
    program.signal(Signal::TERM);
    program.ended(Duration::from_secs(12)).await;
}
