//! What one writing transaction has at hand: documents, tickets and roles, each read once.
//!
//! Invariant: dropped with its transaction, so that nothing of a failed one is ever believed; documents and
//! read model are written by [`Work::flush`], which every writer calls last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::document::{Facts, TicketDoc, hydrate};
use gongdan_core::ids::{Part, PersonId, TicketId};
use gongdan_core::planted::{self, Defect};
use gongdan_core::policy::{self, Standing};
use gongdan_core::ticket::Field;
use rusqlite::{Transaction, params};

use super::damage::{self, Panicked, Place, contained};
use super::documents::{self, Stored};
use super::sql_index;
use super::tickets::{self, TicketRow};
use crate::audit::Admissions;
use crate::auth::devices;
use crate::store::StoreError;
use crate::{organisation, read_model};

/// Documents kept at once; past it they are written and read again.
const DOCUMENTS_MAX: usize = 256;

/// Why a unit was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fell {
    /// A document that it needs does not load, and the log does not give it either.
    Damaged(u64, Part),
    /// The document library panicked.
    Panicked,
}

/// A part of a ticket, and what was known of it.
type Replaced = ((u64, Part), Option<Stored>);

pub(super) struct Work<'t, 'c> {
    pub(super) tx: &'t Transaction<'c>,
    tickets: HashMap<TicketId, Option<TicketRow>>,
    documents: HashMap<(u64, Part), Option<Stored>>,
    /// Within a unit: what `documents` held before it.
    undo: Option<Vec<Replaced>>,
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
            undo: None,
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
            if self.undo.is_none() && self.documents.len() >= DOCUMENTS_MAX {
                self.flush()?;
                self.documents.clear();
            }
            let found = self.load(index, part)?;
            self.documents.insert((index, part), found);
        }
        Ok(self.documents.get(&(index, part)).and_then(Option::as_ref))
    }

    /// Reads a document; one that had to be made anew is written back and flagged.
    fn load(&self, index: u64, part: Part) -> Result<Option<Stored>, StoreError> {
        let mut found = documents::load_stored(self.tx, index, part)?;
        if let Some(stored) = found.as_mut().filter(|stored| stored.remade) {
            let written = contained(Place::Show(index), || {
                documents::store(self.tx, index, &stored.document, stored.seq)
            });
            let mended = written.is_ok();
            if let Ok(written) = written {
                written?;
            }
            stored.remade = false;
            damage::flag(self.tx, index, part, mended)?;
        }
        Ok(found)
    }

    /// Does what concerns one ticket, whole or not at all: what fails by its documents, damaged or such that
    /// the library panics on them, is undone and told.
    pub(super) fn unit<T>(
        &mut self,
        ticket: TicketId,
        run: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<Result<T, Fell>, StoreError> {
        if self.documents.len() >= DOCUMENTS_MAX {
            self.flush()?;
            self.documents.clear();
        }
        self.tx.prepare_cached("SAVEPOINT unit")?.execute([])?;
        self.undo = Some(Vec::new());
        let outcome = contained(Place::Judge(ticket), || run(self));
        let undo = self.undo.take().unwrap_or_default();
        let fell = match outcome {
            Ok(Ok(value)) => {
                self.tx.prepare_cached("RELEASE unit")?.execute([])?;
                return Ok(Ok(value));
            }
            Ok(Err(StoreError::Damaged { ticket_index, part })) => {
                Fell::Damaged(ticket_index, part)
            }
            Ok(Err(error)) => return Err(error),
            Err(Panicked) => Fell::Panicked,
        };
        self.tx.prepare_cached("ROLLBACK TO unit")?.execute([])?;
        self.tx.prepare_cached("RELEASE unit")?.execute([])?;
        for (key, before) in undo.into_iter().rev() {
            self.documents.insert(key, before);
        }
        self.tickets.remove(&ticket);
        if let Fell::Damaged(index, part) = fell {
            damage::flag(self.tx, index, part, false)?;
        }
        Ok(Err(fell))
    }

    /// Whether anything was admitted to a part.
    pub(super) fn has_part(&self, index: u64, part: Part) -> Result<bool, StoreError> {
        match self.documents.get(&(index, part)) {
            Some(known) => Ok(known.is_some()),
            None => documents::is_there(self.tx, index, part),
        }
    }

    /// A part's document taken out, to be changed and put back; a genesis where there is none.
    pub(super) fn take_document(&mut self, index: u64, part: Part) -> Result<Stored, StoreError> {
        self.document(index, part)?;
        let found = self.documents.remove(&(index, part)).flatten();
        Ok(found.unwrap_or_else(|| Stored {
            document: TicketDoc::genesis(part),
            seq: 0,
            bytes: 0,
            remade: false,
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
        let before = self.documents.insert((index, part), Some(stored)).flatten();
        if let Some(undo) = &mut self.undo {
            undo.push(((index, part), before));
        }
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
            let stale = planted::is(Defect::ReadModelStale) && !parts.contains(&Part::Service);
            for part in parts {
                let Some(Some(stored)) = self.documents.get(&(index, part)) else {
                    continue;
                };
                match contained(Place::Show(index), || {
                    documents::store(self.tx, index, &stored.document, stored.seq)
                }) {
                    Ok(written) => written?,
                    // The stored one ends before the log does, which its next reader sees.
                    Err(Panicked) => damage::flag(self.tx, index, part, false)?,
                }
            }
            if !stale {
                self.project(index, id, received_at)?;
            }
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
                let found = match self.load(index, part) {
                    // Its rows are without it.
                    Err(StoreError::Damaged { .. }) => {
                        damage::flag(self.tx, index, part, false)?;
                        None
                    }
                    other => other?,
                };
                self.documents.insert((index, part), found);
            }
        }
        let docs: Vec<&TicketDoc> = Part::ALL
            .iter()
            .filter_map(|part| self.documents.get(&(index, *part))?.as_ref())
            .map(|stored| &stored.document)
            .collect();
        let shown = contained(Place::Show(index), || {
            hydrate(id, number, &docs).map(|ticket| (read_model::rows(&ticket), ticket))
        });
        let (mut rows, ticket) = match shown {
            Ok(Some(shown)) => shown,
            Ok(None) => return Ok(()),
            // The rows stay as they were.
            Err(Panicked) => return damage::flag(self.tx, index, Part::Service, false),
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
        if !rows.over {
            let tx = self.tx;
            let mut catalogue_of = |version| self.catalogue(version);
            let readings =
                read_model::clocks_by(tx, index, &ticket, received_at, &mut catalogue_of)?;
            rows.clock = read_model::next_clock(&readings);
        }
        read_model::store(self.tx, index, &rows, received_at)
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

    /// Who may pick a ticket of these facts from the pool by their group (R44); nobody where it is not in it.
    pub(super) fn pickers(&mut self, facts: &Facts) -> Result<Vec<PersonId>, StoreError> {
        if !policy::is_pooled(facts) {
            return Ok(Vec::new());
        }
        let version = match self.newest {
            Some(version) => version,
            None => *self.newest.insert(organisation::current_version(self.tx)?),
        };
        let Some(catalogue) = self.catalogue(version)? else {
            return Ok(Vec::new());
        };
        let groups = catalogue.groups.iter();
        let serving: BTreeSet<&String> = groups
            .filter(|group| policy::serves(group, facts))
            .map(|group| &group.code)
            .collect();
        let people = catalogue.people.iter();
        let picking = people.filter(|person| {
            person
                .group
                .as_ref()
                .is_some_and(|code| serving.contains(code))
        });
        Ok(picking.map(|person| person.id.clone()).collect())
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
