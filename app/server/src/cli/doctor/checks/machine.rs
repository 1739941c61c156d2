//! Room: a data directory that can be written, disk, memory.

use std::{fs, path::Path};

use super::super::Finding;
use crate::settings::Settings;

pub(super) fn data_dir(settings: &Settings) -> Finding {
    let dir = &settings.data_dir;
    let probe = dir.join(".doctor");
    let written =
        fs::create_dir_all(dir).and_then(|()| fs::write(&probe, b"probe")).and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::good("data directory", format!("{} can be written.", dir.display())),
        Err(error) => Finding::bad(
            "data directory",
            format!("{} cannot be written: {error}.", dir.display()),
            "Choose another one with `--data-dir`, or give this user the right to write there.",
        ),
    }
}

pub(super) fn disk(settings: &Settings) -> Finding {
    let Some(free) = nearest_existing(&settings.models.dir).and_then(free_bytes) else {
        return Finding::warning(
            "disk",
            "How much room is free cannot be told.",
            "Keep 6 GB free for the largest tier.",
        );
    };
    let told = format!("{:.1} GB are free for models.", free as f64 / 1e9);
    match free {
        0..QUICK_NEEDS => Finding::bad(
            "disk",
            told,
            "The smallest model needs 0.2 GB: free some room, or set `models.dir` to another disk.",
        ),
        QUICK_NEEDS..GENIUS_NEEDS => Finding::warning("disk", told, "The largest tier needs about 6 GB."),
        _ => Finding::good("disk", told),
    }
}

pub(super) fn memory() -> Finding {
    let Some(free) = available_memory() else {
        return Finding::warning(
            "memory",
            "How much memory is free cannot be told.",
            "The smallest model needs about 0.5 GB.",
        );
    };
    let told = format!("{:.1} GB are free.", free as f64 / 1e9);
    match free {
        0..HALF_A_GIGABYTE => {
            Finding::bad("memory", told, "The smallest model needs about 0.5 GB: close other programs.")
        }
        _ => Finding::good("memory", told),
    }
}

fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|ancestor| ancestor.exists())
}

fn free_bytes(path: &Path) -> Option<u64> {
    let room = rustix::fs::statvfs(path).ok()?;
    Some(room.f_bavail.saturating_mul(room.f_frsize))
}

/// What the kernel says can be had without swapping; Linux only.
fn available_memory() -> Option<u64> {
    let told = fs::read_to_string("/proc/meminfo").ok()?;
    let line = told.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()?.saturating_mul(1024))
}

const QUICK_NEEDS: u64 = 200_000_000;
const GENIUS_NEEDS: u64 = 6_000_000_000;
const HALF_A_GIGABYTE: u64 = 500_000_000;
