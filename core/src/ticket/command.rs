//! What a person can mean to do. Invariant: a variant's code and meaning never change; a new meaning
//! is a new variant, because every replica must execute a command alike for ever.
//!
//! Codes are the wire's (`core/docs/sync-protocol.md`); names in JSON are the variants in snake case.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::field::{Field, Value};
use crate::clock::Timestamp;
use crate::evidence::SheetKind;
use crate::ids::{BlobHash, ChangeHash, CommandId, ItemKey, Part, PersonId, SheetHash};

/// A field and the value to write there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldValue {
    /// Where.
    #[n(0)]
    pub field: Field,
    /// What.
    #[n(1)]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Scalar))]
    pub value: Value,
}

/// Replaces `delete` characters (code points) from `at` by `insert`; splices apply one after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Splice {
    /// First character, counted from 0.
    #[n(0)]
    pub at: u32,
    /// Characters to take away.
    #[n(1)]
    pub delete: u32,
    /// Text to put there.
    #[n(2)]
    pub insert: String,
}

/// One checklist item's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChecklistEntry {
    /// Code of the item in the catalogue (R68–R73, R79–R81).
    #[n(0)]
    pub item: String,
    /// The answer.
    #[n(1)]
    pub answer: Answer,
}

/// An answer to a checklist item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Answer {
    /// Done as the procedure says.
    #[n(0)]
    Done,
    /// Does not apply here.
    #[n(1)]
    NotApplicable,
    /// Left out, for this reason.
    #[n(2)]
    Skipped {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// A reading or an observation.
    #[n(3)]
    Reading {
        /// What was read.
        #[n(0)]
        text: String,
    },
}

/// What the work waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum WaitingFor {
    /// Spare parts (R60, R67).
    #[n(0)]
    Parts,
    /// The customer.
    #[n(1)]
    Customer,
    /// The leader's decision: it cannot be solved now (R82).
    #[n(2)]
    Leader,
}

/// In which capacity somebody consents or signs (R2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Capacity {
    /// The customer.
    #[n(0)]
    Customer,
    /// An authorised representative.
    #[n(1)]
    Representative,
    /// An employee of the customer.
    #[n(2)]
    Employee,
}

impl Capacity {
    /// Its name in the document and on sheets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Representative => "representative",
            Self::Employee => "employee",
        }
    }
}

/// How the customer confirmed (R87–R89, X7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum ConfirmationMethod {
    /// Drawn signature on the device.
    #[n(0)]
    Signature,
    /// Reply by mail or on the page sent.
    #[n(1)]
    Reply,
    /// Receipt of the returned product.
    #[n(2)]
    Receipt,
}

/// The four answers of R90.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FourAnswers {
    /// Solved for good?
    #[n(0)]
    pub solved: bool,
    /// Satisfied with the service?
    #[n(1)]
    pub satisfied: bool,
    /// The technician's professionalism, 1 to 10.
    #[n(2)]
    pub professionalism: u8,
    /// Comments, where there are any.
    #[n(3)]
    pub comments: Option<String>,
}

/// A point of a drawn signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InkPoint {
    /// Hundredths of a CSS pixel from the left.
    #[n(0)]
    pub x: i32,
    /// Hundredths of a CSS pixel from the top.
    #[n(1)]
    pub y: i32,
    /// Milliseconds since the first point.
    #[n(2)]
    pub millis: u32,
    /// Pressure in thousandths, where the device has it.
    #[n(3)]
    pub pressure: Option<u16>,
}

/// A drawn signature: strokes of points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ink {
    /// Width of the canvas in hundredths of a CSS pixel.
    #[n(0)]
    pub width: u32,
    /// Height of the canvas, likewise.
    #[n(1)]
    pub height: u32,
    /// Strokes in the order they were drawn.
    #[n(2)]
    pub strokes: Vec<Vec<InkPoint>>,
}

/// What a conflict is on, and what [`Command::SettleConflict`] settles.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum ConflictOn {
    /// A field's value.
    #[n(0)]
    Field {
        /// Which.
        #[n(0)]
        field: Field,
    },
    /// A checklist item's answer, coded as [`Answer::code`].
    #[n(1)]
    Checklist {
        /// Code of the item.
        #[n(0)]
        item: String,
    },
    /// Whether a person is in the crew: 1 or 0.
    #[n(2)]
    Crew {
        /// Who.
        #[n(0)]
        person: PersonId,
    },
    /// The customer's consent to a quote: `agreed` or `declined`.
    #[n(3)]
    Consent {
        /// The quote.
        #[n(0)]
        quote: ItemKey,
    },
    /// The status: settled by [`Command::SettleStatus`].
    #[n(4)]
    Status,
}

/// An intent. Each belongs to one part ([`Command::part`]), needs one right ([`Command::action`]) and
/// a lawful status (`lifecycle`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(flat)]
pub enum Command {
    /// Takes a request in (R15, R19–R27); first command of every ticket.
    #[n(0)]
    Open {
        /// Facts of the `service` part.
        #[n(0)]
        fields: Vec<FieldValue>,
        /// Concrete manifestation of the problem (R24).
        #[n(1)]
        problem: String,
    },
    /// The customer's side of an opening (R21), in the `customer` part.
    #[n(1)]
    RecordCustomer {
        /// Facts of the `customer` part.
        #[n(0)]
        fields: Vec<FieldValue>,
    },
    /// Grades or re-grades (R31–R34).
    #[n(2)]
    Grade {
        /// `A`, `B` or `C`.
        #[n(0)]
        grade: String,
        /// Why; at least one.
        #[n(1)]
        reasons: Vec<String>,
    },
    /// Names the crew and its lead (R12, R36); replaces an earlier crew.
    #[n(3)]
    Assign {
        /// Everybody, the lead among them.
        #[n(0)]
        crew: Vec<PersonId>,
        /// Who leads.
        #[n(1)]
        lead: PersonId,
        /// Code of the service group, where one was chosen (R43).
        #[n(2)]
        group: Option<String>,
    },
    /// The crew takes the ticket.
    #[n(4)]
    Accept,
    /// The crew hands it back.
    #[n(5)]
    Decline {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// Agrees a visit with the customer, to the hour (R62).
    #[n(6)]
    Appoint {
        /// Start.
        #[n(0)]
        from: Timestamp,
        /// End, after the start.
        #[n(1)]
        until: Timestamp,
    },
    /// Leaves for the customer.
    #[n(7)]
    Depart,
    /// Has arrived; counts a visit (R37).
    #[n(8)]
    Arrive,
    /// Counts a trip that met nobody.
    #[n(9)]
    CountVisit,
    /// The work waits.
    #[n(10)]
    Suspend {
        /// For what.
        #[n(0)]
        waiting_for: WaitingFor,
        /// Why.
        #[n(1)]
        reason: String,
    },
    /// The work goes on.
    #[n(11)]
    Resume,
    /// Answers checklist items (R68–R73, R79–R81).
    #[n(12)]
    AnswerChecklist {
        /// At least one.
        #[n(0)]
        answers: Vec<ChecklistEntry>,
    },
    /// Records a step of the diagnosis (R51–R56).
    #[n(13)]
    RecordStep {
        /// What was done.
        #[n(0)]
        operation: String,
        /// What came out.
        #[n(1)]
        result: String,
    },
    /// Concludes the diagnosis (R57, R58).
    #[n(14)]
    Diagnose {
        /// Root cause.
        #[n(0)]
        cause: String,
        /// Route of the solution.
        #[n(1)]
        route: String,
        /// In words.
        #[n(2)]
        conclusion: String,
    },
    /// Writes a note for the audience of `part`.
    #[n(15)]
    WriteNote {
        /// Audience.
        #[n(0)]
        part: Part,
        /// Text.
        #[n(1)]
        text: String,
    },
    /// Takes a part from stock (R60).
    #[n(16)]
    UsePart {
        /// Part number.
        #[n(0)]
        part_number: String,
        /// Name.
        #[n(1)]
        name: String,
        /// Pieces, from 1.
        #[n(2)]
        quantity: u32,
    },
    /// Explains solution and possible cost before work (R71).
    #[n(17)]
    Quote {
        /// In fen.
        #[n(0)]
        amount_fen: i64,
        /// What for.
        #[n(1)]
        explanation: String,
    },
    /// The customer's word on a quote (R71).
    #[n(18)]
    RecordConsent {
        /// Which quote.
        #[n(0)]
        quote: ItemKey,
        /// Agreed, or declined.
        #[n(1)]
        agreed: bool,
        /// Who spoke.
        #[n(2)]
        by: Capacity,
    },
    /// Refers to a photo (R82); its bytes travel on their own lane.
    #[n(19)]
    AttachPhoto {
        /// SHA-256 of the bytes.
        #[n(0)]
        blob: BlobHash,
        /// Media type, such as `image/jpeg`.
        #[n(1)]
        media_type: String,
        /// Length in bytes.
        #[n(2)]
        bytes: u64,
        /// Caption.
        #[n(3)]
        caption: String,
    },
    /// The work is done.
    #[n(20)]
    Complete {
        /// What was done, as the customer is told.
        #[n(0)]
        summary: String,
    },
    /// The customer confirms (R86–R90).
    #[n(21)]
    Confirm {
        /// How.
        #[n(0)]
        method: ConfirmationMethod,
        /// The four answers.
        #[n(1)]
        answers: FourAnswers,
        /// SHA-256 of what the customer was shown.
        #[n(2)]
        shown: ChangeHash,
    },
    /// The customer's name and drawn signature of a confirmation, in the `customer` part.
    #[n(22)]
    RecordSignature {
        /// Who signs.
        #[n(0)]
        signer: String,
        /// In which capacity.
        #[n(1)]
        capacity: Capacity,
        /// SHA-256 of what the customer was shown: the same as in the confirmation.
        #[n(2)]
        shown: ChangeHash,
        /// The strokes.
        #[n(3)]
        ink: Ink,
    },
    /// Calls the ticket off.
    #[n(23)]
    Cancel {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// Takes up a ticket that was completed, closed or cancelled.
    #[n(24)]
    Reopen {
        /// Why.
        #[n(0)]
        reason: String,
    },
    /// Records a follow-up call (R95, R96).
    #[n(25)]
    FollowUp {
        /// Satisfied?
        #[n(0)]
        satisfied: bool,
        /// 1 to 10 (R100).
        #[n(1)]
        score: u8,
        /// What was said.
        #[n(2)]
        remarks: Option<String>,
    },
    /// Closes; never without a confirmation (R86).
    #[n(26)]
    Close,
    /// Corrects a typed value.
    #[n(27)]
    Correct {
        /// Where.
        #[n(0)]
        field: Field,
        /// The right value.
        #[n(1)]
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Scalar))]
        value: Value,
    },
    /// Edits the problem text by explicit splices.
    #[n(28)]
    EditProblem {
        /// In order.
        #[n(0)]
        splices: Vec<Splice>,
    },
    /// Settles a conflict by a value: a candidate's, or a third.
    #[n(29)]
    SettleConflict {
        /// On what.
        #[n(0)]
        on: ConflictOn,
        /// The value from now on.
        #[n(1)]
        #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Scalar))]
        value: Value,
    },
    /// Settles a clash of events.
    #[n(30)]
    SettleStatus {
        /// The status from now on.
        #[n(0)]
        status: super::status::Status,
    },
    /// Strikes an item out; it stays readable.
    #[n(31)]
    StrikeOut {
        /// Collection.
        #[n(0)]
        collection: Collection,
        /// Item.
        #[n(1)]
        item: ItemKey,
    },
    /// The customer confirms on a sheet (R86–R91, X7); the sheet itself is kept by [`Command::KeepSheet`].
    #[n(32)]
    ConfirmOnSheet {
        /// In which way; one that confirms.
        #[n(0)]
        kind: SheetKind,
        /// The four answers.
        #[n(1)]
        answers: FourAnswers,
        /// The hash of what the customer was shown.
        #[n(2)]
        shown: ChangeHash,
        /// The sheet.
        #[n(3)]
        sheet: SheetHash,
        /// Counted from 1 along the corrections.
        #[n(4)]
        edition: u32,
        /// The sheet that this one corrects.
        #[n(5)]
        corrects: Option<SheetHash>,
    },
    /// Refers to a sealed sheet, in the `customer` part; its bytes travel as an attachment. Stands whatever
    /// becomes of the commands beneath it.
    #[n(33)]
    KeepSheet {
        /// The sheet.
        #[n(0)]
        sheet: SheetHash,
        /// In which way it came about.
        #[n(1)]
        kind: SheetKind,
        /// Counted from 1 along the corrections.
        #[n(2)]
        edition: u32,
        /// The hash of what the customer was shown.
        #[n(3)]
        shown: ChangeHash,
        /// SHA-256 of its bytes as they were sealed.
        #[n(4)]
        blob: BlobHash,
        /// How many.
        #[n(5)]
        bytes: u64,
        /// The sheet that this one corrects.
        #[n(6)]
        corrects: Option<SheetHash>,
    },
}

/// Collections whose items can be struck out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Collection {
    /// Notes of the `service` part.
    #[n(0)]
    Notes,
    /// Parts used.
    #[n(1)]
    PartsUsed,
    /// Photos.
    #[n(2)]
    Photos,
}

/// A command with what the author's replica adds: its name for ever and the claimed time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authored {
    /// Given once, kept through re-authoring. Unique within the part.
    pub id: CommandId,
    /// Claimed time.
    pub at: Timestamp,
    /// The intent.
    pub command: Command,
}

impl Authored {
    /// Key of the item that this command makes, if it makes one.
    pub fn item(&self) -> ItemKey {
        ItemKey::new(self.id.actor, self.id.ordinal)
    }
}

/// An intent over one ticket: one command, or one a part (opening, confirming with a signature).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Act(pub Vec<Command>);

impl From<Command> for Act {
    fn from(command: Command) -> Self {
        Self(vec![command])
    }
}

/// The verb that a right is given on. One a command, so that the table of rights reads like the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the command of the same name")]
pub enum Action {
    Open,
    RecordCustomer,
    Grade,
    Assign,
    Accept,
    Decline,
    Appoint,
    Depart,
    Arrive,
    CountVisit,
    Suspend,
    Resume,
    AnswerChecklist,
    RecordStep,
    Diagnose,
    WriteNote,
    UsePart,
    Quote,
    RecordConsent,
    AttachPhoto,
    Complete,
    Confirm,
    RecordSignature,
    Cancel,
    Reopen,
    FollowUp,
    Close,
    Correct,
    EditProblem,
    SettleConflict,
    SettleStatus,
    StrikeOut,
    ConfirmOnSheet,
    KeepSheet,
}

impl<C> Encode<C> for Action {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(*self as u8)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Action {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let code = d.u8()?;
        let known = Self::ALL.get(usize::from(code)).copied();
        known.ok_or_else(|| minicbor::decode::Error::unknown_variant(i64::from(code)))
    }
}

impl Action {
    /// All verbs, in the order of the commands' codes.
    pub const ALL: [Self; 34] = [
        Self::Open,
        Self::RecordCustomer,
        Self::Grade,
        Self::Assign,
        Self::Accept,
        Self::Decline,
        Self::Appoint,
        Self::Depart,
        Self::Arrive,
        Self::CountVisit,
        Self::Suspend,
        Self::Resume,
        Self::AnswerChecklist,
        Self::RecordStep,
        Self::Diagnose,
        Self::WriteNote,
        Self::UsePart,
        Self::Quote,
        Self::RecordConsent,
        Self::AttachPhoto,
        Self::Complete,
        Self::Confirm,
        Self::RecordSignature,
        Self::Cancel,
        Self::Reopen,
        Self::FollowUp,
        Self::Close,
        Self::Correct,
        Self::EditProblem,
        Self::SettleConflict,
        Self::SettleStatus,
        Self::StrikeOut,
        Self::ConfirmOnSheet,
        Self::KeepSheet,
    ];
}

impl Command {
    /// The verb it needs a right on.
    pub fn action(&self) -> Action {
        match self {
            Self::Open { .. } => Action::Open,
            Self::RecordCustomer { .. } => Action::RecordCustomer,
            Self::Grade { .. } => Action::Grade,
            Self::Assign { .. } => Action::Assign,
            Self::Accept => Action::Accept,
            Self::Decline { .. } => Action::Decline,
            Self::Appoint { .. } => Action::Appoint,
            Self::Depart => Action::Depart,
            Self::Arrive => Action::Arrive,
            Self::CountVisit => Action::CountVisit,
            Self::Suspend { .. } => Action::Suspend,
            Self::Resume => Action::Resume,
            Self::AnswerChecklist { .. } => Action::AnswerChecklist,
            Self::RecordStep { .. } => Action::RecordStep,
            Self::Diagnose { .. } => Action::Diagnose,
            Self::WriteNote { .. } => Action::WriteNote,
            Self::UsePart { .. } => Action::UsePart,
            Self::Quote { .. } => Action::Quote,
            Self::RecordConsent { .. } => Action::RecordConsent,
            Self::AttachPhoto { .. } => Action::AttachPhoto,
            Self::Complete { .. } => Action::Complete,
            Self::Confirm { .. } => Action::Confirm,
            Self::RecordSignature { .. } => Action::RecordSignature,
            Self::Cancel { .. } => Action::Cancel,
            Self::Reopen { .. } => Action::Reopen,
            Self::FollowUp { .. } => Action::FollowUp,
            Self::Close => Action::Close,
            Self::Correct { .. } => Action::Correct,
            Self::EditProblem { .. } => Action::EditProblem,
            Self::SettleConflict { .. } => Action::SettleConflict,
            Self::SettleStatus { .. } => Action::SettleStatus,
            Self::StrikeOut { .. } => Action::StrikeOut,
            Self::ConfirmOnSheet { .. } => Action::ConfirmOnSheet,
            Self::KeepSheet { .. } => Action::KeepSheet,
        }
    }

    /// The part whose document it writes.
    pub fn part(&self) -> Part {
        match self {
            Self::RecordCustomer { .. } | Self::RecordSignature { .. } | Self::KeepSheet { .. } => {
                Part::Customer
            }
            Self::WriteNote { part, .. } => *part,
            Self::Correct { field, .. }
            | Self::SettleConflict {
                on: ConflictOn::Field { field },
                ..
            } => field.part(),
            _ => Part::Service,
        }
    }
}

impl Answer {
    /// The scalar that stands in the document: `done`, `n/a`, `skipped:…` or `reading:…`.
    pub fn code(&self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::NotApplicable => "n/a".to_owned(),
            Self::Skipped { reason } => format!("skipped:{reason}"),
            Self::Reading { text } => format!("reading:{text}"),
        }
    }

    /// The answer of a scalar.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "done" => Some(Self::Done),
            "n/a" => Some(Self::NotApplicable),
            _ => match code.split_once(':')? {
                ("skipped", reason) => Some(Self::Skipped {
                    reason: reason.to_owned(),
                }),
                ("reading", text) => Some(Self::Reading {
                    text: text.to_owned(),
                }),
                _ => None,
            },
        }
    }
}
