//! Restoring a backup into an empty folder.
//!
//! Invariant: the folder is no data folder before all of it is there: until then a marker lies in it, which
//! nothing opens but another restore; and the database in it is marked as restored.

use std::path::{Path, PathBuf};

use gongdan_core::ids::BlobHash;
use rusqlite::{Connection, OpenFlags};

use super::manifest::Manifest;
use super::{BLOBS, BackupError, DATABASE, files, take};
use crate::store::Database;
use crate::store::restores;

/// The marker of a folder that a restore has not finished in.
pub const UNFINISHED: &str = "restore-unfinished";

/// A restore that was done.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Attachments that were put into place.
    pub blobs: u64,
    /// Attachments that the database names and the backup does not have, or not rightly.
    pub missing: Vec<BlobHash>,
}

/// Whether a restore was begun in this folder and not finished.
pub fn is_unfinished(data: &Path) -> bool {
    data.join(UNFINISHED).exists()
}

/// Restores a backup into an empty folder, or into one where a restore was interrupted. Blocks.
///
/// # Errors
/// The folder is not empty, the backup is damaged, or a file or the database fails.
pub fn restore(backup: &Path, data: &Path) -> Result<Restored, BackupError> {
    let manifest = Manifest::read(backup)?;
    empty(data)?;
    let marker = data.join(UNFINISHED);
    files::create(&marker).map_err(BackupError::io("make", &marker))?;
    files::sync(data)?;
    let path = data.join(DATABASE);
    database(backup, &manifest, &path)?;
    let (blobs, missing) = attachments(backup, data, &path)?;
    {
        let database = Database::open(&path)?;
        database.write(|tx| restores::mark_restored(tx, manifest.taken_at))?;
    }
    files::sync(data)?;
    std::fs::remove_file(&marker).map_err(BackupError::io("remove", &marker))?;
    files::sync(data)?;
    Ok(Restored {
        manifest,
        blobs,
        missing,
    })
}

/// Makes the folder if it is not there, and clears it if all that lies in it is of an interrupted restore.
fn empty(data: &Path) -> Result<(), BackupError> {
    files::make_folder(data)?;
    if is_unfinished(data) {
        // The marker goes last, so that this can be interrupted too.
        for entry in entries(data)?
            .iter()
            .filter(|path| !path.ends_with(UNFINISHED))
        {
            let removed = if entry.is_dir() {
                std::fs::remove_dir_all(entry)
            } else {
                std::fs::remove_file(entry)
            };
            removed.map_err(BackupError::io("remove", entry))?;
        }
        let marker = data.join(UNFINISHED);
        return std::fs::remove_file(&marker).map_err(BackupError::io("remove", &marker));
    }
    if entries(data)?.is_empty() {
        Ok(())
    } else {
        Err(BackupError::NotEmpty(data.to_owned()))
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let listed = std::fs::read_dir(folder).map_err(BackupError::io("list", folder))?;
    listed
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(BackupError::io("list", folder))
}

fn database(backup: &Path, manifest: &Manifest, path: &Path) -> Result<(), BackupError> {
    let from = backup.join(DATABASE);
    let (sha256, bytes) = files::copy(&from, path)?;
    if bytes != manifest.database.bytes || files::hex(&sha256) != manifest.database.sha256 {
        return Err(BackupError::Damaged {
            file: from,
            what: "its hash is not the manifest's".to_owned(),
        });
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    take::sound(&connection, &from)
}

fn attachments(
    backup: &Path,
    data: &Path,
    database: &Path,
) -> Result<(u64, Vec<BlobHash>), BackupError> {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let (mut count, mut missing) = (0, Vec::new());
    let root = data.join(BLOBS);
    files::make_folder(&root)?;
    let mut folders = std::collections::BTreeSet::new();
    for (hash, _) in take::blobs(&connection)? {
        let to = files::blob_path(data, hash);
        let folder = to.parent().expect("an attachment lies in a folder");
        if folders.insert(folder.to_owned()) {
            files::make_folder(folder)?;
        }
        if take::right_copy(&files::blob_path(backup, hash), &to, hash)? {
            count += 1;
        } else {
            missing.push(hash);
        }
    }
    for folder in &folders {
        files::sync(folder)?;
    }
    files::sync(&root)?;
    Ok((count, missing))
}
