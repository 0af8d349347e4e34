//! Who wrote an operation and when: read from its change, so that items need not repeat it.

use std::collections::HashMap;

use automerge::{Automerge, ObjId};

use crate::clock::Timestamp;
use crate::ids::{ActorId, ChangeHash};

/// Author, claimed time and change of one operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) actor: ActorId,
    pub(super) at: Timestamp,
    pub(super) change: ChangeHash,
}

/// An index from operations to their changes.
pub(super) struct Provenance {
    by_actor: HashMap<ActorId, Vec<(u64, Origin)>>,
}

impl Provenance {
    /// Indexes the whole history: linear in the number of changes.
    pub(super) fn new(doc: &Automerge) -> Self {
        let mut by_actor: HashMap<ActorId, Vec<(u64, Origin)>> = HashMap::new();
        for meta in doc.get_changes_meta(&[]) {
            let Ok(bytes) = meta.actor.to_bytes().try_into() else {
                continue;
            };
            let actor = ActorId(bytes);
            let origin = Origin {
                actor,
                at: Timestamp(meta.timestamp),
                change: ChangeHash(meta.hash.0),
            };
            by_actor
                .entry(actor)
                .or_default()
                .push((meta.start_op, origin));
        }
        for starts in by_actor.values_mut() {
            starts.sort_unstable_by_key(|(start, _)| *start);
        }
        Self { by_actor }
    }

    /// The origin of the operation that made `id`.
    pub(super) fn of(&self, id: &ObjId) -> Option<Origin> {
        let ObjId::Id(counter, actor, _) = id else {
            return None;
        };
        let starts = self
            .by_actor
            .get(&ActorId(actor.to_bytes().try_into().ok()?))?;
        let after = starts.partition_point(|(start, _)| start <= counter);
        after.checked_sub(1).map(|i| starts[i].1)
    }
}
