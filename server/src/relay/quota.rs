//! What one device may bring on one day, so that a broken or hostile one fills nobody's disk.
//!
//! Invariant: counted is what was stored and no repetition; past the limit nothing of a request is stored, its
//! device keeps it and sends it again another day.

use gongdan_core::clock::Timestamp;
use gongdan_core::limits::{DEVICE_DAY_BYTES_MAX, DEVICE_DAY_CHANGESETS_MAX};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::SyncError;

const DAY_SECONDS: i64 = 24 * 3600;

/// Seconds until a device may bring more again: until the next day, which is UTC's here.
pub(super) fn seconds_left(now: Timestamp) -> u64 {
    (DAY_SECONDS - now.seconds().rem_euclid(DAY_SECONDS)).unsigned_abs()
}

/// Whether a device may bring more today: asked before anything is verified, so that past its limit it costs
/// next to nothing.
///
/// # Errors
/// It may not, or the database fails.
pub(super) fn is_left(
    connection: &Connection,
    device_index: i64,
    now: Timestamp,
    changesets: i64,
    bytes: i64,
) -> Result<(), SyncError> {
    let day = now.seconds().div_euclid(DAY_SECONDS);
    let had: Option<(i64, i64)> = connection
        .prepare_cached(
            "SELECT changesets, bytes FROM device_days WHERE device_idx = ?1 AND day = ?2",
        )?
        .query_row(params![device_index, day], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (had_changesets, had_bytes) = had.unwrap_or_default();
    within(had_changesets + changesets, had_bytes + bytes, now)
}

fn within(changesets: i64, bytes: i64, now: Timestamp) -> Result<(), SyncError> {
    if changesets > DEVICE_DAY_CHANGESETS_MAX || bytes > DEVICE_DAY_BYTES_MAX {
        Err(SyncError::OverQuota {
            seconds_left: seconds_left(now),
        })
    } else {
        Ok(())
    }
}

/// Counts what a device has brought; an error past what it may bring in a day.
pub(super) fn count(
    tx: &Transaction<'_>,
    device_index: i64,
    now: Timestamp,
    changesets: i64,
    bytes: i64,
) -> Result<(), SyncError> {
    let day = now.seconds().div_euclid(DAY_SECONDS);
    let (changesets, bytes): (i64, i64) = tx
        .prepare_cached(
            "INSERT INTO device_days (device_idx, day, changesets, bytes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (device_idx) DO UPDATE SET
               changesets = excluded.changesets + iif(day = excluded.day, changesets, 0),
               bytes = excluded.bytes + iif(day = excluded.day, bytes, 0),
               day = excluded.day
             RETURNING changesets, bytes",
        )?
        .query_row(params![device_index, day, changesets, bytes], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    within(changesets, bytes, now)
}
