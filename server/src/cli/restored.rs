//! `gongdan restored`: what a restore from a backup passed over, and what has not come back.

use super::{Global, Outcome, Output};
use crate::relay::{epoch, given_back};
use crate::store::StoreError;

/// What it takes: nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Restored {}

impl Restored {
    /// Says which restore this database goes on from, and which documents a device had more of.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let (epoch, missing) = state.db.read(|c| {
            let epoch = epoch::newest(c)?;
            Ok::<_, StoreError>((epoch, given_back::missing(c)?))
        })?;
        let Some(epoch) = epoch else {
            writeln!(out, "未曾从备份恢复 · Never restored from a backup")?;
            return Ok(());
        };
        writeln!(
            out,
            "恢复于 restored {}，备份时间 backup of {}；设备可补交至 gaps are passed over until {}",
            epoch.begun_at.to_utc().to_rfc3339(),
            epoch.backup_at.to_utc().to_rfc3339(),
            epoch.open_until.to_utc().to_rfc3339(),
        )?;
        writeln!(
            out,
            "{} 份工单文档在某台设备上更完整 · documents of which a device holds more than came back",
            missing.len()
        )?;
        for part in missing {
            writeln!(
                out,
                "  {} {:?} · 设备 device {} · {}",
                part.ticket,
                part.part,
                part.device_index,
                part.reported_at.to_utc().to_rfc3339()
            )?;
        }
        Ok(())
    }
}
