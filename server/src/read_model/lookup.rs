//! Finding one ticket, and counting them all.

use std::collections::BTreeMap;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{TicketId, TicketNumber};
use gongdan_core::ticket::{Status, provisional_label};
use rusqlite::{Connection, OptionalExtension};

use super::list::{Due, Filter, total};
use super::write::key;
use crate::store::StoreError;

/// How many tickets there are, by what the desk asks first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overview {
    /// Neither closed nor cancelled.
    pub open: u64,
    /// Open and in nobody's hands: status `received` (R36).
    pub unassigned: u64,
    /// With a conflict of values or a clash of events that nobody settled.
    pub conflicts: u64,
    /// With a clock whose time is over (X1).
    pub overdue: u64,
    /// With a clock of whose time less than a quarter is left.
    pub soon: u64,
    /// Suspended, by what they wait for (R83).
    pub waiting: BTreeMap<String, u64>,
    /// How many in each status that has any.
    pub by_status: BTreeMap<&'static str, u64>,
}

/// Counts by status, dispute, clocks at `now` and what is waited for, from the indexes alone.
///
/// # Errors
/// The database fails.
pub fn counts(connection: &Connection, now: Timestamp) -> Result<Overview, StoreError> {
    let mut overview = Overview::default();
    let mut statement =
        connection.prepare_cached("SELECT status, count(*) FROM ticket_rows GROUP BY status")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (name, count): (String, i64) = (row.get(0)?, row.get(1)?);
        let status = Status::by_name(&name).ok_or(StoreError::Malformed {
            what: "ticket_rows.status",
        })?;
        let count = u64::try_from(count).unwrap_or(0);
        overview.by_status.insert(status.name(), count);
        overview.open += if status.is_over() { 0 } else { count };
        overview.unassigned += if status == Status::Received { count } else { 0 };
    }
    overview.conflicts = total(
        connection,
        &Filter {
            disputed: true,
            ..Filter::default()
        },
    )?;
    let due = |due| Filter {
        due: Some((due, now)),
        ..Filter::default()
    };
    overview.overdue = total(connection, &due(Due::Overdue))?;
    overview.soon = total(connection, &due(Due::Soon))?;
    let mut statement = connection.prepare_cached(
        "SELECT waiting_for, count(*) FROM ticket_rows WHERE waiting_for IS NOT NULL GROUP BY waiting_for",
    )?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let count: i64 = row.get(1)?;
        let count = u64::try_from(count).unwrap_or(0);
        overview.waiting.insert(row.get(0)?, count);
    }
    Ok(overview)
}

/// The index of the ticket that `name` means: an id or a number (R29).
///
/// # Errors
/// The database fails.
pub fn find(connection: &Connection, name: &str) -> Result<Option<u64>, StoreError> {
    let found: Option<i64> = if let Ok(number) = name.parse::<TicketNumber>() {
        connection
            .prepare_cached("SELECT ticket_index FROM ticket_rows WHERE number = ?1")?
            .query_row([number.to_string()], |row| row.get(0))
            .optional()?
    } else if let Ok(id) = name.parse::<TicketId>() {
        connection
            .prepare_cached("SELECT ticket_index FROM ticket_rows WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?
    } else {
        None
    };
    Ok(found.and_then(|index| u64::try_from(index).ok()))
}

/// The id of the ticket that `name` means: an id or a number.
///
/// # Errors
/// The database fails.
pub fn id_of(connection: &Connection, name: &str) -> Result<Option<TicketId>, StoreError> {
    let Some(index) = find(connection, name)? else {
        return Ok(None);
    };
    let id = connection
        .prepare_cached("SELECT id FROM ticket_rows WHERE ticket_index = ?1")?
        .query_row([key(index)?], |row| row.get(0))?;
    Ok(Some(TicketId::from_bytes(id)))
}

/// Whether a ticket of this external reference exists.
///
/// # Errors
/// The database fails.
pub fn has_external_ref(connection: &Connection, external_ref: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM ticket_rows WHERE external_ref = ?1 LIMIT 1")?
        .exists([external_ref])?)
}

/// What people call a ticket; the provisional label of `id` where it has no row yet.
///
/// # Errors
/// The database fails.
pub fn label(connection: &Connection, index: u64, id: TicketId) -> Result<String, StoreError> {
    let found: Option<String> = connection
        .prepare_cached("SELECT label FROM ticket_rows WHERE ticket_index = ?1")?
        .query_row([key(index)?], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or_else(|| provisional_label(id)))
}
