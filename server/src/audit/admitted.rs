//! Binding the log of changesets to the chain. Invariant: every log entry since the chain began is in the
//! range of exactly one `changes_admitted`, whose digest is over the numbers and hashes of the range.

use std::collections::BTreeSet;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, PersonId};
use rusqlite::Transaction;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Action, Actor, Detail, append};
use crate::store::StoreError;

/// What one transaction has admitted so far.
#[derive(Debug, Default)]
pub(crate) struct Admissions {
    entries: Vec<(u64, ChangesetHash)>,
    people: BTreeSet<PersonId>,
    at: Option<Timestamp>,
}

impl Admissions {
    /// Adds a log entry of `person` that was received at `received_at`.
    pub(crate) fn add(
        &mut self,
        seq: u64,
        hash: ChangesetHash,
        person: &PersonId,
        received_at: Timestamp,
    ) {
        self.entries.push((seq, hash));
        self.people.insert(person.clone());
        self.at = self.at.max(Some(received_at));
    }

    /// Writes them as one entry, and starts anew. Its time is the newest receipt.
    pub(crate) fn write(&mut self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        let taken = std::mem::take(self);
        let (Some(first), Some(last), Some(at)) =
            (taken.entries.first(), taken.entries.last(), taken.at)
        else {
            return Ok(());
        };
        let people = taken.people.iter().map(|person| person.as_str().into());
        let detail = Detail::from_iter([
            ("first".to_owned(), first.0.into()),
            ("last".to_owned(), last.0.into()),
            ("digest".to_owned(), digest(&taken.entries).into()),
            ("people".to_owned(), Value::Array(people.collect())),
        ]);
        append(tx, at, &Actor::Server, Action::ChangesAdmitted, detail)
    }
}

/// SHA-256 over each number, 8 bytes big-endian, and changeset hash, in hexadecimal.
pub(crate) fn digest(entries: &[(u64, ChangesetHash)]) -> String {
    let mut hasher = Sha256::new();
    for (seq, hash) in entries {
        hasher.update(seq.to_be_bytes());
        hasher.update(hash.0);
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
