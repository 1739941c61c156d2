//! Others that stand between clients and upstreams, pinned: the house's cost is told beside theirs.

use std::fs;

use super::ways::{Way, environment};
use super::{Found, Need, search};
use crate::child::Child;
use crate::house::House;

const PACKAGES: &str = "litellm[proxy]==1.106.2 vllm-router==0.1.17";

pub(crate) const NGINX: Need = Need {
    name: "nginx",
    what_for: "the gateway's cost beside others'",
    find: |_| search::on_path("nginx").map(|_| Found::default()),
    ways: &[Way::Debian("nginx-light")],
    otherwise: "install it with your package manager",
};

pub(crate) const ROUTERS: Need = Need {
    name: "LiteLLM and vllm-router",
    what_for: "the gateway's cost beside others'",
    find: |house| {
        let folder = house.tools.join("rivals");
        let installed = fs::read_to_string(folder.join(STAMP)).ok()?;
        (installed == PACKAGES)
            .then(|| Found { variables: vec![("STEADFAST_BENCH_PYTHON", folder.into())], folder: None })
    },
    ways: &[Way::Own("pip", fetch)],
    otherwise: "let pip reach a package index",
};

fn fetch(house: &House) -> anyhow::Result<()> {
    let folder = house.tools.join("rivals");
    let python = environment(&folder)?;
    Child::new(python).words("-m pip install --quiet").words(PACKAGES).go()?;
    Ok(fs::write(folder.join(STAMP), PACKAGES)?)
}

/// Written last, so that an installation that was cut off is done again.
const STAMP: &str = "installed";
