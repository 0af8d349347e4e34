//! The only place that knows Automerge: one part of a ticket as one document.
//!
//! Invariant: a document holds what commands wrote, on a genesis that is the same bytes for every
//! ticket; the same command on the same heads by the same actor at the same time gives the same hash
//! on every replica.

mod conflict;
mod coverage;
mod execute;
mod genesis;
mod hydrate;
mod provenance;
mod schema;
pub mod snapshot;

use automerge::{Automerge, LoadOptions, ReadDoc, TextEncoding};

pub use execute::{Inexecutable, Subject, check, corrects, opens};
pub use hydrate::{Facts, hydrate};

use crate::ids::{ActorId, ChangeHash, Part};
use crate::ticket::Authored;

#[cfg(test)]
mod tests;

/// Bytes that should be a document are none, or a document of another schema.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Automerge cannot load it.
    #[error("load document: {0}")]
    Load(#[source] automerge::AutomergeError),
    /// It loads, but its genesis is not the part's.
    #[error("load document: another genesis")]
    Genesis,
    /// A snapshot that is not of its form.
    #[error("load document: malformed snapshot")]
    Snapshot,
}

/// A part's document.
#[derive(Debug, Clone)]
pub struct TicketDoc {
    part: Part,
    doc: Automerge,
}

impl TicketDoc {
    /// The document every ticket's part begins with: the skeleton of maps, so that no two devices
    /// create the same nested map.
    pub fn genesis(part: Part) -> Self {
        Self {
            part,
            doc: genesis::document(part),
        }
    }

    /// Loads what [`TicketDoc::save`] gave. Never feed it bytes from a device.
    pub fn load(part: Part, bytes: &[u8]) -> Result<Self, Unreadable> {
        let options = LoadOptions::new().text_encoding(TextEncoding::UnicodeCodePoint);
        let doc = Automerge::load_with_options(bytes, options).map_err(Unreadable::Load)?;
        Self::checked(part, doc)
    }

    fn checked(part: Part, doc: Automerge) -> Result<Self, Unreadable> {
        if doc.get_change_meta_by_hash(&genesis::hash(part)).is_some() {
            Ok(Self { part, doc })
        } else {
            Err(Unreadable::Genesis)
        }
    }

    /// The document in Automerge's own format, which the stock library opens.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// Its length as it travels and as it is held, without compression: what
    /// [`DOCUMENT_BYTES_MAX`](crate::limits::DOCUMENT_BYTES_MAX) bounds. As dear as saving it.
    pub fn plain_bytes(&self) -> usize {
        self.doc.save_nocompress().len()
    }

    /// Which part it is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The changes that no other follows, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let mut heads: Vec<_> = self
            .doc
            .get_heads()
            .into_iter()
            .map(|h| ChangeHash(h.0))
            .collect();
        heads.sort_unstable();
        heads
    }

    /// Whether nothing but the genesis is in it.
    pub fn is_genesis(&self) -> bool {
        self.doc.get_heads() == [genesis::hash(self.part)]
    }

    /// Whether every one of `heads` is in the history.
    pub fn contains(&self, heads: &[ChangeHash]) -> bool {
        heads.iter().all(|h| {
            self.doc
                .get_change_meta_by_hash(&automerge::ChangeHash(h.0))
                .is_some()
        })
    }

    /// The document as it was at `base` (sorted heads); `None` if some of it is not here.
    ///
    /// At the tip this is a clone, which costs microseconds; elsewhere the history is rebuilt.
    pub fn fork_at(&self, base: &[ChangeHash]) -> Option<Self> {
        if base == self.heads() {
            return Some(self.clone());
        }
        if base.is_empty() || !self.contains(base) {
            return None;
        }
        let base: Vec<_> = base.iter().map(|h| automerge::ChangeHash(h.0)).collect();
        let doc = self.doc.fork_at(&base).ok()?;
        Some(Self {
            part: self.part,
            doc,
        })
    }

    /// Executes `command` at the tip as `actor`; the change's hash and bytes. Nothing is written on an error.
    pub fn execute(
        &mut self,
        actor: ActorId,
        command: &Authored,
    ) -> Result<Executed, Inexecutable> {
        execute::execute(self, actor, command)
    }

    /// Takes over what `other`, a fork of this document, has and this has not.
    pub fn merge(&mut self, other: &mut Self) {
        self.doc
            .merge(&mut other.doc)
            .expect("a fork's changes have their dependencies here, and no (actor, sequence) pair serves twice");
    }

    /// Takes over a change that this device made itself and kept ([`Executed::change`]).
    pub fn apply_own(&mut self, change: &[u8]) -> Result<(), Unreadable> {
        self.doc
            .load_incremental(change)
            .map(|_| ())
            .map_err(Unreadable::Load)
    }

    /// How many changes `actor` has written here.
    pub fn sequence_of(&self, actor: ActorId) -> u32 {
        let own = automerge::ActorId::from(actor.0);
        let count = self
            .doc
            .get_changes_meta(&[])
            .iter()
            .filter(|m| *m.actor == own)
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The actors in it, in the order of their bytes: who a table beside a snapshot speaks of.
    pub fn actors(&self) -> Vec<ActorId> {
        let mut actors: Vec<ActorId> = self
            .doc
            .get_changes_meta(&[])
            .iter()
            .filter_map(|m| m.actor.to_bytes().try_into().ok().map(ActorId))
            .collect();
        actors.sort_unstable();
        actors.dedup();
        actors
    }

    /// What lifecycle and rights need to know; `None` where no ticket was opened (and in other parts).
    pub fn facts(&self) -> Option<Facts> {
        hydrate::facts(self)
    }

    /// Whether every confirmation together covers what was done: nothing of the work was written that none of
    /// them had seen (R86). `true` too where there is neither work nor confirmation.
    pub fn is_covered(&self) -> bool {
        coverage::is_covered(self)
    }

    /// How many changes it holds.
    pub fn change_count(&self) -> usize {
        self.doc.stats().num_changes as usize
    }

    pub(crate) fn automerge(&self) -> &Automerge {
        &self.doc
    }
}

/// What an execution made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Hash of the one change.
    pub hash: ChangeHash,
    /// Its bytes, for the author's own store.
    pub change: Vec<u8>,
}
