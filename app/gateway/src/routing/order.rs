//! In which order the targets of one chain are asked: as listed, by weight, or as measured.
//!
//! Weights are dealt out in turn (nginx's smooth weighted round-robin), so that 3 + 1 means exactly that and no dice
//! are needed; a session's key picks by rendezvous hashing instead, so that it keeps its target when others come and
//! go (Thaler and Ravishankar, 1998).

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use steadfast::Ranked;

use super::Target;
use crate::settings::{ChainSettings, Order};

/// One chain's memory.
#[derive(Debug, Clone)]
pub(crate) struct ChainOrder {
    weights: Arc<BTreeMap<String, u32>>,
    /// What each link is owed.
    owed: Arc<Mutex<BTreeMap<String, i64>>>,
    /// Over the links' names; present when the chain is ranked.
    pub(super) ranked: Option<Ranked<String>>,
}

impl ChainOrder {
    pub(super) fn new(links: &[String], settings: &ChainSettings) -> Self {
        let ranked = (settings.order == Order::Ranked)
            .then(|| Ranked::new(links.iter().cloned()).at_most(u32::try_from(links.len()).unwrap_or(u32::MAX)));
        Self { weights: Arc::new(settings.weights.clone()), owed: Arc::default(), ranked }
    }

    /// Puts the one whose turn it is in front; the others stay as listed.
    pub(super) fn arrange(&self, mut targets: Vec<Target>, session: Option<&str>) -> Vec<Target> {
        let names: Vec<&str> = targets.iter().map(|target| target.link.as_str()).collect();
        let first = match session {
            Some(key) => self.of_session(&names, key),
            None => self.next_in_turn(&names),
        };
        if let Some(first) = first {
            targets[..=first].rotate_right(1);
        }
        targets
    }

    fn of_session(&self, names: &[&str], key: &str) -> Option<usize> {
        let score = |name: &str| {
            let weight = f64::from(self.weight(name)?);
            let mut hasher = DefaultHasher::new(); // its keys are fixed: the same in every life of the program
            (key, name).hash(&mut hasher);
            // From above 0 to 1: the highest of -weight / ln(hash) wins in proportion to its weight.
            let share = ((hasher.finish() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
            Some(-weight / share.ln())
        };
        let scored = names.iter().enumerate().filter_map(|(place, name)| Some((place, score(name)?)));
        scored.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(place, _)| place)
    }

    fn next_in_turn(&self, names: &[&str]) -> Option<usize> {
        let weighed: Vec<(usize, i64)> =
            names.iter().enumerate().filter_map(|(place, name)| Some((place, i64::from(self.weight(name)?)))).collect();
        let total: i64 = weighed.iter().map(|(_, weight)| weight).sum();
        let mut owed = self.owed.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, weight) in &weighed {
            *owed.entry(names[*place].to_owned()).or_default() += weight;
        }
        let first =
            weighed.iter().map(|(place, _)| *place).rev().max_by_key(|place| owed.get(names[*place]).copied())?;
        owed.entry(names[first].to_owned()).and_modify(|due| *due -= total);
        Some(first)
    }

    fn weight(&self, name: &str) -> Option<u32> {
        self.weights.get(name).copied().filter(|weight| *weight > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(weights: &[(&str, u32)]) -> ChainOrder {
        let weights = weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect();
        ChainOrder::new(&[], &ChainSettings { weights, ..ChainSettings::default() })
    }

    #[test]
    fn weights_are_dealt_out_exactly_and_evenly() {
        let chain = chain(&[("a", 3), ("b", 1)]);
        let firsts: Vec<_> = (0..8).map(|_| chain.next_in_turn(&["a", "b", "c"]).unwrap()).collect();
        assert_eq!(firsts, [0, 0, 1, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn a_chain_without_weights_stays_as_listed() {
        assert_eq!(chain(&[]).next_in_turn(&["a", "b"]), None);
        assert_eq!(chain(&[]).of_session(&["a", "b"], "s"), None);
    }

    #[test]
    fn a_session_keeps_its_target_when_another_goes() {
        let chain = chain(&[("a", 1), ("b", 1), ("c", 1)]);
        for key in (0..200).map(|number| format!("session {number}")) {
            let names = ["a", "b", "c"];
            let before = names[chain.of_session(&names, &key).unwrap()];
            let left: Vec<_> = names.into_iter().filter(|name| *name == before || *name != "c").collect();
            assert_eq!(left[chain.of_session(&left, &key).unwrap()], before);
        }
    }

    #[test]
    fn sessions_spread_by_weight() {
        let chain = chain(&[("a", 3), ("b", 1)]);
        let firsts = (0..2000).filter(|number| chain.of_session(&["a", "b"], &format!("{number}")) == Some(0)).count();
        assert!((1400..1600).contains(&firsts), "{firsts}");
    }
}
