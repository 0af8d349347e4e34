//! Which documents a person's phones may hold for the sake of crew or opening. Invariant: a row changes in
//! the transaction of the log entry that caused it and carries its sequence, so that a cursor passes none.
//!
//! The office reads everything at the console; on its phones it gets what its people are crew of.

use std::collections::BTreeSet;

use gongdan_core::document::Facts;
use gongdan_core::ids::{Part, PersonId};
use gongdan_core::policy::{self, Relation, Role};
use rusqlite::{OptionalExtension, Transaction, params};

use super::sql_index;
use super::tickets::TicketRow;
use crate::auth::identity::DESK_INDEX;
use crate::store::StoreError;

/// Brings the rows of a ticket's `parts` up to date with its crew, after log entry `seq` of `device_index`.
pub(super) fn update(
    tx: &Transaction<'_>,
    ticket: &TicketRow,
    facts: &Facts,
    parts: &[Part],
    device_index: i64,
    seq: u64,
) -> Result<(), StoreError> {
    let opener_in_field = ticket.opened_on != DESK_INDEX;
    let mut people: BTreeSet<&PersonId> = facts.crew_ever.iter().collect();
    if opener_in_field {
        people.insert(&ticket.opener);
    }
    for person in people {
        let opened = opener_in_field && ticket.opener == *person;
        let mut relation = Relation::OTHER;
        if facts.crew.contains(person) {
            relation = relation.or(Relation::CREW);
        }
        if opened {
            relation = relation.or(Relation::OPENED);
        }
        for part in parts {
            // Roles come on top when the person asks; the crew's are those of the field.
            let visible = policy::may_read(&[Role::Technician], relation, *part);
            // The device that opened the ticket has made the document itself.
            let held_by = (opened && device_index == ticket.opened_on).then_some(device_index);
            set(tx, ticket.index, person, *part, visible, held_by, seq)?;
        }
    }
    Ok(())
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
    if before.unwrap_or(false) == visible {
        return Ok(());
    }
    let held_by = held_by.filter(|_| before.is_none());
    tx.prepare_cached(
        "INSERT INTO visibility (person, ticket_index, part, visible, seq, held_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (person, ticket_index, part) DO UPDATE SET
           visible = excluded.visible, seq = excluded.seq, held_by = excluded.held_by",
    )?
    .execute(params![person.as_str(), sql_index(ticket_index), part.code(), visible, sql_index(seq), held_by])?;
    Ok(())
}
