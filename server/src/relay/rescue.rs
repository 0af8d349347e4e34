//! What the office brings in out of a rescue file.
//!
//! Invariant: each changeset is judged by its own device's key and in its own device's sequence, as if that
//! device had sent it; one that came by another way before keeps its verdict.

use std::collections::BTreeMap;

use gongdan_core::clock::Timestamp;
use gongdan_core::sync::changeset::Changeset;

use super::{Relay, SyncError, given_back, inbox};

/// What became of what was brought in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BroughtIn {
    /// Were not here before.
    pub new: u32,
    /// Of no known device, or with a signature that does not hold: left out.
    pub strange: u32,
    /// All that are here now, by their state: `admitted`, `duplicate`, `held`, `quarantined`, `refused`.
    pub states: BTreeMap<String, u32>,
}

impl Relay {
    /// Takes changesets in, whoever sealed them. Idempotent.
    ///
    /// # Errors
    /// The database fails.
    pub fn bring_in(
        &self,
        now: Timestamp,
        changesets: &[Changeset],
    ) -> Result<BroughtIn, SyncError> {
        let (mut brought, mut authors) = (BroughtIn::default(), Vec::new());
        self.db.write(|tx| {
            (brought, authors) = (BroughtIn::default(), Vec::new());
            for changeset in changesets {
                let Some(author) = given_back::author(tx, changeset)? else {
                    brought.strange += 1;
                    continue;
                };
                authors.push(author);
                if inbox::insert(tx, changeset, author, now)? {
                    brought.new += 1;
                }
            }
            Ok::<_, SyncError>(())
        })?;
        authors.sort_unstable();
        authors.dedup();
        for author in authors {
            self.judge_device(author)?;
        }
        for changeset in changesets {
            let row = self.db.read(|c| inbox::by_hash(c, changeset.hash()))?;
            if let Some(row) = row {
                let state = row.verdict.as_ref().map_or("received", |v| v.name());
                *brought.states.entry(state.to_owned()).or_default() += 1;
            }
        }
        Ok(brought)
    }
}
