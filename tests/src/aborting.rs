//! A store that aborts the process before its k-th operation: a crash between any two statements.
//!
//! Invariant: what it does before that is what the store beneath does, in the same order.

use std::ops::Range;

use gongdan_core::ids::{ActorId, BlobHash, PartRef, TicketId};
use gongdan_core::store::{
    ActorRow, AsideRow, BlobRow, BlobState, Filter, KeptRow, MirrorRow, Origin, OutboxEntry,
    OutboxState, SealedRow, Settled, Store, StoreError, StoreTxn, TicketRow, Work,
};
use gongdan_core::sync::protocol::DeviceRecord;
use gongdan_core::ticket::summary::Summary;

/// Operations until the end.
struct Countdown(u64);

impl Countdown {
    fn tick(&mut self) {
        self.0 -= 1;
        if self.0 == 0 {
            std::process::abort();
        }
    }
}

/// The store.
pub struct Aborting<S> {
    beneath: S,
    left: Countdown,
}

impl<S: Store> Aborting<S> {
    /// Aborts before operation `at`, counted from 1.
    pub fn new(beneath: S, at: u64) -> Self {
        Self {
            beneath,
            left: Countdown(at),
        }
    }
}

impl<S: Store> Store for Aborting<S> {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let left = &mut self.left;
        left.tick();
        self.beneath.write(&mut |txn| {
            work(&mut Counted { txn, left })?;
            // Everything is written, nothing is committed.
            left.tick();
            Ok(())
        })?;
        // It is committed, and nobody was told.
        self.left.tick();
        Ok(())
    }

    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let left = &mut self.left;
        self.beneath
            .read(&mut |txn| work(&mut Counted { txn, left }))
    }
}

struct Counted<'a> {
    txn: &'a mut dyn StoreTxn,
    left: &'a mut Countdown,
}

macro_rules! counted {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $out:ty;)*) => {
        impl StoreTxn for Counted<'_> {
            $(fn $name(&mut self, $($argument: $type),*) -> Result<$out, StoreError> {
                self.left.tick();
                self.txn.$name($($argument),*)
            })*
        }
    };
}

counted! {
    fn meta(key: &str) -> Option<Vec<u8>>;
    fn put_meta(key: &str, value: &[u8]) -> ();
    fn ticket(id: TicketId) -> Option<TicketRow>;
    fn ticket_by_index(index: u64) -> Option<TicketId>;
    fn put_ticket(row: &TicketRow) -> ();
    fn delete_ticket(id: TicketId) -> ();
    fn list(filter: &Filter) -> Vec<Summary>;
    fn mirror(part: PartRef) -> Option<MirrorRow>;
    fn put_mirror(part: PartRef, row: &MirrorRow) -> ();
    fn delete_mirror(part: PartRef) -> ();
    fn set_mirrors_aside() -> ();
    fn asides(after: u64, limit: usize) -> Vec<AsideRow>;
    fn aside_document(id: u64) -> Option<Vec<u8>>;
    fn mark_replaced(part: PartRef) -> ();
    fn delete_aside(id: u64) -> ();
    fn delete_asides_of(part: PartRef) -> ();
    fn put_entry(entry: &OutboxEntry) -> u64;
    fn entry(id: u64) -> Option<OutboxEntry>;
    fn delete_entry(id: u64) -> ();
    fn settle_entry(id: u64, settled: Settled) -> ();
    fn entries_of(part: PartRef) -> Vec<OutboxEntry>;
    fn entries_in(state: OutboxState) -> Vec<OutboxEntry>;
    fn sealed(device_sequence: u32) -> Option<SealedRow>;
    fn all_sealed() -> Vec<SealedRow>;
    fn put_sealed(row: &SealedRow) -> ();
    fn delete_sealed(device_sequence: u32) -> ();
    fn put_kept(row: &KeptRow) -> u64;
    fn kept(origin: Origin, after: u64, limit: usize) -> Vec<KeptRow>;
    fn delete_kept(id: u64) -> ();
    fn forget_kept(origin: Origin, through: u64) -> ();
    fn forget_kept_of(part: PartRef) -> ();
    fn move_kept(place: u64) -> ();
    fn put_blob(row: &BlobRow, bytes: &[u8]) -> ();
    fn blob(hash: BlobHash) -> Option<BlobRow>;
    fn blobs_in(state: BlobState) -> Vec<BlobRow>;
    fn read_blob(hash: BlobHash, range: Range<u64>) -> Vec<u8>;
    fn mark_blob_sent(hash: BlobHash) -> ();
    fn mark_blobs_unsent() -> ();
    fn delete_blob(hash: BlobHash) -> ();
    fn delete_blobs_of(ticket: TicketId) -> ();
    fn actor(actor: ActorId) -> Option<ActorRow>;
    fn put_actor(actor: ActorId, row: &ActorRow) -> ();
    fn device(index: u64) -> Option<DeviceRecord>;
    fn put_device(record: &DeviceRecord) -> ();
}
