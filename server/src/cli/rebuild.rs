//! `gongdan rebuild`: documents and read model anew from the signed changesets alone.

use super::{Global, Outcome, Output};
use crate::audit::{self, Action};
use crate::relay;

/// What it takes: nothing.
#[derive(Debug, clap::Args)]
pub(super) struct Rebuild {}

/// The log and its changesets do not agree.
#[derive(Debug, thiserror::Error)]
#[error("rebuild: {0} entries came out differently; nothing was changed")]
struct Different(u64);

impl Rebuild {
    /// Rebuilds and says what was done.
    ///
    /// # Errors
    /// The database fails, or something came out differently.
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
        if rebuilt.different > 0 {
            Err(Box::new(Different(rebuilt.different)))
        } else {
            Ok(())
        }
    }
}
