//! `gongdan verify FILE…`, `verify log` and `verify evidence`.

use std::path::PathBuf;

use clap::Subcommand;

use super::backup::{changesets, told, whole};
use super::evidence::Evidence;
use super::sheet::Files;
use super::texts::{both, figure};
use super::{Global, Outcome, Output};
use crate::store::restores;
use crate::verify;

/// What `gongdan verify` takes: evidence files, or the name of something else to check.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub(super) struct Verify {
    #[command(subcommand)]
    of: Option<Of>,
    #[command(flatten)]
    files: Files,
}

#[derive(Debug, Subcommand)]
enum Of {
    /// 核对审计链、变更日志、确认单日志与全部签名 · Check the audit chain, the log, the log of sheets and every signature
    Log(Log),
    /// 核对导出的签名，无需数据库 · Check an export's signatures, with no database
    Evidence(Evidence),
}

/// What `gongdan verify log` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// 存放备份的目录：审计链须经过每个备份记下的末尾 · Folder of backups, whose ends the audit chain has to go through
    #[arg(long, env = "GONGDAN_BACKUPS")]
    backups: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        match &self.of {
            Some(Of::Log(log)) => log.run(global, out),
            Some(Of::Evidence(evidence)) => evidence.run(out),
            None => self.files.run(out),
        }
    }
}

impl Log {
    fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let restores = state.db.read(restores::begun_restores)?;
        let witnesses = match &self.backups {
            Some(folder) => verify::witnesses(folder, &restores).map_err(told)?,
            None => Vec::new(),
        };
        let chain = state.db.read(|c| verify::audit(c, &witnesses))?;
        audit(&chain, out)?;
        let found = state.db.read(verify::changesets)?;
        changesets(&found, out)?;
        let logged = state.db.read(verify::sheets)?;
        sheets(&logged, out)?;
        let good = chain.fault_count == 0 && found.fault_count == 0 && logged.faults.is_empty();
        writeln!(out, "{}", both("verify", if good { "good" } else { "bad" }))?;
        whole(good)
    }
}

/// What checking the log of sheets found.
pub(super) fn sheets(found: &verify::SheetLog, out: Output<'_>) -> std::io::Result<()> {
    figure(out, "sheets", found.sheets)?;
    if let Some(root) = found.root {
        figure(out, "sheet_root", crate::backup::hex(&root))?;
    }
    figure(out, "sheet_faults", found.faults.len())?;
    for fault in &found.faults {
        writeln!(out, "  {}: {}", fault.place(), both("fault", fault.code()))?;
    }
    Ok(())
}

/// What checking the audit chain found.
pub(super) fn audit(found: &verify::AuditLog, out: Output<'_>) -> std::io::Result<()> {
    figure(out, "audit_entries", found.entries)?;
    figure(out, "audit_told", found.told)?;
    figure(out, "audit_before", found.before)?;
    figure(out, "audit_backups", found.backups)?;
    figure(out, "audit_head", crate::backup::hex(&found.head.hash))?;
    figure(out, "audit_faults", found.fault_count)?;
    for fault in &found.faults {
        writeln!(out, "  {}: {}", fault.place(), both("fault", fault.code()))?;
    }
    Ok(())
}
