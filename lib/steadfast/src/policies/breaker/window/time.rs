//! What ended in the last while, in ten buckets: constant time for a call and for a judgement. Healthy calls are in
//! the tally's own rings; the rest is here. Surprise: after a move only what came later counts, so the bucket of
//! the move is remembered with what it held.

use super::{
    super::tally::{BUCKETS, Epoch, Scale, Tally},
    Mark, Totals,
};

#[derive(Debug)]
pub(in super::super) struct Time {
    scale: Scale,
    buckets: [Bucket; BUCKETS],
    /// Nothing older counts.
    floor: Epoch,
    /// The healthy calls that were in the floor's bucket already.
    below_floor: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    epoch: Epoch,
    totals: Totals,
}

impl Time {
    /// Empty, and counting from the beginning of time; [`Time::clear`] makes it begin now.
    pub(super) fn new(scale: Scale) -> Self {
        let floor = scale.epoch(0);
        let empty = Bucket { epoch: floor, totals: Totals::default() };
        Self { scale, buckets: [empty; BUCKETS], floor, below_floor: 0 }
    }

    pub(super) fn record(&mut self, tally: &Tally, now: u64, mark: Mark) -> Totals {
        let epoch = self.scale.epoch(now);
        if let Some(bucket) = self.buckets.get_mut(epoch.slot()) {
            if bucket.epoch != epoch {
                *bucket = Bucket { epoch, totals: Totals::default() };
            }
            bucket.totals.add(mark.into());
        }
        self.totals(tally, now)
    }

    pub(super) fn totals(&self, tally: &Tally, now: u64) -> Totals {
        let now = self.scale.epoch(now);
        let since_floor = now.since(self.floor);
        let counts = |epoch| now.since(epoch) < BUCKETS as u64 && now.since(epoch) <= since_floor;
        let mut totals = Totals::default();
        self.buckets.iter().filter(|bucket| counts(bucket.epoch)).for_each(|bucket| totals.add(bucket.totals));
        let below = if counts(self.floor) { self.below_floor } else { 0 };
        totals.calls += tally.within(counts).saturating_sub(below);
        totals
    }

    pub(super) fn clear(&mut self, tally: &Tally, now: u64) {
        let floor = self.scale.epoch(now);
        let empty = Bucket { epoch: floor, totals: Totals::default() };
        let below_floor = tally.within(|epoch| epoch == floor);
        *self = Self { scale: self.scale, buckets: [empty; BUCKETS], floor, below_floor };
    }

    /// Begins with what another window knew, as if all of it had ended now.
    pub(super) fn carry(&mut self, totals: Totals, now: u64) {
        let epoch = self.scale.epoch(now);
        self.floor = epoch;
        if let Some(bucket) = self.buckets.get_mut(epoch.slot()) {
            *bucket = Bucket { epoch, totals };
        }
    }
}
