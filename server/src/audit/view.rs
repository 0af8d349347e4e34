//! Reading the chain, the newest first.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{PersonId, TicketId, TicketNumber};
use rusqlite::{Connection, Row, named_params};

use super::{Action, Detail};
use crate::store::StoreError;

/// Entries of a page unless asked otherwise.
pub const LIMIT_DEFAULT: usize = 100;
/// Entries of a page at most.
pub const LIMIT_MAX: usize = 500;

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this person, at the console or by a phone.
    pub person: Option<PersonId>,
    /// Of this kind.
    pub action: Option<Action>,
    /// That name this ticket.
    pub ticket: Option<(TicketId, Option<TicketNumber>)>,
    /// Before this one.
    pub before: Option<u64>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// As it stands in the chain.
    pub actor: String,
    /// Who that is: employee number and name; of a phone, whose it is.
    pub person: Option<(PersonId, String)>,
    /// Of a phone, what it is called.
    pub device: Option<String>,
    /// Name of what was done.
    pub action: String,
    /// Ids and counts.
    pub detail: Detail,
    /// Its hash.
    pub hash: [u8; 32],
}

/// Entries of a filter, the newest first, at most `limit` (1 to [`LIMIT_MAX`]).
///
/// # Errors
/// The database fails, or holds an entry that is not of its form.
pub fn list(
    connection: &Connection,
    filter: &Filter,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let (id, number) = match filter.ticket {
        None => (None, None),
        Some((id, number)) => (Some(id.to_string()), number.map(|n| n.to_string())),
    };
    let mut statement = connection.prepare_cached(
        "SELECT a.seq, a.at, a.actor, a.action, a.detail, a.hash, coalesce(u.person, d.person), coalesce(u.name, o.name), d.name
         FROM audit a
           LEFT JOIN users u ON a.actor = 'person:' || u.person
           LEFT JOIN devices d ON substr(a.actor, 1, 7) = 'device:' AND d.device = unhex(replace(substr(a.actor, 8), '-', ''))
           LEFT JOIN users o ON o.person = d.person
         WHERE (:before IS NULL OR a.seq < :before)
           AND (:action IS NULL OR a.action = :action)
           AND (:person IS NULL OR a.actor = 'person:' || :person OR d.person = :person)
           AND (:id IS NULL OR instr(a.detail, :id) > 0 OR (:number IS NOT NULL AND instr(a.detail, :number) > 0))
         ORDER BY a.seq DESC LIMIT :limit",
    )?;
    statement
        .query_map(
            named_params! {
                ":before": filter.before.map(u64::cast_signed),
                ":action": filter.action.map(Action::name),
                ":person": filter.person.as_ref().map(PersonId::as_str),
                ":id": id,
                ":number": number,
                ":limit": limit.clamp(1, LIMIT_MAX) as i64,
            },
            |row| Ok(read(row)),
        )?
        .map(|row| row?)
        .collect()
}

fn read(row: &Row<'_>) -> Result<Entry, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let detail: String = row.get(4)?;
    let (person, name): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
    let person = match person {
        Some(person) => Some((
            person.parse().map_err(|_| malformed("users.person"))?,
            name.unwrap_or_default(),
        )),
        None => None,
    };
    Ok(Entry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Timestamp(row.get(1)?),
        actor: row.get(2)?,
        action: row.get(3)?,
        detail: serde_json::from_str(&detail).map_err(|_| malformed("audit.detail"))?,
        hash: row.get(5)?,
        person,
        device: row.get(8)?,
    })
}
