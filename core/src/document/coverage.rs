//! Whether what was done is covered by what the customer confirmed.
//!
//! Invariant: decided by who saw what, never by claimed times: a write is covered where its change lies in the
//! past of a confirmation's.

use std::collections::{HashMap, HashSet};

use automerge::{Automerge, ObjId, ROOT, ReadDoc};

use super::provenance::Provenance;
use super::{TicketDoc, schema};
use crate::ids::ChangeHash;
use crate::ticket::{EventKind, Field};

/// Collections of work, and what in their items may be written later.
const WORK: [(&str, &[&str]); 3] = [
    (schema::PARTS_USED, &[schema::STRUCK_OUT]),
    (schema::QUOTES, &["consent"]),
    (schema::STEPS, &[]),
];

pub(super) fn is_covered(doc: &TicketDoc) -> bool {
    let automerge = doc.automerge();
    let provenance = Provenance::new(automerge);
    let change = |id: &ObjId| provenance.of(id).map(|origin| origin.change);
    let confirmed = items(automerge, schema::CONFIRMATIONS);
    let seen = past(automerge, confirmed.iter().filter_map(&change).collect());
    let mut work = written(automerge);
    work.iter_mut()
        .filter_map(|id| change(id))
        .all(|change| seen.contains(&change))
}

/// The operations that wrote the work as it is.
fn written(doc: &Automerge) -> Vec<ObjId> {
    let mut found = Vec::new();
    for (collection, fields) in WORK {
        for item in items(doc, collection) {
            let later = fields.iter().filter_map(|field| value(doc, &item, field));
            found.extend(later);
            found.push(item);
        }
    }
    found.extend(items(doc, schema::CHECKLIST));
    let (_, section, key) = Field::CompletionSummary.place();
    if let Some((_, map)) = doc.get(ROOT, section).ok().flatten() {
        found.extend(value(doc, &map, key));
    }
    let completed = EventKind::Completed.name();
    found.extend(items(doc, schema::EVENTS).into_iter().filter(|event| {
        let kind = doc.get(event, "kind").ok().flatten();
        kind.is_some_and(|(kind, _)| kind.as_str() == Some(completed))
    }));
    found
}

/// The operations that made a map's entries.
fn items(doc: &Automerge, name: &str) -> Vec<ObjId> {
    let Some((_, map)) = doc.get(ROOT, name).ok().flatten() else {
        return Vec::new();
    };
    doc.map_range(&map, ..).map(|entry| entry.id()).collect()
}

/// The operation that wrote a value.
fn value(doc: &Automerge, map: &ObjId, key: &str) -> Option<ObjId> {
    doc.get(map, key).ok().flatten().map(|(_, id)| id)
}

/// These changes and everything that they saw.
fn past(doc: &Automerge, mut open: Vec<ChangeHash>) -> HashSet<ChangeHash> {
    let before: HashMap<ChangeHash, Vec<ChangeHash>> = doc
        .get_changes_meta(&[])
        .iter()
        .map(|meta| {
            let deps = meta.deps.iter().map(|dep| ChangeHash(dep.0)).collect();
            (ChangeHash(meta.hash.0), deps)
        })
        .collect();
    let mut seen = HashSet::new();
    while let Some(change) = open.pop() {
        if seen.insert(change) {
            open.extend(before.get(&change).into_iter().flatten());
        }
    }
    seen
}
