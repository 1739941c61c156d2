//! A line of bytes between the house and an upstream that fails on demand: it knows no HTTP, so whatever goes wrong
//! here is what goes wrong in cables, kernels and balancers. The fault can be changed while connections stand.

use std::{net::SocketAddr, time::Duration};

use steadfast::{CancelReason, CancelToken};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
};

/// What the line does to those who use it. Bytes are counted on the way to the house, per connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Nobody listens, and who was being served is cut off.
    Refuse,
    /// Accepted and reset at once.
    ResetAtOnce,
    /// Bytes go in and none come out, in either direction.
    BlackHole,
    /// Reset after so many bytes.
    ResetAfter(usize),
    /// Ended after so many bytes.
    EndAfter(usize),
    /// Each piece comes so much later.
    Delay(Duration),
    /// So many bytes a second.
    Bandwidth(u32),
    /// One byte at a time, as fast as they go.
    Slices,
}

/// A proxy that stands as long as this value.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    token: CancelToken,
}

impl FaultProxy {
    pub fn before(upstream: SocketAddr) -> Self {
        let (fault, orders) = watch::channel(Fault::None);
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let token = CancelToken::root("fault proxy");
        let door = Door { address, upstream, orders, token: token.clone() };
        drop(token.spawn("door", door.keep(listener)));
        Self { address, fault, token }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, for standing connections too.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.token.cancel(CancelReason::Shutdown);
    }
}

/// A port on which a connection is never answered: its line of waiting callers is full, and the kernel drops who
/// comes next, as a firewall does.
#[derive(Debug)]
pub struct ClosedGate {
    address: SocketAddr,
    _waiting: Vec<TcpStream>,
    _listener: TcpListener,
}

impl ClosedGate {
    pub async fn shut() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
        let listener = socket.listen(1).expect("it can be listened on");
        let address = listener.local_addr().expect("a listener has an address");
        let mut waiting = vec![];
        // Until one has to wait: then the line is full.
        while let Ok(Ok(caller)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            waiting.push(caller);
        }
        Self { address, _waiting: waiting, _listener: listener }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

struct Door {
    address: SocketAddr,
    upstream: SocketAddr,
    orders: watch::Receiver<Fault>,
    token: CancelToken,
}

impl Door {
    /// Opens and shuts as ordered, until the token ends it.
    async fn keep(mut self, first: TcpListener) {
        let mut open = Some(first);
        loop {
            let fault = *self.orders.borrow_and_update();
            if fault == Fault::Refuse {
                open = None;
            } else if open.is_none() {
                open = listen(self.address).ok();
            }
            let accepted = async {
                match &open {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.orders.changed() => {}
                _reason = self.token.cancelled() => return,
                accepted = accepted => if let Ok((house, _)) = accepted {
                    self.serve(house);
                }
            }
        }
    }

    fn serve(&self, house: TcpStream) {
        if *self.orders.borrow() == Fault::ResetAtOnce {
            house.set_zero_linger().ok(); // a line that is gone already is as good
            return;
        }
        let (upstream, orders, token) = (self.upstream, self.orders.clone(), self.token.child("line"));
        // How a broken line ends is the test's business.
        drop(self.token.spawn("line", async move {
            token.run(Line { house, orders }.carry(upstream)).await.ok();
        }));
    }
}

struct Line {
    house: TcpStream,
    orders: watch::Receiver<Fault>,
}

/// How a line comes to its end.
enum Ending {
    Fin,
    Reset,
}

impl Line {
    async fn carry(mut self, upstream: SocketAddr) {
        let Ok(mut upstream) = TcpStream::connect(upstream).await else {
            self.house.set_zero_linger().ok(); // as above
            return;
        };
        self.house.set_nodelay(true).ok(); // late bytes would still be the right ones
        upstream.set_nodelay(true).ok(); // as above
        if let Ending::Reset = self.exchange(&mut upstream).await {
            self.house.set_zero_linger().ok(); // as above
            upstream.set_zero_linger().ok(); // as above
        }
    }

    async fn exchange(&mut self, upstream: &mut TcpStream) -> Ending {
        let (mut asked, mut told, mut carried) = (vec![0; 16 << 10], vec![0; 16 << 10], 0);
        loop {
            let fault = *self.orders.borrow_and_update();
            match fault {
                // A host that is down has no standing lines either.
                Fault::Refuse => return Ending::Reset,
                Fault::BlackHole => {
                    if self.orders.changed().await.is_err() {
                        return Ending::Fin;
                    }
                    continue;
                }
                _ => {}
            }
            tokio::select! {
                changed = self.orders.changed() => if changed.is_err() { return Ending::Fin },
                read = self.house.read(&mut asked) => match read {
                    Ok(0) => return Ending::Fin,
                    Ok(count) => if upstream.write_all(&asked[..count]).await.is_err() { return Ending::Reset },
                    Err(_) => return Ending::Reset,
                },
                read = upstream.read(&mut told) => match read {
                    Ok(0) => return Ending::Fin,
                    Ok(count) => if let Some(ending) = self.tell(&told[..count], &mut carried).await { return ending },
                    Err(_) => return Ending::Reset,
                },
            }
        }
    }

    /// Hands bytes on in the way that is ordered; `Some` when that was the end.
    async fn tell(&mut self, bytes: &[u8], carried: &mut usize) -> Option<Ending> {
        let fault = *self.orders.borrow();
        let (most, ending) = match fault {
            Fault::ResetAfter(most) => (most.saturating_sub(*carried), Some(Ending::Reset)),
            Fault::EndAfter(most) => (most.saturating_sub(*carried), Some(Ending::Fin)),
            _ => (usize::MAX, None),
        };
        *carried += bytes.len();
        let (bytes, ending) = if bytes.len() >= most { (&bytes[..most], ending) } else { (bytes, None) };
        let written = match fault {
            Fault::Delay(delay) => {
                tokio::time::sleep(delay).await;
                self.house.write_all(bytes).await
            }
            Fault::Bandwidth(per_second) => self.slices(bytes, Duration::from_secs(1) / per_second.max(1)).await,
            Fault::Slices => self.slices(bytes, Duration::ZERO).await,
            _ => self.house.write_all(bytes).await,
        };
        if written.is_err() { Some(Ending::Reset) } else { ending }
    }

    async fn slices(&mut self, bytes: &[u8], pause: Duration) -> std::io::Result<()> {
        for byte in bytes {
            self.house.write_all(std::slice::from_ref(byte)).await?;
            if pause.is_zero() {
                tokio::task::yield_now().await;
            } else {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}

/// Also on an address that was left a moment ago.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An upstream that says `hello` to whoever comes, and waits for the other to leave.
    fn greeter(token: &CancelToken) -> SocketAddr {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let own = token.clone();
        drop(token.spawn("greeter", async move {
            while let Ok(Ok((mut caller, _))) = own.run(listener.accept()).await {
                caller.write_all(b"hello").await.ok();
                let mut rest = vec![];
                caller.read_to_end(&mut rest).await.ok();
            }
        }));
        address
    }

    async fn heard(proxy: &FaultProxy, at_most: usize) -> std::io::Result<String> {
        let mut line = TcpStream::connect(proxy.address()).await?;
        let mut said = vec![0; at_most];
        let mut count = 0;
        while count < at_most {
            match line.read(&mut said[count..]).await? {
                0 => break,
                more => count += more,
            }
        }
        Ok(String::from_utf8_lossy(&said[..count]).into_owned())
    }

    #[tokio::test]
    async fn each_fault_is_what_it_says_and_goes_when_it_is_told_to() {
        let token = CancelToken::root("test");
        let proxy = FaultProxy::before(greeter(&token));
        assert_eq!(heard(&proxy, 5).await.unwrap(), "hello");
        proxy.set(Fault::EndAfter(3));
        assert_eq!(heard(&proxy, 5).await.unwrap(), "hel");
        proxy.set(Fault::ResetAfter(0));
        assert_eq!(heard(&proxy, 5).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        proxy.set(Fault::ResetAtOnce);
        assert_eq!(heard(&proxy, 5).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        proxy.set(Fault::Slices);
        assert_eq!(heard(&proxy, 5).await.unwrap(), "hello");
        proxy.set(Fault::Refuse);
        // The door hears of it a moment later.
        while heard(&proxy, 5).await.is_ok() {}
        proxy.set(Fault::None);
        while heard(&proxy, 5).await.is_err() {}
        token.cancel(CancelReason::Shutdown);
    }

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_through() {
        let gate = ClosedGate::shut().await;
        let caller = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(gate.address())).await;
        assert!(caller.is_err(), "{caller:?}");
    }
}
