//! One request, from its headers to the headers of its response. The boundary that no panic crosses.

use std::panic::AssertUnwindSafe;

use axum::{BoxError, Router, body::HttpBody, response::Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Uri};
use steadfast::{Clock, Detail, Error};
use tower::ServiceExt;
use tracing::{debug, error};

use super::{
    HostCheck, MediaType, RequestId, code, headers,
    leftover::{asks_before_it_sends, lend},
};
use crate::error_reply::{Refusal, Shape, reply};

/// The routes with everything that stands before and behind them.
#[derive(Debug)]
pub(crate) struct Answerer {
    pub(crate) router: Router,
    pub(crate) hosts: HostCheck,
    pub(crate) detail: Detail,
    pub(crate) clock: Clock,
}

impl Answerer {
    pub(crate) async fn answer<B: Body>(&self, mut request: Request<B>) -> Response {
        let (id, begun) = (RequestId::of(request.headers()), self.clock.now());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        request.extensions_mut().insert(id.clone());

        let (admitted, awaits_a_word) = (self.admit(&request), asks_before_it_sends(&request));
        let (request, leftover) = lend(request);
        let mut response = match admitted {
            Ok(()) => self.route(request, &id).await,
            Err(error) => {
                drop(request);
                Refusal::from(error).into_empty_response()
            }
        };
        if !awaits_a_word {
            leftover.discard(&self.clock).await;
        }
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            response = reply(&refusal, Shape::of(uri.path()), &id, self.detail);
        }
        headers::secure(response.headers_mut());
        id.put_on(response.headers_mut(), Shape::of(uri.path()));
        debug!(%method, path = uri.path(), status = response.status().as_u16(), took = ?(self.clock.now() - begun), request_id = id.as_str(), "answered");
        response
    }

    fn admit<B>(&self, request: &Request<B>) -> Result<(), Error> {
        self.hosts.admit(request)?;
        is_short(request.uri())?;
        match MediaType::of(request.headers()) {
            MediaType::Other => Err(Error::new(code::UNSUPPORTED_MEDIA_TYPE)),
            MediaType::PlainJson | MediaType::Unsaid => Ok(()),
        }
    }

    async fn route<B: Body>(&self, request: Request<B>, id: &RequestId) -> Response {
        let routed = AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind().await;
        match routed {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            // The panic hook has written where it happened; here only the request is added.
            Err(_panic) => {
                error!(request_id = id.as_str(), "a request panicked");
                Refusal::from(Error::internal("a request panicked")).into_empty_response()
            }
        }
    }
}

/// What a request may carry: hyper's body on the wire, a plain one in tests.
pub(crate) trait Body: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static {}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static> Body for B {}

fn is_short(uri: &Uri) -> Result<(), Error> {
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > URI_BYTES { Err(Error::validation("The address is longer than 8 KiB.")) } else { Ok(()) }
}

const URI_BYTES: usize = 8 * 1024;
