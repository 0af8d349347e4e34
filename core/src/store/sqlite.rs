//! The phone's store on SQLite: encrypted, WAL, every commit on the disk before it returns.

mod blobs;
mod open;

use std::ffi::CStr;
use std::ops::Range;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    ActorRow, AsideRow, BlobRow, BlobState, Filter, KeptRow, MirrorRow, Origin, OutboxEntry,
    OutboxState, SealedRow, Settled, Store, StoreError, StoreTxn, TicketRow, Work,
};
use crate::ids::{ActorId, BlobHash, ChangeHash, Part, PartRef, TicketId};
use crate::sync::codec;
use crate::sync::protocol::DeviceRecord;
use crate::ticket::summary::{Summary, grams, matches};

pub use open::{FileState, StoreKey, file_state};

/// Migrations, append-only; the file's `user_version` counts those it has had.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2_kept.sql"),
    include_str!("schema_3_unacknowledged.sql"),
];

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> Self {
        match e.sqlite_error() {
            Some(error) if error.code == rusqlite::ErrorCode::DiskFull => Self::Full,
            Some(error) if error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER => {
                Self::Unacknowledged
            }
            _ => Self::Backend(Box::new(e)),
        }
    }
}

/// A store in one SQLite file.
pub struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens or makes the file. One of an earlier version, which is not encrypted, is encrypted first.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`]; then the file is as it was.
    pub fn open(path: impl AsRef<Path>, key: &StoreKey) -> Result<Self, StoreError> {
        Self::with(open::open(path.as_ref(), key)?, "WAL")
    }

    /// Opens or makes a database on a virtual file system that the host registered, such as a browser's
    /// private one: without shared memory there is no write-ahead log, and the journal is truncated instead.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`]; then the database is as it was.
    pub fn open_on(vfs: &CStr, name: &str, key: &StoreKey) -> Result<Self, StoreError> {
        Self::with(open::open_on(vfs, name, key)?, "TRUNCATE")
    }

    /// A file as earlier versions wrote it, for tests that need something to find or to convert.
    #[cfg(any(test, feature = "testing"))]
    pub fn open_unencrypted(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with(Connection::open(path)?, "WAL")
    }

    /// A database in memory, for tests.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with(Connection::open_in_memory()?, "WAL")
    }

    fn with(mut connection: Connection, journal: &str) -> Result<Self, StoreError> {
        connection.pragma_update(None, "journal_mode", journal)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.set_prepared_statement_cache_capacity(64);
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let had: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let todo = MIGRATIONS
            .get(had as usize..)
            .ok_or(StoreError::Malformed {
                what: "a store of a later version",
            })?;
        for migration in todo {
            tx.execute_batch(migration)?;
        }
        tx.pragma_update(
            None,
            "user_version",
            u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX),
        )?;
        tx.commit()?;
        Ok(Self { connection })
    }
}

impl Store for SqliteStore {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut txn = SqliteTxn { tx };
        work(&mut txn)?;
        Ok(txn.tx.commit()?)
    }

    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)?;
        work(&mut SqliteTxn { tx })
    }
}

struct SqliteTxn<'a> {
    tx: Transaction<'a>,
}

fn malformed(what: &'static str) -> impl Fn() -> StoreError {
    move || StoreError::Malformed { what }
}

fn decode<T>(bytes: &[u8], what: &'static str) -> Result<T, StoreError>
where
    T: for<'b> minicbor::Decode<'b, ()>,
{
    minicbor::decode(bytes).map_err(|_| StoreError::Malformed { what })
}

fn split_heads(bytes: &[u8]) -> Result<Vec<ChangeHash>, StoreError> {
    let (heads, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(malformed("a mirror's heads")());
    }
    Ok(heads.iter().copied().map(ChangeHash).collect())
}

fn part_ref(ticket: [u8; 16], part: u8) -> Result<PartRef, StoreError> {
    let part = Part::from_code(part).ok_or_else(malformed("a part"))?;
    let ticket = TicketId::from_bytes(ticket);
    Ok(PartRef { ticket, part })
}

/// A count as SQLite takes it.
fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn summary(json: &str) -> Result<Summary, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Malformed {
        what: "a ticket's row",
    })
}

fn seconds(at: Option<crate::clock::Timestamp>) -> Option<i64> {
    at.map(|at| at.seconds())
}

impl SqliteTxn<'_> {
    fn entries(
        &self,
        sql: &str,
        params: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        rows.map(|row| {
            let (id, bytes) = row?;
            let mut entry: OutboxEntry = decode(&bytes, "an outbox entry")?;
            entry.id = id.cast_unsigned();
            Ok(entry)
        })
        .collect()
    }

    fn sealed_rows(
        &self,
        sql: &str,
        params: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<SealedRow>, StoreError> {
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map(params, |row| {
            Ok((
                row.get::<_, u32>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        })?;
        rows.map(|row| {
            let (device_sequence, changeset, entries) = row?;
            Ok(SealedRow {
                device_sequence,
                changeset,
                entries: decode(&entries, "a sealed changeset")?,
            })
        })
        .collect()
    }
}

impl StoreTxn for SqliteTxn<'_> {
    fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }
    fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
        self.tx.prepare_cached(sql)?.execute(params![key, value])?;
        Ok(())
    }

    fn ticket(&mut self, id: TicketId) -> Result<Option<TicketRow>, StoreError> {
        let sql = "SELECT ticket_index, summary, search_text FROM tickets WHERE id = ?1";
        let mut statement = self.tx.prepare_cached(sql)?;
        let row = statement
            .query_row([id.as_bytes()], |row| {
                Ok((
                    row.get::<_, Option<i64>>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                ))
            })
            .optional()?;
        row.map(|(index, json, search_text)| {
            Ok(TicketRow {
                id,
                index: index.map(i64::cast_unsigned),
                summary: summary(&json)?,
                search_text,
            })
        })
        .transpose()
    }
    fn ticket_by_index(&mut self, index: u64) -> Result<Option<TicketId>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT id FROM tickets WHERE ticket_index = ?1")?;
        let id = statement
            .query_row([index.cast_signed()], |row| row.get::<_, [u8; 16]>(0))
            .optional()?;
        Ok(id.map(TicketId::from_bytes))
    }
    fn put_ticket(&mut self, row: &TicketRow) -> Result<(), StoreError> {
        let before: Option<String> = self
            .tx
            .prepare_cached("SELECT search_text FROM tickets WHERE id = ?1")?
            .query_row([row.id.as_bytes()], |r| r.get(0))
            .optional()?;
        let s = &row.summary;
        let json = serde_json::to_string(s).map_err(|e| StoreError::Backend(Box::new(e)))?;
        self.tx
            .prepare_cached(
                "INSERT INTO tickets (id, ticket_index, status, grade, appointed_from, opened_at, summary, search_text)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (id) DO UPDATE SET ticket_index = ?2, status = ?3, grade = ?4, appointed_from = ?5,
                     opened_at = ?6, summary = ?7, search_text = ?8",
            )?
            .execute(params![
                row.id.as_bytes(),
                row.index.map(u64::cast_signed),
                s.status.name(),
                s.grade,
                seconds(s.appointed_from),
                seconds(s.opened_at),
                json,
                row.search_text
            ])?;
        if before.as_deref() == Some(&row.search_text) {
            return Ok(());
        }
        let (old, new) = (
            before.map(|text| grams(&text)).unwrap_or_default(),
            grams(&row.search_text),
        );
        let mut delete = self
            .tx
            .prepare_cached("DELETE FROM ticket_grams WHERE gram = ?1 AND ticket = ?2")?;
        for gram in old.difference(&new) {
            delete.execute(params![gram, row.id.as_bytes()])?;
        }
        let mut insert = self
            .tx
            .prepare_cached("INSERT INTO ticket_grams (gram, ticket) VALUES (?1, ?2)")?;
        for gram in new.difference(&old) {
            insert.execute(params![gram, row.id.as_bytes()])?;
        }
        Ok(())
    }
    fn delete_ticket(&mut self, id: TicketId) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM tickets WHERE id = ?1")?
            .execute([id.as_bytes()])?;
        Ok(())
    }
    fn list(&mut self, filter: &Filter) -> Result<Vec<Summary>, StoreError> {
        let query = filter.query.as_deref().unwrap_or_default();
        let wanted: Vec<String> = query.split_whitespace().flat_map(grams).collect();
        let statuses: Vec<&str> = filter.statuses.iter().map(|s| s.name()).collect();
        let json = |list: &[&str]| {
            serde_json::to_string(list).map_err(|e| StoreError::Backend(Box::new(e)))
        };
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        // A one-character word has no piece of its own in the index: its rows are scanned.
        let indexed = !wanted.is_empty()
            && query
                .split_whitespace()
                .all(|word| word.chars().count() > 1);
        let mut statement = self.tx.prepare_cached(
            "SELECT summary, search_text FROM tickets
             WHERE (?1 = 0 OR id IN (
                 SELECT ticket FROM ticket_grams WHERE gram IN (SELECT value FROM json_each(?2))
                 GROUP BY ticket HAVING count(*) = ?3))
             AND (?4 = '[]' OR status IN (SELECT value FROM json_each(?4)))
             AND (?5 IS NULL OR grade = ?5)
             ORDER BY appointed_from IS NULL, appointed_from, opened_at DESC, id",
        )?;
        let distinct: std::collections::BTreeSet<&str> = wanted.iter().copied().collect();
        let rows = statement.query_map(
            params![
                indexed,
                json(&wanted)?,
                i64::try_from(distinct.len()).unwrap_or(i64::MAX),
                json(&statuses)?,
                filter.grade
            ],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )?;
        let limit = if filter.limit == 0 {
            usize::MAX
        } else {
            filter.limit as usize
        };
        let mut skip = filter.offset;
        let mut found = Vec::new();
        for row in rows {
            let (row, search_text) = row?;
            if !matches(&search_text, query) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if found.len() == limit {
                break;
            }
            found.push(summary(&row)?);
        }
        Ok(found)
    }

    fn mirror(&mut self, part: PartRef) -> Result<Option<MirrorRow>, StoreError> {
        let sql = "SELECT document, heads, seq FROM mirrors WHERE ticket = ?1 AND part = ?2";
        let mut statement = self.tx.prepare_cached(sql)?;
        let row = statement
            .query_row(params![part.ticket.as_bytes(), part.part.code()], |row| {
                Ok((
                    row.get::<_, Vec<u8>>(0)?,
                    row.get::<_, Vec<u8>>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })
            .optional()?;
        row.map(|(document, heads, seq)| {
            Ok(MirrorRow {
                document,
                heads: split_heads(&heads)?,
                seq: seq.cast_unsigned(),
            })
        })
        .transpose()
    }
    fn put_mirror(&mut self, part: PartRef, row: &MirrorRow) -> Result<(), StoreError> {
        let heads: Vec<u8> = row.heads.iter().flat_map(|h| h.0).collect();
        self.tx
            .prepare_cached(
                "INSERT INTO mirrors (ticket, part, document, heads, seq) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (ticket, part) DO UPDATE SET document = ?3, heads = ?4, seq = ?5",
            )?
            .execute(params![part.ticket.as_bytes(), part.part.code(), row.document, heads, row.seq.cast_signed()])?;
        Ok(())
    }
    fn delete_mirror(&mut self, part: PartRef) -> Result<(), StoreError> {
        let sql = "DELETE FROM mirrors WHERE ticket = ?1 AND part = ?2";
        self.tx
            .prepare_cached(sql)?
            .execute(params![part.ticket.as_bytes(), part.part.code()])?;
        Ok(())
    }

    fn set_mirrors_aside(&mut self) -> Result<(), StoreError> {
        self.tx.execute_batch(
            "INSERT INTO asides (ticket, part, document, heads, replaced)
                 SELECT ticket, part, document, heads, 0 FROM mirrors WHERE seq > 0;
             UPDATE tickets SET ticket_index = NULL;",
        )?;
        Ok(())
    }
    fn asides(&mut self, after: u64, limit: usize) -> Result<Vec<AsideRow>, StoreError> {
        let sql = "SELECT id, ticket, part, heads, replaced FROM asides WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map(params![after.cast_signed(), sql_limit(limit)], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, [u8; 16]>(1)?,
                row.get::<_, u8>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, bool>(4)?,
            ))
        })?;
        rows.map(|row| {
            let (id, ticket, part, heads, replaced) = row?;
            Ok(AsideRow {
                id: id.cast_unsigned(),
                part: part_ref(ticket, part)?,
                heads: split_heads(&heads)?,
                replaced,
            })
        })
        .collect()
    }
    fn aside_document(&mut self, id: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT document FROM asides WHERE id = ?1")?;
        Ok(statement
            .query_row([id.cast_signed()], |row| row.get(0))
            .optional()?)
    }
    fn mark_replaced(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE asides SET replaced = 1 WHERE ticket = ?1 AND part = ?2")?
            .execute(params![part.ticket.as_bytes(), part.part.code()])?;
        Ok(())
    }
    fn delete_aside(&mut self, id: u64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM asides WHERE id = ?1")?
            .execute([id.cast_signed()])?;
        Ok(())
    }
    fn delete_asides_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM asides WHERE ticket = ?1 AND part = ?2")?
            .execute(params![part.ticket.as_bytes(), part.part.code()])?;
        Ok(())
    }

    fn put_entry(&mut self, entry: &OutboxEntry) -> Result<u64, StoreError> {
        let id = (entry.id != 0).then_some(entry.id.cast_signed());
        self.tx
            .prepare_cached(
                "INSERT INTO outbox (id, ticket, part, state, entry) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET ticket = ?2, part = ?3, state = ?4, entry = ?5",
            )?
            .execute(params![
                id,
                entry.ticket.as_bytes(),
                entry.part.code(),
                entry.state as u8,
                codec::encode(entry)
            ])?;
        Ok(if entry.id == 0 {
            self.tx.last_insert_rowid().cast_unsigned()
        } else {
            entry.id
        })
    }
    fn entry(&mut self, id: u64) -> Result<Option<OutboxEntry>, StoreError> {
        Ok(self
            .entries(
                "SELECT id, entry FROM outbox WHERE id = ?1",
                &[&id.cast_signed()],
            )?
            .pop())
    }
    fn delete_entry(&mut self, id: u64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id.cast_signed()])?;
        Ok(())
    }
    fn settle_entry(&mut self, id: u64, settled: Settled) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE outbox SET settled = ?2 WHERE id = ?1")?
            .execute(params![id.cast_signed(), settled as u8])?;
        self.delete_entry(id)
    }
    fn entries_of(&mut self, part: PartRef) -> Result<Vec<OutboxEntry>, StoreError> {
        self.entries(
            "SELECT id, entry FROM outbox WHERE ticket = ?1 AND part = ?2 ORDER BY id",
            &[part.ticket.as_bytes(), &part.part.code()],
        )
    }
    fn entries_in(&mut self, state: OutboxState) -> Result<Vec<OutboxEntry>, StoreError> {
        self.entries(
            "SELECT id, entry FROM outbox WHERE state = ?1 ORDER BY id",
            &[&(state as u8)],
        )
    }

    fn sealed(&mut self, device_sequence: u32) -> Result<Option<SealedRow>, StoreError> {
        let sql =
            "SELECT device_sequence, changeset, entries FROM sealed WHERE device_sequence = ?1";
        Ok(self.sealed_rows(sql, &[&device_sequence])?.pop())
    }
    fn all_sealed(&mut self) -> Result<Vec<SealedRow>, StoreError> {
        self.sealed_rows(
            "SELECT device_sequence, changeset, entries FROM sealed ORDER BY device_sequence",
            &[],
        )
    }
    fn put_sealed(&mut self, row: &SealedRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO sealed (device_sequence, changeset, entries) VALUES (?1, ?2, ?3)
                   ON CONFLICT (device_sequence) DO UPDATE SET changeset = ?2, entries = ?3";
        let entries = codec::encode(&row.entries);
        self.tx.prepare_cached(sql)?.execute(params![
            row.device_sequence,
            row.changeset,
            entries
        ])?;
        Ok(())
    }
    fn delete_sealed(&mut self, device_sequence: u32) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM sealed WHERE device_sequence = ?1")?
            .execute([device_sequence])?;
        Ok(())
    }

    fn put_kept(&mut self, row: &KeptRow) -> Result<u64, StoreError> {
        let id = (row.id != 0).then_some(row.id.cast_signed());
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO kept (id, origin, place, ticket, part, changeset, entries)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                row.origin.code(),
                row.place.cast_signed(),
                row.part.ticket.as_bytes(),
                row.part.part.code(),
                row.changeset,
                codec::encode(&row.entries),
            ])?;
        Ok(self.tx.last_insert_rowid().cast_unsigned())
    }
    fn kept(
        &mut self,
        origin: Origin,
        after: u64,
        limit: usize,
    ) -> Result<Vec<KeptRow>, StoreError> {
        let sql = "SELECT id, place, ticket, part, changeset, entries FROM kept
                   WHERE origin = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
        let mut statement = self.tx.prepare_cached(sql)?;
        let rows = statement.query_map(
            params![origin.code(), after.cast_signed(), sql_limit(limit)],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, [u8; 16]>(2)?,
                    row.get::<_, u8>(3)?,
                    row.get::<_, Vec<u8>>(4)?,
                    row.get::<_, Vec<u8>>(5)?,
                ))
            },
        )?;
        rows.map(|row| {
            let (id, place, ticket, part, changeset, entries) = row?;
            Ok(KeptRow {
                id: id.cast_unsigned(),
                origin,
                place: place.cast_unsigned(),
                part: part_ref(ticket, part)?,
                changeset,
                entries: decode(&entries, "a kept changeset")?,
            })
        })
        .collect()
    }
    fn delete_kept(&mut self, id: u64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM kept WHERE id = ?1")?
            .execute([id.cast_signed()])?;
        Ok(())
    }
    fn forget_kept(&mut self, origin: Origin, through: u64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM kept WHERE origin = ?1 AND place <= ?2")?
            .execute(params![origin.code(), through.cast_signed()])?;
        Ok(())
    }
    fn forget_kept_of(&mut self, part: PartRef) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM kept WHERE ticket = ?1 AND part = ?2 AND origin = ?3")?
            .execute(params![
                part.ticket.as_bytes(),
                part.part.code(),
                Origin::Others.code()
            ])?;
        Ok(())
    }
    fn move_kept(&mut self, place: u64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE kept SET place = ?1 WHERE origin = ?2")?
            .execute(params![place.cast_signed(), Origin::Others.code()])?;
        Ok(())
    }
    fn put_blob(&mut self, row: &BlobRow, bytes: &[u8]) -> Result<(), StoreError> {
        blobs::put(&self.tx, row, bytes)
    }
    fn blob(&mut self, hash: BlobHash) -> Result<Option<BlobRow>, StoreError> {
        blobs::find(&self.tx, hash)
    }
    fn blobs_in(&mut self, state: BlobState) -> Result<Vec<BlobRow>, StoreError> {
        blobs::in_state(&self.tx, state)
    }
    fn read_blob(&mut self, hash: BlobHash, range: Range<u64>) -> Result<Vec<u8>, StoreError> {
        blobs::read(&self.tx, hash, range)
    }
    fn mark_blob_sent(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        blobs::mark_sent(&self.tx, hash)
    }
    fn mark_blobs_unsent(&mut self) -> Result<(), StoreError> {
        blobs::mark_all_unsent(&self.tx)
    }
    fn delete_blob(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        blobs::delete(&self.tx, hash)
    }
    fn delete_blobs_of(&mut self, ticket: TicketId) -> Result<(), StoreError> {
        blobs::delete_of(&self.tx, ticket)
    }

    fn actor(&mut self, actor: ActorId) -> Result<Option<ActorRow>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT device_index, person FROM actors WHERE actor = ?1")?;
        let row = statement
            .query_row([actor.0], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        row.map(|(index, person)| {
            let person = person
                .parse()
                .map_err(|_| malformed("an actor's person")())?;
            Ok(ActorRow {
                device_index: index.cast_unsigned(),
                person,
            })
        })
        .transpose()
    }
    fn put_actor(&mut self, actor: ActorId, row: &ActorRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO actors (actor, device_index, person) VALUES (?1, ?2, ?3)
                   ON CONFLICT (actor) DO UPDATE SET device_index = ?2, person = ?3";
        self.tx.prepare_cached(sql)?.execute(params![
            actor.0,
            row.device_index.cast_signed(),
            row.person.as_str()
        ])?;
        Ok(())
    }
    fn device(&mut self, index: u64) -> Result<Option<DeviceRecord>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT record FROM devices WHERE device_index = ?1")?;
        let row: Option<Vec<u8>> = statement
            .query_row([index.cast_signed()], |row| row.get(0))
            .optional()?;
        row.map(|bytes| decode(&bytes, "a device's record"))
            .transpose()
    }
    fn put_device(&mut self, record: &DeviceRecord) -> Result<(), StoreError> {
        let sql = "INSERT INTO devices (device_index, record) VALUES (?1, ?2)
                   ON CONFLICT (device_index) DO UPDATE SET record = ?2";
        self.tx
            .prepare_cached(sql)?
            .execute(params![record.index.cast_signed(), codec::encode(record)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_sqlite_store_conforms() {
        super::super::conformance::check(&mut SqliteStore::in_memory().unwrap());
    }
}
