//! What the host gives: a place for the secret key, somebody to tell of changes, a way to the server.
//!
//! Invariant: no lock of the phone is held while the host is called, so that it may call back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::replica;
use gongdan_core::sync::keys::DeviceKey;

use crate::error::{HostError, PhoneError};
use crate::exchange::{Request, Response};

/// The secrets that a host keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Secret {
    /// By which the device signs.
    DeviceKey,
    /// By which the database is encrypted.
    DatabaseKey,
}

/// Keeps secret keys, each under its name: Android's Keystore, the iOS keychain, files in tests.
#[uniffi::export(with_foreign)]
pub trait KeyStore: Send + Sync {
    /// The 32 secret bytes saved before; nothing where there are none.
    fn load(&self, secret: Secret) -> Result<Option<Vec<u8>>, HostError>;
    /// Saves 32 secret bytes, durably, before it returns.
    fn save(&self, secret: Secret, bytes: Vec<u8>) -> Result<(), HostError>;
    /// Destroys a secret for good, before it returns; one that is not there is no failure.
    fn destroy(&self, secret: Secret) -> Result<(), HostError>;
}

/// Is told of changes, after they are in the store.
#[uniffi::export(with_foreign)]
pub trait Observer: Send + Sync {
    /// These tickets are not as they were. Comes on the thread of the call that changed them.
    fn changed(&self, tickets: Vec<TicketId>) -> Result<(), HostError>;
}

/// Moves bytes to the server and back: OkHttp, URLSession, urllib.
#[uniffi::export(with_foreign)]
#[async_trait::async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and gives what came back, whatever its status. Fails where nothing came back.
    async fn send(&self, request: Request) -> Result<Response, HostError>;
}

/// A secret from the host, made and saved first where there is none and `make` says so.
pub(crate) fn secret(
    store: &dyn KeyStore,
    which: Secret,
    make: bool,
) -> Result<[u8; 32], PhoneError> {
    let saved = store.load(which).map_err(|_| PhoneError::key("failed"))?;
    match saved {
        Some(bytes) => bytes
            .try_into()
            .map_err(|_| PhoneError::key("not_32_bytes")),
        None if make => {
            let bytes = random()?;
            store
                .save(which, bytes.to_vec())
                .map_err(|_| PhoneError::key("failed"))?;
            Ok(bytes)
        }
        None => Err(PhoneError::key("no_key")),
    }
}

/// The device's key.
pub(crate) fn device_key(store: &dyn KeyStore, make: bool) -> Result<DeviceKey, PhoneError> {
    Ok(DeviceKey::from_bytes(&secret(
        store,
        Secret::DeviceKey,
        make,
    )?))
}

/// 32 bytes of the operating system's randomness.
pub(crate) fn random() -> Result<[u8; 32], PhoneError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| PhoneError::key("no_randomness"))?;
    Ok(bytes)
}

/// What the phone's clock says.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Changes that core told while the phone was locked, kept until it is not.
#[derive(Clone, Default)]
pub(crate) struct Changes(Arc<Mutex<Vec<TicketId>>>);

impl replica::Observer for Changes {
    fn changed(&self, tickets: &[TicketId]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(tickets);
    }
}

impl Changes {
    /// Tells the observer what has gathered.
    pub(crate) fn tell(&self, observer: Option<&Arc<dyn Observer>>) {
        let tickets = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(observer) = observer
            && !tickets.is_empty()
        {
            // What happened is in the store: that the host failed to hear of it undoes nothing.
            let _ = observer.changed(tickets);
        }
    }
}
