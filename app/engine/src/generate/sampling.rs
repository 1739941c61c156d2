//! Chooses the next token from the logits.
//!
//! The random number is a function of the seed and the token's position, never of what was drawn before: that
//! is what lets an answer go on exactly where a dead worker left it.

use serde::{Deserialize, Serialize};
use steadfast::Error;
use steadfast_contract::chat::Sampling;

/// A token's number in the model's vocabulary, as llama.cpp counts.
pub(crate) type Token = i32;

/// How to choose, with every default filled in and every value in range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sampler {
    temperature: f32,
    top_k: u32,
    top_p: f32,
    min_p: f32,
    repeat_penalty: f32,
    seed: u64,
}

impl Sampler {
    /// `fresh_seed` is used when the caller named none.
    pub(crate) fn new(sampling: &Sampling, fresh_seed: u64) -> Result<Self, Error> {
        Ok(Self {
            temperature: in_range("temperature", sampling.temperature, DEFAULT_TEMPERATURE, 0.0, 5.0)?,
            top_k: sampling.top_k.unwrap_or(DEFAULT_TOP_K),
            top_p: in_range("top_p", sampling.top_p, DEFAULT_TOP_P, 0.0, 1.0)?,
            min_p: in_range("min_p", sampling.min_p, DEFAULT_MIN_P, 0.0, 1.0)?,
            repeat_penalty: in_range("repeat_penalty", sampling.repeat_penalty, DEFAULT_REPEAT_PENALTY, 0.1, 10.0)?,
            seed: sampling.seed.unwrap_or(fresh_seed),
        })
    }

    /// The token at `position` of the answer, after the tokens of `before`; `None` when there are no logits.
    pub(crate) fn choose(&self, logits: &[f32], before: &[Token], position: u64, desk: &mut Desk) -> Option<Token> {
        desk.lay_out(logits);
        self.discourage_repeats(before, &mut desk.candidates);
        if self.temperature == 0.0 {
            return desk.candidates.iter().copied().reduce(better).map(|best| best.token);
        }
        self.keep_likely(&mut desk.candidates);
        self.draw(&desk.candidates, position)
    }

    fn discourage_repeats(&self, before: &[Token], candidates: &mut [Candidate]) {
        if self.repeat_penalty == 1.0 {
            return;
        }
        let mut recent = before[before.len().saturating_sub(REPEAT_WINDOW)..].to_vec();
        recent.sort_unstable();
        recent.dedup();
        for token in recent {
            if let Some(candidate) = usize::try_from(token).ok().and_then(|index| candidates.get_mut(index)) {
                let logit = candidate.logit;
                candidate.logit = if logit > 0.0 { logit / self.repeat_penalty } else { logit * self.repeat_penalty };
            }
        }
    }

    /// Leaves the candidates that may be drawn, likeliest first: top-k, then top-p, then min-p.
    fn keep_likely(&self, candidates: &mut Vec<Candidate>) {
        let most = if self.top_k == 0 { candidates.len() } else { self.top_k as usize };
        if most < candidates.len() {
            candidates.select_nth_unstable_by(most, Candidate::likelier_first);
            candidates.truncate(most);
        }
        candidates.sort_unstable_by(Candidate::likelier_first);
        let kept = self.within_top_p(candidates).min(self.above_min_p(candidates));
        candidates.truncate(kept.max(1));
    }

    fn within_top_p(&self, candidates: &[Candidate]) -> usize {
        let total: f64 = weights(candidates, 1.0).sum();
        let wanted = f64::from(self.top_p) * total;
        let mut reached = 0.0;
        for (index, weight) in weights(candidates, 1.0).enumerate() {
            reached += weight;
            if reached >= wanted {
                return index + 1;
            }
        }
        candidates.len()
    }

    fn above_min_p(&self, candidates: &[Candidate]) -> usize {
        let least = f64::from(self.min_p);
        weights(candidates, 1.0).take_while(|weight| *weight >= least).count()
    }

    fn draw(&self, candidates: &[Candidate], position: u64) -> Option<Token> {
        let total: f64 = weights(candidates, self.temperature).sum();
        let mut left = uniform(self.seed, position) * total;
        for (candidate, weight) in candidates.iter().zip(weights(candidates, self.temperature)) {
            left -= weight;
            if left < 0.0 {
                return Some(candidate.token);
            }
        }
        candidates.last().map(|last| last.token)
    }
}

/// Room for the candidates of one choice, kept between choices: a vocabulary is large.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    candidates: Vec<Candidate>,
}

impl Desk {
    fn lay_out(&mut self, logits: &[f32]) {
        self.candidates.clear();
        self.candidates.extend(
            (0..).zip(logits).map(|(token, logit)| Candidate {
                token,
                logit: if logit.is_nan() { f32::NEG_INFINITY } else { *logit },
            }),
        );
    }
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    token: Token,
    logit: f32,
}

impl Candidate {
    /// A total order, ties by token number, so that equal logits never depend on how a sort moves things.
    fn likelier_first(&self, other: &Self) -> std::cmp::Ordering {
        other.logit.total_cmp(&self.logit).then(self.token.cmp(&other.token))
    }
}

fn better(one: Candidate, other: Candidate) -> Candidate {
    if one.likelier_first(&other).is_le() { one } else { other }
}

/// Weights relative to the first candidate, which must be the likeliest and so weighs 1.
fn weights(candidates: &[Candidate], temperature: f32) -> impl Iterator<Item = f64> {
    let top = candidates.first().map_or(0.0, |first| first.logit);
    candidates.iter().map(move |candidate| match f64::from(candidate.logit - top) / f64::from(temperature) {
        gap if gap.is_nan() => 1.0, // both infinite: equally likely
        gap => gap.exp(),
    })
}

/// SplitMix64's output number `position` for this seed, as a fraction below 1.
fn uniform(seed: u64, position: u64) -> f64 {
    let mut bits = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn in_range(name: &str, asked: Option<f32>, default: f32, least: f32, most: f32) -> Result<f32, Error> {
    match asked.unwrap_or(default) {
        value if (least..=most).contains(&value) => Ok(value),
        value => Err(Error::validation(format!("{name} is {value}; it must lie between {least} and {most}."))),
    }
}

const DEFAULT_TEMPERATURE: f32 = 0.7;
const DEFAULT_TOP_K: u32 = 40;
const DEFAULT_TOP_P: f32 = 0.95;
const DEFAULT_MIN_P: f32 = 0.05;
/// Small models fall into loops without it.
const DEFAULT_REPEAT_PENALTY: f32 = 1.1;
const REPEAT_WINDOW: usize = 64;

#[cfg(test)]
mod tests;
