//! How many connections are open, in total and from one address. Beyond the limits a caller is turned away.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use steadfast::Clock;
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A counted connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    address: IpAddr,
}

impl Connections {
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let per_address = if address.is_loopback() { PER_LOOPBACK_ADDRESS } else { PER_ADDRESS };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.total >= IN_TOTAL || here >= per_address {
            return None;
        }
        counts.total += 1;
        counts.by_address.insert(address, here + 1);
        Some(Place { connections: self.clone(), address })
    }

    fn leave(&self, address: IpAddr) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.total -= 1;
        if let Some(here) = counts.by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.leave(self.address);
    }
}

/// Says that there is no room, without reading a byte, and closes.
pub(super) async fn turn_away(mut stream: TcpStream, clock: &Clock) {
    // Whether the caller hears it is up to the caller; there is nothing left to do for us.
    tokio::select! {
        _told = stream.write_all(crate::error_reply::NO_ROOM.as_bytes()) => {}
        () = clock.sleep(Duration::from_secs(1)) => {}
    }
}

const IN_TOTAL: usize = 1024;
/// Browsers, agents and load tests of this machine all come from one address.
const PER_LOOPBACK_ADDRESS: usize = 256;
const PER_ADDRESS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let connections = Connections::default();
        let stranger = IpAddr::from([192, 0, 2, 1]);
        let places: Vec<_> = (0..PER_ADDRESS).map(|_| connections.enter(stranger).unwrap()).collect();
        assert!(connections.enter(stranger).is_none());
        assert!(connections.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(places);
        assert!(connections.enter(stranger).is_some());
    }

    #[test]
    fn there_is_a_limit_in_total() {
        let connections = Connections::default();
        let places: Vec<_> =
            (0..IN_TOTAL).map(|n| connections.enter(IpAddr::from([10, 0, (n / 60) as u8, 1])).unwrap()).collect();
        assert!(connections.enter(IpAddr::from([10, 9, 9, 9])).is_none());
        drop(places);
        assert_eq!(connections.0.lock().unwrap().by_address.len(), 0);
    }
}
