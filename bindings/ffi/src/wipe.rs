//! A phone that is to hold nothing any more: by the office's order, or because its person leaves it.
//!
//! ```text
//! a mark beside the database ──▶ the database's key destroyed ──▶ files deleted ──▶ reported ──▶ mark gone
//! ```
//! Invariant: cut off at any point it goes on at the next opening, and the key is gone before the office hears
//! that it is.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use gongdan_core::exchange::WIPED_PATH;
use gongdan_core::replica::WipeOrder;

use crate::error::PhoneError;
use crate::exchange::{Request, send};
use crate::host::{KeyStore, Secret, Transport, now};
use crate::phone::Phone;

/// What SQLite keeps beside a database.
const FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

fn beside(path: &str, suffix: &str) -> PathBuf {
    format!("{path}{suffix}").into()
}

fn mark(path: &str) -> PathBuf {
    beside(path, ".wiped")
}

fn unusable<E>(_: E) -> PhoneError {
    PhoneError::store("unusable")
}

/// Whether the phone at `path` was to be wiped; then the wipe is gone through again.
pub(crate) fn go_on(path: &str, key_store: &dyn KeyStore) -> Result<bool, PhoneError> {
    if !mark(path).exists() {
        return Ok(false);
    }
    destroy(path, key_store)?;
    Ok(true)
}

/// The mark holds the signed report, for the key that signs it may be made of what goes with the database.
fn write_mark(path: &str, report: &str) -> std::io::Result<()> {
    let mut file = File::create(mark(path))?;
    file.write_all(report.as_bytes())?;
    file.sync_all()
}

/// Without its key the database is noise; that its files go too is tidiness.
pub(crate) fn destroy(path: &str, key_store: &dyn KeyStore) -> Result<(), PhoneError> {
    key_store
        .destroy(Secret::DatabaseKey)
        .map_err(|_| PhoneError::key("failed"))?;
    for suffix in FILES {
        let _ = fs::remove_file(beside(path, suffix));
    }
    Ok(())
}

#[uniffi::export]
impl Phone {
    /// The office's order to wipe this phone, with what it still waits for; nothing where there is none. While
    /// it waits the screens are locked (`wipe_ordered`), and what is to be sent goes on being sent.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn wipe_order(&self) -> Result<Option<WipeOrder>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.wipe_order()?))
    }

    /// Carries out an order to wipe that waits for nothing any more: the database's key is destroyed, its
    /// files are deleted, and every other call fails with `wiped`. `false` where there is no such order.
    /// `sync` does it by itself; tell the office by `report_wipe`.
    ///
    /// # Errors
    /// [`PhoneError::Store`], [`PhoneError::Key`] with `failed`: call it again, or open the phone.
    pub fn carry_out_wipe(&self) -> Result<bool, PhoneError> {
        let due = self.wipe_order()?.is_some_and(|order| order.is_due());
        if due {
            let report = self.with(|exchange| Ok(exchange.sign("POST", WIPED_PATH, now(), &[])))?;
            write_mark(self.path(), &report).map_err(unusable)?;
            self.close_for_good()?;
            destroy(self.path(), self.key_store())?;
        }
        Ok(due)
    }
}

/// Tells the office that the phone which lived at `path` is wiped, and destroys the device's key after it.
/// Until then opening the phone fails with `wiped`; afterwards with `not_enrolled`.
///
/// # Errors
/// [`PhoneError::Network`], [`PhoneError::Server`]: call it again later. [`PhoneError::Store`] with
/// `not_enrolled` where nothing was wiped, [`PhoneError::Key`].
#[uniffi::export]
pub async fn report_wipe(
    path: String,
    transport: Arc<dyn Transport>,
    key_store: Arc<dyn KeyStore>,
) -> Result<(), PhoneError> {
    if !go_on(&path, &*key_store)? {
        return Err(PhoneError::store("not_enrolled"));
    }
    let report = fs::read_to_string(mark(&path)).map_err(unusable)?;
    let request = Request {
        method: "POST".to_owned(),
        path: WIPED_PATH.to_owned(),
        authorization: Some(report),
        content_type: "application/octet-stream".to_owned(),
        body: Vec::new(),
    };
    send(&*transport, request).await?.success()?;
    key_store
        .destroy(Secret::DeviceKey)
        .map_err(|_| PhoneError::key("failed"))?;
    fs::remove_file(mark(&path)).map_err(unusable)
}
