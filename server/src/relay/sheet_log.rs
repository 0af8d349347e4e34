//! The log of sheets as the relay has to do with it: what is admitted goes in, devices are told of its head.
//!
//! Invariant: a device is told when a sheet of its own came in, and once a day when anything did; with nothing
//! new it costs no byte.

use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::log::News;
use gongdan_core::ticket::{Authored, Command};
use rusqlite::Connection;

use super::cursor::LogPlace;
use super::inbox::Received;
use super::pull::Asked;
use super::tickets::TicketRow;
use super::{Sender, epoch_number, sql_index};
use crate::auth::identity::ServerKeys;
use crate::evidence::log;
use crate::relay::work::Work;
use crate::store::StoreError;

/// How long a device does without hearing of others' sheets.
const TOLD_EVERY_SECONDS: i64 = 86_400;

/// Puts the sheets that an admitted changeset refers to into the log.
pub(super) fn take_in(
    work: &Work<'_, '_>,
    row: &Received,
    ticket: &TicketRow,
    commands: &[Authored],
) -> Result<(), StoreError> {
    for authored in commands {
        if let Command::KeepSheet { sheet, .. } = authored.command {
            let entry = log::Arrival {
                sheet,
                ticket_index: sql_index(ticket.index),
                device_index: row.device_index,
                at: row.received_at,
            };
            log::append(work.tx, epoch_number(work.tx)?, &entry)?;
        }
    }
    Ok(())
}

/// What a device is to be told of the log, and its place then.
pub(super) fn news(
    connection: &Connection,
    keys: &ServerKeys,
    now: Timestamp,
    sender: &Sender,
    asked: &Asked,
) -> Result<Option<(LogPlace, News)>, StoreError> {
    let size = log::size(connection)?;
    let told = asked.cursor.sheet_log;
    let from = told.map_or(asked.sheet_log.unwrap_or(0), |told| told.size);
    if sender.revoked || size == 0 || told.is_some_and(|told| told.size == size) {
        return Ok(None);
    }
    if let Some(told) = told
        && now.seconds() - told.told_at.seconds() < TOLD_EVERY_SECONDS
        && !log::has_of_device_after(connection, sender.index, told.size)?
    {
        return Ok(None);
    }
    let Some(checkpoint) = log::checkpoint(connection, keys)? else {
        return Ok(None);
    };
    let place = LogPlace { size, told_at: now };
    let proof = log::consistency(connection, from, size)?;
    Ok(Some((place, News { checkpoint, proof })))
}
