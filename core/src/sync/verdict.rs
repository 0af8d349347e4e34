//! What the gate answers. An expected outcome, not an error: it must be matched.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::document::Inexecutable;
use crate::policy::Denied;
use crate::ticket::Status;
use crate::ticket::command::Action;

/// The gate's answer to one changeset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "verdict")]
#[cbor(flat)]
pub enum Verdict {
    /// It is in the log.
    #[n(0)]
    Admitted {
        /// Its place there.
        #[n(0)]
        seq: u64,
    },
    /// Its commands were admitted before, in another changeset.
    #[n(1)]
    Duplicate,
    /// It is kept, and judged again when what it waits for is there.
    #[n(2)]
    Held {
        /// What it waits for.
        #[n(0)]
        why: HeldWhy,
    },
    /// It is kept, and a person in the office decides.
    #[n(3)]
    Quarantined {
        /// Why not at once.
        #[n(0)]
        reason: QuarantineReason,
    },
    /// It is not admitted. It stays readable on the phone until dismissed.
    #[n(4)]
    Refused {
        /// Which of its commands, counted from 0.
        #[n(0)]
        command: u32,
        /// Why.
        #[n(1)]
        reason: Refusal,
    },
}

/// What a held changeset waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum HeldWhy {
    /// Changes it builds on are not here.
    #[n(0)]
    MissingBase,
    /// A changeset of the device before it is not here.
    #[n(1)]
    Gap,
    /// A command of a later version.
    #[n(2)]
    UnknownCommand,
    /// The execution gave another hash: take the snapshot and author anew.
    #[n(3)]
    OtherHash,
    /// Other parts of its act are not here.
    #[n(4)]
    Incomplete,
}

/// Why a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum QuarantineReason {
    /// The author was assigned when he wrote it, and is not any more.
    #[n(0)]
    Reassigned,
    /// The author had the right when he wrote it, and has it no more.
    #[n(1)]
    RightLost,
    /// The device was revoked.
    #[n(2)]
    Revoked,
    /// It builds on a quarantined changeset.
    #[n(3)]
    DependsOnQuarantined,
    /// The same device sequence number served twice: a copied or restored phone.
    #[n(4)]
    SequenceTwice,
    /// What it waits for cannot be had.
    #[n(5)]
    NeverComplete,
    /// The author has the same roles, but not the same place: another group, partner or branch, or what it
    /// serves was changed.
    #[n(6)]
    PolicyChanged,
    /// The customer signed it, and by the rules it would be refused: it shows as signed and not in the ticket.
    #[n(7)]
    Signed,
}

/// Why a changeset is not admitted: what no honest client could have produced, or what a person declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "code")]
#[cbor(flat)]
pub enum Refusal {
    /// The body is not of its form.
    #[n(0)]
    Malformed,
    /// The command cannot be executed.
    #[n(1)]
    Inexecutable {
        /// Why.
        #[n(0)]
        why: Inexecutable,
    },
    /// The person may not.
    #[n(2)]
    Denied {
        /// Why.
        #[n(0)]
        why: Denied,
    },
    /// The ticket does not stand where this can be done.
    #[n(3)]
    NotLawful {
        /// What was meant.
        #[n(0)]
        action: Action,
        /// Where the ticket stood for the author; nothing where there was none.
        #[n(1)]
        status: Option<Status>,
    },
    /// The actor belongs to another device.
    #[n(4)]
    ForeignActor,
    /// The document is full.
    #[n(5)]
    DocumentFull,
    /// A person in the office declined it.
    #[n(6)]
    Declined,
    /// The commands of an act do not belong together.
    #[n(7)]
    NotAnAct,
}

impl Verdict {
    /// Name in SQL, logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Admitted { .. } => "admitted",
            Self::Duplicate => "duplicate",
            Self::Held { .. } => "held",
            Self::Quarantined { .. } => "quarantined",
            Self::Refused { .. } => "refused",
        }
    }
}
