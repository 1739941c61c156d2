//! Downloads against real sockets: a small web server on this machine that misbehaves as told.

mod cuts;
mod hub;
pub(crate) mod server;
mod sharing;
mod wheels;
mod zip;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use steadfast::{Call, CancelToken, Code, Error};

use super::{DownloadSettings, Downloader, News, Watch, digest};
use crate::catalog::{Catalog, Entry};

use server::Site;

/// A folder, a catalogue entry and what was told: everything that a download test needs.
struct Desk {
    _folder: tempfile::TempDir,
    settings: DownloadSettings,
    entry: Entry,
    token: CancelToken,
    told: Arc<Mutex<Vec<News>>>,
}

impl Desk {
    /// `sources` is TOML; the digest is pinned to `content`.
    fn pinned(content: &[u8], sources: &str) -> Self {
        Self::new(content, &format!("sha256 = \"{}\"\nsources = [{sources}]", sha256(content)))
    }

    fn first_use(content: &[u8], sources: &str) -> Self {
        Self::new(content, &format!("sources = [{sources}]"))
    }

    fn new(content: &[u8], rest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[[model]]\nid = \"tiny\"\nname = \"Tiny\"\nlicence = \"MIT\"\nsize_bytes = {}\n{rest}\n",
            content.len()
        );
        let catalog = Catalog::from_layers(&[("test.toml", &text)]).unwrap();
        let mut settings = DownloadSettings::new(folder.path().join("models"));
        settings.pause_between_attempts = Duration::from_millis(1);
        settings.pause_between_rounds = Duration::from_millis(1);
        settings.stall_after = Duration::from_secs(5);
        settings.keep_free_bytes = 0;
        let entry = catalog.require("tiny").unwrap().clone();
        Self { _folder: folder, settings, entry, token: CancelToken::root("test"), told: Arc::default() }
    }

    fn once(mut self) -> Self {
        (self.settings.attempts, self.settings.rounds) = (1, 1);
        self
    }

    /// As a new process would: with a downloader of its own.
    async fn fetch(&self) -> Result<PathBuf, Error> {
        let call = Call::new("fetch", &self.token);
        Downloader::new(self.settings.clone()).fetch(&self.entry, &call, &self.watch()).await
    }

    /// As if the process ended with the first failure.
    async fn fetch_once(&self) -> Result<PathBuf, Error> {
        let settings = DownloadSettings { attempts: 1, rounds: 1, ..self.settings.clone() };
        Downloader::new(settings).fetch(&self.entry, &Call::new("fetch", &self.token), &self.watch()).await
    }

    fn watch(&self) -> Watch {
        let told = Arc::clone(&self.told);
        Arc::new(move |news| told.lock().unwrap().push(news))
    }

    fn notes(&self) -> String {
        let told = self.told.lock().unwrap();
        told.iter()
            .filter_map(|news| if let News::Note(note) = news { Some(note.as_str()) } else { None })
            .collect::<Vec<_>>()
            .join(" | ")
    }

    fn models(&self) -> PathBuf {
        self.settings.models_dir.clone()
    }

    fn part_length(&self) -> Option<u64> {
        std::fs::metadata(self.models().join("tiny.gguf.part")).ok().map(|part| part.len())
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.models())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn sha256(content: &[u8]) -> String {
    digest::hex(&Sha256::new().chain_update(content))
}

/// Bytes without a pattern that a mistake could hide in.
fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

fn https(url: &str) -> String {
    format!("{{ kind = \"https\", url = \"{url}\" }}")
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn a_model_is_fetched_published_and_not_fetched_again() {
    let model = content(3_000_000, 1);
    let site = Site::with(&model).await;
    let desk = Desk::pinned(&model, &https(&site.url("model")));

    let path = desk.fetch().await.unwrap();
    assert_eq!(read(&path), model);
    assert_eq!(desk.files(), ["tiny.gguf", "tiny.json", "tiny.lock"]);
    assert_eq!(desk.fetch().await.unwrap(), path);
    assert_eq!(site.requests().len(), 1, "the second time nothing is asked");
    assert!(
        desk.told
            .lock()
            .unwrap()
            .iter()
            .any(|news| matches!(news, News::Downloading(reading) if reading.done == 3_000_000))
    );
}

#[tokio::test]
async fn a_wrong_checksum_leaves_nothing_behind_and_the_next_source_is_tried_visibly() {
    let (model, wrong) = (content(600_000, 2), content(600_000, 3));
    let (bad, good) = (Site::with(&wrong).await, Site::with(&model).await);
    let desk = Desk::pinned(&model, &format!("{}, {}", https(&bad.url("model")), https(&good.url("model"))));

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(desk.notes(), "The web address sent a file with the wrong checksum. Trying the web.");
    assert_eq!(bad.requests().len(), 1, "a source that gave a wrong file is not asked again");
}

#[tokio::test]
async fn wrong_checksum_cut_line_and_full_disk_are_told_apart() {
    let (model, wrong) = (content(600_000, 2), content(600_000, 3));

    let site = Site::with(&wrong).await;
    let desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    assert_eq!(desk.fetch().await.unwrap_err().code(), Code::CORRUPT);
    assert_eq!(desk.files(), ["tiny.lock"], "no broken model and no bad part stays");

    let site = Site::with(&model).await;
    site.next(server::Fault::EndEarly(400_000));
    let desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    let error = desk.fetch().await.unwrap_err();
    assert_eq!(error.code(), Code::CONNECTION_LOST);
    assert!(error.message().contains("cut after 400000 of 600000 bytes"), "{}", error.message());
    assert_eq!(desk.part_length(), Some(400_000));

    let mut desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    desk.settings.keep_free_bytes = u64::MAX / 2;
    let asked = site.requests().len();
    let error = desk.fetch().await.unwrap_err();
    assert_eq!(error.code(), Code::DISK_FULL);
    assert_eq!(site.requests().len(), asked, "the room is checked before the first byte");
}

#[tokio::test]
async fn a_file_that_changed_on_the_disk_is_noticed_and_fetched_again() {
    let model = content(300_000, 4);
    let site = Site::with(&model).await;
    let desk = Desk::pinned(&model, &https(&site.url("model")));
    let path = desk.fetch().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, content(300_000, 5)).unwrap();

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert_eq!(desk.notes(), "The file of Tiny on this disk is damaged and is fetched again.");
}

#[tokio::test]
async fn a_file_of_this_disk_is_taken_in_and_a_wrong_one_is_left_alone() {
    let model = content(200_000, 6);
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.gguf");
    std::fs::write(&own, &model).unwrap();
    let source = format!("{{ kind = \"file\", path = \"{}\" }}", own.display());
    let desk = Desk::pinned(&model, &source);
    assert_eq!(read(&desk.fetch().await.unwrap()), model);

    std::fs::write(&own, content(200_000, 7)).unwrap();
    let desk = Desk::pinned(&model, &source);
    let error = desk.fetch().await.unwrap_err();
    assert_eq!(error.code(), Code::CORRUPT);
    assert_eq!(read(&own), content(200_000, 7));
    assert!(!desk.models().join("tiny.gguf").exists());
}

#[tokio::test]
async fn a_name_and_password_are_not_shown_to_the_host_that_a_redirect_leads_to() {
    let model = content(100_000, 8);
    let (first, second) = (Site::with(&model).await, Site::with(&model).await);
    // The same machine by another name is another host.
    let elsewhere = second.url("model").replace("127.0.0.1", "localhost");
    first.redirect("moved", &elsewhere);
    let url = first.url("moved").replace("http://", "http://anna:secret@");
    let desk = Desk::pinned(&model, &https(&url));

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert!(first.requests()[0].authorized);
    assert!(!second.requests()[0].authorized);
}
