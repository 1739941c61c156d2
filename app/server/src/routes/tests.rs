//! The routes over a real gateway: an upstream that plays a script, the memory store, the real models of this
//! machine without an engine.

use std::sync::Arc;

use axum::{body::Body, response::Response};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use steadfast::{CancelToken, Clock, Detail, Error, Events};
use steadfast_contract::provider::Provider;
use steadfast_engine::{
    catalog::Catalog,
    life::{Models, ModelsSettings, NoEngine},
    provider::EngineProvider,
};
use steadfast_gateway::{Gateway, GatewaySettings, Parts, testing::Plain};
use steadfast_providers::scripted::{Act, Gate, Line, Scripted};
use steadfast_store::StoreSettings;
use tempfile::TempDir;

use crate::{
    edge::{Answerer, HostCheck},
    house::{House, Rooms},
    routes::router,
};

mod cached;
mod once;
mod v1;

struct Stage {
    answerer: Answerer,
    upstream: Arc<Scripted>,
    house: Arc<House>,
    _models: TempDir,
}

impl Stage {
    async fn with(acts: impl IntoIterator<Item = Act>) -> Self {
        Self::with_settings(GatewaySettings::default(), acts).await
    }

    async fn with_settings(settings: GatewaySettings, acts: impl IntoIterator<Item = Act>) -> Self {
        let (root, clock, models_dir) = (CancelToken::root("test"), Clock::real(), tempfile::tempdir().unwrap());
        let upstream = Arc::new(Scripted::upstream("cloud-b", "big-model", acts));
        let models = Models::open(
            ModelsSettings::new(models_dir.path()),
            Catalog::built_in().unwrap(),
            Arc::new(NoEngine),
            &root,
            Events::none(),
        );
        let house = Arc::new(House::new(clock.clone(), root.child("asking"), root.child("lines"), Detail::Public));
        let gateway = Gateway::start(Parts {
            writers: Arc::new(Plain::default()),
            store: steadfast_store::open(StoreSettings::Memory, &root, clock.clone(), Events::none()).await.unwrap(),
            models: Arc::new(models.clone()),
            providers: vec![Arc::new(EngineProvider::new(models)), Arc::clone(&upstream) as Arc<dyn Provider>],
            settings,
            clock: clock.clone(),
            token: root.child("gateway"),
            events: Events::none(),
            boot: house.boot.clone(),
        });
        let rooms = Rooms {
            gateway: gateway.await.unwrap(),
            upstreams: vec![Arc::clone(&upstream) as Arc<dyn Provider>],
            store_backend: "memory",
        };
        house.open_rooms(rooms);
        let hosts = HostCheck::new(([127, 0, 0, 1], 8080).into(), &[]);
        let answerer = Answerer { router: router(Arc::clone(&house)), hosts, detail: Detail::Public, clock };
        Self { answerer, upstream, house, _models: models_dir }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        self.send_with(&[], method, path, body).await
    }

    async fn send_with(&self, headers: &[(&str, &str)], method: &str, path: &str, body: Option<Value>) -> Response {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost:8080")
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.answerer.answer(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        json_of(self.send("GET", path, None).await).await
    }

    async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        json_of(self.send("POST", path, Some(body)).await).await
    }

    /// Sends a message and waits until its run has ended.
    async fn answered(&self, conversation: &str, id: &str) -> Value {
        let (status, receipt) = self.post(&format!("/api/conversations/{conversation}/messages"), message(id)).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{receipt}");
        let run = receipt["run"]["spec"]["id"].as_str().unwrap().to_owned();
        text_of(self.send("GET", &format!("/api/runs/{run}/events"), None).await).await;
        self.get(&format!("/api/runs/{run}")).await.1
    }
}

async fn text_of(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn json_of(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_str(&text_of(response).await).unwrap_or_default())
}

fn message(id: &str) -> Value {
    json!({ "id": id, "text": "hello", "model": "cloud-b/big-model" })
}

fn question(streams: bool) -> Value {
    json!({ "model": "cloud-b/big-model", "messages": [{ "role": "user", "content": "hello" }], "stream": streams, "stream_options": { "include_usage": true } })
}

#[tokio::test]
async fn a_question_is_answered_in_one_piece() {
    let stage = Stage::with([Act::says(&["hel", "lo"])]).await;
    let (status, answer) = stage.post("/v1/chat/completions", question(false)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], "hello");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_stream_ends_with_done_and_begins_with_the_role() {
    let stage = Stage::with([Act::says(&["hel", "lo"])]).await;
    let response = stage.send("POST", "/v1/chat/completions", Some(question(true))).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let text = text_of(response).await;
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    let first: Value =
        serde_json::from_str(text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()).unwrap();
    assert_eq!(first["choices"][0]["delta"], json!({ "role": "assistant", "content": "hel" }));
}

#[tokio::test]
async fn a_broken_stream_ends_with_an_error_and_never_with_done() {
    let lines = vec![Line::Say("hel"), Line::Break(Error::connection_lost("cloud-b"))];
    let stage = Stage::with([Act::Speak(lines)]).await;
    let text = text_of(stage.send("POST", "/v1/chat/completions", Some(question(true))).await).await;
    let last = text.trim_end().lines().last().unwrap().strip_prefix("data: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(last).unwrap()["error"]["steadfast"]["code"], "CONNECTION_LOST");
    assert!(!text.contains("[DONE]"));
}

#[tokio::test]
async fn a_part_of_an_answer_is_never_sent_as_if_it_were_whole() {
    let stage = Stage::with([Act::Speak(vec![Line::Say("hel")])]).await;
    let (status, refused) = stage.post("/v1/chat/completions", question(false)).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(refused["error"]["steadfast"]["code"], "STREAM_CUT");
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_word_is_bridged_by_comments() {
    let gate = Gate::closed();
    let stage = Stage::with([Act::Speak(vec![Line::Wait(gate.clone()), Line::Say("hello"), Line::Finish])]).await;
    let response = stage.send("POST", "/v1/chat/completions", Some(question(true))).await;
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b": "), "{first:?}");
    gate.open();
    let rest = body.collect().await.unwrap().to_bytes();
    assert!(rest.ends_with(b"data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_answer() {
    let stage = Stage::with([Act::Speak(vec![Line::Say("hel"), Line::Stall])]).await;
    let mut body = stage.send("POST", "/v1/chat/completions", Some(question(true))).await.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(stage.upstream.left(), 0);
    drop(body);
    let noticed = async {
        while stage.upstream.left() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), noticed).await.expect("the upstream is left at once");
}

#[tokio::test]
async fn an_unknown_model_is_not_found_and_the_names_are_told() {
    let stage = Stage::with([]).await;
    let mut ask = question(false);
    ask["model"] = "no-such-model".into();
    let (status, refused) = stage.post("/v1/chat/completions", ask).await;
    assert_eq!((status, &refused["error"]["code"]), (StatusCode::NOT_FOUND, &json!("model_not_found")));
    assert!(refused["error"]["steadfast"]["suggestion"].as_str().unwrap().contains("cloud-b/big-model"));
}

#[tokio::test]
async fn every_name_that_can_be_asked_for_is_listed_and_found() {
    let stage = Stage::with([]).await;
    let (_, list) = stage.get("/v1/models").await;
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    for name in ["quick", "smart", "genius", "cloud-b/big-model"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
        assert_eq!(stage.get(&format!("/v1/models/{name}")).await.1["id"], name);
    }
    assert_eq!(stage.get("/v1/models/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_message_is_stored_answered_and_read_back() {
    let stage = Stage::with([Act::says(&["hel", "lo"])]).await;
    let run = stage.answered("c-1", "m-1").await;
    assert_eq!((&run["state"], &run["text"]), (&json!("done"), &json!("hello")));
    let (_, view) = stage.get("/api/conversations/c-1").await;
    assert_eq!(view["turns"][0]["message"]["text"], "hello");
    assert_eq!(view["turns"][0]["runs"][0]["text"], "hello");
    let (_, list) = stage.get("/api/conversations").await;
    assert_eq!(list["conversations"][0]["id"], "c-1");
}

#[tokio::test]
async fn the_same_message_again_finds_what_is_there() {
    let stage = Stage::with([Act::says(&["hello"])]).await;
    let run = stage.answered("c-1", "m-1").await;
    let (status, again) = stage.post("/api/conversations/c-1/messages", message("m-1")).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(again["run"]["spec"]["id"], run["spec"]["id"]);
    assert_eq!(stage.upstream.asked().len(), 1);
}

#[tokio::test]
async fn a_run_is_read_from_any_place_and_says_when_there_is_no_more() {
    let stage = Stage::with([Act::says(&["a", "b"])]).await;
    let run = stage.answered("c-1", "m-1").await;
    let (id, last) = (run["spec"]["id"].as_str().unwrap(), run["seq"].as_u64().unwrap());
    let rest = text_of(stage.send("GET", &format!("/api/runs/{id}/events?after={}", last - 1), None).await).await;
    assert!(rest.starts_with(&format!("id: {last}\n")), "{rest}");
    assert_eq!(stage.get(&format!("/api/runs/{id}/events?after={last}")).await.0, StatusCode::NO_CONTENT);
    assert_eq!(stage.get(&format!("/api/runs/{id}/events?after=soon")).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stop_keeps_the_text_and_its_reason_is_checked() {
    let stage = Stage::with([Act::Speak(vec![Line::Say("hel"), Line::Stall])]).await;
    let (_, receipt) = stage.post("/api/conversations/c-1/messages", message("m-1")).await;
    let id = receipt["run"]["spec"]["id"].as_str().unwrap();
    let mut events = stage.send("GET", &format!("/api/runs/{id}/events"), None).await.into_body();
    loop {
        let frame = events.frame().await.unwrap().unwrap().into_data().unwrap();
        if String::from_utf8_lossy(&frame).contains("\"type\":\"text\"") {
            break;
        }
    }
    let stop = format!("/api/runs/{id}/stop");
    assert_eq!(stage.post(&stop, json!({ "reason": "shutdown" })).await.0, StatusCode::BAD_REQUEST);
    let (_, stopped) = stage.post(&stop, json!({ "reason": "user_stop" })).await;
    assert_eq!((&stopped["state"], &stopped["text"]), (&json!("stopped"), &json!("hel")));
    assert_eq!(stage.post(&stop, json!({ "reason": "user_stop" })).await.1["state"], "stopped");
}

#[tokio::test]
async fn conversations_are_made_renamed_deleted_and_had_back() {
    let stage = Stage::with([]).await;
    let new = json!({ "id": "c-1", "title": "First" });
    assert_eq!(stage.post("/api/conversations", new.clone()).await.0, StatusCode::CREATED);
    assert_eq!(stage.post("/api/conversations", new).await.0, StatusCode::OK);
    let renamed =
        json_of(stage.send("PATCH", "/api/conversations/c-1", Some(json!({ "title": "Second" }))).await).await;
    assert_eq!(renamed.1["title"], "Second");
    assert_eq!(stage.send("DELETE", "/api/conversations/c-1", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(stage.get("/api/conversations/c-1").await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.post("/api/conversations/c-1/restore", json!({})).await.0, StatusCode::OK);
    assert_eq!(stage.get("/api/conversations/c-1").await.1["conversation"]["title"], "Second");
}

#[tokio::test]
async fn a_wild_id_and_an_unknown_member_are_refused_by_name() {
    let stage = Stage::with([]).await;
    let (status, refused) = stage.post("/api/conversations", json!({ "id": "../etc" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["detail"].as_str().unwrap().contains("`id`"), "{refused}");
    let (status, refused) = stage.post("/api/conversations", json!({ "id": "c-1", "titel": "x" })).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(refused["detail"].as_str().unwrap().contains("titel"), "{refused}");
}

#[tokio::test]
async fn the_live_line_greets_with_who_we_are_and_every_model() {
    let stage = Stage::with([]).await;
    let mut body = stage.send("GET", "/api/events", None).await.into_body();
    let mut next =
        async || String::from_utf8(body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap();
    let hello = next().await;
    assert!(hello.contains("\"type\":\"hello\"") && hello.contains(&stage.house.boot), "{hello}");
    assert!(next().await.contains("\"type\":\"model\""));
}

#[tokio::test]
async fn models_of_this_machine_and_remote_ones_stand_in_one_list() {
    let stage = Stage::with([]).await;
    let (_, list) = stage.get("/api/models").await;
    let ids: Vec<&str> =
        list["models"].as_array().unwrap().iter().map(|model| model["info"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.last(), Some(&"big-model"));
    assert!(ids.len() >= 4, "{ids:?}");
    assert_eq!(stage.get("/api/models/none").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn readiness_ends_before_the_program_does() {
    let stage = Stage::with([]).await;
    assert_eq!(stage.get("/readyz").await.0, StatusCode::OK);
    assert_eq!(stage.get("/healthz").await.1["status"], "ok");
    stage.house.drain();
    assert_eq!(stage.get("/readyz").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stage.get("/livez").await.0, StatusCode::OK);
    assert_eq!(stage.get("/healthz").await.1["status"], "degraded");
}

#[tokio::test(start_paused = true)]
async fn before_the_rooms_are_open_a_call_waits_and_then_is_told() {
    let root = CancelToken::root("test");
    let house = Arc::new(House::new(Clock::real(), root.child("asking"), root.child("lines"), Detail::Public));
    let hosts = HostCheck::new(([127, 0, 0, 1], 8080).into(), &[]);
    let answerer = Answerer { router: router(Arc::clone(&house)), hosts, detail: Detail::Public, clock: Clock::real() };
    let ask = |path: &str| Request::get(path).header(header::HOST, "localhost:8080").body(Body::empty()).unwrap();
    let page = answerer.answer(ask("/")).await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(answerer.answer(ask("/readyz")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let (status, problem) = json_of(answerer.answer(ask("/api/models")).await).await;
    assert_eq!((status, &problem["retryable"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(true)));
}

#[tokio::test]
async fn the_page_opens_at_each_of_its_addresses_and_nowhere_else() {
    let stage = Stage::with([]).await;
    for address in ["/", "/c/some-id", "/models"] {
        let page = stage.send("GET", address, None).await;
        assert_eq!(
            (page.status(), &page.headers()["content-type"]),
            (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
        );
        assert_eq!(page.headers()["cache-control"], "no-cache");
    }
    for address in ["/api/none", "/v1/none", "/assets/none.js", "/robots.txt"] {
        assert_eq!(stage.send("GET", address, None).await.status(), StatusCode::NOT_FOUND, "{address}");
    }
    let etag = stage.send("GET", "/", None).await.headers()["etag"].clone();
    let again = Request::get("/")
        .header(header::HOST, "localhost:8080")
        .header(header::IF_NONE_MATCH, etag)
        .body(Body::empty())
        .unwrap();
    assert_eq!(stage.answerer.answer(again).await.status(), StatusCode::NOT_MODIFIED);
}
