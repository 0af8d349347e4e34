//! Rebuilding: everything derived made anew from the signed changesets alone. No stored document is read.
//!
//! Invariant: admitted commands are executed, never judged again; what comes out is compared with the heads
//! that the log remembers, entry by entry.

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangesetHash, Part};
use gongdan_core::sync::changeset::pin;
use rusqlite::Transaction;

use super::documents::{Stored, join_heads};
use super::inbox;
use super::work::Work;
use super::{admit, tickets, visibility};
use crate::auth::identity::DESK_INDEX;
use crate::read_model;
use crate::store::{Database, StoreError};

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Tickets replayed.
    pub tickets: u64,
    /// Log entries replayed.
    pub entries: u64,
    /// Commands executed.
    pub commands: u64,
    /// Entries whose heads came out as the log has them not, or that could not be executed.
    pub different: u64,
}

/// Drops documents, read model, command ids and actors, and makes them anew from the log, in one transaction.
/// What may be held by whom is computed anew and keeps its numbers where it is the same, because devices count
/// in them. Where anything differs nothing is changed, and the count says so.
///
/// # Errors
/// The database fails.
pub fn rebuild(db: &Database) -> Result<Rebuilt, StoreError> {
    let outcome = db.write(|tx| {
        let rebuilt = replay(tx).map_err(Failed::Store)?;
        if rebuilt.different > 0 {
            Err(Failed::Different(rebuilt))
        } else {
            Ok(rebuilt)
        }
    });
    match outcome {
        Ok(rebuilt) | Err(Failed::Different(rebuilt)) => Ok(rebuilt),
        Err(Failed::Store(error)) => Err(error),
    }
}

enum Failed {
    Store(StoreError),
    /// Rolls back.
    Different(Rebuilt),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn replay(tx: &Transaction<'_>) -> Result<Rebuilt, StoreError> {
    for table in ["documents", "command_ids", "actors"] {
        tx.execute(&format!("DELETE FROM {table}"), [])?;
    }
    tx.execute("UPDATE tickets SET appointed_from = NULL, grade = NULL", [])?;
    read_model::clear(tx)?;
    let indexes: Vec<i64> = tx
        .prepare("SELECT ticket_index FROM tickets ORDER BY ticket_index")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut rebuilt = Rebuilt::default();
    // Ticket by ticket: what is in memory at once is one ticket's documents.
    for index in indexes {
        let mut work = Work::new(tx);
        rebuilt.tickets += 1;
        ticket(&mut work, index, &mut rebuilt)?;
        work.flush()?;
    }
    Ok(rebuilt)
}

fn ticket(work: &mut Work<'_, '_>, index: i64, rebuilt: &mut Rebuilt) -> Result<(), StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let row = tickets::by_index(work.tx, index.cast_unsigned())?.ok_or(malformed("tickets"))?;
    let entries: Vec<(i64, [u8; 32], u8, Vec<u8>)> = work
        .tx
        .prepare_cached("SELECT seq, changeset, part, heads_after FROM log WHERE ticket_index = ?1 ORDER BY seq")?
        .query_map([index], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<Result<_, _>>()?;
    let (mut parts, mut last) = (Vec::new(), 0);
    for (seq, hash, part, heads_after) in entries {
        rebuilt.entries += 1;
        let seq = seq.cast_unsigned();
        let part = Part::from_code(part).ok_or(malformed("log.part"))?;
        let received =
            inbox::by_hash(work.tx, ChangesetHash(hash))?.ok_or(malformed("log.changeset"))?;
        let mut stored: Stored = work.take_document(row.index, part)?;
        match execute(&mut stored.document, &received.changeset) {
            Some(count) if join_heads(&stored.document.heads()) == heads_after => {
                rebuilt.commands += count
            }
            _ => rebuilt.different += 1,
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
    let service = work.document(row.index, Part::Service)?;
    let facts = service.and_then(|stored| stored.document.facts());
    if let Some(facts) = facts {
        visibility::update(work, &row, &facts, &parts, DESK_INDEX, last)?;
    }
    Ok(())
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
