//! The measures, the same for everybody: latency on one connection, processor time a question and a streamed event,
//! memory at 256 streams, and ten thousand streams that rest.

use std::{io, time::Duration};

use futures_util::future::join_all;
use steadfast::Clock;

use super::{load::Caller, mock::EVENTS, peers::Peer, processes};
use crate::Times;

/// What one peer came to. A figure that could not be had is missing.
#[derive(Debug)]
pub struct Figures {
    pub name: &'static str,
    pub latency: Times,
    pub cpu_per_question: Option<Duration>,
    pub cpu_per_event: Option<Duration>,
    pub idle_kib: u64,
    /// Above idle, while 256 streams are open.
    pub at_256_kib: Option<u64>,
    /// How many resting streams were had of those that were wanted, and KiB for each.
    pub resting: Option<(usize, f64)>,
}

/// `slow` peers get fewer questions, and no ten thousand streams.
pub async fn measure(peer: &Peer, slow: bool) -> io::Result<Figures> {
    let clock = Clock::real();
    let questions = if slow { 200 } else { 5000 };
    let mut caller = Caller::connect(peer, "mock", false, 1).await?;
    for _ in 0..questions / 10 {
        caller.ask().await?;
    }
    let mut latency = Times::default();
    for _ in 0..questions {
        let begun = clock.now();
        caller.ask().await?;
        latency.add(clock.now() - begun);
    }
    drop(caller);
    let idle_kib = peer.pid.map_or(0, processes::memory_kib);
    let cpu_per_question = cost(peer, false, if slow { 10 } else { 400 }).await?;
    let per_stream = cost(peer, true, if slow { 3 } else { 40 }).await?;
    // Finish, usage and the end marker are events too.
    let cpu_per_event = per_stream.map(|cost| cost / (EVENTS as u32 + 3));
    let at_256_kib = match peer.pid {
        Some(pid) => {
            let (had, kib) = with_streams(peer, 256, "paced", || processes::memory_kib(pid)).await;
            (had == 256).then(|| kib.saturating_sub(idle_kib))
        }
        None => None,
    };
    let resting = match peer.pid {
        Some(pid) if !slow => Some(rest(peer, pid).await),
        _ => None,
    };
    Ok(Figures { name: peer.name, latency, cpu_per_question, cpu_per_event, idle_kib, at_256_kib, resting })
}

/// Processor time of one question when 16 ask at once, each so many times.
async fn cost(peer: &Peer, streams: bool, each: u32) -> io::Result<Option<Duration>> {
    let Some(pid) = peer.pid else { return Ok(None) };
    let mut callers = vec![];
    for _ in 0..CALLERS {
        callers.push(Caller::connect(peer, "mock", streams, 1).await?);
    }
    let before = processes::cpu(pid);
    let asked = join_all(callers.iter_mut().map(|caller| async move {
        for _ in 0..each {
            caller.ask().await?;
        }
        io::Result::Ok(())
    }))
    .await;
    asked.into_iter().collect::<io::Result<()>>()?;
    Ok(Some((processes::cpu(pid) - before) / (each * CALLERS)))
}

/// How many of the wanted streams were begun, and what `look` saw while they were open.
async fn with_streams<T>(peer: &Peer, wanted: usize, model: &str, look: impl FnOnce() -> T) -> (usize, T) {
    let mut open = vec![];
    // A hundred at a time: it is no test of how fast connections are made.
    for batch in 0..wanted.div_ceil(100) {
        let size = 100.min(wanted - batch * 100);
        let begun = join_all((0..size).map(|_| async {
            let mut caller = Caller::connect(peer, model, true, (1 + batch) as u8).await?;
            tokio::time::timeout(Duration::from_secs(20), caller.begin()).await.map_err(io::Error::other)??;
            io::Result::Ok(caller)
        }))
        .await;
        let had = open.len();
        open.extend(begun.into_iter().flatten());
        if open.len() == had {
            break;
        }
    }
    (open.len(), look())
}

async fn rest(peer: &Peer, pid: u32) -> (usize, f64) {
    let before = processes::memory_kib(pid);
    let (had, after) = with_streams(peer, RESTING, "idle", || processes::memory_kib(pid)).await;
    (had, after.saturating_sub(before) as f64 / had.max(1) as f64)
}

pub(super) const RESTING: usize = 10_000;
const CALLERS: u32 = 16;
