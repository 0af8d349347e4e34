//! Core's structs in the shapes that cross: its ordered maps as plain ones, its outbox without its bytes.

use std::collections::HashMap;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ActorId, ChangeHash, CommandId, Part, PersonId, TicketId, TicketNumber};
use gongdan_core::store::{OutboxEntry, OutboxState};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::ticket::command::Command;
use gongdan_core::ticket::{
    ChecklistAnswer, Clash, Confirmation, Conflict, DiagnosisStep, Event, Field, FollowUpCall,
    Note, PartUsed, Photo, QuoteGiven, SheetKept, Signature, Status, Value,
};
use gongdan_core::{replica, ticket};

/// A ticket as far as this person may see it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Ticket {
    /// The key everywhere.
    pub id: TicketId,
    /// Given by the server at first admission.
    pub number: Option<TicketNumber>,
    /// The number, or the provisional label until there is one.
    pub label: String,
    /// Where it stands.
    pub status: Status,
    /// Events that cannot both hold, until settled.
    pub clashes: Vec<Clash>,
    /// The parts that are here.
    pub parts: Vec<Part>,
    /// The typed facts.
    pub fields: HashMap<Field, Value>,
    /// The problem, in words.
    pub problem: String,
    /// Everybody assigned, the lead among them.
    pub crew: Vec<PersonId>,
    /// Who leads.
    pub lead: Option<PersonId>,
    /// Visits counted.
    pub visits: i64,
    /// What happened, by claimed time.
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
    /// Names and signatures of confirmations.
    pub signatures: Vec<Signature>,
    /// Signed sheets, every one ever made.
    pub sheets: Vec<SheetKept>,
    /// The confirmations cover everything that was done; looked at where the ticket is confirmed.
    pub covered: bool,
    /// Follow-up calls.
    pub follow_ups: Vec<FollowUpCall>,
    /// Rival values, until settled.
    pub conflicts: Vec<Conflict>,
}

/// A ticket with what a form needs.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TicketView {
    /// The ticket.
    pub ticket: Ticket,
    /// The heads shown, by part: hand them back as `seen` with what the person does on this form.
    pub heads: HashMap<Part, Vec<ChangeHash>>,
    /// People behind actors.
    pub authors: HashMap<ActorId, PersonId>,
}

/// A command that the server has not admitted yet.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct OutboxItem {
    /// By which it is dismissed; in the order of execution.
    pub id: u64,
    /// The ticket.
    pub ticket: TicketId,
    /// The part.
    pub part: Part,
    /// The command's name for ever.
    pub command_id: CommandId,
    /// Claimed time.
    pub at: Timestamp,
    /// What was meant.
    pub command: Command,
    /// Where it stands.
    pub state: OutboxState,
    /// The server's last word, where there is one.
    pub verdict: Option<Verdict>,
}

impl From<ticket::Ticket> for Ticket {
    fn from(ticket: ticket::Ticket) -> Self {
        Self {
            label: ticket.label(),
            lead: ticket.lead(),
            id: ticket.id,
            number: ticket.number,
            status: ticket.status,
            clashes: ticket.clashes,
            parts: ticket.parts,
            fields: ticket.fields.into_iter().collect(),
            problem: ticket.problem,
            crew: ticket.crew,
            visits: ticket.visits,
            events: ticket.events,
            checklist: ticket.checklist,
            steps: ticket.steps,
            notes: ticket.notes,
            parts_used: ticket.parts_used,
            quotes: ticket.quotes,
            photos: ticket.photos,
            confirmations: ticket.confirmations,
            signatures: ticket.signatures,
            sheets: ticket.sheets,
            covered: ticket.covered,
            follow_ups: ticket.follow_ups,
            conflicts: ticket.conflicts,
        }
    }
}

impl From<replica::TicketView> for TicketView {
    fn from(view: replica::TicketView) -> Self {
        Self {
            ticket: view.ticket.into(),
            heads: view.heads.into_iter().collect(),
            authors: view.authors.into_iter().collect(),
        }
    }
}

impl From<OutboxEntry> for OutboxItem {
    fn from(entry: OutboxEntry) -> Self {
        Self {
            id: entry.id,
            ticket: entry.ticket,
            part: entry.part,
            command_id: entry.command_id,
            at: entry.at,
            command: entry.command,
            state: entry.state,
            verdict: entry.verdict,
        }
    }
}
