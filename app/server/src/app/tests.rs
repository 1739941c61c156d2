//! The wiring, with the engine left out: rooms in their order, and what a broken one says.

use std::net::SocketAddr;

use steadfast_gateway::GatewaySettings;

use super::{App, ReloadNow};
use crate::{
    house::SettingsHealth,
    settings::{Environment, Flags, Settings},
};

fn settings(dir: &std::path::Path) -> Settings {
    let flags = Flags { data_dir: Some(dir.join("data")), listen: Some("127.0.0.1:0".into()), ..Flags::default() };
    let mut settings = Settings::load(&flags, &Environment::default()).unwrap();
    settings.models.start = None;
    settings.gateway = GatewaySettings::default();
    settings
}

#[tokio::test]
async fn it_starts_answers_and_ends_without_leaving_a_task() {
    let dir = tempfile::tempdir().unwrap();
    let app = App::start(&settings(dir.path()), ReloadNow::default()).await.unwrap();
    assert_ne!(app.address.port(), 0);
    assert!(app.house.rooms_now().is_some());
    assert_eq!(app.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_start_that_fails_gives_the_address_back() {
    let dir = tempfile::tempdir().unwrap();
    let first = App::start(&settings(dir.path()), ReloadNow::default()).await.unwrap();
    let mut second = settings(dir.path());
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    second.listen.address = free;
    let error = App::start(&second, ReloadNow::default()).await.unwrap_err();
    assert_eq!(error.code(), steadfast::Code::STORAGE_UNAVAILABLE);
    assert!(tokio::net::TcpListener::bind(free).await.is_ok());
    first.stop().await;
}

#[tokio::test]
async fn the_next_free_port_is_taken_when_nobody_asked_for_this_one() {
    let dir = tempfile::tempdir().unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wanted: SocketAddr = taken.local_addr().unwrap();
    let mut settings = settings(dir.path());
    settings.listen.address = wanted;
    assert!(App::start(&settings, ReloadNow::default()).await.unwrap_err().message().contains("listens on"));
    settings.listen.when_taken = crate::settings::WhenTaken::TakeTheNext;
    let app = App::start(&settings, ReloadNow::default()).await.unwrap();
    assert!(app.address.port() > wanted.port());
    app.stop().await;
}

/// A house over a settings file that a test writes again.
struct Written {
    dir: tempfile::TempDir,
    app: App,
    now: ReloadNow,
}

impl Written {
    async fn with(upstreams: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("steadfast.toml"), upstreams).unwrap();
        let flags = Flags {
            config: Some(dir.path().join("steadfast.toml")),
            data_dir: Some(dir.path().join("data")),
            listen: Some("127.0.0.1:0".into()),
            ..Flags::default()
        };
        let now = ReloadNow::default();
        let settings = Settings::load(&flags, &Environment::default()).unwrap();
        let app = App::start(&settings, now.clone()).await.unwrap();
        Self { dir, app, now }
    }

    /// Writes the file, asks for it to be read, and waits until it was.
    async fn becomes(&self, upstreams: &str) -> SettingsHealth {
        std::fs::write(self.dir.path().join("steadfast.toml"), upstreams).unwrap();
        let mut told = self.app.house.watch_settings();
        self.now.ask();
        told.changed().await.unwrap();
        told.borrow().clone()
    }

    fn names(&self) -> Vec<String> {
        let rooms = self.app.house.rooms_now().unwrap();
        let listed = rooms.gateway.route_names();
        listed.into_iter().filter(|listed| listed.owned_by != "this machine").map(|listed| listed.id).collect()
    }
}

fn upstream(name: &str, model: &str) -> String {
    format!(
        "[models]\nstart = \"\"\n[[upstreams]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:9/v1\"\nmodels = [{{ id = \"{model}\" }}]\n"
    )
}

#[tokio::test]
async fn a_changed_file_is_in_force_without_a_restart() {
    let written = Written::with(&upstream("a", "small")).await;
    assert_eq!(written.names(), ["small"]);
    let health = written.becomes(&upstream("a", "large")).await;
    assert_eq!((health.trouble.len(), health.waiting_for_a_restart.len()), (0, 0));
    assert_eq!(written.names(), ["large"]);
    written.app.stop().await;
}

#[tokio::test]
async fn a_file_that_does_not_hold_changes_nothing_and_says_where_it_is_wrong() {
    let written = Written::with(&upstream("a", "small")).await;
    let health = written.becomes(&upstream("a", "large").replace("url =", "ulr =")).await;
    assert!(health.trouble[0].contains("steadfast.toml:5:"), "{:?}", health.trouble);
    assert!(health.trouble[0].contains("did you mean `url`?"), "{:?}", health.trouble);
    assert_eq!(written.names(), ["small"]);
    let health = written.becomes(&upstream("a", "large").replace("http://", "ftp://")).await;
    assert!(health.trouble[0].contains("it must begin with http://"), "{:?}", health.trouble);
    assert_eq!(written.names(), ["small"], "an address that cannot be used is found before anything changes");
    let mended = written.becomes(&upstream("a", "large")).await;
    assert!(mended.trouble.is_empty());
    assert_eq!(written.names(), ["large"]);
    written.app.stop().await;
}

#[tokio::test]
async fn who_stayed_the_same_keeps_its_connections_and_who_needs_a_restart_is_named() {
    let written = Written::with(&upstream("a", "small")).await;
    let before = written.app.house.rooms_now().unwrap().upstreams;
    let both = format!(
        "{}[[upstreams]]\nname = \"b\"\nurl = \"http://127.0.0.1:9/v1\"\nmodels = [{{ id = \"m\" }}]\n[gateway]\nattempts = 2\n",
        upstream("a", "small")
    );
    let health = written.becomes(&both).await;
    assert_eq!(health.waiting_for_a_restart, ["gateway"]);
    let after = written.app.house.rooms_now().unwrap().upstreams;
    assert_eq!(after.len(), 2);
    assert!(std::sync::Arc::ptr_eq(&before[0], &after[0]));
    written.app.stop().await;
}
