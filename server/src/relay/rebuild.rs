//! Rebuilding: everything derived made anew from the signed changesets alone. No stored document is read.
//!
//! Invariant: admitted commands are executed, never judged again; what comes out is compared with the heads
//! that the log remembers, entry by entry. A ticket whose log does not agree stays as it was, is flagged and
//! told; the others are made anew.

use std::collections::BTreeMap;

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangesetHash, Part};
use gongdan_core::sync::changeset::pin;
use rusqlite::{Transaction, params};

use super::damage::{self, Place, contained};
use super::documents::{Stored, join_heads};
use super::inbox;
use super::work::Work;
use super::{admit, tickets, visibility};
use crate::read_model;
use crate::store::{Database, StoreError};

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Tickets made anew.
    pub tickets: u64,
    /// Log entries replayed.
    pub entries: u64,
    /// Commands executed.
    pub commands: u64,
    /// Entries whose heads came out as the log has them not, or that could not be read or executed.
    pub different: u64,
    /// Tickets with such entries, by number or else by id: they stay as they were.
    pub damaged: Vec<String>,
}

/// Tickets that a rebuild leaves as they are, each with the part where its log does not agree.
type Damaged = BTreeMap<i64, Part>;

/// Drops documents, read model, command ids and actors, and makes them anew from the log, in one transaction.
/// What may be held by whom is computed anew and keeps its numbers where it is the same, because devices count
/// in them.
///
/// # Errors
/// The database fails.
pub fn rebuild(db: &Database) -> Result<Rebuilt, StoreError> {
    db.write(|tx| {
        tx.execute_batch("SAVEPOINT rebuild")?;
        let mut different = 0;
        let mut damaged = Damaged::new();
        let mut rebuilt = replay(tx, &mut damaged, &mut different)?;
        if !damaged.is_empty() {
            // Which they are is known only now, when their rows are gone.
            tx.execute_batch("ROLLBACK TO rebuild")?;
            rebuilt = replay(tx, &mut damaged, &mut 0)?;
            for (index, part) in &damaged {
                let index = index.cast_unsigned();
                damage::flag(tx, index, *part, false)?;
                let row = tickets::by_index(tx, index)?;
                rebuilt.damaged.extend(row.map(|row| match row.number {
                    Some(number) => number.to_string(),
                    None => row.id.to_string(),
                }));
            }
        }
        tx.execute_batch("RELEASE rebuild")?;
        rebuilt.different = different;
        Ok(rebuilt)
    })
}

/// Makes everything anew but the tickets that are `damaged`, and adds those that prove to be.
fn replay(
    tx: &Transaction<'_>,
    damaged: &mut Damaged,
    different: &mut u64,
) -> Result<Rebuilt, StoreError> {
    let kept: Vec<i64> = damaged.keys().copied().collect();
    let kept = serde_json::to_string(&kept).expect("numbers are JSON");
    let others = "ticket_index NOT IN (SELECT value FROM json_each(?1))";
    for sql in [
        format!("DELETE FROM documents WHERE {others}"),
        format!("DELETE FROM command_ids WHERE {others}"),
        "DELETE FROM actors WHERE actor NOT IN
           (SELECT actor FROM log WHERE ticket_index IN (SELECT value FROM json_each(?1)))"
            .to_owned(),
        format!("UPDATE tickets SET appointed_from = NULL, grade = NULL WHERE {others}"),
    ] {
        tx.execute(&sql, params![kept])?;
    }
    read_model::clear_all_but(tx, &kept)?;
    let indexes: Vec<i64> = tx
        .prepare("SELECT ticket_index FROM tickets ORDER BY ticket_index")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut rebuilt = Rebuilt::default();
    // Ticket by ticket: what is in memory at once is one ticket's documents.
    for index in indexes {
        if damaged.contains_key(&index) {
            continue;
        }
        let mut work = Work::new(tx);
        let first = ticket(&mut work, index, &mut rebuilt, different)?;
        match first {
            Some(part) => drop(damaged.insert(index, part)),
            None => work.flush()?,
        }
        rebuilt.tickets += 1;
    }
    Ok(rebuilt)
}

/// Replays one ticket; the part of the first entry that did not come out as the log has it.
fn ticket(
    work: &mut Work<'_, '_>,
    index: i64,
    rebuilt: &mut Rebuilt,
    different: &mut u64,
) -> Result<Option<Part>, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let row = tickets::by_index(work.tx, index.cast_unsigned())?.ok_or(malformed("tickets"))?;
    let entries: Vec<(i64, [u8; 32], u8, Vec<u8>)> = work
        .tx
        .prepare_cached("SELECT seq, changeset, part, heads_after FROM log WHERE ticket_index = ?1 ORDER BY seq")?
        .query_map([index], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let (mut parts, mut last, mut first_different) = (Vec::new(), 0, None);
    for (seq, hash, part, heads_after) in entries {
        rebuilt.entries += 1;
        let seq = seq.cast_unsigned();
        let part = Part::from_code(part).ok_or(malformed("log.part"))?;
        let received = match inbox::by_hash(work.tx, ChangesetHash(hash)) {
            Ok(Some(received)) => received,
            // What the others come to is still counted.
            Ok(None) | Err(StoreError::Malformed { .. }) => {
                *different += 1;
                first_different.get_or_insert(part);
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut stored: Stored = work.take_document(row.index, part)?;
        let executed = contained(Place::Remake(row.index), || {
            execute(&mut stored.document, &received.changeset)
        });
        match executed {
            Ok(Some(count)) if join_heads(&stored.document.heads()) == heads_after => {
                rebuilt.commands += count
            }
            _ => {
                *different += 1;
                first_different.get_or_insert(part);
            }
        }
        stored.seq = seq;
        work.put_document(row.index, row.id, stored, received.received_at);
        let commands = received.changeset.commands().unwrap_or_default();
        admit::derive(work, &received, &row, &commands, seq)?;
        last = seq;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if first_different.is_some() {
        return Ok(first_different);
    }
    let service = work.document(row.index, Part::Service)?;
    let facts = service.and_then(|stored| stored.document.facts());
    if let Some(facts) = facts {
        visibility::update(work, &row, &facts, &parts, None, last)?;
    }
    Ok(None)
}

/// Executes a changeset on its base and merges; the number of its commands.
pub(super) fn execute(
    document: &mut TicketDoc,
    changeset: &gongdan_core::sync::changeset::Changeset,
) -> Option<u64> {
    let header = &changeset.header;
    let mut fork = document.fork_at(&header.base)?;
    let (mut last, mut count) = (None, 0);
    for authored in changeset.commands().ok()? {
        last = Some(fork.execute(header.actor, &authored).ok()?.hash);
        count += 1;
    }
    if pin(last?) != header.pin {
        return None;
    }
    document.merge(&mut fork);
    Some(count)
}
