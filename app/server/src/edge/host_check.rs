//! Is this request meant for us, and does no other website send it? Asked before any routing, for every method.
//!
//! Listening on 127.0.0.1 alone does not keep websites out: a name that an attacker points at 127.0.0.1 makes a
//! browser call us as if we were that site (DNS rebinding). The `Host` that the browser then sends gives it away.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method, Request, header, uri::Authority};
use steadfast::Error;

use super::code;

/// The names by which we may be called.
#[derive(Debug, Clone)]
pub(crate) struct HostCheck {
    bound: SocketAddr,
    named: Vec<String>,
}

impl HostCheck {
    /// `named` are the operator's own names, each with a port or for any port.
    pub(crate) fn new(bound: SocketAddr, named: &[String]) -> Self {
        Self { bound, named: named.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    pub(super) fn admit<B>(&self, request: &Request<B>) -> Result<(), Error> {
        let host = host_of(request)?;
        if !self.is_ours(&host) {
            return Err(code::misdirected(host.as_str()));
        }
        let headers = request.headers();
        if self.comes_from_us(headers) || is_navigation(request.method(), headers) {
            return Ok(());
        }
        Err(Error::new(code::CROSS_SITE))
    }

    fn is_ours(&self, authority: &Authority) -> bool {
        let name = authority.host().to_ascii_lowercase();
        let with_port = authority.as_str().to_ascii_lowercase();
        if self.named.iter().any(|named| *named == name || *named == with_port) {
            return true;
        }
        authority.port_u16().unwrap_or(80) == self.bound.port() && self.is_this_machine(&name)
    }

    fn is_this_machine(&self, name: &str) -> bool {
        if name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| address.is_loopback() || address == self.bound.ip() && !address.is_unspecified())
    }

    /// No sign of another website: programs send neither header, our own page sends both right.
    fn comes_from_us(&self, headers: &HeaderMap) -> bool {
        let origin_is_ours = headers.get(header::ORIGIN).is_none_or(|origin| {
            let authority = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.split_once("://"))
                .and_then(|(_, rest)| rest.parse::<Authority>().ok());
            authority.is_some_and(|authority| self.is_ours(&authority))
        });
        let site_is_ours = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
        origin_is_ours && site_is_ours
    }
}

/// A link to us on another site, which a person clicked: it opens our page as a whole page and reads nothing.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|said| said == value);
    method == Method::GET
        && headers.get(header::ORIGIN).is_none()
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
}

/// The one `Host` of the request, which an absolute request line must repeat.
fn host_of<B>(request: &Request<B>) -> Result<Authority, Error> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Error::validation("The request needs exactly one `Host` header."));
    };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let host = host
        .filter(|host| !host.as_str().contains('@'))
        .ok_or_else(|| Error::validation("The `Host` header is malformed."))?;
    match request.uri().authority() {
        Some(absolute) if *absolute != host => {
            Err(Error::validation("The request line and the `Host` header name two hosts."))
        }
        _ => Ok(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(uri: &str, headers: &[(&str, &str)]) -> &'static str {
        let check = HostCheck::new(SocketAddr::from(([127, 0, 0, 1], 8080)), &["chat.example".into()]);
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check.admit(&request.body(()).unwrap()).map_or_else(|error| error.code().name(), |()| "OK")
    }

    #[test]
    fn we_answer_to_our_own_names_only() {
        for ours in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "LOCALHOST:8080",
            "app.localhost:8080",
            "chat.example",
            "chat.example:443",
        ] {
            assert_eq!(verdict("/", &[("host", ours)]), "OK", "{ours}");
        }
        for foreign in
            ["evil.example:8080", "localhost", "localhost:9090", "192.0.2.1:8080", "localhost.evil.example:8080"]
        {
            assert_eq!(verdict("/", &[("host", foreign)]), "MISDIRECTED", "{foreign}");
        }
    }

    #[test]
    fn a_host_must_be_there_once_and_agree_with_the_request_line() {
        assert_eq!(verdict("/", &[]), "VALIDATION");
        assert_eq!(verdict("/", &[("host", "localhost:8080"), ("host", "localhost:8080")]), "VALIDATION");
        assert_eq!(verdict("/", &[("host", "user@localhost:8080")]), "VALIDATION");
        assert_eq!(verdict("http://evil.example/", &[("host", "localhost:8080")]), "VALIDATION");
    }

    #[test]
    fn another_website_gets_nothing_through_the_browser() {
        let with = |name, value| verdict("/api/models", &[("host", "localhost:8080"), (name, value)]);
        assert_eq!(with("origin", "http://localhost:8080"), "OK");
        assert_eq!(with("origin", "null"), "CROSS_SITE");
        assert_eq!(with("origin", "http://evil.example"), "CROSS_SITE");
        assert_eq!(with("origin", "http://localhost:3000"), "CROSS_SITE");
        assert_eq!(with("sec-fetch-site", "same-origin"), "OK");
        assert_eq!(with("sec-fetch-site", "none"), "OK");
        assert_eq!(with("sec-fetch-site", "same-site"), "CROSS_SITE");
        assert_eq!(with("sec-fetch-site", "cross-site"), "CROSS_SITE");
    }

    #[test]
    fn a_link_on_another_site_still_opens_the_page() {
        let link = [
            ("host", "localhost:8080"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(verdict("/", &link), "OK");
        let mut form = link.to_vec();
        form.push(("origin", "http://evil.example"));
        assert_eq!(verdict("/", &form), "CROSS_SITE");
    }
}
