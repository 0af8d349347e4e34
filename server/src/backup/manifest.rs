//! What a backup says of itself.

use std::path::{Path, PathBuf};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::BlobHash;
use serde::{Deserialize, Serialize};

use super::BackupError;

/// Version of the layout.
const FORMAT: u32 = 1;
const NAME: &str = "manifest.json";
const PREFIX: &str = "gongdan-";

/// The manifest of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub format: u32,
    /// The program that took it.
    pub program: String,
    /// Migrations its database has had.
    pub schema: u32,
    /// The moment it shows.
    pub taken_at: Timestamp,
    /// The log's epoch; 0 where the relay had never run.
    pub epoch: u32,
    /// Log entries up to here are in it.
    pub log_end: u64,
    /// Changesets received up to this `inbox.id` are in it.
    pub inbox_end: u64,
    /// Tickets in it.
    pub tickets: u64,
    /// The end of its audit chain; `null` in a backup of a program that had none.
    #[serde(default)]
    pub audit: Option<AuditEnd>,
    /// The database's file.
    pub database: File,
    /// The attachments. Each is named by its hash; which ones there are the database says.
    pub blobs: Blobs,
}

/// The last entry of an audit chain: what a later chain has to go through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEnd {
    /// Its number; 0 where there was none yet.
    pub seq: u64,
    /// Its hash in hexadecimal.
    pub hash: String,
}

/// A file and how to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name in the backup's folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// The attachments of a backup.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blobs {
    /// How many are in it.
    pub count: u64,
    /// Their length together.
    pub bytes: u64,
    /// Those the database names and whose bytes were not to be had, or not the right ones.
    pub missing: Vec<BlobHash>,
}

impl Manifest {
    /// The version of the layout that this program writes and reads.
    pub(super) const fn format() -> u32 {
        FORMAT
    }

    /// The name of a backup of a moment.
    pub(super) fn folder_name(taken_at: Timestamp) -> String {
        format!("{PREFIX}{}", taken_at.to_utc().format("%Y%m%dT%H%M%SZ"))
    }

    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// There is none, it cannot be read, or is of another format.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(NAME);
        let bytes = std::fs::read(&path).map_err(BackupError::io("read", &path))?;
        let other = |source| BackupError::Manifest {
            folder: folder.to_owned(),
            source,
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(other)?;
        let found = value["format"].as_u64().unwrap_or_default() as u32;
        if found != FORMAT {
            return Err(BackupError::OtherFormat {
                folder: folder.to_owned(),
                found,
            });
        }
        serde_json::from_value(value).map_err(other)
    }

    /// Writes it, synced.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        use std::io::Write;
        let path = folder.join(NAME);
        let mut bytes = serde_json::to_vec_pretty(self).expect("a manifest is JSON");
        bytes.push(b'\n');
        let mut file = super::files::create(&path).map_err(BackupError::io("make", &path))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(BackupError::io("write", &path))
    }
}

/// The complete backups of a folder, the oldest first: their names hold their times.
///
/// # Errors
/// The folder cannot be listed.
pub fn all(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let listed = match std::fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::io("list", folder)(error)),
    };
    let mut found = Vec::new();
    for entry in listed {
        let entry = entry.map_err(BackupError::io("list", folder))?;
        let named = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        if named && entry.path().join(NAME).is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The newest backup of a folder.
///
/// # Errors
/// The folder cannot be listed, or holds none.
pub fn newest(folder: &Path) -> Result<PathBuf, BackupError> {
    all(folder)?
        .pop()
        .ok_or_else(|| BackupError::NoBackup(folder.to_owned()))
}
