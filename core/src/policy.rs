//! Who may do what: one table, asked by the phone (advice) and the gate (law).
//!
//! Invariant: rights hang on roles and on the relation to the ticket, never on department names (X4).
//! The whole table is one reviewed snapshot in the tests.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::document::Facts;
use crate::ids::{ActorId, DeviceId, Part, PersonId};
use crate::ticket::command::{Action, Command, ConflictOn};
use crate::ticket::{Field, Status, lifecycle};

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
}

impl Role {
    /// All, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::IntakeClerk,
        Self::Dispatcher,
        Self::Supervisor,
        Self::Technician,
        Self::FollowUpClerk,
        Self::Administrator,
        Self::Auditor,
    ];

    /// Sits in the office: reads every part of every ticket.
    pub const fn is_office(self) -> bool {
        !matches!(self, Self::Technician)
    }
}

/// An authenticated person on an enrolled device, with the roles of one catalogue version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub person: PersonId,
    /// On what.
    pub device: DeviceId,
    /// What they may do.
    pub roles: Vec<Role>,
}

/// What a person has to do with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relation {
    /// In the crew.
    pub crew: bool,
    /// Opened it.
    pub opened: bool,
}

impl Relation {
    /// The relation of `person`, who writes as one of `actors`, to a ticket.
    pub fn of(
        person: &PersonId,
        wrote_as: impl Fn(ActorId) -> bool,
        facts: Option<&Facts>,
    ) -> Self {
        Self {
            crew: facts.is_some_and(|f| f.crew.contains(person)),
            opened: facts.is_some_and(|f| f.opened_by.is_some_and(wrote_as)),
        }
    }
}

/// On which tickets a role may use a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// None.
    No,
    /// Tickets whose crew he is in.
    Own,
    /// Tickets whose crew he is in, and those that he opened while nobody is assigned.
    OwnOrOpened,
    /// All.
    All,
}

/// The table.
pub const fn grant(role: Role, action: Action) -> Grant {
    use Action as A;
    match role {
        Role::IntakeClerk => match action {
            A::Open
            | A::RecordCustomer
            | A::Grade
            | A::WriteNote
            | A::Correct
            | A::EditProblem
            | A::AttachPhoto
            | A::SettleConflict => Grant::All,
            _ => Grant::No,
        },
        // The office decides about a ticket; what happens at the customer's is the crew's to say.
        Role::Dispatcher | Role::Supervisor => match action {
            A::Accept | A::Decline | A::Depart | A::Arrive | A::RecordSignature => Grant::No,
            A::Complete | A::Confirm => {
                if matches!(role, Role::Supervisor) {
                    Grant::All
                } else {
                    Grant::No
                }
            }
            _ => Grant::All,
        },
        Role::Technician => match action {
            A::Open => Grant::All,
            A::RecordCustomer | A::WriteNote | A::AttachPhoto | A::EditProblem | A::Correct => {
                Grant::OwnOrOpened
            }
            A::Accept
            | A::Decline
            | A::Appoint
            | A::Depart
            | A::Arrive
            | A::CountVisit
            | A::Suspend
            | A::Resume
            | A::AnswerChecklist
            | A::RecordStep
            | A::Diagnose
            | A::UsePart
            | A::Quote
            | A::RecordConsent
            | A::Complete
            | A::Confirm
            | A::RecordSignature
            | A::SettleConflict
            | A::StrikeOut => Grant::Own,
            A::Grade
            | A::Assign
            | A::Cancel
            | A::Reopen
            | A::FollowUp
            | A::Close
            | A::SettleStatus => Grant::No,
        },
        Role::FollowUpClerk => match action {
            A::FollowUp | A::Close | A::Reopen | A::WriteNote => Grant::All,
            _ => Grant::No,
        },
        Role::Administrator | Role::Auditor => Grant::No,
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

/// Whether a person of these roles may mean `command` on a ticket they have this relation to.
pub fn authorize(roles: &[Role], relation: Relation, command: &Command) -> Result<(), Denied> {
    let action = command.action();
    let office = roles.iter().any(|role| role.is_office());
    if command.part() == Part::Office && !office {
        return Err(Denied::OtherPart);
    }
    // What the office alone may decide, it alone may settle.
    if let Command::SettleConflict { on, .. } = command
        && matches!(
            on,
            ConflictOn::Crew { .. }
                | ConflictOn::Field {
                    field: Field::Lead | Field::Group | Field::Grade | Field::GradeReasons
                }
        )
        && !office
    {
        return Err(Denied::NoRole);
    }
    let granted = |grant| match grant {
        Grant::No => false,
        Grant::Own => relation.crew,
        Grant::OwnOrOpened => relation.crew || relation.opened,
        Grant::All => true,
    };
    if roles.iter().any(|role| granted(grant(*role, action))) {
        Ok(())
    } else if roles.iter().any(|role| grant(*role, action) != Grant::No) {
        Err(Denied::NotOwn)
    } else {
        Err(Denied::NoRole)
    }
}

/// Whether a person may read a part of a ticket: what their phone may hold.
pub fn may_read(roles: &[Role], relation: Relation, part: Part) -> bool {
    if roles.iter().any(|role| role.is_office()) {
        return true;
    }
    part != Part::Office && roles.contains(&Role::Technician) && (relation.crew || relation.opened)
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
    )
}

/// The reviewed snapshot: for every role and command, on which tickets and in which statuses.
pub fn table() -> String {
    let mut out = String::from("role            command           tickets         statuses\n");
    for role in Role::ALL {
        for action in Action::ALL {
            let tickets = match grant(role, action) {
                Grant::No => continue,
                Grant::Own => "own",
                Grant::OwnOrOpened => "own or opened",
                Grant::All => "all",
            };
            let lawful: Vec<&str> = std::iter::once(None)
                .chain(Status::ALL.into_iter().map(Some))
                .filter(|status| lifecycle::is_lawful(action, *status))
                .map(|status| status.map_or("(new)", Status::name))
                .collect();
            let (role, action) = (format!("{role:?}"), format!("{action:?}"));
            out.push_str(&format!(
                "{role:<15} {action:<17} {tickets:<15} {}\n",
                lawful.join(" ")
            ));
        }
    }
    out
}
