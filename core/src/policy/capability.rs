//! What stands between roles and commands: a capability is a bundle of verbs that an organisation hands out
//! together, and a limit on what may be said with them.
//!
//! Invariant: rights hang on capabilities, never on the name of a department (X4).

use serde::{Deserialize, Serialize};

use super::Standing;
use crate::ticket::Field;
use crate::ticket::command::{Action, Command, ConflictOn};

/// A bundle of verbs (X4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Takes requests in (R15–R27).
    TakeIn,
    /// Grades and grades anew (R31–R34).
    Grade,
    /// Writes notes.
    Note,
    /// Corrects facts and the description of the problem.
    Describe,
    /// Attaches photos.
    Photograph,
    /// Names any crew (R36, R42–R44).
    Assign,
    /// Names a crew of the people of one's own partner or branch (R9, R49).
    AssignOwnPeople,
    /// Names a crew of the people of one's own group that one stays in oneself (R12).
    RearrangeCrew,
    /// Takes a ticket of the pool on oneself (R44).
    PickFromPool,
    /// Takes an assigned ticket, or hands it back.
    Answer,
    /// Agrees visits, counts them, lets the work wait and go on (R62).
    Schedule,
    /// Goes to the customer and arrives (R37).
    Travel,
    /// Checks and diagnoses (R50–R58, R68–R73).
    Diagnose,
    /// Uses parts, quotes and records consent (R60, R71).
    Supply,
    /// Completes the work and records that the customer confirmed it (R86–R90).
    Complete,
    /// Records the customer's signature.
    Sign,
    /// Cancels.
    Cancel,
    /// Follows up, closes and reopens (R95, R96).
    FollowUp,
    /// Settles rival values, but of what the office decides.
    SettleFacts,
    /// Settles rival values of anything.
    SettleConflicts,
    /// Settles the status.
    SettleStatus,
    /// Strikes items out.
    StrikeOut,
    /// Decides what waits in quarantine. No command: the console asks, here and below.
    Decide,
    /// Reads who did, read and exported what. No command: the console asks.
    Audit,
    /// Takes whole tickets away as files. No command.
    Export,
    /// Sees who has which device, when it was last heard of, and what it has not sent.
    SeeDevices,
    /// Lets devices in and shuts them out.
    KeepDevices,
    /// Keeps accounts: who there is, with which roles, and how they get back in.
    KeepAccounts,
}

impl Capability {
    /// All.
    pub const ALL: [Self; 28] = [
        Self::TakeIn,
        Self::Grade,
        Self::Note,
        Self::Describe,
        Self::Photograph,
        Self::Assign,
        Self::AssignOwnPeople,
        Self::RearrangeCrew,
        Self::PickFromPool,
        Self::Answer,
        Self::Schedule,
        Self::Travel,
        Self::Diagnose,
        Self::Supply,
        Self::Complete,
        Self::Sign,
        Self::Cancel,
        Self::FollowUp,
        Self::SettleFacts,
        Self::SettleConflicts,
        Self::SettleStatus,
        Self::StrikeOut,
        Self::Decide,
        Self::Audit,
        Self::Export,
        Self::SeeDevices,
        Self::KeepDevices,
        Self::KeepAccounts,
    ];

    /// Its verbs.
    pub const fn actions(self) -> &'static [Action] {
        use Action as A;
        match self {
            Self::TakeIn => &[A::Open, A::RecordCustomer],
            Self::Grade => &[A::Grade],
            Self::Note => &[A::WriteNote],
            Self::Describe => &[A::Correct, A::EditProblem],
            Self::Photograph => &[A::AttachPhoto],
            Self::Assign | Self::AssignOwnPeople | Self::RearrangeCrew | Self::PickFromPool => {
                &[A::Assign]
            }
            Self::Answer => &[A::Accept, A::Decline],
            Self::Schedule => &[A::Appoint, A::CountVisit, A::Suspend, A::Resume],
            Self::Travel => &[A::Depart, A::Arrive],
            Self::Diagnose => &[A::AnswerChecklist, A::RecordStep, A::Diagnose],
            Self::Supply => &[A::UsePart, A::Quote, A::RecordConsent],
            Self::Complete => &[A::Complete, A::Confirm, A::ConfirmOnSheet, A::KeepSheet],
            Self::Sign => &[A::RecordSignature, A::KeepSheet],
            Self::Cancel => &[A::Cancel],
            Self::FollowUp => &[A::FollowUp, A::Close, A::Reopen],
            Self::SettleFacts | Self::SettleConflicts => &[A::SettleConflict],
            Self::SettleStatus => &[A::SettleStatus],
            Self::StrikeOut => &[A::StrikeOut],
            Self::Decide
            | Self::Audit
            | Self::Export
            | Self::SeeDevices
            | Self::KeepDevices
            | Self::KeepAccounts => &[],
        }
    }

    /// Whether this very command may be said with it by this person, wherever it is held.
    pub(super) fn permits(self, standing: &Standing, command: &Command) -> bool {
        if !self.actions().contains(&command.action()) {
            return false;
        }
        match (self, command) {
            (Self::PickFromPool, Command::Assign { crew, lead, .. }) => {
                *crew == [standing.person.clone()] && *lead == standing.person
            }
            (Self::RearrangeCrew, Command::Assign { crew, .. }) => {
                crew.contains(&standing.person)
                    && crew.iter().all(|p| standing.group_people.contains(p))
            }
            (Self::AssignOwnPeople, Command::Assign { crew, .. }) => crew
                .iter()
                .all(|person| standing.unit_people.contains(person)),
            // What the office alone may decide, it alone may settle.
            (Self::SettleFacts, Command::SettleConflict { on, .. }) => !matches!(
                on,
                ConflictOn::Crew { .. }
                    | ConflictOn::Field {
                        field: Field::Lead | Field::Group | Field::Grade | Field::GradeReasons
                    }
            ),
            _ => true,
        }
    }
}
