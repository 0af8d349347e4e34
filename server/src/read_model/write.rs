//! Writing the rows. Invariant: what is written for a ticket replaces all that was there for it.

use std::collections::BTreeSet;

use gongdan_core::clock::Timestamp;
use gongdan_core::ticket::Status;
use gongdan_core::ticket::summary::grams;
use rusqlite::{OptionalExtension, Transaction, params};

use super::Rows;
use crate::store::StoreError;

/// The index as SQLite keeps it.
pub(super) fn key(index: u64) -> Result<i64, StoreError> {
    i64::try_from(index).map_err(|_| StoreError::Malformed {
        what: "ticket_index",
    })
}

/// Writes a ticket's rows over the ones it had; `now` becomes its `updated_at`.
///
/// # Errors
/// The database fails.
pub fn store(
    tx: &Transaction<'_>,
    index: u64,
    rows: &Rows,
    now: Timestamp,
) -> Result<(), StoreError> {
    let index = key(index)?;
    store_grams(tx, index, &rows.search_text)?;
    store_row(tx, index, rows, now)?;
    store_conflicts(tx, index, rows)?;
    store_photos(tx, index, rows)
}

/// Empties the read model, for a rebuild.
///
/// # Errors
/// The database fails.
pub fn clear(tx: &Transaction<'_>) -> Result<(), StoreError> {
    clear_all_but(tx, "[]")
}

/// The same, but for tickets whose running numbers are in this list of JSON.
///
/// # Errors
/// The database fails.
pub fn clear_all_but(tx: &Transaction<'_>, kept: &str) -> Result<(), StoreError> {
    for table in [
        "ticket_conflicts",
        "ticket_grams",
        "ticket_photos",
        "ticket_rows",
    ] {
        let sql = format!(
            "DELETE FROM {table} WHERE ticket_index NOT IN (SELECT value FROM json_each(?1))"
        );
        tx.execute(&sql, [kept])?;
    }
    Ok(())
}

fn store_row(
    tx: &Transaction<'_>,
    index: i64,
    rows: &Rows,
    now: Timestamp,
) -> Result<(), StoreError> {
    let s = &rows.summary;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO ticket_rows (ticket_index, id, number, label, status, is_over, disputed, grade,
           region, product_line, model, problem, customer_name, lead, appointed_from, conflicts, clashes,
           opened_at, updated_at, external_ref, search_text, waiting_for, clock, clock_due_at, clock_soon_at,
           clock_paused_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
           ?22, ?23, ?24, ?25, ?26)",
    )?
    .execute(params![
        index,
        s.id.as_bytes(),
        s.number.map(|number| number.to_string()),
        s.label,
        s.status.name(),
        rows.over,
        rows.disputed,
        s.grade,
        s.region,
        s.product_line,
        s.model,
        s.problem,
        s.customer_name,
        s.lead.as_ref().map(|lead| lead.as_str()),
        s.appointed_from.map(Timestamp::seconds),
        s.conflicts,
        s.clashes,
        s.opened_at.map(Timestamp::seconds),
        now.seconds(),
        rows.external_ref,
        rows.search_text,
        rows.waiting_for,
        rows.clock.map(|clock| clock.clock.name()),
        rows.clock.and_then(|clock| clock.due_at).map(Timestamp::seconds),
        rows.clock.and_then(|clock| clock.soon_at).map(Timestamp::seconds),
        rows.clock.and_then(|clock| clock.paused_by).map(Status::name),
    ])?;
    Ok(())
}

/// Writes the difference only: one more note leaves the pieces of the problem text as they are.
fn store_grams(tx: &Transaction<'_>, index: i64, search_text: &str) -> Result<(), StoreError> {
    let before: Option<String> = tx
        .prepare_cached("SELECT search_text FROM ticket_rows WHERE ticket_index = ?1")?
        .query_row([index], |row| row.get(0))
        .optional()?;
    let before: BTreeSet<String> = before.map(|text| grams(&text)).unwrap_or_default();
    let after = grams(search_text);
    let mut delete =
        tx.prepare_cached("DELETE FROM ticket_grams WHERE gram = ?1 AND ticket_index = ?2")?;
    for gram in before.difference(&after) {
        delete.execute(params![gram, index])?;
    }
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO ticket_grams (gram, ticket_index) VALUES (?1, ?2)",
    )?;
    for gram in after.difference(&before) {
        insert.execute(params![gram, index])?;
    }
    Ok(())
}

fn store_photos(tx: &Transaction<'_>, index: i64, rows: &Rows) -> Result<(), StoreError> {
    // A reference is never taken away, it is struck out.
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO ticket_photos (ticket_index, blob, part) VALUES (?1, ?2, ?3)",
    )?;
    for (part, blob) in &rows.attachments {
        insert.execute(params![index, blob.0, part.code()])?;
    }
    Ok(())
}

fn store_conflicts(tx: &Transaction<'_>, index: i64, rows: &Rows) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM ticket_conflicts WHERE ticket_index = ?1")?
        .execute([index])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO ticket_conflicts (ticket_index, part, place, candidates) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for conflict in &rows.conflicts {
        let place = serde_json::to_string(&conflict.on).expect("a place is JSON");
        let candidates = serde_json::to_string(&conflict.candidates).expect("candidates are JSON");
        insert.execute(params![index, conflict.part.name(), place, candidates])?;
    }
    Ok(())
}
