//! A small HTTP client for the commands: JSON in and out, and event streams line by line. Loopback only, no TLS.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use steadfast::Error;
use steadfast_contract::model::Failure;

use super::patience::within;

#[derive(Debug, Clone)]
pub(super) struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

/// The lines of an event stream, as they come.
#[derive(Debug)]
pub(super) struct Lines {
    body: Incoming,
    buffer: Vec<u8>,
}

/// One line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Data(String),
    Comment(String),
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { http: HyperClient::builder(TokioExecutor::new()).build_http(), address }
    }

    /// Does a steadfast answer there, soon?
    pub(super) async fn is_steadfast(&self) -> bool {
        let health = within(Duration::from_secs(1), self.get::<Value>("/healthz")).await;
        health.is_some_and(|health| health.is_ok_and(|health| health["name"] == "steadfast"))
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        read(self.send(Method::GET, path, None).await?).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T, Error> {
        read(self.send(Method::POST, path, Some(body)).await?).await
    }

    pub(super) async fn stream(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Lines, Error> {
        Ok(Lines { body: self.send(method, path, body).await?, buffer: vec![] })
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Incoming, Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/json");
        let body = Full::from(body.map_or_else(String::new, Value::to_string));
        let request =
            request.body(body).map_err(|error| Error::internal("a request could not be made").with_source(error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| Error::connection_lost("the server").with_source(error))?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        Err(refusal(response.status(), response.into_body()).await)
    }
}

impl Lines {
    /// `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, Error> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                if let Some(line) = meaning(&String::from_utf8_lossy(&line)) {
                    return Ok(Some(line));
                }
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Error::connection_lost("the server").with_source(error)),
                Some(Ok(frame)) => self.buffer.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }
}

fn meaning(line: &str) -> Option<Line> {
    let line = line.trim_end();
    let data = line.strip_prefix("data:").map(|data| Line::Data(data.trim_start().to_owned()));
    data.or_else(|| line.strip_prefix(':').map(|comment| Line::Comment(comment.trim_start().to_owned())))
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, Error> {
    let bytes =
        body.collect().await.map_err(|error| Error::connection_lost("the server").with_source(error))?.to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::internal("the server answered with something unexpected").with_source(error))
}

async fn refusal(status: StatusCode, body: Incoming) -> Error {
    let told: Result<Value, Error> = read(body).await;
    told.ok()
        .and_then(|told| error_of(&told))
        .unwrap_or_else(|| Error::unavailable("the server").with_detail("status", status.as_u16()))
}

/// The error in either of the server's two shapes.
pub(super) fn error_of(told: &Value) -> Option<Error> {
    let (words, own) = match told.get("error") {
        Some(error) => (&error["message"], &error["steadfast"]),
        None => (&told["detail"], told),
    };
    let failure = Failure {
        code: own["code"].as_str()?.to_owned(),
        message: words.as_str()?.to_owned(),
        retryable: own["retryable"].as_bool()?,
        retry_after: own["retry_after"].as_f64(),
        suggestion: own["suggestion"].as_str()?.to_owned(),
        details: None,
    };
    Some(failure.to_error())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use steadfast::Code;

    use super::*;

    #[test]
    fn both_shapes_of_an_error_are_understood() {
        let guidance = json!({"code": "NOT_FOUND", "retryable": false, "suggestion": "Check the name."});
        let openai = json!({"error": {"message": "There is none.", "steadfast": guidance}});
        let mut problem = guidance.clone();
        problem["detail"] = "There is none.".into();
        for shape in [openai, problem] {
            let error = error_of(&shape).unwrap();
            assert_eq!((error.code(), error.message()), (Code::NOT_FOUND, "There is none."));
        }
        assert!(error_of(&json!({"hello": 1})).is_none());
    }

    #[test]
    fn lines_without_meaning_are_skipped() {
        assert_eq!(meaning("data: {}\n"), Some(Line::Data("{}".into())));
        assert_eq!(meaning(": alive\n"), Some(Line::Comment("alive".into())));
        assert_eq!(meaning("id: 3\n"), None);
        assert_eq!(meaning("\n"), None);
    }
}
