//! A store in memory, for tests, simulation and short-lived replicas.
//!
//! Invariant: a transaction that gives up, and every reading one, leaves the state as it was: what stood at
//! a key is remembered when it is written, and put back from the last to the first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{
    ActorRow, AsideRow, BlobRow, BlobState, Filter, KeptRow, MirrorRow, Origin, OutboxEntry,
    OutboxState, SealedRow, Settled, Store, StoreError, StoreTxn, TicketRow, Work,
};
use crate::ids::{ActorId, BlobHash, PartRef, TicketId};
use crate::sync::protocol::DeviceRecord;
use crate::ticket::summary::{Summary, matches};

/// Everything a replica keeps, in maps. Cloning it is cloning a phone.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: State,
}

/// What is set aside, with its document.
type Aside = (AsideRow, Vec<u8>);

/// A photo or an ink, with its bytes.
type Blob = (BlobRow, Arc<[u8]>);

#[derive(Debug, Clone, Default)]
struct State {
    meta: BTreeMap<String, Vec<u8>>,
    tickets: BTreeMap<TicketId, TicketRow>,
    mirrors: BTreeMap<PartRef, MirrorRow>,
    outbox: BTreeMap<u64, OutboxEntry>,
    last_entry: u64,
    sealed: BTreeMap<u32, SealedRow>,
    kept: BTreeMap<u64, KeptRow>,
    last_kept: u64,
    asides: BTreeMap<u64, Aside>,
    last_aside: u64,
    blobs: Vec<Blob>,
    actors: BTreeMap<ActorId, ActorRow>,
    devices: BTreeMap<u64, DeviceRecord>,
}

impl Store for MemoryStore {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut txn = Txn::on(&mut self.state);
        let done = work(&mut txn);
        if done.is_err() {
            txn.roll_back();
        }
        done
    }

    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut txn = Txn::on(&mut self.state);
        let done = work(&mut txn);
        txn.roll_back();
        done
    }
}

/// A transaction: the state, and what undoes what was done to it.
struct Txn<'a> {
    state: &'a mut State,
    before: Vec<Before>,
}

/// What stood at a key before it was written.
enum Before {
    Meta(String, Option<Vec<u8>>),
    Ticket(TicketId, Option<TicketRow>),
    Mirror(PartRef, Option<MirrorRow>),
    LastEntry(u64),
    Entry(u64, Option<OutboxEntry>),
    Sealed(u32, Option<SealedRow>),
    Kept(u64, Option<KeptRow>),
    LastKept(u64),
    Aside(u64, Option<Aside>),
    LastAside(u64),
    Blobs(Vec<Blob>),
    Actor(ActorId, Option<ActorRow>),
    Device(u64, Option<DeviceRecord>),
}

fn put_back<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, before: Option<V>) {
    match before {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

impl<'a> Txn<'a> {
    fn on(state: &'a mut State) -> Self {
        Self {
            state,
            before: Vec::new(),
        }
    }

    fn set_kept(&mut self, id: u64, row: Option<KeptRow>) {
        let before = self.state.kept.remove(&id);
        self.before.push(Before::Kept(id, before));
        put_back(&mut self.state.kept, id, row);
    }

    fn kept_where(&self, which: impl Fn(&KeptRow) -> bool) -> Vec<KeptRow> {
        let rows = self.state.kept.values();
        rows.filter(|row| which(row)).cloned().collect()
    }

    fn remove_entry(&mut self, id: u64) {
        let before = self.state.outbox.remove(&id);
        self.before.push(Before::Entry(id, before));
    }

    /// All of them: they are few, and their bytes are shared.
    fn keep_blobs(&mut self) {
        self.before.push(Before::Blobs(self.state.blobs.clone()));
    }

    fn set_aside(&mut self, id: u64, row: Option<Aside>) {
        let before = self.state.asides.remove(&id);
        self.before.push(Before::Aside(id, before));
        put_back(&mut self.state.asides, id, row);
    }

    fn asides_of(&self, part: PartRef) -> Vec<Aside> {
        let asides = self.state.asides.values();
        asides
            .filter(|(row, _)| row.part == part)
            .cloned()
            .collect()
    }

    /// Undoes everything, the last first.
    fn roll_back(&mut self) {
        let state = &mut *self.state;
        while let Some(before) = self.before.pop() {
            match before {
                Before::Meta(key, row) => put_back(&mut state.meta, key, row),
                Before::Ticket(key, row) => put_back(&mut state.tickets, key, row),
                Before::Mirror(key, row) => put_back(&mut state.mirrors, key, row),
                Before::LastEntry(last) => state.last_entry = last,
                Before::Entry(key, row) => put_back(&mut state.outbox, key, row),
                Before::Sealed(key, row) => put_back(&mut state.sealed, key, row),
                Before::Kept(key, row) => put_back(&mut state.kept, key, row),
                Before::LastKept(last) => state.last_kept = last,
                Before::Aside(key, row) => put_back(&mut state.asides, key, row),
                Before::LastAside(last) => state.last_aside = last,
                Before::Blobs(blobs) => state.blobs = blobs,
                Before::Actor(key, row) => put_back(&mut state.actors, key, row),
                Before::Device(key, row) => put_back(&mut state.devices, key, row),
            }
        }
    }
}

impl StoreTxn for Txn<'_> {
    fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.meta.get(key).cloned())
    }
    fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let before = self.state.meta.insert(key.to_owned(), value.to_vec());
        self.before.push(Before::Meta(key.to_owned(), before));
        Ok(())
    }

    fn ticket(&mut self, id: TicketId) -> Result<Option<TicketRow>, StoreError> {
        Ok(self.state.tickets.get(&id).cloned())
    }
    fn ticket_by_index(&mut self, index: u64) -> Result<Option<TicketId>, StoreError> {
        Ok(self
            .state
            .tickets
            .values()
            .find(|row| row.index == Some(index))
            .map(|row| row.id))
    }
    fn put_ticket(&mut self, row: &TicketRow) -> Result<(), StoreError> {
        let before = self.state.tickets.insert(row.id, row.clone());
        self.before.push(Before::Ticket(row.id, before));
        Ok(())
    }
    fn delete_ticket(&mut self, id: TicketId) -> Result<(), StoreError> {
        let before = self.state.tickets.remove(&id);
        self.before.push(Before::Ticket(id, before));
        Ok(())
    }
    fn list(&mut self, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
        let query = filter.query.as_deref().unwrap_or_default();
        let mut found: Vec<&TicketRow> = self
            .state
            .tickets
            .values()
            .filter(|row| {
                filter.statuses.is_empty() || filter.statuses.contains(&row.summary.status)
            })
            .filter(|row| filter.grade.is_none() || filter.grade == row.summary.grade)
            .filter(|row| matches(&row.search_text, query))
            .collect();
        found.sort_by_key(|row| {
            let s = &row.summary;
            (
                s.appointed_from.is_none(),
                s.appointed_from,
                std::cmp::Reverse(s.opened_at),
                s.id,
            )
        });
        let limit = if filter.limit == 0 {
            usize::MAX
        } else {
            filter.limit as usize
        };
        Ok(found
            .into_iter()
            .skip(filter.offset as usize)
            .take(limit)
            .map(|row| row.summary.clone())
            .collect())
    }

    fn mirror(&mut self, part: PartRef) -> Result<Option<MirrorRow>, StoreError> {
        Ok(self.state.mirrors.get(&part).cloned())
    }
    fn put_mirror(&mut self, part: PartRef, row: &MirrorRow) -> Result<(), StoreError> {
        let before = self.state.mirrors.insert(part, row.clone());
        self.before.push(Before::Mirror(part, before));
        Ok(())
    }
    fn delete_mirror(&mut self, part: PartRef) -> Result<(), StoreError> {
        let before = self.state.mirrors.remove(&part);
        self.before.push(Before::Mirror(part, before));
        Ok(())
    }

    fn set_mirrors_aside(&mut self) -> Result<(), StoreError> {
        let held = self.state.mirrors.iter().filter(|(_, row)| row.seq > 0);
        let held: Vec<_> = held.map(|(part, row)| (*part, row.clone())).collect();
        for (part, row) in held {
            self.before.push(Before::LastAside(self.state.last_aside));
            self.state.last_aside += 1;
            let aside = AsideRow {
                id: self.state.last_aside,
                part,
                heads: row.heads,
                replaced: false,
            };
            self.set_aside(aside.id, Some((aside, row.document)));
        }
        for row in self.state.tickets.values_mut() {
            self.before.push(Before::Ticket(row.id, Some(row.clone())));
            row.index = None;
        }
        Ok(())
    }
    fn asides(&mut self, after: u64, limit: usize) -> Result<Vec<AsideRow>, StoreError> {
        let rows = self.state.asides.range(after.saturating_add(1)..);
        Ok(rows.take(limit).map(|(_, (row, _))| row.clone()).collect())
    }
    fn aside_document(&mut self, id: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.state.asides.get(&id);
        Ok(found.map(|(_, document)| document.clone()))
    }
    fn mark_replaced(&mut self, part: PartRef) -> Result<(), StoreError> {
        for (mut row, document) in self.asides_of(part) {
            row.replaced = true;
            self.set_aside(row.id, Some((row, document)));
        }
        Ok(())
    }
    fn delete_aside(&mut self, id: u64) -> Result<(), StoreError> {
        self.set_aside(id, None);
        Ok(())
    }
    fn delete_asides_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        for (row, _) in self.asides_of(part) {
            self.set_aside(row.id, None);
        }
        Ok(())
    }

    fn put_entry(&mut self, entry: &OutboxEntry) -> Result<u64, StoreError> {
        let mut entry = entry.clone();
        if entry.id == 0 {
            self.before.push(Before::LastEntry(self.state.last_entry));
            self.state.last_entry += 1;
            entry.id = self.state.last_entry;
        }
        let id = entry.id;
        let before = self.state.outbox.insert(id, entry);
        self.before.push(Before::Entry(id, before));
        Ok(id)
    }
    fn entry(&mut self, id: u64) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(self.state.outbox.get(&id).cloned())
    }
    fn delete_entry(&mut self, id: u64) -> Result<(), StoreError> {
        let refused = |e: &OutboxEntry| e.state == OutboxState::Refused;
        if self.state.outbox.get(&id).is_some_and(|e| !refused(e)) {
            return Err(StoreError::Unacknowledged);
        }
        self.remove_entry(id);
        Ok(())
    }
    fn settle_entry(&mut self, id: u64, _settled: Settled) -> Result<(), StoreError> {
        self.remove_entry(id);
        Ok(())
    }
    fn entries_of(&mut self, part: PartRef) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self
            .state
            .outbox
            .values()
            .filter(|e| e.part_ref() == part)
            .cloned()
            .collect())
    }
    fn entries_in(&mut self, state: OutboxState) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self
            .state
            .outbox
            .values()
            .filter(|e| e.state == state)
            .cloned()
            .collect())
    }

    fn sealed(&mut self, device_sequence: u32) -> Result<Option<SealedRow>, StoreError> {
        Ok(self.state.sealed.get(&device_sequence).cloned())
    }
    fn all_sealed(&mut self) -> Result<Vec<SealedRow>, StoreError> {
        Ok(self.state.sealed.values().cloned().collect())
    }
    fn put_sealed(&mut self, row: &SealedRow) -> Result<(), StoreError> {
        let before = self.state.sealed.insert(row.device_sequence, row.clone());
        self.before
            .push(Before::Sealed(row.device_sequence, before));
        Ok(())
    }
    fn delete_sealed(&mut self, device_sequence: u32) -> Result<(), StoreError> {
        let before = self.state.sealed.remove(&device_sequence);
        self.before.push(Before::Sealed(device_sequence, before));
        Ok(())
    }

    fn put_kept(&mut self, row: &KeptRow) -> Result<u64, StoreError> {
        let mut row = row.clone();
        if row.id == 0 {
            self.before.push(Before::LastKept(self.state.last_kept));
            self.state.last_kept += 1;
            row.id = self.state.last_kept;
        }
        let id = row.id;
        self.set_kept(id, Some(row));
        Ok(id)
    }
    fn kept(
        &mut self,
        origin: Origin,
        after: u64,
        limit: usize,
    ) -> Result<Vec<KeptRow>, StoreError> {
        let rows = self.state.kept.range(after.saturating_add(1)..);
        let rows = rows.map(|(_, row)| row);
        Ok(rows
            .filter(|row| row.origin == origin)
            .take(limit)
            .cloned()
            .collect())
    }
    fn delete_kept(&mut self, id: u64) -> Result<(), StoreError> {
        self.set_kept(id, None);
        Ok(())
    }
    fn forget_kept(&mut self, origin: Origin, through: u64) -> Result<(), StoreError> {
        for row in self.kept_where(|row| row.origin == origin && row.place <= through) {
            self.set_kept(row.id, None);
        }
        Ok(())
    }
    fn forget_kept_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        for row in self.kept_where(|row| row.origin == Origin::Others && row.part == part) {
            self.set_kept(row.id, None);
        }
        Ok(())
    }
    fn move_kept(&mut self, place: u64) -> Result<(), StoreError> {
        for mut row in self.kept_where(|row| row.origin == Origin::Others) {
            row.place = place;
            self.set_kept(row.id, Some(row));
        }
        Ok(())
    }
    fn put_blob(&mut self, row: &BlobRow, bytes: &[u8]) -> Result<(), StoreError> {
        if self.blob(row.hash)?.is_none() {
            self.keep_blobs();
            self.state.blobs.push((row.clone(), bytes.into()));
        }
        Ok(())
    }
    fn blob(&mut self, hash: BlobHash) -> Result<Option<BlobRow>, StoreError> {
        let found = self.state.blobs.iter().find(|(row, _)| row.hash == hash);
        Ok(found.map(|(row, _)| row.clone()))
    }
    fn blobs_in(&mut self, state: BlobState) -> Result<Vec<BlobRow>, StoreError> {
        let rows = self.state.blobs.iter().map(|(row, _)| row);
        Ok(rows.filter(|row| row.state == state).cloned().collect())
    }
    fn read_blob(&mut self, hash: BlobHash, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let found = self.state.blobs.iter().find(|(row, _)| row.hash == hash);
        let bytes: &[u8] = found.map_or(&[], |(_, bytes)| bytes);
        let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |o| o.min(bytes.len()));
        Ok(bytes[at(range.start)..at(range.end).max(at(range.start))].to_vec())
    }
    fn mark_blob_sent(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        self.keep_blobs();
        for (row, _) in &mut self.state.blobs {
            if row.hash == hash {
                row.state = BlobState::Sent;
            }
        }
        Ok(())
    }
    fn mark_blobs_unsent(&mut self) -> Result<(), StoreError> {
        self.keep_blobs();
        for (row, _) in &mut self.state.blobs {
            row.state = BlobState::Unsent;
        }
        Ok(())
    }
    fn delete_blob(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        if self
            .blob(hash)?
            .is_some_and(|row| row.state == BlobState::Unsent)
        {
            return Err(StoreError::Unacknowledged);
        }
        self.keep_blobs();
        self.state.blobs.retain(|(row, _)| row.hash != hash);
        Ok(())
    }
    fn delete_blobs_of(&mut self, ticket: TicketId) -> Result<(), StoreError> {
        let mut of = self
            .state
            .blobs
            .iter()
            .filter(|(row, _)| row.ticket == ticket);
        if of.any(|(row, _)| row.state == BlobState::Unsent) {
            return Err(StoreError::Unacknowledged);
        }
        self.keep_blobs();
        self.state.blobs.retain(|(row, _)| row.ticket != ticket);
        Ok(())
    }

    fn actor(&mut self, actor: ActorId) -> Result<Option<ActorRow>, StoreError> {
        Ok(self.state.actors.get(&actor).cloned())
    }
    fn put_actor(&mut self, actor: ActorId, row: &ActorRow) -> Result<(), StoreError> {
        let before = self.state.actors.insert(actor, row.clone());
        self.before.push(Before::Actor(actor, before));
        Ok(())
    }
    fn device(&mut self, index: u64) -> Result<Option<DeviceRecord>, StoreError> {
        Ok(self.state.devices.get(&index).cloned())
    }
    fn put_device(&mut self, record: &DeviceRecord) -> Result<(), StoreError> {
        let before = self.state.devices.insert(record.index, record.clone());
        self.before.push(Before::Device(record.index, before));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_store_conforms() {
        super::super::conformance::check(&mut MemoryStore::default());
    }
}
