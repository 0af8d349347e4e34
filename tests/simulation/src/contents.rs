//! All that a phone keeps: rows, documents, changesets, attachments.
//!
//! Invariant: what is shown is what the disk has, committed, in the open replica or not.

use gongdan_core::document::{TicketDoc, snapshot};
use gongdan_core::ids::{Part, PartRef, TicketId};
use gongdan_core::store::{BlobState, Filter, Origin, OutboxState, StoreError, StoreTxn};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;

use crate::disk::{CommandRef, Disk};

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// What this device's person wrote himself: outbox, sealed changesets, and what of them is kept.
    Own,
    /// Another device's changesets that this one hands over.
    Carried,
    /// A list's row or what it is found by.
    Row,
    /// A document, the server's or set aside.
    Document,
    /// Others' changesets that are kept until a backup has them.
    Kept,
    /// An attachment.
    Attachment,
}

/// Shows everything on a disk. `tickets`: all there are, listed on the phone or not. Documents are shown as they
/// are kept and as they read uncompressed.
pub fn show(disk: &Disk, tickets: &[TicketId], look: &mut dyn FnMut(Place, &[u8])) {
    disk.read_all(&mut |txn| {
        let rows = txn.list(&Filter::default())?;
        let listed = rows.iter().map(|row| row.id);
        for id in tickets.iter().copied().chain(listed) {
            if let Some(row) = txn.ticket(id)? {
                look(Place::Row, row.search_text.as_bytes());
                let summary = serde_json::to_vec(&row.summary).expect("a summary is JSON");
                look(Place::Row, &summary);
            }
            for part in Part::ALL {
                if let Some(mirror) = txn.mirror(PartRef { ticket: id, part })? {
                    show_document(part, &mirror.document, look);
                }
            }
        }
        for row in txn.asides(0, usize::MAX)? {
            if let Some(document) = txn.aside_document(row.id)? {
                show_document(row.part.part, &document, look);
            }
        }
        for state in OutboxState::ALL {
            for entry in txn.entries_in(state)? {
                look(Place::Own, &codec::encode(&entry));
            }
        }
        for (place, bytes) in sealed(txn)? {
            look(place, &bytes);
        }
        for state in [BlobState::Unsent, BlobState::Sent] {
            for blob in txn.blobs_in(state)? {
                look(Place::Attachment, &txn.read_blob(blob.hash, 0..blob.bytes)?);
            }
        }
        Ok(())
    });
}

/// The commands of all changesets on a disk, whoever sealed them.
pub fn commands(disk: &Disk) -> Vec<CommandRef> {
    let mut found = Vec::new();
    disk.read_all(&mut |txn| {
        for (_, bytes) in sealed(txn)? {
            let changeset: Changeset = codec::decode(&bytes).expect("a stored changeset");
            let header = &changeset.header;
            let commands = changeset.commands().unwrap_or_default().into_iter();
            found.extend(commands.map(|authored| (header.ticket, header.part, authored.id)));
        }
        Ok(())
    });
    found
}

/// Every changeset on it.
fn sealed(txn: &mut dyn StoreTxn) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
    let own = txn.all_sealed()?.into_iter();
    let mut found: Vec<_> = own.map(|row| (Place::Own, row.changeset)).collect();
    for (origin, place) in [
        (Origin::Own, Place::Own),
        (Origin::Carried, Place::Carried),
        (Origin::Others, Place::Kept),
    ] {
        let kept = txn.kept(origin, 0, usize::MAX)?.into_iter();
        found.extend(kept.map(|row| (place, row.changeset)));
    }
    Ok(found)
}

fn show_document(part: Part, bytes: &[u8], look: &mut dyn FnMut(Place, &[u8])) {
    look(Place::Document, bytes);
    if let Ok(document) = TicketDoc::load(part, bytes) {
        look(Place::Document, &snapshot::pack(&document));
    }
}
