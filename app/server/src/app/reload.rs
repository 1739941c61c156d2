//! Settings that change while the program runs. Looks at the file now and then, and at once when somebody asks
//! (SIGHUP). What does not hold is told with its place, and the last settings that held stay in force.
//!
//! Upstreams, their keys and the tiers change at run time, and an upstream whose settings stayed the same keeps its
//! connections and its breaker. Everything else is named as waiting for a restart.

use std::{
    fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use steadfast::Clock;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::upstreams::Upstreams;
use crate::{
    house::{House, SettingsHealth},
    settings::Settings,
};

/// Asks for the settings to be read again, whatever the file looks like.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReloadNow(Arc<Notify>);

impl ReloadNow {
    pub(crate) fn ask(&self) {
        self.0.notify_one();
    }
}

pub(super) struct Reloading {
    pub(super) house: Arc<House>,
    pub(super) in_force: Settings,
    pub(super) upstreams: Upstreams,
    pub(super) now: ReloadNow,
}

/// What a file looks like from outside: enough to see that somebody wrote it.
type Look = Option<(SystemTime, u64)>;

impl Reloading {
    /// Until the program ends.
    pub(super) async fn watch(mut self) {
        let (clock, token) = (self.house.clock.clone(), self.house.token.clone());
        let mut seen = self.look();
        while let Ok(asked) = token.run(wait(&clock, &self.now)).await {
            let look = self.look();
            if asked || look != seen {
                seen = look;
                self.reload().await;
            }
        }
    }

    fn look(&self) -> Look {
        let about = fs::metadata(self.in_force.file.as_ref()?).ok()?;
        Some((about.modified().ok()?, about.len()))
    }

    async fn reload(&mut self) {
        let health = match self.load().await.and_then(|settings| self.put_in_force(settings)) {
            Ok(waiting_for_a_restart) => SettingsHealth { trouble: vec![], waiting_for_a_restart },
            Err(trouble) => {
                for problem in &trouble {
                    warn!(%problem, "the new settings do not hold, the last ones stay in force");
                }
                SettingsHealth { trouble, ..self.house.settings_health() }
            }
        };
        self.house.tell_settings(health);
    }

    /// On a thread that may wait: a key can come from a command.
    async fn load(&self) -> Result<Settings, Vec<String>> {
        let in_force = self.in_force.clone();
        match tokio::task::spawn_blocking(move || in_force.load_again()).await {
            Ok(loaded) => loaded.map_err(|problems| problems.list().to_vec()),
            Err(_) => Err(vec!["The settings could not be read.".to_owned()]),
        }
    }

    /// What still waits for a restart, or why nothing changed.
    fn put_in_force(&mut self, new: Settings) -> Result<Vec<&'static str>, Vec<String>> {
        let Some(mut rooms) = self.house.rooms_now() else { return Err(vec![STILL_STARTING.to_owned()]) };
        self.upstreams = self
            .upstreams
            .renewed(new.upstreams.clone(), &self.house.clock)
            .map_err(|error| vec![error.message().to_owned()])?;
        let routing = self.in_force.gateway.with_routing_of(&new.gateway);
        rooms.gateway.change_routes(self.upstreams.providers(), routing.clone());
        rooms.upstreams = self.upstreams.remote();
        self.house.open_rooms(rooms);
        let waiting = self.in_force.waiting_for_a_restart(&new);
        self.in_force.upstreams = new.upstreams;
        self.in_force.gateway = routing;
        self.in_force.file = new.file; // somebody may have written the first one
        info!(upstreams = self.in_force.upstreams.len(), ?waiting, "the new settings are in force");
        Ok(waiting)
    }
}

/// True when somebody asked.
async fn wait(clock: &Clock, now: &ReloadNow) -> bool {
    tokio::select! {
        () = now.0.notified() => true,
        () = clock.sleep(LOOK_EVERY) => false,
    }
}

/// Soon enough for somebody who edits a file and looks at the page; a look is one system call.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const STILL_STARTING: &str = "Steadfast is still starting.";
