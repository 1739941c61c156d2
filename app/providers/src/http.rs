//! One HTTP request to an upstream, and why it failed: refused, reset, name unknown, not secure, too slow.
//! Follows no redirects and tries nothing twice. Dropping an answer's body closes its connection.

pub(crate) mod connector;
mod failure;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioTimer};
use steadfast::{CancelToken, Clock, Error};
use tower::ServiceExt as _;

use self::connector::{Connector, Dial};

/// Speaks to one upstream; connections that ended well are used again.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    upstream: Arc<str>,
    client: Client<Dial, Full<Bytes>>,
    dial: Dial,
}

/// An answer whose head has arrived.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    upstream: Arc<str>,
}

impl Http {
    pub(crate) fn new(upstream: &str, connector: Arc<dyn Connector>, connect_limit: Duration, clock: Clock) -> Self {
        let upstream: Arc<str> = upstream.into();
        let tasks = Tasks(CancelToken::root(format!("connections to {upstream}")));
        let dial = Dial::new(connector, connect_limit, clock);
        let client = Client::builder(tasks)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(POOL_CONNECTIONS)
            .build(dial.clone());
        Self { upstream, client, dial }
    }

    /// Opens a connection, secure where the address says so, and closes it.
    pub(crate) async fn reach(&self, address: Uri) -> Result<(), Error> {
        let reached = self.dial.clone().oneshot(address).await;
        reached.map(drop).map_err(|error| Error::unavailable(&self.upstream).with_source(error))
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let answer = self.client.request(request).await.map_err(|error| failure::of_request(&self.upstream, error))?;
        let (head, body) = answer.into_parts();
        Ok(Answer { status: head.status, headers: head.headers, body, upstream: Arc::clone(&self.upstream) })
    }
}

impl Answer {
    /// The next bytes, or `None` at an end that the protocol calls clean. Cancel safe.
    pub(crate) async fn bytes(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|error| failure::of_body(&self.upstream, error))?;
            if let Ok(data) = frame.into_data()
                && !data.is_empty()
            {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body, up to `limit` bytes; what is beyond that is cut off.
    pub(crate) async fn start_of_body(&mut self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(bytes) = self.bytes().await? {
            all.extend_from_slice(&bytes[..bytes.len().min(limit - all.len())]);
            if all.len() == limit {
                break;
            }
        }
        Ok(all)
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Starts the tasks that drive connections. They end with their connection, at the latest when the client goes.
#[derive(Debug, Clone)]
struct Tasks(CancelToken);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Tasks {
    fn execute(&self, connection: F) {
        drop(self.0.spawn("upstream connection", connection));
    }
}

/// Shorter than the 5 s after which uvicorn and llama.cpp close: else a question meets a connection that is going.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Bounds what an idle upstream costs; more connections than this are closed after use.
const POOL_CONNECTIONS: usize = 16;
