//! Which documents a person's phones may hold: for being of the crew, for having opened the ticket, or because
//! it is in the pool that their group picks from (R43, R44).
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
use gongdan_core::ticket::Status;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::tickets::{self, TicketRow};
use super::work::Work;
use super::{documents, given_back, log_end, sql_index};
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

/// Brings the rows of a ticket's `parts` up to date with its crew and pool, after log entry `seq`. `holder` is the
/// device that wrote it and still has the document it made.
pub(super) fn update(
    work: &mut Work<'_, '_>,
    ticket: &TicketRow,
    facts: &Facts,
    parts: &[Part],
    holder: Option<i64>,
    seq: u64,
) -> Result<(), StoreError> {
    let mut people: BTreeSet<PersonId> = facts.crew_ever.iter().cloned().collect();
    if ticket.opened_on != DESK_INDEX {
        people.insert(ticket.opener.clone());
    }
    people.extend(work.pickers(facts)?);
    people.extend(holders(work.tx, ticket.index)?);
    let reported = given_back::reporters(work.tx, ticket.id)?;
    people.extend(reported.iter().cloned());
    for person in &people {
        let standing = work.standing_now(person)?;
        for part in parts {
            let visible = may_hold(&standing, ticket, facts, *part)
                || (planted::is(Defect::OfficePartSent) && *part == Part::Office);
            let opened = ticket.opened_on != DESK_INDEX && ticket.opener == *person;
            // The device that opened the ticket has made the document itself.
            let held_by = holder.filter(|device| opened && *device == ticket.opened_on);
            let row = Row {
                ticket_index: ticket.index,
                person,
                part: *part,
                visible,
                held_by,
                seq,
                is_remembered: is_remembered(ticket, facts, person),
                is_set_aside: reported.contains(person),
            };
            row.set(work.tx)?;
        }
    }
    Ok(())
}

/// Tells a phone to drop the part that it just wrote into, where its person may not hold it: it made a document
/// of its own of it, and takes over what came in of that.
pub(super) fn author_may_not_hold(
    tx: &Transaction<'_>,
    ticket: &TicketRow,
    person: &PersonId,
    part: Part,
    seq: u64,
) -> Result<(), StoreError> {
    let (person, index) = (person.as_str(), sql_index(ticket.index));
    let mut holds = tx.prepare_cached(
        "SELECT 1 FROM visibility WHERE person = ?1 AND ticket_index = ?2 AND part = ?3 AND visible = 1",
    )?;
    if holds.exists(params![person, index, part.code()])? {
        return Ok(());
    }
    let change = next_change(tx)?;
    tx.prepare_cached(
        "INSERT INTO visibility (person, ticket_index, part, visible, seq, held_by, change)
         VALUES (?1, ?2, ?3, 0, ?4, NULL, ?5)
         ON CONFLICT (person, ticket_index, part) DO UPDATE SET change = excluded.change",
    )?
    .execute(params![person, index, part.code(), sql_index(seq), change])?;
    Ok(())
}

fn next_change(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "UPDATE relay_state SET visibility_change = visibility_change + 1 RETURNING visibility_change";
    Ok(tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The people whose phones hold or held something of a ticket.
fn holders(tx: &Transaction<'_>, ticket_index: u64) -> Result<Vec<PersonId>, StoreError> {
    let mut statement =
        tx.prepare_cached("SELECT DISTINCT person FROM visibility WHERE ticket_index = ?1")?;
    let rows = statement.query_map([sql_index(ticket_index)], |row| row.get::<_, String>(0))?;
    rows.map(|person| {
        person?.parse().map_err(|_| StoreError::Malformed {
            what: "visibility.person",
        })
    })
    .collect()
}

/// Brings the rows of a person up to date whose place in the organisation has changed: what they may hold no
/// more is evicted, what they may hold again comes back.
pub(crate) fn person_moved(tx: &Transaction<'_>, person: &PersonId) -> Result<(), StoreError> {
    let mut work = Work::new(tx);
    let standing = work.standing_now(person)?;
    let seq = log_end(tx)?;
    // What they hold or held, and what they may be able to pick from now.
    let indexes: Vec<i64> = tx
        .prepare_cached(
            "SELECT ticket_index FROM visibility WHERE person = ?1
             UNION SELECT ticket_index FROM ticket_rows WHERE status = ?2",
        )?
        .query_map(params![person.as_str(), Status::Received.name()], |row| {
            row.get(0)
        })?
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
            let facts = facts.as_ref();
            let row = Row {
                ticket_index: index,
                person,
                part,
                visible: facts.is_some_and(|facts| may_hold(&standing, &ticket, facts, part)),
                held_by: None,
                seq,
                is_remembered: facts.is_some_and(|facts| is_remembered(&ticket, facts, person)),
                is_set_aside: false,
            };
            row.set(tx)?;
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

/// Whether a row tells whose ticket this is even while they may not hold it: should a role come back, it does.
fn is_remembered(ticket: &TicketRow, facts: &Facts, person: &PersonId) -> bool {
    let opened = ticket.opened_on != DESK_INDEX && ticket.opener == *person;
    opened || facts.crew_ever.contains(person)
}

/// What is to stand in the table.
struct Row<'a> {
    ticket_index: u64,
    person: &'a PersonId,
    part: Part,
    visible: bool,
    held_by: Option<i64>,
    seq: u64,
    is_remembered: bool,
    /// A phone of the person's has a document of before a restore set aside.
    is_set_aside: bool,
}

impl Row<'_> {
    fn set(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        let (person, index) = (self.person.as_str(), sql_index(self.ticket_index));
        let before: Option<bool> = tx
            .prepare_cached(
                "SELECT visible FROM visibility WHERE person = ?1 AND ticket_index = ?2 AND part = ?3",
            )?
            .query_row(params![person, index, self.part.code()], |row| row.get(0))
            .optional()?;
        let is_remembered = self.is_remembered || self.is_set_aside;
        let is_nobodys = before.is_none() && !self.visible && !is_remembered;
        if before == Some(self.visible) || is_nobodys {
            return Ok(());
        }
        let is_told =
            self.visible || before == Some(true) || self.held_by.is_some() || self.is_set_aside;
        let change = if is_told { next_change(tx)? } else { 0 };
        let held_by = self.held_by.filter(|_| before.is_none() && self.visible);
        tx.prepare_cached(
            "INSERT INTO visibility (person, ticket_index, part, visible, seq, held_by, change)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (person, ticket_index, part) DO UPDATE SET visible = excluded.visible,
               seq = excluded.seq, held_by = excluded.held_by, change = excluded.change",
        )?
        .execute(params![
            person,
            index,
            self.part.code(),
            self.visible,
            sql_index(self.seq),
            held_by,
            change
        ])?;
        Ok(())
    }
}
