//! `gongdan backup`, `gongdan restore`, `gongdan drill`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::texts::{both, figure, filled};
use super::{Ended, Global, Outcome, Output};
use crate::backup::{self, BackupError, Drilled};
use crate::host::Host;
use crate::verify::Changesets;

/// The exit code where something was done and is not whole.
const NOT_WHOLE: u8 = 2;

/// What `gongdan backup` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// 存放备份的目录 · Folder of the backups
    #[arg(env = "GONGDAN_BACKUPS", default_value = "backups")]
    folder: PathBuf,
    /// 只保留最新的若干个备份 · Keep this many of the newest, remove the older ones
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
}

impl Backup {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let now = Host::system().now();
        let taken = backup::take(&global.data, &self.folder, now).map_err(told)?;
        let manifest = &taken.manifest;
        writeln!(out, "{}", both("backup", "done"))?;
        figure(out, "folder", taken.folder.display())?;
        figure(out, "taken_at", manifest.taken_at)?;
        figure(out, "epoch", manifest.epoch)?;
        figure(out, "log_end", manifest.log_end)?;
        figure(out, "tickets", manifest.tickets)?;
        figure(out, "database_bytes", manifest.database.bytes)?;
        figure(out, "attachments", manifest.blobs.count)?;
        figure(out, "attachment_bytes", manifest.blobs.bytes)?;
        figure(out, "linked", taken.linked)?;
        figure(out, "missing", manifest.blobs.missing.len())?;
        for hash in &manifest.blobs.missing {
            writeln!(out, "  {hash}")?;
        }
        if let Some(keep) = self.keep {
            let removed = backup::prune(&self.folder, keep as usize).map_err(told)?;
            figure(out, "removed", removed)?;
        }
        whole(manifest.blobs.missing.is_empty())
    }
}

/// What `gongdan restore` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// 要恢复的备份 · The backup to restore
    backup: PathBuf,
}

impl Restore {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let restored = backup::restore(&self.backup, &global.data).map_err(told)?;
        writeln!(out, "{}", both("restore", "done"))?;
        figure(out, "data", global.data.display())?;
        figure(out, "taken_at", restored.manifest.taken_at)?;
        figure(out, "log_end", restored.manifest.log_end)?;
        figure(out, "tickets", restored.manifest.tickets)?;
        figure(out, "attachments", restored.blobs)?;
        figure(out, "missing", restored.missing.len())?;
        for hash in &restored.missing {
            writeln!(out, "  {hash}")?;
        }
        whole(restored.missing.is_empty())
    }
}

/// What `gongdan drill` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Drill {
    /// 存放备份的目录 · Folder of the backups
    #[arg(env = "GONGDAN_BACKUPS", default_value = "backups")]
    folder: PathBuf,
    /// 演练用的目录，默认在备份旁边 · Where to restore aside; beside the backups unless given
    #[arg(long)]
    aside: Option<PathBuf>,
}

impl Drill {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let aside: &Path = self.aside.as_deref().unwrap_or(&self.folder);
        let drilled = backup::drill(&self.folder, aside, &global.data).map_err(told)?;
        let now = Host::system().now();
        figure(out, "folder", drilled.backup.display())?;
        figure(out, "taken_at", drilled.restored.manifest.taken_at)?;
        figure(out, "recovery_point", drilled.age_seconds(now))?;
        if let Some(behind) = drilled.behind {
            figure(out, "entries_lost", behind.entries)?;
            figure(out, "changesets_lost", behind.changesets)?;
        }
        figure(out, "recovery_time", seconds(drilled.restoring))?;
        tell(&drilled, out)?;
        let good = drilled.is_good();
        writeln!(out, "{}", both("drill", if good { "good" } else { "bad" }))?;
        whole(good)
    }
}

fn tell(drilled: &Drilled, out: Output<'_>) -> std::io::Result<()> {
    figure(out, "attachments", drilled.restored.blobs)?;
    figure(out, "missing", drilled.restored.missing.len())?;
    figure(out, "rebuild_time", seconds(drilled.rebuilding))?;
    figure(out, "tickets", drilled.rebuilt.tickets)?;
    figure(out, "entries", drilled.rebuilt.entries)?;
    figure(out, "commands", drilled.rebuilt.commands)?;
    figure(out, "different_entries", drilled.rebuilt.different)?;
    figure(out, "different_documents", drilled.different_documents)?;
    figure(out, "different_tables", drilled.different_tables.len())?;
    for table in &drilled.different_tables {
        writeln!(out, "  {table}")?;
    }
    figure(out, "verify_time", seconds(drilled.verifying))?;
    changesets(&drilled.changesets, out)?;
    super::verify::audit(&drilled.audit, out)?;
    super::verify::sheets(&drilled.sheets, out)
}

/// What verifying the changesets found.
pub(super) fn changesets(found: &Changesets, out: Output<'_>) -> std::io::Result<()> {
    figure(out, "changesets", found.changesets)?;
    figure(out, "signatures", found.signatures)?;
    figure(out, "devices", found.devices)?;
    figure(out, "forks", found.forks)?;
    figure(out, "faults", found.fault_count)?;
    for fault in &found.faults {
        writeln!(out, "  {}: {}", fault.place(), both("fault", fault.code()))?;
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

pub(super) fn whole(is_whole: bool) -> Outcome {
    if is_whole {
        Ok(())
    } else {
        Err(Ended(NOT_WHOLE).into())
    }
}

/// The error for people, with its cause for whoever looks after it.
pub(super) fn told(error: BackupError) -> String {
    let (key, path) = match &error {
        BackupError::NoDatabase(path) => ("no_database", path.as_path()),
        BackupError::Busy(path) => ("busy", path.as_path()),
        BackupError::NoBackup(path) => ("no_backup", path.as_path()),
        BackupError::Manifest { folder, .. } => ("manifest", folder.as_path()),
        BackupError::OtherFormat { folder, .. } => ("other_format", folder.as_path()),
        BackupError::NotEmpty(path) => ("not_empty", path.as_path()),
        BackupError::Damaged { file, .. } => ("damaged", file.as_path()),
        BackupError::Io { path, .. } => ("io", path.as_path()),
        BackupError::Store(_) => ("store", Path::new("")),
    };
    let text = filled("backup", key, "path", &path.display().to_string());
    format!("{text} ({})", crate::api::problem::Chain(&error))
}
