//! Taking a backup.
//!
//! Invariant: the database is one snapshot (`VACUUM INTO`, beside readers and the writer), and attachments are
//! those it names: a file is there before its row is, and none is ever changed.

use std::path::{Path, PathBuf};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::BlobHash;
use rusqlite::{Connection, OpenFlags};

use super::manifest::{self, AuditEnd, Blobs, File, Manifest};
use super::{BLOBS, BackupError, DATABASE, files};
use crate::audit::{self, Action, Actor};
use crate::store::restores::{self, BackupRow};
use crate::store::{MIGRATIONS, StoreError};

/// How long the snapshot waits for another process's lock, in ms.
const BUSY_MILLISECONDS_MAX: u64 = 10_000;
const LOCK: &str = ".lock";
const PARTIAL: &str = ".partial-";

/// A backup that was taken.
#[derive(Debug)]
pub struct Taken {
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Attachments shared with an earlier backup.
    pub linked: u64,
}

/// Takes a backup of a data folder into a folder of backups, at `now`. Blocks.
///
/// # Errors
/// There is no database, another backup is running there, or a file or the database fails. Nothing is left
/// under a backup's name.
pub fn take(data: &Path, into: &Path, now: Timestamp) -> Result<Taken, BackupError> {
    let live = data.join(DATABASE);
    if !live.is_file() {
        return Err(BackupError::NoDatabase(data.to_owned()));
    }
    files::make_folder(into)?;
    let _lock = lock(into)?;
    let folder = into.join(Manifest::folder_name(now));
    if folder.exists() {
        return Err(BackupError::NotEmpty(folder));
    }
    let partial = into.join(format!("{PARTIAL}{}", std::process::id()));
    files::make_folder(&partial)?;
    let taken = fill(&live, data, into, &partial, now);
    let (manifest, linked) = match taken {
        Ok(taken) => taken,
        Err(error) => {
            let _ = std::fs::remove_dir_all(&partial);
            return Err(error);
        }
    };
    std::fs::rename(&partial, &folder).map_err(BackupError::io("name", &folder))?;
    files::sync(into)?;
    record(&live, &manifest)?;
    Ok(Taken {
        folder,
        manifest,
        linked,
    })
}

/// Drops the oldest backups of a folder beyond the `keep` newest; how many.
///
/// # Errors
/// One cannot be removed.
pub fn prune(folder: &Path, keep: usize) -> Result<usize, BackupError> {
    let all = manifest::all(folder)?;
    let old = &all[..all.len().saturating_sub(keep.max(1))];
    for backup in old {
        std::fs::remove_dir_all(backup).map_err(BackupError::io("remove", backup))?;
    }
    Ok(old.len())
}

/// One backup at a time in a folder: what else is half done there was interrupted and goes.
fn lock(into: &Path) -> Result<std::fs::File, BackupError> {
    let path = into.join(LOCK);
    let file = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(BackupError::io("make", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => return Err(BackupError::Busy(into.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => {
            return Err(BackupError::io("lock", &path)(error));
        }
    }
    let listed = std::fs::read_dir(into).map_err(BackupError::io("list", into))?;
    for entry in listed.flatten() {
        let half_done = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PARTIAL));
        if half_done {
            std::fs::remove_dir_all(entry.path())
                .map_err(BackupError::io("remove", &entry.path()))?;
        }
    }
    Ok(file)
}

fn fill(
    live: &Path,
    data: &Path,
    into: &Path,
    partial: &Path,
    now: Timestamp,
) -> Result<(Manifest, u64), BackupError> {
    let path = partial.join(DATABASE);
    snapshot(live, &path)?;
    let seen = look(&path, now)?;
    files::sync(&path)?;
    let (sha256, bytes) = files::hash(&path)?;
    let database = File {
        file: DATABASE.to_owned(),
        bytes,
        sha256: files::hex(&sha256),
    };
    let earlier = manifest::all(into)?.pop();
    let (blobs, linked) = attachments(&seen.blobs, data, earlier.as_deref(), partial)?;
    let manifest = Manifest {
        format: Manifest::format(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: seen.schema,
        taken_at: now,
        epoch: seen.epoch,
        log_end: seen.log_end,
        inbox_end: seen.inbox_end,
        tickets: seen.tickets,
        audit: seen.audit,
        database,
        blobs,
    };
    manifest.write(partial)?;
    files::sync(partial)?;
    Ok((manifest, linked))
}

fn snapshot(live: &Path, to: &Path) -> Result<(), BackupError> {
    // Made here first, so that it is its owner's alone before a byte is in it.
    files::create(to).map_err(BackupError::io("make", to))?;
    let connection = Connection::open_with_flags(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS_MAX))?;
    let name = to.to_str().ok_or_else(|| BackupError::Damaged {
        file: to.to_owned(),
        what: "its name is not UTF-8".to_owned(),
    })?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// What the manifest tells of a copied database.
struct Seen {
    schema: u32,
    epoch: u32,
    log_end: u64,
    inbox_end: u64,
    tickets: u64,
    audit: Option<AuditEnd>,
    blobs: Vec<(BlobHash, u64)>,
}

/// Checks the copy, marks it as one, and reads what the manifest tells.
fn look(path: &Path, now: Timestamp) -> Result<Seen, BackupError> {
    let mut copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    copy.pragma_update(None, "synchronous", "FULL")?;
    let schema: u32 = copy.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema as usize > MIGRATIONS.len() {
        return Err(StoreError::Newer {
            found: schema as usize,
            known: MIGRATIONS.len(),
        }
        .into());
    }
    // One of an older program has no place for the mark; restoring it makes the place and the mark.
    if has_table(&copy, "restores")? {
        let tx = copy.transaction()?;
        restores::mark_restored(&tx, now)?;
        tx.commit()?;
    }
    sound(&copy, path)?;
    let one = |sql| copy.query_row(sql, [], |row| row.get::<_, i64>(0));
    let count = |sql| one(sql).map(i64::cast_unsigned);
    Ok(Seen {
        schema,
        epoch: u32::try_from(one("SELECT coalesce(max(epoch), 0) FROM relay_state")?).map_err(
            |_| StoreError::Malformed {
                what: "relay_state.epoch",
            },
        )?,
        log_end: count("SELECT coalesce(max(seq), 0) FROM log")?,
        inbox_end: count("SELECT coalesce(max(id), 0) FROM inbox")?,
        tickets: count("SELECT count(*) FROM tickets")?,
        audit: audit_end(&copy)?,
        blobs: blobs(&copy)?,
    })
}

fn audit_end(copy: &Connection) -> Result<Option<AuditEnd>, BackupError> {
    if !has_table(copy, "audit")? {
        return Ok(None);
    }
    let head = audit::head(copy)?;
    Ok(Some(AuditEnd {
        seq: head.seq,
        hash: files::hex(&head.hash),
    }))
}

fn has_table(connection: &Connection, name: &str) -> Result<bool, rusqlite::Error> {
    connection
        .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
        .exists([name])
}

/// SQLite's own check of a database file.
pub(super) fn sound(connection: &Connection, path: &Path) -> Result<(), BackupError> {
    let word: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if word == "ok" {
        Ok(())
    } else {
        Err(BackupError::Damaged {
            file: path.to_owned(),
            what: word,
        })
    }
}

/// The attachments that a database names, with their lengths.
pub(super) fn blobs(connection: &Connection) -> Result<Vec<(BlobHash, u64)>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT hash, bytes FROM blobs ORDER BY hash")?;
    let rows = statement.query_map([], |row| {
        Ok((BlobHash(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    rows.collect()
}

fn attachments(
    named: &[(BlobHash, u64)],
    data: &Path,
    earlier: Option<&Path>,
    partial: &Path,
) -> Result<(Blobs, u64), BackupError> {
    let (mut blobs, mut linked) = (Blobs::default(), 0);
    files::make_folder(&partial.join(BLOBS))?;
    let mut touched = None;
    for (hash, bytes) in named {
        let to = files::blob_path(partial, *hash);
        let folder = to.parent().expect("an attachment lies in a folder");
        if touched.as_deref() != Some(folder) {
            if let Some(done) = touched.replace(folder.to_owned()) {
                files::sync(&done)?;
            }
            files::make_folder(folder)?;
        }
        let from_earlier =
            earlier.is_some_and(|earlier| link(&files::blob_path(earlier, *hash), &to, *hash));
        if from_earlier {
            linked += 1;
        } else if !right_copy(&files::blob_path(data, *hash), &to, *hash)? {
            blobs.missing.push(*hash);
            continue;
        }
        blobs.count += 1;
        blobs.bytes += bytes;
    }
    if let Some(done) = touched {
        files::sync(&done)?;
    }
    files::sync(&partial.join(BLOBS))?;
    Ok((blobs, linked))
}

/// Shares an earlier backup's file, if it is there and still right.
fn link(from: &Path, to: &Path, hash: BlobHash) -> bool {
    files::hash(from).is_ok_and(|(found, _)| found == hash.0)
        && std::fs::hard_link(from, to).is_ok()
}

/// Copies an attachment; `false`, and nothing there, if it is not to be had or not the right bytes.
pub(super) fn right_copy(from: &Path, to: &Path, hash: BlobHash) -> Result<bool, BackupError> {
    match files::copy(from, to) {
        Ok((found, _)) if found == hash.0 => return Ok(true),
        Ok(_) => {}
        // A disk that is full is another matter than an attachment that cannot be read.
        Err(BackupError::Io { source, .. }) if source.kind() != std::io::ErrorKind::StorageFull => {
        }
        Err(error) => return Err(error),
    }
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::io("remove", to)(error))
        }
        _ => Ok(false),
    }
}

/// Tells the live database that this backup is there.
fn record(live: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let mut connection = Connection::open_with_flags(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS_MAX))?;
    if !has_table(&connection, "backups")? {
        return Ok(());
    }
    let sha256 = (0..32)
        .map(|at| u8::from_str_radix(&manifest.database.sha256[2 * at..2 * at + 2], 16))
        .collect::<Result<Vec<u8>, _>>()
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .expect("the hash was written here");
    let row = BackupRow {
        taken_at: manifest.taken_at,
        epoch: manifest.epoch,
        log_end: manifest.log_end,
        inbox_end: manifest.inbox_end,
        sha256,
    };
    let tx = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    restores::record_backup(&tx, &row)?;
    if has_table(&tx, "audit")? {
        let detail = audit::about("log_end", manifest.log_end);
        let now = manifest.taken_at;
        audit::append(&tx, now, &Actor::Operator, Action::BackupTaken, detail)?;
    }
    Ok(tx.commit()?)
}
