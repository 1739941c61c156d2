//! Room on the disk, and what a failing disk is called.

use std::{io, path::Path};

use steadfast::{Code, Error};

/// Refuses before the first byte when `needed` bytes will not fit.
pub(super) fn ensure(folder: &Path, needed: u64, keep_free: u64) -> Result<(), Error> {
    let Some(free) = free_bytes(folder) else { return Ok(()) };
    if needed.saturating_add(keep_free) <= free {
        return Ok(());
    }
    Err(Error::disk_full(needed.saturating_add(keep_free), free)
        .with_suggestion(format!("Free some room on the disk of {}, or choose a smaller model.", folder.display())))
}

/// An error of the file system in our words. A full disk is told apart, with how much is left.
pub(super) fn explain(path: &Path, error: io::Error) -> Error {
    let full =
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge);
    if full {
        let free = path.parent().and_then(free_bytes).unwrap_or(0);
        return Error::new(Code::DISK_FULL)
            .with_message(format!("The disk became full while writing; {} MB are left.", free / 1_000_000))
            .with_suggestion("Free some room and load it again: what has arrived is kept.")
            .with_source(error);
    }
    let message = format!("{} cannot be used: {error}.", path.display());
    Error::new(Code::STORAGE_UNAVAILABLE).with_message(message).with_source(error)
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_numbers() {
        let folder = tempfile::tempdir().unwrap();
        assert!(ensure(folder.path(), 1, 0).is_ok());
        let error = ensure(folder.path(), u64::MAX / 2, 0).unwrap_err();
        assert_eq!(error.code(), Code::DISK_FULL);
        assert!(error.message().contains("MB are needed"), "{}", error.message());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_becomes_full_is_told_apart_from_one_that_fails() {
        let mut full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let error = full.write_all(&[0; 4096]).unwrap_err();
        assert_eq!(explain(Path::new("/tmp/model.part"), error).code(), Code::DISK_FULL);
        let other = io::Error::from_raw_os_error(5);
        assert_eq!(explain(Path::new("/tmp/model.part"), other).code(), Code::STORAGE_UNAVAILABLE);
    }
}
