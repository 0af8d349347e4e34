//! `gongdan evidence TICKET [SHEET]`: the evidence file of a signed sheet.

use std::path::PathBuf;

use gongdan_core::ids::SheetHash;
use gongdan_core::ticket::SheetKept;

use super::{Global, Outcome, Output};
use crate::audit::{self, Action};
use crate::evidence::sheet_file::{evidence_file, sheets};
use crate::read_model;

/// 签署确认单的证据文件 · A signed sheet's evidence file
#[derive(Debug, clap::Args)]
pub(super) struct SheetFile {
    /// 工单号或编号 · Number or id of the ticket
    ticket: String,
    /// 确认单哈希；只有一张现行的可省略 · The sheet's hash; not needed where only one counts
    sheet: Option<SheetHash>,
    /// 目标文件，默认为 哈希.gds · File to write to; HASH.gds unless given
    #[arg(short, long)]
    out: Option<PathBuf>,
}

impl SheetFile {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let (hash, file) = state.db.read(|c| {
            let index = read_model::find(c, &self.ticket)?
                .ok_or_else(|| format!("there is no ticket {}", self.ticket))?;
            let hash = match self.sheet {
                Some(hash) => hash,
                None => only(&sheets(c, index)?)?,
            };
            let file = evidence_file(&state, c, index, hash)?;
            Ok::<_, Box<dyn std::error::Error>>((hash, file))
        })?;
        super::tell(
            &state,
            Action::TicketExported,
            audit::about("id", self.ticket.clone()),
        )?;
        let path = self.out.clone();
        let path = path.unwrap_or_else(|| PathBuf::from(format!("{hash}.gds")));
        std::fs::write(&path, file.to_bytes())
            .map_err(|error| format!("write {}: {error}", path.display()))?;
        Ok(writeln!(out, "{}", path.display())?)
    }
}

/// The one sheet that no later one corrects.
fn only(sheets: &[SheetKept]) -> Result<SheetHash, String> {
    let corrected = |kept: &&SheetKept| {
        let mut others = sheets.iter();
        !others.any(|other| other.named.corrects == Some(kept.named.sheet))
    };
    let current: Vec<_> = sheets.iter().filter(corrected).collect();
    match current.as_slice() {
        [one] => Ok(one.named.sheet),
        [] => Err("the ticket has no signed sheet".to_owned()),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|kept| kept.named.sheet.to_string())
                .collect();
            Err(format!(
                "several sheets count: name one of {}",
                names.join(" ")
            ))
        }
    }
}
