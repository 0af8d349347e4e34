//! TLS in the server itself: a certificate and its key from files, put in place again without a restart.
//!
//! Invariant: a handshake never holds up another connection, and files that do not fit together never take
//! the place of a pair that does: the old one serves on until they do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls::pki_types::pem};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at for a change.
pub const WATCH_SECONDS: u64 = 5;
/// Seconds a client may take for its handshake.
const HANDSHAKE_SECONDS_MAX: u64 = 10;
/// Handshakes under way at once; more wait in the listen queue.
const HANDSHAKES_MAX: usize = 256;
/// What speaks on an established connection (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// Where certificate and key lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, PEM, with those of its issuers after it.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// Why a pair of files does not serve.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not PEM of what it should hold.
    #[error("read {}", .path.display())]
    Pem {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that is not served.
    #[error("use certificate and key")]
    Pair(#[from] rustls::Error),
}

/// What of the files was looked at last, by hash: only what is new is tried, and told, again.
type Looked = [u8; 32];

/// The certificate that is served.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    serving: RwLock<Arc<CertifiedKey>>,
    looked: Mutex<Looked>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be read or do not fit together.
    pub fn open(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let (certificate, key) = read(&files)?;
        let pair = pair(&files, &provider, &certificate, &key)?;
        Ok(Arc::new(Self {
            files,
            provider,
            serving: RwLock::new(Arc::new(pair)),
            looked: Mutex::new(fingerprint(&certificate, &key)),
        }))
    }

    /// Reads the files again where they have changed since they were last looked at; whether another
    /// certificate serves now. A session that is established goes on.
    ///
    /// # Errors
    /// They cannot be read or do not fit together; what served before serves on.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let (certificate, key) = read(&self.files)?;
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fingerprint(&certificate, &key);
        if *looked == now {
            return Ok(false);
        }
        *looked = now;
        let pair = pair(&self.files, &self.provider, &certificate, &key)?;
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
        Ok(true)
    }

    /// Reads the files again on a hang-up signal and whenever they change, until `shutdown`.
    pub(crate) async fn watch(self: Arc<Self>, shutdown: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_secs(WATCH_SECONDS));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let mut hung_up = hang_ups();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                () = hung_up.next() => {}
            }
            let tls = Arc::clone(&self);
            match crate::store::blocking(move || tls.reload()).await {
                Ok(true) => tracing::info!("a new certificate serves"),
                Ok(false) => {}
                Err(error) => tracing::warn!(
                    error = %crate::api::problem::Chain(&error),
                    "the certificate's files do not serve; the old certificate serves on"
                ),
            }
        }
    }

    fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Tls {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let serving = self.serving.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&serving))
    }
}

fn read(files: &TlsFiles) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
    let file = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| TlsError::File {
            path: path.clone(),
            source,
        })
    };
    Ok((file(&files.certificate)?, file(&files.key)?))
}

fn fingerprint(certificate: &[u8], key: &[u8]) -> Looked {
    Sha256::new()
        .chain_update(Sha256::digest(certificate))
        .chain_update(Sha256::digest(key))
        .finalize()
        .into()
}

fn pair(
    files: &TlsFiles,
    provider: &CryptoProvider,
    certificate: &[u8],
    key: &[u8],
) -> Result<CertifiedKey, TlsError> {
    let wrong = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Pem { path, source }
    };
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(wrong(&files.certificate))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(wrong(&files.key))?;
    Ok(CertifiedKey::from_der(chain, key, provider)?)
}

/// Hang-up signals, where there are any.
struct HangUps {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

fn hang_ups() -> HangUps {
    HangUps {
        #[cfg(unix)]
        signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
    }
}

impl HangUps {
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

/// Connections whose handshake is done.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    /// Takes connections of `listener` and does their handshakes, each in a task of its own.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        tls: &Arc<Tls>,
    ) -> Result<Self, TlsError> {
        let acceptor = tls.acceptor()?;
        let (send, ready) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = take(listener, acceptor, send.clone()) => {}
                () = send.closed() => {}
            }
        });
        Ok(Self { ready, address })
    }
}

async fn take(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    send: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        // Tries again by itself when the process is out of files.
        let (stream, from) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, send) = (acceptor.clone(), send.clone());
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let shaking = acceptor.accept(stream);
            let shaken = tokio::time::timeout(Duration::from_secs(HANDSHAKE_SECONDS_MAX), shaking);
            // Scanners and clients that do not trust the certificate are no news.
            if let Ok(Ok(stream)) = shaken.await {
                drop(place);
                let _ = send.send((stream, from)).await;
            }
        });
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        match self.ready.recv().await {
            Some(ready) => ready,
            // The task that takes connections ends only after this is dropped.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
