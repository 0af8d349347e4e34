//! A store in memory, for tests, simulation and short-lived replicas. Transactions work on a copy of
//! what they touch: the whole state, which persistent maps would make cheaper if it mattered.

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
    asides: BTreeMap<u64, (AsideRow, Vec<u8>)>,
    last_aside: u64,
    blobs: Vec<(BlobRow, Arc<[u8]>)>,
    actors: BTreeMap<ActorId, ActorRow>,
    devices: BTreeMap<u64, DeviceRecord>,
}

impl Store for MemoryStore {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let before = self.state.clone();
        let done = work(&mut self.state);
        if done.is_err() {
            self.state = before;
        }
        done
    }

    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        work(&mut self.state)
    }
}

impl StoreTxn for State {
    fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.meta.get(key).cloned())
    }
    fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.meta.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn ticket(&mut self, id: TicketId) -> Result<Option<TicketRow>, StoreError> {
        Ok(self.tickets.get(&id).cloned())
    }
    fn ticket_by_index(&mut self, index: u64) -> Result<Option<TicketId>, StoreError> {
        Ok(self
            .tickets
            .values()
            .find(|row| row.index == Some(index))
            .map(|row| row.id))
    }
    fn put_ticket(&mut self, row: &TicketRow) -> Result<(), StoreError> {
        self.tickets.insert(row.id, row.clone());
        Ok(())
    }
    fn delete_ticket(&mut self, id: TicketId) -> Result<(), StoreError> {
        self.tickets.remove(&id);
        Ok(())
    }
    fn list(&mut self, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
        let query = filter.query.as_deref().unwrap_or_default();
        let mut found: Vec<&TicketRow> = self
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
        Ok(self.mirrors.get(&part).cloned())
    }
    fn put_mirror(&mut self, part: PartRef, row: &MirrorRow) -> Result<(), StoreError> {
        self.mirrors.insert(part, row.clone());
        Ok(())
    }
    fn delete_mirror(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.mirrors.remove(&part);
        Ok(())
    }

    fn set_mirrors_aside(&mut self) -> Result<(), StoreError> {
        for (part, row) in self.mirrors.iter().filter(|(_, row)| row.seq > 0) {
            self.last_aside += 1;
            let aside = AsideRow {
                id: self.last_aside,
                part: *part,
                heads: row.heads.clone(),
                replaced: false,
            };
            self.asides.insert(aside.id, (aside, row.document.clone()));
        }
        self.tickets.values_mut().for_each(|row| row.index = None);
        Ok(())
    }
    fn asides(&mut self, after: u64, limit: usize) -> Result<Vec<AsideRow>, StoreError> {
        let rows = self.asides.range(after.saturating_add(1)..).take(limit);
        Ok(rows.map(|(_, (row, _))| row.clone()).collect())
    }
    fn aside_document(&mut self, id: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.asides.get(&id).map(|(_, document)| document.clone()))
    }
    fn mark_replaced(&mut self, part: PartRef) -> Result<(), StoreError> {
        for (row, _) in self.asides.values_mut().filter(|(row, _)| row.part == part) {
            row.replaced = true;
        }
        Ok(())
    }
    fn delete_aside(&mut self, id: u64) -> Result<(), StoreError> {
        self.asides.remove(&id);
        Ok(())
    }
    fn delete_asides_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.asides.retain(|_, (row, _)| row.part != part);
        Ok(())
    }

    fn put_entry(&mut self, entry: &OutboxEntry) -> Result<u64, StoreError> {
        let mut entry = entry.clone();
        if entry.id == 0 {
            self.last_entry += 1;
            entry.id = self.last_entry;
        }
        let id = entry.id;
        self.outbox.insert(id, entry);
        Ok(id)
    }
    fn entry(&mut self, id: u64) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(self.outbox.get(&id).cloned())
    }
    fn delete_entry(&mut self, id: u64) -> Result<(), StoreError> {
        let refused = |e: &OutboxEntry| e.state == OutboxState::Refused;
        if self.outbox.get(&id).is_some_and(|e| !refused(e)) {
            return Err(StoreError::Unacknowledged);
        }
        self.outbox.remove(&id);
        Ok(())
    }
    fn settle_entry(&mut self, id: u64, _settled: Settled) -> Result<(), StoreError> {
        self.outbox.remove(&id);
        Ok(())
    }
    fn entries_of(&mut self, part: PartRef) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self
            .outbox
            .values()
            .filter(|e| e.part_ref() == part)
            .cloned()
            .collect())
    }
    fn entries_in(&mut self, state: OutboxState) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self
            .outbox
            .values()
            .filter(|e| e.state == state)
            .cloned()
            .collect())
    }

    fn sealed(&mut self, device_sequence: u32) -> Result<Option<SealedRow>, StoreError> {
        Ok(self.sealed.get(&device_sequence).cloned())
    }
    fn all_sealed(&mut self) -> Result<Vec<SealedRow>, StoreError> {
        Ok(self.sealed.values().cloned().collect())
    }
    fn put_sealed(&mut self, row: &SealedRow) -> Result<(), StoreError> {
        self.sealed.insert(row.device_sequence, row.clone());
        Ok(())
    }
    fn delete_sealed(&mut self, device_sequence: u32) -> Result<(), StoreError> {
        self.sealed.remove(&device_sequence);
        Ok(())
    }

    fn put_kept(&mut self, row: &KeptRow) -> Result<u64, StoreError> {
        let mut row = row.clone();
        if row.id == 0 {
            self.last_kept += 1;
            row.id = self.last_kept;
        }
        let id = row.id;
        self.kept.insert(id, row);
        Ok(id)
    }
    fn kept(
        &mut self,
        origin: Origin,
        after: u64,
        limit: usize,
    ) -> Result<Vec<KeptRow>, StoreError> {
        let rows = self
            .kept
            .range(after.saturating_add(1)..)
            .map(|(_, row)| row);
        Ok(rows
            .filter(|row| row.origin == origin)
            .take(limit)
            .cloned()
            .collect())
    }
    fn delete_kept(&mut self, id: u64) -> Result<(), StoreError> {
        self.kept.remove(&id);
        Ok(())
    }
    fn forget_kept(&mut self, origin: Origin, through: u64) -> Result<(), StoreError> {
        self.kept
            .retain(|_, row| row.origin != origin || row.place > through);
        Ok(())
    }
    fn forget_kept_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.kept
            .retain(|_, row| row.origin != Origin::Others || row.part != part);
        Ok(())
    }
    fn move_kept(&mut self, place: u64) -> Result<(), StoreError> {
        let others = self
            .kept
            .values_mut()
            .filter(|row| row.origin == Origin::Others);
        others.for_each(|row| row.place = place);
        Ok(())
    }
    fn put_blob(&mut self, row: &BlobRow, bytes: &[u8]) -> Result<(), StoreError> {
        if self.blob(row.hash)?.is_none() {
            self.blobs.push((row.clone(), bytes.into()));
        }
        Ok(())
    }
    fn blob(&mut self, hash: BlobHash) -> Result<Option<BlobRow>, StoreError> {
        let found = self.blobs.iter().find(|(row, _)| row.hash == hash);
        Ok(found.map(|(row, _)| row.clone()))
    }
    fn blobs_in(&mut self, state: BlobState) -> Result<Vec<BlobRow>, StoreError> {
        let rows = self.blobs.iter().map(|(row, _)| row);
        Ok(rows.filter(|row| row.state == state).cloned().collect())
    }
    fn read_blob(&mut self, hash: BlobHash, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        let found = self.blobs.iter().find(|(row, _)| row.hash == hash);
        let bytes: &[u8] = found.map_or(&[], |(_, bytes)| bytes);
        let at = |offset: u64| usize::try_from(offset).map_or(bytes.len(), |o| o.min(bytes.len()));
        Ok(bytes[at(range.start)..at(range.end).max(at(range.start))].to_vec())
    }
    fn mark_blob_sent(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        for (row, _) in &mut self.blobs {
            if row.hash == hash {
                row.state = BlobState::Sent;
            }
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
        self.blobs.retain(|(row, _)| row.hash != hash);
        Ok(())
    }
    fn delete_blobs_of(&mut self, ticket: TicketId) -> Result<(), StoreError> {
        let mut of = self.blobs.iter().filter(|(row, _)| row.ticket == ticket);
        if of.any(|(row, _)| row.state == BlobState::Unsent) {
            return Err(StoreError::Unacknowledged);
        }
        self.blobs.retain(|(row, _)| row.ticket != ticket);
        Ok(())
    }

    fn actor(&mut self, actor: ActorId) -> Result<Option<ActorRow>, StoreError> {
        Ok(self.actors.get(&actor).cloned())
    }
    fn put_actor(&mut self, actor: ActorId, row: &ActorRow) -> Result<(), StoreError> {
        self.actors.insert(actor, row.clone());
        Ok(())
    }
    fn device(&mut self, index: u64) -> Result<Option<DeviceRecord>, StoreError> {
        Ok(self.devices.get(&index).cloned())
    }
    fn put_device(&mut self, record: &DeviceRecord) -> Result<(), StoreError> {
        self.devices.insert(record.index, record.clone());
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
