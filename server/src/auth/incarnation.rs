//! Incarnations: a device that was put back to a backup, or copied, goes on as another one of the same person.
//!
//! Invariant: an incarnation names whose it is; devices of one origin may take over one another's changesets
//! and actors, nobody else's. The same key again finds the same incarnation, because the answer may have been
//! lost on its way.

use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::limits::INCARNATIONS_MAX;
use gongdan_core::sync::keys::PublicKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::devices;
use crate::host::Host;
use crate::store::StoreError;

/// What becomes of the wish to go on as another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incarnation {
    /// It goes on as this one.
    Begun(DeviceId),
    /// Another device has this key.
    KeyTaken,
    /// It has too many already.
    TooMany,
}

/// Makes the device of `index` go on with `key`.
pub fn begin(
    tx: &Transaction<'_>,
    index: i64,
    person: &PersonId,
    key: &PublicKey,
    host: &Host,
) -> Result<Incarnation, StoreError> {
    if let Some(holder) = devices::by_key(tx, key)? {
        let own: bool = tx.query_row(
            "SELECT coalesce(continues = ?2, 0) FROM devices WHERE idx = ?1",
            [holder.index, index],
            |row| row.get(0),
        )?;
        return Ok(if own {
            Incarnation::Begun(holder.device)
        } else {
            Incarnation::KeyTaken
        });
    }
    let (name, before, origin): (String, i64, [u8; 16]) = tx.query_row(
        "SELECT name, (SELECT count(*) FROM devices WHERE continues = ?1), coalesce(origin, device)
         FROM devices WHERE idx = ?1",
        [index],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    if usize::try_from(before).unwrap_or(usize::MAX) >= INCARNATIONS_MAX {
        return Ok(Incarnation::TooMany);
    }
    let now = host.now();
    let device = DeviceId::new(now, host.random());
    let made = devices::insert(tx, device, person, &name, key, now)?;
    tx.execute(
        "UPDATE devices SET continues = ?2, origin = ?3 WHERE idx = ?1",
        params![made, index, origin],
    )?;
    Ok(Incarnation::Begun(device))
}

/// Notes what a certificate says of a device that came back by it: whose incarnation it is. The device that it
/// goes on from stands for those between, which came after the backup as well and are not known here.
pub fn note_origin(tx: &Transaction<'_>, index: i64, origin: DeviceId) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE devices SET origin = ?2, continues = (SELECT idx FROM devices WHERE device = ?2) WHERE idx = ?1",
        params![index, origin.as_bytes()],
    )?;
    Ok(())
}

/// Whether two devices are incarnations of one.
pub fn are_one(connection: &Connection, one: i64, other: i64) -> Result<bool, StoreError> {
    Ok(one == other || origin(connection, one)? == origin(connection, other)?)
}

fn origin(connection: &Connection, index: i64) -> Result<Option<[u8; 16]>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(origin, device) FROM devices WHERE idx = ?1")?
        .query_row([index], |row| row.get(0))
        .optional()?)
}
