//! A ticket's row in a list, and how a list is searched: one rule for phone and console.
//!
//! Invariant: rows are derived from the ticket alone and can be made anew at any time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{EventKind, Field, Status, Ticket};
use crate::clock::Timestamp;
use crate::ids::{PersonId, TicketId, TicketNumber};

/// Characters of the problem text in a row.
const EXCERPT_CHARS_MAX: usize = 80;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// The ticket.
    pub id: TicketId,
    /// Its number, once the server gave one.
    pub number: Option<TicketNumber>,
    /// The number, or the provisional label.
    pub label: String,
    /// Where it stands.
    pub status: Status,
    /// A, B or C.
    pub grade: Option<String>,
    /// Code of the region.
    pub region: Option<String>,
    /// Code of the product line.
    pub product_line: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// First characters of the problem.
    pub problem: String,
    /// The customer, where the reader may see him.
    pub customer_name: Option<String>,
    /// Who leads the crew.
    pub lead: Option<PersonId>,
    /// Start of the appointment.
    pub appointed_from: Option<Timestamp>,
    /// Unsettled conflicts of values.
    pub conflicts: u32,
    /// Unsettled clashes of events.
    pub clashes: u32,
    /// Claimed time of the opening.
    pub opened_at: Option<Timestamp>,
    /// Claimed time of the newest event.
    pub updated_at: Option<Timestamp>,
}

impl Summary {
    /// The row of a ticket of which nothing but the id is known.
    pub fn blank(id: TicketId) -> Self {
        Self {
            id,
            number: None,
            label: super::provisional_label(id),
            status: Status::Received,
            grade: None,
            region: None,
            product_line: None,
            model: None,
            problem: String::new(),
            customer_name: None,
            lead: None,
            appointed_from: None,
            conflicts: 0,
            clashes: 0,
            opened_at: None,
            updated_at: None,
        }
    }
}

/// The row of a ticket.
pub fn summarize(ticket: &Ticket) -> Summary {
    let text = |field| ticket.text(field).map(str::to_owned);
    Summary {
        id: ticket.id,
        number: ticket.number,
        label: ticket.label(),
        status: ticket.status,
        grade: text(Field::Grade),
        region: text(Field::Region),
        product_line: text(Field::ProductLine),
        model: text(Field::Model),
        problem: ticket.problem.chars().take(EXCERPT_CHARS_MAX).collect(),
        customer_name: text(Field::CustomerName),
        lead: ticket.lead(),
        appointed_from: ticket.instant(Field::AppointedFrom),
        conflicts: u32::try_from(ticket.conflicts.len()).unwrap_or(u32::MAX),
        clashes: u32::try_from(ticket.clashes.len()).unwrap_or(u32::MAX),
        opened_at: ticket
            .events
            .iter()
            .find(|e| e.kind == EventKind::Opened)
            .map(|e| e.at),
        updated_at: ticket.events.iter().map(|e| e.at).max(),
    }
}

/// Everything a search looks in: number, provisional label, facts, problem, notes. Lines, so that no
/// hit spans two facts.
pub fn search_text(ticket: &Ticket) -> String {
    let mut lines = vec![super::provisional_label(ticket.id)];
    lines.extend(ticket.number.map(|n| n.to_string()));
    lines.extend(
        ticket
            .fields
            .values()
            .filter_map(|value| value.as_text().map(str::to_owned)),
    );
    lines.push(ticket.problem.clone());
    lines.extend(ticket.notes.iter().map(|note| note.text.clone()));
    lines.join("\n")
}

/// The two-character pieces of a text, folded to lower case: what an index of Chinese text holds. A
/// text of one character gives itself.
pub fn grams(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.split(['\n', ' ', '\t', ',', '。', ',', '、', ';', ':']) {
        let folded: Vec<char> = line.chars().flat_map(char::to_lowercase).collect();
        if let [only] = folded[..] {
            found.insert(only.to_string());
        }
        found.extend(
            folded
                .windows(2)
                .map(|pair| pair.iter().collect::<String>()),
        );
    }
    found
}

/// Whether a searched text has every word of `query` (words are parted by spaces), whatever the case.
pub fn matches(search_text: &str, query: &str) -> bool {
    let folded = search_text.to_lowercase();
    query
        .split_whitespace()
        .all(|word| folded.contains(&word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_characters_find_a_text_and_its_grams_hold_them() {
        let text = "空调不制冷\nKFR-35GW";
        assert!(matches(text, "制冷") && matches(text, "kfr 空调") && !matches(text, "冷空"));
        assert!(
            grams(text).contains("制冷")
                && grams(text).contains("kf")
                && !grams(text).contains("冷k")
        );
    }
}
