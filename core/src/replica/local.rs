//! The local documents: mirror plus what waits in the outbox, kept loaded within a bound.

use super::{LOADED_MAX, Replica};
use crate::document::TicketDoc;
use crate::ids::{Part, PartRef, TicketId};
use crate::store::{StoreError, StoreTxn};

/// Loads a part's mirror; the genesis where the server has none yet.
pub(super) fn mirror(
    txn: &mut dyn StoreTxn,
    part: PartRef,
) -> Result<Option<(TicketDoc, u64)>, StoreError> {
    let Some(row) = txn.mirror(part)? else {
        return Ok(None);
    };
    let doc = TicketDoc::load(part.part, &row.document).map_err(|_| StoreError::Malformed {
        what: "a mirror's document",
    })?;
    Ok(Some((doc, row.seq)))
}

/// Mirror plus the waiting entries whose base is there.
pub(super) fn local(
    txn: &mut dyn StoreTxn,
    part: PartRef,
) -> Result<Option<TicketDoc>, StoreError> {
    let Some((mut doc, _)) = mirror(txn, part)? else {
        return Ok(None);
    };
    for entry in txn.entries_of(part)? {
        if entry.state.is_waiting() && doc.contains(&entry.base) {
            doc.apply_own(&entry.change)
                .map_err(|_| StoreError::Malformed {
                    what: "an outbox entry's change",
                })?;
        }
    }
    Ok(Some(doc))
}

impl Replica {
    /// A part's local document, from memory where it is there.
    pub(super) fn doc(&mut self, part: PartRef) -> Result<Option<TicketDoc>, StoreError> {
        self.uses += 1;
        let uses = self.uses;
        if let Some((used, doc)) = self.loaded.get_mut(&part) {
            *used = uses;
            return Ok(Some(doc.clone()));
        }
        let mut found = None;
        self.store.read(&mut |txn| {
            found = local(txn, part)?;
            Ok(())
        })?;
        if let Some(doc) = &found {
            self.keep(part, doc.clone());
        }
        Ok(found)
    }

    /// The documents of a ticket that this device holds.
    pub(super) fn docs(&mut self, ticket: TicketId) -> Result<Vec<TicketDoc>, StoreError> {
        let mut docs = Vec::new();
        for part in Part::ALL {
            docs.extend(self.doc(PartRef { ticket, part })?);
        }
        Ok(docs)
    }

    /// Keeps a document loaded; the longest unused makes room.
    pub(super) fn keep(&mut self, part: PartRef, doc: TicketDoc) {
        if self.loaded.len() >= LOADED_MAX && !self.loaded.contains_key(&part) {
            let oldest = self
                .loaded
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(part, _)| *part);
            if let Some(oldest) = oldest {
                self.loaded.remove(&oldest);
            }
        }
        self.uses += 1;
        self.loaded.insert(part, (self.uses, doc));
    }
}
