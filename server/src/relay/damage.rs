//! What goes wrong with one ticket's documents stays with that ticket: bytes that rotted, a document that the
//! library cannot read, a panic inside it.
//!
//! ```text
//! a stored document does not load ─▶ made anew from the log ─▶ used, flagged; the next writer writes it back
//!                                 └▶ that fails too         ─▶ StoreError::Damaged, of this part alone
//! a panic while judging           ─▶ what the changeset did is undone; it is held for another program version
//! ```
//! Invariant: a document that was made anew has the heads that the log remembers; nothing that a panic left
//! half done is kept, in the database or in memory.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangesetHash, Part, TicketId};
use rusqlite::{Connection, Transaction, params};

use super::documents::{self, join_heads};
use super::work::Work;
use super::{Relay, inbox, rebuild, sql_index, tickets};
use crate::store::StoreError;

/// Where the document library is called, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A stored document is loaded.
    Load(u64),
    /// A document is made anew.
    Remake(u64),
    /// A changeset is judged and merged.
    Judge(TicketId),
    /// A document is saved, and its rows made.
    Show(u64),
    /// A document is packed for a device.
    Pack(u64),
}

/// A panic that was contained. Its message stays where the panic hook put it: it may tell of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Panicked;

/// Runs what calls the document library. What `run` changes beyond its own values must be undone by the caller
/// where this fails.
pub(super) fn contained<T>(place: Place, run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(|| {
        #[cfg(test)]
        tests::strike(place);
        run()
    }))
    .map_err(|_| {
        tracing::error!(?place, "a panic was contained");
        Panicked
    })
}

/// A part's document from the log alone, with its last entry; `None` where that gives not what the log
/// remembers, or nothing was admitted.
pub(super) fn remake(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
) -> Result<Option<(TicketDoc, u64)>, StoreError> {
    let entries: Vec<(i64, [u8; 32], Vec<u8>)> = connection
        .prepare_cached(
            "SELECT seq, changeset, heads_after FROM log WHERE ticket_index = ?1 AND part = ?2 ORDER BY seq",
        )?
        .query_map(params![sql_index(ticket_index), part.code()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut document = TicketDoc::genesis(part);
    let mut last = None;
    for (seq, hash, heads_after) in entries {
        let received = match inbox::by_hash(connection, ChangesetHash(hash)) {
            Ok(Some(received)) => received,
            Ok(None) | Err(StoreError::Malformed { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let executed = contained(Place::Remake(ticket_index), || {
            rebuild::execute(&mut document, &received.changeset)
        });
        if !matches!(executed, Ok(Some(_))) || join_heads(&document.heads()) != heads_after {
            return Ok(None);
        }
        last = Some(seq.cast_unsigned());
    }
    Ok(last.map(|seq| (document, seq)))
}

/// Damaged documents that readers met, who cannot write: by database file.
static FOUND: Mutex<BTreeSet<(String, u64, u8)>> = Mutex::new(BTreeSet::new());

/// A reader met a document that does not load.
pub(super) fn found(connection: &Connection, ticket_index: u64, part: Part) {
    if let Some(path) = connection.path() {
        lock().insert((path.to_owned(), ticket_index, part.code()));
    }
}

fn lock() -> std::sync::MutexGuard<'static, BTreeSet<(String, u64, u8)>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take_found(path: &Path) -> Vec<(u64, Part)> {
    let mut all = lock();
    if all.is_empty() {
        return Vec::new();
    }
    let here = all.extract_if(.., |(of, ..)| Path::new(of) == path);
    here.filter_map(|(_, index, part)| Some((index, Part::from_code(part)?)))
        .collect()
}

/// Remembers that a part's document did not load.
pub(super) fn flag(
    tx: &Transaction<'_>,
    ticket_index: u64,
    part: Part,
    mended: bool,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO damaged_documents (ticket_index, part, times, mended) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (ticket_index, part) DO UPDATE SET times = times + 1, mended = excluded.mended",
    )?
    .execute(params![sql_index(ticket_index), part.code(), mended])?;
    Ok(())
}

/// A document that once did not load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its ticket's running number.
    pub ticket_index: u64,
    /// Which part.
    pub part: Part,
    /// How often it was found so.
    pub times: u64,
    /// It was made anew from the log.
    pub mended: bool,
}

/// All that ever did not load, by ticket and part.
///
/// # Errors
/// The database fails.
pub fn list(connection: &Connection) -> Result<Vec<Damaged>, StoreError> {
    let rows: Vec<(i64, u8, i64, bool)> = connection
        .prepare("SELECT ticket_index, part, times, mended FROM damaged_documents ORDER BY 1, 2")?
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows
        .into_iter()
        .filter_map(|(index, part, times, mended)| {
            Some(Damaged {
                ticket_index: index.cast_unsigned(),
                part: Part::from_code(part)?,
                times: times.cast_unsigned(),
                mended,
            })
        })
        .collect())
}

impl Relay {
    /// Writes back what readers had to make anew, and flags it.
    pub(super) fn mend(&self) -> Result<(), StoreError> {
        let found = take_found(self.db.path());
        if found.is_empty() {
            return Ok(());
        }
        self.db.write(|tx| {
            let mut work = Work::new(tx);
            for (index, part) in found {
                if tickets::by_index(tx, index)?.is_none() {
                    continue;
                }
                match work.document(index, part) {
                    Err(StoreError::Damaged { .. }) => flag(tx, index, part, false)?,
                    other => drop(other?),
                }
            }
            work.flush()
        })
    }
}

/// Whether a part's stored document is whole and as the log's end has it; nothing is made anew.
///
/// # Errors
/// The database fails.
pub fn is_sound(
    connection: &Connection,
    ticket_index: u64,
    part: Part,
    heads: &[u8],
) -> Result<bool, StoreError> {
    Ok(match documents::read(connection, ticket_index, part)? {
        documents::Found::Sound(stored) => join_heads(&stored.document.heads()) == heads,
        documents::Found::Nothing | documents::Found::Damaged => false,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::Place;
    use std::cell::RefCell;

    type Struck = Box<dyn Fn(Place) -> bool>;

    thread_local! {
        static STRUCK: RefCell<Option<Struck>> = const { RefCell::new(None) };
    }

    /// On this thread the document library panics at these places from now on.
    pub(crate) fn panic_at(place: impl Fn(Place) -> bool + 'static) {
        STRUCK.with_borrow_mut(|struck| *struck = Some(Box::new(place)));
    }

    /// It does so no more.
    pub(crate) fn heal() {
        STRUCK.with_borrow_mut(|struck| *struck = None);
    }

    pub(super) fn strike(place: Place) {
        let hit = STRUCK.with_borrow(|struck| struck.as_ref().is_some_and(|hit| hit(place)));
        assert!(!hit, "a planted panic");
    }
}
