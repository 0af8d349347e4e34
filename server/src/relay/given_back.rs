//! What a device carries besides its own: changesets of any device after a restore, a colleague's load at any
//! time, numbers that tickets had, and the names of documents of which less came back than there was.
//!
//! Invariant: each changeset stands by its own author's signature, whoever carries it; one that does not is
//! left out and disturbs nobody.

use std::collections::BTreeSet;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{Part, PartRef, PersonId, TicketId};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::protocol::GivenBack;
use rusqlite::{Connection, params};

use super::documents::{self, join_heads, split_heads};
use super::{Relay, Sender, SyncError, epoch, inbox, quota, strangers, tickets};
use crate::auth::devices;
use crate::store::StoreError;

/// A document of which a device had more than came back after a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPart {
    /// The ticket.
    pub ticket: TicketId,
    /// Its part.
    pub part: Part,
    /// Which device has more.
    pub device_index: i64,
    /// When it said so.
    pub reported_at: Timestamp,
}

impl Relay {
    /// Takes in what a device gives back. Idempotent.
    pub(super) fn take_back(
        &self,
        now: Timestamp,
        sender: &Sender,
        given: &GivenBack,
    ) -> Result<(), SyncError> {
        if given.is_empty() {
            return Ok(());
        }
        let mut authors = Vec::new();
        self.db.write(|tx| {
            for device in strangers::know(tx, &self.host, now, sender, &given.certificates)? {
                authors.extend(strangers::take_in(tx, device, now)?);
            }
            for (ticket, number) in &given.numbers {
                epoch::claim(tx, sender.index, *ticket, *number)?;
            }
            for (part, heads) in &given.missing {
                tx.prepare_cached(
                    "INSERT OR REPLACE INTO restore_missing (ticket, part, device_idx, heads, reported_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![
                    part.ticket.as_bytes(),
                    part.part.code(),
                    sender.index,
                    join_heads(heads),
                    now.seconds()
                ])?;
            }
            let (mut added, mut bytes, mut strange) = (0, 0, 0u32);
            for changeset in &given.carried {
                let Some(author) = author(tx, changeset)? else {
                    if strangers::put_by(tx, sender, changeset, now)? {
                        added += 1;
                        bytes += changeset.body.len() as i64;
                    }
                    strange += 1;
                    continue;
                };
                authors.push(author);
                if inbox::insert(tx, changeset, author, now)? {
                    added += 1;
                    bytes += changeset.body.len() as i64;
                }
            }
            if strange > 0 {
                tracing::warn!(device.id = %sender.device, strange, "carried changesets of no known device, or with a wrong signature, were put by or left out");
            }
            if added > 0 {
                quota::count(tx, sender.index, now, added, bytes)?;
            }
            Ok::<_, SyncError>(())
        })?;
        authors.sort_unstable();
        authors.dedup();
        for author in authors {
            self.judge_device(author)?;
        }
        Ok(())
    }
}

/// The index of the device that signed a changeset for its own person; nothing where none that is known did.
pub(super) fn author(
    connection: &Connection,
    changeset: &Changeset,
) -> Result<Option<i64>, StoreError> {
    let header = &changeset.header;
    let author = devices::find(connection, header.device)?.filter(|device| {
        device.person.as_ref().is_none_or(|p| *p == header.person)
            && changeset.is_signed_by(&device.public_key)
    });
    Ok(author.map(|device| device.index))
}

/// The people whose devices set documents of a ticket aside that they have more of than came back. What a restored
/// server gets to know of later they may have to drop.
pub(super) fn reporters(
    connection: &Connection,
    ticket: TicketId,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT person FROM restore_missing JOIN devices ON idx = device_idx
         WHERE ticket = ?1 AND person IS NOT NULL",
    )?;
    let rows = statement.query_map([ticket.as_bytes()], |row| row.get::<_, String>(0))?;
    rows.map(|person| {
        person?.parse().map_err(|_| StoreError::Malformed {
            what: "devices.person",
        })
    })
    .collect()
}

/// What devices had more of, as snapshots, than is here now.
///
/// # Errors
/// The database fails.
pub fn missing(connection: &Connection) -> Result<Vec<MissingPart>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT ticket, part, device_idx, heads, reported_at FROM restore_missing ORDER BY ticket, part, device_idx",
    )?;
    let mut rows = statement.query([])?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        let part = Part::from_code(row.get(1)?).ok_or(StoreError::Malformed {
            what: "restore_missing.part",
        })?;
        let ticket = TicketId::from_bytes(row.get(0)?);
        let heads: Vec<u8> = row.get(3)?;
        if !holds(connection, PartRef { ticket, part }, &heads)? {
            missing.push(MissingPart {
                ticket,
                part,
                device_index: row.get(2)?,
                reported_at: Timestamp(row.get(4)?),
            });
        }
    }
    Ok(missing)
}

/// It came after all, from another device.
fn holds(connection: &Connection, part: PartRef, heads: &[u8]) -> Result<bool, StoreError> {
    let Some(ticket) = tickets::by_id(connection, part.ticket)? else {
        return Ok(false);
    };
    let document = match documents::load(connection, ticket.index, part.part) {
        // What cannot be read is not held.
        Err(StoreError::Damaged { .. }) => None,
        other => other?,
    };
    Ok(document.is_some_and(|document| document.contains(&split_heads(heads))))
}
