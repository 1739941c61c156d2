//! Measures `lib/steadfast` beside its rivals. `subjects.rs` brings each crate to the conformance suite, `cases.rs`
//! puts the same policies together with each, `meter.rs` measures. It is no member of the house: the rivals are no
//! part of its build.

#![deny(unsafe_code)]

pub mod callgrind;
pub mod cases;
pub mod meter;
pub mod subjects;

/// The version of a crate, as the lock file has it.
pub fn version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted).skip(1);
    lines.next().and_then(|line| line.strip_prefix("version = \"")?.strip_suffix('"')).unwrap_or("?")
}

#[expect(clippy::disallowed_methods, reason = "a table says when it was written; nothing hangs on it")]
/// The date, for the head of a table, as the machine has it.
pub fn today() -> String {
    let days =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02}")
}

/// Days since 1970-01-01 as a date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2021.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn versions_come_from_the_lock_file() {
        assert_eq!(version("seatbelt").split('.').count(), 3);
        assert_eq!(version("no-such-crate"), "?");
    }
}
