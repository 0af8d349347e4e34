//! What is held for something that cannot be had goes to a person in the office.
//!
//! A device that heard that a changeset is held authors it anew or sends what it waits for, as long as it
//! has something to send. Once it asks with nothing to send and nothing wanted, it has neither. A device that
//! never asks again (revoked, lost, or gone on under another name, while colleagues brought its work) says
//! nothing: for it time does.
//! Invariant: what waits for a newer program, or for the rest of its device's sequence, stays held, and so
//! does what builds on it; what comes after all is judged again and leaves the quarantine by itself.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use gongdan_core::clock::Timestamp;
use gongdan_core::sync::changeset::{Pin, pin};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Verdict};
use rusqlite::{Connection, Params};

use super::inbox::{self, Received};
use super::receive::rests_on_quarantined;
use super::work::Work;
use super::{Relay, sql_index};
use crate::store::StoreError;

/// Held ones of the device whose verdict it was told, up to a number of the inbox's verdicts.
const HEARD: &str =
    "device_idx = ?1 AND state = 'held' AND superseded_by IS NULL AND verdict_seq <= ?2";

/// Held ones that came before a time, or, the clock having been put back, after now.
const OLD: &str =
    "state = 'held' AND superseded_by IS NULL AND (received_at <= ?1 OR received_at > ?2)";

/// How long something is held for what its device, or a colleague's, may still bring: a holiday.
const HELD_SECONDS_MAX: i64 = 14 * 24 * 3600;
/// How often what is held so long is looked for.
const LOOKS_EVERY_SECONDS: i64 = 3600;

/// What a quarantine is called that ends by itself when what was missing comes.
pub(super) const NEVER_COMPLETE: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::NeverComplete,
};

impl Relay {
    /// The device has nothing to send and heard all verdicts up to `heard`: what of it is still held, and
    /// could only be completed by it, is quarantined.
    pub(super) fn quarantine_never_complete(
        &self,
        device_index: i64,
        heard: u64,
    ) -> Result<(), StoreError> {
        self.quarantine_held(HEARD, || (device_index, sql_index(heard)))
    }

    /// What was held for as long as anything is held is quarantined, whosever it is; looked for once an hour.
    pub(super) fn quarantine_long_held(&self, now: Timestamp) -> Result<(), StoreError> {
        let now = now.seconds();
        let looked = self.looked_for_long_held.load(Ordering::Relaxed);
        if (looked..looked.saturating_add(LOOKS_EVERY_SECONDS)).contains(&now) {
            return Ok(());
        }
        self.quarantine_held(OLD, || [now.saturating_sub(HELD_SECONDS_MAX), now])?;
        self.looked_for_long_held.store(now, Ordering::Relaxed);
        Ok(())
    }

    fn quarantine_held<P: Params>(
        &self,
        condition: &str,
        parameters: impl Fn() -> P,
    ) -> Result<(), StoreError> {
        if self
            .db
            .read(|c| incomplete(c, condition, parameters()))?
            .is_empty()
        {
            return Ok(());
        }
        let changed = self.db.write(|tx| {
            let mut work = Work::new(tx);
            for row in incomplete(tx, condition, parameters())? {
                quarantine(&mut work, &row)?;
            }
            Ok::<_, StoreError>(work.changed)
        })?;
        if changed {
            self.wake.ring();
        }
        Ok(())
    }
}

/// Of the held ones that a condition picks, those that wait for nothing that may still come.
fn incomplete(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
) -> Result<Vec<Received>, StoreError> {
    let mut kept: BTreeSet<Pin> = BTreeSet::new();
    let mut held = inbox::select(connection, condition, parameters)?;
    held.retain(|row| {
        let stays = stays(row, &kept);
        if stays {
            kept.insert(row.changeset.header.pin);
        }
        !stays
    });
    Ok(held)
}

/// Whether it waits for something that may still come, itself or beneath it.
fn stays(row: &Received, kept: &BTreeSet<Pin>) -> bool {
    let waits = matches!(
        row.verdict,
        Some(Verdict::Held {
            why: HeldWhy::Gap | HeldWhy::UnknownCommand
        })
    );
    waits
        || row
            .changeset
            .header
            .base
            .iter()
            .any(|head| kept.contains(&pin(*head)))
}

fn quarantine(work: &mut Work<'_, '_>, row: &Received) -> Result<(), StoreError> {
    let verdict = if rests_on_quarantined(work, row)? {
        Verdict::Quarantined {
            reason: QuarantineReason::DependsOnQuarantined,
        }
    } else {
        NEVER_COMPLETE
    };
    inbox::set_verdict(work.tx, row, &verdict)?;
    inbox::note_changes(work.tx, row.id, std::iter::once(row.changeset.header.pin))?;
    work.changed = true;
    Ok(())
}
