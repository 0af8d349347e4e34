//! Who did, read and exported what: a chain of entries that is only ever added to.
//!
//! ```text
//! hash(n) = SHA-256( "gongdan audit 1" ‖ hash(n−1) ‖ seq ‖ at ‖ len actor ‖ len action ‖ len detail )
//! ```
//! with 32 zero bytes before the first, whole numbers as 8 bytes big-endian, and texts after their length in
//! bytes, 4 bytes big-endian. Invariant: entries have no gaps, and no statement changes or deletes one
//! (triggers). Entries hold ids and counts, never what somebody wrote or searched for.
//!
//! What is written to tickets is in the log of signed changesets; an entry `changes_admitted` binds it to this
//! chain by its digest.

mod admitted;
mod recent;
mod view;

use std::fmt;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

pub(crate) use admitted::{Admissions, digest};
pub(crate) use recent::Recent;
pub use view::{Entry, Filter, LIMIT_DEFAULT, LIMIT_MAX, list};

use crate::store::StoreError;

const CONTEXT: &[u8] = b"gongdan audit 1";

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Somebody at the console.
    Person(PersonId),
    /// A phone, which the directory names a person for.
    Device(DeviceId),
    /// Whoever runs commands on the server's machine.
    Operator,
    /// The server by itself.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => write!(f, "person:{person}"),
            Self::Device(device) => write!(f, "device:{device}"),
            Self::Operator => f.write_str("operator"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// What was done. The names are stable: they are in databases and in the console's texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Changesets came into the log.
    ChangesAdmitted,
    /// Documents were handed to a phone that had not had them.
    PartsGiven,
    /// Tickets were listed or searched.
    TicketsListed,
    /// A ticket was opened in the console.
    TicketRead,
    /// Its history was.
    TimelineRead,
    /// An attachment was downloaded.
    AttachmentRead,
    /// The quarantine was looked at.
    QuarantineRead,
    /// Somebody decided what waited there.
    QuarantineDecided,
    /// The list of devices was looked at.
    DevicesRead,
    /// A one-time code was made.
    DeviceInvited,
    /// A device used one.
    DeviceEnrolled,
    /// A device got another name.
    DeviceRenamed,
    /// A device was revoked.
    DeviceRevoked,
    /// A device is to destroy what it holds.
    WipeRequested,
    /// It is not, after all.
    WipeWithdrawn,
    /// It said that it has.
    DeviceWiped,
    /// Somebody signed in.
    SignedIn,
    /// Somebody signed out.
    SignedOut,
    /// These entries were looked at.
    AuditRead,
    /// A ticket was exported as files.
    TicketExported,
    /// A list of tickets was exported as a file.
    TicketsExported,
    /// Tickets were printed by a command.
    TicketsPrinted,
    /// A person was added or changed.
    PersonChanged,
    /// The organisation was loaded.
    OrganisationLoaded,
    /// Service requests were imported.
    RequestsImported,
    /// A phone's rescue file was brought in.
    RescueImported,
    /// Documents and read model were made anew.
    Rebuilt,
    /// A backup was taken.
    BackupTaken,
    /// The list of people or their sessions were looked at.
    PeopleRead,
    /// A password was drawn for somebody.
    PasswordDrawn,
    /// Somebody's second factors were taken away.
    FactorsReset,
    /// A session was ended, one's own or somebody's.
    SessionEnded,
    /// Somebody changed their password.
    PasswordChanged,
    /// Somebody changed their own second factors.
    FactorChanged,
}

impl Action {
    /// All.
    pub const ALL: [Self; 34] = [
        Self::ChangesAdmitted,
        Self::PartsGiven,
        Self::TicketsListed,
        Self::TicketRead,
        Self::TimelineRead,
        Self::AttachmentRead,
        Self::QuarantineRead,
        Self::QuarantineDecided,
        Self::DevicesRead,
        Self::DeviceInvited,
        Self::DeviceEnrolled,
        Self::DeviceRenamed,
        Self::DeviceRevoked,
        Self::WipeRequested,
        Self::WipeWithdrawn,
        Self::DeviceWiped,
        Self::SignedIn,
        Self::SignedOut,
        Self::AuditRead,
        Self::TicketExported,
        Self::TicketsExported,
        Self::TicketsPrinted,
        Self::PersonChanged,
        Self::OrganisationLoaded,
        Self::RequestsImported,
        Self::RescueImported,
        Self::Rebuilt,
        Self::BackupTaken,
        Self::PeopleRead,
        Self::PasswordDrawn,
        Self::FactorsReset,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::FactorChanged,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChangesAdmitted => "changes_admitted",
            Self::PartsGiven => "parts_given",
            Self::TicketsListed => "tickets_listed",
            Self::TicketRead => "ticket_read",
            Self::TimelineRead => "timeline_read",
            Self::AttachmentRead => "attachment_read",
            Self::QuarantineRead => "quarantine_read",
            Self::QuarantineDecided => "quarantine_decided",
            Self::DevicesRead => "devices_read",
            Self::DeviceInvited => "device_invited",
            Self::DeviceEnrolled => "device_enrolled",
            Self::DeviceRenamed => "device_renamed",
            Self::DeviceRevoked => "device_revoked",
            Self::WipeRequested => "wipe_requested",
            Self::WipeWithdrawn => "wipe_withdrawn",
            Self::DeviceWiped => "device_wiped",
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::AuditRead => "audit_read",
            Self::TicketExported => "ticket_exported",
            Self::TicketsExported => "tickets_exported",
            Self::TicketsPrinted => "tickets_printed",
            Self::PersonChanged => "person_changed",
            Self::OrganisationLoaded => "organisation_loaded",
            Self::RequestsImported => "requests_imported",
            Self::RescueImported => "rescue_imported",
            Self::Rebuilt => "rebuilt",
            Self::BackupTaken => "backup_taken",
            Self::PeopleRead => "people_read",
            Self::PasswordDrawn => "password_drawn",
            Self::FactorsReset => "factors_reset",
            Self::SessionEnded => "session_ended",
            Self::PasswordChanged => "password_changed",
            Self::FactorChanged => "factor_changed",
        }
    }
}

/// What an entry says beside who and what: ids and counts.
pub type Detail = Map<String, Value>;

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry; 0 before the first.
    pub seq: u64,
    /// Its hash; zeros before the first.
    pub hash: [u8; 32],
}

/// The hash of the entry that follows `previous`, from its columns.
pub fn entry_hash(previous: &Head, at: i64, actor: &str, action: &str, detail: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(CONTEXT);
    hasher.update(previous.hash);
    hasher.update((previous.seq + 1).to_be_bytes());
    hasher.update(at.to_be_bytes());
    for text in [actor, action, detail] {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        hasher.update(length.to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}

/// The end of the chain as it is now.
///
/// # Errors
/// The database fails.
pub fn head(connection: &Connection) -> Result<Head, StoreError> {
    let found = connection
        .prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Head {
                seq: row.get::<_, i64>(0)?.cast_unsigned(),
                hash: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or(Head {
        seq: 0,
        hash: [0; 32],
    }))
}

/// Adds an entry, in the transaction of what it tells of.
///
/// # Errors
/// The database fails.
pub fn append(
    tx: &Transaction<'_>,
    now: Timestamp,
    actor: &Actor,
    action: Action,
    detail: Detail,
) -> Result<(), StoreError> {
    let previous = head(tx)?;
    let (actor, action) = (actor.to_string(), action.name());
    let detail = Value::Object(detail).to_string();
    let hash = entry_hash(&previous, now.seconds(), &actor, action, &detail);
    tx.prepare_cached(
        "INSERT INTO audit (seq, at, actor, action, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        (previous.seq + 1).cast_signed(),
        now.seconds(),
        actor,
        action,
        detail,
        hash
    ])?;
    Ok(())
}

/// A detail of one value.
pub fn about(key: &str, value: impl Into<Value>) -> Detail {
    Detail::from_iter([(key.to_owned(), value.into())])
}
