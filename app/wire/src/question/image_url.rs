//! Where an image may come from. Nobody here fetches one; a provider that stands inside the house might, and would
//! then read for a stranger what only the house may read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `Err` says why not.
pub(crate) fn check(url: &str) -> Result<(), String> {
    if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ' || byte == b'\\') {
        return Err("an address has no spaces, backslashes or control characters".into());
    }
    match url.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => https(rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("data") => data(rest),
        _ => Err("an image comes from an `https:` address or as `data:`".into()),
    }
}

fn data(rest: &str) -> Result<(), String> {
    let (kind, content) = rest.split_once(',').ok_or("a `data:` address has a comma before its content")?;
    let kind = kind.to_ascii_lowercase();
    let media_type = kind.strip_suffix(";base64").ok_or("the content of a `data:` image is base64")?;
    // SVG is a program.
    if !MEDIA_TYPES.contains(&media_type) {
        return Err(format!("an image is one of {}", MEDIA_TYPES.join(", ")));
    }
    if content.len() > DATA_BYTES {
        return Err(format!("a `data:` image has at most {DATA_BYTES} bytes"));
    }
    Ok(())
}

fn https(rest: &str) -> Result<(), String> {
    let rest = rest.strip_prefix("//").ok_or("two slashes come after `https:`")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("an address of an image names no user".into());
    }
    let host = host(authority).ok_or("the host is not valid")?;
    if is_inside(&host) { Err("the address leads into this machine or its nearest network".into()) } else { Ok(()) }
}

#[derive(Debug)]
enum Host {
    Name(String),
    Address(IpAddr),
    /// Looks like a number and is no plain address: 0x7f.1, 2130706433, 0177.0.0.1.
    OddNumber,
}

fn host(authority: &str) -> Option<Host> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return (port.is_empty() || port.starts_with(':')).then(|| Host::Address(address.to_canonical()));
    }
    let name = authority.split(':').next()?.trim_end_matches('.').to_ascii_lowercase();
    let last = name.rsplit('.').next().filter(|label| !label.is_empty())?;
    // The rule of the URL standard: a last label that is a number makes the whole host one.
    if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(name.parse::<Ipv4Addr>().map_or(Host::OddNumber, |address| Host::Address(address.into())));
    }
    // Full-width dots and letters, and escaped ones, become plain ones on the way to a resolver.
    (name.is_ascii() && !name.contains('%')).then_some(Host::Name(name))
}

fn is_inside(host: &Host) -> bool {
    match host {
        Host::OddNumber => true,
        Host::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Address(IpAddr::V4(v4)) => {
            v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.octets()[0] == 0
        }
        Host::Address(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast()
        }
    }
}

const MEDIA_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// What fits into a request of 8 MiB beside some words.
const DATA_BYTES: usize = 7 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_the_open_network_and_inline_ones_are_taken() {
        for url in [
            "https://example.com/cat.png",
            "HTTPS://example.com:8443/a?b=c#d",
            "https://93.184.216.34/cat.png",
            "https://[2606:2800:220:1::1]/x",
            "data:image/png;base64,iVBORw0KGgo=",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn addresses_that_lead_inside_are_refused() {
        for url in [
            "file:///etc/passwd",
            "http://169.254.169.254/",
            "https://169.254.169.254/latest/meta-data",
            "http://[::ffff:127.0.0.1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::1]:8080/",
            "https://[fe80::1]/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0/",
            "https://evil@127.0.0.1/",
            "https://example.com@127.0.0.1/",
            "https://127.0.0.1.",
            "https://localhost/",
            "https://LOCALHOST./x",
            "https://a.localhost/",
            "https://１２７.0.0.1/",
            "https://%31%32%37.0.0.1/",
            "https:/\\127.0.0.1/",
            "https:127.0.0.1",
            "https://",
            "//example.com/x",
            "ftp://example.com/x",
            "data:image/svg+xml;base64,PHN2Zz4=",
            "data:image/png,raw",
            "data:text/html;base64,PGI+",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_giant_inline_image_is_refused() {
        let url = format!("data:image/png;base64,{}", "A".repeat(DATA_BYTES + 1));
        assert!(check(&url).is_err());
    }
}
