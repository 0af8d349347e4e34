//! Which command is lawful in which status. Checked at the command's base, by phone and gate alike.
//!
//! Invariant: what merely ran beside a cancellation or a confirmation is lawful, because its base
//! did not have it; the clash shows in the fold.

use super::command::Action;
use super::status::Status;

/// The statuses in which `action` is lawful; `None` for a part that has no ticket yet.
///
/// `Open` alone begins a ticket. Notes may be written at any time; everything else about a ticket
/// that is over wants it reopened first.
pub fn is_lawful(action: Action, status: Option<Status>) -> bool {
    use Status as S;
    let Some(status) = status else {
        return action == Action::Open;
    };
    match action {
        Action::Open => false,
        // The customer's part keeps no events: its lawfulness follows the act it belongs to.
        Action::RecordCustomer => status == S::Received,
        Action::WriteNote | Action::SettleConflict => true,
        Action::SettleStatus => true,
        Action::Grade
        | Action::Correct
        | Action::EditProblem
        | Action::StrikeOut
        | Action::AttachPhoto
        | Action::CountVisit => !status.is_over(),
        Action::Assign => {
            matches!(
                status,
                S::Received
                    | S::Assigned
                    | S::Accepted
                    | S::Appointed
                    | S::Departed
                    | S::Arrived
                    | S::Suspended
            )
        }
        Action::Accept | Action::Decline => status == S::Assigned,
        Action::Appoint => {
            matches!(
                status,
                S::Assigned | S::Accepted | S::Appointed | S::Suspended
            )
        }
        Action::Depart => matches!(status, S::Accepted | S::Appointed | S::Suspended),
        Action::Arrive => matches!(status, S::Accepted | S::Appointed | S::Departed),
        Action::Suspend => {
            matches!(
                status,
                S::Accepted | S::Appointed | S::Departed | S::Arrived
            )
        }
        Action::Resume => status == S::Suspended,
        Action::AnswerChecklist
        | Action::RecordStep
        | Action::Diagnose
        | Action::UsePart
        | Action::Quote
        | Action::RecordConsent => {
            matches!(
                status,
                S::Assigned
                    | S::Accepted
                    | S::Appointed
                    | S::Departed
                    | S::Arrived
                    | S::Suspended
                    | S::Completed
            )
        }
        // Without an arrival where the case was solved from afar (R58).
        Action::Complete => {
            matches!(
                status,
                S::Accepted | S::Appointed | S::Departed | S::Arrived | S::Suspended
            )
        }
        Action::Confirm => status == S::Completed,
        // A further signer, or a correction, after the first confirmation.
        Action::RecordSignature | Action::ConfirmOnSheet => {
            matches!(status, S::Completed | S::Confirmed)
        }
        // That nobody was there, or did not sign, is kept before the work is done too.
        Action::KeepSheet => {
            matches!(
                status,
                S::Arrived | S::Suspended | S::Completed | S::Confirmed
            )
        }
        Action::Cancel => !matches!(status, S::Confirmed | S::Closed | S::Cancelled),
        Action::Reopen => {
            matches!(
                status,
                S::Completed | S::Confirmed | S::Closed | S::Cancelled
            )
        }
        Action::FollowUp => matches!(status, S::Completed | S::Confirmed | S::Closed),
        // R86: never without a confirmation, which has to cover what was done (`TicketDoc::is_covered`).
        Action::Close => status == S::Confirmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_closes_without_a_confirmation() {
        for status in Status::ALL {
            assert_eq!(
                is_lawful(Action::Close, Some(status)),
                status == Status::Confirmed
            );
        }
    }

    #[test]
    fn only_opening_begins_a_ticket() {
        for action in Action::ALL {
            assert_eq!(is_lawful(action, None), action == Action::Open);
        }
    }
}
