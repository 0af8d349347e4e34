//! What waits, anew on the mirror.
//!
//! Invariant: an entry whose base still exists stays as it is: same base, actor, time, hash. Only what
//! descends from a refused command is authored anew, under a fresh actor, with its `CommandId` kept,
//! never while in flight. What no longer executes becomes refused, with the original kept.

mod acts;

use std::collections::BTreeSet;

use super::entropy::Entropy;
use super::execute::put_row;
use super::{get, local, meta, recovery};
use crate::clock::Timestamp;
use crate::document::{Facts, TicketDoc};
use crate::ids::{ActorId, ChangeHash, CommandId, Part, PartRef, TicketId};
use crate::planted::{self, Defect};
use crate::store::{OutboxEntry, OutboxState, StoreError, StoreTxn};
use crate::sync::changeset::Changeset;
use crate::sync::verdict::{HeldWhy, Refusal, Verdict};
use crate::ticket::{Action, Authored, lifecycle};

/// What came of it.
#[derive(Default)]
pub(super) struct Rebased {
    /// Entries that no longer execute.
    pub(super) refused: u32,
}

/// Puts every touched part's local document together again, and the tickets' rows with it.
pub(super) fn rebase(
    txn: &mut dyn StoreTxn,
    touched: &BTreeSet<PartRef>,
    anew: &BTreeSet<u64>,
    entropy: &mut Entropy,
    catalogue: u32,
) -> Result<Rebased, StoreError> {
    let mut done = Rebased::default();
    let mut tickets: BTreeSet<TicketId> = touched.iter().map(|part| part.ticket).collect();
    while let Some(ticket) = tickets.pop_first() {
        let anew = &acts::with_all_members(txn, ticket, anew)?;
        let mut docs: Vec<TicketDoc> = Vec::new();
        let mut facts = None;
        for part in Part::ALL {
            let part = PartRef { ticket, part };
            let Some((mut doc, seq)) = local::mirror(txn, part)? else {
                continue;
            };
            // Begun here alone, and what began it did not come in: there is no such part.
            if seq == 0 && !docs.is_empty() && txn.entries_of(part)?.iter().all(is_refused) {
                txn.delete_mirror(part)?;
                continue;
            }
            let mut fresh = Fresh {
                entropy,
                catalogue,
                actor: None,
            };
            part_anew(
                txn,
                part,
                &mut doc,
                anew,
                facts.as_ref(),
                &mut fresh,
                &mut done,
            )?;
            if part.part == Part::Service {
                facts = doc.facts();
            }
            docs.push(doc);
        }
        let refs: Vec<&TicketDoc> = docs.iter().collect();
        put_row(txn, ticket, &refs)?;
        let fell = acts::fall_as_one(txn, ticket)?;
        if fell > 0 {
            // What was put on top of them goes elsewhere.
            done.refused += fell;
            tickets.insert(ticket);
        }
    }
    Ok(done)
}

fn is_refused(entry: &OutboxEntry) -> bool {
    entry.state == OutboxState::Refused
}

/// What re-authoring needs: a fresh actor, once it is needed.
struct Fresh<'a> {
    entropy: &'a mut Entropy,
    catalogue: u32,
    actor: Option<ActorId>,
}

fn part_anew(
    txn: &mut dyn StoreTxn,
    part: PartRef,
    doc: &mut TicketDoc,
    anew: &BTreeSet<u64>,
    service: Option<&Facts>,
    fresh: &mut Fresh<'_>,
    done: &mut Rebased,
) -> Result<(), StoreError> {
    let entries = txn.entries_of(part)?;
    let mut waiting_with = quarantined(&entries);
    for entry in entries {
        match fate(&entry, doc, anew, &waiting_with) {
            Fate::Stays => {
                doc.apply_own(&entry.change)
                    .map_err(|_| StoreError::Malformed {
                        what: "an outbox entry's change",
                    })?;
            }
            Fate::Waits => {
                waiting_with.insert(entry.hash);
            }
            Fate::Anew => author_anew(txn, part, doc, entry, service, fresh, done)?,
            Fate::Rests => {}
        }
    }
    Ok(())
}

/// What becomes of an outbox entry when its part's document is put together.
enum Fate {
    /// Its base is there: same base, actor, time, hash.
    Stays,
    /// It builds on what a person in the office still decides about, and waits with it.
    Waits,
    /// It is authored anew.
    Anew,
    /// It is in flight or held for another reason than its base, so its verdict will say; or it does not
    /// wait at all.
    Rests,
}

fn fate(
    entry: &OutboxEntry,
    doc: &TicketDoc,
    anew: &BTreeSet<u64>,
    waiting_with: &BTreeSet<ChangeHash>,
) -> Fate {
    if !entry.state.is_waiting() {
        return Fate::Rests;
    }
    if !anew.contains(&entry.id) && doc.contains(&entry.base) {
        return Fate::Stays;
    }
    if entry.base.iter().any(|head| waiting_with.contains(head)) {
        return Fate::Waits;
    }
    let held_for_base = matches!(
        entry.verdict,
        Some(Verdict::Held {
            why: HeldWhy::MissingBase | HeldWhy::OtherHash
        })
    );
    match entry.state {
        OutboxState::Pending => Fate::Anew,
        OutboxState::Held if anew.contains(&entry.id) || held_for_base => Fate::Anew,
        _ => Fate::Rests,
    }
}

/// Changes that a person in the office still decides about.
fn quarantined(entries: &[OutboxEntry]) -> BTreeSet<ChangeHash> {
    entries
        .iter()
        .filter(|e| e.state == OutboxState::Quarantined)
        .map(|e| e.hash)
        .collect()
}

fn author_anew(
    txn: &mut dyn StoreTxn,
    part: PartRef,
    doc: &mut TicketDoc,
    mut entry: OutboxEntry,
    service: Option<&Facts>,
    fresh: &mut Fresh<'_>,
    done: &mut Rebased,
) -> Result<(), StoreError> {
    let action = entry.command.action();
    let own = doc.facts();
    let status = if part.part == Part::Service {
        own.as_ref()
    } else {
        service
    }
    .map(|f| f.status);
    let actor = *fresh
        .actor
        .get_or_insert_with(|| ActorId(fresh.entropy.bytes()));
    let authored = Authored {
        id: entry.command_id,
        at: entry.at,
        command: entry.command.clone(),
    };
    let base = doc.heads();
    let sequence = doc.sequence_of(actor) + 1;
    let uncovered = action == Action::Close && !doc.is_covered();
    let lawful = lifecycle::is_lawful(action, status) && !uncovered;
    let executed = if part.part != Part::Service || lawful {
        doc.execute(actor, &authored)
            .map_err(|why| Refusal::Inexecutable { why })
    } else {
        Err(Refusal::NotLawful { action, status })
    };
    // The held changeset is superseded: its verdict is of no more interest here.
    if let Some(device_sequence) = entry.device_sequence.take()
        && let Some(sealed) = txn.sealed(device_sequence)?
    {
        let changeset: Result<Changeset, _> = minicbor::decode(&sealed.changeset);
        entry.replaces = changeset.ok().map(|c| c.hash());
        let mut left = sealed;
        left.entries.retain(|id| *id != entry.id);
        if left.entries.is_empty() {
            recovery::retire(txn, left, Vec::new())?
        } else {
            txn.put_sealed(&left)?
        }
    }
    match executed {
        Ok(executed) => {
            entry.state = OutboxState::Pending;
            entry.verdict = None;
            if planted::is(Defect::CommandIdNotKept) {
                let ordinal = sequence;
                entry.command_id = CommandId { actor, ordinal };
            }
            let base = match planted::is(Defect::WrongBaseAnew) {
                true => doc.heads(),
                false => base,
            };
            (entry.actor, entry.sequence, entry.base) = (actor, sequence, base);
            (entry.hash, entry.change) = (executed.hash, executed.change);
            entry.anchor = get::<Timestamp>(txn, meta::ANCHOR)?.unwrap_or_default();
            entry.catalogue = fresh.catalogue;
        }
        Err(reason) => {
            entry.state = OutboxState::Refused;
            entry.verdict = Some(Verdict::Refused { command: 0, reason });
            done.refused += 1;
        }
    }
    txn.put_entry(&entry)?;
    Ok(())
}
