//! Acts over several parts, authored anew or refused as one.
//!
//! Invariant: the members of an act are sealed together; one alone would be no act, and be refused.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fate, fate, quarantined};
use crate::ids::{Part, PartRef, TicketId};
use crate::replica::local;
use crate::store::{OutboxEntry, OutboxState, StoreError, StoreTxn};

/// The ticket's acts in the outbox, whose members were put there one after the other.
fn acts(
    txn: &mut dyn StoreTxn,
    ticket: TicketId,
) -> Result<BTreeMap<u64, Vec<OutboxEntry>>, StoreError> {
    let mut acts: BTreeMap<u64, Vec<OutboxEntry>> = BTreeMap::new();
    for part in Part::ALL {
        for entry in txn.entries_of(PartRef { ticket, part })? {
            if let Some(act) = entry.act {
                let first = entry.id - u64::from(act.place);
                acts.entry(first).or_default().push(entry);
            }
        }
    }
    Ok(acts)
}

/// `anew` with the other members of every act of which one is authored anew.
pub(super) fn with_all_members(
    txn: &mut dyn StoreTxn,
    ticket: TicketId,
    anew: &BTreeSet<u64>,
) -> Result<BTreeSet<u64>, StoreError> {
    let mut all = anew.clone();
    let acts = acts(txn, ticket)?;
    if acts.is_empty() {
        return Ok(all);
    }
    // A member authored anew takes with it what was built on it, another act's member perhaps.
    loop {
        let mut moved = all.clone();
        for part in Part::ALL {
            moved.extend(moved_in(txn, PartRef { ticket, part }, &all)?);
        }
        let mut next = all.clone();
        for members in acts.values() {
            if members.iter().any(|member| moved.contains(&member.id)) {
                next.extend(members.iter().map(|member| member.id));
            }
        }
        if next == all {
            return Ok(all);
        }
        all = next;
    }
}

/// Entries of a part that will be authored anew.
fn moved_in(
    txn: &mut dyn StoreTxn,
    part: PartRef,
    anew: &BTreeSet<u64>,
) -> Result<Vec<u64>, StoreError> {
    let Some((mut doc, _)) = local::mirror(txn, part)? else {
        return Ok(Vec::new());
    };
    let entries = txn.entries_of(part)?;
    let mut waiting_with = quarantined(&entries);
    let mut moved = Vec::new();
    for entry in entries {
        match fate(&entry, &doc, anew, &waiting_with) {
            Fate::Stays => doc
                .apply_own(&entry.change)
                .map_err(|_| StoreError::Malformed {
                    what: "an outbox entry's change",
                })?,
            Fate::Waits => {
                waiting_with.insert(entry.hash);
            }
            Fate::Anew => moved.push(entry.id),
            Fate::Rests => {}
        }
    }
    Ok(moved)
}

/// Refuses what is pending of an act of which a member no longer executes; how many.
pub(super) fn fall_as_one(txn: &mut dyn StoreTxn, ticket: TicketId) -> Result<u32, StoreError> {
    let mut fell = 0;
    for members in acts(txn, ticket)?.into_values() {
        let refused = members
            .iter()
            .find(|member| member.state == OutboxState::Refused);
        let Some(verdict) = refused.map(|member| member.verdict.clone()) else {
            continue;
        };
        for mut member in members {
            if member.state == OutboxState::Pending {
                member.state = OutboxState::Refused;
                member.verdict.clone_from(&verdict);
                txn.put_entry(&member)?;
                fell += 1;
            }
        }
    }
    Ok(fell)
}
