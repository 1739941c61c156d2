//! The scripted upstream as a program: `scripted-upstream [PORT]`. Its first line is its address; port 0, the
//! default, is any free one. Runs until it is killed.

use std::{error::Error, io::Write as _, net::Ipv4Addr};

use steadfast::CancelToken;
use tokio::{net::TcpListener, runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(port))
}

async fn run(port: u16) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    Ok(steadfast_providers::scripted_upstream::serve(listener, CancelToken::root("scripted upstream")).await?)
}
