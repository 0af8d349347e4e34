//! The mark of a database that is a backup's copy, and the backups that were taken.
//!
//! Invariant: at most one restore is pending; whoever starts on a database with a pending one begins a new
//! epoch and skips ticket numbers before anything else, and then says so by [`begun`].

use gongdan_core::clock::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::StoreError;

/// A restore that no server has begun a new epoch on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingRestore {
    /// When the backup was taken: nothing later is in this database.
    pub taken_at: Timestamp,
    /// The log's epoch in the backup; 0 where the relay had never run.
    pub epoch: u32,
    /// The log's end in the backup.
    pub log_end: u64,
}

/// Marks this database as restored from a backup taken at `backup_time`. Where a restore is pending already,
/// the older one stays: it lost more.
///
/// # Errors
/// The database fails.
pub fn mark_restored(tx: &Transaction<'_>, backup_time: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR IGNORE INTO restores (taken_at, epoch, log_end, begun_at)
         VALUES (?1, (SELECT coalesce(max(epoch), 0) FROM relay_state), (SELECT coalesce(max(seq), 0) FROM log), NULL)",
        [backup_time.seconds()],
    )?;
    Ok(())
}

/// The restore that is pending, if one is.
///
/// # Errors
/// The database fails.
pub fn pending(connection: &Connection) -> Result<Option<PendingRestore>, StoreError> {
    let found = connection
        .prepare_cached("SELECT taken_at, epoch, log_end FROM restores WHERE begun_at IS NULL")?
        .query_row([], |row| {
            Ok(PendingRestore {
                taken_at: Timestamp(row.get(0)?),
                epoch: row.get(1)?,
                log_end: row.get::<_, i64>(2)?.cast_unsigned(),
            })
        })
        .optional()?;
    Ok(found)
}

/// Says that a new epoch was begun on the pending restore.
///
/// # Errors
/// The database fails.
pub fn begun(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE restores SET begun_at = ?1 WHERE begun_at IS NULL",
        [now.seconds()],
    )?;
    Ok(())
}

/// Restores that epochs were begun on: when the backup was taken, and when the epoch began.
///
/// # Errors
/// The database fails.
pub fn begun_restores(connection: &Connection) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
    let mut statement =
        connection.prepare("SELECT taken_at, begun_at FROM restores WHERE begun_at IS NOT NULL")?;
    let rows = statement.query_map([], |row| {
        Ok((Timestamp(row.get(0)?), Timestamp(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A complete backup, as the database that it was taken of remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupRow {
    /// The moment it shows.
    pub taken_at: Timestamp,
    /// The log's epoch.
    pub epoch: u32,
    /// Log entries up to here are in it.
    pub log_end: u64,
    /// Received changesets up to here are in it.
    pub inbox_end: u64,
    /// SHA-256 of its database file.
    pub sha256: [u8; 32],
}

/// Records a backup that is complete and was read back.
///
/// # Errors
/// The database fails.
pub fn record_backup(connection: &Connection, backup: &BackupRow) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO backups (taken_at, epoch, log_end, inbox_end, sha256) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            backup.taken_at.seconds(),
            backup.epoch,
            backup.log_end.cast_signed(),
            backup.inbox_end.cast_signed(),
            backup.sha256,
        ],
    )?;
    Ok(())
}

/// The newest backup that was recorded here, with its running number.
///
/// # Errors
/// The database fails.
pub fn newest_backup(connection: &Connection) -> Result<Option<(u64, BackupRow)>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT taken_at, epoch, log_end, inbox_end, sha256, id FROM backups ORDER BY id DESC LIMIT 1",
        )?
        .query_row([], |row| {
            let number: i64 = row.get(5)?;
            let backup = BackupRow {
                taken_at: Timestamp(row.get(0)?),
                epoch: row.get(1)?,
                log_end: row.get::<_, i64>(2)?.cast_unsigned(),
                inbox_end: row.get::<_, i64>(3)?.cast_unsigned(),
                sha256: row.get(4)?,
            };
            Ok((number.cast_unsigned(), backup))
        })
        .optional()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::store::Database;

    #[test]
    fn one_restore_is_pending_until_it_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path().join("gongdan.db")).unwrap();
        assert_eq!(database.read(pending).unwrap(), None);
        let mark = |at| {
            database
                .write(|tx| mark_restored(tx, Timestamp(at)))
                .unwrap()
        };
        mark(10);
        mark(20);
        let taken = |found: Option<PendingRestore>| found.map(|restore| restore.taken_at);
        assert_eq!(taken(database.read(pending).unwrap()), Some(Timestamp(10)));
        database.write(|tx| begun(tx, Timestamp(30))).unwrap();
        assert_eq!(database.read(pending).unwrap(), None);
        mark(40);
        assert_eq!(taken(database.read(pending).unwrap()), Some(Timestamp(40)));
    }
}
