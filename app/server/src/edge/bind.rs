//! Taking an address. One that nobody asked for may be the next free one.

use std::{io, net::SocketAddr};

use steadfast::Error;
use tokio::net::TcpListener;

use crate::settings::{Listen, WhenTaken};

pub(crate) async fn bind(listen: &Listen) -> Result<TcpListener, Error> {
    let mut address = listen.address;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if may_move_on(&error, listen, address) => address.set_port(address.port() + 1),
            bound => return bound.map_err(|error| cannot_listen(address, error)),
        }
    }
}

fn may_move_on(error: &io::Error, listen: &Listen, address: SocketAddr) -> bool {
    let tried = address.port() - listen.address.port();
    error.kind() == io::ErrorKind::AddrInUse
        && listen.when_taken == WhenTaken::TakeTheNext
        && tried < TRIES
        && address.port() < u16::MAX
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::AddrInUse => format!("Another program listens on {address} already."),
        io::ErrorKind::PermissionDenied => format!("This user may not listen on {address}."),
        _ => format!("Listening on {address} is not possible: {error}."),
    };
    Error::unavailable("the address")
        .with_message(message)
        .with_suggestion("Choose another address with `--listen`.")
        .with_source(error)
}

const TRIES: u16 = 100;
