//! What a ticket's clocks show: its events with what is proven of when, by the rules that were in force (X1, X15).
//!
//! Invariant: a clock is judged by the organisation's rules at the moment when it started; rules that come later
//! change no clock that runs.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::{TimeInterval, Timestamp};
use gongdan_core::ids::{ItemKey, Part};
use gongdan_core::service_clock::{self, Clocked, Occurrence, Reading};
use gongdan_core::ticket::{Field, Ticket};
use rusqlite::{Connection, params};

use super::timeline::decode;
use super::write::key;
use crate::organisation;
use crate::store::StoreError;

/// The readings of a ticket's clocks at `now`, in the order of the rules.
///
/// # Errors
/// The database fails, or holds what cannot be read.
pub fn clocks(
    connection: &Connection,
    index: u64,
    ticket: &Ticket,
    now: Timestamp,
) -> Result<Vec<Reading>, StoreError> {
    let clocked = clocked(ticket, &proven(connection, index)?);
    // Most tickets live under one version.
    let mut rules: BTreeMap<u32, Catalogue> = BTreeMap::new();
    for occurrence in &clocked.occurrences {
        if let Some(version) = version_at(connection, occurrence)?
            && !rules.contains_key(&version)
            && let Some(catalogue) = organisation::at_version(connection, version)?
        {
            rules.insert(version, catalogue);
        }
    }
    let mut readings: Vec<Reading> = Vec::new();
    for (version, catalogue) in &rules {
        let zone: Tz = catalogue.zone.parse().unwrap_or(Tz::UTC);
        let read = service_clock::read(&catalogue.service, &zone, &clocked, now)
            .map_err(|_| StoreError::Malformed { what: "catalogue" })?;
        for reading in read {
            let in_force = organisation::version_at(connection, reading.started_at)?;
            let is_there = readings.iter().any(|r| r.clock == reading.clock);
            if in_force == Some(*version) && !is_there {
                readings.push(reading);
            }
        }
    }
    Ok(readings)
}

fn version_at(connection: &Connection, occurrence: &Occurrence) -> Result<Option<u32>, StoreError> {
    let at = occurrence.within.clamp(occurrence.claimed_at);
    organisation::version_at(connection, at)
}

fn clocked(ticket: &Ticket, proven: &BTreeMap<ItemKey, TimeInterval>) -> Clocked {
    let text = |field: Field| {
        let value = ticket.fields.get(&field);
        value.and_then(|value| value.as_text()).map(str::to_owned)
    };
    let mut occurrences: Vec<Occurrence> = ticket
        .events
        .iter()
        .map(|event| Occurrence {
            kind: event.kind,
            claimed_at: event.at,
            within: proven.get(&event.key).copied().unwrap_or(TimeInterval {
                earliest: event.at,
                latest: event.at,
            }),
        })
        .collect();
    // By the instants that count, which a wrong clock's claims are not.
    occurrences.sort_by_key(|o| o.within.clamp(o.claimed_at));
    let reported = ticket.fields.get(&Field::ReportedAt);
    Clocked {
        grade: text(Field::Grade),
        region: text(Field::Region),
        product_line: text(Field::ProductLine),
        reported_at: reported.and_then(|value| value.as_instant()),
        occurrences,
    }
}

/// When what each command of the `service` part wrote can have been.
fn proven(
    connection: &Connection,
    index: u64,
) -> Result<BTreeMap<ItemKey, TimeInterval>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT i.changeset, l.earliest, l.received_at FROM log l JOIN inbox i ON i.hash = l.changeset
         WHERE l.ticket_index = ?1 AND l.part = ?2 ORDER BY l.seq",
    )?;
    let mut rows = statement.query(params![key(index)?, Part::Service.code()])?;
    let mut proven = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let changeset = decode(&row.get::<_, Vec<u8>>(0)?)?;
        let within = TimeInterval {
            earliest: Timestamp(row.get(1)?),
            latest: Timestamp(row.get(2)?),
        };
        for authored in changeset.commands().unwrap_or_default() {
            proven.insert(authored.item(), within);
        }
    }
    Ok(proven)
}
