//! Callers who mean no good, or speak badly.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast_house_tests::{House, question, within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn is_closed(mut connection: TcpStream) -> String {
    let mut said = vec![];
    // A reset is an end as well.
    connection.read_to_end(&mut said).await.ok();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_five_seconds() {
    let house = House::empty().await;
    let connection = house.connect().await;
    within("the end of a silent connection", Duration::from_secs(8), is_closed(connection)).await;
}

#[tokio::test]
async fn headers_that_drip_in_are_given_ten_seconds() {
    let house = House::empty().await;
    let (reading, mut writing) = house.connect().await.into_split();
    let drip = async {
        writing.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n").await.ok();
        while writing.write_all(b"x-drip: 1\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    };
    let end = async {
        let mut reading = reading;
        reading.read_to_end(&mut vec![]).await.ok();
    };
    within("the end of a dripping connection", Duration::from_secs(14), async {
        tokio::select! { () = drip => {}, () = end => {} }
    })
    .await;
}

#[tokio::test]
async fn the_house_is_well_while_two_hundred_connections_sulk() {
    let house = House::empty().await;
    let mut sulking = vec![];
    for _ in 0..200 {
        sulking.push(house.connect().await);
    }
    let health = within("a health report", Duration::from_secs(1), house.json("/healthz")).await;
    assert_eq!(health["name"], "steadfast");
}

#[tokio::test]
async fn a_foreign_host_and_a_foreign_website_get_nothing() {
    let house = House::empty().await;
    let as_host = house.http.get(house.url("/api/models")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(as_host.status(), 421);
    let as_site = house
        .http
        .post(house.url("/v1/chat/completions"))
        .header("origin", "http://evil.example")
        .json(&question("quick", "hi"));
    assert_eq!(as_site.send().await.unwrap().status(), 403);
    let as_form = house
        .http
        .post(house.url("/api/models/quick/load"))
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .unwrap();
    assert_eq!(as_form.status(), 403);
}

#[tokio::test]
async fn bad_bodies_are_told_what_is_wrong_in_the_shape_of_their_face() {
    let house = House::empty().await;
    let chat = house.url("/v1/chat/completions");

    let form = house.http.post(&chat).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(form.status(), 415);
    let wrong = house.post("/v1/chat/completions", json!({"model": "quick", "messages": "hi"})).await;
    assert_eq!(wrong.status(), 400);
    let wrong: Value = wrong.json().await.unwrap();
    assert_eq!(wrong["error"]["param"], "messages");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep = house.http.post(&chat).header("content-type", "application/json").body(deep).send().await.unwrap();
    assert_eq!(deep.status(), 400);
    let large = house
        .http
        .post(&chat)
        .header("content-type", "application/json")
        .body(vec![b' '; 9 << 20])
        .send()
        .await
        .unwrap();
    assert_eq!((large.status().as_u16(), large.headers()["connection"].to_str().unwrap()), (413, "close"));
    let unknown = house.get("/api/runs/there-is-none").await;
    assert_eq!(
        (unknown.status().as_u16(), unknown.headers()["content-type"].to_str().unwrap()),
        (404, "application/problem+json")
    );
    let method = house.http.delete(&chat).send().await.unwrap();
    assert_eq!(method.status(), 405);
}

#[tokio::test]
async fn every_reply_carries_its_name_and_its_fences() {
    let house = House::empty().await;
    let page = house.http.get(house.url("/")).header("x-request-id", "mine-1").send().await.unwrap();
    assert_eq!(page.headers()["x-request-id"], "mine-1");
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
}
