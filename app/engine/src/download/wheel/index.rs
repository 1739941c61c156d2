//! Where the user's package index keeps a wheel, as the user's own pip sees it. Three ways, fastest first.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use reqwest::Url;
use serde::Deserialize;
use steadfast::{Error, RetryAdvice};
use tokio::process::Command;

use super::{TARGET, Wanted};
use crate::download::{
    Job, News,
    http::{Address, Credentials, sentence},
};

pub(super) enum Wheel {
    Here(PathBuf),
    There(Address),
}

/// What a way to ask found out.
struct Place {
    url: Url,
    sha256: Option<String>,
    credentials: Option<Credentials>,
}

pub(super) async fn find(job: &Job, wanted: &Wanted<'_>) -> Result<Wheel, Error> {
    let place = match ask_the_finder(job, wanted).await {
        Ok(place) => Ok(place),
        Err(error) if is_final(&error) => Err(error),
        Err(_insides_have_changed) => ask_for_a_report(job, wanted).await,
    };
    match place {
        Ok(place) => check(place, wanted),
        Err(error) if is_final(&error) => Err(error),
        Err(_too_old_for_reports) => let_pip_download(job, wanted).await,
    }
}

/// Asking pip in another way will not help.
fn is_final(error: &Error) -> bool {
    error.cancel_reason().is_some() || error.code() == steadfast::Code::NOT_FOUND
}

/// A short program that uses pip's own finder: about two seconds, and nothing is downloaded.
async fn ask_the_finder(job: &Job, wanted: &Wanted<'_>) -> Result<Place, Error> {
    #[derive(Deserialize)]
    struct Line {
        url: String,
        sha256: Option<String>,
        user: Option<String>,
        password: Option<String>,
    }
    let printed = python(job, job.settings.index_within, &["-c", FINDER, wanted.package, wanted.version]).await?;
    let line = printed.lines().find_map(|line| line.strip_prefix("STEADFAST "));
    let Line { url, sha256, user, password } =
        line.and_then(|line| serde_json::from_str(line).ok()).ok_or_else(not_understood)?;
    Ok(Place { url: parse(&url)?, sha256, credentials: user.map(|user| Credentials { user, password }) })
}

/// pip's report of what it would install. Public, but some versions fetch the whole wheel first.
async fn ask_for_a_report(job: &Job, wanted: &Wanted<'_>) -> Result<Place, Error> {
    #[derive(Deserialize)]
    struct Report {
        install: Vec<Install>,
    }
    #[derive(Deserialize)]
    struct Install {
        download_info: DownloadInfo,
    }
    #[derive(Deserialize)]
    struct DownloadInfo {
        url: String,
        #[serde(default)]
        archive_info: ArchiveInfo,
    }
    #[derive(Default, Deserialize)]
    struct ArchiveInfo {
        #[serde(default)]
        hashes: std::collections::HashMap<String, String>,
    }
    let pinned = pinned(wanted);
    let asked = [
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--ignore-installed",
        "--only-binary=:all:",
        "--quiet",
        "--report",
        "-",
        &pinned,
    ];
    let printed = python(job, job.settings.pip_download_within, &asked).await?;
    let report: Report = serde_json::from_str(&printed).map_err(|_not_json| not_understood())?;
    let info = report.install.into_iter().next().ok_or_else(not_understood)?.download_info;
    Ok(Place { url: parse(&info.url)?, sha256: info.archive_info.hashes.get("sha256").cloned(), credentials: None })
}

/// The last resort: pip downloads the wheel itself, without progress and without resuming.
async fn let_pip_download(job: &Job, wanted: &Wanted<'_>) -> Result<Wheel, Error> {
    job.tell(News::Note("pip is downloading the wheel itself; there is no progress to show.".to_owned()));
    let folder = job.place.wheel_folder();
    let pinned = pinned(wanted);
    let target = folder.to_string_lossy().into_owned();
    let asked = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet", "--dest", &target, &pinned];
    python(job, job.settings.pip_download_within, &asked).await?;
    let wheels = std::fs::read_dir(&folder).map_err(|error| crate::download::space::explain(&folder, error))?;
    let wheel = wheels.filter_map(|entry| Some(entry.ok()?.path())).find(|path| is_wheel(path));
    wheel.map(Wheel::Here).ok_or_else(not_understood)
}

fn check(place: Place, wanted: &Wanted<'_>) -> Result<Wheel, Error> {
    if place.sha256.as_ref().is_some_and(|sha256| sha256 != wanted.wheel_sha256) {
        let what = format!("has another {} {} than the catalogue", wanted.package, wanted.version);
        return Err(Error::corrupt(sentence(TARGET, &what)).with_advice(RetryAdvice::TryElsewhere));
    }
    match place.url.scheme() {
        "file" => place.url.to_file_path().map(Wheel::Here).map_err(|()| not_understood()),
        "http" | "https" => {
            Ok(Wheel::There(Address { target: TARGET, url: place.url, credentials: place.credentials }))
        }
        _ => Err(not_understood()),
    }
}

/// Runs the user's Python and gives what it printed. It cannot say how far it is, so we say that it is still at it.
async fn python(job: &Job, patience: Duration, arguments: &[&str]) -> Result<String, Error> {
    let mut command = Command::new(&job.settings.python);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::select! {
        output = command.output() => output,
        slow = grow_impatient(job, patience) => return Err(slow),
    };
    let output = output.map_err(|error| no_python(&job.settings.python, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last_line = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    // pip names addresses in its complaints, and addresses may hold passwords: operators see the kind only.
    let kind = last_line.split(['(', ':']).next().unwrap_or_default();
    let message = sentence(TARGET, "cannot be asked");
    Err(Error::unavailable(TARGET)
        .with_message(message)
        .with_advice(RetryAdvice::TryElsewhere)
        .with_detail("pip", kind))
}

async fn grow_impatient(job: &Job, patience: Duration) -> Error {
    let mut waited = Duration::ZERO;
    while waited < patience {
        job.call.clock().sleep(SPEAK_EVERY.min(patience)).await;
        waited += SPEAK_EVERY;
        job.tell(News::Note(sentence(TARGET, &format!("is being asked; {} s so far", waited.as_secs()))));
    }
    let message = sentence(TARGET, &format!("did not answer within {} s", patience.as_secs()));
    Error::timeout(TARGET, patience).with_message(message).with_advice(RetryAdvice::TryElsewhere)
}

fn no_python(python: &Path, error: std::io::Error) -> Error {
    let message = format!("{} was not found, so the package index cannot be asked.", python.display());
    Error::new(steadfast::Code::NOT_FOUND)
        .with_message(message)
        .with_advice(RetryAdvice::TryElsewhere)
        .with_source(error)
}

fn not_understood() -> Error {
    Error::unavailable(TARGET)
        .with_message(sentence(TARGET, "gave an answer that was not understood"))
        .with_advice(RetryAdvice::TryElsewhere)
}

fn parse(url: &str) -> Result<Url, Error> {
    Url::parse(url).map_err(|_not_an_address| not_understood())
}

fn pinned(wanted: &Wanted<'_>) -> String {
    format!("{}=={}", wanted.package, wanted.version)
}

fn is_wheel(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "whl")
}

const SPEAK_EVERY: Duration = Duration::from_secs(10);
const FINDER: &str = include_str!("find.py");
