//! A phone's disk: a store in memory that survives the app, dies and fills up on order, and tells what of the
//! outbox was committed.
//!
//! Invariant: what [`Disk::outbox`] shows changes at commits alone, as the disk's own bytes do. After the app
//! died on it no operation succeeds until the phone is started again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gongdan_core::ids::{ActorId, BlobHash, CommandId, Part, PartRef, TicketId};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::store::{
    ActorRow, AsideRow, BlobRow, BlobState, Filter, KeptRow, MirrorRow, Origin, OutboxEntry,
    OutboxState, SealedRow, Settled, Store, StoreError, StoreTxn, TicketRow, Work,
};
use gongdan_core::sync::protocol::DeviceRecord;
use gongdan_core::ticket::summary::Summary;

/// A command wherever it goes.
pub type CommandRef = (TicketId, Part, CommandId);
/// What is in an outbox.
pub type Outbox = BTreeMap<u64, (CommandRef, OutboxState)>;

/// What is to go wrong, after so many operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Dies { left: u32 },
    Fills { left: u32 },
}

/// What a phone keeps, to be copied and put back.
#[derive(Debug, Clone, Default)]
pub struct Image {
    store: MemoryStore,
    outbox: Outbox,
}

impl Image {
    /// What waits in it.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}

#[derive(Debug, Default)]
struct State {
    image: Image,
    trouble: Option<Trouble>,
    dead: bool,
    full: bool,
}

/// The disk; clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The app will die at the operation after `left` others.
    pub fn will_die(&self, left: u32) {
        self.state().trouble = Some(Trouble::Dies { left });
    }

    /// The disk will be full at the write after `left` operations.
    pub fn will_fill(&self, left: u32) {
        self.state().trouble = Some(Trouble::Fills { left });
    }

    /// Whether the app died on it.
    pub fn died(&self) -> bool {
        self.state().dead
    }

    /// Whether it is full.
    pub fn is_full(&self) -> bool {
        self.state().full
    }

    /// Nothing is about to go wrong any more; the app may be started.
    pub fn calm(&self) {
        let mut state = self.state();
        (state.trouble, state.dead) = (None, false);
    }

    /// There is room again.
    pub fn make_room(&self) {
        self.state().full = false;
    }

    /// Everything on it.
    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    /// Puts everything back.
    pub fn restore(&self, image: Image) {
        self.state().image = image;
    }

    /// What the outbox holds, by entry.
    pub fn outbox(&self) -> Outbox {
        self.state().image.outbox.clone()
    }

    /// Reads what is on it, past every trouble.
    pub fn read_all(&self, look: &mut dyn FnMut(&mut dyn StoreTxn) -> Result<(), StoreError>) {
        let read = self.state().image.store.read(look);
        read.expect("a store in memory reads");
    }

    /// Looks at the outbox without copying it.
    pub fn with_outbox<T>(&self, look: impl FnOnce(&Outbox) -> T) -> T {
        look(&self.state().image.outbox)
    }
}

impl Store for Disk {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let state = &mut *self.state();
        let (trouble, dead, full) = (&mut state.trouble, &mut state.dead, &mut state.full);
        let mut outbox = Vec::new();
        state.image.store.write(&mut |txn| {
            outbox.clear();
            let mut watched = Watched {
                txn,
                trouble,
                dead,
                full,
                outbox: &mut outbox,
            };
            watched.tick(false)?;
            work(&mut watched)?;
            // Everything is written, nothing is committed.
            watched.tick(false)
        })?;
        for (id, after) in outbox {
            match after {
                Some(after) => state.image.outbox.insert(id, after),
                None => state.image.outbox.remove(&id),
            };
        }
        // It is committed, and nobody was told.
        tick(&mut state.trouble, &mut state.dead, &mut state.full, false)
    }

    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let state = &mut *self.state();
        let (trouble, dead, full) = (&mut state.trouble, &mut state.dead, &mut state.full);
        let mut outbox = Vec::new();
        state.image.store.read(&mut |txn| {
            work(&mut Watched {
                txn,
                trouble,
                dead,
                full,
                outbox: &mut outbox,
            })
        })
    }
}

fn tick(
    trouble: &mut Option<Trouble>,
    dead: &mut bool,
    full: &mut bool,
    writes: bool,
) -> Result<(), StoreError> {
    match trouble {
        Some(Trouble::Dies { left: 0 }) => (*trouble, *dead) = (None, true),
        Some(Trouble::Fills { left: 0 }) if writes => (*trouble, *full) = (None, true),
        Some(Trouble::Dies { left } | Trouble::Fills { left }) => *left = left.saturating_sub(1),
        None => {}
    }
    match (*dead, *full && writes) {
        (true, _) => Err(StoreError::RolledBack),
        (false, true) => Err(StoreError::Full),
        (false, false) => Ok(()),
    }
}

/// A transaction whose operations are counted and whose outbox is watched.
struct Watched<'a> {
    txn: &'a mut dyn StoreTxn,
    trouble: &'a mut Option<Trouble>,
    dead: &'a mut bool,
    full: &'a mut bool,
    outbox: &'a mut Vec<(u64, Option<(CommandRef, OutboxState)>)>,
}

impl Watched<'_> {
    fn tick(&mut self, writes: bool) -> Result<(), StoreError> {
        tick(self.trouble, self.dead, self.full, writes)
    }
}

macro_rules! counted {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $out:ty = $writes:literal;)*) => {
        $(fn $name(&mut self, $($argument: $type),*) -> Result<$out, StoreError> {
            self.tick($writes)?;
            self.txn.$name($($argument),*)
        })*
    };
}

impl StoreTxn for Watched<'_> {
    counted! {
        fn meta(key: &str) -> Option<Vec<u8>> = false;
        fn put_meta(key: &str, value: &[u8]) -> () = true;
        fn ticket(id: TicketId) -> Option<TicketRow> = false;
        fn ticket_by_index(index: u64) -> Option<TicketId> = false;
        fn put_ticket(row: &TicketRow) -> () = true;
        fn delete_ticket(id: TicketId) -> () = true;
        fn list(filter: &Filter) -> Vec<Summary> = false;
        fn mirror(part: PartRef) -> Option<MirrorRow> = false;
        fn put_mirror(part: PartRef, row: &MirrorRow) -> () = true;
        fn delete_mirror(part: PartRef) -> () = true;
        fn entry(id: u64) -> Option<OutboxEntry> = false;
        fn entries_of(part: PartRef) -> Vec<OutboxEntry> = false;
        fn entries_in(state: OutboxState) -> Vec<OutboxEntry> = false;
        fn sealed(device_sequence: u32) -> Option<SealedRow> = false;
        fn all_sealed() -> Vec<SealedRow> = false;
        fn put_sealed(row: &SealedRow) -> () = true;
        fn delete_sealed(device_sequence: u32) -> () = true;
        fn set_mirrors_aside() -> () = true;
        fn asides(after: u64, limit: usize) -> Vec<AsideRow> = false;
        fn aside_document(id: u64) -> Option<Vec<u8>> = false;
        fn mark_replaced(part: PartRef) -> () = true;
        fn delete_aside(id: u64) -> () = true;
        fn delete_asides_of(part: PartRef) -> () = true;
        fn put_kept(row: &KeptRow) -> u64 = true;
        fn kept(origin: Origin, after: u64, limit: usize) -> Vec<KeptRow> = false;
        fn delete_kept(id: u64) -> () = true;
        fn forget_kept(origin: Origin, through: u64) -> () = true;
        fn forget_kept_of(part: PartRef) -> () = true;
        fn move_kept(place: u64) -> () = true;
        fn put_blob(row: &BlobRow, bytes: &[u8]) -> () = true;
        fn blob(hash: BlobHash) -> Option<BlobRow> = false;
        fn blobs_in(state: BlobState) -> Vec<BlobRow> = false;
        fn read_blob(hash: BlobHash, range: Range<u64>) -> Vec<u8> = false;
        fn mark_blob_sent(hash: BlobHash) -> () = true;
        fn mark_blobs_unsent() -> () = true;
        fn delete_blob(hash: BlobHash) -> () = true;
        fn delete_blobs_of(ticket: TicketId) -> () = true;
        fn actor(actor: ActorId) -> Option<ActorRow> = false;
        fn put_actor(actor: ActorId, row: &ActorRow) -> () = true;
        fn device(index: u64) -> Option<DeviceRecord> = false;
        fn put_device(record: &DeviceRecord) -> () = true;
    }

    fn put_entry(&mut self, entry: &OutboxEntry) -> Result<u64, StoreError> {
        self.tick(true)?;
        let id = self.txn.put_entry(entry)?;
        let command = (entry.ticket, entry.part, entry.command_id);
        self.outbox.push((id, Some((command, entry.state))));
        Ok(id)
    }

    fn delete_entry(&mut self, id: u64) -> Result<(), StoreError> {
        self.tick(true)?;
        self.txn.delete_entry(id)?;
        self.outbox.push((id, None));
        Ok(())
    }

    fn settle_entry(&mut self, id: u64, settled: Settled) -> Result<(), StoreError> {
        self.tick(true)?;
        self.txn.settle_entry(id, settled)?;
        self.outbox.push((id, None));
        Ok(())
    }
}
