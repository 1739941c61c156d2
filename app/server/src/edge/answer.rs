//! One request, from its headers to the headers of its response. The boundary that no panic crosses.

use std::panic::AssertUnwindSafe;

use axum::{Router, response::Response};
use futures_util::FutureExt;
use http::{Request, Uri, header};
use hyper::body::Incoming;
use steadfast::{Clock, Detail, Error};
use tower::ServiceExt;
use tracing::{debug, error};

use super::{HostCheck, RequestId, code, headers};
use crate::error_reply::{Refusal, Shape, reply};

#[derive(Debug)]
pub(super) struct Answerer {
    pub(super) router: Router,
    pub(super) hosts: HostCheck,
    pub(super) detail: Detail,
    pub(super) clock: Clock,
}

impl Answerer {
    pub(super) async fn answer(&self, mut request: Request<Incoming>) -> Response {
        let (id, begun) = (RequestId::of(request.headers()), self.clock.now());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        request.extensions_mut().insert(id.clone());

        let mut response = match self.admit(&request) {
            Ok(()) => self.route(request, &id).await,
            Err(error) => Refusal::from(error).into_empty_response(),
        };
        if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
            response = reply(&refusal, Shape::of(uri.path()), &id, self.detail);
        }
        headers::secure(response.headers_mut());
        id.put_on(response.headers_mut());
        debug!(%method, path = uri.path(), status = response.status().as_u16(), took = ?(self.clock.now() - begun), request_id = id.as_str(), "answered");
        response
    }

    fn admit(&self, request: &Request<Incoming>) -> Result<(), Error> {
        self.hosts.admit(request)?;
        is_short(request.uri())?;
        match request.headers().contains_key(header::CONTENT_ENCODING) {
            true => Err(Error::new(code::UNSUPPORTED_MEDIA_TYPE)),
            false => Ok(()),
        }
    }

    async fn route(&self, request: Request<Incoming>, id: &RequestId) -> Response {
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

fn is_short(uri: &Uri) -> Result<(), Error> {
    let length = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if length > URI_BYTES { Err(Error::validation("The address is longer than 8 KiB.")) } else { Ok(()) }
}

const URI_BYTES: usize = 8 * 1024;
