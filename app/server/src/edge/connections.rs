//! How many connections are open, in total and from one address. Beyond the limits a caller is turned away.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use steadfast::Clock;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::settings::ConnectionLimits;

#[derive(Debug, Clone)]
pub(super) struct Connections {
    limits: ConnectionLimits,
    counts: Arc<Mutex<Counts>>,
}

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
    pub(super) fn within(limits: ConnectionLimits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    pub(super) fn enter(&self, address: IpAddr) -> Option<Place> {
        let most = if address.is_loopback() { self.limits.per_local_address } else { self.limits.per_address };
        let mut counts = self.counts();
        let here = counts.by_address.get(&address).copied().unwrap_or(0);
        if counts.total >= self.limits.total || here >= most {
            return None;
        }
        counts.total += 1;
        counts.by_address.insert(address, here + 1);
        Some(Place { connections: self.clone(), address })
    }

    fn leave(&self, address: IpAddr) {
        let mut counts = self.counts();
        counts.total -= 1;
        if let Some(here) = counts.by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                counts.by_address.remove(&address);
            }
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits { total: 200, per_address: 20, per_local_address: 50 };

    #[test]
    fn one_address_cannot_take_every_place() {
        let connections = Connections::within(LIMITS);
        let stranger = IpAddr::from([192, 0, 2, 1]);
        let places: Vec<_> = (0..LIMITS.per_address).map(|_| connections.enter(stranger).unwrap()).collect();
        assert!(connections.enter(stranger).is_none());
        assert!(connections.enter(IpAddr::from([192, 0, 2, 2])).is_some());
        drop(places);
        assert!(connections.enter(stranger).is_some());
    }

    #[test]
    fn this_machine_has_a_limit_of_its_own() {
        let connections = Connections::within(LIMITS);
        let own = IpAddr::from([127, 0, 0, 1]);
        let places: Vec<_> = (0..LIMITS.per_local_address).map(|_| connections.enter(own).unwrap()).collect();
        assert!(connections.enter(own).is_none());
        drop(places);
    }

    #[test]
    fn there_is_a_limit_in_total() {
        let connections = Connections::within(LIMITS);
        let places: Vec<_> =
            (0..LIMITS.total).map(|n| connections.enter(IpAddr::from([10, 0, (n / 15) as u8, 1])).unwrap()).collect();
        assert!(connections.enter(IpAddr::from([10, 9, 9, 9])).is_none());
        drop(places);
        assert_eq!(connections.counts().by_address.len(), 0);
    }
}
