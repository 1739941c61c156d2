//! How many retries a target is worth: a bucket that retries empty and successes fill, shared by all callers, so
//! that a target in trouble does not get more calls than a healthy one. It decides about the sum of all calls;
//! `Retry` decides about one. Surprise: a healthy call reads one word and writes nothing, because a full bucket
//! takes no deposit.

use crate::{Clock, Guidance, RetryAdvice, error::Blame};
use level::Level;
use std::{borrow::Cow, sync::Arc};

mod level;

/// A bucket of tokens for extra calls (retries, hedges) to one target. Clones share their tokens; a builder method
/// gives a new budget, full.
///
/// ```
/// use steadfast::Budget;
///
/// let budget = Budget::tokens(20).named("shop");
/// assert!(budget.try_spend(14)); // a retry of a call that broke
/// assert!(!budget.try_spend(14)); // for a second one there is no room
/// budget.refund(14); // the retry succeeded
/// assert_eq!(budget.available(), 20);
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    level: Level,
}

#[derive(Debug, Clone)]
struct Settings {
    target: Cow<'static, str>,
    clock: Clock,
    /// All in thousandths of a token, so that a ratio is a whole number.
    capacity: u64,
    earned: u64,
    floor_per_ms: u64,
    transient_cost: u32,
    throttled_cost: u32,
    refund: Refund,
}

/// What a retry that succeeded gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refund {
    /// What it cost.
    Cost,
    /// As much as any success.
    Earned,
}

/// 500 tokens: [`Budget::tokens`] with the capacity of the AWS SDKs.
impl Default for Budget {
    fn default() -> Self {
        Self::tokens(AWS_CAPACITY)
    }
}

impl Budget {
    pub(crate) const AWS_TRANSIENT_COST: u32 = 14;

    /// A bucket of at least 1 token, as the AWS SDKs have had it since 2026 ("standard" retry mode, with 500): a
    /// retry costs 14, or 5 when the target asked for a pause; a retry that succeeds gives its cost back, and a call
    /// that succeeds at once gives 1.
    ///
    /// ```
    /// use steadfast::{Budget, Classify, Error};
    ///
    /// let budget = Budget::tokens(20);
    /// let cost = budget.cost_after(Error::connection_lost("shop").guidance());
    /// assert!(budget.try_spend(cost)); // 14
    /// assert!(!budget.try_spend(cost)); // there are 6: one retry it was, not twenty
    /// ```
    pub fn tokens(capacity: u32) -> Self {
        Self::new(Settings {
            target: Cow::Borrowed("target"),
            clock: Clock::real(),
            capacity: thousandths(capacity.max(1)),
            earned: thousandths(1),
            floor_per_ms: 0,
            transient_cost: Self::AWS_TRANSIENT_COST,
            throttled_cost: AWS_THROTTLED_COST,
            refund: Refund::Cost,
        })
    }

    /// At most this share of the successful calls in retries (0 to 1, what is outside is moved to the nearer end, not a
    /// number is 0), with 10 in hand. A retry costs 1 and a success earns `share`, after a retry too. This is gRPC's
    /// throttling (proposal A6); Finagle and linkerd use a share of 0.2.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::ratio(0.2);
    /// assert!(budget.try_spend(10)); // what it has in hand
    /// (0..5).for_each(|_| budget.succeeded());
    /// assert_eq!(budget.available(), 1); // five successes pay for one retry
    /// ```
    pub fn ratio(share: f64) -> Self {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        let settings = Self::tokens(RATIO_IN_HAND).settings();
        Self::new(Settings {
            earned: (share * 1000.0).round() as u64,
            transient_cost: 1,
            throttled_cost: 1,
            refund: Refund::Earned,
            ..settings
        })
    }

    /// Grants this many tokens a second whatever happens, and keeps up to ten seconds of them in hand: the numbers of
    /// Finagle's `RetryBudget`, which grants 10. Without it a target with few calls hardly gets a retry.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Budget, Clock};
    ///
    /// let clock = Clock::manual();
    /// let budget = Budget::ratio(0.0).floor_per_sec(1).with_clock(clock.clone());
    /// assert!(budget.try_spend(10));
    /// clock.advance(Duration::from_secs(3));
    /// assert_eq!(budget.available(), 3); // although no call succeeded
    /// ```
    #[must_use]
    pub fn floor_per_sec(&self, tokens: u32) -> Self {
        let settings = self.settings();
        let in_hand = thousandths(tokens.saturating_mul(FLOOR_IN_HAND_SECS));
        // Tokens a second are thousandths a millisecond.
        Self::new(Settings { floor_per_ms: u64::from(tokens), capacity: settings.capacity.max(in_hand), ..settings })
    }

    /// What a retry costs: after an error that says nothing about a pause, and after one that asked for it.
    ///
    /// ```
    /// use steadfast::{Budget, Classify, Error};
    ///
    /// let budget = Budget::default().costs(10, 1);
    /// assert_eq!(budget.cost_after(Error::connection_lost("shop").guidance()), 10);
    /// assert_eq!(budget.cost_after(Error::rate_limited("shop", None).guidance()), 1);
    /// ```
    #[must_use]
    pub fn costs(&self, transient: u32, throttled: u32) -> Self {
        Self::new(Settings { transient_cost: transient, throttled_cost: throttled, ..self.settings() })
    }

    /// What it protects, for events.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::tokens(20);
    /// assert!(budget.try_spend(14));
    /// let shop = budget.named("shop"); // a new one, with tokens of its own
    /// assert_eq!((shop.target(), shop.available(), budget.available()), ("shop", 20, 6));
    /// ```
    #[must_use]
    pub fn named(&self, target: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Settings { target: target.into(), ..self.settings() })
    }

    /// The time of [`Budget::floor_per_sec`]. Give it the calls' clock when that is a manual one.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Budget, Clock};
    ///
    /// let clock = Clock::manual();
    /// let budget = Budget::tokens(10).floor_per_sec(2).with_clock(clock.clone());
    /// assert!(budget.try_spend(20)); // ten seconds of the floor are more than the ten tokens
    /// clock.advance(Duration::from_millis(500));
    /// assert_eq!(budget.available(), 1);
    /// ```
    #[must_use]
    pub fn with_clock(&self, clock: Clock) -> Self {
        Self::new(Settings { clock, ..self.settings() })
    }

    fn new(settings: Settings) -> Self {
        let level = Level::full(settings.capacity, settings.clock.now());
        Self { shared: Arc::new(Shared { settings, level }) }
    }

    fn settings(&self) -> Settings {
        self.shared.settings.clone()
    }
}

/// Using it.
impl Budget {
    /// Takes `cost` tokens if there are so many. Never takes a part.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::tokens(20);
    /// assert!(!budget.try_spend(21));
    /// assert_eq!(budget.available(), 20);
    /// ```
    pub fn try_spend(&self, cost: u32) -> bool {
        self.grant();
        self.shared.level.take(thousandths(cost))
    }

    /// Puts `tokens` back; what would run over is lost.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::tokens(20);
    /// assert!(budget.try_spend(5));
    /// budget.refund(14);
    /// assert_eq!(budget.available(), 20); // and not 29
    /// ```
    pub fn refund(&self, tokens: u32) {
        self.shared.level.add(thousandths(tokens), self.shared.settings.capacity);
    }

    /// Takes note of a call that succeeded at once. One load when the bucket is full.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::tokens(20);
    /// assert!(budget.try_spend(14));
    /// budget.succeeded();
    /// assert_eq!(budget.available(), 7);
    /// ```
    pub fn succeeded(&self) {
        self.shared.level.add(self.shared.settings.earned, self.shared.settings.capacity);
    }

    /// Takes note of a call that succeeded after a retry of this cost.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let (tokens, ratio) = (Budget::tokens(20), Budget::ratio(0.5));
    /// assert!(tokens.try_spend(14) && ratio.try_spend(1));
    /// tokens.succeeded_after(14);
    /// ratio.succeeded_after(1);
    /// assert_eq!(tokens.available(), 20); // its cost came back
    /// assert_eq!(ratio.available(), 9); // of 9.5: any success earns half a token
    /// ```
    pub fn succeeded_after(&self, cost: u32) {
        match self.shared.settings.refund {
            Refund::Cost => self.refund(cost),
            Refund::Earned => self.succeeded(),
        }
    }

    /// What a retry costs after an error with this guidance.
    ///
    /// ```
    /// use steadfast::{Budget, Classify, Error};
    ///
    /// let budget = Budget::default();
    /// assert_eq!(budget.cost_after(Error::unavailable("shop").guidance()), 14);
    /// // The target is well and asked for a pause.
    /// assert_eq!(budget.cost_after(Error::rate_limited("shop", None).guidance()), 5);
    /// ```
    pub fn cost_after(&self, guidance: Guidance) -> u32 {
        let asked_for_a_pause = matches!(guidance.advice, RetryAdvice::RetryAfter(_)) || guidance.blame == Blame::Quota;
        let Settings { transient_cost, throttled_cost, .. } = self.shared.settings;
        if asked_for_a_pause { throttled_cost } else { transient_cost }
    }

    /// The whole tokens in it now.
    ///
    /// ```
    /// use steadfast::Budget;
    ///
    /// let budget = Budget::ratio(0.3);
    /// assert!(budget.try_spend(1));
    /// budget.succeeded();
    /// assert_eq!(budget.available(), 9); // it holds 9.3
    /// ```
    pub fn available(&self) -> u32 {
        self.grant();
        u32::try_from(self.shared.level.get() / THOUSAND).unwrap_or(u32::MAX)
    }

    /// What it protects.
    ///
    /// ```
    /// use steadfast::Budget;
    /// assert_eq!(Budget::ratio(0.2).target(), "target"); // until it is named
    /// ```
    pub fn target(&self) -> &str {
        &self.shared.settings.target
    }

    pub(crate) fn target_name(&self) -> Cow<'static, str> {
        self.shared.settings.target.clone()
    }

    /// The clock is read only when there is a floor.
    fn grant(&self) {
        let Settings { floor_per_ms, capacity, clock, .. } = &self.shared.settings;
        if *floor_per_ms > 0 {
            self.shared.level.grant(*floor_per_ms, *capacity, clock.now());
        }
    }
}

/// The same bucket, not equal numbers.
impl PartialEq for Budget {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

fn thousandths(tokens: u32) -> u64 {
    u64::from(tokens) * THOUSAND
}

const THOUSAND: u64 = 1000;

/// The numbers of the AWS SDKs' retry mode "standard" of 2026; the third is `Budget::AWS_TRANSIENT_COST`.
const AWS_CAPACITY: u32 = 500;
const AWS_THROTTLED_COST: u32 = 5;

/// The bucket of gRPC's own examples (A6, `maxTokens: 10`).
const RATIO_IN_HAND: u32 = 10;

/// As long as a deposit lives in Finagle's budget.
const FLOOR_IN_HAND_SECS: u32 = 10;
