//! Which documents a person's phones may hold for the sake of crew or opening.
//!
//! Invariant: a row changes in the transaction of what caused it, a log entry or a change of the person's
//! place, and takes a new number, so that a cursor passes none. It carries the log's sequence at that moment:
//! entries up to it are in the snapshot that the change brings.
//!
//! The office reads everything at the console; on its phones it gets what its people are crew of.

use std::collections::BTreeSet;

use gongdan_core::document::{Facts, TicketDoc};
use gongdan_core::ids::{Part, PersonId};
use gongdan_core::planted::{self, Defect};
use gongdan_core::policy::{self, Relation, Standing};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::tickets::{self, TicketRow};
use super::work::Work;
use super::{documents, log_end, sql_index};
use crate::auth::identity::DESK_INDEX;
use crate::store::StoreError;

/// The newest number given to a change.
pub(super) fn newest_change(connection: &Connection) -> Result<u64, StoreError> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT visibility_change FROM relay_state")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.unwrap_or(0).cast_unsigned())
}

/// Brings the rows of a ticket's `parts` up to date with its crew, after log entry `seq` of `device_index`.
pub(super) fn update(
    work: &mut Work<'_, '_>,
    ticket: &TicketRow,
    facts: &Facts,
    parts: &[Part],
    device_index: i64,
    seq: u64,
) -> Result<(), StoreError> {
    let mut people: BTreeSet<&PersonId> = facts.crew_ever.iter().collect();
    if ticket.opened_on != DESK_INDEX {
        people.insert(&ticket.opener);
    }
    for person in people {
        let standing = work.standing_now(person)?;
        for part in parts {
            let visible = may_hold(&standing, ticket, facts, *part)
                || (planted::is(Defect::OfficePartSent) && *part == Part::Office);
            let opened = ticket.opened_on != DESK_INDEX && ticket.opener == *person;
            // The device that opened the ticket has made the document itself.
            let held_by = (opened && device_index == ticket.opened_on).then_some(device_index);
            set(work.tx, ticket.index, person, *part, visible, held_by, seq)?;
        }
    }
    Ok(())
}

/// Brings the rows of a person up to date whose place in the organisation has changed: what they may hold no
/// more is evicted, what they may hold again comes back.
pub(crate) fn person_moved(tx: &Transaction<'_>, person: &PersonId) -> Result<(), StoreError> {
    let mut work = Work::new(tx);
    let standing = work.standing_now(person)?;
    let seq = log_end(tx)?;
    let indexes: Vec<i64> = tx
        .prepare_cached("SELECT DISTINCT ticket_index FROM visibility WHERE person = ?1")?
        .query_map([person.as_str()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for index in indexes {
        let index = index.cast_unsigned();
        let facts = match documents::load(tx, index, Part::Service) {
            Ok(service) => match service.as_ref().and_then(TicketDoc::facts) {
                Some(facts) => Some(facts),
                None => continue,
            },
            Err(StoreError::Damaged { .. }) => None,
            Err(error) => return Err(error),
        };
        let Some(ticket) = tickets::by_index(tx, index)? else {
            continue;
        };
        for part in documents::parts(tx, index)? {
            // Where nobody can tell whose it is, it is nobody's.
            let visible = facts
                .as_ref()
                .is_some_and(|facts| may_hold(&standing, &ticket, facts, part));
            set(tx, index, person, part, visible, None, seq)?;
        }
    }
    Ok(())
}

fn may_hold(standing: &Standing, ticket: &TicketRow, facts: &Facts, part: Part) -> bool {
    // What the desk opened makes nobody's phone hold it.
    let opener = (ticket.opened_on != DESK_INDEX).then_some(&ticket.opener);
    let relation = Relation::of(standing, opener, Some(facts));
    policy::may_hold(&standing.roles, relation, part)
}

fn set(
    tx: &Transaction<'_>,
    ticket_index: u64,
    person: &PersonId,
    part: Part,
    visible: bool,
    held_by: Option<i64>,
    seq: u64,
) -> Result<(), StoreError> {
    let key = params![person.as_str(), sql_index(ticket_index), part.code()];
    let before: Option<bool> = tx
        .prepare_cached(
            "SELECT visible FROM visibility WHERE person = ?1 AND ticket_index = ?2 AND part = ?3",
        )?
        .query_row(key, |row| row.get(0))
        .optional()?;
    if before == Some(visible) {
        return Ok(());
    }
    // A row of what was never held only remembers whose tickets these are, should a role come back.
    let is_told = visible || before == Some(true) || held_by.is_some();
    let change: i64 = if is_told {
        tx.prepare_cached(
            "UPDATE relay_state SET visibility_change = visibility_change + 1 RETURNING visibility_change",
        )?
        .query_row([], |row| row.get(0))?
    } else {
        0
    };
    let held_by = held_by.filter(|_| before.is_none() && visible);
    tx.prepare_cached(
        "INSERT INTO visibility (person, ticket_index, part, visible, seq, held_by, change)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (person, ticket_index, part) DO UPDATE SET visible = excluded.visible,
           seq = excluded.seq, held_by = excluded.held_by, change = excluded.change",
    )?
    .execute(params![
        person.as_str(),
        sql_index(ticket_index),
        part.code(),
        visible,
        sql_index(seq),
        held_by,
        change
    ])?;
    Ok(())
}
