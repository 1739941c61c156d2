//! The words of health, and how parts add up to a whole.

use std::{borrow::Cow, fmt, time::Duration};

/// How a part, or the whole, is. A later one is worse; `Unknown` weighs as much as `Degraded` in a verdict.
///
/// ```
/// use steadfast::HealthStatus;
///
/// let worst = [HealthStatus::Up, HealthStatus::Unknown, HealthStatus::Degraded].into_iter().max();
/// assert_eq!(worst, Some(HealthStatus::Unknown));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum HealthStatus {
    /// It works.
    #[default]
    Up,
    /// It works, but slower, or not all of it.
    Degraded,
    /// Nobody knows: it has not been heard from for its limit, or never.
    Unknown,
    /// It does not work.
    Down,
}

/// How everything is.
///
/// ```
/// use steadfast::{Clock, Health};
///
/// let health = Health::new(Clock::real());
/// health.essential("disk").up();
/// let json = serde_json::to_value(health.report())?; // with the feature `serde`
/// assert_eq!(json["verdict"], "up");
/// assert_eq!(json["components"][0]["name"], "disk");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct HealthReport {
    /// The whole in one word; never `Unknown`.
    pub verdict: HealthStatus,
    /// Every part, in the order in which they came.
    pub components: Vec<ComponentReport>,
}

/// How one part is.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Clock, Health};
///
/// let clock = Clock::manual();
/// let health = Health::new(clock.clone());
/// let disk = health.essential("disk");
/// disk.up();
/// clock.advance(Duration::from_secs(60));
/// disk.up(); // heard again, and no change
/// clock.advance(Duration::from_secs(5));
/// let part = health.report().components.remove(0);
/// assert_eq!((part.since, part.heard), (Duration::from_secs(65), Some(Duration::from_secs(5))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ComponentReport {
    /// Which.
    pub name: Cow<'static, str>,
    /// How it is.
    pub status: HealthStatus,
    /// Why, in its own words; empty when it is up.
    pub reason: Cow<'static, str>,
    /// Whether nothing works without it.
    pub essential: bool,
    /// For how long it has been like this.
    pub since: Duration,
    /// How long ago it said something; `None` when it never did.
    pub heard: Option<Duration>,
}

/// What one part means for the whole.
pub(super) fn weigh(essential: bool, status: HealthStatus) -> HealthStatus {
    match (essential, status) {
        (_, HealthStatus::Up) => HealthStatus::Up,
        (true, HealthStatus::Down) => HealthStatus::Down,
        (true, HealthStatus::Degraded | HealthStatus::Unknown) | (false, _) => HealthStatus::Degraded,
    }
}

impl HealthStatus {
    const ALL: [Self; 4] = [Self::Up, Self::Degraded, Self::Unknown, Self::Down];

    /// The stable name on every surface, in snake case.
    ///
    /// ```
    /// use steadfast::HealthStatus;
    ///
    /// assert_eq!(HealthStatus::Degraded.as_str(), "degraded");
    /// assert_eq!(serde_json::to_value(HealthStatus::Degraded)?, "degraded"); // the same word
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::Down => "down",
        }
    }

    /// The reverse of `as u8`; no other number is ever stored.
    pub(super) fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Unknown)
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A line for each, for people and for snapshots.
impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.verdict)?;
        for part in &self.components {
            let (name, status, reason) = (&part.name, part.status, &part.reason);
            let colon = if reason.is_empty() { "" } else { ": " };
            writeln!(f, "  {name}: {status} for {:?}{colon}{reason}", part.since)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_part_means_for_the_whole() {
        let rows = HealthStatus::ALL.map(|status| format!("{status} {} {}", weigh(true, status), weigh(false, status)));
        let expected = ["up up up", "degraded degraded degraded", "unknown degraded degraded", "down down degraded"];
        assert_eq!(rows, expected);
        for status in HealthStatus::ALL {
            assert_eq!(HealthStatus::from_number(status as u8), status);
        }
    }
}
