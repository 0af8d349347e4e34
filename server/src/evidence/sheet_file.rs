//! The evidence file of a ticket's signed sheet, with all that the server has to say of it.
//!
//! Invariant: the sheet's bytes are those that its device brought; a file is made of what is here now, and says
//! itself what is not.

use std::collections::BTreeSet;

use gongdan_core::document::hydrate;
use gongdan_core::evidence::SignedSheet;
use gongdan_core::evidence::file::{EvidenceFile, section};
use gongdan_core::ids::{BlobHash, DeviceId, Part, SheetHash};
use gongdan_core::limits;
use gongdan_core::ticket::{SheetKept, Ticket};
use rusqlite::Connection;

use super::{log, timestamps};
use crate::AppState;
use crate::auth::identity::DESK_INDEX;
use crate::auth::{certificates, devices};
use crate::relay::{documents, tickets};
use crate::store::StoreError;

/// Bytes kept free for everything in a file but attachments.
const REST_BYTES: usize = 2 * limits::SHEET_BYTES_MAX;

/// Why there is no evidence file.
#[derive(Debug, thiserror::Error)]
pub enum NoFile {
    /// The ticket has no such sheet.
    #[error("make an evidence file: the ticket has no such sheet")]
    UnknownSheet,
    /// Its reference came, its bytes did not yet, or are not those of the sheet.
    #[error("make an evidence file: the sheet's bytes have not come yet")]
    NotHere,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of attachments.
    #[error("read an attachment")]
    Io(#[from] std::io::Error),
}

/// The sheets of the ticket of an index: its references, in the order in which they came.
///
/// # Errors
/// The database fails.
pub fn sheets(connection: &Connection, ticket_index: u64) -> Result<Vec<SheetKept>, StoreError> {
    Ok(ticket(connection, ticket_index)?.map_or_else(Vec::new, |ticket| ticket.sheets))
}

fn ticket(connection: &Connection, index: u64) -> Result<Option<Ticket>, StoreError> {
    let Some(row) = tickets::by_index(connection, index)? else {
        return Ok(None);
    };
    let mut docs = Vec::new();
    for part in [Part::Service, Part::Customer] {
        docs.extend(documents::load(connection, index, part)?);
    }
    let refs: Vec<_> = docs.iter().collect();
    Ok(hydrate(row.id, row.number, &refs))
}

/// A sheet of the ticket of an index, as its device sealed it.
///
/// # Errors
/// [`NoFile`] says why there is none.
pub fn sheet(
    state: &AppState,
    connection: &Connection,
    ticket_index: u64,
    hash: SheetHash,
) -> Result<SignedSheet, NoFile> {
    let all = sheets(connection, ticket_index)?;
    let kept = all.into_iter().find(|kept| kept.named.sheet == hash);
    let kept = kept.ok_or(NoFile::UnknownSheet)?;
    let bytes = state.blobs.read(kept.blob, limits::SHEET_BYTES_MAX)?;
    bytes
        .and_then(|bytes| SignedSheet::from_bytes(&bytes).ok())
        .filter(|sheet| sheet.hash() == hash)
        .ok_or(NoFile::NotHere)
}

/// The evidence file of a sheet, with every attachment that is here as far as the file's limit allows.
///
/// # Errors
/// [`NoFile`] says why there is none.
pub fn evidence_file(
    state: &AppState,
    connection: &Connection,
    ticket_index: u64,
    hash: SheetHash,
) -> Result<EvidenceFile, NoFile> {
    let sheet = sheet(state, connection, ticket_index, hash)?;
    let mut signers = BTreeSet::from([DESK_INDEX]);
    signers.extend(index_of(connection, sheet.header.device)?);
    let mut issued = Vec::new();
    for device in signers {
        issued.extend(certificates::find(connection, device)?);
    }
    let mut left = limits::EVIDENCE_FILE_BYTES_MAX - REST_BYTES;
    let mut failed = None;
    let enclosed = |hash: BlobHash| match state.blobs.read(hash, left) {
        Ok(found) => found.inspect(|bytes| left -= bytes.len()),
        Err(error) => {
            failed.get_or_insert(error);
            None
        }
    };
    let organisation = *state.organisation_key.public().as_bytes();
    let mut file = EvidenceFile::new(organisation, &issued, &sheet, &[], enclosed);
    if let Some(error) = failed {
        return Err(error.into());
    }
    if let Some((countersignature, inclusion)) = log::received(connection, &state.keys, hash)? {
        file.add_section(section::COUNTERSIGNATURE, countersignature.to_bytes());
        file.add_section(section::INCLUSION, inclusion.to_bytes());
    }
    if let Some(kept) = timestamps::kept(connection, hash)? {
        file.add_section(section::TIMESTAMP, kept);
    }
    Ok(file)
}

fn index_of(connection: &Connection, device: DeviceId) -> Result<Option<i64>, StoreError> {
    Ok(devices::find(connection, device)?.map(|device| device.index))
}
