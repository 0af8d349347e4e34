//! `gongdan rebuild`: documents and read model anew from the signed changesets alone.

use super::{Ended, Global, Outcome, Output};
use crate::audit::{self, Action};
use crate::relay;

/// What it takes: nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Rebuild {}

/// Exit code where some tickets' logs do not agree.
const NOT_WHOLE: u8 = 2;

impl Rebuild {
    /// Rebuilds and says what was done.
    ///
    /// # Errors
    /// The database fails; [`Ended`] where something came out differently.
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let rebuilt = relay::rebuild(&state.db)?;
        let detail = audit::about("entries", rebuilt.entries);
        super::tell(&state, Action::Rebuilt, detail)?;
        writeln!(
            out,
            "重建 · Rebuilt: {} 工单 tickets, {} 日志条目 entries, {} 命令 commands, {} 不同 different",
            rebuilt.tickets, rebuilt.entries, rebuilt.commands, rebuilt.different
        )?;
        if rebuilt.different == 0 {
            return Ok(());
        }
        writeln!(
            out,
            "以下工单的日志已损坏，保持原样；请用备份恢复 · The logs of these tickets are damaged. They stay as they were, restore a backup:"
        )?;
        for ticket in &rebuilt.damaged {
            writeln!(out, "{ticket}")?;
        }
        Err(Ended(NOT_WHOLE).into())
    }
}
