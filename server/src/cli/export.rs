//! `gongdan export TICKET`: a ticket as plain files that need none of our programs.
//!
//! Invariant: a `.automerge` file is the part's document in Automerge's own format, whole history and all;
//! `ticket.json` is what its documents say, of the same moment; `evidence.json` holds the signed changesets
//! behind it with the certificates of the devices that signed them, so that whoever has the organisation's
//! public key can check who wrote what with no server; the manifest names the hash of each.

use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use gongdan_core::clock::Timestamp;
use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{ChangeHash, Part, TicketId, TicketNumber};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Global, Outcome, Output};
use crate::audit::{self, Action};
use crate::evidence;
use crate::read_model;
use crate::relay::{documents, tickets};

/// 导出一张工单 · Export a ticket
#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// 工单号或编号 · Number or id
    ticket: String,
    /// 目标目录，默认为工单号 · Folder to write to; named after the ticket unless given
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What was exported, and how to check it.
#[derive(Serialize)]
struct Manifest {
    /// Version of this layout.
    format: u32,
    ticket: TicketId,
    number: Option<TicketNumber>,
    exported_at: Timestamp,
    documents: Vec<DocumentFile>,
    json: File,
    evidence: File,
}

#[derive(Serialize)]
struct DocumentFile {
    part: Part,
    #[serde(flatten)]
    file: File,
    heads: Vec<ChangeHash>,
    changes: usize,
}

#[derive(Serialize)]
struct File {
    file: String,
    bytes: usize,
    /// Of the file, in hexadecimal.
    sha256: String,
}

impl Export {
    pub(super) fn run(&self, global: &Global, out: Output<'_>) -> Outcome {
        let state = global.open()?;
        let found = state.db.read(|c| {
            let Some(row) = read_model::find(c, &self.ticket)?
                .map(|index| tickets::by_index(c, index))
                .transpose()?
                .flatten()
            else {
                return Ok(None);
            };
            let mut docs = Vec::new();
            for part in Part::ALL {
                docs.extend(documents::load(c, row.index, part)?);
            }
            let evidence = evidence::of_ticket(c, row.index, &state.organisation_key.public())?;
            Ok::<_, crate::store::StoreError>(Some((row, docs, evidence)))
        })?;
        let (row, docs, evidence) =
            found.ok_or_else(|| format!("export a ticket: there is no ticket {}", self.ticket))?;
        let ticket = hydrate(row.id, row.number, &docs.iter().collect::<Vec<_>>())
            .ok_or("export a ticket: its opening is not readable")?;
        let folder = self.out.clone().unwrap_or_else(|| {
            PathBuf::from(
                row.number
                    .map_or_else(|| row.id.to_string(), |number| number.to_string()),
            )
        });
        super::tell(
            &state,
            Action::TicketExported,
            audit::about("id", row.id.to_string()),
        )?;
        make(&folder)?;
        let mut documents = Vec::new();
        for doc in &docs {
            documents.push(document(&folder, doc)?);
        }
        let json = write(&folder, "ticket.json", &pretty(&ticket)?)?;
        let evidence = write(&folder, "evidence.json", &pretty(&evidence)?)?;
        let exported_at = state.host.now();
        let manifest = Manifest {
            format: 1,
            ticket: row.id,
            number: row.number,
            exported_at,
            documents,
            json,
            evidence,
        };
        write(&folder, "manifest.json", &pretty(&manifest)?)?;
        writeln!(out, "{}", folder.display())?;
        Ok(())
    }
}

/// Makes the folder, for its owner alone: it will hold personal data.
fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn document(folder: &Path, doc: &TicketDoc) -> std::io::Result<DocumentFile> {
    let file = write(
        folder,
        &format!("{}.automerge", doc.part().name()),
        &doc.save(),
    )?;
    Ok(DocumentFile {
        part: doc.part(),
        file,
        heads: doc.heads(),
        changes: doc.change_count(),
    })
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<File> {
    std::fs::write(folder.join(name), bytes)?;
    let sha256 = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(File {
        file: name.to_owned(),
        bytes: bytes.len(),
        sha256,
    })
}

fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
