//! The worker process: what runs behind `steadfast engine-worker`.
//!
//! Three threads: the main one computes, one listens, one gives the heartbeat. It trusts the server, not the model
//! file, and it ends with the server. A panic in any thread ends it: the server starts another.

mod engine;
mod manners;
mod prompt;
mod share;

use std::{
    io::{self, Write as _},
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::{
    llama::Signals,
    protocol::{self, Load, Reply, Request},
};

/// The whole worker process. Its standard input must be one end of a socket pair.
pub fn engine_worker_main() -> ExitCode {
    die_of_any_panic();
    manners::settle();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("engine worker: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let wire = Wire(Arc::new(Mutex::new(socket.try_clone()?)));
    wire.send(&Reply::Hello { version: protocol::VERSION })?;
    let signals = Arc::new(Signals::default());
    let requests = listen(socket, Arc::clone(&signals))?;
    let Ok(Request::Load(load)) = requests.recv() else { return Ok(()) };
    let _beating = beat(&wire, &signals, &load)?;
    engine::run(&load, &requests, &wire, &signals)
}

/// The way back to the server, shared by the threads that speak.
#[derive(Debug, Clone)]
struct Wire(Arc<Mutex<UnixStream>>);

impl Wire {
    fn send(&self, reply: &Reply) -> io::Result<()> {
        protocol::send(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), reply)
    }
}

/// Reads requests on a thread of its own, so that a cancellation reaches a running computation.
fn listen(mut socket: UnixStream, signals: Arc<Signals>) -> io::Result<mpsc::Receiver<Request>> {
    let (give, take) = mpsc::sync_channel(REQUESTS_AHEAD);
    thread::Builder::new().name("listen".into()).spawn(move || {
        loop {
            match protocol::receive::<Request>(&mut socket) {
                Ok(Some(Request::Exit) | None) => break,
                Ok(Some(request)) => {
                    let cancels = matches!(request, Request::Cancel { .. });
                    if give.send(request).is_err() {
                        break;
                    }
                    if cancels {
                        signals.abort.store(true, Ordering::Relaxed);
                    }
                }
                Err(error) => {
                    say(&format!("engine worker: {error}\n"));
                    break;
                }
            }
        }
        signals.exit.store(true, Ordering::Relaxed);
        signals.abort.store(true, Ordering::Relaxed);
    })?;
    Ok(take)
}

/// Tells the server that this process runs, and how far the computing thread has come, until the guard is dropped.
fn beat(wire: &Wire, signals: &Arc<Signals>, load: &Load) -> io::Result<mpsc::Sender<()>> {
    let (wire, signals, period) = (wire.clone(), Arc::clone(signals), load.heartbeat);
    let (guard, dropped) = mpsc::channel::<()>();
    thread::Builder::new().name("heartbeat".into()).spawn(move || {
        let mut beats_after_exit = 0;
        while dropped.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
            let beat = Reply::Heartbeat {
                steps: signals.steps.load(Ordering::Relaxed),
                working: signals.working.load(Ordering::Relaxed),
            };
            beats_after_exit += u32::from(signals.exit.load(Ordering::Relaxed));
            if wire.send(&beat).is_err() || beats_after_exit * period > EXIT_GRACE {
                std::process::abort(); // the server is gone and the engine does not listen
            }
        }
    })?;
    Ok(guard)
}

fn die_of_any_panic() {
    std::panic::set_hook(Box::new(|panic| {
        say(&format!("engine worker: {panic}\n"));
        std::process::abort();
    }));
}

/// The server reads our standard error and keeps the last lines.
fn say(line: &str) {
    let _ = io::stderr().write_all(line.as_bytes()); // nobody to tell if even this fails
}

/// The server never has more requests open than there are slots, and a cancellation for each.
const REQUESTS_AHEAD: usize = 64;
const EXIT_GRACE: Duration = Duration::from_secs(1);
