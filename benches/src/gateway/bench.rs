//! The upstream, and everybody who stands in front of it, one after the other.

use super::{
    cores::Cores,
    figures::Figures,
    measure::{self, Pace, RESTING},
    mock::Mock,
    peers::Peers,
};

/// A resting stream is two open files in whoever is measured, and two here.
#[derive(Debug)]
pub struct Bench {
    mock: Mock,
    cores: Cores,
    resting: usize,
}

impl Bench {
    pub const NAMES: [&'static str; 4] = Peers::NAMES;

    /// `files`: how many each process may have open.
    pub async fn start(cores: Cores, files: u64) -> anyhow::Result<Self> {
        let pairs = usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(RESTING);
        Ok(Self { mock: Mock::start().await?, cores, resting: RESTING.min(pairs) })
    }

    /// An error says why it cannot be had.
    pub async fn measure(&self, name: &str) -> anyhow::Result<Figures> {
        let peers = Peers::before(self.mock.address, self.cores);
        let pace = if name == Peers::SLOW { Pace::Slow } else { Pace::Fast };
        let mut figures = measure::measure(&peers.nobody(), &peers.start(name).await?, pace).await?;
        if pace == Pace::Fast {
            // A fresh one: nothing of what it has done before is in its memory.
            figures.resting = Some(measure::rest(&peers.start(name).await?, self.resting).await?);
        }
        Ok(figures)
    }
}

/// What a program has open beside its streams.
const OTHER_FILES: u64 = 80;
