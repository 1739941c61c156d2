//! A web server for tests: files with ranges and tags, and one fault per answer when told so.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, Method, Response, StatusCode, header},
    routing::get,
};
use futures_util::{StreamExt, stream};
use steadfast::{CancelReason, CancelToken};

/// What goes wrong with one answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// The connection breaks after so many bytes.
    CutAfter(usize),
    /// Nothing more comes after so many bytes, and the connection stays open.
    SilentAfter(usize),
    /// The answer ends politely after so many bytes.
    EndEarly(usize),
    Status(u16),
    /// The answer begins so many bytes after the one that was asked for.
    OtherRange(usize),
}

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
    pub(crate) authorized: bool,
}

#[derive(Default)]
struct Inside {
    files: HashMap<String, (Vec<u8>, Option<String>)>,
    redirects: HashMap<String, (String, Vec<(String, String)>)>,
    faults: VecDeque<Fault>,
    no_ranges: bool,
    no_if_range: bool,
    seen: Vec<Seen>,
}

type Shared = Arc<Mutex<Inside>>;

pub(crate) struct Site {
    address: std::net::SocketAddr,
    inside: Shared,
    token: CancelToken,
}

impl Site {
    /// Serves `content` as `/model` with the tag "one".
    pub(crate) async fn with(content: &[u8]) -> Self {
        let site = Self::empty().await;
        site.file("model", content, Some("\"one\""));
        site
    }

    pub(crate) async fn empty() -> Self {
        let inside = Shared::default();
        let router = Router::new().route("/{*path}", get(answer)).with_state(Arc::clone(&inside));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let token = CancelToken::root("site");
        let stop = token.clone();
        drop(token.spawn("serve", async move {
            let _stopped = stop.run(axum::serve(listener, router).into_future()).await;
        }));
        Self { address, inside, token }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(crate) fn file(&self, path: &str, content: &[u8], tag: Option<&str>) {
        self.inside.lock().unwrap().files.insert(path.to_owned(), (content.to_vec(), tag.map(str::to_owned)));
    }

    pub(crate) fn redirect(&self, path: &str, to: &str) {
        self.redirect_with(path, to, &[]);
    }

    pub(crate) fn redirect_with(&self, path: &str, to: &str, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.inside.lock().unwrap().redirects.insert(path.to_owned(), (to.to_owned(), headers));
    }

    /// The next answer with a body that is not an index page has this fault.
    pub(crate) fn next(&self, fault: Fault) {
        self.inside.lock().unwrap().faults.push_back(fault);
    }

    pub(crate) fn refuse_ranges(&self) {
        self.inside.lock().unwrap().no_ranges = true;
    }

    /// Ranges are served whatever the file was before.
    pub(crate) fn ignore_if_range(&self) {
        self.inside.lock().unwrap().no_if_range = true;
    }

    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.inside.lock().unwrap().seen.clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.token.cancel(CancelReason::Shutdown);
    }
}

async fn answer(
    State(inside): State<Shared>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response<Body> {
    let mut inside = inside.lock().unwrap();
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (range, if_range) = (text(header::RANGE), text(header::IF_RANGE));
    let authorized = headers.contains_key(header::AUTHORIZATION);
    inside.seen.push(Seen {
        method: method.clone(),
        path: path.clone(),
        range: range.clone(),
        if_range: if_range.clone(),
        authorized,
    });
    if let Some((to, extra)) = inside.redirects.get(&path) {
        let mut response = Response::builder().status(StatusCode::FOUND).header(header::LOCATION, to);
        for (name, value) in extra {
            response = response.header(name, value);
        }
        return response.body(Body::empty()).unwrap();
    }
    let fault = if method == Method::GET && !path.ends_with('/') { inside.faults.pop_front() } else { None };
    if let Some(Fault::Status(status)) = fault {
        return Response::builder().status(status).body(Body::empty()).unwrap();
    }
    let Some((content, tag)) = inside.files.get(&path).cloned() else {
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap();
    };
    let changed = !inside.no_if_range && if_range.is_some_and(|wanted| Some(wanted) != tag);
    let range = range.filter(|_| !inside.no_ranges && !changed).map(|range| bounds(&range, content.len()));
    let range =
        range.map(|(from, to)| if let Some(Fault::OtherRange(by)) = fault { (from + by, to) } else { (from, to) });
    // pip reads an index page only when it is said to be one.
    let kind = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
    let mut response = Response::builder().header(header::CONTENT_TYPE, kind);
    if let Some(tag) = tag {
        response = response.header(header::ETAG, tag);
    }
    let (from, to) = range.unwrap_or((0, content.len()));
    if range.is_some() {
        if from >= content.len() {
            return response.status(StatusCode::RANGE_NOT_SATISFIABLE).body(Body::empty()).unwrap();
        }
        let said = format!("bytes {from}-{}/{}", to - 1, content.len());
        response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, said);
    }
    if !matches!(fault, Some(Fault::EndEarly(_))) {
        response = response.header(header::CONTENT_LENGTH, to - from);
    }
    response.body(body(content[from..to].to_vec(), fault)).unwrap()
}

fn bounds(range: &str, length: usize) -> (usize, usize) {
    let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    match (from, to) {
        ("", last) => (length.saturating_sub(last.parse().unwrap()), length),
        (from, to) => (from.parse().unwrap(), to.parse::<usize>().unwrap().saturating_add(1).min(length)),
    }
}

fn body(bytes: Vec<u8>, fault: Option<Fault>) -> Body {
    let first = |length: usize| stream::iter([Ok(Bytes::copy_from_slice(&bytes[..length.min(bytes.len())]))]);
    match fault {
        Some(Fault::CutAfter(length)) => {
            Body::from_stream(first(length).chain(stream::iter([Err(std::io::Error::other("cut"))])))
        }
        Some(Fault::SilentAfter(length)) => {
            Body::from_stream(first(length).chain(stream::pending::<Result<Bytes, std::io::Error>>()))
        }
        Some(Fault::EndEarly(length)) => {
            Body::from_stream(first(length).map(|bytes: Result<Bytes, std::io::Error>| bytes))
        }
        Some(Fault::Status(_) | Fault::OtherRange(_)) | None => Body::from(bytes),
    }
}
