//! What a program and its children cost, as the kernel counts it.

use std::{collections::HashMap, fs, time::Duration};

/// Processor time of the whole tree so far, in hundredths of a second.
pub(super) fn cpu(root: u32) -> Duration {
    tree(root).into_iter().map(|pid| Duration::from_millis(10 * ticks(pid))).sum()
}

/// Memory of the whole tree in KiB; what is shared counts by its share.
pub(super) fn memory_kib(root: u32) -> u64 {
    tree(root).into_iter().map(pss).sum()
}

/// Whether the kernel lets this process and those that it starts go before all usual ones.
pub(super) fn goes_first() -> bool {
    matches!(field(std::process::id(), 38), Some(FIRST_COME | IN_TURNS))
}

fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    {
        if let Some(parent) = field(pid, 1) {
            children.entry(parent as u32).or_default().push(pid);
        }
    }
    let (mut found, mut next) = (vec![], vec![root]);
    while let Some(pid) = next.pop() {
        found.push(pid);
        next.extend(children.remove(&pid).unwrap_or_default());
    }
    found
}

fn ticks(pid: u32) -> u64 {
    field(pid, 11).unwrap_or(0) + field(pid, 12).unwrap_or(0)
}

/// A number of `/proc/PID/stat`, counted from behind the program's name, which may contain anything.
fn field(pid: u32, place: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(place)?.parse().ok()
}

fn pss(pid: u32) -> u64 {
    let told = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// `SCHED_FIFO` and `SCHED_RR`.
const FIRST_COME: u64 = 1;
const IN_TURNS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_is_in_its_own_tree() {
        let own = std::process::id();
        assert!(memory_kib(own) > 100);
        assert!(tree(own).contains(&own));
        assert!(tree(1).contains(&own) || tree(1).len() == 1, "all come from the first");
    }
}
