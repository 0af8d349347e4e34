//! The read model of an older program, and what phones may hold by its rules, made anew from the documents.
//!
//! Invariant: when the relay has started, every row is one that this program's projection makes.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::Part;
use rusqlite::Transaction;

use super::work::Work;
use super::{documents, log_end, tickets, visibility};
use crate::read_model;
use crate::store::{Database, StoreError};

/// Makes the read model anew where another version of the projection made it, in one transaction; of how
/// many tickets.
pub(super) fn refresh(db: &Database) -> Result<Option<usize>, StoreError> {
    if db.read(read_model::is_current)? {
        return Ok(None);
    }
    db.write(|tx| {
        // Another process may have been faster.
        if read_model::is_current(tx)? {
            return Ok(None);
        }
        read_model::clear(tx)?;
        let tickets = last_receipts(tx)?;
        for (index, received_at) in &tickets {
            // Ticket by ticket: what is in memory at once is one ticket's documents.
            let row =
                tickets::by_index(tx, *index)?.ok_or(StoreError::Malformed { what: "tickets" })?;
            let mut work = Work::new(tx);
            work.project(*index, row.id, *received_at)?;
            let service = work.document(*index, Part::Service)?;
            if let Some(facts) = service.and_then(|stored| stored.document.facts()) {
                let parts = documents::parts(tx, *index)?;
                visibility::update(&mut work, &row, &facts, &parts, None, log_end(tx)?)?;
            }
        }
        read_model::note_current(tx)?;
        Ok(Some(tickets.len()))
    })
}

/// The tickets, each with the receipt of what was last admitted to it.
fn last_receipts(tx: &Transaction<'_>) -> Result<Vec<(u64, Timestamp)>, StoreError> {
    let sql = "SELECT ticket_index, received_at FROM log
         WHERE seq IN (SELECT max(seq) FROM log GROUP BY ticket_index) ORDER BY ticket_index";
    let found: Vec<(i64, i64)> = tx
        .prepare(sql)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(found
        .into_iter()
        .map(|(index, at)| (index.cast_unsigned(), Timestamp(at)))
        .collect())
}
