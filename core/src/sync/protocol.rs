//! The messages of `POST /v1/sync`, in the logical form that replica and relay work with.
//!
//! Invariant: what the other side can derive is not sent; [`wire`](super::wire) does the leaving out
//! and the filling in, and the signatures prove that it was done right.

use minicbor::{Decode, Encode};

use super::certificate::{self, Algorithm, DeviceCertificate, Statement};
use super::changeset::Changeset;
use super::keys::Signature;
use super::verdict::Verdict;
use crate::clock::Timestamp;
use crate::evidence::log::News;
use crate::ids::{ActorId, ChangeHash, DeviceId, PartRef, PersonId, TicketId};

/// A document by the server's running number of its ticket: `4 × index + part`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct PartIndex(#[n(0)] pub u64);

impl PartIndex {
    /// The index of a ticket's part.
    pub fn new(ticket_index: u64, part: crate::ids::Part) -> Self {
        Self(ticket_index << 2 | u64::from(part.code()))
    }
    /// The ticket's running number.
    pub const fn ticket_index(self) -> u64 {
        self.0 >> 2
    }
    /// The part; `None` for a code that is none.
    pub fn part(self) -> Option<crate::ids::Part> {
        crate::ids::Part::from_code((self.0 & 3) as u8)
    }
}

/// What a phone sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the server gave last; empty at first.
    pub cursor: Vec<u8>,
    /// The catalogue version held.
    pub catalogue: u32,
    /// Devices known: the highest index of a [`DeviceRecord`] received.
    pub directory: u64,
    /// Documents whose snapshot is wanted again.
    pub want: Vec<PartIndex>,
    /// In the order of the device's sequence.
    pub changesets: Vec<Outgoing>,
    /// What a restored server is given back.
    pub given_back: GivenBack,
    /// What waits here and does not go with this request; `None` where all goes.
    pub unsent: Option<Unsent>,
    /// How many sheets are in the log by the checkpoint that is kept; told without a cursor alone.
    pub sheet_log: Option<u64>,
}

/// What a device has that it has not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Unsent {
    /// Commands.
    #[n(0)]
    pub commands: u32,
    /// Claimed time of the oldest of them.
    #[n(1)]
    pub oldest: Option<Timestamp>,
    /// Attachments whose bytes the server does not have whole.
    #[n(2)]
    pub attachments: u32,
}

/// What a server that was restored from a backup is given back, besides the device's own changesets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GivenBack {
    /// Whole changesets of any device, each signed by its own. A courier's load goes here too.
    pub carried: Vec<Changeset>,
    /// Numbers that tickets had.
    pub numbers: Vec<(TicketId, crate::ids::TicketNumber)>,
    /// Documents of which the device has more than the server sent, and the heads it has.
    pub missing: Vec<(PartRef, Vec<ChangeHash>)>,
    /// Of the devices whose changesets are carried, where they are known: the server may have forgotten them, and
    /// they may never ask again.
    pub certificates: Vec<DeviceCertificate>,
}

impl GivenBack {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.carried.is_empty()
            && self.numbers.is_empty()
            && self.missing.is_empty()
            && self.certificates.is_empty()
    }
}

/// A changeset to send, with what the server is known to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The changeset.
    pub changeset: Changeset,
    /// The ticket's running number, where the server has told it.
    pub ticket_index: Option<u64>,
    /// How the base can be told.
    pub base: BaseHint,
}

/// How a base is told to somebody who holds the same log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum BaseHint {
    /// The heads after the part's last entry at or before the reader's cursor (up), or before this
    /// entry (down).
    #[n(0)]
    Known,
    /// The heads after the part's entry of this number.
    #[n(1)]
    AtSeq(#[n(0)] u64),
    /// The genesis.
    #[n(2)]
    Genesis,
    /// These heads, spelled out.
    #[n(3)]
    Explicit(#[n(0)] Vec<ChangeHash>),
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// For the next request; opaque.
    pub cursor: Vec<u8>,
    /// The log is known up to here.
    pub through: u64,
    /// More is waiting: ask again at once.
    pub more: bool,
    /// The server's time.
    pub time: Timestamp,
    /// The server's signature over [`time_message`].
    pub time_signature: Signature,
    /// Verdicts of this request's changesets, and of earlier ones that changed since.
    pub verdicts: Vec<DeviceVerdict>,
    /// Admitted changesets of others, in the log's order.
    pub entries: Vec<Entry>,
    /// Documents that became visible, or were wanted.
    pub snapshots: Vec<TicketSnapshot>,
    /// Documents to drop.
    pub evictions: Vec<PartIndex>,
    /// Running numbers and ticket numbers given to tickets that the phone knows by id.
    pub tickets: Vec<TicketRecord>,
    /// Devices since the request's `directory`.
    pub devices: Vec<DeviceRecord>,
    /// Who stands behind the actors of the snapshots.
    pub actors: Vec<ActorRecord>,
    /// The catalogue as JSON, where it is another than the phone's.
    pub catalogue: Option<Vec<u8>>,
    /// The log's epoch, to a request without a cursor.
    pub epoch: Option<u32>,
    /// What the newest verified backup holds, where the phone has not heard of it.
    pub backed_up: Option<BackedUp>,
    /// The office's order to wipe the device, as long as it stands.
    pub wipe: Option<WipeOrder>,
    /// A newer head of the log of sheets.
    pub sheet_log: Option<News>,
}

/// The office's order that the device destroys what it holds, once its outbox went out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WipeOrder {
    /// When the office asked for it.
    #[n(0)]
    pub requested_at: Timestamp,
    /// The server's signature over [`wipe_message`].
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

/// What the server signs to order a wipe: for this device and in answer to this request alone, so that an order
/// that was withdrawn cannot be repeated by somebody else.
pub fn wipe_message(requested_at: Timestamp, device: DeviceId, request: &[u8]) -> Vec<u8> {
    for_request(b"gongdan wipe v1\n", requested_at, device, request)
}

/// The server's word that a verified backup holds what it had received up to some places.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BackedUp {
    /// The log's epoch.
    #[n(0)]
    pub epoch: u32,
    /// The log's end in the backup.
    #[n(1)]
    pub log: u64,
    /// The end of the asking device's sequence in the backup.
    #[n(2)]
    pub device_sequence: u32,
    /// The server's signature over [`backup_message`].
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

/// What the server signs to say that a backup holds what `device` gave it. The signature of `told` is not in it.
pub fn backup_message(told: &BackedUp, device: DeviceId) -> Vec<u8> {
    let mut message = b"gongdan backup v1\n".to_vec();
    message.extend_from_slice(&told.epoch.to_be_bytes());
    message.extend_from_slice(&told.log.to_be_bytes());
    message.extend_from_slice(device.as_bytes());
    message.extend_from_slice(&told.device_sequence.to_be_bytes());
    message
}

/// A verdict on the device's changeset of this sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceVerdict {
    /// The changeset.
    pub device_sequence: u32,
    /// The answer.
    pub verdict: Verdict,
}

/// An admitted changeset with its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// The document.
    pub part: PartIndex,
    /// Its device's index in the directory.
    pub device_index: u64,
    /// Whose device it is not always: the desk's serves many.
    pub person: Option<PersonId>,
    /// How the base is told.
    pub base: BaseHint,
    /// The changeset. On the reader's side what cannot be known before execution is zero: see
    /// [`Entry::header_after`].
    pub changeset: Changeset,
}

/// A ticket's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketSnapshot {
    /// Id, running number, ticket number.
    pub ticket: TicketRecord,
    /// Its documents.
    pub parts: Vec<PartSnapshot>,
}

/// A document as it is at `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSnapshot {
    /// Which.
    pub part: crate::ids::Part,
    /// The part's last entry in it.
    pub seq: u64,
    /// [`snapshot::pack`](crate::document::snapshot::pack)ed.
    pub document: Vec<u8>,
}

/// What the server gave a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRecord {
    /// The ticket.
    pub ticket: TicketId,
    /// Running number.
    pub index: u64,
    /// Number.
    pub number: Option<crate::ids::TicketNumber>,
}

/// An enrolled device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceRecord {
    /// Running number.
    #[n(0)]
    pub index: u64,
    /// The device.
    #[n(1)]
    pub device: DeviceId,
    /// Whose it is.
    #[n(2)]
    pub person: PersonId,
    /// Its public key.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// What makes a certificate of it: a server that forgot the device in a restore is shown it.
    #[n(4)]
    pub attestation: Option<Attestation>,
}

/// What a device's certificate says beside its record, and the organisation's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Attestation {
    /// Running number of the certificate.
    #[n(0)]
    pub serial: u64,
    /// When it was certified.
    #[n(1)]
    pub issued_at: Timestamp,
    /// The organisation's signature.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
    /// Which device it is an incarnation of.
    #[n(3)]
    pub origin: Option<DeviceId>,
}

impl DeviceRecord {
    /// The device's certificate, not verified; nothing where the server told of none.
    pub fn certificate(&self) -> Option<DeviceCertificate> {
        let attestation = self.attestation.as_ref()?;
        Some(DeviceCertificate {
            statement: Statement {
                version: certificate::VERSION,
                serial: attestation.serial,
                device: self.device,
                algorithm: Algorithm::Ed25519,
                key: self.key,
                issued_at: attestation.issued_at,
                person: Some(self.person.clone()),
                origin: attestation.origin,
            },
            signature: attestation.signature,
        })
    }
}

/// Who stands behind an actor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ActorRecord {
    /// The actor.
    #[n(0)]
    pub actor: ActorId,
    /// Its device's index.
    #[n(1)]
    pub device_index: u64,
    /// The person, where it is not the device's.
    #[n(2)]
    pub person: Option<PersonId>,
}

/// What the server signs to prove its time: for this device and this request alone.
pub fn time_message(time: Timestamp, device: DeviceId, request: &[u8]) -> Vec<u8> {
    for_request(b"gongdan time v1\n", time, device, request)
}

fn for_request(what: &[u8], time: Timestamp, device: DeviceId, request: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut message = what.to_vec();
    message.extend_from_slice(&time.seconds().to_be_bytes());
    message.extend_from_slice(device.as_bytes());
    message.extend_from_slice(&Sha256::digest(request));
    message
}

impl Entry {
    /// The header as the author signed it, now that base and last change are known.
    pub fn header_after(
        &self,
        part: PartRef,
        base: Vec<ChangeHash>,
        last: ChangeHash,
    ) -> super::changeset::Header {
        let mut header = self.changeset.header.clone();
        header.ticket = part.ticket;
        header.part = part.part;
        header.base = base;
        header.pin = super::changeset::pin(last);
        header
    }
}
