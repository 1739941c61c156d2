//! Files that hold what the code said when somebody last looked.

use std::{fs, path::PathBuf};

pub(crate) fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures/upstream", name].iter().collect()
}

pub(crate) fn assert_golden(path: &PathBuf, said: &str) {
    if std::env::var_os("STEADFAST_WRITE_FIXTURES").is_some() {
        fs::write(path, said).unwrap();
    }
    let held = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(said, held, "{} differs: run with STEADFAST_WRITE_FIXTURES=1 and read it", path.display());
}
