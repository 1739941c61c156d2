//! Does a model fit into memory, and what could make room for it? Only models that answer nothing are unloaded.

use steadfast::Error;
use steadfast_contract::model::ModelPhase;

use super::{
    Host, Slot,
    memory::{self, gigabytes},
    slot::State,
};

impl Host {
    /// "needs 9 GB, 6 GB free"; `None` when it fits, is loaded, or nobody knows.
    pub(super) fn why_it_does_not_fit(&self, index: usize) -> Option<String> {
        let slot = &self.slots[index];
        if slot.look(|state| matches!(state.phase, ModelPhase::Loading | ModelPhase::WarmingUp | ModelPhase::Ready)) {
            return None;
        }
        let free = self.free_after_unloading(index)?;
        (slot.entry.memory_bytes > free)
            .then(|| format!("needs {}, {} free", gigabytes(slot.entry.memory_bytes), gigabytes(free)))
    }

    /// An error when it would not fit even if every idle model made room.
    pub(super) fn ensure_it_could_fit(&self, index: usize) -> Result<(), Error> {
        let Some(why) = self.why_it_does_not_fit(index) else { return Ok(()) };
        let entry = &self.slots[index].entry;
        let error =
            Error::out_of_memory(&entry.name).with_message(format!("{} does not fit into memory: {why}.", entry.name));
        let smaller = self.largest_that_fits();
        Err(match smaller {
            Some(name) => error.with_suggestion(format!("Use {name}, or close other programs.")),
            None => error.with_suggestion("Close other programs, or use a remote model."),
        })
    }

    /// Unloads idle models, longest unused first, until there is room.
    pub(super) async fn make_room(&self, index: usize) -> Result<(), Error> {
        let needed = self.slots[index].entry.memory_bytes;
        for idle in self.idle_longest_first(index) {
            if self.free_now().is_none_or(|free| free >= needed) {
                return Ok(());
            }
            self.unload(idle).await;
        }
        self.ensure_it_could_fit(index)
    }

    fn idle_longest_first(&self, except: usize) -> Vec<usize> {
        let mut idle: Vec<usize> =
            (0..self.slots.len()).filter(|other| *other != except && is_idle(&self.slots[*other])).collect();
        idle.sort_by_key(|other| self.slots[*other].look(|state| state.last_used));
        idle
    }

    fn free_now(&self) -> Option<u64> {
        let sum = |wanted: fn(&State) -> bool| -> u64 {
            self.slots.iter().filter(|slot| slot.look(wanted)).map(|slot| slot.entry.memory_bytes).sum()
        };
        let held = sum(|state| state.running.is_some());
        // Models that are being started have taken their room, though the machine does not show it yet.
        let promised = sum(|state| matches!(state.phase, ModelPhase::Loading | ModelPhase::WarmingUp));
        let allowed = self.settings.memory_limit_bytes.map(|limit| limit.saturating_sub(held));
        [memory::available(), allowed].into_iter().flatten().min().map(|free| free.saturating_sub(promised))
    }

    fn free_after_unloading(&self, except: usize) -> Option<u64> {
        let idle = self.slots.iter().enumerate().filter(|(other, slot)| *other != except && is_idle(slot));
        let freed: u64 = idle.map(|(_, slot)| slot.entry.memory_bytes).sum();
        self.free_now().map(|free| free.saturating_add(freed))
    }

    fn largest_that_fits(&self) -> Option<&str> {
        let fitting = (0..self.slots.len()).filter(|index| self.why_it_does_not_fit(*index).is_none());
        let largest = fitting.max_by_key(|index| self.slots[*index].entry.memory_bytes)?;
        Some(&self.slots[largest].entry.name)
    }
}

pub(super) fn is_idle(slot: &Slot) -> bool {
    slot.look(|state| state.phase == ModelPhase::Ready && state.answers == 0)
}
