//! Tickets the server knows: running number, FW number, opener. Invariant: an index and a number are given
//! once, in the transaction that admits the opening, and never change.

use chrono::NaiveDate;
use gongdan_core::clock::{TimeInterval, Timestamp};
use gongdan_core::ids::{PersonId, TicketId, TicketNumber};
use gongdan_core::planted::{self, Defect};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::{epoch, sql_index};
use crate::organisation;
use crate::store::StoreError;

/// A ticket's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// Running number.
    pub index: u64,
    /// The ticket.
    pub id: TicketId,
    /// Its number.
    pub number: Option<TicketNumber>,
    /// Log entry of its opening.
    pub created_seq: u64,
    /// Who opened it.
    pub opener: PersonId,
    /// On which device.
    pub opened_on: i64,
}

const COLUMNS: &str = "ticket_index, id, number, created_seq, opener, opened_on";

/// The ticket of an id.
///
/// # Errors
/// The database fails.
pub fn by_id(connection: &Connection, id: TicketId) -> Result<Option<TicketRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE id = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([id.as_bytes()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// The ticket of a running number.
///
/// # Errors
/// The database fails.
pub fn by_index(connection: &Connection, index: u64) -> Result<Option<TicketRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE ticket_index = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([sql_index(index)], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// The ticket of a number.
///
/// # Errors
/// The database fails.
pub fn by_number(
    connection: &Connection,
    number: TicketNumber,
) -> Result<Option<TicketRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM tickets WHERE number = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([number.to_string()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

pub(super) fn read(row: &Row<'_>) -> Result<TicketRow, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let number: Option<String> = row.get(2)?;
    let opener: String = row.get(4)?;
    Ok(TicketRow {
        index: row.get::<_, i64>(0)?.cast_unsigned(),
        id: TicketId::from_bytes(row.get(1)?),
        number: number
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| malformed("tickets.number"))?,
        created_seq: row.get::<_, i64>(3)?.cast_unsigned(),
        opener: opener.parse().map_err(|_| malformed("tickets.opener"))?,
        opened_on: row.get(5)?,
    })
}

/// Adds a ticket with its number, which is of the intake's local date.
pub(super) fn create(
    tx: &Transaction<'_>,
    id: TicketId,
    created_seq: u64,
    opener: &PersonId,
    opened_on: i64,
    date: NaiveDate,
) -> Result<TicketRow, StoreError> {
    let number = match epoch::reclaim(tx, id)? {
        Some(number) => number,
        None => next_number(tx, date)?,
    };
    let index = epoch::next_ticket(tx)?;
    tx.execute(
        "INSERT INTO tickets (ticket_index, id, number, created_seq, opener, opened_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            index,
            id.as_bytes(),
            number.to_string(),
            sql_index(created_seq),
            opener.as_str(),
            opened_on
        ],
    )?;
    let index = index.cast_unsigned();
    Ok(TicketRow {
        index,
        id,
        number: Some(number),
        created_seq,
        opener: opener.clone(),
        opened_on,
    })
}

/// Takes the next number of a date (R29); past 9,999 it has a fifth digit (X14).
fn next_number(tx: &Transaction<'_>, date: NaiveDate) -> Result<TicketNumber, StoreError> {
    epoch::skip_numbers(tx, date)?;
    let sequence = tx.query_row(
        "INSERT INTO ticket_numbers (date, sequence) VALUES (?1, 1)
         ON CONFLICT (date) DO UPDATE SET sequence = sequence + 1 RETURNING sequence",
        [date.to_string()],
        |row| row.get(0),
    )?;
    let sequence: u32 = sequence;
    let sequence = match sequence {
        3 if planted::is(Defect::NumberReused) => 2,
        of if planted::is(Defect::NumberSkipped) => of + of / 3,
        of => of,
    };
    Ok(TicketNumber::new(date, sequence))
}

/// The intake's local date: the claimed time, moved into what is proven, in the organisation's zone.
pub(super) fn intake_date(
    connection: &Connection,
    claimed: Timestamp,
    proven: TimeInterval,
) -> Result<NaiveDate, StoreError> {
    let zone = organisation::current(connection)?.map(|catalogue| catalogue.zone);
    // Without an organisation nobody has roles, so nothing is admitted; UTC is for completeness.
    let zone: chrono_tz::Tz = match zone {
        Some(zone) => zone.parse().map_err(|_| StoreError::Malformed {
            what: "catalogue.zone",
        })?,
        None => chrono_tz::UTC,
    };
    Ok(proven
        .clamp(claimed)
        .to_utc()
        .with_timezone(&zone)
        .date_naive())
}
