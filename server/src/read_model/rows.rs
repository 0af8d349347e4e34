//! A ticket as rows. Invariant: pure; the same ticket gives the same rows on every server.

use std::collections::BTreeSet;

use gongdan_core::ids::{BlobHash, Part};
use gongdan_core::ticket::summary::{Summary, search_text, summarize};
use gongdan_core::ticket::{Conflict, EventKind, Field, Status, Ticket};

use super::NextClock;

/// What the tables hold of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The list's row; its `updated_at` gives way to the receipt.
    pub summary: Summary,
    /// Nothing is left to do.
    pub over: bool,
    /// Something waits for a person to settle it.
    pub disputed: bool,
    /// The clock that wants attention first; whoever reads the clocks sets it.
    pub clock: Option<NextClock>,
    /// What a suspended ticket waits for: `parts`, `customer`, `leader` (R83).
    pub waiting_for: Option<String>,
    /// The request's name in the system it was imported from.
    pub external_ref: Option<String>,
    /// What a search looks in, in lower case.
    pub search_text: String,
    /// Rival values.
    pub conflicts: Vec<Conflict>,
    /// Attachments named, struck out ones too: they stay readable; each by the part that names it.
    pub attachments: BTreeSet<(Part, BlobHash)>,
}

/// The rows of a ticket, seen with the office's eyes (all parts).
pub fn rows(ticket: &Ticket) -> Rows {
    let summary = summarize(ticket);
    Rows {
        over: ticket.status.is_over(),
        disputed: summary.conflicts > 0 || summary.clashes > 0,
        clock: None,
        waiting_for: waiting_for(ticket),
        external_ref: ticket.text(Field::ExternalRef).map(str::to_owned),
        search_text: search_text(ticket).to_lowercase(),
        conflicts: ticket.conflicts.clone(),
        attachments: attachments(ticket),
        summary,
    }
}

fn waiting_for(ticket: &Ticket) -> Option<String> {
    let suspensions = ticket.events.iter().rev();
    let mut suspensions = suspensions.filter(|event| event.kind == EventKind::Suspended);
    let newest = suspensions.next()?;
    (ticket.status == Status::Suspended)
        .then(|| newest.detail.clone())
        .flatten()
}

/// Photos are named by the service part, signed sheets by the customer's.
fn attachments(ticket: &Ticket) -> BTreeSet<(Part, BlobHash)> {
    let photos = ticket.photos.iter().map(|p| (Part::Service, p.blob));
    let sheets = ticket.sheets.iter().map(|s| (Part::Customer, s.blob));
    photos.chain(sheets).collect()
}
