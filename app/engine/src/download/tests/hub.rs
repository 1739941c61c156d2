//! The hub: what it says about a file, its cache on this disk, and being out of reach.

use super::*;

const HUB: &str = "{ kind = \"hub\", repo = \"owner/name\", file = \"tiny.gguf\", revision = \"abc123\" }";
const RESOLVE: &str = "owner/name/resolve/abc123/tiny.gguf";

/// A hub that describes `content` and sends us to its storage for it.
async fn hub_with(content: &[u8]) -> Site {
    let site = Site::with(content).await;
    describe(&site, content);
    site
}

fn describe(site: &Site, content: &[u8]) {
    site.file("model", content, None);
    let (tag, size) = (format!("\"{}\"", sha256(content)), content.len().to_string());
    site.redirect_with(RESOLVE, &site.url("model"), &[("x-linked-etag", &tag), ("x-linked-size", &size)]);
}

#[tokio::test]
async fn the_hub_is_asked_about_the_file_and_then_for_it() {
    let model = content(500_000, 31);
    let site = hub_with(&model).await;
    let mut desk = Desk::pinned(&model, HUB);
    desk.settings.hub_endpoint = site.url("");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    let paths: Vec<String> = site.requests().iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect();
    assert_eq!(paths, [format!("HEAD {RESOLVE}"), format!("GET {RESOLVE}"), "GET model".to_owned()]);
}

#[tokio::test]
async fn a_hub_with_another_file_is_passed_over_without_reading_it() {
    let (model, other) = (content(500_000, 32), content(500_000, 33));
    let (hub, mirror) = (hub_with(&other).await, Site::with(&model).await);
    let mut desk = Desk::pinned(&model, &format!("{HUB}, {}", https(&mirror.url("model"))));
    desk.settings.hub_endpoint = hub.url("");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(hub.requests().len(), 1);
    assert_eq!(desk.notes(), "The hub has a file with another checksum than the one that is expected. Trying the web.");
}

#[tokio::test]
async fn an_unknown_digest_is_taken_from_the_hub_recorded_and_held_on_to() {
    let (model, changed) = (content(500_000, 34), content(500_000, 35));
    let site = hub_with(&model).await;
    let mut desk = Desk::first_use(&model, HUB).once();
    desk.settings.hub_endpoint = site.url("");
    let path = desk.fetch().await.unwrap();
    assert_eq!(read(&path), model);

    let downloader = Downloader::new(desk.settings.clone());
    downloader.remove(&desk.entry, &desk.token).await.unwrap();
    assert_eq!(desk.files(), ["tiny.json", "tiny.lock"]);
    describe(&site, &changed);
    let error = desk.fetch().await.unwrap_err();
    assert_eq!(error.code(), Code::CORRUPT);
    assert!(error.message().contains("another checksum"), "{}", error.message());
    assert!(error.suggestion().contains("tiny.json"), "{}", error.suggestion());

    describe(&site, &model);
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
}

#[tokio::test]
async fn what_the_hub_said_is_held_against_what_it_sent() {
    let (model, other) = (content(500_000, 36), content(500_000, 37));
    let site = hub_with(&model).await;
    site.file("model", &other, None);
    let mut desk = Desk::first_use(&model, HUB).once();
    desk.settings.hub_endpoint = site.url("");
    assert_eq!(desk.fetch().await.unwrap_err().code(), Code::CORRUPT);
    assert_eq!(desk.files(), ["tiny.lock"]);
}

#[tokio::test]
async fn a_file_in_the_hubs_own_cache_is_used_without_asking_anybody() {
    let model = content(500_000, 38);
    for place in [format!("blobs/{}", sha256(&model)), "snapshots/abc123/tiny.gguf".to_owned()] {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join("models--owner--name").join(place);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &model).unwrap();
        let mut desk = Desk::pinned(&model, HUB);
        (desk.settings.hub_endpoint, desk.settings.hub_cache) =
            ("http://127.0.0.1:1".to_owned(), Some(cache.path().to_owned()));
        assert_eq!(read(&desk.fetch().await.unwrap()), model);
        assert_eq!(read(&file), model, "the cache keeps its file");
    }
}

#[tokio::test]
async fn a_hub_out_of_reach_costs_little_and_is_said() {
    let model = content(100_000, 39);
    let mirror = Site::with(&model).await;
    let mut desk = Desk::pinned(&model, &format!("{HUB}, {}", https(&mirror.url("model"))));
    // A name that no resolver may ever know.
    desk.settings.hub_endpoint = "https://hub.invalid".to_owned();
    let clock = steadfast::Clock::real();
    let began = clock.now();
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert!(clock.now() - began < Duration::from_secs(5));
    assert_eq!(desk.notes(), "The hub cannot be reached. Trying the web.");
}
