//! What happened to a ticket, from the signed changesets: the log is the audit trail (R94).

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, Part, PersonId};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::ticket::Command;
use rusqlite::{Connection, Row};

use super::write::key;
use crate::store::StoreError;

/// One admitted changeset.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its place in the log.
    pub seq: u64,
    /// The part it wrote.
    pub part: Part,
    /// Who meant it.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// On which device.
    pub device: DeviceId,
    /// What its owner calls it.
    pub device_name: String,
    /// Claimed time of its first command.
    pub claimed_at: Timestamp,
    /// It happened before this.
    pub received_at: Timestamp,
    /// And after this, where anything proves it.
    pub earliest: Option<Timestamp>,
    /// What was meant; empty where the body was erased.
    pub commands: Vec<Command>,
    /// How it met what was there: `none`, `soft` or `hard`.
    pub merged: String,
    /// Its author was reassigned between writing it and its receipt.
    pub marked: bool,
}

/// The entries of a ticket in the order of the log, of the parts asked for. As many as its documents, whose
/// size has a limit, have room for.
///
/// # Errors
/// The database fails, or holds a changeset that cannot be read.
pub fn timeline(
    connection: &Connection,
    index: u64,
    parts: &[Part],
) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT l.seq, l.part, l.person, coalesce(u.name, l.person), d.device, d.name, l.received_at, l.earliest,
           l.merged, i.changeset, l.marked
         FROM log l JOIN inbox i ON i.hash = l.changeset JOIN devices d ON d.idx = l.device_idx
           LEFT JOIN users u ON u.person = l.person
         WHERE l.ticket_index = ?1 ORDER BY l.seq",
    )?;
    let entries: Vec<Entry> = statement
        .query_map([key(index)?], |row| Ok(entry(row)))?
        .map(|entry| entry?)
        .collect::<Result<_, StoreError>>()?;
    Ok(entries
        .into_iter()
        .filter(|entry| parts.contains(&entry.part))
        .collect())
}

fn entry(row: &Row<'_>) -> Result<Entry, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let seq: i64 = row.get(0)?;
    let person: String = row.get(2)?;
    let earliest: i64 = row.get(7)?;
    let changeset = decode(&row.get::<_, Vec<u8>>(9)?)?;
    Ok(Entry {
        seq: u64::try_from(seq).map_err(|_| malformed("log.seq"))?,
        part: Part::from_code(row.get(1)?).ok_or_else(|| malformed("log.part"))?,
        person: person.parse().map_err(|_| malformed("log.person"))?,
        name: row.get(3)?,
        device: DeviceId::from_bytes(row.get(4)?),
        device_name: row.get(5)?,
        claimed_at: changeset.header.at,
        received_at: Timestamp(row.get(6)?),
        earliest: (earliest > 0).then_some(Timestamp(earliest)),
        commands: commands(&changeset),
        merged: row.get(8)?,
        marked: row.get(10)?,
    })
}

pub(super) fn decode(bytes: &[u8]) -> Result<Changeset, StoreError> {
    codec::decode(bytes).map_err(|_| StoreError::Malformed {
        what: "inbox.changeset",
    })
}

/// The commands of a changeset; none where its body was erased or is of a later version.
pub(super) fn commands(changeset: &Changeset) -> Vec<Command> {
    let authored = changeset.commands().unwrap_or_default();
    authored
        .into_iter()
        .map(|authored| authored.command)
        .collect()
}
