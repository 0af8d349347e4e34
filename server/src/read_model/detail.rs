//! One ticket in full: its documents hydrated, the heads that a form opens on, who stands behind an actor.
//!
//! Invariant: read from the documents, not from the rows: what is shown and the heads named with it are
//! of one moment.

use std::collections::BTreeMap;

use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{ActorId, ChangeHash, DeviceId, Part, PersonId};
use gongdan_core::ticket::Ticket;
use rusqlite::{Connection, OptionalExtension};

use crate::relay::{documents, tickets};
use crate::store::StoreError;

/// A ticket with its heads and authors.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The ticket, of the parts asked for.
    pub ticket: Ticket,
    /// Who opened it.
    pub opener: PersonId,
    /// Heads of each part asked for; the genesis where nothing was written yet.
    pub heads: BTreeMap<Part, Vec<ChangeHash>>,
    /// Who stands behind each actor in it.
    pub authors: BTreeMap<ActorId, Author>,
}

/// Who wrote, on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Employee number.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// The device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub device_name: String,
}

/// The ticket of an index as far as `parts` go; `None` where nothing was opened.
///
/// # Errors
/// The database fails, or holds a document that cannot be read.
pub fn detail(
    connection: &Connection,
    index: u64,
    parts: &[Part],
) -> Result<Option<Detail>, StoreError> {
    let Some(row) = tickets::by_index(connection, index)? else {
        return Ok(None);
    };
    let docs = documents_of(connection, index, parts)?;
    let Some(ticket) = hydrate(row.id, row.number, &docs.iter().collect::<Vec<_>>()) else {
        return Ok(None);
    };
    let mut authors = BTreeMap::new();
    for actor in docs.iter().flat_map(TicketDoc::actors) {
        if let Some(author) = author(connection, actor)? {
            authors.insert(actor, author);
        }
    }
    let heads = docs.iter().map(|doc| (doc.part(), doc.heads())).collect();
    Ok(Some(Detail {
        ticket,
        opener: row.opener,
        heads,
        authors,
    }))
}

/// The documents of these parts; the genesis where nothing was written yet.
fn documents_of(
    connection: &Connection,
    index: u64,
    parts: &[Part],
) -> Result<Vec<TicketDoc>, StoreError> {
    let load = |part: &Part| {
        let found = documents::load(connection, index, *part)?;
        Ok(found.unwrap_or_else(|| TicketDoc::genesis(*part)))
    };
    parts.iter().map(load).collect()
}

/// Whom the actor stands for; `None` for the genesis's own.
fn author(connection: &Connection, actor: ActorId) -> Result<Option<Author>, StoreError> {
    let found: Option<(String, Option<String>, [u8; 16], String)> = connection
        .prepare_cached(
            "SELECT a.person, u.name, d.device, d.name
             FROM actors a JOIN devices d ON d.idx = a.device_idx LEFT JOIN users u ON u.person = a.person
             WHERE a.actor = ?1",
        )?
        .query_row([actor.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .optional()?;
    let Some((person, name, device, device_name)) = found else {
        return Ok(None);
    };
    Ok(Some(Author {
        person: person.parse().map_err(|_| StoreError::Malformed {
            what: "actors.person",
        })?,
        name: name.unwrap_or(person),
        device: DeviceId::from_bytes(device),
        device_name,
    }))
}
