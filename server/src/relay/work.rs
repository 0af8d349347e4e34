//! What one writing transaction has at hand: documents, tickets and roles, each read once.
//!
//! Invariant: dropped with its transaction, so that nothing of a failed one is ever believed; documents and
//! read model are written by [`Work::flush`], which every writer calls last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{Part, PersonId, TicketId};
use gongdan_core::policy::Standing;
use gongdan_core::ticket::Field;
use rusqlite::{Transaction, params};

use super::documents::{self, Stored};
use super::sql_index;
use super::tickets::{self, TicketRow};
use crate::audit::Admissions;
use crate::auth::devices;
use crate::store::StoreError;
use crate::{organisation, read_model};

/// Documents kept at once; past it they are written and read again.
const DOCUMENTS_MAX: usize = 256;

pub(super) struct Work<'t, 'c> {
    pub(super) tx: &'t Transaction<'c>,
    tickets: HashMap<TicketId, Option<TicketRow>>,
    documents: HashMap<(u64, Part), Option<Stored>>,
    /// Tickets to be written, with the receipt of what was last admitted to them.
    dirty: BTreeMap<u64, (TicketId, Timestamp, BTreeSet<Part>)>,
    catalogues: HashMap<u32, Option<Rc<Catalogue>>>,
    newest: Option<u32>,
    standings: HashMap<(PersonId, u32), Rc<Standing>>,
    revoked: HashMap<i64, bool>,
    /// For the audit chain.
    pub(super) admissions: Admissions,
    /// Something was admitted or decided: somebody is to be woken.
    pub(super) changed: bool,
}

impl<'t, 'c> Work<'t, 'c> {
    pub(super) fn new(tx: &'t Transaction<'c>) -> Self {
        Self {
            tx,
            tickets: HashMap::new(),
            documents: HashMap::new(),
            dirty: BTreeMap::new(),
            catalogues: HashMap::new(),
            newest: None,
            standings: HashMap::new(),
            revoked: HashMap::new(),
            admissions: Admissions::default(),
            changed: false,
        }
    }

    pub(super) fn ticket(&mut self, id: TicketId) -> Result<Option<TicketRow>, StoreError> {
        if let Some(found) = self.tickets.get(&id) {
            return Ok(found.clone());
        }
        let found = tickets::by_id(self.tx, id)?;
        self.tickets.insert(id, found.clone());
        Ok(found)
    }

    pub(super) fn know_ticket(&mut self, row: TicketRow) {
        self.tickets.insert(row.id, Some(row));
    }

    /// A part's document, if anything was admitted to it.
    pub(super) fn document(
        &mut self,
        index: u64,
        part: Part,
    ) -> Result<Option<&Stored>, StoreError> {
        if !self.documents.contains_key(&(index, part)) {
            if self.documents.len() >= DOCUMENTS_MAX {
                self.flush()?;
                self.documents.clear();
            }
            let found = documents::load_stored(self.tx, index, part)?;
            self.documents.insert((index, part), found);
        }
        Ok(self.documents.get(&(index, part)).and_then(Option::as_ref))
    }

    /// A part's document taken out, to be changed and put back; a genesis where there is none.
    pub(super) fn take_document(&mut self, index: u64, part: Part) -> Result<Stored, StoreError> {
        self.document(index, part)?;
        let found = self.documents.remove(&(index, part)).flatten();
        Ok(found.unwrap_or_else(|| Stored {
            document: TicketDoc::genesis(part),
            seq: 0,
            bytes: 0,
        }))
    }

    /// Puts a changed document back, to be written with the rest.
    pub(super) fn put_document(
        &mut self,
        index: u64,
        id: TicketId,
        stored: Stored,
        received_at: Timestamp,
    ) {
        let part = stored.document.part();
        self.documents.insert((index, part), Some(stored));
        let dirty = self
            .dirty
            .entry(index)
            .or_insert((id, received_at, BTreeSet::new()));
        dirty.1 = received_at;
        dirty.2.insert(part);
    }

    /// Writes documents, their tickets' order of sending, the read model, and the audit entry of what was admitted.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        self.admissions.write(self.tx)?;
        for (index, (id, received_at, parts)) in std::mem::take(&mut self.dirty) {
            for part in parts {
                if let Some(Some(stored)) = self.documents.get_mut(&(index, part)) {
                    stored.bytes = documents::store(self.tx, index, &stored.document, stored.seq)?;
                }
            }
            self.project(index, id, received_at)?;
        }
        Ok(())
    }

    /// Writes a ticket's rows from its documents; `received_at`: what was last admitted to it.
    pub(super) fn project(
        &mut self,
        index: u64,
        id: TicketId,
        received_at: Timestamp,
    ) -> Result<(), StoreError> {
        let number = self.ticket(id)?.and_then(|row| row.number);
        for part in Part::ALL {
            if !self.documents.contains_key(&(index, part)) {
                let found = documents::load_stored(self.tx, index, part)?;
                self.documents.insert((index, part), found);
            }
        }
        let docs: Vec<&TicketDoc> = Part::ALL
            .iter()
            .filter_map(|part| self.documents.get(&(index, *part))?.as_ref())
            .map(|stored| &stored.document)
            .collect();
        let Some(ticket) = hydrate(id, number, &docs) else {
            return Ok(());
        };
        self.tx
            .prepare_cached(
                "UPDATE tickets SET appointed_from = ?2, grade = ?3 WHERE ticket_index = ?1",
            )?
            .execute(params![
                sql_index(index),
                ticket.instant(Field::AppointedFrom).map(Timestamp::seconds),
                ticket.text(Field::Grade),
            ])?;
        read_model::store(self.tx, index, &read_model::rows(&ticket), received_at)
    }

    /// Where a person stands at receipt; nowhere for one who is not active.
    pub(super) fn standing_now(&mut self, person: &PersonId) -> Result<Rc<Standing>, StoreError> {
        let version = match self.newest {
            Some(version) => version,
            None => *self.newest.insert(organisation::current_version(self.tx)?),
        };
        self.standing(person, version)
    }

    /// Where a person stood in a catalogue version; where they stand at receipt if there is no such version.
    pub(super) fn standing_then(
        &mut self,
        person: &PersonId,
        version: u32,
    ) -> Result<Rc<Standing>, StoreError> {
        match self.catalogue(version)? {
            Some(_) => self.standing(person, version),
            None => self.standing_now(person),
        }
    }

    fn catalogue(&mut self, version: u32) -> Result<Option<Rc<Catalogue>>, StoreError> {
        if let Some(found) = self.catalogues.get(&version) {
            return Ok(found.clone());
        }
        let found = organisation::at_version(self.tx, version)?.map(Rc::new);
        self.catalogues.insert(version, found.clone());
        Ok(found)
    }

    fn standing(&mut self, person: &PersonId, version: u32) -> Result<Rc<Standing>, StoreError> {
        let key = (person.clone(), version);
        if let Some(found) = self.standings.get(&key) {
            return Ok(Rc::clone(found));
        }
        let standing = match self.catalogue(version)? {
            Some(catalogue) => Standing::of(&catalogue, person),
            // Before an organisation is loaded nobody is anything.
            None => Standing::bare(person.clone(), Vec::new()),
        };
        let standing = Rc::new(standing);
        self.standings.insert(key, Rc::clone(&standing));
        Ok(standing)
    }

    /// Whether a device may do nothing but upload.
    pub(super) fn is_revoked(&mut self, device_index: i64) -> Result<bool, StoreError> {
        if let Some(revoked) = self.revoked.get(&device_index) {
            return Ok(*revoked);
        }
        let revoked =
            devices::by_index(self.tx, device_index)?.is_none_or(|device| device.is_revoked());
        self.revoked.insert(device_index, revoked);
        Ok(revoked)
    }
}
