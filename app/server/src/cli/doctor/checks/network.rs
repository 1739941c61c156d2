//! The port that the server wants, and the hub that models come from.

use std::time::Duration;

use http::Uri;
use steadfast::Clock;
use tokio::net::{TcpStream, lookup_host};

use super::super::Finding;
use crate::{
    app,
    cli::{patience::within, server},
    edge,
    settings::Settings,
};

pub(super) async fn port(settings: &Settings) -> Finding {
    if let Some(address) = server::running(settings).await {
        return Finding::good("port", format!("Steadfast is running at {address}."));
    }
    let wanted = settings.listen.address;
    match edge::bind(&settings.listen).await {
        Err(error) => Finding::bad("port", error.message(), error.suggestion()),
        Ok(listener) => match listener.local_addr().map(|bound| bound.port()) {
            Ok(port) if port != wanted.port() && wanted.port() != 0 => Finding::warning(
                "port",
                format!("{wanted} is taken by another program."),
                format!("Port {port} will be used instead."),
            ),
            _ => Finding::good("port", format!("{wanted} is free.")),
        },
    }
}

/// Only whether somebody answers there; nothing is fetched.
pub(super) async fn hub(settings: &Settings) -> Finding {
    let endpoint = &app::engine_settings(&settings.models, Clock::real()).download.hub_endpoint;
    let reached = within(PATIENCE, reach(endpoint)).await;
    match reached.unwrap_or_else(|| Err("no answer within 3 seconds".to_owned())) {
        Ok(()) => Finding::good("hub", format!("{endpoint} can be reached.")),
        Err(why) => Finding::warning(
            "hub",
            format!("{endpoint} cannot be reached from here: {why}."),
            "Quick also comes through your package index. A mirror can be named with `models.hub_endpoint` or HF_ENDPOINT.",
        ),
    }
}

async fn reach(endpoint: &str) -> Result<(), String> {
    let uri: Uri = endpoint.parse().map_err(|_| "it is not an address".to_owned())?;
    let host = uri.host().ok_or("it names no host")?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    let mut last = format!("{host} has no address");
    for address in lookup_host((host, port)).await.map_err(|error| error.to_string())? {
        match TcpStream::connect(address).await {
            Ok(_connected) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}

const PATIENCE: Duration = Duration::from_secs(3);
