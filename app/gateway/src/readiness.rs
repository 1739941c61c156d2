//! Waiting for a local model: asks for it to be loaded, and follows its life until it is ready or cannot be.

use steadfast::{CancelToken, Error};
use steadfast_contract::{
    code,
    model::{ModelHost, ModelPhase, ModelStatus},
};

use crate::routing::Target;

/// Why there is no ready model yet.
#[derive(Debug)]
pub(crate) enum NotReady {
    /// Its load was cancelled, or it was unloaded: somebody has to ask for it again.
    NotLoaded,
    Failed(Error),
}

/// Those of `targets` that can be asked now. Empty when a local model has to be waited for.
pub(crate) fn ready_now(models: &dyn ModelHost, targets: &[Target]) -> Vec<Target> {
    targets.iter().filter(|target| !target.is_local() || is_ready(models, &target.model.id)).cloned().collect()
}

/// Starts the load (or joins it) and waits. `on_wait` hears once when there is anything to wait for.
pub(crate) async fn make_ready(
    models: &dyn ModelHost,
    id: &str,
    token: &CancelToken,
    on_wait: impl FnOnce(),
) -> Result<(), NotReady> {
    let mut changes = models.subscribe();
    if is_ready(models, id) {
        return Ok(());
    }
    let status = models.load(id).map_err(NotReady::Failed)?;
    if let Some(verdict) = verdict(&status, id) {
        return verdict;
    }
    on_wait();
    loop {
        let status = token.run(changes.next()).await.map_err(|reason| NotReady::Failed(Error::cancelled(reason)))?;
        if let Some(verdict) = verdict(&status, id) {
            return verdict;
        }
    }
}

/// Waits until somebody asks for the model again; answers when it moves.
pub(crate) async fn wait_until_wanted(models: &dyn ModelHost, id: &str, token: &CancelToken) -> Result<(), Error> {
    let mut changes = models.subscribe();
    if models.status(id).is_some_and(|status| status.phase != ModelPhase::Idle) {
        return Ok(());
    }
    loop {
        let status = token.run(changes.next()).await.map_err(Error::cancelled)?;
        if status.info.id == id && status.phase != ModelPhase::Idle {
            return Ok(());
        }
    }
}

fn is_ready(models: &dyn ModelHost, id: &str) -> bool {
    models.status(id).is_some_and(|status| status.phase == ModelPhase::Ready)
}

/// The end of the wait, if `status` is one.
fn verdict(status: &ModelStatus, id: &str) -> Option<Result<(), NotReady>> {
    if status.info.id != id {
        return None;
    }
    match status.phase {
        ModelPhase::Ready => Some(Ok(())),
        ModelPhase::Idle => Some(Err(NotReady::NotLoaded)),
        ModelPhase::Failed => Some(Err(NotReady::Failed(failure(status)))),
        ModelPhase::Downloading
        | ModelPhase::Verifying
        | ModelPhase::Loading
        | ModelPhase::WarmingUp
        | ModelPhase::Unloading => None,
    }
}

fn failure(status: &ModelStatus) -> Error {
    match &status.error {
        Some(failure) => failure.to_error(),
        None => code::model_not_loaded(&status.info.name),
    }
}
