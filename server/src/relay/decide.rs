//! The office decides what waits in quarantine. Invariant: what depends on a decided changeset is decided
//! with it, and the author's device hears of all of it.

use std::collections::BTreeSet;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, PersonId, TicketId};
use gongdan_core::sync::changeset::{Pin, pin};
use gongdan_core::sync::verdict::{QuarantineReason, Refusal, Verdict};
use rusqlite::params;

use super::Relay;
use super::acts;
use super::inbox::{self, Received};
use super::never::NEVER_COMPLETE;
use super::receive::{judge_unit, settle};
use super::work::Work;
use crate::gate::Authority;
use crate::store::StoreError;

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It comes in, whatever the author's rights.
    Admit,
    /// It does not come in.
    Decline,
}

/// Why nothing was decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// There is no changeset of that hash in quarantine: unknown, or decided already.
    #[error("decide: nothing of that name is in quarantine")]
    NotQuarantined,
    /// It cannot come in as things stand: the verdict that it would get instead. It waits as before.
    #[error("decide: it cannot be admitted, it would be {}", verdict.name())]
    NotAdmissible {
        /// Held for what is not here, or quarantined because what it builds on is.
        verdict: Verdict,
    },
    /// The database.
    #[error("decide")]
    Store(#[from] StoreError),
}

impl Relay {
    /// Decides a quarantined changeset with all that depends on it; its verdict from now on.
    ///
    /// An admission may still fail by what it would write (it may be refused, or held for its author to look
    /// at again); it is then told so. The caller has checked that `by` may decide.
    ///
    /// # Errors
    /// It is not in quarantine, or it cannot be admitted as things stand (then nothing was changed), or the
    /// database fails.
    pub fn decide(
        &self,
        now: Timestamp,
        by: &PersonId,
        hash: ChangesetHash,
        decision: Decision,
    ) -> Result<Verdict, DecideError> {
        let verdict = self.db.write(|tx| {
            let row = inbox::by_hash(tx, hash).map_err(DecideError::Store)?;
            let row = row
                .filter(Received::is_quarantined)
                .ok_or(DecideError::NotQuarantined)?;
            let mut work = Work::new(tx);
            match decision {
                Decision::Admit => admit(&mut work, &row, by, now)?,
                Decision::Decline => decline(&mut work, &row, by, now)?,
            }
            work.flush()?;
            let after = inbox::by_hash(tx, hash)?.and_then(|row| row.verdict);
            let verdict = after.ok_or(DecideError::NotQuarantined)?;
            if changes_nothing(row.verdict.as_ref(), &verdict) {
                return Err(DecideError::NotAdmissible { verdict });
            }
            Ok(verdict)
        })?;
        tracing::info!(changeset = %hash, verdict = verdict.name(), "a quarantined changeset was decided");
        self.wake.ring();
        Ok(verdict)
    }
}

/// Whether what comes of a decision would only be the same question again, asked later.
fn changes_nothing(before: Option<&Verdict>, after: &Verdict) -> bool {
    match after {
        // What it builds on is in quarantine too, and is to be decided first.
        Verdict::Quarantined { .. } => true,
        // Its author has had nothing to add; held, it would come back here.
        Verdict::Held { .. } => before == Some(&NEVER_COMPLETE),
        _ => false,
    }
}

fn admit(
    work: &mut Work<'_, '_>,
    row: &Received,
    by: &PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sign(work, row, by, now)?;
    if !settle(work, row, Authority::Decided)? {
        return Ok(());
    }
    // What depends on it has its base now, whichever of them comes first; the rest waits on others.
    let mut again = true;
    while std::mem::take(&mut again) {
        for dependent in dependents(work, row.ticket())? {
            // It came in with another member of its act: by itself it would be no act any more.
            let settled = !depends_still(work, &dependent)?;
            if settled || !base_is_there(work, &dependent)? {
                continue;
            }
            sign(work, &dependent, by, now)?;
            again |= settle(work, &dependent, Authority::Decided)?;
        }
    }
    let held = inbox::select(
        work.tx,
        "ticket = ?1 AND state = 'held' AND chained = 1 AND superseded_by IS NULL",
        [row.ticket().as_bytes()],
    )?;
    held.iter().try_for_each(|row| judge_unit(work, row))
}

fn decline(
    work: &mut Work<'_, '_>,
    row: &Received,
    by: &PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let declined = Verdict::Refused {
        command: 0,
        reason: Refusal::Declined,
    };
    let mut gone: BTreeSet<Pin> = BTreeSet::new();
    let mut falls = acts::quarantined(work, row)?;
    while !falls.is_empty() {
        for member in falls.drain(..) {
            gone.insert(member.changeset.header.pin);
            let mut pins = work
                .tx
                .prepare_cached("SELECT pin FROM quarantined_changes WHERE inbox = ?1")?;
            for found in pins.query_map([member.id], |row| row.get(0))? {
                gone.insert(found?);
            }
            sign(work, &member, by, now)?;
            inbox::set_verdict(work.tx, &member, &declined)?;
        }
        for dependent in dependents(work, row.ticket())? {
            if dependent
                .changeset
                .header
                .base
                .iter()
                .any(|head| gone.contains(&pin(*head)))
            {
                falls.extend(acts::quarantined(work, &dependent)?);
            }
        }
    }
    Ok(())
}

fn sign(
    work: &Work<'_, '_>,
    row: &Received,
    by: &PersonId,
    now: Timestamp,
) -> Result<(), StoreError> {
    work.tx
        .prepare_cached("UPDATE inbox SET decided_by = ?2, decided_at = ?3 WHERE id = ?1")?
        .execute(params![row.id, by.as_str(), now.seconds()])?;
    Ok(())
}

fn dependents(work: &Work<'_, '_>, ticket: TicketId) -> Result<Vec<Received>, StoreError> {
    let found = inbox::select(
        work.tx,
        "ticket = ?1 AND state = 'quarantined' AND superseded_by IS NULL",
        [ticket.as_bytes()],
    )?;
    Ok(found.into_iter().filter(depends).collect())
}

fn depends(row: &Received) -> bool {
    let depends = QuarantineReason::DependsOnQuarantined;
    row.verdict == Some(Verdict::Quarantined { reason: depends })
}

fn depends_still(work: &Work<'_, '_>, row: &Received) -> Result<bool, StoreError> {
    Ok(inbox::by_hash(work.tx, row.hash)?
        .as_ref()
        .is_some_and(depends))
}

fn base_is_there(work: &mut Work<'_, '_>, row: &Received) -> Result<bool, StoreError> {
    let header = &row.changeset.header;
    let Some(ticket) = work.ticket(header.ticket)? else {
        return Ok(false);
    };
    let stored = work.document(ticket.index, header.part)?;
    Ok(stored.is_some_and(|stored| stored.document.contains(&header.base)))
}
