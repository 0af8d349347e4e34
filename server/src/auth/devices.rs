//! Enrolled devices and their keys. Invariant: a device is never deleted, its key never changes; a
//! revoked one is still known, because it may still upload what it holds.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::protocol::Unsent;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::store::StoreError;

/// Characters of a device's name.
pub const DEVICE_NAME_CHARS_MAX: usize = 60;
/// Characters of the reason for which a device was revoked.
pub const REASON_CHARS_MAX: usize = 200;
/// `seen_at` is only written when it is older than this, in seconds: not every request is a commit.
pub(crate) const SEEN_SECONDS: i64 = 60;

/// One device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its short name in this database.
    pub index: i64,
    /// Its id everywhere.
    pub device: DeviceId,
    /// Whose it is; `None` for the desk.
    pub person: Option<PersonId>,
    /// What its owner calls it.
    pub name: String,
    /// What its signatures verify by.
    pub public_key: PublicKey,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was last heard of, to the minute.
    pub seen_at: Timestamp,
    /// Since when it may do nothing but upload.
    pub revoked_at: Option<Timestamp>,
    /// Why, as the office wrote it.
    pub revoked_reason: Option<String>,
    /// Since when it is to destroy what it holds, once its outbox is empty.
    pub wipe_requested_at: Option<Timestamp>,
    /// When it said that it has done so.
    pub wiped_at: Option<Timestamp>,
    /// Whose next incarnation it is, by index; `None` where it was enrolled by a code.
    pub continues: Option<i64>,
    /// The device that was enrolled by a code, where this one is an incarnation of it.
    pub origin: Option<DeviceId>,
    /// What it had not sent at its last exchange, beyond what came with it.
    pub unsent: Option<Unsent>,
    /// Whether its person is active; the desk is.
    pub person_active: bool,
}

impl Device {
    /// May do nothing but upload: revoked itself, or its person inactive.
    pub fn is_revoked(&self) -> bool {
        self.revoked_at.is_some() || !self.person_active
    }
}

const SELECT: &str =
    "SELECT d.idx, d.device, d.person, d.name, d.public_key, d.enrolled_at, d.seen_at,
    d.revoked_at, coalesce(u.active, 1), d.revoked_reason, d.wipe_requested_at, d.continues,
    d.unsent_commands, d.unsent_oldest, d.unsent_attachments, d.wiped_at, d.origin FROM devices d LEFT JOIN users u USING (person)";

/// The device of an id.
pub fn find(connection: &Connection, device: DeviceId) -> Result<Option<Device>, StoreError> {
    one(
        connection,
        &format!("{SELECT} WHERE d.device = ?1"),
        params![device.as_bytes()],
    )
}

/// The device of an index.
pub fn by_index(connection: &Connection, index: i64) -> Result<Option<Device>, StoreError> {
    one(
        connection,
        &format!("{SELECT} WHERE d.idx = ?1"),
        params![index],
    )
}

/// The device of a key.
pub fn by_key(connection: &Connection, key: &PublicKey) -> Result<Option<Device>, StoreError> {
    one(
        connection,
        &format!("{SELECT} WHERE d.public_key = ?1"),
        params![key.as_bytes()],
    )
}

fn one(
    connection: &Connection,
    sql: &str,
    key: impl rusqlite::Params,
) -> Result<Option<Device>, StoreError> {
    connection
        .prepare_cached(sql)?
        .query_row(key, |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// All of people, the newest first; the desk is not among them.
pub fn list(connection: &Connection) -> Result<Vec<Device>, StoreError> {
    let sql = format!("{SELECT} WHERE d.person IS NOT NULL ORDER BY d.idx DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    statement
        .query_map([], |row| Ok(read(row)))?
        .map(|device| device?)
        .collect()
}

/// How many phones had work that they had not sent when they were last in touch.
pub(crate) fn with_unsent_work(connection: &Connection) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM devices
             WHERE person IS NOT NULL AND (unsent_commands > 0 OR unsent_attachments > 0)",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Notes what a device says that it has not sent.
pub(crate) fn note_unsent(
    tx: &Transaction<'_>,
    index: i64,
    unsent: Option<Unsent>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE devices SET unsent_commands = ?2, unsent_oldest = ?3, unsent_attachments = ?4 WHERE idx = ?1",
        params![
            index,
            unsent.map(|of| of.commands),
            unsent.and_then(|of| of.oldest).map(Timestamp::seconds),
            unsent.map(|of| of.attachments),
        ],
    )?;
    Ok(())
}

/// Adds a device of a person; its index.
pub(super) fn insert(
    tx: &Transaction<'_>,
    device: DeviceId,
    person: &PersonId,
    name: &str,
    key: &PublicKey,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let index = crate::relay::epoch::next_device(tx)?;
    tx.execute(
        "INSERT INTO devices (idx, device, person, name, public_key, enrolled_at, seen_at)
         VALUES (?6, ?1, ?2, ?3, ?4, ?5, ?5)",
        params![
            device.as_bytes(),
            person.as_str(),
            name,
            key.as_bytes(),
            now.seconds(),
            index
        ],
    )?;
    Ok(index)
}

/// Revokes a device of a person, and with it the names that it went on from, whose keys it may still hold;
/// `false` if there is no such device. Revoking twice keeps the first time and the first reason.
pub fn revoke(
    tx: &Transaction<'_>,
    device: DeviceId,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let found = tx.execute(
        "WITH RECURSIVE up (idx, continues) AS (
           SELECT idx, continues FROM devices WHERE device = ?1 AND person IS NOT NULL
           UNION SELECT d.idx, d.continues FROM devices d JOIN up ON d.idx = up.continues)
         UPDATE devices SET revoked_at = coalesce(revoked_at, ?2), revoked_reason = coalesce(revoked_reason, ?3)
         WHERE idx IN (SELECT idx FROM up)",
        params![device.as_bytes(), now.seconds(), reason],
    )?;
    Ok(found > 0)
}

/// Names a device of a person; `false` if there is no such device.
pub fn rename(tx: &Transaction<'_>, device: DeviceId, name: &str) -> Result<bool, StoreError> {
    let found = tx.execute(
        "UPDATE devices SET name = ?2 WHERE device = ?1 AND person IS NOT NULL",
        params![device.as_bytes(), name],
    )?;
    Ok(found > 0)
}

/// Asks a device of a person to destroy what it holds, or takes that back; `false` if there is no such
/// device. Asking twice keeps the first time.
pub fn request_wipe(
    tx: &Transaction<'_>,
    device: DeviceId,
    now: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let found = tx.execute(
        "UPDATE devices SET wipe_requested_at = CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(wipe_requested_at, ?2) END
         WHERE device = ?1 AND person IS NOT NULL",
        params![device.as_bytes(), now.map(Timestamp::seconds)],
    )?;
    Ok(found > 0)
}

/// Since when a device is to destroy what it holds.
pub fn wipe_requested_at(
    connection: &Connection,
    index: i64,
) -> Result<Option<Timestamp>, StoreError> {
    let found: Option<Option<i64>> = connection
        .prepare_cached("SELECT wipe_requested_at FROM devices WHERE idx = ?1")?
        .query_row([index], |row| row.get(0))
        .optional()?;
    Ok(found.flatten().map(Timestamp))
}

/// Notes that a device has destroyed what it held. The first time it says so is kept, and it is revoked: its
/// key may be the last thing on it, and serves nobody any more.
pub fn wiped(tx: &Transaction<'_>, index: i64, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE devices SET wiped_at = coalesce(wiped_at, ?2), revoked_at = coalesce(revoked_at, ?2) WHERE idx = ?1",
        params![index, now.seconds()],
    )?;
    Ok(())
}

/// A device's name as it is kept; `None` where it is empty, too long or holds control characters.
pub fn parse_name(text: &str) -> Option<&str> {
    let name = text.trim();
    let fits = !name.is_empty()
        && name.chars().count() <= DEVICE_NAME_CHARS_MAX
        && !name.chars().any(char::is_control);
    fits.then_some(name)
}

/// Notes that a device was heard of.
pub fn touch(tx: &Transaction<'_>, index: i64, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE devices SET seen_at = max(seen_at, ?2) WHERE idx = ?1",
        params![index, now.seconds()],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Device, StoreError> {
    let person: Option<String> = row.get(2)?;
    let person = person.map(|text| text.parse()).transpose();
    Ok(Device {
        index: row.get(0)?,
        device: DeviceId::from_bytes(row.get(1)?),
        person: person.map_err(|_| StoreError::Malformed {
            what: "devices.person",
        })?,
        name: row.get(3)?,
        public_key: PublicKey::from_bytes(row.get(4)?).ok_or(StoreError::Malformed {
            what: "devices.public_key",
        })?,
        enrolled_at: Timestamp(row.get(5)?),
        seen_at: Timestamp(row.get(6)?),
        revoked_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        person_active: row.get(8)?,
        revoked_reason: row.get(9)?,
        continues: row.get(11)?,
        origin: row.get::<_, Option<_>>(16)?.map(DeviceId::from_bytes),
        unsent: row
            .get::<_, Option<u32>>(12)?
            .map(|commands| {
                Ok::<_, rusqlite::Error>(Unsent {
                    commands,
                    oldest: row.get::<_, Option<i64>>(13)?.map(Timestamp),
                    attachments: row.get(14)?,
                })
            })
            .transpose()?,
        wipe_requested_at: row.get::<_, Option<i64>>(10)?.map(Timestamp),
        wiped_at: row.get::<_, Option<i64>>(15)?.map(Timestamp),
    })
}
