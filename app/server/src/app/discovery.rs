//! Asks the upstreams which models they have: at the start, whenever the settings changed, and now and then. An
//! upstream whose settings do not ask for that is not asked; one that does not answer keeps the models it had.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use steadfast::{Clock, Error};
use steadfast_contract::provider::Provider;
use tracing::warn;

use crate::house::House;

/// Until the program ends.
pub(super) async fn keep_asking(house: Arc<House>) {
    let mut rooms = house.watch_rooms();
    let token = &house.token;
    loop {
        let upstreams = rooms.borrow_and_update().as_ref().map(|rooms| rooms.upstreams.clone()).unwrap_or_default();
        let Ok(pause) = token.run(ask_all(&upstreams, &house)).await else { return };
        tokio::select! {
            _reason = token.cancelled() => return,
            changed = rooms.changed() => if changed.is_err() { return },
            () = house.clock.sleep(pause) => {}
        }
    }
}

/// Asks each of them once; how long to wait before the next time.
async fn ask_all(upstreams: &[Arc<dyn Provider>], house: &House) -> Duration {
    let heard = join_all(upstreams.iter().map(|upstream| ask(upstream.as_ref(), house))).await;
    if heard.contains(&Heard::Nothing) { SOON } else { LATER }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Its models are known now, or it was not to be asked.
    Models,
    Nothing,
}

async fn ask(upstream: &dyn Provider, house: &House) -> Heard {
    match in_time(upstream, house, &house.clock).await {
        Ok(()) => Heard::Models,
        Err(error) => {
            warn!(upstream = upstream.name(), %error, "the upstream did not say which models it has");
            Heard::Nothing
        }
    }
}

async fn in_time(upstream: &dyn Provider, house: &House, clock: &Clock) -> Result<(), Error> {
    tokio::select! {
        asked = upstream.discover(&house.token) => asked,
        () = clock.sleep(PATIENCE) => Err(Error::timeout("asking for the models", PATIENCE)),
    }
}

/// A list is short; who needs longer is in trouble.
const PATIENCE: Duration = Duration::from_secs(10);
/// An upstream that was down at the start is soon there.
const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use steadfast::CancelToken;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{
        app::{App, ReloadNow},
        settings::{Environment, Flags, Settings},
    };

    async fn app(dir: &std::path::Path, url: &str) -> App {
        let file = format!("[[upstreams]]\nname = \"cloud\"\nurl = \"{url}\"\ndiscover = true\n");
        std::fs::write(dir.join("steadfast.toml"), file).unwrap();
        let flags = Flags {
            config: Some(dir.join("steadfast.toml")),
            data_dir: Some(dir.join("data")),
            listen: Some("127.0.0.1:0".into()),
            ..Flags::default()
        };
        App::start(&Settings::load(&flags, &Environment::default()).unwrap(), ReloadNow::default()).await.unwrap()
    }

    #[tokio::test]
    async fn an_upstream_that_answers_has_its_models_and_is_left_alone_for_a_while() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let token = CancelToken::root("scripted upstream");
        let _serving = token.spawn("serve", steadfast_providers::scripted_upstream::serve(listener, token.clone()));
        let dir = tempfile::tempdir().unwrap();
        let app = app(dir.path(), &url).await;
        let upstreams = app.house.rooms_now().unwrap().upstreams;

        assert_eq!(ask_all(&upstreams, &app.house).await, LATER);
        assert!(upstreams[0].models().iter().any(|model| model.id == "scripted"), "{:?}", upstreams[0].models());
        app.stop().await;
    }

    #[tokio::test]
    async fn an_upstream_that_is_away_is_asked_again_soon() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let app = app(dir.path(), &format!("http://{nobody}/v1")).await;
        let upstreams = app.house.rooms_now().unwrap().upstreams;

        assert_eq!(ask_all(&upstreams, &app.house).await, SOON);
        app.stop().await;
    }
}
