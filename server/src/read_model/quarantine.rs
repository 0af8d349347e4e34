//! What waits for a person's decision.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, Part, PersonId, TicketId};
use gongdan_core::sync::codec;
use gongdan_core::sync::verdict::{QuarantineReason, Verdict};
use gongdan_core::ticket::{Command, provisional_label};
use rusqlite::{Connection, Row};

use super::timeline::{commands, decode};
use crate::store::StoreError;

/// Items shown at once: the oldest; the others follow as these are decided.
pub const ITEMS_MAX: usize = 200;

/// A quarantined changeset.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// Its name.
    pub changeset: ChangesetHash,
    /// The ticket.
    pub ticket: TicketId,
    /// What people call the ticket.
    pub label: String,
    /// The part it would write.
    pub part: Part,
    /// Who meant it.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// Why it waits.
    pub reason: QuarantineReason,
    /// When it came.
    pub received_at: Timestamp,
    /// What was meant.
    pub commands: Vec<Command>,
}

/// How many wait.
///
/// # Errors
/// The database fails.
pub fn quarantined_count(connection: &Connection) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM inbox WHERE state = 'quarantined' AND superseded_by IS NULL",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// What waits, in the order it came, at most [`ITEMS_MAX`].
///
/// # Errors
/// The database fails, or holds a changeset that cannot be read.
pub fn quarantined(connection: &Connection) -> Result<Vec<Quarantined>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.hash, i.changeset, i.received_at, i.verdict, r.label, u.name
         FROM inbox i LEFT JOIN ticket_rows r ON r.id = i.ticket LEFT JOIN devices d ON d.idx = i.device_idx
           LEFT JOIN users u ON u.person = d.person
         WHERE i.state = 'quarantined' AND i.superseded_by IS NULL ORDER BY i.id LIMIT ?1",
    )?;
    statement
        .query_map([ITEMS_MAX as i64], |row| Ok(item(row)))?
        .map(|item| item?)
        .collect()
}

fn item(row: &Row<'_>) -> Result<Quarantined, StoreError> {
    let changeset = decode(&row.get::<_, Vec<u8>>(1)?)?;
    let verdict: Option<Vec<u8>> = row.get(3)?;
    let verdict = verdict.and_then(|bytes| codec::decode::<Verdict>(&bytes).ok());
    let Some(Verdict::Quarantined { reason }) = verdict else {
        return Err(StoreError::Malformed {
            what: "inbox.verdict",
        });
    };
    let (label, name): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let header = &changeset.header;
    Ok(Quarantined {
        changeset: ChangesetHash(row.get(0)?),
        ticket: header.ticket,
        label: label.unwrap_or_else(|| provisional_label(header.ticket)),
        part: header.part,
        name: name.unwrap_or_else(|| header.person.to_string()),
        person: header.person.clone(),
        reason,
        received_at: Timestamp(row.get(2)?),
        commands: commands(&changeset),
    })
}
