//! Listening and ending. Invariant: on the way down no request that came in is dropped before it had ten
//! seconds to end; streams end at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::connections::{self, Limits};
use crate::host::Host;
use crate::tls::{Tls, TlsListener};
use crate::{AppState, ServerError, router};

/// How long requests may take to end when the server does, in seconds.
const GRACE_SECONDS: u64 = 10;

/// A server that runs in this process.
pub struct Running {
    /// Its state, to look at and to ring.
    pub state: AppState,
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    tls: Option<Arc<Tls>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it serves metrics.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Its address as a URL without a slash at the end.
    pub fn url(&self) -> String {
        format!("{}://{}", self.state.config.scheme(), self.address)
    }

    /// Its certificate, where it speaks TLS itself.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_deref()
    }

    /// Waits until it has ended by itself or by `state.shutdown`.
    ///
    /// # Errors
    /// The network failed, or requests did not end in time.
    pub async fn ended(mut self) -> Result<(), ServerError> {
        let result = tokio::select! {
            result = &mut self.task => result,
            () = async {
                self.state.shutdown.cancelled().await;
                tokio::time::sleep(Duration::from_secs(GRACE_SECONDS)).await;
            } => {
                self.task.abort();
                tracing::warn!("some requests did not end in time");
                return Ok(());
            }
        };
        let source = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(source)) => source,
            Err(join) => std::io::Error::other(join),
        };
        Err(ServerError::Io {
            what: "serve".into(),
            source,
        })
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`Running::ended`].
    pub async fn stop(self) -> Result<(), ServerError> {
        self.state.shutdown.cancel();
        self.ended().await
    }
}

/// Starts a server in this process; port 0 takes a free one.
///
/// # Errors
/// The data folder cannot be opened or the address not be listened on.
pub async fn start(mut config: Config, host: Host) -> Result<Running, ServerError> {
    let io = |what: String| move |source| ServerError::Io { what, source };
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(io(format!("listen on {}", config.listen)))?;
    let address = listener
        .local_addr()
        .map_err(io("ask for the address".into()))?;
    config.listen = address;
    let files = config.tls.clone();
    let tls = crate::store::blocking(move || files.map(Tls::open).transpose()).await?;
    let state = crate::store::blocking(move || AppState::open(config, host)).await?;
    let metrics = match state.config.metrics {
        Some(address) => Some(crate::metrics::listen(state.clone(), address).await?),
        None => None,
    };
    if state.config.time_stamp_url.is_some() {
        tokio::spawn(crate::evidence::worker::run(state.clone()));
    }
    let app = router(state.clone());
    let shutdown = state.shutdown.clone();
    let task = match &tls {
        None => tokio::spawn(connections::serve(listener, app, Limits::SERVER, shutdown)),
        Some(tls) => {
            let listener = TlsListener::start(listener, address, tls)?;
            tokio::spawn(Arc::clone(tls).watch(shutdown.clone()));
            tokio::spawn(connections::serve(listener, app, Limits::SERVER, shutdown))
        }
    };
    tracing::info!(%address, scheme = state.config.scheme(), console = crate::console::is_embedded(), "listening");
    Ok(Running {
        state,
        address,
        metrics,
        tls,
        task,
    })
}

/// Runs the server until the process is told to end; `listening` is called once it takes requests.
///
/// # Errors
/// As [`start`] and [`Running::ended`].
pub async fn serve(config: Config, listening: impl FnOnce(&Running)) -> Result<(), ServerError> {
    let running = start(config, Host::system()).await?;
    listening(&running);
    let shutdown = running.state.shutdown.clone();
    tokio::spawn(async move {
        told_to_end().await;
        tracing::info!("ending");
        shutdown.cancel();
    });
    running.ended().await
}

async fn told_to_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => {
                tokio::select! { () = interrupted => {}, _ = terminated.recv() => {} }
            }
            Err(_) => interrupted.await,
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
