//! The standard work: N tickets, the twelve commits by two people that made each of them, and what both sides edit
//! while they are apart.
//!
//! It is plain data. The same seed gives the same work for ever, and a ticket does not depend on how many others
//! there are, so that every contender is measured on the same values and figures of different runs compare.

mod apart;
mod generate;
mod names;
mod text;
mod ticket;
mod vocabulary;
mod writes;

use serde::Serialize;

pub use text::{STOCK_PHRASES, STOCK_SHARE_PERCENT, common_characters};
pub use ticket::{
    Appointment, Assignment, CHECKLIST, CHECKLIST_ITEMS, ChecklistAnswer, Customer,
    GRADE_REASON_CHARACTERS, Grading, Instant, Intake, NOTE_CHARACTERS, NOTES, Note,
    PROBLEM_CHARACTERS, Person, Product, REASON_CHARACTERS, STATUS_EVENTS, StandardTicket,
    StatusEvent, Suspension, TRIED_CHARACTERS, UnixSeconds, WISH_CHARACTERS,
};
pub use writes::{Value, Write};

/// Number of commits in the history of a ticket.
pub const COMMITS: usize = 12;
/// Number of edits that a side makes on a ticket while apart.
pub const APART_EDITS: usize = 5;
/// One ticket in this many is edited by the phone while apart, and as many by the office.
pub const APART_ONE_IN: usize = 10;

/// What a commit of a ticket's history does; the values are in the [`StandardTicket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Intake, product, problem and grade, and the customer's part together with them.
    Open,
    /// The crew and the first responsible person.
    Assign,
    /// The technician takes it.
    Accept,
    /// The appointment.
    Appoint,
    /// On the way.
    Depart,
    /// On site; counts a visit.
    Arrive,
    /// All checklist items at once.
    AnswerChecklist,
    /// The note with this index.
    AddNote(usize),
}

/// One commit of a ticket's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    pub by: Person,
    pub at: UnixSeconds,
    pub act: Act,
}

/// A ticket with its history, oldest commit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketWork {
    pub ticket: StandardTicket,
    pub history: [Commit; COMMITS],
}

/// A small edit made while apart; each is a commit of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// One appointment field: the hour it starts.
    ChangeAppointment { from: UnixSeconds },
    /// A note of [`NOTE_CHARACTERS`] characters.
    AddNote(Note),
    /// Another answer to one checklist item.
    AnswerItem(ChecklistAnswer),
    /// A status event `suspended` with a reason of [`REASON_CHARACTERS`] characters.
    Suspend(StatusEvent),
    /// One more counted visit.
    CountVisit,
}

/// An edit with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimedEdit {
    pub at: UnixSeconds,
    pub edit: Edit,
}

/// What one side does to one ticket while apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApartEdits {
    /// Index into [`StandardWork::tickets`].
    pub ticket: usize,
    pub by: Person,
    pub edits: [TimedEdit; APART_EDITS],
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardWork {
    pub seed: u64,
    pub tickets: Vec<TicketWork>,
    /// The phone's edits, a tenth of the tickets.
    pub phone_edits: Vec<ApartEdits>,
    /// The office's edits, as many; half of them on tickets that the phone edits too.
    pub office_edits: Vec<ApartEdits>,
}

/// The seed of the figures that the project publishes.
pub const STANDARD_SEED: u64 = 20_250_301;

impl StandardWork {
    /// The standard work over `tickets` tickets.
    pub fn generate(seed: u64, tickets: usize) -> Self {
        let tickets: Vec<TicketWork> = (0..tickets)
            .map(|index| generate::ticket(seed, index))
            .collect();
        let (phone_edits, office_edits) = apart::apart(seed, &tickets);
        Self {
            seed,
            tickets,
            phone_edits,
            office_edits,
        }
    }

    /// The values of all tickets as JSON, one object a line: what any encoding has to carry at least.
    pub fn tickets_as_json(&self) -> Vec<u8> {
        json_lines(self.tickets.iter().map(|work| &work.ticket))
    }

    /// The edits of phone and office as JSON, one object a side and ticket a line: (phone, office).
    pub fn edits_as_json(&self) -> (Vec<u8>, Vec<u8>) {
        (
            json_lines(self.phone_edits.iter()),
            json_lines(self.office_edits.iter()),
        )
    }
}

fn json_lines<T: Serialize>(items: impl Iterator<Item = T>) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in items {
        serde_json::to_writer(&mut lines, &item).expect("plain values serialise into memory");
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests;
