//! The measures, the same for everybody: latency on one connection, processor time a question and a streamed event,
//! memory at 256 streams, and ten thousand streams that rest.

use std::{io, time::Duration};

use futures_util::future::join_all;
use steadfast::Clock;

use super::{
    figures::{Figures, Resting},
    load::{Answer, Caller},
    mock::EVENTS,
    peers::Peer,
    processes,
};
use crate::Times;

/// How much a peer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    Fast,
    /// Fewer questions, and no ten thousand streams: it would take an hour.
    Slow,
}

/// All but the resting streams, for which somebody fresh is needed.
pub(super) async fn measure(direct: &Peer, peer: &Peer, pace: Pace) -> io::Result<Figures> {
    let (direct, latency) = latency(direct, peer, pace).await?;
    let idle_kib = processes::memory_kib(peer.pid);
    let at_256_kib = at_256(peer).await?.saturating_sub(idle_kib);
    let (questions, streams) = match pace {
        Pace::Fast => (500, 50),
        Pace::Slow => (5, 1),
    };
    let cpu_per_question = cost(peer, Answer::Whole, questions).await?;
    // Finish, usage and the end marker are events too.
    let cpu_per_event = cost(peer, Answer::Streamed, streams).await? / (EVENTS as u32 + 3);
    let name = peer.name;
    Ok(Figures { name, latency, direct, cpu_per_question, cpu_per_event, idle_kib, at_256_kib, resting: None })
}

/// With nobody in between and with the peer, in turns, so that what else the machine does falls on both.
async fn latency(direct: &Peer, peer: &Peer, pace: Pace) -> io::Result<(Times, Times)> {
    let (rounds, questions) = match pace {
        Pace::Fast => (20, 300),
        Pace::Slow => (5, 40),
    };
    let mut callers = [Caller::connect(direct, "mock", Answer::Whole, 1).await?, {
        Caller::connect(peer, "mock", Answer::Whole, 1).await?
    }];
    let mut times = [Times::default(), Times::default()];
    for _ in 0..rounds {
        for (caller, times) in callers.iter_mut().zip(&mut times) {
            ask_often(caller, questions, times).await?;
        }
    }
    let [direct, latency] = times;
    Ok((direct, latency))
}

async fn ask_often(caller: &mut Caller, questions: u32, times: &mut Times) -> io::Result<()> {
    let clock = Clock::real();
    for number in 0..questions {
        let begun = clock.now();
        caller.ask().await?;
        // The first ones find caches that are full of the other's.
        if number >= questions / 10 {
            times.add(clock.now() - begun);
        }
    }
    Ok(())
}

/// Processor time of one answer when 16 ask at once, each so many times: the median of some rounds.
async fn cost(peer: &Peer, answer: Answer, each: u32) -> io::Result<Duration> {
    let mut rounds = Times::default();
    for _ in 0..ROUNDS {
        let mut callers = vec![];
        for _ in 0..CALLERS {
            callers.push(Caller::connect(peer, "mock", answer, 1).await?);
        }
        let before = processes::cpu(peer.pid);
        let asked = join_all(callers.iter_mut().map(|caller| async move {
            for _ in 0..each {
                caller.ask().await?;
            }
            io::Result::Ok(())
        }))
        .await;
        asked.into_iter().collect::<io::Result<()>>()?;
        rounds.add((processes::cpu(peer.pid) - before) / (each * CALLERS));
    }
    Ok(rounds.percentile(0.5))
}

/// The most that it held while 256 streams ran, at 50 words a second each.
async fn at_256(peer: &Peer) -> io::Result<u64> {
    let streams = join_all((0..256).map(|_| async {
        let mut caller = Caller::connect(peer, "paced", Answer::Streamed, 1).await?;
        caller.ask().await
    }));
    let mut most = 0;
    let look = async {
        loop {
            Clock::real().sleep(Duration::from_millis(100)).await;
            most = most.max(processes::memory_kib(peer.pid));
        }
    };
    tokio::select! {
        asked = streams => asked.into_iter().collect::<io::Result<()>>()?,
        () = look => {}
    }
    Ok(most)
}

/// So many streams that begin and then say nothing. A hundred at a time: it is no test of how fast connections are
/// made.
pub(super) async fn rest(peer: &Peer, wanted: usize) -> io::Result<Resting> {
    let mut first = Caller::connect(peer, "mock", Answer::Streamed, 1).await?;
    for _ in 0..100 {
        first.ask().await?;
    }
    let (idle_kib, mut open) = (processes::memory_kib(peer.pid), vec![]);
    while open.len() < wanted {
        let (had, batch) = (open.len(), BATCH.min(wanted - open.len()));
        let from = u8::try_from(had / BATCH % 200).unwrap_or_default() + 1;
        let begun = join_all((0..batch).map(|_| async move {
            let mut caller = Caller::connect(peer, "idle", Answer::Streamed, from).await?;
            tokio::time::timeout(Duration::from_secs(20), caller.begin()).await.map_err(io::Error::other)??;
            io::Result::Ok(caller)
        }))
        .await;
        open.extend(begun.into_iter().flatten());
        if open.len() < had + batch {
            break; // it lets no more in
        }
    }
    let above = processes::memory_kib(peer.pid).saturating_sub(idle_kib);
    Ok(Resting { had: open.len(), each_kib: above as f64 / open.len().max(1) as f64 })
}

pub(super) const RESTING: usize = 10_000;
const BATCH: usize = 100;
const CALLERS: u32 = 16;
const ROUNDS: u32 = 5;
