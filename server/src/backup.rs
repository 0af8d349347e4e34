//! Backups: taking one while the server runs, restoring one, and trying one out.
//!
//! ```text
//! DIR/gongdan-20261125T101713Z/gongdan.db       the database at one moment, marked as a backup's copy
//!                              blobs/ab/cdef…   every attachment that the database names
//!                              manifest.json    hashes, the log's end, epoch, time; written last
//! ```
//! Invariant: a folder of a backup's name is complete and was read back; what is not yet, is under another
//! name. An attachment whose bytes are in an earlier backup of the same folder is a hard link to it.

mod drill;
mod files;
mod manifest;
mod restore;
mod take;

use std::io;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

pub use drill::{Drilled, drill};
pub(crate) use files::hex;
pub use manifest::{AuditEnd, Blobs, File, Manifest, all, newest};
pub use restore::{Restored, UNFINISHED, is_unfinished, restore};
pub use take::{Taken, prune, take};

/// The database's file in a backup, as in a data folder.
const DATABASE: &str = "gongdan.db";
/// Where attachments lie, as in a data folder.
const BLOBS: &str = "blobs";

/// What could not be done, and nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database to back up.
    #[error("back up {}: there is no database", .0.display())]
    NoDatabase(PathBuf),
    /// Another backup is being taken into the same folder.
    #[error("back up into {}: another backup is running", .0.display())]
    Busy(PathBuf),
    /// A folder that should hold backups holds none.
    #[error("look for backups in {}: there is none", .0.display())]
    NoBackup(PathBuf),
    /// Not a backup, or one of a newer program.
    #[error("read the manifest of {}", .folder.display())]
    Manifest {
        /// Of which backup.
        folder: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A manifest of a format that this program does not know.
    #[error("read the manifest of {}: its format is {found}", .folder.display())]
    OtherFormat {
        /// Of which backup.
        folder: PathBuf,
        /// The format.
        found: u32,
    },
    /// A restore goes into an empty folder only.
    #[error("restore into {}: it is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The database of a backup is not what its manifest says, or not sound.
    #[error("read {}: {what}", .file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file.
    #[error("{what} {}", .path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A database.
    #[error("use the database of a backup")]
    Store(#[from] StoreError),
}

impl BackupError {
    fn io<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}
