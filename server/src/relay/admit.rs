//! Admission: what the gate let through becomes an entry of the log. Invariant: everything it writes is in
//! one transaction, with the log's sequence taken inside it.

use gongdan_core::clock::TimeInterval;
use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{ChangeHash, Part};
use gongdan_core::planted::{self, Defect};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::ticket::{Action, Authored, Command, ConflictOn, Field};
use rusqlite::{Transaction, params};

use super::documents::{Stored, join_heads};
use super::inbox::Received;
use super::tickets::TicketRow;
use super::work::Work;
use super::{log_end, sheet_log, sql_index, tickets, visibility};
use crate::auth::identity::DESK_INDEX;
use crate::gate::Admitted;
use crate::store::StoreError;

/// How a changeset met what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merged {
    None,
    Soft,
    Hard,
}

impl Merged {
    const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Soft => "soft",
            Self::Hard => "hard",
        }
    }
}

/// Admits a changeset; its place in the log.
pub(super) fn admit(
    work: &mut Work<'_, '_>,
    row: &Received,
    admitted: Admitted,
) -> Result<u64, StoreError> {
    let header = &row.changeset.header;
    let seq = log_end(work.tx)? + 1;
    let ticket = match work.ticket(header.ticket)? {
        Some(ticket) => ticket,
        None => open(work, row, admitted.commands(), seq)?,
    };
    let (is_new, before) = match work.document(ticket.index, header.part)? {
        Some(stored) => (false, stored.document.heads()),
        None => (true, TicketDoc::genesis(header.part).heads()),
    };
    let (marked, at_tip, bytes, commands) = (
        admitted.marked(),
        admitted.at_tip(),
        admitted.document_bytes(),
        admitted.commands().to_vec(),
    );
    let mut fork = admitted.into_fork();
    let (document, merged) = if at_tip {
        (fork, Merged::None)
    } else {
        // A copy: what was there is there still if the merging fails.
        let found = work.document(ticket.index, header.part)?;
        let mut document = found.map_or_else(
            || TicketDoc::genesis(header.part),
            |stored| stored.document.clone(),
        );
        let rivals = rivals(work, &ticket, &document)?;
        document.merge(&mut fork);
        let merged = if self::rivals(work, &ticket, &document)? > rivals {
            Merged::Hard
        } else {
            Merged::Soft
        };
        (document, merged)
    };
    let heads = document.heads();
    let stored = Stored {
        document,
        seq,
        bytes,
        remade: false,
    };
    work.put_document(ticket.index, header.ticket, stored, row.received_at);
    // The log's row refers to the ticket and the inbox, the actor's to the device.
    work.tx
        .prepare_cached(
            "INSERT INTO log (seq, changeset, ticket_index, part, device_idx, person, actor, heads_after, base,
               received_at, earliest, merged, marked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            sql_index(seq),
            row.hash.0,
            sql_index(ticket.index),
            header.part.code(),
            row.device_index,
            header.person.as_str(),
            header.actor.0,
            join_heads(&heads),
            base_kind(&row.changeset, &before, is_new),
            row.received_at.seconds(),
            header.anchor.seconds(),
            merged.name(),
            marked,
        ])?;
    work.admissions
        .add(seq, row.hash, &header.person, row.received_at);
    derive(work, row, &ticket, &commands, seq)?;
    sheet_log::take_in(work, row, &ticket, &commands)?;
    show(work, row, &ticket, &commands, is_new, seq)?;
    if row.device_index != DESK_INDEX {
        visibility::author_may_not_hold(work.tx, &ticket, &header.person, header.part, seq)?;
    }
    work.changed = true;
    Ok(seq)
}

/// Adds the ticket of an opening.
fn open(
    work: &mut Work<'_, '_>,
    row: &Received,
    commands: &[Authored],
    seq: u64,
) -> Result<TicketRow, StoreError> {
    let header = &row.changeset.header;
    let claimed = commands.first().map_or(header.at, |authored| authored.at);
    let proven = TimeInterval {
        earliest: header.anchor,
        latest: row.received_at,
    };
    let date = tickets::intake_date(work.tx, claimed, proven)?;
    let ticket = tickets::create(
        work.tx,
        header.ticket,
        seq,
        &header.person,
        row.device_index,
        date,
    )?;
    work.know_ticket(ticket.clone());
    Ok(ticket)
}

/// What follows from an entry and can be derived again: actor, command ids.
pub(super) fn derive(
    work: &mut Work<'_, '_>,
    row: &Received,
    ticket: &TicketRow,
    commands: &[Authored],
    seq: u64,
) -> Result<(), StoreError> {
    let header = &row.changeset.header;
    register(work.tx, row)?;
    let mut insert = work.tx.prepare_cached(
        "INSERT INTO command_ids (ticket_index, part, actor, ordinal, seq) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for authored in commands {
        let id = authored.id;
        let (index, part) = (sql_index(ticket.index), header.part.code());
        insert.execute(params![index, part, id.actor.0, id.ordinal, sql_index(seq)])?;
    }
    Ok(())
}

/// Who may hold what after an entry. `is_new`: it is the first of its part.
fn show(
    work: &mut Work<'_, '_>,
    row: &Received,
    ticket: &TicketRow,
    commands: &[Authored],
    is_new: bool,
    seq: u64,
) -> Result<(), StoreError> {
    let header = &row.changeset.header;
    let moves =
        header.part == Part::Service && commands.iter().any(|authored| moves(&authored.command));
    if !is_new && !moves {
        return Ok(());
    }
    let facts = work
        .document(ticket.index, Part::Service)?
        .and_then(|stored| stored.document.facts());
    let Some(facts) = facts else {
        return Ok(());
    };
    let mut parts = vec![header.part];
    if moves {
        for part in [Part::Service, Part::Customer, Part::Office] {
            if part != header.part && work.has_part(ticket.index, part)? {
                parts.push(part);
            }
        }
    }
    // While it waited for a decision, the phone may have been told to drop the document.
    let holder = (!row.is_quarantined()).then_some(row.device_index);
    visibility::update(work, ticket, &facts, &parts, holder, seq)
}

/// Whether a command may move a ticket to other people: its crew, or its place in a pool by status, group,
/// region or product line.
fn moves(command: &Command) -> bool {
    if planted::is(Defect::CrewChangeNotSeen) && matches!(command, Command::Assign { .. }) {
        return false;
    }
    match command {
        Command::Correct { field, .. } => {
            matches!(field, Field::Group | Field::Region | Field::ProductLine)
        }
        Command::SettleConflict { on, .. } => matches!(
            on,
            ConflictOn::Crew { .. }
                | ConflictOn::Field {
                    field: Field::Group | Field::Region | Field::ProductLine
                }
        ),
        command => matches!(
            command.action(),
            Action::Open
                | Action::Assign
                | Action::Accept
                | Action::Decline
                | Action::Cancel
                | Action::Reopen
                | Action::SettleStatus
        ),
    }
}

fn register(tx: &Transaction<'_>, row: &Received) -> Result<(), StoreError> {
    let header = &row.changeset.header;
    tx.prepare_cached(
        "INSERT OR IGNORE INTO actors (actor, device_idx, person) VALUES (?1, ?2, ?3)",
    )?
    .execute(params![
        header.actor.0,
        row.device_index,
        header.person.as_str()
    ])?;
    Ok(())
}

/// How readers of the log can be told the base.
fn base_kind(changeset: &Changeset, before: &[ChangeHash], is_new: bool) -> &'static str {
    let header = &changeset.header;
    if header.base == before {
        if is_new { "genesis" } else { "known" }
    } else if header.base == TicketDoc::genesis(header.part).heads() {
        "genesis"
    } else {
        "other"
    }
}

/// Conflicts and clashes of a document.
fn rivals(
    work: &mut Work<'_, '_>,
    ticket: &TicketRow,
    document: &TicketDoc,
) -> Result<usize, StoreError> {
    let found = if document.part() == Part::Service {
        hydrate(ticket.id, None, &[document])
    } else {
        let service = work.document(ticket.index, Part::Service)?;
        service.and_then(|service| hydrate(ticket.id, None, &[&service.document, document]))
    };
    Ok(found.map_or(0, |ticket| ticket.conflicts.len() + ticket.clashes.len()))
}
