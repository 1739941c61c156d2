//! The wiring, with the engine left out: rooms in their order, and what a broken one says.

use std::net::SocketAddr;

use steadfast_gateway::GatewaySettings;

use super::App;
use crate::settings::{Environment, Flags, Settings};

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
    let app = App::start(&settings(dir.path())).await.unwrap();
    assert_ne!(app.address.port(), 0);
    assert!(app.house.rooms_now().is_some());
    assert_eq!(app.stop().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_start_that_fails_gives_the_address_back() {
    let dir = tempfile::tempdir().unwrap();
    let first = App::start(&settings(dir.path())).await.unwrap();
    let mut second = settings(dir.path());
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    second.listen.address = free;
    let error = App::start(&second).await.unwrap_err();
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
    assert!(App::start(&settings).await.unwrap_err().message().contains("listens on"));
    settings.listen.when_taken = crate::settings::WhenTaken::TakeTheNext;
    let app = App::start(&settings).await.unwrap();
    assert!(app.address.port() > wanted.port());
    app.stop().await;
}
