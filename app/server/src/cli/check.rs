//! `steadfast check`: the settings were read and hold, or we would not be here.

use serde_json::json;

use super::out::{Failed, Out};
use crate::settings::Settings;

pub(super) fn check(settings: &Settings, out: Out) -> Result<(), Failed> {
    let file = settings.file.as_ref().map(|file| file.display().to_string());
    let upstreams: Vec<&str> = settings.upstreams.iter().map(|upstream| upstream.name.as_str()).collect();
    let limits = settings.connections;
    if out.is_for_programs() {
        return out.json(&json!({
            "file": file,
            "listen": settings.listen.address.to_string(),
            "connections": {
                "total": limits.total,
                "per_address": limits.per_address,
                "per_local_address": limits.per_local_address,
            },
            "data_dir": settings.data_dir,
            "models_dir": settings.models.dir,
            "start": settings.models.start,
            "upstreams": upstreams,
            "tiers": settings.gateway.tiers,
        }));
    }
    out.line(&format!("The settings hold ({}).", file.as_deref().unwrap_or("no file, all defaults")))?;
    out.line(&format!("listen      {}", settings.listen.address))?;
    out.line(&format!(
        "connections {} in all, {} from one address, {} from one of this machine's",
        limits.total, limits.per_address, limits.per_local_address
    ))?;
    out.line(&format!("data_dir    {}", settings.data_dir.display()))?;
    out.line(&format!("models      {}", settings.models.dir.display()))?;
    out.line(&format!("start       {}", settings.models.start.as_deref().unwrap_or("nothing")))?;
    out.line(&format!("upstreams   {}", if upstreams.is_empty() { "none".to_owned() } else { upstreams.join(", ") }))
}
