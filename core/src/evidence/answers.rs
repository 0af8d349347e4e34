//! What happens when the phone is in the customer's hand: the four answers (R90), who he is (R2), in which way
//! he confirms (R87–R91, X7), or why he does not.
//!
//! Invariant: [`check`] passes nothing that a sheet of its kind does not need or that it may not hold.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::ink::{self, InkFault};
use crate::ids::{BlobHash, PersonId, SheetHash};
use crate::ticket::field::{check_long, check_short};
use crate::ticket::{Capacity, ConfirmationMethod, FourAnswers, Ink};

/// In which way a sheet came about. A kind's code never changes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum SheetKind {
    /// Signed on the device (R87).
    #[n(0)]
    Ink,
    /// Signed or stamped on paper, of which there is a photo (R91, X7).
    #[n(1)]
    Paper,
    /// Confirmed from afar by a reply (R88).
    #[n(2)]
    Reply,
    /// Confirmed at receipt of the returned product (R89).
    #[n(3)]
    Receipt,
    /// The customer was not there. Confirms nothing.
    #[n(4)]
    Absent,
    /// The customer did not sign. Confirms nothing.
    #[n(5)]
    Refused,
}

impl SheetKind {
    /// All, in the order of their codes.
    pub const ALL: [Self; 6] = [
        Self::Ink,
        Self::Paper,
        Self::Reply,
        Self::Receipt,
        Self::Absent,
        Self::Refused,
    ];

    /// Its name in JSON, in the document and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ink => "ink",
            Self::Paper => "paper",
            Self::Reply => "reply",
            Self::Receipt => "receipt",
            Self::Absent => "absent",
            Self::Refused => "refused",
        }
    }

    /// The kind of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How it confirms (R86); nothing where it does not.
    pub const fn method(self) -> Option<ConfirmationMethod> {
        match self {
            Self::Ink | Self::Paper => Some(ConfirmationMethod::Signature),
            Self::Reply => Some(ConfirmationMethod::Reply),
            Self::Receipt => Some(ConfirmationMethod::Receipt),
            Self::Absent | Self::Refused => None,
        }
    }
}

/// How it was made sure who signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum Identified {
    /// The technician knows him.
    Known,
    /// He showed a document.
    Document,
    /// By his own word.
    Stated,
    /// The customer's organisation named him on site.
    Organisation,
}

impl Identified {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Document => "document",
            Self::Stated => "stated",
            Self::Organisation => "organisation",
        }
    }
}

/// Somebody who signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Signer {
    /// Name.
    pub name: String,
    /// In which capacity.
    pub capacity: Capacity,
    /// Title; of an employee.
    pub title: Option<String>,
    /// How it was made sure who he is.
    pub identified: Identified,
    /// His ink; of a sheet that is signed on the device.
    pub ink: Option<Ink>,
}

/// What an attachment is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(rename_all = "snake_case")]
pub enum AttachmentRole {
    /// The signed or stamped paper.
    Paper,
    /// The scene where nobody signed.
    Scene,
    /// The customer's reply.
    Reply,
    /// Repair report and test data.
    Report,
}

impl AttachmentRole {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Scene => "scene",
            Self::Reply => "reply",
            Self::Report => "report",
        }
    }
}

/// An attachment that the sheet is bound to by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Attachment {
    /// What for.
    pub role: AttachmentRole,
    /// SHA-256 of its bytes.
    pub hash: BlobHash,
    /// Such as `image/jpeg`.
    pub media_type: String,
    /// Length.
    pub bytes: u64,
}

/// Where it was signed: one point, no track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Place {
    /// Latitude in ten-millionths of a degree.
    pub latitude_e7: i32,
    /// Longitude, likewise.
    pub longitude_e7: i32,
    /// Accuracy in metres.
    pub accuracy_metres: u32,
}

/// What was done with the frozen sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Signing {
    /// In which way.
    pub kind: SheetKind,
    /// The four answers; of every kind that confirms.
    pub answers: Option<FourAnswers>,
    /// Who signs; one at least where the kind confirms.
    pub signers: Vec<Signer>,
    /// What it is bound to beside the photos of the ticket.
    pub attachments: Vec<Attachment>,
    /// Why nobody signed.
    pub reason: Option<String>,
    /// Employee number of the second technician who saw that nobody signed.
    pub witness: Option<PersonId>,
    /// Where.
    pub place: Option<Place>,
    /// The sheet that this one corrects.
    pub corrects: Option<SheetHash>,
}

/// Why nothing was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The ink is no signature.
    #[error(transparent)]
    Ink(#[from] InkFault),
    /// The four answers are missing, or there where nobody answered.
    #[error("seal sheet: answers missing or out of place")]
    Answers,
    /// Nobody signs, or somebody where nobody may; or too many.
    #[error("seal sheet: signers missing or out of place")]
    Signers,
    /// What the kind rests on is not attached.
    #[error("seal sheet: an attachment is missing")]
    Attachment,
    /// No reason why nobody signed, or one where somebody did.
    #[error("seal sheet: a reason missing or out of place")]
    Reason,
    /// A text that cannot stand there, or a number out of range.
    #[error("seal sheet: a value does not fit")]
    Value,
    /// The organisation's evidence key is none.
    #[error("seal sheet: not an evidence key")]
    EvidenceKey,
    /// More than a sheet holds.
    #[error("seal sheet: too large")]
    TooLarge,
}

impl Unfit {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ink(fault) => fault.code(),
            Self::Answers => "sheet_answers",
            Self::Signers => "sheet_signers",
            Self::Attachment => "sheet_attachment",
            Self::Reason => "sheet_reason",
            Self::Value => "sheet_value",
            Self::EvidenceKey => "sheet_evidence_key",
            Self::TooLarge => "sheet_too_large",
        }
    }
}

/// Whether a sheet can be made of it.
///
/// # Errors
/// [`Unfit`] says what is missing or does not fit.
pub fn check(signing: &Signing) -> Result<(), Unfit> {
    let confirms = signing.kind.method().is_some();
    if signing.answers.is_some() != confirms {
        return Err(Unfit::Answers);
    }
    let signed = !signing.signers.is_empty();
    if signed != confirms || signing.signers.len() > crate::limits::SIGNERS_MAX {
        return Err(Unfit::Signers);
    }
    if signing.reason.is_none() != confirms || (confirms && signing.witness.is_some()) {
        return Err(Unfit::Reason);
    }
    let has = |role| signing.attachments.iter().any(|a| a.role == role);
    let rests = match signing.kind {
        SheetKind::Ink => true,
        SheetKind::Paper => has(AttachmentRole::Paper),
        SheetKind::Reply => has(AttachmentRole::Reply),
        SheetKind::Receipt => has(AttachmentRole::Report),
        SheetKind::Absent | SheetKind::Refused => {
            has(AttachmentRole::Scene) || signing.witness.is_some()
        }
    };
    if !rests || signing.attachments.len() > crate::limits::SHEET_ATTACHMENTS_MAX {
        return Err(Unfit::Attachment);
    }
    for signer in &signing.signers {
        if signer.ink.is_some() != (signing.kind == SheetKind::Ink) {
            return Err(Unfit::Signers);
        }
        if let Some(ink) = &signer.ink {
            ink::check(ink)?;
        }
    }
    let texts = signing
        .signers
        .iter()
        .flat_map(|signer| [Some(&signer.name), signer.title.as_ref()])
        .flatten()
        .chain(signing.attachments.iter().map(|a| &a.media_type));
    let mut texts = texts;
    let mut fits = texts.all(|text| check_short(text).is_ok());
    fits &= signing
        .reason
        .as_deref()
        .is_none_or(|text| check_long(text).is_ok());
    if let Some(answers) = &signing.answers {
        fits &= (1..=10).contains(&answers.professionalism);
        // What a customer has to say may be longer than a remark of our own.
        fits &= answers.comments.as_deref().is_none_or(fits_remarks);
    }
    if fits { Ok(()) } else { Err(Unfit::Value) }
}

/// Whether it can be the customer's remarks.
pub fn fits_remarks(text: &str) -> bool {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    !text.trim().is_empty()
        && text.chars().count() <= crate::limits::SHEET_REMARKS_CHARS_MAX
        && !text.chars().any(control)
}
