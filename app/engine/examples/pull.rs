//! Fetches a model of the catalogue into a folder and prints what happens: `pull FOLDER [MODEL]`. No engine is needed.
#![expect(clippy::print_stdout, reason = "it is a program for the command line")]

use std::sync::{Arc, Mutex};

use steadfast::{Call, CancelToken, Clock, Error};
use steadfast_engine::{
    catalog::Catalog,
    download::{DownloadSettings, Downloader, News},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::validation("Say a folder: pull FOLDER [MODEL]"))?;
    let model = arguments.next().unwrap_or_else(|| "quick".to_owned());
    let (catalog, clock) = (Catalog::built_in()?, Clock::real());
    let call = Call::new("pull", &CancelToken::root("pull")).with_clock(clock.clone());
    let began = clock.now();
    let age = move || (clock.now() - began).as_secs_f64();
    let say = age.clone();
    let last = Mutex::new(String::new());
    let watch = move |news| {
        let line = describe(&news);
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != line {
            println!("{:6.2} s  {line}", say());
            *last = line;
        }
    };
    let path = Downloader::new(DownloadSettings::new(folder))
        .fetch(catalog.require(&model)?, &call, &(Arc::new(watch) as _))
        .await?;
    println!("{:6.2} s  {}", age(), path.display());
    Ok(())
}

fn describe(news: &News) -> String {
    match news {
        News::Source(label) => format!("source: {label}"),
        News::Attempt(attempt) => attempt.to_string(),
        News::Note(note) => note.clone(),
        News::Verifying { done, total } => format!("verifying {} %", done * 10 / total.max(&1) * 10),
        News::Downloading(reading) => {
            let speed = reading.bytes_per_second.unwrap_or_default() / 1e6;
            let left = reading.seconds_left.map_or_else(String::new, |left| format!(", {left} s left"));
            format!("downloading {} %, {speed:.0} MB/s{left}", reading.done * 10 / reading.total.max(1) * 10)
        }
    }
}
