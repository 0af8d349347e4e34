//! A device's instance and only door of core: execute, list, read, and sync as bytes in and out.
//!
//! Invariant: local = mirror + the outbox's waiting commands. A command and its effects are in the
//! store before `execute` returns; nothing leaves the outbox but by a verdict or a dismissal.

mod blobs;
mod entropy;
mod execute;
mod incarnation;
mod local;
mod lock;
mod rebase;
mod receive;
mod recovery;
mod request;
#[cfg(feature = "rescue")]
mod rescue;
mod sheet;
mod sheet_log;

use std::collections::{BTreeMap, HashMap};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::clock::Timestamp;
use crate::document::{Inexecutable, TicketDoc};
use crate::ids::{ActorId, ChangeHash, DeviceId, Part, PartRef, PersonId, TicketId};
use crate::planted::{self, Defect};
use crate::policy::Denied;
use crate::store::{Filter, Origin, OutboxEntry, OutboxState, Store, StoreError, StoreTxn};
use crate::sync::certificate::DeviceCertificate;
use crate::sync::changeset::Link;
use crate::sync::codec::{self, Malformed};
use crate::sync::keys::{DeviceKey, PublicKey};
use crate::sync::verdict::Verdict;
use crate::ticket::command::Action;
use crate::ticket::summary::Summary;
use crate::ticket::{Status, Ticket};

pub use blobs::BlobError;
use entropy::Entropy;
use incarnation::Salt;
pub use lock::{Lock, WipeOrder, is_visit};
#[cfg(feature = "rescue")]
pub use rescue::Unsent;
pub use sheet::{Sealed, SheetError};
pub use sheet_log::SheetLog;

/// Documents kept loaded; the least recently used goes first.
const LOADED_MAX: usize = 256;

/// Who a device is, as enrolment told it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Identity {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Whose it is.
    #[n(1)]
    pub person: PersonId,
    /// The server's public key, which signs its time.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub server_key: [u8; 32],
}

/// A device's certificate, with the key that it verifies by.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OwnCertificate {
    /// The organisation's public key.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub organisation_key: [u8; 32],
    /// What it signed.
    #[n(1)]
    pub certificate: DeviceCertificate,
}

/// The heads that a person saw when a form opened, by part. A part that is not named is taken as it is.
pub type Seen = BTreeMap<Part, Vec<ChangeHash>>;

/// Why a command was not executed. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// No such ticket on this device.
    #[error("execute command: no such ticket here")]
    NoSuchTicket,
    /// The person may not (the gate would refuse).
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The ticket does not stand where this can be done.
    #[error("execute command: not lawful in this status")]
    NotLawful {
        /// What was meant.
        action: Action,
        /// Where the ticket stands for this person; nothing where there is none.
        status: Option<Status>,
    },
    /// The command cannot be executed.
    #[error(transparent)]
    Inexecutable(#[from] Inexecutable),
    /// The heads seen are not in the document.
    #[error("execute command: unknown heads")]
    UnknownHeads,
    /// An act needs one command, or one a part.
    #[error("execute command: commands that do not belong together")]
    NotAnAct,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a response was not taken over. Nothing was written; ask again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Not of its form.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Not signed by the server for the request that was sent last.
    #[error("receive response: not signed for this request")]
    NotForThisRequest,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a response brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Outcome {
    /// Tickets that are not as they were.
    pub changed: Vec<TicketId>,
    /// Tickets dropped.
    pub evicted: Vec<TicketId>,
    /// Ask again at once: a page is waiting, or something is to be sent.
    pub more: bool,
    /// Commands refused or quarantined by this response.
    pub unsettled: u32,
    /// Changesets of this device by the verdict that this response told.
    pub verdicts: VerdictCounts,
    /// The server told a head of its log of sheets that does not follow from the one kept here: the log was
    /// changed. It was not taken over; [`Replica::sheet_log`] has both.
    pub sheet_log_contradicts: bool,
}

/// How many changesets got which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[expect(missing_docs, reason = "each is the verdict of its name")]
pub struct VerdictCounts {
    pub admitted: u32,
    pub duplicate: u32,
    pub held: u32,
    pub quarantined: u32,
    pub refused: u32,
}

impl VerdictCounts {
    fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Admitted { .. } => &mut self.admitted,
            Verdict::Duplicate => &mut self.duplicate,
            Verdict::Held { .. } => &mut self.held,
            Verdict::Quarantined { .. } => &mut self.quarantined,
            Verdict::Refused { .. } => &mut self.refused,
        } += 1;
    }
}

/// What waits in the outbox, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[expect(missing_docs, reason = "each is the state of its name")]
pub struct OutboxCounts {
    pub pending: u32,
    pub in_flight: u32,
    pub held: u32,
    pub quarantined: u32,
    pub refused: u32,
}

/// A ticket with what a form needs: the heads it shows, and who stands behind its actors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketView {
    /// The ticket.
    pub ticket: Ticket,
    /// The heads shown, by part: to be handed back with a command.
    pub heads: BTreeMap<Part, Vec<ChangeHash>>,
    /// People behind actors.
    pub authors: BTreeMap<ActorId, PersonId>,
}

/// Told after a commit.
pub trait Observer: Send {
    /// These tickets are not as they were.
    fn changed(&self, tickets: &[TicketId]);
}

/// A device's replica.
pub struct Replica {
    store: Box<dyn Store>,
    /// The secret that the host keeps.
    host_key: DeviceKey,
    /// What this incarnation of the device signs with.
    key: DeviceKey,
    identity: Identity,
    actor: ActorId,
    /// Where this device has written since: as whom, and the last sequence number that served.
    writing: HashMap<PartRef, (ActorId, u32)>,
    entropy: Entropy,
    catalogue: Option<Catalogue>,
    loaded: HashMap<PartRef, (u64, TicketDoc)>,
    uses: u64,
    /// The request that an answer is awaited for.
    awaiting: Option<request::Sent>,
    /// The next request spells everything out.
    spell_out: bool,
    observers: Vec<Box<dyn Observer>>,
}

pub(crate) mod meta {
    //! Keys of small facts in the store.
    pub(crate) const IDENTITY: &str = "identity";
    pub(crate) const CERTIFICATE: &str = "certificate";
    pub(crate) const SPLIT: &str = "split";
    pub(crate) const INCARNATION: &str = "incarnation";
    pub(crate) const NEXT_INCARNATION: &str = "next_incarnation";
    pub(crate) const CATALOGUE: &str = "catalogue";
    pub(crate) const CURSOR: &str = "cursor";
    pub(crate) const THROUGH: &str = "through";
    pub(crate) const NEWEST: &str = "newest";
    pub(crate) const ANCHOR: &str = "anchor";
    pub(crate) const CHAIN: &str = "chain";
    pub(crate) const DIRECTORY: &str = "directory";
    pub(crate) const WANT: &str = "want";
    pub(crate) const EVICT: &str = "evict";
    pub(crate) const EPOCH: &str = "epoch";
    pub(crate) const RECOVERY: &str = "recovery";
    pub(crate) const CARRIED: &str = "carried";
    pub(crate) const LEASE: &str = "lease";
    pub(crate) const WIPE: &str = "wipe";
    pub(crate) const SHEETS: &str = "sheets";
    pub(crate) const SHEET_LOG: &str = "sheet_log";
    pub(crate) const CONTACT: &str = "contact";
    #[cfg(feature = "rescue")]
    pub(crate) const RESCUED: &str = "rescued";
}

/// The end of the device's chain of changesets.
#[derive(Debug, Clone, Copy, Default, Encode, Decode)]
struct Chain {
    #[n(0)]
    device_sequence: u32,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    link: Link,
}

fn get<T>(txn: &mut dyn StoreTxn, key: &'static str) -> Result<Option<T>, StoreError>
where
    T: for<'b> Decode<'b, ()>,
{
    let bytes = txn.meta(key)?;
    bytes
        .map(|b| minicbor::decode(&b).map_err(|_| StoreError::Malformed { what: key }))
        .transpose()
}

fn put<T: Encode<()>>(txn: &mut dyn StoreTxn, key: &str, value: &T) -> Result<(), StoreError> {
    txn.put_meta(key, &codec::encode(value))
}

impl Replica {
    /// Gives an empty store its identity, after enrolment. The same again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::OtherIdentity`] where the store is another device's: what it holds may be unsent.
    pub fn enrol(store: &mut dyn Store, identity: &Identity) -> Result<(), StoreError> {
        store.write(&mut |txn| match get::<Identity>(txn, meta::IDENTITY)? {
            Some(known) if known != *identity => Err(StoreError::OtherIdentity),
            _ => put(txn, meta::IDENTITY, identity),
        })
    }

    /// Keeps the certificate that the organisation gave this device, and its key, so that the device can
    /// prove whose it is where there is no server.
    pub fn keep_certificate(
        store: &mut dyn Store,
        certificate: &OwnCertificate,
    ) -> Result<(), StoreError> {
        store.write(&mut |txn| put(txn, meta::CERTIFICATE, certificate))
    }

    /// The device's certificate; none where it enrolled before there were any.
    pub fn certificate(&mut self) -> Result<Option<OwnCertificate>, StoreError> {
        let mut found = None;
        self.store.read(&mut |txn| {
            found = get::<Option<OwnCertificate>>(txn, meta::CERTIFICATE)?.flatten();
            Ok(())
        })?;
        Ok(found)
    }

    /// Opens an enrolled store. `entropy` are 32 fresh random bytes of the host: actors, tickets and
    /// salts come from them, so the same bytes must never be given twice.
    pub fn open(
        mut store: Box<dyn Store>,
        key: DeviceKey,
        entropy: [u8; 32],
    ) -> Result<Self, StoreError> {
        let (mut identity, mut catalogue, mut salt) = (None, None, None);
        store.read(&mut |txn| {
            identity = get::<Identity>(txn, meta::IDENTITY)?;
            catalogue = txn.meta(meta::CATALOGUE)?;
            salt = get::<Salt>(txn, meta::INCARNATION)?;
            Ok(())
        })?;
        let identity = identity.ok_or(StoreError::Malformed { what: "identity" })?;
        let mut entropy = Entropy::new(entropy);
        Ok(Self {
            store,
            key: salt.map_or_else(|| key.clone(), |salt| salt.key(&key)),
            host_key: key,
            actor: if planted::is(Defect::ActorReused) {
                ActorId(*identity.device.as_bytes())
            } else {
                ActorId(entropy.bytes())
            },
            identity,
            writing: HashMap::new(),
            entropy,
            catalogue: catalogue.and_then(|json| Catalogue::received(&json).ok()),
            loaded: HashMap::new(),
            uses: 0,
            awaiting: None,
            spell_out: false,
            observers: Vec::new(),
        })
    }

    /// Who this device is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The configuration held, once there was a sync.
    pub fn catalogue(&self) -> Option<&Catalogue> {
        self.catalogue.as_ref()
    }

    /// Tells `observer` of every change from now on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.push(observer);
    }

    fn notify(&self, tickets: &[TicketId]) {
        if !tickets.is_empty() {
            self.observers
                .iter()
                .for_each(|observer| observer.changed(tickets));
        }
    }

    /// Rows of tickets.
    pub fn list(&mut self, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
        let mut rows = Vec::new();
        self.store.read(&mut |txn| {
            rows = txn.list(filter)?;
            Ok(())
        })?;
        Ok(rows)
    }

    /// A ticket as this device has it, what waits in the outbox included.
    pub fn ticket(&mut self, id: TicketId) -> Result<Option<TicketView>, StoreError> {
        let (person, actor) = (self.identity.person.clone(), self.actor);
        let mut view = None;
        let docs = self.docs(id)?;
        let refs: Vec<&TicketDoc> = docs.iter().collect();
        self.store.read(&mut |txn| {
            let Some(row) = txn.ticket(id)? else {
                return Ok(());
            };
            let Some(ticket) = crate::document::hydrate(id, row.summary.number, &refs) else {
                return Ok(());
            };
            let mut authors = BTreeMap::new();
            for of in refs.iter().flat_map(|doc| doc.actors()) {
                if let Some(known) = txn.actor(of)? {
                    authors.insert(of, known.person);
                }
            }
            authors.insert(actor, person.clone());
            for part in ticket.parts.clone() {
                for entry in txn.entries_of(PartRef { ticket: id, part })? {
                    authors.insert(entry.actor, person.clone());
                }
            }
            let heads = refs.iter().map(|doc| (doc.part(), doc.heads())).collect();
            view = Some(TicketView {
                ticket,
                heads,
                authors,
            });
            Ok(())
        })?;
        Ok(view)
    }

    /// The outbox, oldest first.
    pub fn outbox(&mut self) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut entries = Vec::new();
        self.store.read(&mut |txn| {
            for state in OutboxState::ALL {
                entries.extend(txn.entries_in(state)?);
            }
            Ok(())
        })?;
        entries.sort_by_key(|e| e.id);
        Ok(entries)
    }

    /// How much waits.
    pub fn outbox_counts(&mut self) -> Result<OutboxCounts, StoreError> {
        let mut counts = OutboxCounts::default();
        for entry in self.outbox()? {
            *match entry.state {
                OutboxState::Pending => &mut counts.pending,
                OutboxState::InFlight => &mut counts.in_flight,
                OutboxState::Held => &mut counts.held,
                OutboxState::Quarantined => &mut counts.quarantined,
                OutboxState::Refused => &mut counts.refused,
            } += 1;
        }
        Ok(counts)
    }

    /// How many changesets are kept because no verified backup of the server is known to hold them.
    pub fn kept_count(&mut self) -> Result<usize, StoreError> {
        let mut count = 0;
        self.store.read(&mut |txn| {
            count = 0;
            for origin in [Origin::Own, Origin::Others] {
                count += txn.kept(origin, 0, usize::MAX)?.len();
            }
            Ok(())
        })?;
        Ok(count)
    }

    /// Takes a refused entry off the list, at its author's word. `false` where there is none.
    pub fn dismiss(&mut self, entry: u64) -> Result<bool, StoreError> {
        let mut dismissed = false;
        self.store.write(&mut |txn| {
            let refused = txn
                .entry(entry)?
                .is_some_and(|e| e.state == OutboxState::Refused);
            if refused {
                txn.delete_entry(entry)?;
            }
            dismissed = refused;
            Ok(())
        })?;
        Ok(dismissed)
    }

    /// Newest signed server time seen; nothing before the first sync.
    pub fn anchor(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let mut anchor = None;
        self.store.read(&mut |txn| {
            anchor = get(txn, meta::ANCHOR)?;
            Ok(())
        })?;
        Ok(anchor)
    }

    fn server_key(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(self.identity.server_key)
    }
}
