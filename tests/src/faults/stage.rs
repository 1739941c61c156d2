//! What one row of the table plays on: the real program, two upstreams of its own, and a line that can fail.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    reader::{Leave, Question},
    received::Received,
};
use crate::{Certificate, ClosedGate, FaultProxy, House, Models, Setup, TlsDoor, Upstream, until};

/// Who is asked, and who stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// A alone.
    Alone,
    /// A, then B, which is known to go on from a given beginning.
    Verified,
    /// A, then B, of which that is not known (and which would begin anew).
    Unverified,
    /// A, then the model on this machine.
    Local,
}

/// How the program reaches A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Straight,
    Proxy,
    /// Packets to it are dropped.
    Swallowed,
    /// Its name does not exist.
    NoName,
    Tls(Certificate),
}

#[derive(Debug)]
pub(super) struct Stage {
    pub house: House,
    pub a: Upstream,
    pub b: Upstream,
    pub proxy: FaultProxy,
    pub door: Option<TlsDoor>,
    _gate: Option<ClosedGate>,
    _dir: TempDir,
}

impl Stage {
    pub(super) async fn set(chain: Chain, way: Way) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (a, b) = (Upstream::start(dir.path()).await, Upstream::start(dir.path()).await);
        let proxy = FaultProxy::before(a.address());
        let gate = if way == Way::Swallowed { Some(ClosedGate::shut().await) } else { None };
        let door = match way {
            Way::Tls(certificate) => Some(TlsDoor::before(a.address(), certificate, dir.path()).await),
            _ => None,
        };
        let url_of = |address: SocketAddr| format!("http://{address}/v1");
        let url = match (&gate, &door, way) {
            (Some(gate), ..) => url_of(gate.address()),
            (_, Some(door), _) => format!("https://{}/v1", door.address()),
            (.., Way::Proxy) => url_of(proxy.address()),
            (.., Way::NoName) => "http://nowhere.invalid/v1".to_owned(),
            _ => a.base_url(),
        };
        let models = if chain == Chain::Local { Models::Quick } else { Models::None };
        let authority = door.as_ref().map(|door| door.authority().to_owned());
        let house = House::start(Setup { models, settings: settings(chain, &url, &b.base_url()), authority }).await;
        if chain == Chain::Local {
            house.quick_is_ready().await;
        }
        Self { house, a, b, proxy, door, _gate: gate, _dir: dir }
    }

    /// Asks the chain, as a stream or not, and reads to the end.
    pub(super) async fn ask(&self, scenario: &str, delivery: Delivery) -> Received {
        self.question(scenario, delivery).ask(self.house.address).await
    }

    pub(super) fn question(&self, scenario: &str, delivery: Delivery) -> Question {
        let mut body = json!({ "model": MODEL, "messages": [{ "role": "user", "content": format!("Tell me. {scenario}") }], "temperature": 0 });
        if delivery == Delivery::Stream {
            body["stream"] = json!(true);
        }
        // A, B and this machine have different models.
        let headers = "x-steadfast-continue: any\r\n".to_owned();
        Question { path: "/v1/chat/completions", body, headers, patience: PATIENCE, leave: Leave::Never }
    }

    /// Once all of them have ended: until then a log does not say what was sent.
    pub(super) async fn calls(&self) -> Calls {
        until("the end of every upstream call", Duration::from_secs(40), async || {
            let calls = Calls { a: self.a.calls().await, b: self.b.calls().await };
            let ended = calls.all().all(|call| call["ended_ms"].is_u64());
            ended.then_some(calls)
        })
        .await
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Stream,
    Json,
}

/// What both upstreams saw.
#[derive(Debug)]
pub(super) struct Calls {
    pub a: Vec<Value>,
    pub b: Vec<Value>,
}

impl Calls {
    /// `A=3 B=1, gaps 0.12 0.30 s`.
    pub(super) fn told(&self) -> String {
        let gaps: Vec<String> = self.gaps().iter().map(|gap| format!("{gap:.2}")).collect();
        let gaps = if gaps.is_empty() { String::new() } else { format!(", gaps {} s", gaps.join(" ")) };
        format!("A={} B={}{gaps}", self.a.len(), self.b.len())
    }

    /// The waits between A's calls, in seconds.
    pub(super) fn gaps(&self) -> Vec<f64> {
        let times: Vec<u64> = self.a.iter().filter_map(|call| call["at_ms"].as_u64()).collect();
        times.windows(2).map(|pair| (pair[1].saturating_sub(pair[0])) as f64 / 1000.0).collect()
    }

    /// A's first, then B's.
    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.a.iter().chain(&self.b)
    }
}

/// A name nobody else's row uses, so that calls can be told apart.
pub(super) fn key(scenario: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{scenario}#{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn settings(chain: Chain, a: &str, b: &str) -> String {
    let second = match chain {
        Chain::Alone => None,
        Chain::Verified => Some("cloud-b/SCN-continues"),
        Chain::Unverified => Some("cloud-b/SCN-restarts"),
        Chain::Local => Some("smollm2-135m-instruct"),
    };
    let links: Vec<String> = ["cloud-a/scripted"].into_iter().chain(second).map(|link| format!("\"{link}\"")).collect();
    format!(
        "{GATEWAY}\n[tiers]\n{MODEL} = [{}]\n{}\n{}",
        links.join(", "),
        upstream("cloud-a", a, "{ id = \"scripted\" }"),
        upstream("cloud-b", b, "{ id = \"SCN-continues\", continuation = \"verified\" }, { id = \"SCN-restarts\" }"),
    )
}

/// What a reader of the table must know of the settings.
pub(super) fn settings_shown() -> String {
    format!("{GATEWAY}\n{TIMERS}").trim().to_owned()
}

fn upstream(name: &str, url: &str, models: &str) -> String {
    format!(
        "[[upstreams]]\nname = \"{name}\"\nurl = \"{url}\"\nkey = \"sk-of-the-tests\"\n{TIMERS}models = [{models}]\n"
    )
}

/// The chain's name.
pub(super) const MODEL: &str = "genius";
/// Longer than any timer below, and shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(25);
/// All that is not here is as it comes out of the box.
const GATEWAY: &str = "[gateway]\nidle = \"3s\"\ntotal = \"20s\"\nbreaker_rest = \"3s\"";
/// Lines of each upstream: the timers that the table is measured with.
const TIMERS: &str = "connect = \"3s\"\nfirst_token = \"3s\"\nidle = \"3s\"\nwhole = \"4s\"\n";
