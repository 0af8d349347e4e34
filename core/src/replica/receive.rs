//! Response to store, in one transaction: verdicts and entries in the log's order, snapshots,
//! evictions, then everything local anew on top.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::put_row;
use super::rebase::rebase;
use super::{
    Chain, Outcome, ReceiveError, Replica, VerdictCounts, get, local, lock, meta, put, recovery,
    sheet_log,
};
use crate::catalogue::Catalogue;
use crate::document::{TicketDoc, snapshot};
use crate::ids::{ChangeHash, Part, PartRef, TicketId};
use crate::planted::{self, Defect};
use crate::policy;
use crate::store::{
    ActorRow, BlobState, MirrorRow, OutboxEntry, OutboxState, SealedRow, Settled, StoreError,
    StoreTxn, TicketRow,
};
use crate::sync::changeset::Changeset;
use crate::sync::codec;
use crate::sync::keys::PublicKey;
use crate::sync::protocol::{
    BaseHint, Entry, PartIndex, Response, TicketRecord, backup_message, time_message,
};
use crate::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use crate::sync::wire::{open_response, unpack_response};
use crate::ticket::summary::Summary;

const REASSIGNED: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::Reassigned,
};

const TWICE: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::SequenceTwice,
};

impl Replica {
    /// Takes a response over. On an error nothing is written, and the same request may go again.
    pub fn receive(&mut self, body: &[u8]) -> Result<Outcome, ReceiveError> {
        let opened = open_response(body)?;
        let (asked, carried) = match &self.awaiting {
            Some(sent) => (&sent.bytes[..], sent.carried.clone()),
            None if planted::is(Defect::AnswerNotBound) => (&[][..], BTreeSet::new()),
            None => return Err(ReceiveError::NotForThisRequest),
        };
        let message = time_message(opened.time, self.identity.device, asked);
        if !self
            .server_key()
            .is_some_and(|key| key.verifies(&message, &opened.time_signature))
            && !planted::is(Defect::AnswerNotBound)
        {
            return Err(ReceiveError::NotForThisRequest);
        }
        let mut known = BTreeMap::new();
        self.store.read(&mut |txn| {
            let last = get::<u64>(txn, meta::DIRECTORY)?.unwrap_or(0);
            for index in 0..=last {
                if let Some(record) = txn.device(index)? {
                    known.insert(index, record);
                }
            }
            Ok(())
        })?;
        // Only an answer to this request refers to what is known here.
        let response = unpack_response(opened, |index| known.get(&index).cloned())?;
        let catalogue: Option<Catalogue> = match &response.catalogue {
            Some(json) => {
                Some(Catalogue::received(json).map_err(|_| crate::sync::codec::Malformed::Form)?)
            }
            None => None,
        };
        if let Some(told) = &response.backed_up {
            let message = backup_message(told, self.identity.device);
            let signed = |key: PublicKey| key.verifies(&message, &told.signature);
            if !self.server_key().is_some_and(signed) {
                return Err(ReceiveError::NotForThisRequest);
            }
        }
        if !self.is_wipe_signed(&response, asked) {
            return Err(ReceiveError::NotForThisRequest);
        }
        if let Some(news) = &response.sheet_log
            && !self
                .server_key()
                .is_some_and(|key| news.checkpoint.is_signed_by(&key))
        {
            return Err(ReceiveError::NotForThisRequest);
        }
        let (mut outcome, mut touched) = (Outcome::default(), BTreeSet::new());
        let (entropy, identity) = (&mut self.entropy, &self.identity);
        let catalogue_version = catalogue
            .as_ref()
            .or(self.catalogue.as_ref())
            .map_or(0, |c| c.version);
        self.store.write(&mut |txn| {
            let newest = get::<u64>(txn, meta::NEWEST)?.unwrap_or(0);
            let own = known
                .values()
                .chain(&response.devices)
                .find(|record| record.device == identity.device);
            let mut applying = Applying {
                newest,
                own: own.map(|record| ActorRow {
                    device_index: record.index,
                    person: identity.person.clone(),
                }),
                sealed_through: get::<Chain>(txn, meta::CHAIN)?
                    .unwrap_or_default()
                    .device_sequence,
                carried: carried.clone(),
                ..Applying::default()
            };
            if let (Some(json), Some(catalogue)) = (&response.catalogue, &catalogue) {
                txn.put_meta(meta::CATALOGUE, json)?;
                put(txn, "catalogue_version", &catalogue.version)?;
            }
            let mut directory = get::<u64>(txn, meta::DIRECTORY)?.unwrap_or(0);
            for record in &response.devices {
                txn.put_device(record)?;
                directory = directory.max(record.index);
            }
            put(txn, meta::DIRECTORY, &directory)?;
            for record in &response.actors {
                let device = txn.device(record.device_index)?;
                if let Some(person) = record.person.clone().or(device.map(|d| d.person)) {
                    txn.put_actor(
                        record.actor,
                        &ActorRow {
                            device_index: record.device_index,
                            person,
                        },
                    )?;
                }
            }
            recovery::heard(txn, &response)?;
            lock::heard(txn, &response)?;
            outcome.sheet_log_contradicts = sheet_log::heard(txn, &response)?;
            for record in &response.tickets {
                put_record(txn, record)?;
                applying.tickets.insert(record.ticket);
            }
            applying.snapshots(txn, &response)?;
            applying.log(txn, &response)?;
            applying.verdicts(txn, &response)?;
            applying.save(txn, &response)?;
            let fresh = rebase(
                txn,
                &applying.touched,
                &applying.anew,
                entropy,
                catalogue_version,
            )?;
            applying.unsettled += fresh.refused;
            outcome.evicted = evict(txn, &response, &mut applying)?;
            // What this device wrote and forgot is told to nobody but it: it asks for everything anew.
            applying.forgotten &= !planted::is(Defect::ForgottenNotNoticed);
            let cursor: &[u8] = if applying.forgotten {
                &[]
            } else {
                &response.cursor
            };
            txn.put_meta(meta::CURSOR, cursor)?;
            if applying.split {
                put(txn, meta::SPLIT, &true)?;
            }
            // A revoked device hears of its own admissions and of nothing else.
            let own = response
                .verdicts
                .iter()
                .filter_map(|told| admitted_at(&told.verdict));
            let heard = own.fold(response.through, u64::max);
            put(txn, meta::NEWEST, &newest.max(heard))?;
            put(txn, meta::THROUGH, &response.through)?;
            put(txn, meta::ANCHOR, &response.time)?;
            outcome.changed = applying
                .tickets
                .iter()
                .filter(|id| !outcome.evicted.contains(id))
                .copied()
                .collect();
            outcome.unsettled = applying.unsettled;
            outcome.verdicts = VerdictCounts::default();
            for told in &response.verdicts {
                outcome.verdicts.count(&told.verdict);
            }
            outcome.more = response.more
                || applying.forgotten
                || applying.wants_more
                || !txn.entries_in(OutboxState::Pending)?.is_empty()
                || !txn.entries_in(OutboxState::InFlight)?.is_empty();
            outcome.more |= recovery::go_on(txn, &response)?;
            touched = std::mem::take(&mut applying.touched);
            Ok(())
        })?;
        self.awaiting = None;
        self.spell_out = false;
        if catalogue.is_some() {
            self.catalogue = catalogue;
        }
        if planted::is(Defect::StaleInMemory) {
            touched.clear();
        }
        for part in touched {
            self.loaded.remove(&part);
        }
        self.loaded
            .retain(|part, _| !outcome.evicted.contains(&part.ticket));
        let all: Vec<TicketId> = outcome
            .changed
            .iter()
            .chain(&outcome.evicted)
            .copied()
            .collect();
        self.notify(&all);
        Ok(outcome)
    }
}

/// Writes what the server gave a ticket, a row for one not seen before included.
fn put_record(txn: &mut dyn StoreTxn, record: &TicketRecord) -> Result<(), StoreError> {
    let mut row = txn.ticket(record.ticket)?.unwrap_or_else(|| TicketRow {
        id: record.ticket,
        index: None,
        summary: Summary::blank(record.ticket),
        search_text: String::new(),
    });
    row.index = Some(record.index);
    if record.number.is_some() {
        row.summary.number = record.number;
    }
    txn.put_ticket(&row)
}

/// What a response does to the mirrors, until it is saved.
#[derive(Default)]
struct Applying {
    docs: BTreeMap<PartRef, (TicketDoc, u64)>,
    touched: BTreeSet<PartRef>,
    tickets: BTreeSet<TicketId>,
    /// Documents that went another way than the server's: a snapshot is to come.
    want: BTreeSet<PartIndex>,
    /// Some of them were not asked for before: what was, and was not sent, is not asked for at once again.
    wants_more: bool,
    /// Outbox entries that are to be authored anew.
    anew: BTreeSet<u64>,
    unsettled: u32,
    /// The log's newest entry that this device ever heard of.
    newest: u64,
    /// It wrote what it does not know: it was put back to a backup, or copied.
    forgotten: bool,
    /// Another store writes under this device's name: it is to go on under one of its own.
    split: bool,
    /// The last of the device's numbers that this store has given.
    sealed_through: u32,
    /// Numbers of the changesets that the request carried.
    carried: BTreeSet<u32>,
    /// What stands behind this device's actors, once it knows its own index.
    own: Option<ActorRow>,
}

impl Applying {
    fn touch(&mut self, part: PartRef) {
        self.touched.insert(part);
        self.tickets.insert(part.ticket);
    }

    fn snapshots(&mut self, txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
        for of in &response.snapshots {
            put_record(txn, &of.ticket)?;
            for part in &of.parts {
                let doc = snapshot::unpack(part.part, &part.document)
                    .map_err(|_| StoreError::Malformed { what: "a snapshot" })?;
                let part_ref = PartRef {
                    ticket: of.ticket.ticket,
                    part: part.part,
                };
                self.docs.insert(part_ref, (doc, part.seq));
                txn.mark_replaced(part_ref)?;
                self.touch(part_ref);
            }
        }
        Ok(())
    }

    /// The mirror of a part, loaded once.
    fn mirror(
        &mut self,
        txn: &mut dyn StoreTxn,
        part: PartRef,
    ) -> Result<Option<&mut (TicketDoc, u64)>, StoreError> {
        if !self.docs.contains_key(&part)
            && let Some(loaded) = local::mirror(txn, part)?
        {
            self.docs.insert(part, loaded);
        }
        Ok(self.docs.get_mut(&part))
    }

    /// Own admitted changesets and others', in the log's order, so that a base that is told as 'before
    /// this entry' is the same here as there.
    fn log(&mut self, txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
        let own = response.verdicts.iter().filter_map(|told| {
            admitted_at(&told.verdict).map(|seq| (seq, Step::Own(told.device_sequence)))
        });
        let mut steps: Vec<(u64, Step<'_>)> = own.collect();
        steps.extend(
            response
                .entries
                .iter()
                .map(|entry| (entry.seq, Step::Others(entry))),
        );
        steps.sort_by_key(|(seq, _)| *seq);
        for (seq, step) in steps {
            match step {
                Step::Own(device_sequence) => self.own(txn, device_sequence, seq)?,
                Step::Others(entry) => self.others(txn, entry)?,
            }
        }
        Ok(())
    }

    fn own(
        &mut self,
        txn: &mut dyn StoreTxn,
        device_sequence: u32,
        seq: u64,
    ) -> Result<(), StoreError> {
        let Some(sealed) = txn.sealed(device_sequence)? else {
            // Told before, and nothing is left of it; or it comes after all that was told.
            self.forgotten |= seq > self.newest;
            self.split |= device_sequence > self.sealed_through;
            return Ok(());
        };
        if !self.is_of_this_store(txn, &sealed)? {
            return Ok(());
        }
        let mut left = Vec::with_capacity(sealed.entries.len());
        for id in &sealed.entries {
            let Some(entry) = txn.entry(*id)? else {
                continue;
            };
            txn.settle_entry(*id, Settled::Admitted)?;
            let part = entry.part_ref();
            let Some((doc, at)) = self.mirror(txn, part)? else {
                // The document was evicted meanwhile: the entry waited in quarantine and is in the log now.
                left.push(entry);
                continue;
            };
            if !doc.contains(&[entry.hash]) {
                doc.apply_own(&entry.change)
                    .map_err(|_| StoreError::Malformed {
                        what: "an outbox entry's change",
                    })?;
            }
            *at = (*at).max(seq);
            self.touch(part);
            // The actor outlives the outbox: whose ticket it is, is asked again after the app was closed.
            if let Some(own) = &self.own {
                txn.put_actor(entry.actor, own)?;
            }
            left.push(entry);
        }
        recovery::retire(txn, sealed, left)
    }

    fn others(&mut self, txn: &mut dyn StoreTxn, entry: &Entry) -> Result<(), StoreError> {
        let Some(ticket) = txn.ticket_by_index(entry.part.ticket_index())? else {
            return Ok(());
        };
        let part = PartRef {
            ticket,
            part: entry.changeset.header.part,
        };
        if self.want.contains(&entry.part) {
            return Ok(());
        }
        let record = txn.device(entry.device_index)?;
        let Some((doc, at)) = self.mirror(txn, part)? else {
            return Ok(());
        };
        if entry.seq <= *at {
            return Ok(());
        }
        let key = record.as_ref().and_then(|r| PublicKey::from_bytes(r.key));
        if let (Some((executed, changeset)), Some(record)) =
            (executed(doc, part, entry, key), &record)
        {
            (*doc, *at) = (executed, entry.seq);
            recovery::keep_others(txn, entry.seq, &changeset)?;
            self.touch(part);
            let person = entry
                .person
                .clone()
                .unwrap_or_else(|| record.person.clone());
            txn.put_actor(
                entry.changeset.header.actor,
                &ActorRow {
                    device_index: entry.device_index,
                    person,
                },
            )?;
        } else {
            // A command of a later version, another hash, a signature that does not fit: the server decides.
            self.want.insert(entry.part);
        }
        Ok(())
    }

    /// Whether a verdict on this number can be on what this store has of it. What is in flight is known by the
    /// answer to a request that carried it, and by no other: a copy of the phone gives the same numbers.
    fn is_of_this_store(
        &self,
        txn: &mut dyn StoreTxn,
        sealed: &SealedRow,
    ) -> Result<bool, StoreError> {
        if self.carried.contains(&sealed.device_sequence) {
            return Ok(true);
        }
        for id in &sealed.entries {
            let entry = txn.entry(*id)?;
            if entry.is_some_and(|entry| entry.state == OutboxState::InFlight) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn verdicts(&mut self, txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
        for told in &response.verdicts {
            let state = match &told.verdict {
                Verdict::Admitted { .. } => continue,
                Verdict::Duplicate => None,
                Verdict::Held { .. } => Some(OutboxState::Held),
                Verdict::Quarantined { .. } => Some(OutboxState::Quarantined),
                Verdict::Refused { .. } => Some(OutboxState::Refused),
            };
            let Some(sealed) = txn.sealed(told.device_sequence)? else {
                continue;
            };
            if !self.is_of_this_store(txn, &sealed)? {
                continue;
            }
            if told.verdict == REASSIGNED && self.parted(txn, &sealed)? {
                continue;
            }
            let mut left = Vec::new();
            for (place, id) in (0u32..).zip(&sealed.entries) {
                let Some(mut entry) = txn.entry(*id)? else {
                    continue;
                };
                self.touch(entry.part_ref());
                let Some(state) = state else {
                    if planted::is(Defect::VerdictLost) {
                        continue;
                    }
                    self.duplicate(txn, &entry)?;
                    left.push(entry);
                    continue;
                };
                if planted::is(Defect::QuarantinedDeleted) && state == OutboxState::Quarantined {
                    txn.settle_entry(*id, Settled::Duplicate)?;
                    continue;
                }
                let before = std::mem::replace(&mut entry.state, state);
                entry.verdict = Some(told.verdict.clone());
                self.split |= told.verdict == TWICE;
                match &told.verdict {
                    // Another one of this number is there already: what became of it, this device forgot.
                    twice if *twice == TWICE && before != OutboxState::Quarantined => {
                        self.unsettled += 1;
                        self.forgotten = true;
                    }
                    // An act stands or falls as one, and so does what a person declined; of other
                    // changesets only the command named falls.
                    Verdict::Refused { command, reason }
                        if entry.act.is_none()
                            && place != *command
                            && *reason != Refusal::Declined =>
                    {
                        entry.state = OutboxState::Pending;
                        entry.verdict = None;
                        self.anew.insert(*id);
                    }
                    Verdict::Refused { .. } | Verdict::Quarantined { .. } => self.unsettled += 1,
                    Verdict::Held {
                        why: HeldWhy::OtherHash,
                    } => {
                        self.anew.insert(*id);
                        if let Some(index) = txn.ticket(entry.ticket)?.and_then(|row| row.index) {
                            self.want.insert(PartIndex::new(index, entry.part));
                        }
                    }
                    _ => {}
                }
                txn.put_entry(&entry)?;
            }
            let waits = matches!(
                told.verdict,
                Verdict::Held { .. } | Verdict::Quarantined { .. }
            );
            // What only fills the device's sequence is done with whatever becomes of it.
            if !waits || sealed.entries.is_empty() {
                recovery::retire(txn, sealed, left)?;
            }
        }
        Ok(())
    }

    /// After a reassignment what only adds comes in, and what decides the ticket's state waits: where both
    /// went in one changeset they go again, each by itself and as it was. Whether they do.
    fn parted(&mut self, txn: &mut dyn StoreTxn, sealed: &SealedRow) -> Result<bool, StoreError> {
        let mut entries = Vec::with_capacity(sealed.entries.len());
        for id in &sealed.entries {
            entries.extend(txn.entry(*id)?);
        }
        let adds = |entry: &OutboxEntry| policy::only_adds(entry.command.action());
        let newly = entries
            .iter()
            .all(|e| e.state == OutboxState::InFlight && e.act.is_none());
        let mixed = entries.iter().any(adds) && !entries.iter().all(adds);
        if !(newly && mixed) {
            return Ok(false);
        }
        let changeset: Changeset =
            codec::decode(&sealed.changeset).map_err(|_| StoreError::Malformed {
                what: "a sealed changeset",
            })?;
        for mut entry in entries {
            entry.state = OutboxState::Pending;
            entry.device_sequence = None;
            entry.replaces = Some(changeset.hash());
            self.touch(entry.part_ref());
            txn.put_entry(&entry)?;
        }
        recovery::retire(txn, sealed.clone(), Vec::new())?;
        Ok(true)
    }

    /// It is in the log, perhaps by another hash: what shows it may have been told before.
    fn duplicate(&mut self, txn: &mut dyn StoreTxn, entry: &OutboxEntry) -> Result<(), StoreError> {
        let part = entry.part_ref();
        let shown = self
            .mirror(txn, part)?
            .is_some_and(|(doc, _)| doc.contains(&[entry.hash]));
        if !shown && let Some(index) = txn.ticket(part.ticket)?.and_then(|row| row.index) {
            self.want.insert(PartIndex::new(index, part.part));
        }
        txn.settle_entry(entry.id, Settled::Duplicate)
    }

    fn save(&mut self, txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
        for (part, (doc, seq)) in &self.docs {
            if self.touched.contains(part) {
                txn.put_mirror(
                    *part,
                    &MirrorRow {
                        document: doc.save(),
                        heads: doc.heads(),
                        seq: *seq,
                    },
                )?;
            }
        }
        // A snapshot that came is wanted no more; what is still missing is asked for again.
        let came: BTreeSet<PartIndex> = response
            .snapshots
            .iter()
            .flat_map(|s| {
                s.parts
                    .iter()
                    .map(|p| PartIndex::new(s.ticket.index, p.part))
            })
            .collect();
        let mut want: BTreeSet<PartIndex> = get::<Vec<PartIndex>>(txn, meta::WANT)?
            .unwrap_or_default()
            .into_iter()
            .collect();
        let asked = want.clone();
        want.retain(|part| !came.contains(part));
        want.append(&mut self.want.clone());
        want.retain(|part| !response.evictions.contains(part));
        self.wants_more = !want.is_subset(&asked);
        if planted::is(Defect::WantForgotten) {
            want.clear();
        }
        self.want.clone_from(&want);
        put(txn, meta::WANT, &want.into_iter().collect::<Vec<_>>())
    }
}

/// The place in the log that a verdict tells.
const fn admitted_at(verdict: &Verdict) -> Option<u64> {
    match verdict {
        Verdict::Admitted { seq } => Some(*seq),
        _ => None,
    }
}

enum Step<'a> {
    Own(u32),
    Others(&'a Entry),
}

/// The document with `entry`'s commands executed; `None` where anything does not come out as signed.
fn executed(
    doc: &TicketDoc,
    part: PartRef,
    entry: &Entry,
    key: Option<PublicKey>,
) -> Option<(TicketDoc, Changeset)> {
    let base: Vec<ChangeHash> = match &entry.base {
        BaseHint::Known => doc.heads(),
        BaseHint::Genesis => TicketDoc::genesis(part.part).heads(),
        BaseHint::Explicit(heads) => heads.clone(),
        BaseHint::AtSeq(_) => return None,
    };
    let mut fork = doc.fork_at(&base)?;
    let behind = base != doc.heads();
    let actor = entry.changeset.header.actor;
    let mut last = None;
    for command in entry.changeset.commands().ok()? {
        last = Some(fork.execute(actor, &command).ok()?.hash);
    }
    let mut changeset = entry.changeset.clone();
    changeset.header = entry.header_after(part, base, last?);
    if !changeset.is_signed_by(&key?) {
        return None;
    }
    if behind {
        let mut merged = doc.clone();
        merged.merge(&mut fork);
        Some((merged, changeset))
    } else {
        Some((fork, changeset))
    }
}

/// Takes a part off this device, with all that would show what it said. Its outbox entries stay.
fn drop_part(
    txn: &mut dyn StoreTxn,
    part: PartRef,
    applying: &mut Applying,
) -> Result<(), StoreError> {
    txn.delete_mirror(part)?;
    txn.delete_asides_of(part)?;
    txn.forget_kept_of(part)?;
    applying.touched.insert(part);
    Ok(())
}

/// Drops what is no longer to be held, once nothing of it waits to be sent.
fn evict(
    txn: &mut dyn StoreTxn,
    response: &Response,
    applying: &mut Applying,
) -> Result<Vec<TicketId>, StoreError> {
    let mut waiting: BTreeSet<PartIndex> = get::<Vec<PartIndex>>(txn, meta::EVICT)?
        .unwrap_or_default()
        .into_iter()
        .collect();
    waiting.extend(&response.evictions);
    // What came back since is to be held again.
    for came in &response.snapshots {
        for part in &came.parts {
            waiting.remove(&PartIndex::new(came.ticket.index, part.part));
        }
    }
    let mut left = BTreeSet::new();
    let mut gone = BTreeSet::new();
    for index in waiting {
        let (Some(ticket), Some(part)) = (txn.ticket_by_index(index.ticket_index())?, index.part())
        else {
            continue;
        };
        let mut unsent = false;
        for of in Part::ALL {
            unsent |= txn
                .entries_of(PartRef { ticket, part: of })?
                .iter()
                .any(|e| e.state.is_waiting());
        }
        unsent |= txn
            .blobs_in(BlobState::Unsent)?
            .iter()
            .any(|blob| blob.ticket == ticket);
        if planted::is(Defect::EvictedBeforeSent) {
            for of in Part::ALL {
                for entry in txn.entries_of(PartRef { ticket, part: of })? {
                    txn.settle_entry(entry.id, Settled::Duplicate)?;
                }
            }
        } else if unsent {
            if !planted::is(Defect::EvictionForgotten) {
                left.insert(index);
            }
            continue;
        }
        // Nobody holds another part without the service part. Of one that this device began, and that came in
        // after it might no longer hold it, no eviction is told.
        let parts = match part {
            Part::Service => &Part::ALL[..],
            _ => &[part][..],
        };
        for part in parts {
            let part = PartRef {
                ticket,
                part: *part,
            };
            drop_part(txn, part, applying)?;
        }
        gone.insert(ticket);
    }
    put(txn, meta::EVICT, &left.into_iter().collect::<Vec<_>>())?;
    let mut evicted = Vec::new();
    for ticket in gone {
        let mut docs = Vec::new();
        for part in Part::ALL {
            docs.extend(local::local(txn, PartRef { ticket, part })?);
        }
        // Photos, inks and sheets show the customer. Nothing unsent is among them: that keeps its ticket.
        txn.delete_blobs_of(ticket)?;
        if docs.is_empty() {
            txn.delete_ticket(ticket)?;
            evicted.push(ticket);
        } else {
            // The row says no more than the parts that are left: no name where the customer's part is gone.
            put_row(txn, ticket, &docs.iter().collect::<Vec<_>>())?;
        }
    }
    Ok(evicted)
}
