//! Epochs: what a server that was restored from a backup does not know, it does not give out twice.
//!
//! Between backup and restore numbers were given and changesets taken that nobody here remembers. So running
//! numbers go on past a block, the desk's own sequence too, and for a while gaps in devices' sequences are
//! passed over: a colleague's phone may bring what came after, long before its author, or in his place.
//! Invariant: a number that may have been given before is never given again, but to the ticket that had it;
//! every number passed over is in the ledger.

use chrono::NaiveDate;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{TicketId, TicketNumber};
use gongdan_core::sync::protocol::{BackedUp, backup_message};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::inbox::{self, Received};
use super::{log_end, sql_index};
use crate::auth::identity::{DESK_INDEX, ServerKeys};
use crate::organisation;
use crate::store::{StoreError, restores};

/// How much is passed over: a block, and as much again as could have been made in the time since the backup.
/// The same backup may be put back twice, and what was given out in between was past the first block.
struct Block {
    at_least: i64,
    per_minute: i64,
}

impl Block {
    const LOG: Self = Self::new(1_000_000, 60_000);
    const TICKETS: Self = Self::new(100_000, 600);
    const DEVICES: Self = Self::new(10_000, 10);
    const CATALOGUES: Self = Self::new(1_000, 10);
    const DESK: Self = Self::new(1_000_000, 600);
    /// Of one day; twice the busiest day where that is more.
    const NUMBERS: Self = Self::new(1_000, 10);

    const fn new(at_least: i64, per_minute: i64) -> Self {
        Self {
            at_least,
            per_minute,
        }
    }

    fn after(&self, minutes: i64) -> i64 {
        self.at_least + self.per_minute * minutes
    }
}

/// How long gaps are passed over: as long as a phone may stay away.
const OPEN_SECONDS: i64 = 90 * 24 * 3600;
const DAY_SECONDS: i64 = 24 * 3600;
/// The reason in the ledger of ticket numbers.
const RESTORED: &str = "restored";

/// An epoch that was begun on a restored database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub number: u32,
    /// When.
    pub begun_at: Timestamp,
    /// When the backup was taken.
    pub backup_at: Timestamp,
    /// Until then gaps in devices' sequences are passed over.
    pub open_until: Timestamp,
}

/// Begins a new epoch in a database that was restored from a backup taken at `backup_at`. `epoch`: random.
/// To be called once, before the server runs on it.
///
/// # Errors
/// The database fails.
pub fn begin(
    tx: &Transaction<'_>,
    now: Timestamp,
    backup_at: Timestamp,
    epoch: u32,
) -> Result<Epoch, StoreError> {
    let minutes = (now.seconds() - backup_at.seconds()).max(0) / 60 + 1;
    let busiest: i64 = tx.query_row(
        "SELECT coalesce(max(sequence), 0) FROM ticket_numbers",
        [],
        |row| row.get(0),
    )?;
    let log = sql_index(log_end(tx)?) + Block::LOG.after(minutes);
    let ticket = next_ticket(tx)? + Block::TICKETS.after(minutes);
    let device = next_device(tx)? + Block::DEVICES.after(minutes);
    let numbers = Block::NUMBERS.after(minutes).max(2 * busiest);
    let begun = Epoch {
        number: epoch,
        begun_at: now,
        backup_at,
        open_until: Timestamp(now.seconds() + OPEN_SECONDS),
    };
    // Nowhere is it later than tomorrow.
    let through = Timestamp(now.seconds() + DAY_SECONDS).to_utc().date_naive();
    tx.execute(
        "INSERT INTO epochs (epoch, begun_at, backup_at, open_until, log_floor, ticket_floor, device_floor,
           through_date, number_block) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            epoch,
            now.seconds(),
            backup_at.seconds(),
            begun.open_until.seconds(),
            log,
            ticket,
            device,
            through.to_string(),
            numbers,
        ],
    )?;
    tx.execute(
        "INSERT INTO relay_state (only, epoch, verdict_seq) VALUES (1, ?1, 0)
         ON CONFLICT (only) DO UPDATE SET epoch = excluded.epoch",
        [epoch],
    )?;
    let narrow = |block: i64| u32::try_from(block).unwrap_or(u32::MAX / 2);
    let versions = narrow(Block::CATALOGUES.after(minutes));
    organisation::skip_versions(tx, now, versions)?;
    let (sequence, link) = inbox::chain_end(tx, DESK_INDEX)?;
    let last = sequence.saturating_add(narrow(Block::DESK.after(minutes)));
    pass_over(tx, DESK_INDEX, sequence + 1, last)?;
    inbox::set_chain_end(tx, DESK_INDEX, last, link)?;
    Ok(begun)
}

/// The newest restore, if there was one.
///
/// # Errors
/// The database fails.
pub fn newest(connection: &Connection) -> Result<Option<Epoch>, StoreError> {
    let sql = "SELECT epoch, begun_at, backup_at, open_until FROM epochs
               ORDER BY log_floor DESC LIMIT 1";
    Ok(connection
        .query_row(sql, [], |row| {
            Ok(Epoch {
                number: row.get(0)?,
                begun_at: Timestamp(row.get(1)?),
                backup_at: Timestamp(row.get(2)?),
                open_until: Timestamp(row.get(3)?),
            })
        })
        .optional()?)
}

/// The changeset to go on with past a gap after `sequence`, where gaps are passed over; the gap is noted.
pub(super) fn past_the_gap(
    tx: &Transaction<'_>,
    device_index: i64,
    sequence: u32,
) -> Result<Option<Received>, StoreError> {
    let found = inbox::first_unchained(tx, device_index, sequence)?;
    let Some(row) = found else {
        return Ok(None);
    };
    if !is_open(tx, row.received_at)? {
        return Ok(None);
    }
    let next = row.changeset.header.device_sequence;
    pass_over(tx, device_index, sequence + 1, next - 1)?;
    Ok(Some(row))
}

/// Whether the server was restored not long ago: what devices had may come back.
pub(super) fn is_open(tx: &Transaction<'_>, at: Timestamp) -> Result<bool, StoreError> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM epochs WHERE ?1 BETWEEN begun_at AND open_until")?
        .exists([at.seconds()])?)
}

fn pass_over(
    tx: &Transaction<'_>,
    device_index: i64,
    first: u32,
    last: u32,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO chain_gaps (device_idx, first, last) VALUES (?1, ?2, ?3)",
        params![device_index, first, last],
    )?;
    Ok(())
}

/// Whether the changeset fills a number that was passed over, and no other has.
pub(super) fn fills_a_gap(tx: &Transaction<'_>, row: &Received) -> Result<bool, StoreError> {
    let sequence = row.changeset.header.device_sequence;
    Ok(tx
        .prepare_cached(
            "SELECT 1 FROM chain_gaps g WHERE g.device_idx = ?1 AND ?2 BETWEEN g.first AND g.last
               AND NOT EXISTS (SELECT 1 FROM inbox i WHERE i.device_idx = ?1 AND i.device_sequence = ?2
                 AND i.chained = 1)",
        )?
        .exists(params![row.device_index, sequence])?)
}

/// The running number of the next ticket: after the largest, and after the newest restore's floor.
pub(super) fn next_ticket(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT max(coalesce((SELECT max(ticket_index) FROM tickets), 0),
                          coalesce((SELECT max(ticket_floor) FROM epochs), 0)) + 1";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The running number of the next device, likewise.
pub(crate) fn next_device(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "SELECT max(coalesce((SELECT max(idx) FROM devices), 0),
                          coalesce((SELECT max(device_floor) FROM epochs), 0)) + 1";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Passes over the block of a date that may have been given out before the restore, once.
pub(super) fn skip_numbers(tx: &Transaction<'_>, date: NaiveDate) -> Result<(), StoreError> {
    let date = date.to_string();
    let due: Option<(i64, i64)> = tx
        .prepare_cached(
            "SELECT epoch, number_block FROM epochs r WHERE r.through_date >= ?1
               AND r.log_floor = (SELECT max(log_floor) FROM epochs)
               AND NOT EXISTS (SELECT 1 FROM number_skips s WHERE s.date = ?1 AND s.epoch = r.epoch)",
        )?
        .query_row([&date], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((epoch, block)) = due else {
        return Ok(());
    };
    tx.execute(
        "INSERT INTO number_skips (date, epoch) VALUES (?1, ?2)",
        params![date, epoch],
    )?;
    let last: i64 = tx
        .prepare_cached(
            "SELECT coalesce((SELECT sequence FROM ticket_numbers WHERE date = ?1), 0)",
        )?
        .query_row([&date], |row| row.get(0))?;
    tx.execute(
        "INSERT INTO ticket_number_gaps (date, first, last, reason) VALUES (?1, ?2, ?3, ?4)",
        params![date, last + 1, last + block, RESTORED],
    )?;
    tx.execute(
        "INSERT INTO ticket_numbers (date, sequence) VALUES (?1, ?2)
         ON CONFLICT (date) DO UPDATE SET sequence = excluded.sequence",
        params![date, last + block],
    )?;
    Ok(())
}

/// Notes the number that a phone remembers of a ticket; the first word counts.
pub(super) fn claim(
    tx: &Transaction<'_>,
    device_index: i64,
    ticket: TicketId,
    number: TicketNumber,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT OR IGNORE INTO number_claims (ticket, date, sequence, device_idx)
         SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM epochs)
           AND NOT EXISTS (SELECT 1 FROM tickets WHERE id = ?1)",
        params![
            ticket.as_bytes(),
            number.date().to_string(),
            number.sequence(),
            device_index
        ],
    )?;
    Ok(())
}

/// The number that a ticket had before the restore, taken out of the gap that it lies in; `None` where no
/// phone remembers one, or it lies in no gap of a restore, or is another's.
pub(super) fn reclaim(
    tx: &Transaction<'_>,
    ticket: TicketId,
) -> Result<Option<TicketNumber>, StoreError> {
    let claimed: Option<(String, u32)> = tx
        .prepare_cached("SELECT date, sequence FROM number_claims WHERE ticket = ?1")?
        .query_row([ticket.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((date, sequence)) = claimed else {
        return Ok(None);
    };
    let day: NaiveDate = date.parse().map_err(|_| StoreError::Malformed {
        what: "number_claims.date",
    })?;
    skip_numbers(tx, day)?;
    let gap: Option<(i64, i64)> = tx
        .query_row(
            "SELECT first, last FROM ticket_number_gaps
             WHERE date = ?1 AND ?2 BETWEEN first AND last AND reason = ?3",
            params![date, sequence, RESTORED],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((first, last)) = gap else {
        return Ok(None);
    };
    let sequence_at = i64::from(sequence);
    tx.execute(
        "DELETE FROM ticket_number_gaps WHERE date = ?1 AND first = ?2",
        params![date, first],
    )?;
    for (from, to) in [(first, sequence_at - 1), (sequence_at + 1, last)] {
        if from <= to {
            tx.execute(
                "INSERT INTO ticket_number_gaps (date, first, last, reason) VALUES (?1, ?2, ?3, ?4)",
                params![date, from, to, RESTORED],
            )?;
        }
    }
    Ok(Some(TicketNumber::new(day, sequence)))
}

/// The newest backup's mark, and what a device is told of it, where it is newer than `told`.
pub(super) fn backed_up(
    connection: &Connection,
    keys: &ServerKeys,
    sender: &super::Sender,
    told: u64,
) -> Result<Option<(u64, BackedUp)>, StoreError> {
    let newest = restores::newest_backup(connection)?;
    let Some((mark, backup)) = newest.filter(|(mark, _)| *mark > told) else {
        return Ok(None);
    };
    let device_sequence: u32 = connection
        .prepare_cached(
            "SELECT coalesce(
               (SELECT min(device_sequence) - 1 FROM inbox WHERE device_idx = ?1 AND id > ?2),
               (SELECT max(device_sequence) FROM inbox WHERE device_idx = ?1), 0)",
        )?
        .query_row([sender.index, sql_index(backup.inbox_end)], |row| {
            row.get(0)
        })?;
    let mut told = BackedUp {
        epoch: super::epoch_number(connection)?,
        log: backup.log_end,
        device_sequence,
        signature: [0; 64],
    };
    told.signature = keys.key.sign(&backup_message(&told, sender.device));
    Ok(Some((mark, told)))
}
