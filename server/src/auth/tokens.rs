//! Bearer tokens of devices, for what a signature over the whole body does not suit: attachments and the
//! wake stream. Invariant: short-lived, and never more than the device itself may.

use gongdan_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::devices::{self, Device};
use super::{hash_secret, new_secret};
use crate::host::Host;
use crate::store::StoreError;

/// How long a token serves, in seconds.
pub const TOKEN_SECONDS: i64 = 3600;

/// Makes a token for a device.
pub fn issue(
    tx: &Transaction<'_>,
    device_index: i64,
    host: &Host,
) -> Result<(String, Timestamp), StoreError> {
    let now = host.now();
    tx.execute("DELETE FROM tokens WHERE expires_at <= ?1", [now.seconds()])?;
    let (secret, expires_at) = (new_secret(host), now.plus(TOKEN_SECONDS));
    tx.execute(
        "INSERT INTO tokens (token_hash, device_idx, expires_at) VALUES (?1, ?2, ?3)",
        params![hash_secret(&secret), device_index, expires_at.seconds()],
    )?;
    Ok((secret, expires_at))
}

/// The device of a token and the token's end, if it still serves.
pub fn find(
    connection: &Connection,
    secret: &str,
    now: Timestamp,
) -> Result<Option<(Device, Timestamp)>, StoreError> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT device_idx, expires_at FROM tokens WHERE token_hash = ?1 AND expires_at > ?2",
        )?
        .query_row(params![hash_secret(secret), now.seconds()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((index, expires_at)) = found else {
        return Ok(None);
    };
    Ok(devices::by_index(connection, index)?.map(|device| (device, Timestamp(expires_at))))
}
