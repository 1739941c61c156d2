//! The one HTTP client for downloads: the platform's certificates, the system's proxies, short patience for
//! connecting, and no secret that could follow a redirect to another host.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url, header, redirect};
use steadfast::{Error, RetryAdvice};
use tokio::sync::OnceCell;

use super::Job;

#[derive(Debug, Clone, Default)]
pub(super) struct Http(Arc<OnceCell<Clients>>);

#[derive(Debug)]
struct Clients {
    following: Client,
    staying: Client,
}

/// Who is asked, and with what name and password, if any.
#[derive(Debug, Clone)]
pub(super) struct Address {
    /// What people call it: "the hub".
    pub(super) target: &'static str,
    pub(super) url: Url,
    pub(super) credentials: Option<Credentials>,
}

#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<credentials>")
    }
}

/// Which bytes are wanted; `None` means all.
pub(super) struct Wish {
    pub(super) range: Option<String>,
    /// Only if the file is still this one; otherwise the server sends all of the new one.
    pub(super) if_range: Option<String>,
}

impl Job {
    /// Asks for bytes, following redirects.
    pub(super) async fn get(&self, address: &Address, wish: Wish) -> Result<Response, Error> {
        let client = &self.clients().await?.following;
        let mut request = client.request(Method::GET, address.url.clone());
        if let Some(range) = wish.range {
            request = request.header(header::RANGE, range);
        }
        if let Some(tag) = wish.if_range {
            request = request.header(header::IF_RANGE, tag);
        }
        self.send(address, request).await
    }

    /// Asks about one address without following where it points.
    pub(super) async fn head(&self, address: &Address) -> Result<Response, Error> {
        let client = &self.clients().await?.staying;
        self.send(address, client.request(Method::HEAD, address.url.clone())).await
    }

    async fn send(&self, address: &Address, request: RequestBuilder) -> Result<Response, Error> {
        // Compressed on the way, the bytes could not be resumed.
        let mut request = request.header(header::ACCEPT_ENCODING, "identity");
        if let Some(credentials) = &address.credentials {
            request = request.basic_auth(&credentials.user, credentials.password.as_ref());
        }
        let patience = self.settings.stall_after;
        tokio::select! {
            answer = request.send() => answer.map_err(|error| unreachable(address.target, error)),
            () = self.call.clock().sleep(patience) => Err(silent(address.target, patience)),
        }
    }

    async fn clients(&self) -> Result<&Clients, Error> {
        self.http.0.get_or_try_init(|| std::future::ready(Clients::new(self.settings.connect_within))).await
    }
}

impl Clients {
    fn new(connect_within: Duration) -> Result<Self, Error> {
        let build = |policy| {
            let builder = Client::builder().user_agent(USER_AGENT).connect_timeout(connect_within).redirect(policy);
            builder
                .build()
                .map_err(|error| Error::internal(format!("the HTTP client cannot be made: {error}")).with_source(error))
        };
        Ok(Self { following: build(redirect::Policy::custom(follow))?, staying: build(redirect::Policy::none())? })
    }
}

/// At most ten hops, and never from a protected address to an open one. (The client itself drops credentials when
/// the host changes.)
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let was_protected = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > 10 {
        attempt.error("too many redirects")
    } else if was_protected && attempt.url().scheme() != "https" {
        attempt.error("a redirect to an unprotected address")
    } else {
        attempt.follow()
    }
}

/// What a status means; `Ok` for the answers that carry bytes.
pub(super) fn accepted(target: &str, response: &Response) -> Result<(), Error> {
    let status = response.status();
    let error = match status {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(()),
        StatusCode::UNAUTHORIZED => Error::unauthorized(target),
        StatusCode::FORBIDDEN => Error::forbidden(target),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Error::new(steadfast::Code::NOT_FOUND).with_message(sentence(target, "does not have the file"))
        }
        StatusCode::TOO_MANY_REQUESTS => return Err(Error::rate_limited(&capital(target), retry_after(response))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => {
            return Err(Error::overloaded(&capital(target), retry_after(response)));
        }
        _ if status.is_server_error() => {
            return Err(Error::unavailable(target)
                .with_message(sentence(target, &format!("has a problem of its own ({status})")))
                .with_advice(RetryAdvice::RetryNow));
        }
        _ => Error::unavailable(target).with_message(sentence(target, &format!("answered {status}"))),
    };
    Err(error.with_advice(RetryAdvice::TryElsewhere))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// No connection at all: another source is the better idea.
fn unreachable(target: &str, error: reqwest::Error) -> Error {
    // The address may hold a password.
    let error = error.without_url();
    let what = if error.is_redirect() { "sends us astray" } else { "cannot be reached" };
    Error::unavailable(target)
        .with_message(sentence(target, what))
        .with_advice(RetryAdvice::TryElsewhere)
        .with_source(error)
}

fn silent(target: &str, patience: Duration) -> Error {
    let what = format!("did not answer for {} s", patience.as_secs());
    Error::timeout(target, patience).with_message(sentence(target, &what)).with_advice(RetryAdvice::TryElsewhere)
}

/// "The hub cannot be reached."
pub(super) fn sentence(target: &str, what: &str) -> String {
    format!("{} {what}.", capital(target))
}

fn capital(target: &str) -> String {
    let mut letters = target.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const USER_AGENT: &str = concat!("steadfast/", env!("CARGO_PKG_VERSION"));
