//! The server of Gongdan: accounts, devices, attachments, the relay's surface over HTTP, the console.
//!
//! Invariant: handlers get everything through [`AppState`]; time and randomness come from its [`Host`], so
//! that a test runs the real server with its own.

pub mod api;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod blobs;
pub mod cli;
pub mod config;
mod connections;
pub mod console;
pub mod evidence;
pub mod gate;
pub mod host;
pub mod import;
pub mod metrics;
pub mod organisation;
mod phone;
pub mod read_model;
pub mod relay;
pub mod server;
pub mod spreadsheet;
pub mod store;
pub mod tls;
pub mod verify;
pub mod wake;

use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

use auth::certificates;
use auth::identity::{self, ServerKeys};
use auth::passkeys::Passkeys;
use auth::password::Passwords;
use blobs::BlobStore;
use config::Config;
use gongdan_core::sync::keys::DeviceKey;
use host::Host;
use relay::Relay;
use store::{Database, StoreError};
use wake::Wake;

pub use server::{Running, serve, start};

/// What every handler gets; clones share it.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub db: Database,
    /// Rings after commits.
    pub wake: Wake,
    /// The desk's id and key.
    pub keys: Arc<ServerKeys>,
    /// The organisation's key, which certifies devices.
    pub organisation_key: Arc<DeviceKey>,
    /// The operator's settings; `listen` is the address really listened on.
    pub config: Arc<Config>,
    /// The attachments.
    pub blobs: BlobStore,
    /// Time and randomness.
    pub host: Host,
    /// The relay: the only way anything is written to a ticket.
    pub relay: Relay,
    /// Checks passwords.
    pub passwords: Passwords,
    /// What is counted for the operator.
    pub metrics: metrics::Metrics,
    /// Reads that the audit chain has been told of just now.
    pub(crate) recent: audit::Recent,
    /// Passkeys' ceremonies.
    pub passkeys: Passkeys,
    /// Cancelled when the server is to end.
    pub shutdown: CancellationToken,
}

/// The server could not start or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database.
    #[error("open the data folder")]
    Store(#[from] StoreError),
    /// A restore was interrupted in this folder.
    #[error("open the data folder: a restore into it was not finished; run it again")]
    UnfinishedRestore,
    /// Certificate and key.
    #[error("serve with TLS")]
    Tls(#[from] tls::TlsError),
    /// A file or the network.
    #[error("{what}")]
    Io {
        /// What was attempted.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl AppState {
    /// Opens the data folder, and makes it with its database and identity if it is new. Blocks.
    ///
    /// # Errors
    /// The folder or the database cannot be opened.
    pub fn open(config: Config, host: Host) -> Result<Self, ServerError> {
        let io = |source| ServerError::Io {
            what: format!("make {}", config.data.display()),
            source,
        };
        if backup::is_unfinished(&config.data) {
            return Err(ServerError::UnfinishedRestore);
        }
        std::fs::create_dir_all(&config.data).map_err(io)?;
        let blobs = BlobStore::open(&config.data).map_err(io)?;
        let db = Database::open(config.database_path())?;
        let keys = Arc::new(db.write(|tx| identity::load_or_create(tx, &host))?);
        let organisation_key = db.write(|tx| {
            let key = certificates::load_or_create(tx, &host)?;
            certificates::issue_missing(tx, &key, &host)?;
            Ok::<_, StoreError>(Arc::new(key))
        })?;
        let wake = Wake::default();
        let relay = Relay::start(db.clone(), keys.clone(), host.clone(), wake.clone())?;
        let passkeys = Passkeys::new(&config.url());
        Ok(Self {
            db,
            relay,
            passkeys,
            organisation_key,
            wake,
            keys,
            config: Arc::new(config),
            blobs,
            passwords: Passwords::new(&host),
            metrics: metrics::Metrics::default(),
            recent: audit::Recent::default(),
            host,
            shutdown: CancellationToken::new(),
        })
    }
}

/// Everything the server answers, over a state.
pub fn router(state: AppState) -> Router {
    api::router(state)
}
