//! The routes over a real gateway whose upstream plays a script.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use steadfast::{CancelToken, Clock, Detail, Events};
use steadfast_contract::{
    chat::{ChatRequest, Message, Role},
    provider::{Delivery, Provider},
};
use steadfast_engine::{
    catalog::Catalog,
    life::{Models, ModelsSettings, NoEngine},
};
use steadfast_gateway::{
    ChatAsk, Gateway, GatewaySettings, GoesOn, Keep, Parts, StreamHandle, StreamSettings, StreamSpec, testing::Plain,
};
use steadfast_providers::scripted::{Act, Line, Scripted};
use steadfast_store::StoreSettings;
use tower::ServiceExt as _;

use super::PRINCIPAL;
use crate::{
    house::{House, Rooms},
    routes::router,
};

struct Stage {
    router: Router,
    gateway: Arc<Gateway>,
    asking: CancelToken,
    _models: tempfile::TempDir,
}

impl Stage {
    async fn with(streams: StreamSettings, acts: Vec<Act>) -> Self {
        let (root, clock, models_dir) = (CancelToken::root("test"), Clock::real(), tempfile::tempdir().unwrap());
        let settings = ModelsSettings::new(models_dir.path());
        let models = Models::open(settings, Catalog::built_in().unwrap(), Arc::new(NoEngine), &root, Events::none());
        let house = Arc::new(House::new(clock.clone(), root.child("asking"), root.child("lines"), Detail::Public));
        let gateway = Gateway::start(Parts {
            writers: Arc::new(Plain::default()),
            store: steadfast_store::open(StoreSettings::Memory, &root, clock.clone(), Events::none()).await.unwrap(),
            models: Arc::new(models),
            providers: vec![Arc::new(Scripted::upstream("cloud-b", "big", acts)) as Arc<dyn Provider>],
            settings: GatewaySettings { streams, ..GatewaySettings::default() },
            clock,
            token: root.child("gateway"),
            events: Events::none(),
            boot: house.boot.clone(),
        });
        let gateway = gateway.await.unwrap();
        house.open_rooms(Rooms { gateway: Arc::clone(&gateway), upstreams: Vec::new(), store_backend: "memory" });
        Self { router: router(house), gateway, asking: root.child("asking"), _models: models_dir }
    }

    fn start(&self, id: &str, principal: &str) -> StreamHandle {
        let messages = vec![Message::text(Role::User, "hello")];
        let ask = ChatAsk {
            request: ChatRequest { model: "cloud-b/big".to_owned(), messages, ..ChatRequest::default() },
            delivery: Delivery::Streamed,
            request_id: "r".to_owned(),
            deadline: None,
            token: self.asking.clone(),
            session: None,
            cache: None,
            goes_on: GoesOn::default(),
        };
        let spec = StreamSpec {
            id: id.to_owned(),
            principal: principal.to_owned(),
            keep: Keep::Background,
            idempotency: None,
        };
        self.gateway.start_stream(ask, spec, Box::new(Plain::default())).unwrap()
    }

    /// A stream that has ended.
    async fn ended(&self, id: &str) {
        let mut reader = self.start(id, PRINCIPAL).into_reader();
        while reader.next().await.is_some() {}
    }

    async fn send(&self, method: &str, path: &str, last_event_id: Option<&str>) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn status(&self, path: &str, last_event_id: Option<&str>) -> u16 {
        let response = self.send("GET", path, last_event_id).await;
        match response.extensions().get::<crate::error_reply::Refusal>() {
            Some(refusal) => crate::error_reply::status_of(refusal).as_u16(),
            None => response.status().as_u16(),
        }
    }
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_read_again_from_any_place_with_its_ids() {
    let stage = Stage::with(StreamSettings::default(), vec![Act::says(&["one ", "two "])]).await;
    stage.ended("rsp_1").await;
    let whole = text(stage.send("GET", "/v1/streams/rsp_1", None).await).await;
    let second = "id: 1-3\ndata: {\"content\":\"two \"}\n\n";
    let end = "id: 1-4\ndata: {\"finish\":\"stop\"}\n\nid: 1-5\ndata: [DONE]\n\n";
    assert!(whole.starts_with("retry: 1000\n\nid: 1-1\ndata: "), "{whole}");
    assert!(whole.ends_with(&format!("{second}{end}")), "{whole}");
    for path in ["/v1/streams/rsp_1?after=1-3", "/v1/streams/rsp_1?after=3"] {
        assert_eq!(text(stage.send("GET", path, None).await).await, format!("retry: 1000\n\n{end}"));
    }
    let newer = stage.send("GET", "/v1/streams/rsp_1?after=1-1", Some("1-3")).await;
    assert_eq!(text(newer).await, format!("retry: 1000\n\n{end}"));
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_a_reader_has_its_status() {
    let settings = StreamSettings { keep_ended: Duration::from_secs(60), ..StreamSettings::default() };
    let stage = Stage::with(settings, vec![Act::says(&["one "]), Act::Speak(vec![Line::Say("x"), Line::Stall])]).await;
    stage.ended("rsp_1").await;
    assert_eq!(stage.status("/v1/streams/rsp_1", None).await, 200);
    assert_eq!(stage.status("/v1/streams/rsp_1", Some("1-4")).await, 204); // nothing comes after it
    assert_eq!(stage.status("/v1/streams/rsp_9", None).await, 404);
    for bad in ["-1", "abc", "1-99", "2-1", "0-1", "1-1 X: y", &"1".repeat(30_000)] {
        assert_eq!(stage.status("/v1/streams/rsp_1", Some(bad)).await, 400, "{bad:.20}");
    }
    assert_eq!(stage.status("/v1/streams/rsp_1?mode=other", None).await, 400);
    let handle = stage.start("rsp_2", PRINCIPAL);
    let held: Vec<_> = (0..3).map(|_| stage.gateway.read_stream("rsp_2", PRINCIPAL, None).unwrap()).collect();
    assert_eq!(stage.status("/v1/streams/rsp_2", None).await, 429);
    drop((handle, held));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(stage.status("/v1/streams/rsp_1", None).await, 410);
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_stream_is_not_there() {
    let stage = Stage::with(StreamSettings::default(), vec![Act::Speak(vec![Line::Say("x"), Line::Stall])]).await;
    let mut handle = stage.start("rsp_1", "somebody else");
    handle.opened().await.unwrap();
    assert_eq!(stage.status("/v1/streams/rsp_1", None).await, 404);
    assert_eq!(json(stage.send("GET", "/v1/streams", None).await).await["data"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_given_when_asked_for_and_when_the_log_was_cut() {
    let settings = StreamSettings { events_max: 2, ..StreamSettings::default() };
    let stage = Stage::with(settings, vec![Act::says(&["one ", "two ", "three"])]).await;
    stage.ended("rsp_1").await;
    let snapshot = "retry: 1000\n\nid: 1-6\nevent: steadfast.snapshot\ndata: {\"through\":\"1-6\",\"content\":\"one two three\",\"finish\":\"stop\"}\n\n";
    assert_eq!(text(stage.send("GET", "/v1/streams/rsp_1?mode=snapshot", None).await).await, snapshot);
    assert_eq!(text(stage.send("GET", "/v1/streams/rsp_1", Some("1-1")).await).await, snapshot);
}

#[tokio::test(start_paused = true)]
async fn stopping_answers_the_state_and_the_list_says_the_same() {
    let stage = Stage::with(StreamSettings::default(), vec![Act::Speak(vec![Line::Say("x"), Line::Stall])]).await;
    let mut handle = stage.start("rsp_1", PRINCIPAL);
    handle.opened().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await; // lets the first words come
    let list = json(stage.send("GET", "/v1/streams", None).await).await;
    assert_eq!((&list["data"][0]["status"], &list["data"][0]["last_event_id"]), (&json!("running"), &json!("1-2")));
    let stopped = json!({ "id": "rsp_1", "status": "cancelled", "reason": "user_stop" });
    for (method, path) in [("POST", "/v1/streams/rsp_1/cancel"), ("DELETE", "/v1/streams/rsp_1")] {
        let response = stage.send(method, path, None).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(json(response).await, stopped);
    }
}
