//! Where connections come in: our own accept loop, because the stock one keeps a silent connection for ever.
//!
//! A connection is counted (`connections`), watched (`patience`, `watched`) and served; a request passes
//! `answer`: who is asking and from where, then the routes, then headers. No route and no status code lives here.

mod answer;
mod bind;
pub(crate) mod code;
mod connections;
mod headers;
mod host_check;
mod leftover;
mod media_type;
mod patience;
pub(crate) mod request_id;
mod watched;

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use steadfast::{CancelToken, Clock};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

pub(crate) use self::{
    answer::Answerer, bind::bind, host_check::HostCheck, media_type::MediaType, request_id::RequestId,
};
use self::{connections::Connections, patience::Pulse, watched::Watched};
use crate::settings::ConnectionLimits;

/// Everything that a connection needs, shared by all of them.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    answerer: Arc<Answerer>,
    connections: Connections,
    clock: Clock,
    /// Cancelled when connections must end after the response that they are writing.
    token: CancelToken,
}

impl Edge {
    pub(crate) fn new(answerer: Answerer, limits: ConnectionLimits, token: CancelToken) -> Self {
        let clock = answerer.clock.clone();
        Self { answerer: Arc::new(answerer), connections: Connections::within(limits), clock, token }
    }

    /// Accepts until `accepting` is cancelled. Connections that are open by then go on.
    pub(crate) async fn accept(self, listener: TcpListener, accepting: CancelToken) {
        while let Ok(accepted) = accepting.run(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.begin(stream, peer),
                Err(error) => {
                    // Out of file descriptors, most likely: give the open connections a moment to end.
                    warn!(%error, "cannot accept a connection");
                    self.clock.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr) {
        let edge = self.clone();
        let _owned_by_the_token = self.token.spawn("connection", async move { edge.connection(stream, peer).await });
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        let Some(_place) = self.connections.enter(peer.ip()) else {
            debug!(%peer, "connection refused, too many are open");
            return connections::turn_away(stream, &self.clock).await;
        };
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%peer, %error, "cannot switch off delayed sending");
        }
        self.serve(stream, peer).await;
    }

    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let pulse = Pulse::new();
        let io = TokioIo::new(Watched::new(stream, pulse.clone()));
        let answer = service_fn(|request| {
            let (answerer, busy) = (Arc::clone(&self.answerer), pulse.request_begins());
            // In a box, which goes when the answer's headers are there: hyper keeps the room for as long as it sends.
            Box::pin(async move { Ok::<_, Infallible>(busy.until_sent(answerer.answer(request).await)) })
        });
        let mut connection = pin!(
            http1::Builder::new().max_buf_size(HEADER_BYTES).max_headers(HEADER_COUNT).serve_connection(io, answer)
        );
        let ended = tokio::select! {
            biased; // the pulse looks at what the connection has just done
            ended = connection.as_mut() => ended,
            phase = pulse.ran_out(&self.clock) => return debug!(%peer, ?phase, "connection closed, it was silent for too long"),
            _shutdown = self.token.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%peer, %error, "connection ended early");
        }
    }
}

/// Request line and headers together; hyper answers 431 beyond it.
const HEADER_BYTES: usize = 32 * 1024;
const HEADER_COUNT: usize = 100;
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(test)]
mod tests;
