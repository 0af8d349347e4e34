//! The plain structs that everybody reads: a ticket as its documents say it, without a word of CRDTs.
//!
//! Invariant: a `Ticket` is made by hydration alone and never written back.

pub mod command;
pub mod field;
pub mod lifecycle;
pub mod status;
pub mod summary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use command::{
    Act, Action, Answer, Authored, Capacity, Command, ConfirmationMethod, ConflictOn, FourAnswers,
    Ink,
};
pub use field::{Field, Value};
pub use status::{Clash, Event, EventKind, Status};

use crate::clock::Timestamp;
use crate::evidence::SheetKind;
use crate::ids::{
    ActorId, BlobHash, ChangeHash, ItemKey, Part, PersonId, SheetHash, TicketId, TicketNumber,
};

/// A ticket, as far as the reader may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticket {
    /// The key everywhere.
    pub id: TicketId,
    /// Given by the server at first admission.
    pub number: Option<TicketNumber>,
    /// Folded from `events`.
    pub status: Status,
    /// Events that cannot both hold, until settled.
    pub clashes: Vec<Clash>,
    /// The parts this was hydrated from.
    pub parts: Vec<Part>,
    /// The typed facts, by name.
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<Field, crate::openapi::Scalar>))]
    pub fields: BTreeMap<Field, Value>,
    /// Concrete manifestation of the problem (R24).
    pub problem: String,
    /// Everybody assigned, the lead among them.
    pub crew: Vec<PersonId>,
    /// Visits counted, those that met nobody included.
    pub visits: i64,
    /// The status events in the order of the fold's ties: claimed time, then key.
    pub events: Vec<Event>,
    /// Checklist answers by item.
    pub checklist: Vec<ChecklistAnswer>,
    /// Steps of the diagnosis.
    pub steps: Vec<DiagnosisStep>,
    /// Notes of all parts seen.
    pub notes: Vec<Note>,
    /// Parts used.
    pub parts_used: Vec<PartUsed>,
    /// Quotes and consents.
    pub quotes: Vec<QuoteGiven>,
    /// Photos.
    pub photos: Vec<Photo>,
    /// Confirmations.
    pub confirmations: Vec<Confirmation>,
    /// Names and signatures of confirmations; empty without the `customer` part.
    pub signatures: Vec<Signature>,
    /// Signed sheets, every one ever made; empty without the `customer` part.
    #[serde(default)]
    pub sheets: Vec<SheetKept>,
    /// The confirmations cover everything that was done; looked at where the ticket is confirmed.
    #[serde(default = "covered")]
    pub covered: bool,
    /// Follow-up calls.
    pub follow_ups: Vec<FollowUpCall>,
    /// Rival values, until settled.
    pub conflicts: Vec<Conflict>,
}

/// Of a ticket that an earlier version wrote down.
const fn covered() -> bool {
    true
}

macro_rules! item {
    ($(#[$meta:meta])* $name:ident { $($(#[$fm:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub struct $name {
            /// Its key in the collection.
            pub key: ItemKey,
            /// Claimed time.
            pub at: Timestamp,
            /// Who wrote it.
            pub actor: ActorId,
            $($(#[$fm])* pub $field: $ty,)*
        }
    };
}

/// The answer to a checklist item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChecklistAnswer {
    /// Code of the item in the catalogue.
    pub item: String,
    /// The answer.
    pub answer: Answer,
    /// Claimed time.
    pub at: Timestamp,
    /// Who answered.
    pub actor: ActorId,
}

item! {
    /// A step of the diagnosis (R56).
    DiagnosisStep {
        /// What was done.
        operation: String,
        /// What came out.
        result: String,
    }
}

item! {
    /// A note.
    Note {
        /// Its audience.
        part: Part,
        /// Text.
        text: String,
        /// Struck out; stays readable.
        struck_out: bool,
    }
}

item! {
    /// Parts taken from stock.
    PartUsed {
        /// Part number.
        part_number: String,
        /// Name.
        name: String,
        /// Pieces.
        quantity: u32,
        /// Struck out; stays readable.
        struck_out: bool,
    }
}

item! {
    /// A quote (R71).
    QuoteGiven {
        /// In fen.
        amount_fen: i64,
        /// What for.
        explanation: String,
        /// The customer's word, where there is one: `agreed` or `declined`.
        consent: Option<String>,
        /// Who spoke.
        consent_by: Option<Capacity>,
    }
}

item! {
    /// A photo's reference.
    Photo {
        /// SHA-256 of the bytes.
        blob: BlobHash,
        /// Media type.
        media_type: String,
        /// Length in bytes.
        bytes: u64,
        /// Caption.
        caption: String,
        /// Struck out; stays readable.
        struck_out: bool,
    }
}

item! {
    /// A customer's confirmation (R86–R90).
    Confirmation {
        /// How.
        method: ConfirmationMethod,
        /// The four answers.
        answers: FourAnswers,
        /// SHA-256 of what the customer was shown.
        shown: ChangeHash,
        /// The sheet it was given on, where there is one.
        sheet: Option<SheetNamed>,
    }
}

/// Which sheet, and its place among the corrections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SheetNamed {
    /// The sheet.
    pub sheet: SheetHash,
    /// In which way it came about.
    pub kind: SheetKind,
    /// Counted from 1 along the corrections.
    pub edition: u32,
    /// The sheet that it corrects, which stays valid for what it was.
    pub corrects: Option<SheetHash>,
}

item! {
    /// A signed sheet's reference (R74); merging never touches it.
    SheetKept {
        /// Which.
        named: SheetNamed,
        /// The hash of what the customer was shown.
        shown: ChangeHash,
        /// SHA-256 of its bytes as they were sealed.
        blob: BlobHash,
        /// How many.
        bytes: u64,
    }
}

item! {
    /// Who confirmed, with the drawn signature.
    Signature {
        /// Name.
        signer: String,
        /// Capacity.
        capacity: Capacity,
        /// SHA-256 of what the customer was shown.
        shown: ChangeHash,
        /// The strokes, without loss.
        ink: Ink,
    }
}

item! {
    /// A follow-up call (R95, R96).
    FollowUpCall {
        /// Satisfied?
        satisfied: bool,
        /// 1 to 10.
        score: u8,
        /// What was said.
        remarks: Option<String>,
    }
}

/// Rival values of one field (Hard), until a person settles them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// The part it lies in.
    pub part: Part,
    /// On what.
    pub on: ConflictOn,
    /// The one that work goes on with stands first.
    pub candidates: Vec<Candidate>,
}

/// One value with who wrote it and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Candidate {
    /// The value.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Scalar))]
    pub value: Value,
    /// Its change, by which a reader finds device and person.
    pub change: ChangeHash,
    /// Who wrote it, in the document's sense.
    pub actor: ActorId,
    /// Claimed time.
    pub at: Timestamp,
}

impl Ticket {
    /// The sheets that no later one corrects: what counts now. Two of a crew may each have had one signed.
    pub fn current_sheets(&self) -> impl Iterator<Item = &SheetKept> {
        self.sheets.iter().filter(|sheet| {
            let mut others = self.sheets.iter();
            !others.any(|other| other.named.corrects == Some(sheet.named.sheet))
        })
    }

    /// A field's text, or nothing.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.fields.get(&field).and_then(Value::as_text)
    }

    /// A field's instant, or nothing.
    pub fn instant(&self, field: Field) -> Option<Timestamp> {
        self.fields.get(&field).and_then(Value::as_instant)
    }

    /// Who leads the crew.
    pub fn lead(&self) -> Option<PersonId> {
        self.text(Field::Lead).and_then(|text| text.parse().ok())
    }

    /// What stands where a number will be: `临` and the last six digits of the id (R30).
    pub fn label(&self) -> String {
        self.number
            .map_or_else(|| provisional_label(self.id), |number| number.to_string())
    }
}

/// The label of a ticket that has no number yet. It says so in Chinese, and search finds it.
pub fn provisional_label(id: TicketId) -> String {
    let text = id.to_string();
    format!("临{}", text[text.len() - 6..].to_uppercase())
}
