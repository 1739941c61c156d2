//! How important a call is, in three classes; more would need a judge for each border.

use std::fmt;

/// The class of a call. When there is not room for all, the lower class goes first.
///
/// ```
/// use steadfast::Priority;
///
/// assert!(Priority::Background < Priority::Api && Priority::Api < Priority::Interactive);
/// assert_eq!(Priority::default(), Priority::Api);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Priority {
    /// Nobody waits for it: it can be done later.
    Background,
    /// A program waits for it, and can try again.
    #[default]
    Api,
    /// A person waits for it.
    Interactive,
}

impl Priority {
    /// Every class, the least important first.
    pub const ALL: [Self; 3] = [Self::Background, Self::Api, Self::Interactive];

    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::Priority;
    /// assert_eq!(Priority::ALL.map(Priority::as_str), ["background", "api", "interactive"]);
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Api => "api",
            Self::Interactive => "interactive",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
