//! Connections over the simulated network, for the real HTTP client.

use std::io;

use http::Uri;
use hyper_util::rt::TokioIo;
use steadfast_contract::BoxFuture;
use steadfast_providers::{Connection, Connector};
use turmoil::net::TcpStream;

#[derive(Debug)]
pub(super) struct Simulated;

impl Connector for Simulated {
    fn connect(&self, address: Uri) -> BoxFuture<'static, io::Result<Connection>> {
        Box::pin(async move {
            let host = address.host().unwrap_or_default().to_owned();
            let stream = TcpStream::connect((host, address.port_u16().unwrap_or(80))).await?;
            Ok(Connection::new(TokioIo::new(stream)))
        })
    }
}
