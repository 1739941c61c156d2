//! SIGINT and SIGTERM, asked for one at a time: the first means "end", the second "now". For a server
//! SIGHUP asks for the settings to be read again and ends nothing.

use steadfast::Error;
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::ReloadNow;

/// Listens from the moment it is made, so that no signal falls between two waits.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<(Signal, ReloadNow)>,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> Result<Self, Error> {
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())?, hang_up: None })
    }

    /// From now on SIGHUP asks for this.
    pub(super) fn reloading(self, now: ReloadNow) -> Result<Self, Error> {
        Ok(Self { hang_up: Some((on(SignalKind::hangup())?, now)), ..self })
    }

    pub(super) async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                () = hung_up(&mut self.hang_up) => {}
            }
        }
    }
}

#[cfg(unix)]
fn on(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(|error| Error::internal("signals cannot be heard").with_source(error))
}

/// Passes the wish on; never ends where nobody listens for it.
#[cfg(unix)]
async fn hung_up(hang_up: &mut Option<(Signal, ReloadNow)>) {
    match hang_up {
        Some((signal, now)) => {
            signal.recv().await;
            now.ask();
        }
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> Result<Self, Error> {
        Ok(Self)
    }

    pub(super) fn reloading(self, _now: ReloadNow) -> Result<Self, Error> {
        Ok(self)
    }

    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
