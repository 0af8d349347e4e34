//! What is held for something that cannot be had goes to a person in the office.
//!
//! A device that heard that a changeset is held authors it anew or sends what it waits for, as long as it
//! has something to send. Once it asks with nothing to send and nothing wanted, it has neither.
//! Invariant: what waits for a newer program, or for the rest of its device's sequence, stays held, and so
//! does what builds on it; what comes after all is judged again and leaves the quarantine by itself.

use std::collections::BTreeSet;

use gongdan_core::sync::changeset::{Pin, pin};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Verdict};
use rusqlite::params;

use super::inbox::{self, Received};
use super::receive::rests_on_quarantined;
use super::work::Work;
use super::{Relay, sql_index};
use crate::store::StoreError;

/// Held ones of the device whose verdict it was told, up to a number of the inbox's verdicts.
const HEARD: &str =
    "device_idx = ?1 AND state = 'held' AND superseded_by IS NULL AND verdict_seq <= ?2";

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
        let key = params![device_index, sql_index(heard)];
        if self.db.read(|c| inbox::select(c, HEARD, key))?.is_empty() {
            return Ok(());
        }
        let changed = self.db.write(|tx| {
            let mut work = Work::new(tx);
            let held = inbox::select(tx, HEARD, params![device_index, sql_index(heard)])?;
            let mut kept: BTreeSet<Pin> = BTreeSet::new();
            for row in held {
                if stays(&row, &kept) {
                    kept.insert(row.changeset.header.pin);
                } else {
                    quarantine(&mut work, &row)?;
                }
            }
            Ok::<_, StoreError>(work.changed)
        })?;
        if changed {
            self.wake.ring();
        }
        Ok(())
    }
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
