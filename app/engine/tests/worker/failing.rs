//! Models that cannot be loaded, and a server that is gone.

use std::{
    io::Write as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Command, Stdio},
    time::Duration,
};

use steadfast::Code;
use steadfast_contract::code::INVALID_MODEL_FILE;
use steadfast_engine::worker::WorkerSettings;

use super::stage::*;

#[tokio::test]
async fn a_file_that_is_no_model_is_said_to_be_none() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&[7; 4096]).unwrap();
    let error = start(settings(), file.path().into()).await.err().unwrap();
    assert_eq!(error.code(), INVALID_MODEL_FILE);
    let missing = start(settings(), "/nowhere/at/all.gguf".into()).await.err().unwrap();
    assert_eq!(missing.code(), INVALID_MODEL_FILE);
}

#[tokio::test]
async fn a_model_that_was_cut_short_is_an_error_and_not_a_crash_of_ours() {
    let whole = std::fs::read(model()).unwrap();
    let mut cut = tempfile::NamedTempFile::new().unwrap();
    cut.write_all(&whole[..whole.len() / 2]).unwrap();
    let error = start(settings(), cut.path().into()).await.err().unwrap();
    assert_eq!(error.code(), INVALID_MODEL_FILE);
}

#[tokio::test]
async fn a_program_that_is_not_there_cannot_be_started() {
    let error =
        start(WorkerSettings { program: "/nowhere/steadfast".into(), ..settings() }, model()).await.err().unwrap();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(error.message().contains("could not be started"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_no_worker_is_given_up_soon() {
    let error = start(WorkerSettings { program: "/bin/false".into(), ..settings() }, model()).await.err().unwrap();
    assert_eq!(error.code(), steadfast_contract::code::MODEL_CRASHED);
}

#[tokio::test]
async fn a_worker_never_outlives_its_server() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut child =
        Command::new(settings().program).stdin(OwnedFd::from(theirs)).stderr(Stdio::null()).spawn().unwrap();
    drop(ours);
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it saw the closed line").unwrap().unwrap();
}
