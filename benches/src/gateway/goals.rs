//! What the house may cost. The numbers are what a bare relay with a journal was measured to need, rounded up.

use super::{
    figures::{Figures, Resting},
    peers::Peers,
};

/// One goal, and how far the house came.
#[derive(Debug)]
pub struct Goal {
    pub what: &'static str,
    pub(super) unit: &'static str,
    pub(super) at_most: f64,
    /// `None` when it could not be measured, which is a miss.
    pub(super) came_to: Option<f64>,
}

impl Goal {
    pub(super) fn all(house: &Figures) -> [Self; 6] {
        let goal = |what, unit, at_most, came_to| Self { what, unit, at_most, came_to };
        let resting = house.resting.filter(|rest| rest.had >= NEARLY_ALL).map(|Resting { each_kib, .. }| each_kib);
        [
            goal("added latency, p50", "ms", 0.1, Some(house.added_ms(0.5))),
            goal("added latency, p99", "ms", 0.2, Some(house.added_ms(0.99))),
            goal("processor time of a JSON question", "ms", 0.05, Some(house.question_ms())),
            goal("processor time of a streamed event", "µs", 15.0, Some(house.event_us())),
            goal("memory above idle at 256 streams", "MiB", 30.0, Some(house.at_256_mib())),
            goal("memory of a resting stream, of 10,000", "KiB", 25.0, resting),
        ]
    }

    /// Every goal when the house itself was not measured.
    pub fn missed(measured: &[Figures]) -> impl Iterator<Item = Self> {
        let house = measured.iter().find(|figures| figures.name == Peers::HOUSE);
        house.map(Self::all).into_iter().flatten().filter(|goal| !goal.is_met())
    }

    pub(super) fn is_met(&self) -> bool {
        self.came_to.is_some_and(|came_to| came_to <= self.at_most)
    }
}

/// Of ten thousand: a machine that allows a process 20,000 files and no more has room for a few less.
const NEARLY_ALL: usize = 9_900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_measured_is_missed() {
        let goal = |came_to| Goal { what: "", unit: "", at_most: 1.0, came_to };
        assert!(goal(Some(1.0)).is_met());
        assert!(!goal(Some(1.1)).is_met());
        assert!(!goal(None).is_met());
    }
}
