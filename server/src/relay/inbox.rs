//! What was received. Invariant: a row is written before it is judged and never deleted; each change of its
//! verdict takes a new number, by which the author's device hears of it.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, TicketId};
use gongdan_core::planted::{self, Defect};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::sync::verdict::Verdict;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::auth::incarnation;
use crate::store::StoreError;

/// A received changeset.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) id: i64,
    pub(crate) hash: ChangesetHash,
    pub(crate) device_index: i64,
    pub(crate) changeset: Changeset,
    pub(crate) received_at: Timestamp,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) superseded: bool,
}

impl Received {
    pub(crate) fn ticket(&self) -> TicketId {
        self.changeset.header.ticket
    }

    /// Whether it waits for a person's decision.
    pub(super) fn is_quarantined(&self) -> bool {
        !self.superseded && matches!(self.verdict, Some(Verdict::Quarantined { .. }))
    }
}

const COLUMNS: &str =
    "id, hash, device_idx, changeset, received_at, verdict, superseded_by IS NOT NULL";

fn read(row: &Row<'_>) -> Result<Received, StoreError> {
    let malformed = |what| StoreError::Malformed { what };
    let bytes: Vec<u8> = row.get(3)?;
    let verdict: Option<Vec<u8>> = row.get(5)?;
    Ok(Received {
        id: row.get(0)?,
        hash: ChangesetHash(row.get(1)?),
        device_index: row.get(2)?,
        changeset: codec::decode(&bytes).map_err(|_| malformed("inbox.changeset"))?,
        received_at: Timestamp(row.get(4)?),
        verdict: verdict
            .map(|bytes| codec::decode(&bytes))
            .transpose()
            .map_err(|_| malformed("inbox.verdict"))?,
        superseded: row.get(6)?,
    })
}

/// Stores a changeset; `false` if it was there before.
pub(super) fn insert(
    tx: &Transaction<'_>,
    changeset: &Changeset,
    device_index: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let header = &changeset.header;
    let added = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO inbox (hash, device_idx, device_sequence, ticket, part, changeset, received_at,
               chained, state, verdict_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 'received', 0)",
        )?
        .execute(params![
            changeset.hash().0,
            device_index,
            header.device_sequence,
            header.ticket.as_bytes(),
            header.part.code(),
            codec::encode(changeset),
            now.seconds(),
        ])?;
    Ok(added > 0)
}

/// Whether a changeset of this hash was received.
pub(super) fn is_there(connection: &Connection, hash: ChangesetHash) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM inbox WHERE hash = ?1")?
        .exists([hash.0])?)
}

/// Whether something of a device was received and not judged.
pub(super) fn has_unjudged(connection: &Connection, device_index: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM inbox WHERE device_idx = ?1 AND state = 'received'")?
        .exists([device_index])?)
}

/// The changeset of a hash.
pub(crate) fn by_hash(
    connection: &Connection,
    hash: ChangesetHash,
) -> Result<Option<Received>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM inbox WHERE hash = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([hash.0], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Rows that a condition picks, in the order they came.
pub(super) fn select(
    connection: &Connection,
    condition: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<Received>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM inbox WHERE {condition} ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    statement
        .query_map(parameters, |row| Ok(read(row)))?
        .map(|row| row?)
        .collect()
}

/// The device's changeset of a sequence number whose place is not settled yet; the first that came.
pub(super) fn next_unchained(
    connection: &Connection,
    device_index: i64,
    sequence: u32,
) -> Result<Option<Received>, StoreError> {
    let found = select(
        connection,
        "device_idx = ?1 AND device_sequence = ?2 AND chained = 0 AND (state = 'received' OR state = 'held')",
        params![device_index, sequence],
    )?;
    Ok(found.into_iter().next())
}

/// The device's first changeset past a sequence number whose place is not settled yet.
pub(super) fn first_unchained(
    connection: &Connection,
    device_index: i64,
    after: u32,
) -> Result<Option<Received>, StoreError> {
    let sequence: Option<u32> = connection
        .prepare_cached(
            "SELECT min(device_sequence) FROM inbox WHERE device_idx = ?1 AND device_sequence > ?2
               AND chained = 0 AND (state = 'received' OR state = 'held')",
        )?
        .query_row(params![device_index, after], |row| row.get(0))?;
    match sequence {
        Some(sequence) => next_unchained(connection, device_index, sequence),
        None => Ok(None),
    }
}

/// Settles the changeset's place in its device's sequence.
pub(super) fn chain(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE inbox SET chained = 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// Sets a verdict where it is another than before; whether it is.
pub(super) fn set_verdict(
    tx: &Transaction<'_>,
    row: &Received,
    verdict: &Verdict,
) -> Result<bool, StoreError> {
    if row.verdict.as_ref() == Some(verdict) {
        return Ok(false);
    }
    store_verdict(tx, row.id, verdict, true)?;
    tx.prepare_cached(
        "INSERT INTO verdict_counts (verdict, reason, count) VALUES (?1, ?2, 1)
         ON CONFLICT (verdict, reason) DO UPDATE SET count = count + 1",
    )?
    .execute(params![verdict.name(), reason(verdict)])?;
    if planted::is(Defect::InboxRowDropped) && matches!(verdict, Verdict::Held { .. }) {
        tx.execute("DELETE FROM inbox WHERE id = ?1", [row.id])?;
    }
    if !matches!(verdict, Verdict::Quarantined { .. }) {
        tx.prepare_cached("DELETE FROM quarantined_changes WHERE inbox = ?1")?
            .execute([row.id])?;
    }
    settle_replaced(tx, row, verdict)?;
    Ok(true)
}

/// Writes a verdict; whether the device is told of it.
fn store_verdict(
    tx: &Transaction<'_>,
    id: i64,
    verdict: &Verdict,
    is_told: bool,
) -> Result<(), StoreError> {
    let number: Option<i64> = is_told
        .then(|| {
            tx.prepare_cached(
                "UPDATE relay_state SET verdict_seq = verdict_seq + 1 RETURNING verdict_seq",
            )?
            .query_row([], |row| row.get(0))
        })
        .transpose()?;
    tx.prepare_cached(
        "UPDATE inbox SET state = ?2, verdict = ?3, verdict_seq = ifnull(?4, verdict_seq) WHERE id = ?1",
    )?
    .execute(params![
        id,
        verdict.name(),
        codec::encode(verdict),
        number
    ])?;
    Ok(())
}

/// What went in place of another came to its end, and so did the other. A phone that was copied may still have
/// that one under its former name: it is told.
fn settle_replaced(
    tx: &Transaction<'_>,
    row: &Received,
    verdict: &Verdict,
) -> Result<(), StoreError> {
    let verdict = match verdict {
        Verdict::Admitted { .. } | Verdict::Duplicate => &Verdict::Duplicate,
        Verdict::Refused { .. } => verdict,
        Verdict::Held { .. } | Verdict::Quarantined { .. } => return Ok(()),
    };
    let mut replaced = row.changeset.header.replaces;
    while let Some(hash) = replaced {
        let Some(before) = by_hash(tx, hash)?.filter(|before| before.superseded) else {
            break;
        };
        if !matches!(
            before.verdict,
            Some(Verdict::Held { .. } | Verdict::Quarantined { .. })
        ) {
            break;
        }
        // A phone that sealed it anew under the same name has forgotten the first.
        store_verdict(
            tx,
            before.id,
            verdict,
            before.device_index != row.device_index,
        )?;
        replaced = before.changeset.header.replaces;
    }
    Ok(())
}

/// The code of why, empty where a verdict has none.
fn reason(verdict: &Verdict) -> String {
    let json = match verdict {
        Verdict::Admitted { .. } | Verdict::Duplicate => return String::new(),
        Verdict::Held { why } => serde_json::to_value(why),
        Verdict::Quarantined { reason } => serde_json::to_value(reason),
        Verdict::Refused { reason, .. } => serde_json::to_value(reason),
    };
    let json = json.unwrap_or_default();
    let code = json.as_str().or_else(|| json["code"].as_str());
    code.unwrap_or_default().to_owned()
}

/// Marks the held or quarantined changeset that `hash` goes in place of: it is kept, never judged again, and
/// nobody's to decide.
pub(super) fn supersede(
    tx: &Transaction<'_>,
    device_index: i64,
    replaced: ChangesetHash,
    hash: ChangesetHash,
) -> Result<(), StoreError> {
    let sealed_by: Option<i64> = tx
        .prepare_cached("SELECT device_idx FROM inbox WHERE hash = ?1")?
        .query_row([replaced.0], |row| row.get(0))
        .optional()?;
    let Some(sealed_by) = sealed_by else {
        return Ok(());
    };
    // A phone that was copied goes on as another device and takes what waits with it.
    if !incarnation::are_one(tx, sealed_by, device_index)? {
        return Ok(());
    }
    tx.execute(
        "UPDATE inbox SET superseded_by = ?2
         WHERE hash = ?1 AND state IN ('held', 'quarantined') AND superseded_by IS NULL",
        params![replaced.0, hash.0],
    )?;
    tx.execute(
        "DELETE FROM quarantined_changes WHERE inbox IN
           (SELECT id FROM inbox WHERE hash = ?1 AND superseded_by IS NOT NULL)",
        [replaced.0],
    )?;
    Ok(())
}

/// Notes the changes that a quarantined changeset would make.
pub(super) fn note_changes(
    tx: &Transaction<'_>,
    id: i64,
    pins: impl Iterator<Item = [u8; 16]>,
) -> Result<(), StoreError> {
    let mut insert = tx
        .prepare_cached("INSERT OR IGNORE INTO quarantined_changes (pin, inbox) VALUES (?1, ?2)")?;
    for pin in pins {
        insert.execute(params![pin, id])?;
    }
    Ok(())
}

/// Whether a quarantined changeset would make this change.
pub(super) fn is_quarantined_change(
    connection: &Connection,
    pin: [u8; 16],
) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM quarantined_changes WHERE pin = ?1")?
        .exists([pin])?)
}

/// What a device said last without a gap: its number and what the next one must name.
pub(super) fn chain_end(
    connection: &Connection,
    device_index: i64,
) -> Result<(u32, [u8; 16]), StoreError> {
    let found = connection
        .prepare_cached("SELECT sequence, link FROM device_chains WHERE device_idx = ?1")?
        .query_row([device_index], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Moves the end of a device's chain.
pub(super) fn set_chain_end(
    tx: &Transaction<'_>,
    device_index: i64,
    sequence: u32,
    link: [u8; 16],
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO device_chains (device_idx, sequence, link) VALUES (?1, ?2, ?3)
         ON CONFLICT (device_idx) DO UPDATE SET sequence = excluded.sequence, link = excluded.link",
    )?
    .execute(params![device_index, sequence, link])?;
    Ok(())
}
