//! The network can be replaced, so that a simulation can play it.

use std::{io, sync::Arc};

use hyper_util::rt::TokioIo;
use steadfast::{CancelToken, Clock};
use steadfast_contract::{BoxFuture, provider::Provider as _};
use steadfast_providers::{Connection, Connector, ModelSettings, OpenAiCompatible, UpstreamSettings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::line::{DONE, STOP, ask, read, stream_of, text};

#[derive(Debug)]
struct Simulated(CancelToken);

impl Connector for Simulated {
    fn connect(&self, address: http::Uri) -> BoxFuture<'static, io::Result<Connection>> {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        drop(self.0.spawn("server", async move {
            theirs.read_buf(&mut Vec::new()).await?;
            let answer = format!("{}{STOP}{DONE}", text(&format!("this is {address}")));
            theirs.write_all(stream_of(&answer).as_bytes()).await
        }));
        Box::pin(async { Ok(Connection::new(TokioIo::new(ours))) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_simulated_network_needs_no_socket_and_no_time() {
    let model = ModelSettings::named("m");
    let settings = UpstreamSettings::new("cloud-b", "https://nowhere.invalid/v1", vec![model]);
    let network = Arc::new(Simulated(CancelToken::root("network")));
    let provider = OpenAiCompatible::with_connector(settings, Clock::real(), network).unwrap();
    let outcome = read(provider.open(ask("hello")).await.unwrap()).await;
    assert_eq!(outcome.text, "this is https://nowhere.invalid/");
}
