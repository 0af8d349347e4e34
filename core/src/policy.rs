//! Who may do what: one table, asked by the phone (advice), by the gate (law), and for what may be read.
//!
//! ```text
//! role → capabilities, each on some relations to the ticket → verbs → the command, where its status allows it
//! role → parts read, on some relations to the ticket
//! ```
//! Invariant: rights hang on capabilities and on the relation to the ticket, never on department names (X4).
//! The whole table is one reviewed snapshot in the tests.

mod capability;
mod standing;
mod table;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

pub use capability::Capability;
pub use standing::{Relation, Standing, is_pooled, serves};
pub use table::{holdings, readings};

use crate::ids::Part;
use crate::ticket::command::{Action, Command};

/// A role (R5–R11); a person may have several.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Role {
    /// Takes requests in (初始受理人员).
    #[n(0)]
    IntakeClerk,
    /// Assigns and merges (派单员).
    #[n(1)]
    Dispatcher,
    /// Service supervisor (服务主管).
    #[n(2)]
    Supervisor,
    /// Works in the field (技术员).
    #[n(3)]
    Technician,
    /// Calls customers after the service (回访员).
    #[n(4)]
    FollowUpClerk,
    /// Configures; no rights on tickets beyond reading.
    #[n(5)]
    Administrator,
    /// Reads everything, writes nothing.
    #[n(6)]
    Auditor,
    /// A technician who may change the crew that he leads (高级技师, R5, R42).
    #[n(7)]
    LeadTechnician,
    /// Supervises, guides and follows up (质量管理员, R7).
    #[n(8)]
    Quality,
    /// Works for a branch: passes requests on, sends its people (分公司人员, R8, R9).
    #[n(9)]
    Branch,
    /// Manages a third-party partner's people (合作商负责人, R49).
    #[n(10)]
    PartnerManager,
    /// Works in the field for a partner (合作商技术员, R49).
    #[n(11)]
    PartnerTechnician,
}

impl Role {
    /// All, in the order of their codes.
    pub const ALL: [Self; 12] = [
        Self::IntakeClerk,
        Self::Dispatcher,
        Self::Supervisor,
        Self::Technician,
        Self::FollowUpClerk,
        Self::Administrator,
        Self::Auditor,
        Self::LeadTechnician,
        Self::Quality,
        Self::Branch,
        Self::PartnerManager,
        Self::PartnerTechnician,
    ];

    /// Works at the console; what is read there is the table's to say.
    pub const fn is_office(self) -> bool {
        !self.is_field()
    }

    /// Works at the customer's, on a phone.
    pub const fn is_field(self) -> bool {
        matches!(
            self,
            Self::Technician | Self::LeadTechnician | Self::PartnerTechnician
        )
    }
}

/// Why a person may not.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Denied {
    /// No role of theirs has the right on any ticket.
    #[error("authorize: no role has this right")]
    #[n(0)]
    NoRole,
    /// A role has it, on other tickets.
    #[error("authorize: not this person's ticket")]
    #[n(1)]
    NotOwn,
    /// The part is not theirs to read, so not theirs to write.
    #[error("authorize: a part that is not theirs")]
    #[n(2)]
    OtherPart,
}

/// Whether one of the roles holds a capability, on whatever ticket.
pub fn holds(roles: &[Role], capability: Capability) -> bool {
    roles
        .iter()
        .flat_map(|role| holdings(*role))
        .any(|(held, _)| *held == capability)
}

/// Whether one of the roles has a verb on a ticket of this relation. Advice: [`authorize`] looks at the whole
/// command.
pub fn may(roles: &[Role], relation: Relation, action: Action) -> bool {
    roles
        .iter()
        .flat_map(|role| holdings(*role))
        .any(|(held, on)| on.meets(relation) && held.actions().contains(&action))
}

/// Whether a person may mean `command` on a ticket they have this relation to. What may not be read may not be
/// written.
pub fn authorize(standing: &Standing, relation: Relation, command: &Command) -> Result<(), Denied> {
    let permitted = |relation: Relation| {
        standing
            .roles
            .iter()
            .flat_map(|role| holdings(*role))
            .any(|(held, on)| on.meets(relation) && held.permits(standing, command))
    };
    let read = |relation| may_read(&standing.roles, relation, command.part());
    if !permitted(Relation::EVERY) {
        Err(Denied::NoRole)
    } else if !read(Relation::EVERY) {
        Err(Denied::OtherPart)
    } else if permitted(relation) && read(relation) {
        Ok(())
    } else {
        Err(Denied::NotOwn)
    }
}

/// Whether people of these roles may read a part of a ticket that they have this relation to.
pub fn may_read(roles: &[Role], relation: Relation, part: Part) -> bool {
    roles
        .iter()
        .flat_map(|role| readings(*role))
        .any(|(on, parts)| on.meets(relation) && parts.contains(&part))
}

/// Whether a device of such a person may hold a part: what the person reads for the sake of that ticket, not
/// all that the office reads at the console. The `office` part stays there.
pub fn may_hold(roles: &[Role], relation: Relation, part: Part) -> bool {
    let own = relation.without(Relation::OTHER);
    let at_work = relation.meets(Relation::CREW.or(Relation::OPENED));
    part != Part::Office
        && (may_read(roles, own, part) || (at_work && may_read(roles, relation, part)))
}

/// Whether a command only adds to a ticket (notes, photos, parts, what happened on the visit), so that
/// it is welcome even from somebody who was reassigned meanwhile; what decides the ticket's state waits.
pub const fn only_adds(action: Action) -> bool {
    use Action as A;
    matches!(
        action,
        A::WriteNote
            | A::AttachPhoto
            | A::UsePart
            | A::RecordStep
            | A::AnswerChecklist
            | A::CountVisit
            | A::Depart
            | A::Arrive
            | A::Quote
            | A::RecordConsent
            | A::RecordSignature
            | A::KeepSheet
    )
}
