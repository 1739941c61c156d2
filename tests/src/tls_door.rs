//! A door with a certificate before an upstream that speaks plain HTTP: a good one, and those that nobody may trust.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{ServerConfig, crypto, pki_types::PrivateKeyDer};
use steadfast::{CancelReason, CancelToken};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Good,
    Expired,
    /// Good for another server.
    OtherName,
    /// Nobody that the house trusts stands behind it.
    UnknownAuthority,
}

/// Stands as long as this value.
#[derive(Debug)]
pub struct TlsDoor {
    address: SocketAddr,
    authority: PathBuf,
    knocks: Arc<AtomicUsize>,
    token: CancelToken,
}

impl TlsDoor {
    /// The authority's certificate lies in `dir` afterwards, for the house to trust.
    pub async fn before(upstream: SocketAddr, certificate: Certificate, dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let authority = dir.join("authority.pem");
        let acceptor = acceptor(certificate, &authority);
        let (knocks, token) = (Arc::<AtomicUsize>::default(), CancelToken::root("tls door"));
        let door = Door { upstream, acceptor, knocks: Arc::clone(&knocks), token: token.clone() };
        drop(token.spawn("door", door.keep(listener)));
        Self { address, authority, knocks, token }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the house must find in `SSL_CERT_FILE` to trust a good door.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// How many connections were begun.
    pub fn knocks(&self) -> usize {
        self.knocks.load(Ordering::Relaxed)
    }
}

impl Drop for TlsDoor {
    fn drop(&mut self) {
        self.token.cancel(CancelReason::Shutdown);
    }
}

struct Door {
    upstream: SocketAddr,
    acceptor: TlsAcceptor,
    knocks: Arc<AtomicUsize>,
    token: CancelToken,
}

impl Door {
    async fn keep(self, listener: TcpListener) {
        while let Ok(Ok((socket, _peer))) = self.token.run(listener.accept()).await {
            self.knocks.fetch_add(1, Ordering::Relaxed);
            let (acceptor, upstream) = (self.acceptor.clone(), self.upstream);
            drop(self.token.spawn("line", async move {
                // Who does not trust the door goes away, which is theirs to do.
                let Ok(mut inside) = acceptor.accept(socket).await else { return };
                let mut outside = TcpStream::connect(upstream).await.expect("the upstream stands");
                tokio::io::copy_bidirectional(&mut inside, &mut outside).await.ok();
            }));
        }
    }
}

fn acceptor(certificate: Certificate, authority: &Path) -> TlsAcceptor {
    let (trusted, stranger) = (an_authority("trusted"), an_authority("stranger"));
    std::fs::write(authority, trusted.0).expect("the authority can be written");
    let name = if certificate == Certificate::OtherName { "elsewhere.example" } else { "127.0.0.1" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(if certificate == Certificate::Expired { 2002 } else { 2999 }, 1, 1);
    let issuer = if certificate == Certificate::UnknownAuthority { stranger.1 } else { trusted.1 };
    let key = KeyPair::generate().expect("a key");
    let signed = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key as rustls wants it");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)
        .expect("the certificate fits its key");
    TlsAcceptor::from(Arc::new(config))
}

/// Its certificate, as text, and itself.
fn an_authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(vec![]).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    (certificate, Issuer::new(params, key))
}
