//! The table: which role holds which capability on which tickets, and what it reads there.
//!
//! Invariant: this is all there is; nobody else decides by a role's name. The reviewed reading of it is
//! `tests/snapshots/policy.txt`.

use super::capability::Capability as C;
use super::{Relation, Role};
use crate::ids::Part;

const ANY: Relation = Relation::OTHER;
const CREW: Relation = Relation::CREW;
const CREW_OR_OPENED: Relation = Relation::CREW.or(Relation::OPENED);
const UNIT: Relation = Relation::UNIT;
const UNIT_OR_OPENED: Relation = Relation::UNIT.or(Relation::OPENED);

const EVERYTHING: &[(Relation, &[Part])] = &[(ANY, &Part::ALL)];
const JOB: &[Part] = &[Part::Service, Part::Customer];

/// What a role may do: capabilities, and the relations to a ticket of which one is needed to use each there.
pub const fn holdings(role: Role) -> &'static [(C, Relation)] {
    match role {
        Role::IntakeClerk => &[
            (C::TakeIn, ANY),
            (C::Grade, ANY),
            (C::Note, ANY),
            (C::Describe, ANY),
            (C::Photograph, ANY),
            (C::SettleConflicts, ANY),
        ],
        // The office decides about a ticket; what happens at the customer's is the crew's to say.
        Role::Dispatcher => &[
            (C::TakeIn, ANY),
            (C::Grade, ANY),
            (C::Note, ANY),
            (C::Describe, ANY),
            (C::Photograph, ANY),
            (C::Assign, ANY),
            (C::Schedule, ANY),
            (C::Diagnose, ANY),
            (C::Supply, ANY),
            (C::Cancel, ANY),
            (C::FollowUp, ANY),
            (C::SettleConflicts, ANY),
            (C::SettleStatus, ANY),
            (C::StrikeOut, ANY),
            (C::Decide, ANY),
            (C::SeeDevices, ANY),
        ],
        Role::Supervisor => &[
            (C::TakeIn, ANY),
            (C::Grade, ANY),
            (C::Note, ANY),
            (C::Describe, ANY),
            (C::Photograph, ANY),
            (C::Assign, ANY),
            (C::Schedule, ANY),
            (C::Diagnose, ANY),
            (C::Supply, ANY),
            (C::Complete, ANY),
            (C::Cancel, ANY),
            (C::FollowUp, ANY),
            (C::SettleConflicts, ANY),
            (C::SettleStatus, ANY),
            (C::StrikeOut, ANY),
            (C::Decide, ANY),
            (C::SeeDevices, ANY),
            (C::KeepDevices, ANY),
            (C::Export, ANY),
        ],
        Role::Technician => &[
            (C::TakeIn, ANY),
            (C::Note, CREW_OR_OPENED),
            (C::Describe, CREW_OR_OPENED),
            (C::Photograph, CREW_OR_OPENED),
            (C::PickFromPool, Relation::POOL),
            (C::Answer, CREW),
            (C::Schedule, CREW),
            (C::Travel, CREW),
            (C::Diagnose, CREW),
            (C::Supply, CREW),
            (C::Complete, CREW),
            (C::Sign, CREW),
            (C::SettleFacts, CREW),
            (C::StrikeOut, CREW),
        ],
        Role::LeadTechnician => &[
            (C::TakeIn, ANY),
            (C::Note, CREW_OR_OPENED),
            (C::Describe, CREW_OR_OPENED),
            (C::Photograph, CREW_OR_OPENED),
            (C::PickFromPool, Relation::POOL),
            (C::RearrangeCrew, Relation::LEAD),
            (C::Answer, CREW),
            (C::Schedule, CREW),
            (C::Travel, CREW),
            (C::Diagnose, CREW),
            (C::Supply, CREW),
            (C::Complete, CREW),
            (C::Sign, CREW),
            (C::SettleFacts, CREW),
            (C::StrikeOut, CREW),
        ],
        // R7, R45, R47: follows every service up, guides from afar or on site.
        Role::Quality => &[
            (C::Note, ANY),
            (C::Describe, ANY),
            (C::Photograph, ANY),
            (C::Diagnose, ANY),
            (C::FollowUp, ANY),
            (C::SettleFacts, ANY),
        ],
        // R8, R9: passes requests on, sends its own technicians.
        Role::Branch => &[
            (C::TakeIn, ANY),
            (C::Note, UNIT_OR_OPENED),
            (C::Describe, UNIT_OR_OPENED),
            (C::Photograph, UNIT_OR_OPENED),
            (C::AssignOwnPeople, UNIT),
            (C::Schedule, UNIT),
            (C::SettleFacts, UNIT),
        ],
        Role::PartnerManager => &[
            (C::Note, UNIT),
            (C::Photograph, UNIT),
            (C::AssignOwnPeople, UNIT),
            (C::Answer, UNIT),
            (C::Schedule, UNIT),
        ],
        Role::PartnerTechnician => &[
            (C::Note, CREW),
            (C::Describe, CREW),
            (C::Photograph, CREW),
            (C::Answer, CREW),
            (C::Schedule, CREW),
            (C::Travel, CREW),
            (C::Diagnose, CREW),
            (C::Supply, CREW),
            (C::Complete, CREW),
            (C::Sign, CREW),
            (C::SettleFacts, CREW),
            (C::StrikeOut, CREW),
        ],
        Role::FollowUpClerk => &[(C::Note, ANY), (C::FollowUp, ANY)],
        Role::Administrator => &[
            (C::SeeDevices, ANY),
            (C::KeepDevices, ANY),
            (C::KeepAccounts, ANY),
            (C::Audit, ANY),
            (C::Export, ANY),
        ],
        Role::Auditor => &[(C::SeeDevices, ANY), (C::Audit, ANY), (C::Export, ANY)],
    }
}

/// What a role reads: the parts, where one of these relations holds.
pub const fn readings(role: Role) -> &'static [(Relation, &'static [Part])] {
    match role {
        Role::IntakeClerk
        | Role::Dispatcher
        | Role::Supervisor
        | Role::FollowUpClerk
        | Role::Administrator
        | Role::Auditor
        | Role::Quality => EVERYTHING,
        // Who may pick a ticket needs to know the work, not the customer.
        Role::Technician | Role::LeadTechnician => {
            &[(CREW_OR_OPENED, JOB), (Relation::POOL, &[Part::Service])]
        }
        Role::Branch => &[(UNIT_OR_OPENED, JOB)],
        Role::PartnerManager => &[(UNIT, JOB)],
        Role::PartnerTechnician => &[(CREW, JOB)],
    }
}
