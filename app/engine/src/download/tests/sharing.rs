//! One download for everybody: tasks of one process, and processes of one machine.

use super::*;

#[tokio::test]
async fn two_tasks_that_want_one_model_download_it_once() {
    let model = content(2_000_000, 41);
    let site = Site::with(&model).await;
    let desk = Desk::pinned(&model, &https(&site.url("model")));
    let (first, second) = tokio::join!(desk.fetch(), desk.fetch());
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(site.requests().len(), 1);
    assert_eq!(desk.notes(), "Tiny is being downloaded already; waiting for that.");
}

#[tokio::test]
async fn who_waits_for_a_download_that_fails_takes_it_over() {
    let model = content(2_000_000, 42);
    let site = Site::with(&model).await;
    site.next(server::Fault::EndEarly(1_000_000));
    let desk = Desk::pinned(&model, &https(&site.url("model"))).once();
    let (first, second) = tokio::join!(desk.fetch(), desk.fetch());
    assert_eq!(first.unwrap_err().code(), Code::CONNECTION_LOST);
    assert_eq!(read(&second.unwrap()), model);
    assert_eq!(site.requests()[1].range.as_deref(), Some("bytes=1000000-1999999"));
}

/// The test program starts itself twice more; the two children fetch at the same time.
#[tokio::test]
async fn two_processes_that_want_one_model_download_it_once() {
    const NAME: &str = "download::tests::sharing::two_processes_that_want_one_model_download_it_once";
    let model = content(2_000_000, 43);
    if let (Ok(url), Ok(folder)) = (std::env::var("STEADFAST_TEST_URL"), std::env::var("STEADFAST_TEST_FOLDER")) {
        let mut desk = Desk::pinned(&model, &https(&url));
        desk.settings.models_dir = folder.into();
        assert_eq!(read(&desk.fetch().await.unwrap()), model);
        return;
    }
    let site = Site::with(&model).await;
    let folder = tempfile::tempdir().unwrap();
    let child = || {
        let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
        command
            .args([NAME, "--exact"])
            .env("STEADFAST_TEST_URL", site.url("model"))
            .env("STEADFAST_TEST_FOLDER", folder.path());
        async move { command.output().await.unwrap() }
    };
    let (first, second) = tokio::join!(child(), child());
    for output in [first, second] {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
    assert_eq!(site.requests().len(), 1);
}
