//! Finding the server of this data directory, or starting one inside for the length of one command.
//!
//! A server leaves its address in the data directory, because it may listen on another port than the settings say.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use steadfast::Error;

use super::client::Client;
use crate::{
    app::{App, ReloadNow},
    settings::{Listen, Models, Settings, WhenTaken},
};

/// A server to speak to.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) client: Client,
    inside: Option<App>,
}

/// The file with the address; gone when the server is.
#[derive(Debug)]
pub(super) struct Card(PathBuf);

impl Server {
    pub(super) async fn find_or_start(settings: &Settings) -> Result<Self, Error> {
        if let Some(address) = running(settings).await {
            return Ok(Self { client: Client::new(address), inside: None });
        }
        let app = App::start(&quiet(settings), ReloadNow::default()).await?;
        Ok(Self { client: Client::new(app.address), inside: Some(app) })
    }

    pub(super) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// Ends the server if it was started for this command.
    pub(super) async fn leave(self) {
        if let Some(app) = self.inside {
            app.stop().await;
        }
    }
}

/// Where a server for these settings answers, if one does.
pub(super) async fn running(settings: &Settings) -> Option<SocketAddr> {
    for address in read_card(&settings.data_dir).into_iter().chain([settings.listen.address]) {
        if Client::new(address).is_steadfast().await {
            return Some(address);
        }
    }
    None
}

pub(super) fn leave_card(data_dir: &Path, address: SocketAddr) -> Result<Card, Error> {
    let path = data_dir.join(CARD);
    fs::write(&path, address.to_string())
        .map_err(|error| Error::storage_unavailable(format!("{}: {error}", path.display())))?;
    Ok(Card(path))
}

/// A card that a killed server left behind leads nowhere, and whoever follows it notices.
fn read_card(data_dir: &Path) -> Option<SocketAddr> {
    fs::read_to_string(data_dir.join(CARD)).ok()?.trim().parse().ok()
}

/// The same settings, on a port of its own, and loading only what the command asks for.
fn quiet(settings: &Settings) -> Settings {
    let listen = Listen { address: SocketAddr::from(([127, 0, 0, 1], 0)), when_taken: WhenTaken::Fail, hosts: vec![] };
    Settings { listen, models: Models { start: None, ..settings.models.clone() }, ..settings.clone() }
}

impl Drop for Card {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

const CARD: &str = "address";
