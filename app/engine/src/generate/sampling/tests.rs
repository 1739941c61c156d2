//! What the sampler promises, on logits made by hand.

use super::*;

fn sampler(change: impl FnOnce(&mut Sampling)) -> Sampler {
    let mut sampling =
        Sampling { repeat_penalty: Some(1.0), top_p: Some(1.0), min_p: Some(0.0), ..Sampling::default() };
    change(&mut sampling);
    Sampler::new(&sampling, 7).unwrap()
}

fn choose(sampler: &Sampler, logits: &[f32], before: &[Token], position: u64) -> Token {
    sampler.choose(logits, before, position, &mut Desk::default()).unwrap()
}

fn drawn(sampler: &Sampler, logits: &[f32]) -> std::collections::BTreeMap<Token, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for position in 0..4_000 {
        *counts.entry(choose(sampler, logits, &[], position)).or_default() += 1;
    }
    counts
}

#[test]
fn temperature_zero_takes_the_likeliest_and_the_lowest_number_of_equals() {
    let greedy = sampler(|s| s.temperature = Some(0.0));
    assert_eq!(choose(&greedy, &[0.1, 2.0, 2.0, f32::NAN], &[], 3), 1);
}

#[test]
fn the_choice_depends_on_seed_and_position_and_on_nothing_that_was_drawn_before() {
    let logits: Vec<f32> = (0..500).map(|n| (n as f32 * 0.37).sin()).collect();
    let one = sampler(|s| s.seed = Some(1));
    let mut used_desk = Desk::default();
    let forwards: Vec<_> = (0..50).map(|p| one.choose(&logits, &[], p, &mut used_desk).unwrap()).collect();
    let backwards: Vec<_> = (0..50).rev().map(|p| choose(&one, &logits, &[], p)).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
    let other = sampler(|s| s.seed = Some(2));
    assert_ne!(forwards, (0..50).map(|p| choose(&other, &logits, &[], p)).collect::<Vec<_>>());
}

#[test]
fn draws_follow_the_probabilities() {
    let even = sampler(|s| s.temperature = Some(1.0));
    let counts = drawn(&even, &[(0.75_f32).ln(), (0.25_f32).ln()]);
    let share = counts[&0] as f64 / 4_000.0;
    assert!((0.72..0.78).contains(&share), "token 0 should be drawn 75 times in 100, was {share}");
}

#[test]
fn top_k_keeps_that_many() {
    let two = sampler(|s| s.top_k = Some(2));
    assert_eq!(drawn(&two, &[1.0, 1.2, 0.9, 1.1]).keys().copied().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn top_p_keeps_the_likeliest_that_reach_it() {
    let most = sampler(|s| s.top_p = Some(0.6));
    let logits: Vec<f32> = [0.5_f32, 0.3, 0.2].map(f32::ln).to_vec();
    assert_eq!(drawn(&most, &logits).keys().copied().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn min_p_drops_what_is_far_less_likely_than_the_best() {
    let close = sampler(|s| s.min_p = Some(0.5));
    let logits: Vec<f32> = [0.5_f32, 0.3, 0.2].map(f32::ln).to_vec();
    assert_eq!(drawn(&close, &logits).keys().copied().collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn repeats_are_discouraged_within_the_window_only() {
    let penal = sampler(|s| {
        s.temperature = Some(0.0);
        s.repeat_penalty = Some(2.0);
    });
    let logits = [3.0, 2.0];
    assert_eq!(choose(&penal, &logits, &[0], 0), 1);
    let long_ago: Vec<Token> = std::iter::once(0).chain(std::iter::repeat_n(9, REPEAT_WINDOW)).collect();
    assert_eq!(choose(&penal, &logits, &long_ago, 0), 0);
}

#[test]
fn wild_logits_never_panic() {
    let any = sampler(|_| {});
    for logits in [&[f32::NAN; 4][..], &[f32::NEG_INFINITY; 4], &[f32::INFINITY; 4], &[f32::MAX, f32::MIN]] {
        choose(&any, logits, &[-1, 99], u64::MAX);
    }
    assert_eq!(any.choose(&[], &[], 0, &mut Desk::default()), None);
}

#[test]
fn a_value_out_of_range_is_refused_with_its_bounds() {
    for value in [-0.1, 5.1, f32::NAN] {
        let sampling = Sampling { temperature: Some(value), ..Sampling::default() };
        let error = Sampler::new(&sampling, 0).unwrap_err();
        assert!(error.message().contains("between 0 and 5"), "{error}");
    }
}
