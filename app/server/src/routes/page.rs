//! The page: its files, and the page itself for every address that its own router knows.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use steadfast::Error;
use steadfast_ui::Asset;

use crate::{edge::code, error_reply::Reply};

pub(super) async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Reply {
    let asset = find(uri.path()).ok_or_else(|| Error::not_found("page", uri.path()))?;
    if method != Method::GET && method != Method::HEAD {
        return Err(Error::new(code::METHOD_NOT_ALLOWED).into());
    }
    Ok(send(asset, &headers))
}

fn find(path: &str) -> Option<Asset> {
    if is_a_view(path) { Some(steadfast_ui::index()) } else { steadfast_ui::asset(path) }
}

/// `/`, `/c/{id}`, `/models`: addresses without an ending that are neither ours nor the protocol's, however they are
/// spelled.
fn is_a_view(path: &str) -> bool {
    let first = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    let ours = ["api", "v1", "assets"].iter().any(|room| first.eq_ignore_ascii_case(room));
    !ours && !path.contains(['.', '%', ';']) && !path.contains("//")
}

fn send(asset: Asset, headers: &HeaderMap) -> Response {
    let said = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let (etag, kind) = (asset.etag.clone(), asset.content_type);
    let keep = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if said(header::IF_NONE_MATCH).contains(&etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let encoded = asset.encoded(said(header::ACCEPT_ENCODING));
        let mut response = Response::new(Body::from(encoded.bytes));
        if let Some(encoding) = encoded.encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
