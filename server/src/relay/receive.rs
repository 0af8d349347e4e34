//! Receiving: store first, judge second.
//!
//! Invariant: what came with a right signature is durable before it is judged; a device's changesets are
//! judged in the order of its sequence, each by itself, and what waits is judged again when what it waits
//! for has come.

use std::collections::VecDeque;

use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ChangesetHash, Part, TicketId};
use gongdan_core::planted::{self, Defect};
use gongdan_core::sync::changeset::{Changeset, pin};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use rusqlite::{OptionalExtension, params};

use super::acts::{Members, members};
use super::admit::admit;
use super::inbox::{self, Received};
use super::never::NEVER_COMPLETE;
use super::work::{Fell, Work};
use super::{Relay, Sender, SyncError, epoch, quota, sql_index};
use crate::auth::{devices, incarnation};
use crate::gate::{self, Admitted, Author, Authority, Before, Judged};
use crate::store::StoreError;

/// Changesets of one device that are judged in one transaction: some ten milliseconds, in which nobody else writes.
const JUDGED_AT_ONCE_MAX: usize = 64;

/// Why a held changeset is worth another judgement when something was admitted to its ticket.
const AGAIN: Verdict = Verdict::Held {
    why: HeldWhy::MissingBase,
};

impl Relay {
    /// Takes a device's changesets in: signatures, inbox, verdicts. Idempotent by hash. Their hashes, in order.
    ///
    /// # Errors
    /// A signature does not hold (then nothing is stored), or the database fails.
    pub fn receive(
        &self,
        now: Timestamp,
        sender: &Sender,
        changesets: Vec<Changeset>,
    ) -> Result<Vec<ChangesetHash>, SyncError> {
        if changesets.is_empty() {
            return Ok(Vec::new());
        }
        let key = self
            .db
            .read(|c| devices::find(c, sender.device))?
            .map(|device| device.public_key);
        let key = key.ok_or(SyncError::BadSignature)?;
        let own =
            |c: &Changeset| c.header.device == sender.device && c.header.person == sender.person;
        if !changesets.iter().all(own) {
            return Err(SyncError::BadSignature);
        }
        let hashes: Vec<ChangesetHash> = changesets.iter().map(Changeset::hash).collect();
        // What is stored has proved its signature, which its hash covers.
        let new = self.db.read(|c| {
            let mut new = Vec::new();
            for (changeset, hash) in changesets.iter().zip(&hashes) {
                if !inbox::is_there(c, *hash)? {
                    new.push(changeset);
                }
            }
            if !new.is_empty() {
                let bytes = new.iter().map(|c| c.body.len() as i64).sum();
                quota::is_left(c, sender.index, now, new.len() as i64, bytes)?;
            }
            Ok::<_, SyncError>(new)
        })?;
        if !new.iter().all(|changeset| changeset.is_signed_by(&key)) {
            return Err(SyncError::BadSignature);
        }
        let added = self.db.write(|tx| {
            let (mut added, mut bytes) = (0, 0);
            for changeset in &changesets {
                if inbox::insert(tx, changeset, sender.index, now)? {
                    added += 1;
                    bytes += changeset.body.len() as i64;
                }
            }
            if added > 0 {
                quota::count(tx, sender.index, now, added, bytes)?;
            }
            Ok::<_, SyncError>(added > 0)
        })?;
        if added || !planted::is(Defect::UnjudgedAfterCrash) {
            self.judge_device(sender.index)?;
        }
        Ok(hashes)
    }

    /// Judges what a device sent, as far as its sequence goes without a gap: what is new, and what was stored before
    /// and not judged because the database failed in between. Between two transactions of a long batch others write.
    pub(super) fn judge_device(&self, device_index: i64) -> Result<(), StoreError> {
        if !self.db.read(|c| inbox::has_unjudged(c, device_index))? {
            return Ok(());
        }
        loop {
            let (changed, more) = self.db.write(|tx| {
                let mut work = Work::new(tx);
                let more = follow_chain(&mut work, device_index, JUDGED_AT_ONCE_MAX)?;
                work.flush()?;
                Ok::<_, StoreError>((work.changed, more))
            })?;
            if changed {
                self.wake.ring();
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// Judges what waits: what a crash left unjudged, and what an older program did not know.
    pub(super) fn judge_waiting(&self) -> Result<(), StoreError> {
        let devices: Vec<i64> = self.db.read(|c| {
            let mut statement =
                c.prepare("SELECT DISTINCT device_idx FROM inbox WHERE state = 'received'")?;
            let found = statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok::<_, StoreError>(found)
        })?;
        for device in devices {
            if planted::is(Defect::UnjudgedAfterCrash) {
                break;
            }
            self.judge_device(device)?;
        }
        let held: Vec<Received> = self.db.read(|c| {
            inbox::select(
                c,
                "state = 'held' AND chained = 1 AND superseded_by IS NULL",
                [],
            )
        })?;
        if held.is_empty() || planted::is(Defect::HeldNeverJudgedAgain) {
            return Ok(());
        }
        let changed = self.db.write(|tx| {
            let mut work = Work::new(tx);
            for row in held {
                judge_unit(&mut work, &row)?;
            }
            work.flush()?;
            Ok::<_, StoreError>(work.changed)
        })?;
        if changed {
            self.wake.ring();
        }
        Ok(())
    }
}

/// Settles the places of a device's changesets in its sequence, and judges those that follow without a gap, so many
/// of them; whether that was not all.
pub(super) fn follow_chain(
    work: &mut Work<'_, '_>,
    device_index: i64,
    at_most: usize,
) -> Result<bool, StoreError> {
    let (mut sequence, mut link) = inbox::chain_end(work.tx, device_index)?;
    let mut judged = 0;
    while let Some(next) = sequence.checked_add(1) {
        if judged == at_most {
            return Ok(true);
        }
        judged += 1;
        let next = inbox::next_unchained(work.tx, device_index, next)?;
        let (row, after_a_gap) = match next {
            Some(row) => (row, false),
            None => match epoch::past_the_gap(work.tx, device_index, sequence)? {
                Some(row) => (row, true),
                None => break,
            },
        };
        let header = &row.changeset.header;
        let follows = after_a_gap || header.previous == link;
        (sequence, link) = (header.device_sequence, row.changeset.link());
        inbox::chain(work.tx, row.id)?;
        inbox::set_chain_end(work.tx, device_index, sequence, link)?;
        if let Some(replaced) = row.changeset.header.replaces {
            inbox::supersede(work.tx, device_index, replaced, row.hash)?;
        }
        if follows {
            judge_unit(work, &row)?;
        } else {
            // It goes on from another changeset than the one we have: two phones share a past.
            quarantine(work, &row, QuarantineReason::SequenceTwice)?;
        }
    }
    let rest = inbox::select(
        work.tx,
        "device_idx = ?1 AND chained = 0 AND state = 'received'",
        [device_index],
    )?;
    for row in rest {
        if row.changeset.header.device_sequence > sequence {
            inbox::set_verdict(work.tx, &row, &Verdict::Held { why: HeldWhy::Gap })?;
        } else if epoch::fills_a_gap(work.tx, &row)? {
            inbox::chain(work.tx, row.id)?;
            if let Some(replaced) = row.changeset.header.replaces {
                inbox::supersede(work.tx, device_index, replaced, row.hash)?;
            }
            judge_unit(work, &row)?;
        } else {
            inbox::chain(work.tx, row.id)?;
            quarantine(work, &row, QuarantineReason::SequenceTwice)?;
        }
    }
    Ok(false)
}

fn quarantine(
    work: &mut Work<'_, '_>,
    row: &Received,
    reason: QuarantineReason,
) -> Result<(), StoreError> {
    // What is in the log already, sent again by a phone that was put back, is nobody's to decide.
    if let Some(duplicate @ Verdict::Duplicate) = duplicates(work, row)? {
        inbox::set_verdict(work.tx, row, &duplicate)?;
        return Ok(());
    }
    inbox::set_verdict(work.tx, row, &Verdict::Quarantined { reason })?;
    inbox::note_changes(work.tx, row.id, std::iter::once(row.changeset.header.pin))?;
    work.changed = true;
    Ok(())
}

/// Judges a changeset, or the whole act that it belongs to, and then what waited for what it brought.
pub(super) fn judge_unit(work: &mut Work<'_, '_>, row: &Received) -> Result<(), StoreError> {
    let mut queue = VecDeque::from([row.clone()]);
    while let Some(row) = queue.pop_front() {
        // An earlier one of the queue may have settled it.
        let Some(row) = inbox::by_hash(work.tx, row.hash)? else {
            continue;
        };
        let settled = row.verdict.as_ref().is_some_and(|v| !awaits_something(v));
        if row.superseded || settled {
            continue;
        }
        if settle(work, &row, Authority::Author)? {
            queue.extend(waiting(work, row.ticket())?);
        }
    }
    Ok(())
}

/// Held, or quarantined for want of its base: judged again when something came.
fn awaits_something(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Held { .. }) || lacks_its_base(verdict)
}

fn lacks_its_base(verdict: &Verdict) -> bool {
    let depends = QuarantineReason::DependsOnQuarantined;
    *verdict == AGAIN
        || *verdict == NEVER_COMPLETE
        || *verdict == Verdict::Quarantined { reason: depends }
}

/// What of a ticket waits for a base.
fn waiting(work: &Work<'_, '_>, ticket: TicketId) -> Result<Vec<Received>, StoreError> {
    let waiting = inbox::select(
        work.tx,
        "ticket = ?1 AND state IN ('held', 'quarantined') AND chained = 1 AND superseded_by IS NULL",
        [ticket.as_bytes()],
    )?;
    Ok(waiting
        .into_iter()
        .filter(|row| row.verdict.as_ref().is_some_and(lacks_its_base))
        .collect())
}

/// Gives a changeset or its whole act a verdict; whether something was admitted.
pub(super) fn settle(
    work: &mut Work<'_, '_>,
    row: &Received,
    authority: Authority,
) -> Result<bool, StoreError> {
    let members = match members(work, row)? {
        Members::These(members) => members,
        Members::Missing => {
            inbox::set_verdict(
                work.tx,
                row,
                &Verdict::Held {
                    why: HeldWhy::Incomplete,
                },
            )?;
            return Ok(false);
        }
        Members::NoAct(members) => {
            for member in members {
                let verdict = Verdict::Refused {
                    command: 0,
                    reason: Refusal::NotAnAct,
                };
                inbox::set_verdict(work.tx, &member, &verdict)?;
            }
            return Ok(false);
        }
    };
    let settled = work.unit(row.ticket(), |work| settle_these(work, &members, authority))?;
    let why = match settled {
        Ok(admitted) => return Ok(admitted),
        // Its base is not here, as far as anybody can tell.
        Err(Fell::Damaged(..)) => HeldWhy::MissingBase,
        // Another version of the program may be able to.
        Err(Fell::Panicked) => HeldWhy::UnknownCommand,
    };
    for member in &members {
        inbox::set_verdict(work.tx, member, &Verdict::Held { why })?;
    }
    Ok(false)
}

/// The same of changesets that stand or fall together.
fn settle_these(
    work: &mut Work<'_, '_>,
    members: &[Received],
    authority: Authority,
) -> Result<bool, StoreError> {
    let mut passed: Vec<(Received, Admitted)> = Vec::with_capacity(members.len());
    let mut worst: Option<Outcome> = None;
    // The service part with the members before: the others rest on it.
    let mut service: Option<TicketDoc> = None;
    for member in members {
        let is_service = members.len() > 1 && member.changeset.header.part == Part::Service;
        match judge_one(work, member, service.as_ref(), authority)? {
            Outcome::Passed(admitted) => {
                if is_service {
                    service = Some(admitted.fork().clone());
                }
                passed.push((member.clone(), *admitted));
            }
            outcome => {
                if is_service && matches!(outcome, Outcome::Said(Verdict::Quarantined { .. })) {
                    // What the others lack is a person's word alone, and no base.
                    let decided = judge_one(work, member, None, Authority::Decided)?;
                    if let Outcome::Passed(admitted) = decided {
                        service = Some(admitted.into_fork());
                    }
                }
                let graver = worst
                    .as_ref()
                    .is_none_or(|worst| outcome.gravity() > worst.gravity());
                if graver {
                    worst = Some(outcome);
                }
            }
        }
    }
    let Some(worst) = worst else {
        for (row, admitted) in passed {
            let seq = admit(work, &row, admitted)?;
            inbox::set_verdict(work.tx, &row, &Verdict::Admitted { seq })?;
        }
        return Ok(true);
    };
    let verdict = match worst {
        Outcome::Said(Verdict::Duplicate) if !passed.is_empty() => Verdict::Held {
            why: HeldWhy::OtherHash,
        },
        Outcome::Said(verdict) => verdict,
        Outcome::Passed(_) => return Err(StoreError::Malformed { what: "verdict" }),
    };
    for member in members {
        inbox::set_verdict(work.tx, member, &verdict)?;
        if matches!(verdict, Verdict::Quarantined { .. }) {
            inbox::note_changes(
                work.tx,
                member.id,
                std::iter::once(member.changeset.header.pin),
            )?;
            work.changed = true;
        }
    }
    Ok(false)
}

enum Outcome {
    Passed(Box<Admitted>),
    Said(Verdict),
}

impl Outcome {
    /// Which verdict of a member becomes the whole act's.
    const fn gravity(&self) -> u8 {
        match self {
            Self::Passed(_) => 0,
            Self::Said(Verdict::Refused { .. }) => 4,
            Self::Said(Verdict::Held { .. }) => 3,
            Self::Said(Verdict::Quarantined { .. }) => 2,
            Self::Said(..) => 1,
        }
    }
}

fn judge_one(
    work: &mut Work<'_, '_>,
    row: &Received,
    service: Option<&TicketDoc>,
    authority: Authority,
) -> Result<Outcome, StoreError> {
    let admitted_before = match planted::is(Defect::NoDeduplication) {
        true => None,
        false => duplicates(work, row)?,
    };
    if let Some(verdict) = admitted_before {
        return Ok(Outcome::Said(verdict));
    }
    let verdict = match gate_word(work, row, service, authority)? {
        Judged::Admitted(admitted) => return Ok(Outcome::Passed(admitted)),
        Judged::Held(HeldWhy::MissingBase) if rests_on_quarantined(work, row)? => {
            Verdict::Quarantined {
                reason: QuarantineReason::DependsOnQuarantined,
            }
        }
        Judged::Held(why) => Verdict::Held { why },
        Judged::Quarantined { reason, changes } => {
            inbox::note_changes(work.tx, row.id, changes.into_iter().map(pin))?;
            Verdict::Quarantined { reason }
        }
        Judged::Refused { command, reason } => Verdict::Refused { command, reason },
    };
    Ok(Outcome::Said(verdict))
}

fn gate_word(
    work: &mut Work<'_, '_>,
    row: &Received,
    service: Option<&TicketDoc>,
    authority: Authority,
) -> Result<Judged, StoreError> {
    let header = &row.changeset.header;
    let ticket = work.ticket(header.ticket)?;
    let now = work.standing_now(&header.person)?;
    let then = work.standing_then(&header.person, header.catalogue)?;
    let author = Author {
        now: &now,
        then: &then,
        revoked: work.is_revoked(row.device_index)?,
        foreign_actor: is_foreign(work, row)?,
    };
    let known_service = match &ticket {
        Some(ticket) if header.part != Part::Service && service.is_none() => work
            .document(ticket.index, Part::Service)?
            .map(|stored| stored.document.clone()),
        _ => None,
    };
    let genesis;
    let (document, document_bytes) = match &ticket {
        Some(ticket) => match work.document(ticket.index, header.part)? {
            Some(stored) => (&stored.document, stored.bytes),
            None => {
                genesis = TicketDoc::genesis(header.part);
                (&genesis, 0)
            }
        },
        None => {
            genesis = TicketDoc::genesis(header.part);
            (&genesis, 0)
        }
    };
    let before = Before {
        document,
        document_bytes,
        fork: None,
        service: service.or(known_service.as_ref()),
        opener: ticket.as_ref().map(|ticket| &ticket.opener),
    };
    Ok(gate::judge(&before, &row.changeset, &author, authority))
}

/// Whether the actor is registered to another device that is no incarnation of the same, or to another person
/// of the desk.
fn is_foreign(work: &Work<'_, '_>, row: &Received) -> Result<bool, StoreError> {
    let header = &row.changeset.header;
    let found: Option<(i64, String)> = work
        .tx
        .prepare_cached("SELECT device_idx, person FROM actors WHERE actor = ?1")?
        .query_row([header.actor.0], |found| Ok((found.get(0)?, found.get(1)?)))
        .optional()?;
    let Some((device, person)) = found else {
        return Ok(false);
    };
    Ok(person != header.person.as_str()
        || !incarnation::are_one(work.tx, device, row.device_index)?)
}

/// A command is admitted once, whatever its hash. Some of them admitted and some not is nothing that can be
/// executed as it stands: the author is to look again.
fn duplicates(work: &mut Work<'_, '_>, row: &Received) -> Result<Option<Verdict>, StoreError> {
    let header = &row.changeset.header;
    let (Some(ticket), Ok(commands)) = (work.ticket(header.ticket)?, row.changeset.commands())
    else {
        return Ok(None);
    };
    let mut known = work.tx.prepare_cached(
        "SELECT 1 FROM command_ids WHERE ticket_index = ?1 AND part = ?2 AND actor = ?3 AND ordinal = ?4",
    )?;
    let mut of_actor = work.tx.prepare_cached(
        "SELECT 1 FROM command_ids WHERE ticket_index = ?1 AND part = ?2 AND actor = ?3",
    )?;
    let mut unknown = None;
    let mut found = 0;
    for authored in &commands {
        let id = authored.id;
        // Mostly all are of one actor, who has not written here before.
        if unknown == Some(id.actor) {
            continue;
        }
        let actor = params![sql_index(ticket.index), header.part.code(), id.actor.0];
        if !of_actor.exists(actor)? {
            unknown = Some(id.actor);
            continue;
        }
        let key = params![
            sql_index(ticket.index),
            header.part.code(),
            id.actor.0,
            id.ordinal
        ];
        found += usize::from(known.exists(key)?);
    }
    Ok(match found {
        0 => None,
        all if all == commands.len() => Some(Verdict::Duplicate),
        _ => Some(Verdict::Held {
            why: HeldWhy::OtherHash,
        }),
    })
}

pub(super) fn rests_on_quarantined(
    work: &Work<'_, '_>,
    row: &Received,
) -> Result<bool, StoreError> {
    for head in &row.changeset.header.base {
        if inbox::is_quarantined_change(work.tx, pin(*head))? {
            return Ok(true);
        }
    }
    Ok(false)
}
