//! The server's own device: the desk, on which the console's users write, with its key.
//!
//! Invariant: made once, with the database; its row in `devices` has no person and index 1.

use gongdan_core::ids::DeviceId;
use gongdan_core::sync::keys::{DeviceKey, PublicKey};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::host::Host;
use crate::store::StoreError;

/// Index of the desk among the devices.
pub const DESK_INDEX: i64 = 1;

/// The desk's id and key.
#[derive(Debug, Clone)]
pub struct ServerKeys {
    /// The desk as a device.
    pub device: DeviceId,
    /// What it signs with.
    pub key: DeviceKey,
}

impl ServerKeys {
    /// What others verify by.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }
}

/// The identity of this database, made if it has none yet.
pub fn load_or_create(tx: &Transaction<'_>, host: &Host) -> Result<ServerKeys, StoreError> {
    let found: Option<([u8; 16], [u8; 32])> = tx
        .query_row("SELECT device, secret_key FROM identity", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((device, secret)) = found {
        return Ok(ServerKeys {
            device: DeviceId::from_bytes(device),
            key: DeviceKey::from_bytes(&secret),
        });
    }
    let now = host.now();
    let secret = host.random::<32>();
    let keys = ServerKeys {
        device: DeviceId::new(now, host.random()),
        key: DeviceKey::from_bytes(&secret),
    };
    tx.execute(
        "INSERT INTO identity (only, device, secret_key, created_at) VALUES (1, ?1, ?2, ?3)",
        params![keys.device.as_bytes(), secret, now.seconds()],
    )?;
    tx.execute(
        "INSERT INTO devices (idx, device, person, name, public_key, enrolled_at, seen_at)
         VALUES (?1, ?2, NULL, 'desk', ?3, ?4, ?4)",
        params![
            DESK_INDEX,
            keys.device.as_bytes(),
            keys.public().as_bytes(),
            now.seconds()
        ],
    )?;
    Ok(keys)
}
