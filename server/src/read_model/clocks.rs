//! What a ticket's clocks show: its events with what is proven of when, by the rules that were in force (X1, X15).
//!
//! Invariant: a clock is judged by the organisation's rules at the moment when it started; rules that come later
//! change no clock that runs.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use chrono_tz::Tz;
use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::{TimeInterval, Timestamp};
use gongdan_core::ids::{ActorId, ItemKey, Part};
use gongdan_core::service_clock::{self, Clocked, Occurrence, Reading};
use gongdan_core::ticket::{Field, Ticket};
use rusqlite::{Connection, params};

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
    let mut catalogue_of = |version| {
        let found = organisation::at_version(connection, version)?;
        Ok(found.map(Rc::new))
    };
    clocks_by(connection, index, ticket, now, &mut catalogue_of)
}

/// The same with catalogues of whoever keeps them at hand.
///
/// # Errors
/// The database fails, or holds what cannot be read.
pub(crate) fn clocks_by(
    connection: &Connection,
    index: u64,
    ticket: &Ticket,
    now: Timestamp,
    catalogue_of: &mut dyn FnMut(u32) -> Result<Option<Rc<Catalogue>>, StoreError>,
) -> Result<Vec<Reading>, StoreError> {
    let clocked = clocked(ticket, &proven(connection, index, ticket)?);
    // Most tickets live under one version.
    let mut rules: BTreeMap<u32, Rc<Catalogue>> = BTreeMap::new();
    for occurrence in &clocked.occurrences {
        if let Some(version) = version_at(connection, occurrence)?
            && !rules.contains_key(&version)
            && let Some(catalogue) = catalogue_of(version)?
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

/// When each event of a ticket can have been: between the newest signed time its author had and its receipt. By
/// the index of commands, so that nothing is decoded: this runs with every admission.
fn proven(
    connection: &Connection,
    index: u64,
    ticket: &Ticket,
) -> Result<BTreeMap<ItemKey, TimeInterval>, StoreError> {
    let events: BTreeSet<&ItemKey> = ticket.events.iter().map(|event| &event.key).collect();
    let mut commands = connection.prepare_cached(
        "SELECT actor, ordinal, seq FROM command_ids WHERE ticket_index = ?1 AND part = ?2",
    )?;
    let mut entry =
        connection.prepare_cached("SELECT earliest, received_at FROM log WHERE seq = ?1")?;
    let mut rows = commands.query(params![key(index)?, Part::Service.code()])?;
    let mut proven = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let item = ItemKey::new(ActorId(row.get(0)?), row.get(1)?);
        if events.contains(&item) {
            let within = entry.query_row([row.get::<_, i64>(2)?], |row| {
                Ok(TimeInterval {
                    earliest: Timestamp(row.get(0)?),
                    latest: Timestamp(row.get(1)?),
                })
            })?;
            proven.insert(item, within);
        }
    }
    Ok(proven)
}
