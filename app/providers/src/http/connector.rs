//! Who makes connections: the network, or in a simulation whatever plays the network.

use std::{
    fmt::Debug,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{
    Connected, HttpConnector,
    dns::{GaiResolver, Name},
};
use rustls::{ClientConfig, crypto};
use rustls_platform_verifier::BuilderVerifierExt as _;
use steadfast::{Clock, Error};
use steadfast_contract::BoxFuture;
use tower::{Service, ServiceExt as _};

use super::failure::{TooSlow, Unresolved};

/// Makes a connection to the host of an address; for `https` a secure one.
pub trait Connector: Debug + Send + Sync {
    fn connect(&self, address: Uri) -> BoxFuture<'static, io::Result<Connection>>;
}

/// Two-way bytes.
pub struct Connection(Pin<Box<dyn Wire>>);

impl Connection {
    pub fn new(wire: impl Read + Write + Send + 'static) -> Self {
        Self(Box::pin(wire))
    }
}

trait Wire: Read + Write + Send {}

impl<T: Read + Write + Send> Wire for T {}

/// The real network. Certificates are judged as the operating system judges them.
#[derive(Debug, Clone)]
pub(crate) struct Network(HttpsConnector<HttpConnector<Resolver>>);

impl Network {
    /// Fails when the system's certificates cannot be read.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let tls = ClientConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_platform_verifier())
            .map_err(|error| Error::internal("secure connections cannot be set up").with_source(error))?
            .with_no_client_auth();
        Ok(Self(
            hyper_rustls::HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_or_http()
                .enable_http1()
                .wrap_connector(tcp),
        ))
    }
}

impl Connector for Network {
    fn connect(&self, address: Uri) -> BoxFuture<'static, io::Result<Connection>> {
        let network = self.0.clone();
        Box::pin(async move { network.oneshot(address).await.map(Connection::new).map_err(io::Error::other) })
    }
}

/// The system's resolver, whose failures can be told from those of a connection.
#[derive(Debug, Clone)]
struct Resolver(GaiResolver);

impl Service<Name> for Resolver {
    type Response = <GaiResolver as Service<Name>>::Response;
    type Error = Unresolved;
    type Future = BoxFuture<'static, Result<Self::Response, Unresolved>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(context).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.0.call(name);
        Box::pin(async move { addresses.await.map_err(Unresolved) })
    }
}

/// A [`Connector`] as the HTTP client wants it, with a time limit.
#[derive(Debug, Clone)]
pub(crate) struct Dial {
    connector: Arc<dyn Connector>,
    limit: Duration,
    clock: Clock,
}

impl Dial {
    pub(crate) fn new(connector: Arc<dyn Connector>, limit: Duration, clock: Clock) -> Self {
        Self { connector, limit, clock }
    }
}

impl Service<Uri> for Dial {
    type Response = Connection;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Connection>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> Self::Future {
        let (connection, limit, clock) = (self.connector.connect(address), self.limit, self.clock.clone());
        Box::pin(async move {
            tokio::select! {
                biased;
                connection = connection => connection,
                () = clock.sleep(limit) => Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow(limit))),
            }
        })
    }
}

impl Debug for Connection {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Connection")
    }
}

impl hyper_util::client::legacy::connect::Connection for Connection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(context, buffer)
    }
}

impl Write for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(context)
    }
}
