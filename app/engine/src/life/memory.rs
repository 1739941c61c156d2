//! How much memory a model could get now: what the machine has free, inside the container's limit.

use std::fs;

/// Bytes that could be had without swapping; `None` where this system does not say.
pub(super) fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| meminfo_available(&text));
    let container = container_left();
    [machine, container].into_iter().flatten().min()
}

fn meminfo_available(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Version 2 of control groups, as seen from inside: the limit less what cannot be given back.
fn container_left() -> Option<u64> {
    let read = |name: &str| fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok();
    container_free(&read("memory.max")?, &read("memory.current")?, &read("memory.stat").unwrap_or_default())
}

fn container_free(limit: &str, used: &str, stat: &str) -> Option<u64> {
    let limit: u64 = limit.trim().parse().ok()?; // "max" means none
    let used: u64 = used.trim().parse().ok()?;
    // Pages of files that nobody uses count as used, and are given back when somebody needs the room.
    let spare: u64 = stat
        .lines()
        .find_map(|line| line.strip_prefix("inactive_file "))
        .and_then(|bytes| bytes.trim().parse().ok())
        .unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(spare)))
}

/// "7 GB", "1.2 GB", "0.4 GB".
pub(super) fn gigabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000_000) / 100_000_000;
    if tenths.is_multiple_of(10) {
        format!("{} GB", tenths / 10)
    } else {
        format!("{}.{} GB", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_free_memory_of_machine_and_container_is_read() {
        assert_eq!(meminfo_available("MemTotal: 9 kB\nMemAvailable:   2048 kB\nBuffers: 1 kB\n"), Some(2_097_152));
        assert_eq!(meminfo_available("MemTotal: 9 kB\n"), None);
        assert_eq!(container_free("1000\n", "700\n", "anon 1\ninactive_file 200\n"), Some(500));
        assert_eq!(container_free("max\n", "700\n", ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_how_much_is_free() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }

    #[test]
    fn gigabytes_are_short() {
        assert_eq!([7_000_000_000, 1_230_000_000, 420_000_000].map(gigabytes), ["7 GB", "1.2 GB", "0.4 GB"]);
    }
}
