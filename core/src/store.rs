//! What a replica persists in, and its unit of work.
//!
//! Invariant: everything that belongs together is written in one transaction; when `write` returns,
//! it is durable. One conformance suite runs on every store.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::ops::Range;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{
    ActorId, BlobHash, ChangeHash, ChangesetHash, CommandId, Part, PartRef, PersonId, TicketId,
};
use crate::sync::changeset::ActLink;
use crate::sync::protocol::DeviceRecord;
use crate::sync::verdict::Verdict;
use crate::ticket::Status;
use crate::ticket::command::Command;
use crate::ticket::summary::Summary;

/// A store could not do what was asked. Nothing of the transaction is written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, the file or the database failed.
    #[error("use the store: {0}")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not of its form.
    #[error("use the store: {what} is malformed")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// The key is not the file's; or the file's first page is damaged, which looks the same.
    #[error("use the store: the key does not open it")]
    WrongKey,
    /// Something was to be deleted that the server has not acknowledged.
    #[error("use the store: what was not acknowledged is not deleted")]
    Unacknowledged,
    /// The store is another device's.
    #[error("use the store: it is another device's")]
    OtherIdentity,
    /// No room is left.
    #[error("use the store: no room")]
    Full,
    /// The work inside the transaction gave up; it is rolled back.
    #[error("use the store: rolled back")]
    RolledBack,
}

/// Where an outbox entry stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum OutboxState {
    /// Not sealed yet.
    #[n(0)]
    Pending,
    /// Sealed; its verdict is not known.
    #[n(1)]
    InFlight,
    /// The server keeps it until what it waits for is there.
    #[n(2)]
    Held,
    /// A person in the office decides.
    #[n(3)]
    Quarantined,
    /// Not admitted; stays readable until dismissed.
    #[n(4)]
    Refused,
}

impl OutboxState {
    /// All.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::InFlight,
        Self::Held,
        Self::Quarantined,
        Self::Refused,
    ];
}

impl OutboxState {
    /// Part of the local document.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::InFlight | Self::Held)
    }
}

/// A command that the server has not admitted yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutboxEntry {
    /// Order of execution on this device; 0 asks the store for the next.
    #[n(0)]
    pub id: u64,
    /// The ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// The part.
    #[n(2)]
    pub part: Part,
    /// The command's name for ever.
    #[n(3)]
    pub command_id: CommandId,
    /// Claimed time.
    #[n(4)]
    pub at: Timestamp,
    /// The intent.
    #[n(5)]
    pub command: Command,
    /// Who wrote the change.
    #[n(6)]
    pub actor: ActorId,
    /// That actor's sequence number of the change.
    #[n(7)]
    pub sequence: u32,
    /// The heads it was executed on.
    #[n(8)]
    pub base: Vec<ChangeHash>,
    /// The change's hash.
    #[n(9)]
    pub hash: ChangeHash,
    /// The change's bytes.
    #[n(10)]
    #[cbor(with = "minicbor::bytes")]
    pub change: Vec<u8>,
    /// Where it stands.
    #[n(11)]
    pub state: OutboxState,
    /// The changeset it was sealed in.
    #[n(12)]
    pub device_sequence: Option<u32>,
    /// Where its act spans parts: `first` is the outbox id of the act's first entry here.
    #[n(13)]
    pub act: Option<EntryAct>,
    /// Newest signed server time when it was executed.
    #[n(14)]
    pub anchor: Timestamp,
    /// The catalogue version when it was executed.
    #[n(15)]
    pub catalogue: u32,
    /// The last verdict.
    #[n(16)]
    pub verdict: Option<Verdict>,
    /// The held changeset that this entry's command was in before it was authored anew.
    #[n(17)]
    pub replaces: Option<ChangesetHash>,
}

/// An act's other entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct EntryAct {
    /// Place within the act, from 0.
    #[n(0)]
    pub place: u32,
    /// How many entries it has; they follow one another.
    #[n(1)]
    pub count: u32,
}

impl EntryAct {
    /// The link for the changeset sealed under `device_sequence`.
    pub const fn link(self, device_sequence: u32) -> ActLink {
        ActLink {
            first: device_sequence - self.place,
            count: self.count,
        }
    }
}

impl OutboxEntry {
    /// The document it is about.
    pub const fn part_ref(&self) -> PartRef {
        PartRef {
            ticket: self.ticket,
            part: self.part,
        }
    }
}

/// A part as the server admitted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorRow {
    /// [`TicketDoc::save`](crate::document::TicketDoc::save)d.
    pub document: Vec<u8>,
    /// Its heads, so that a request needs no document.
    pub heads: Vec<ChangeHash>,
    /// The part's last log entry in it; 0 where the server has none yet.
    pub seq: u64,
}

/// A ticket's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// The ticket.
    pub id: TicketId,
    /// The server's running number.
    pub index: Option<u64>,
    /// The list's row.
    pub summary: Summary,
    /// What a search looks in.
    pub search_text: String,
}

/// A sealed changeset that is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// Its place in the device's sequence.
    pub device_sequence: u32,
    /// [`codec::encode`](crate::sync::codec::encode)d.
    pub changeset: Vec<u8>,
    /// Its entries, in the order of its commands.
    pub entries: Vec<u64>,
}

/// Whose a kept changeset is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// This device's own, whose verdict is final.
    Own,
    /// Another device's, as the log brought it.
    Others,
    /// Another device's that this one carries to the server; gone once it is there.
    Carried,
}

impl Origin {
    /// Its code in SQL.
    pub const fn code(self) -> u8 {
        match self {
            Self::Own => 0,
            Self::Others => 1,
            Self::Carried => 2,
        }
    }
}

/// A changeset that no verified backup of the server is known to hold: it is given back to a server that
/// was restored from a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow {
    /// Ascending in the order of keeping; 0 asks the store for the next.
    pub id: u64,
    /// Whose.
    pub origin: Origin,
    /// Own: its place in the device's sequence. Others': its place in the log. A backup through it holds it.
    pub place: u64,
    /// The document.
    pub part: PartRef,
    /// [`codec::encode`](crate::sync::codec::encode)d.
    pub changeset: Vec<u8>,
    /// Own: the outbox entries it was sealed from, where they left the outbox with it.
    pub entries: Vec<OutboxEntry>,
}

/// A mirror as it stood before the server was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsideRow {
    /// Ascending.
    pub id: u64,
    /// The document.
    pub part: PartRef,
    /// Its heads.
    pub heads: Vec<ChangeHash>,
    /// The restored server sent its own since.
    pub replaced: bool,
}

/// Who stands behind an actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorRow {
    /// The device's index.
    pub device_index: u64,
    /// The person.
    pub person: PersonId,
}

/// The verdict by which an entry leaves the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It is in the log.
    Admitted = 1,
    /// It was in the log already.
    Duplicate = 2,
}

/// Whether the server has an attachment's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum BlobState {
    /// Not all of them: never deleted.
    Unsent,
    /// All: may be dropped to make room.
    Sent,
}

/// An attachment that this device keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct BlobRow {
    /// SHA-256 of its bytes.
    pub hash: BlobHash,
    /// The ticket it was taken for.
    pub ticket: TicketId,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// How many.
    pub bytes: u64,
    /// Whether the server has them.
    pub state: BlobState,
}

/// Which tickets to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Filter {
    /// Words that must all be found; parted by spaces.
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub query: Option<String>,
    /// Any of these; all where empty.
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub statuses: Vec<Status>,
    /// This grade alone.
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub grade: Option<String>,
    /// At most so many; 0 for no limit.
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub limit: u32,
    /// Leaves so many out first.
    #[cfg_attr(feature = "uniffi", uniffi(default))]
    pub offset: u32,
}

/// The unit of work.
#[expect(
    missing_docs,
    reason = "each reads, writes or deletes the row of its name"
)]
pub trait StoreTxn {
    fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError>;

    fn ticket(&mut self, id: TicketId) -> Result<Option<TicketRow>, StoreError>;
    fn ticket_by_index(&mut self, index: u64) -> Result<Option<TicketId>, StoreError>;
    fn put_ticket(&mut self, row: &TicketRow) -> Result<(), StoreError>;
    fn delete_ticket(&mut self, id: TicketId) -> Result<(), StoreError>;
    /// In the order of appointment (none last), then of opening, newest first.
    fn list(&mut self, filter: &Filter) -> Result<Vec<Summary>, StoreError>;

    fn mirror(&mut self, part: PartRef) -> Result<Option<MirrorRow>, StoreError>;
    fn put_mirror(&mut self, part: PartRef, row: &MirrorRow) -> Result<(), StoreError>;
    fn delete_mirror(&mut self, part: PartRef) -> Result<(), StoreError>;

    /// Copies every mirror that the server has had a part in, and drops the running numbers of all tickets.
    fn set_mirrors_aside(&mut self) -> Result<(), StoreError>;
    /// What was set aside, after an id, at most so many.
    fn asides(&mut self, after: u64, limit: usize) -> Result<Vec<AsideRow>, StoreError>;
    /// The document set aside.
    fn aside_document(&mut self, id: u64) -> Result<Option<Vec<u8>>, StoreError>;
    /// The restored server sent its own of this part.
    fn mark_replaced(&mut self, part: PartRef) -> Result<(), StoreError>;
    fn delete_aside(&mut self, id: u64) -> Result<(), StoreError>;
    fn delete_asides_of(&mut self, part: PartRef) -> Result<(), StoreError>;

    /// Writes an entry; the next id where it is 0. Gives its id.
    fn put_entry(&mut self, entry: &OutboxEntry) -> Result<u64, StoreError>;
    fn entry(&mut self, id: u64) -> Result<Option<OutboxEntry>, StoreError>;
    /// Only a refused one; another fails with [`StoreError::Unacknowledged`].
    fn delete_entry(&mut self, id: u64) -> Result<(), StoreError>;
    /// Deletes an entry that the server acknowledged.
    fn settle_entry(&mut self, id: u64, settled: Settled) -> Result<(), StoreError>;
    /// A part's entries, oldest first.
    fn entries_of(&mut self, part: PartRef) -> Result<Vec<OutboxEntry>, StoreError>;
    /// All entries of a state, oldest first.
    fn entries_in(&mut self, state: OutboxState) -> Result<Vec<OutboxEntry>, StoreError>;

    fn sealed(&mut self, device_sequence: u32) -> Result<Option<SealedRow>, StoreError>;
    /// All, in the device's sequence.
    fn all_sealed(&mut self) -> Result<Vec<SealedRow>, StoreError>;
    fn put_sealed(&mut self, row: &SealedRow) -> Result<(), StoreError>;
    fn delete_sealed(&mut self, device_sequence: u32) -> Result<(), StoreError>;

    /// Keeps a changeset; its id.
    fn put_kept(&mut self, row: &KeptRow) -> Result<u64, StoreError>;
    /// What is kept, after an id, at most so many.
    fn kept(
        &mut self,
        origin: Origin,
        after: u64,
        limit: usize,
    ) -> Result<Vec<KeptRow>, StoreError>;
    fn delete_kept(&mut self, id: u64) -> Result<(), StoreError>;
    /// Drops what is kept up to a place.
    fn forget_kept(&mut self, origin: Origin, through: u64) -> Result<(), StoreError>;
    /// Drops what is kept of others of a document.
    fn forget_kept_of(&mut self, part: PartRef) -> Result<(), StoreError>;
    /// Gives all that is kept of others one place.
    fn move_kept(&mut self, place: u64) -> Result<(), StoreError>;
    /// Keeps an attachment; one that is there already stays as it is.
    fn put_blob(&mut self, row: &BlobRow, bytes: &[u8]) -> Result<(), StoreError>;
    fn blob(&mut self, hash: BlobHash) -> Result<Option<BlobRow>, StoreError>;
    /// All of a state, in the order in which they came.
    fn blobs_in(&mut self, state: BlobState) -> Result<Vec<BlobRow>, StoreError>;
    /// Bytes of an attachment, as far as it has them.
    fn read_blob(&mut self, hash: BlobHash, range: Range<u64>) -> Result<Vec<u8>, StoreError>;
    fn mark_blob_sent(&mut self, hash: BlobHash) -> Result<(), StoreError>;
    /// Of all attachments: what the server had, it may have forgotten.
    fn mark_blobs_unsent(&mut self) -> Result<(), StoreError>;
    /// Only a sent one; another fails with [`StoreError::Unacknowledged`].
    fn delete_blob(&mut self, hash: BlobHash) -> Result<(), StoreError>;
    /// All of a ticket; fails with [`StoreError::Unacknowledged`] where one is not sent.
    fn delete_blobs_of(&mut self, ticket: TicketId) -> Result<(), StoreError>;

    fn actor(&mut self, actor: ActorId) -> Result<Option<ActorRow>, StoreError>;
    fn put_actor(&mut self, actor: ActorId, row: &ActorRow) -> Result<(), StoreError>;
    fn device(&mut self, index: u64) -> Result<Option<DeviceRecord>, StoreError>;
    fn put_device(&mut self, record: &DeviceRecord) -> Result<(), StoreError>;
}

/// Work done in a transaction.
pub type Work<'a> = dyn FnMut(&mut dyn StoreTxn) -> Result<(), StoreError> + 'a;

/// Where a replica persists.
pub trait Store: Send {
    /// Does `work` in one transaction; written and durable when this returns `Ok`, else not at all.
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError>;
    /// Reads a consistent state; what `work` writes is dropped.
    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError>;
}
