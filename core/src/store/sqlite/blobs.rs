//! Attachments in the phone's file, in pieces: reading one piece of a large one takes little memory.

use std::ops::Range;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::{BlobRow, BlobState, StoreError};
use crate::ids::{BlobHash, TicketId};

/// Bytes of a piece.
const CHUNK_BYTES: u64 = 256 * 1024;

const SELECT: &str = "SELECT hash, ticket, media_type, bytes, sent FROM blobs";

fn read_row(row: &Row<'_>) -> Result<BlobRow, rusqlite::Error> {
    Ok(BlobRow {
        hash: BlobHash(row.get(0)?),
        ticket: TicketId::from_bytes(row.get(1)?),
        media_type: row.get(2)?,
        bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        state: if row.get(4)? {
            BlobState::Sent
        } else {
            BlobState::Unsent
        },
    })
}

pub(super) fn put(tx: &Transaction<'_>, row: &BlobRow, bytes: &[u8]) -> Result<(), StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT INTO blobs (hash, ticket, media_type, bytes, sent) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (hash) DO NOTHING",
        )?
        .execute(params![
            row.hash.0,
            row.ticket.as_bytes(),
            row.media_type,
            row.bytes.cast_signed(),
            row.state == BlobState::Sent,
        ])?;
    if added == 0 {
        return Ok(());
    }
    let blob = tx.last_insert_rowid();
    let mut insert =
        tx.prepare_cached("INSERT INTO blob_chunks (blob, ordinal, bytes) VALUES (?1, ?2, ?3)")?;
    let size = usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX);
    for (ordinal, chunk) in (0i64..).zip(bytes.chunks(size)) {
        insert.execute(params![blob, ordinal, chunk])?;
    }
    Ok(())
}

pub(super) fn find(tx: &Transaction<'_>, hash: BlobHash) -> Result<Option<BlobRow>, StoreError> {
    let mut statement = tx.prepare_cached(&format!("{SELECT} WHERE hash = ?1"))?;
    Ok(statement.query_row([hash.0], read_row).optional()?)
}

pub(super) fn in_state(tx: &Transaction<'_>, state: BlobState) -> Result<Vec<BlobRow>, StoreError> {
    let mut statement = tx.prepare_cached(&format!("{SELECT} WHERE sent = ?1 ORDER BY id"))?;
    let rows = statement.query_map([state == BlobState::Sent], read_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn read(
    tx: &Transaction<'_>,
    hash: BlobHash,
    range: Range<u64>,
) -> Result<Vec<u8>, StoreError> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let first = range.start / CHUNK_BYTES;
    let last = (range.end - 1) / CHUNK_BYTES;
    let mut statement = tx.prepare_cached(
        "SELECT c.bytes FROM blob_chunks c JOIN blobs b ON b.id = c.blob
         WHERE b.hash = ?1 AND c.ordinal BETWEEN ?2 AND ?3 ORDER BY c.ordinal",
    )?;
    let chunks = statement.query_map(
        params![hash.0, first.cast_signed(), last.cast_signed()],
        |row| row.get::<_, Vec<u8>>(0),
    )?;
    let mut bytes = Vec::new();
    for chunk in chunks {
        bytes.extend(chunk?);
    }
    let skip = usize::try_from(range.start - first * CHUNK_BYTES).unwrap_or(usize::MAX);
    bytes.drain(..skip.min(bytes.len()));
    bytes.truncate(usize::try_from(range.end - range.start).unwrap_or(usize::MAX));
    Ok(bytes)
}

pub(super) fn mark_sent(tx: &Transaction<'_>, hash: BlobHash) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE blobs SET sent = 1 WHERE hash = ?1")?
        .execute([hash.0])?;
    Ok(())
}

pub(super) fn mark_all_unsent(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE blobs SET sent = 0 WHERE sent = 1")?
        .execute([])?;
    Ok(())
}

pub(super) fn delete(tx: &Transaction<'_>, hash: BlobHash) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM blobs WHERE hash = ?1")?
        .execute([hash.0])?;
    Ok(())
}

pub(super) fn delete_of(tx: &Transaction<'_>, ticket: TicketId) -> Result<(), StoreError> {
    tx.prepare_cached("DELETE FROM blobs WHERE ticket = ?1")?
        .execute([ticket.as_bytes()])?;
    Ok(())
}
