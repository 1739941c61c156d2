//! Keeps the number of different label values bounded. A value that is known costs a read lock.

use metrics::Label;
use std::{
    collections::{HashMap, HashSet},
    sync::{PoisonError, RwLock},
};

#[derive(Debug, Default)]
pub(super) struct Labels(RwLock<HashMap<&'static str, HashSet<String>>>);

impl Labels {
    /// The labels, with `other` for values beyond the bound.
    pub(super) fn bounded(&self, labels: &[(&'static str, &str)]) -> Vec<Label> {
        let bounded = |(key, value): &(&'static str, &str)| match self.admits(key, value) {
            true => Label::new(*key, (*value).to_owned()),
            false => Label::from_static_parts(key, OTHER),
        };
        labels.iter().map(bounded).collect()
    }

    fn admits(&self, key: &'static str, value: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (is_known, is_full) =
            known.get(key).map_or((false, false), |values| (values.contains(value), values.len() >= MAX_VALUES));
        drop(known);
        if is_known || is_full {
            return is_known;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let values = known.entry(key).or_default();
        // Somebody may have taken the last place meanwhile.
        values.contains(value) || (values.len() < MAX_VALUES && values.insert(value.to_owned()))
    }
}

const OTHER: &str = "other";

/// A choice: Prometheus' own advice is to stay below 10 for most and to look for another way above 100.
const MAX_VALUES: usize = 100;
