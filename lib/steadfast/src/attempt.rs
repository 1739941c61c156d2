//! Which try of a call this is. It is `Copy`, so that a retried closure can move it into its future.

/// One try of a call, counted from 1.
///
/// ```
/// let attempt = steadfast::Attempt { number: 1, of: 3 };
/// assert_eq!(attempt.to_string(), "attempt 1 of 3");
/// assert!(!attempt.is_last());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// 1 for the first try.
    pub number: u32,
    /// How many tries there will be at most.
    pub of: u32,
}

impl Attempt {
    /// Whether no try follows this one.
    ///
    /// ```
    /// use steadfast::Attempt;
    ///
    /// assert!(Attempt { number: 3, of: 3 }.is_last());
    /// assert!(Attempt { number: 1, of: 1 }.is_last()); // the first can be the last
    /// ```
    pub fn is_last(self) -> bool {
        self.number >= self.of
    }
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "attempt {} of {}", self.number, self.of)
    }
}
