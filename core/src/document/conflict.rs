//! Rival values, field by field, with who and when.
//!
//! Invariant: every place that two people can write at once is looked at here.

use std::collections::BTreeMap;

use automerge::{Automerge, ObjId, ROOT, ReadDoc};

use super::hydrate::value_of;
use super::provenance::Provenance;
use super::{TicketDoc, schema};
use crate::ids::{ItemKey, PersonId};
use crate::ticket::{Candidate, Conflict, ConflictOn, Field};

/// All unsettled conflicts of values; a clash of events is the fold's to tell.
pub(super) fn conflicts(doc: &TicketDoc, provenance: &Provenance) -> Vec<Conflict> {
    let search = Search { doc, provenance };
    let mut found = Vec::new();
    let mut rivals: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for field in Field::ALL.iter().filter(|field| field.part() == doc.part()) {
        let (_, section, key) = field.place();
        let rivals = rivals
            .entry(section)
            .or_insert_with(|| search.rivals(section));
        if rivals.iter().any(|rival| rival == key) {
            found.extend(search.at(section, key, || ConflictOn::Field { field: *field }));
        }
    }
    for item in search.rivals(schema::CHECKLIST) {
        found.extend(
            search.at(schema::CHECKLIST, &item, || ConflictOn::Checklist {
                item: item.clone(),
            }),
        );
    }
    for person in search.rivals(schema::CREW) {
        if let Ok(id) = person.parse::<PersonId>() {
            found.extend(search.at(schema::CREW, &person, || ConflictOn::Crew {
                person: id.clone(),
            }));
        }
    }
    for quote in search.keys(schema::QUOTES) {
        let Ok(key) = quote.parse::<ItemKey>() else {
            continue;
        };
        if let Some(item) = search.child(schema::QUOTES, &quote) {
            found.extend(search.within(&item, "consent", || ConflictOn::Consent {
                quote: key.clone(),
            }));
        }
    }
    found
}

struct Search<'a> {
    doc: &'a TicketDoc,
    provenance: &'a Provenance,
}

impl Search<'_> {
    fn automerge(&self) -> &Automerge {
        self.doc.automerge()
    }

    fn map(&self, name: &str) -> Option<ObjId> {
        self.automerge()
            .get(ROOT, name)
            .ok()
            .flatten()
            .map(|(_, id)| id)
    }

    fn keys(&self, name: &str) -> Vec<String> {
        self.map(name)
            .map(|map| self.automerge().keys(map).collect())
            .unwrap_or_default()
    }

    /// The keys of a map under which more than one value stands.
    fn rivals(&self, name: &str) -> Vec<String> {
        let Some(map) = self.map(name) else {
            return Vec::new();
        };
        let entries = self.automerge().map_range(map, ..);
        entries
            .filter(|entry| entry.conflict)
            .map(|entry| entry.key.into_owned())
            .collect()
    }

    fn child(&self, name: &str, key: &str) -> Option<ObjId> {
        self.automerge()
            .get(self.map(name)?, key)
            .ok()
            .flatten()
            .map(|(_, id)| id)
    }

    fn at(&self, section: &str, key: &str, on: impl Fn() -> ConflictOn) -> Option<Conflict> {
        self.within(&self.map(section)?, key, on)
    }

    fn within(&self, map: &ObjId, key: &str, on: impl Fn() -> ConflictOn) -> Option<Conflict> {
        let values = self.automerge().get_all(map, key).ok()?;
        if values.len() < 2 {
            return None;
        }
        // Automerge gives the winner last.
        let candidates: Vec<Candidate> = values
            .iter()
            .rev()
            .filter_map(|(value, id)| {
                let origin = self.provenance.of(id)?;
                Some(Candidate {
                    value: value_of(value.as_scalar()?)?,
                    change: origin.change,
                    actor: origin.actor,
                    at: origin.at,
                })
            })
            .collect();
        // Two people who wrote the same are of one mind.
        let rival = candidates.iter().any(|c| c.value != candidates[0].value);
        rival.then(|| Conflict {
            part: self.doc.part(),
            on: on(),
            candidates,
        })
    }
}
