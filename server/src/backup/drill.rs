//! Trying the newest backup out: restored aside, everything derived made anew and compared, every signature
//! verified. Invariant: neither the backup nor the live data is touched.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gongdan_core::clock::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::manifest::{self, Manifest};
use super::restore::{Restored, restore};
use super::{BackupError, DATABASE, files};
use crate::relay::{self, Rebuilt};
use crate::store::{Database, StoreError, restores};
use crate::verify::{self, AuditLog, Changesets, SheetLog};

/// What came out of a drill.
#[derive(Debug)]
pub struct Drilled {
    /// Which backup.
    pub backup: PathBuf,
    /// What was restored.
    pub restored: Restored,
    /// How long restoring took, hashes and SQLite's own check included: the recovery time.
    pub restoring: Duration,
    /// Documents that the log does not bear out.
    pub different_documents: u64,
    /// What the rebuild did.
    pub rebuilt: Rebuilt,
    /// Derived tables that came out differently.
    pub different_tables: Vec<&'static str>,
    /// How long rebuilding took.
    pub rebuilding: Duration,
    /// What the signatures say.
    pub changesets: Changesets,
    /// What the audit chain says, against the heads that this and earlier backups of the folder saw.
    pub audit: AuditLog,
    /// What the log of sheets says.
    pub sheets: SheetLog,
    /// How long verifying took.
    pub verifying: Duration,
    /// What a loss of the live data now would lose.
    pub behind: Option<Behind>,
}

/// How far a backup is behind the live database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Log entries since.
    pub entries: u64,
    /// Changesets received since.
    pub changesets: u64,
}

impl Drilled {
    /// Whether the backup is as good as what it was taken of.
    pub fn is_good(&self) -> bool {
        self.restored.missing.is_empty()
            && self.different_documents == 0
            && self.rebuilt.different == 0
            && self.different_tables.is_empty()
            && self.changesets.fault_count == 0
            && self.audit.fault_count == 0
            && self.sheets.faults.is_empty()
    }

    /// Since when the loss of the live data would lose something, in seconds: the recovery point.
    pub fn age_seconds(&self, now: Timestamp) -> i64 {
        now.seconds() - self.restored.manifest.taken_at.seconds()
    }
}

/// Tries the newest backup of a folder out, below `aside`, and compares how far it is behind `data`. Blocks.
///
/// # Errors
/// There is no backup, it cannot be restored, or a database fails.
pub fn drill(backups: &Path, aside: &Path, data: &Path) -> Result<Drilled, BackupError> {
    let backup = manifest::newest(backups)?;
    files::make_folder(aside)?;
    let folder = Aside(aside.join(format!(".drill-{}", std::process::id())));
    let started = Instant::now();
    let restored = restore(&backup, &folder.0)?;
    let restoring = started.elapsed();

    let database = Database::open(folder.0.join(DATABASE))?;
    let started = Instant::now();
    let different_documents = database.read(verify::different_documents)?;
    let before = database.read(verify::digests)?;
    let rebuilt = relay::rebuild(&database)?;
    let after = database.read(verify::digests)?;
    let different_tables = before
        .into_iter()
        .filter(|(table, digest)| after.get(table) != Some(digest))
        .map(|(table, _)| table)
        .collect();
    let rebuilding = started.elapsed();

    let started = Instant::now();
    let changesets = database.read(verify::changesets)?;
    let witnesses = verify::witnesses(backups, &database.read(restores::begun_restores)?)?;
    let audit = database.read(|c| verify::audit(c, &witnesses))?;
    let sheets = database.read(verify::sheets)?;
    let verifying = started.elapsed();
    let behind = behind(&data.join(DATABASE), &restored.manifest)?;
    Ok(Drilled {
        backup,
        restored,
        restoring,
        different_documents,
        rebuilt,
        different_tables,
        rebuilding,
        changesets,
        audit,
        sheets,
        verifying,
        behind,
    })
}

/// A folder that goes when the drill ends, however it ends.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `None` where there is no live database, or one of another epoch.
fn behind(live: &Path, manifest: &Manifest) -> Result<Option<Behind>, BackupError> {
    if !live.is_file() {
        return Ok(None);
    }
    let connection = Connection::open_with_flags(live, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "query_only", true)?;
    let one = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let epoch = one("SELECT coalesce(max(epoch), 0) FROM relay_state")?;
    if epoch != i64::from(manifest.epoch) {
        return Ok(None);
    }
    let log_end = one("SELECT coalesce(max(seq), 0) FROM log")?.cast_unsigned();
    let inbox_end = one("SELECT coalesce(max(id), 0) FROM inbox")?.cast_unsigned();
    let since = |live: u64, kept: u64| {
        live.checked_sub(kept).ok_or(StoreError::Malformed {
            what: "the end of the log",
        })
    };
    Ok(Some(Behind {
        entries: since(log_end, manifest.log_end)?,
        changesets: since(inbox_end, manifest.inbox_end)?,
    }))
}
