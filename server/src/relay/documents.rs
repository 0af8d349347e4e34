//! The documents as they are after the log's end. Invariant: `bytes` holds what the log up to `seq` makes,
//! so that dropping the table loses nothing.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use gongdan_core::document::{TicketDoc, Unreadable};
use gongdan_core::ids::{ChangeHash, Part};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::damage::{self, Place, contained};
use super::sql_index;
use crate::store::StoreError;

static LOADS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LOADS_HERE: Cell<u64> = const { Cell::new(0) };
}

/// How many documents this process has loaded: what an idle sync must not add to.
pub fn loads() -> u64 {
    LOADS.load(Ordering::Relaxed)
}

/// The same of this thread alone, for tests that run beside others.
pub fn loads_of_this_thread() -> u64 {
    LOADS_HERE.get()
}

/// A document with its place in the log.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The document.
    pub document: TicketDoc,
    /// Last log entry in it.
    pub seq: u64,
    /// What it takes at most, by [`TicketDoc::plain_bytes`].
    pub bytes: usize,
    /// What is stored did not load; this was made anew from the log.
    pub remade: bool,
}

/// A part's document; `None` where nothing was admitted to the part.
///
/// # Errors
/// The database fails, or the document does not load and cannot be made anew.
pub fn load(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
) -> Result<Option<TicketDoc>, StoreError> {
    Ok(load_stored(connection, ticket_index, part)?.map(|stored| stored.document))
}

/// The parts of a ticket that something was admitted to.
pub(super) fn parts(connection: &Connection, ticket_index: u64) -> Result<Vec<Part>, StoreError> {
    let codes: Vec<u8> = connection
        .prepare_cached("SELECT part FROM documents WHERE ticket_index = ?1 ORDER BY part")?
        .query_map([sql_index(ticket_index)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(codes.into_iter().filter_map(Part::from_code).collect())
}

/// Whether something is stored of a part.
pub(super) fn is_there(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM documents WHERE ticket_index = ?1 AND part = ?2")?
        .exists(params![sql_index(ticket_index), part.code()])?)
}

/// The document with its place in the log. One that does not load is made anew from the log.
///
/// # Errors
/// As [`load`].
pub fn load_stored(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
) -> Result<Option<Stored>, StoreError> {
    match read(connection, ticket_index, part)? {
        Found::Nothing => return Ok(None),
        Found::Sound(stored) => return Ok(Some(*stored)),
        Found::Damaged => {}
    }
    damage::found(connection, ticket_index, part);
    let Some((document, seq)) = damage::remake(connection, ticket_index, part)? else {
        tracing::error!(
            ticket.index = ticket_index,
            ?part,
            "a stored document does not load, and the log gives none"
        );
        return Err(StoreError::Damaged { ticket_index, part });
    };
    tracing::error!(
        ticket.index = ticket_index,
        ?part,
        "a stored document does not load; the log gave it again"
    );
    Ok(Some(Stored {
        bytes: document.plain_bytes(),
        document,
        seq,
        remade: true,
    }))
}

/// What is stored of a part.
pub(super) enum Found {
    /// Nothing was admitted to it.
    Nothing,
    /// A document that is the log's.
    Sound(Box<Stored>),
    /// Bytes that are none, or one that ends before the log does.
    Damaged,
}

/// Reads what is stored, and mends nothing.
pub(super) fn read(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
) -> Result<Found, StoreError> {
    let found: Option<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT seq, bytes FROM documents WHERE ticket_index = ?1 AND part = ?2")?
        .query_row(params![sql_index(ticket_index), part.code()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((seq, bytes)) = found else {
        return Ok(Found::Nothing);
    };
    let end: Option<i64> = connection
        .prepare_cached("SELECT max(seq) FROM log WHERE ticket_index = ?1 AND part = ?2")?
        .query_row(params![sql_index(ticket_index), part.code()], |row| {
            row.get(0)
        })?;
    if end != Some(seq) {
        return Ok(Found::Damaged);
    }
    LOADS.fetch_add(1, Ordering::Relaxed);
    LOADS_HERE.set(LOADS_HERE.get() + 1);
    let loaded = contained(Place::Load(ticket_index), || {
        let document = TicketDoc::load(part, &bytes)?;
        Ok::<_, Unreadable>((document.plain_bytes(), document))
    });
    let Ok(Ok((bytes, document))) = loaded else {
        return Ok(Found::Damaged);
    };
    Ok(Found::Sound(Box::new(Stored {
        document,
        seq: seq.cast_unsigned(),
        bytes,
        remade: false,
    })))
}

/// Writes a document over the one there was.
pub(super) fn store(
    tx: &Transaction<'_>,
    ticket_index: u64,
    document: &TicketDoc,
    seq: u64,
) -> Result<(), StoreError> {
    let bytes = document.save();
    tx.prepare_cached(
        "INSERT INTO documents (ticket_index, part, seq, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (ticket_index, part) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes",
    )?
    .execute(params![
        sql_index(ticket_index),
        document.part().code(),
        sql_index(seq),
        bytes
    ])?;
    Ok(())
}

/// Heads as one column holds them.
pub(crate) fn join_heads(heads: &[ChangeHash]) -> Vec<u8> {
    heads.iter().flat_map(|head| head.0).collect()
}

/// Heads of a column.
pub(super) fn split_heads(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes
        .as_chunks::<32>()
        .0
        .iter()
        .map(|head| ChangeHash(*head))
        .collect()
}
