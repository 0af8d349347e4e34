//! Opening the phone's file: encrypted by SQLCipher under a key of 256 bits that the host keeps.
//!
//! Invariant: nothing is written before the key has proved right, so that a wrong one damages nothing; a
//! file of an earlier version, which was not encrypted, is replaced by its encrypted copy whole or not at all.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the feature that keeps a file"
)]

use std::ffi::CStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, params};

use super::super::StoreError;

/// What an SQLite file that is not encrypted begins with.
const PLAIN_HEADER: &[u8; 16] = b"SQLite format 3\0";
/// Written over a file at a time.
const OVERWRITTEN_AT_ONCE: usize = 64 * 1024;

/// The key of a phone's file: 256 random bits that the host made and keeps. It shows itself to nobody.
#[derive(Clone)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// The key of 32 secret bytes.
    pub const fn from_bytes(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// As SQLCipher takes a key that is to be used as it is, without a derivation.
    fn literal(&self) -> String {
        let digits: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x'{digits}'")
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Nothing, or an empty file.
    Absent,
    /// A database that is not encrypted, of an earlier version.
    Plain,
    /// Anything else: an encrypted database.
    Encrypted,
}

/// Looks what lies at `path`, by its first bytes.
///
/// # Errors
/// The file cannot be read.
pub fn file_state(path: &Path) -> Result<FileState, StoreError> {
    let mut start = Vec::with_capacity(PLAIN_HEADER.len());
    match File::open(path) {
        Ok(file) => file
            .take(PLAIN_HEADER.len() as u64)
            .read_to_end(&mut start)
            .map_err(io)?,
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        Err(error) => return Err(io(error)),
    };
    Ok(match start.as_slice() {
        [] => FileState::Absent,
        start if start == PLAIN_HEADER => FileState::Plain,
        _ => FileState::Encrypted,
    })
}

fn io(error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Backend(Box::new(error)),
    }
}

/// Opens or makes the file at `path`.
pub(super) fn open(path: &Path, key: &StoreKey) -> Result<Connection, StoreError> {
    if file_state(path)? == FileState::Plain {
        encrypt(path, key)?;
    }
    proven(Connection::open(path)?, key)
}

/// Opens or makes the database `name` on the virtual file system `vfs`.
pub(super) fn open_on(vfs: &CStr, name: &str, key: &StoreKey) -> Result<Connection, StoreError> {
    let flags = OpenFlags::default();
    proven(Connection::open_with_flags_and_vfs(name, flags, vfs)?, key)
}

/// The connection under its key, if that is the right one.
fn proven(connection: Connection, key: &StoreKey) -> Result<Connection, StoreError> {
    // Closing would otherwise carry over what a killed process left in the log, unread.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // A library writes nothing to the host's standard error.
    connection.pragma_update(None, "cipher_log_level", "NONE")?;
    connection.pragma_update(None, "key", key.literal())?;
    prove(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(connection)
}

/// Reads the first page: it authenticates under the right key only.
fn prove(connection: &Connection) -> Result<(), StoreError> {
    match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(StoreError::WrongKey)
        }
        other => Ok(other?),
    }
}

/// Puts an encrypted copy in the place of a plain file.
///
/// ```text
/// plain ──export──▶ plain.encrypting ──checked, on the disk──▶ renamed over plain ──▶ old bytes overwritten
/// ```
/// Cut off before the renaming, the plain file is as it was, and the copy is made anew the next time.
fn encrypt(path: &Path, key: &StoreKey) -> Result<(), StoreError> {
    let copy = beside(path, ".encrypting");
    for leftover in [copy.clone(), beside(&copy, "-journal")] {
        match fs::remove_file(leftover) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
            _ => {}
        }
    }
    let mut plain = Connection::open(path)?;
    plain.pragma_update(None, "temp_store", "MEMORY")?;
    // Takes in what is in the write-ahead log and removes it; fails while somebody else has the file open.
    plain.pragma_update(None, "journal_mode", "DELETE")?;
    plain.execute(
        "ATTACH DATABASE ?1 AS encrypted KEY ?2",
        params![copy.to_string_lossy(), key.literal()],
    )?;
    let export = plain.transaction()?;
    export.query_row("SELECT sqlcipher_export('encrypted')", [], |_| Ok(()))?;
    let version: u32 = export.pragma_query_value(None, "user_version", |row| row.get(0))?;
    export.pragma_update(Some("encrypted"), "user_version", version)?;
    same_counts(&export)?;
    export.commit()?;
    plain.execute("DETACH DATABASE encrypted", [])?;
    plain
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    let check = Connection::open(&copy)?;
    check.pragma_update(None, "key", key.literal())?;
    let whole: String = check.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
    if whole != "ok" {
        return Err(StoreError::Malformed {
            what: "the encrypted copy of a store",
        });
    }
    check
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    File::open(&copy)
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    let old = File::options().write(true).open(path).map_err(io)?;
    fs::rename(&copy, path).map_err(io)?;
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        // Not every system can sync a folder; then the renaming is as durable as it makes it.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    // The copy is in place whatever becomes of this: flash memory may keep old blocks all the same.
    let _ = overwrite(old);
    Ok(())
}

/// Each table has as many rows in the copy.
fn same_counts(export: &Connection) -> Result<(), StoreError> {
    let tables: Vec<String> = export
        .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        let count = |schema: &str| -> Result<i64, rusqlite::Error> {
            let sql = format!("SELECT count(*) FROM {schema}.\"{table}\"");
            export.query_row(&sql, [], |row| row.get(0))
        };
        if count("main")? != count("encrypted")? {
            return Err(StoreError::Malformed {
                what: "the encrypted copy of a store",
            });
        }
    }
    Ok(())
}

fn overwrite(mut file: File) -> std::io::Result<()> {
    let zeros = [0; OVERWRITTEN_AT_ONCE];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let now = usize::try_from(left).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_all(&zeros[..now])?;
        left -= now as u64;
    }
    file.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
