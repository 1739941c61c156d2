//! Callers who speak HTTP to do harm: two lengths, dripping bodies, bombs, foreign hosts, bent paths, HTTP/2 floods.
//! Each writes its own bytes, because a library would refuse to.

use std::time::Duration;

use steadfast_house_tests::{House, Upstream, conversation, new_id, question, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Everything the house says to these bytes until it closes; the client does not close first.
async fn said(house: &House, bytes: &[u8]) -> String {
    let mut connection = house.connect().await;
    // A house that has closed already has said what it had to say.
    connection.write_all(bytes).await.ok();
    let mut reply = vec![];
    within("the end of the connection", Duration::from_secs(30), connection.read_to_end(&mut reply)).await.ok();
    String::from_utf8_lossy(&reply).into_owned()
}

fn status(reply: &str) -> u16 {
    reply.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// The header line of the host that is meant.
fn ours(house: &House) -> String {
    format!("host: localhost:{}\r\n", house.address.port())
}

/// A request whose connection is closed afterwards, with these header lines.
fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").into_bytes()
}

fn post(house: &House, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\n{}content-type: application/json\r\n{headers}\r\n{body}",
        ours(house)
    )
    .into_bytes()
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_or_not_it_says_so() {
    let house = House::empty().await;
    let before = house.program().memory_mib();
    let over = (8 << 20) + 1;
    let mut said_so = post(&house, &format!("content-length: {over}\r\n"), "");
    said_so.extend(std::iter::repeat_n(b' ', over));
    let reply = said(&house, &said_so).await;
    assert_eq!(status(&reply), 413, "{reply}");
    let mut chunked = post(&house, "transfer-encoding: chunked\r\n", "");
    for _ in 0..over / (1 << 20) + 1 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend(std::iter::repeat_n(b' ', 1 << 20));
        chunked.extend_from_slice(b"\r\n");
    }
    let reply = said(&house, &chunked).await;
    assert_eq!(status(&reply), 413, "{reply}");
    let after = house.program().memory_mib();
    assert!(after < before + 64, "memory went from {before} to {after} MiB");
}

#[tokio::test]
async fn two_lengths_and_bent_headers_are_refused_and_the_line_is_closed() {
    let house = House::empty().await;
    let smuggled = format!("GET /livez HTTP/1.1\r\n{}\r\n", ours(&house));
    let bodies = [
        post(&house, "content-length: 5\r\ntransfer-encoding: chunked\r\n", &format!("0\r\n\r\n{smuggled}")),
        post(&house, "content-length: 5\r\ncontent-length: 6\r\n", "hello "),
        post(&house, "content-length: 5, 6\r\n", "hello "),
        post(&house, "content-length: +5\r\n", "hello"),
        post(&house, "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", "0\r\n\r\n"),
        post(&house, "transfer-encoding: xchunked\r\n", "0\r\n\r\n"),
        post(&house, "x-folded: a\r\n b\r\ncontent-length: 2\r\n", "{}"),
        post(&house, "x-bare: a\rb\r\ncontent-length: 2\r\n", "{}"),
        post(&house, "x-nul: a\0b\r\ncontent-length: 2\r\n", "{}"),
        post(&house, "x space: a\r\ncontent-length: 2\r\n", "{}"),
        post(&house, "content-length : 2\r\n", "{}"),
    ];
    for bytes in bodies {
        let reply = said(&house, &bytes).await;
        let shown = String::from_utf8_lossy(&bytes);
        assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "one request, one reply:\n{shown}\n{reply}");
        assert_eq!(status(&reply), 400, "{shown}\n{reply}");
    }
}

#[tokio::test]
async fn a_body_that_drips_in_is_given_ten_seconds() {
    let house = House::empty().await;
    let (mut reading, mut writing) = house.connect().await.into_split();
    writing.write_all(&post(&house, "content-length: 1000\r\n", "{")).await.unwrap();
    let drip = async {
        while writing.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let end = async {
        reading.read_to_end(&mut vec![]).await.ok();
    };
    within("the end of a dripping body", Duration::from_secs(25), async {
        tokio::select! { () = drip => {}, () = end => {} }
    })
    .await;
}

#[tokio::test]
async fn a_packed_body_is_not_unpacked() {
    let house = House::empty().await;
    for encoding in ["gzip", "br", "deflate, gzip"] {
        let reply = said(
            &house,
            &post(
                &house,
                &format!("content-encoding: {encoding}\r\nconnection: close\r\ncontent-length: 4\r\n"),
                "\x1f\u{8b}x",
            ),
        )
        .await;
        assert_eq!(status(&reply), 415, "{encoding}: {reply}");
    }
}

#[tokio::test]
async fn foreign_hosts_and_foreign_pages_get_nothing_by_any_method() {
    let house = House::empty().await;
    for host in ["evil.com", "localhost.evil.com", "localhost@evil.com", "evil.com:80", ""] {
        let reply = said(&house, &get("/api/models", &format!("host: {host}\r\n"))).await;
        assert!(matches!(status(&reply), 400 | 421), "{host}: {reply}");
    }
    let twice = said(&house, &get("/api/models", &format!("{}host: evil.com\r\n", ours(&house)))).await;
    assert!(matches!(status(&twice), 400 | 421), "{twice}");
    let none = said(&house, &get("/api/models", "")).await;
    assert!(matches!(status(&none), 400 | 421), "{none}");
    let absolute = said(&house, &get("http://evil.com/api/models", &ours(&house))).await;
    assert!(matches!(status(&absolute), 400 | 421), "{absolute}");
    for method in ["GET", "POST", "DELETE", "OPTIONS", "PUT"] {
        for header in ["origin: null", "origin: http://localhost:9999", "sec-fetch-site: cross-site"] {
            let request = format!(
                "{method} /api/models HTTP/1.1\r\n{}{header}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                ours(&house)
            );
            let reply = said(&house, request.as_bytes()).await;
            assert!(matches!(status(&reply), 403 | 405), "{method} with {header}: {reply}");
            assert!(!reply.to_lowercase().contains("access-control-allow-origin"), "{reply}");
        }
    }
}

#[tokio::test]
async fn no_authorization_header_brings_the_house_down_or_tells_anything() {
    let house = House::empty().await;
    let usual = said(&house, &get("/v1/models", &ours(&house))).await;
    for header in ["", "Bearer", "Bearer ", "Basic Og==", "Bearer ' OR 1=1 --", "Bearer a, Bearer b"] {
        let reply = said(&house, &get("/v1/models", &format!("{}authorization: {header}\r\n", ours(&house)))).await;
        assert_eq!(status(&reply), status(&usual), "`{header}`: {reply}");
    }
    let nul = said(&house, &get("/v1/models", &format!("{}authorization: Bearer a\0b\r\n", ours(&house)))).await;
    assert_eq!(status(&nul), 400, "{nul}");
    let large =
        said(&house, &get("/v1/models", &format!("{}authorization: {}\r\n", ours(&house), "x".repeat(1 << 20)))).await;
    assert!(large.is_empty() || matches!(status(&large), 400 | 431), "{large}");
}

#[tokio::test]
async fn bent_paths_lead_nowhere() {
    let house = House::empty().await;
    let bent = ["//v1/models", "/v1/%2e%2e/api/models", "/V1/models", "/v1/models%00", "/v1/models;x=1", "/v1//models"];
    for path in bent {
        let reply = said(&house, &get(path, &ours(&house))).await;
        // What is no address of ours may be answered with the page, never with what an address of ours would say.
        let is_page = status(&reply) == 200 && reply.contains("content-type: text/html");
        assert!(is_page || matches!(status(&reply), 400 | 404), "{path}: {reply}");
        assert!(!reply.contains("\"object\":\"list\""), "{path}: {reply}");
    }
}

#[tokio::test]
async fn http_2_floods_end_soon_and_nobody_else_notices() {
    let house = House::empty().await;
    let frame = |kind: u8, flags: u8, stream: u32, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
    };
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[])].concat();
    // :method GET, :scheme http, :path /livez (a literal), as HPACK writes them.
    let head = [&[0x82, 0x86, 0x04, 6][..], b"/livez"].concat();
    let resets = (0..10_000_u32).flat_map(|number| {
        let stream = number * 2 + 1;
        [frame(1, 5, stream, &head), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    let pings = (0..10_000).flat_map(|_| frame(6, 0, 0, &[0; 8]));
    let continuations =
        [frame(1, 1, 1, &head)].concat().into_iter().chain((0..10_000).flat_map(|_| frame(9, 0, 1, &[0; 16])));
    let empties = frame(1, 4, 1, &head).into_iter().chain((0..10_000).flat_map(|_| frame(0, 0, 1, &[])));
    let floods: [Vec<u8>; 4] = [resets.collect(), pings.collect(), continuations.collect(), empties.collect()];
    let before = house.program().cpu_seconds();
    for flood in floods {
        said(&house, &[preface.clone(), flood].concat()).await;
        let health = within("a health report", Duration::from_secs(1), house.json("/healthz")).await;
        assert_eq!(health["name"], "steadfast");
    }
    let spent = house.program().cpu_seconds() - before;
    assert!(spent < 4.0, "four floods cost {spent} s of processor time");
}

#[tokio::test]
async fn a_bent_place_in_a_stream_is_refused_or_ignored_and_shows_nobody_elses() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    let house = House::asking(&upstream, "").await;
    let run = conversation(&new_id(), "cloud-b/big-model", "SCN-ok#mine").run(&house).await;
    house.run_is(&run, &["done"]).await;
    let path = format!("/api/runs/{run}/events");
    for place in ["-1", "99999999999999999999", "1-1", "abc", &"9".repeat(1 << 14)] {
        let reply = said(&house, &get(&path, &format!("{}last-event-id: {place}\r\n", ours(&house)))).await;
        let shown = &place[..place.len().min(24)];
        assert!(matches!(status(&reply), 200 | 204 | 400 | 404 | 431), "{shown}: {reply}");
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(!body.contains("x: y"), "{shown}");
    }
    let other = said(&house, &get(&format!("/api/runs/{}/events", new_id()), &ours(&house))).await;
    assert_eq!(status(&other), 404, "{other}");
}

#[tokio::test]
async fn after_all_that_a_question_is_still_answered() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::start(dir.path()).await;
    let house = House::asking(&upstream, "").await;
    for _ in 0..50 {
        let mut connection = house.connect().await;
        connection.write_all(b"\x16\x03\x01\x02\x00 this is TLS to a plain port").await.unwrap();
    }
    assert_eq!(house.post("/v1/chat/completions", question("cloud-b/big-model", "SCN-ok")).await.status(), 200);
}
