//! Documents become plain structs.
//!
//! Invariant: whatever a document holds, hydration ends and gives something: an item that is not of
//! its form is left out rather than failing the ticket.

use std::collections::BTreeMap;

use automerge::{Automerge, ObjId, ROOT, ReadDoc, ScalarValue};

use super::execute::write::confirmation_method;
use super::provenance::{Origin, Provenance};
use super::{TicketDoc, conflict, schema};
use crate::clock::Timestamp;
use crate::evidence::SheetKind;
use crate::ids::{
    ActorId, BlobHash, ChangeHash, ItemKey, Part, PersonId, SheetHash, TicketId, TicketNumber,
};
use crate::ticket::{
    Answer, Capacity, ChecklistAnswer, Confirmation, ConfirmationMethod, DiagnosisStep, Event,
    EventKind, Field, FollowUpCall, FourAnswers, Note, PartUsed, Photo, QuoteGiven, SheetKept,
    SheetNamed, Signature, Status, Ticket, Value, status,
};

/// What lifecycle and rights need to know of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Folded from the events.
    pub status: Status,
    /// Everybody assigned.
    pub crew: Vec<PersonId>,
    /// Everybody who is or was assigned.
    pub crew_ever: Vec<PersonId>,
    /// Who leads.
    pub lead: Option<PersonId>,
    /// Who opened it, in the document's sense.
    pub opened_by: Option<ActorId>,
    /// Code of the service group, where one was chosen.
    pub group: Option<String>,
    /// Code of the service region.
    pub region: Option<String>,
    /// Code of the product line.
    pub product_line: Option<String>,
}

pub(super) fn facts(doc: &TicketDoc) -> Option<Facts> {
    if doc.part != Part::Service {
        return None;
    }
    let events = events(doc);
    let opened = events
        .iter()
        .find(|event| event.kind == EventKind::Opened)?;
    let reader = Reader::new(doc);
    let text = |field| {
        let value = field_value(doc.automerge(), field)?;
        value.as_text().map(str::to_owned)
    };
    Some(Facts {
        status: status::fold(&events).status,
        crew: crew_members(doc),
        crew_ever: reader
            .map(schema::CREW)
            .into_iter()
            .filter_map(|(key, ..)| key.parse().ok())
            .collect(),
        lead: text(Field::Lead).and_then(|lead| lead.parse().ok()),
        opened_by: Some(opened.actor),
        group: text(Field::Group),
        region: text(Field::Region),
        product_line: text(Field::ProductLine),
    })
}

/// Everybody in the crew.
pub(super) fn crew_members(doc: &TicketDoc) -> Vec<PersonId> {
    Reader::new(doc)
        .map(schema::CREW)
        .into_iter()
        .filter(|(_, value, _)| matches!(value, Held::Scalar(ScalarValue::Boolean(true))))
        .filter_map(|(key, ..)| key.parse().ok())
        .collect()
}

/// The events, in the order of claimed time, then key.
pub(super) fn events(doc: &TicketDoc) -> Vec<Event> {
    let provenance = Provenance::new(doc.automerge());
    events_of(&Reader::new(doc), &provenance)
}

fn events_of(reader: &Reader<'_>, provenance: &Provenance) -> Vec<Event> {
    reader.items(schema::EVENTS, provenance, |key, origin, item| {
        Some(Event {
            key,
            kind: EventKind::by_name(&item.text("kind")?)?,
            after: item
                .text("after")
                .map(|after| after.split(' ').filter_map(|k| k.parse().ok()).collect())
                .unwrap_or_default(),
            reason: item.text("reason"),
            detail: item.text("detail"),
            at: origin.at,
            actor: origin.actor,
        })
    })
}

/// The ticket as these documents say it. `None` where the service part has no opening.
pub fn hydrate(id: TicketId, number: Option<TicketNumber>, docs: &[&TicketDoc]) -> Option<Ticket> {
    let service = docs.iter().find(|doc| doc.part == Part::Service)?;
    let provenance = Provenance::new(service.automerge());
    let reader = Reader::new(service);
    let events = events_of(&reader, &provenance);
    if !events.iter().any(|event| event.kind == EventKind::Opened) {
        return None;
    }
    let folded = status::fold(&events);
    let mut ticket = Ticket {
        id,
        number,
        status: folded.status,
        clashes: folded.clashes,
        parts: docs.iter().map(|doc| doc.part).collect(),
        fields: BTreeMap::new(),
        problem: reader.text_object(schema::PROBLEM),
        crew: crew_members(service),
        visits: reader.counter(schema::VISITS),
        events,
        checklist: checklist(&reader, &provenance),
        steps: reader.items(schema::STEPS, &provenance, |key, o, item| {
            Some(DiagnosisStep {
                key,
                at: o.at,
                actor: o.actor,
                operation: item.text("operation")?,
                result: item.text("result")?,
            })
        }),
        notes: Vec::new(),
        parts_used: reader.items(schema::PARTS_USED, &provenance, |key, o, item| {
            Some(PartUsed {
                key,
                at: o.at,
                actor: o.actor,
                part_number: item.text("part_number")?,
                name: item.text("name")?,
                quantity: u32::try_from(item.integer("quantity")?).ok()?,
                struck_out: item.flag(schema::STRUCK_OUT),
            })
        }),
        quotes: reader.items(schema::QUOTES, &provenance, |key, o, item| {
            Some(QuoteGiven {
                key,
                at: o.at,
                actor: o.actor,
                amount_fen: item.integer("amount_fen")?,
                explanation: item.text("explanation")?,
                consent: item.text("consent"),
                consent_by: item.text("consent_by").and_then(|code| capacity_of(&code)),
            })
        }),
        photos: reader.items(schema::PHOTOS, &provenance, |key, o, item| {
            Some(Photo {
                key,
                at: o.at,
                actor: o.actor,
                blob: BlobHash(item.bytes("blob")?.try_into().ok()?),
                media_type: item.text("media_type")?,
                bytes: u64::try_from(item.integer("bytes")?).ok()?,
                caption: item.text("caption")?,
                struck_out: item.flag(schema::STRUCK_OUT),
            })
        }),
        confirmations: reader.items(schema::CONFIRMATIONS, &provenance, confirmation),
        signatures: Vec::new(),
        sheets: Vec::new(),
        covered: folded.status != Status::Confirmed || service.is_covered(),
        follow_ups: reader.items(schema::FOLLOW_UPS, &provenance, |key, o, item| {
            Some(FollowUpCall {
                key,
                at: o.at,
                actor: o.actor,
                satisfied: item.flag("satisfied"),
                score: u8::try_from(item.integer("score")?).ok()?,
                remarks: item.text("remarks"),
            })
        }),
        conflicts: Vec::new(),
    };
    for doc in docs {
        let provenance = Provenance::new(doc.automerge());
        let reader = Reader::new(doc);
        reader.fields(doc.part, &mut ticket.fields);
        ticket
            .notes
            .extend(reader.items(schema::NOTES, &provenance, |key, o, item| {
                Some(Note {
                    key,
                    at: o.at,
                    actor: o.actor,
                    part: doc.part,
                    text: item.text("text")?,
                    struck_out: item.flag(schema::STRUCK_OUT),
                })
            }));
        ticket.signatures.extend(
            reader.items(schema::SIGNATURES, &provenance, |key, o, item| {
                Some(Signature {
                    key,
                    at: o.at,
                    actor: o.actor,
                    signer: item.text("signer")?,
                    capacity: capacity_of(&item.text("capacity")?)?,
                    shown: ChangeHash(item.bytes("shown")?.try_into().ok()?),
                    ink: minicbor::decode(&item.bytes("ink")?).ok()?,
                })
            }),
        );
        ticket
            .sheets
            .extend(reader.items(schema::SIGNATURES, &provenance, sheet_kept));
        ticket
            .conflicts
            .extend(conflict::conflicts(doc, &provenance));
    }
    ticket
        .notes
        .sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    Some(ticket)
}

fn confirmation(key: ItemKey, o: Origin, item: &Item) -> Option<Confirmation> {
    let methods = [
        ConfirmationMethod::Signature,
        ConfirmationMethod::Reply,
        ConfirmationMethod::Receipt,
    ];
    let code = item.text("method")?;
    Some(Confirmation {
        key,
        at: o.at,
        actor: o.actor,
        method: methods
            .into_iter()
            .find(|m| confirmation_method(*m) == code)?,
        answers: FourAnswers {
            solved: item.flag("solved"),
            satisfied: item.flag("satisfied"),
            professionalism: u8::try_from(item.integer("professionalism")?).ok()?,
            comments: item.text("comments"),
        },
        shown: ChangeHash(item.bytes("shown")?.try_into().ok()?),
        sheet: sheet_named(item),
    })
}

fn sheet_named(item: &Item) -> Option<SheetNamed> {
    let hash = |name| item.bytes(name)?.try_into().ok().map(SheetHash);
    Some(SheetNamed {
        sheet: hash("sheet")?,
        kind: SheetKind::by_name(&item.text("kind")?)?,
        edition: u32::try_from(item.integer("edition")?).ok()?,
        corrects: hash("corrects"),
    })
}

fn sheet_kept(key: ItemKey, o: Origin, item: &Item) -> Option<SheetKept> {
    Some(SheetKept {
        key,
        at: o.at,
        actor: o.actor,
        named: sheet_named(item)?,
        shown: ChangeHash(item.bytes("shown")?.try_into().ok()?),
        blob: BlobHash(item.bytes("blob")?.try_into().ok()?),
        bytes: u64::try_from(item.integer("bytes")?).ok()?,
    })
}

fn capacity_of(code: &str) -> Option<Capacity> {
    [
        Capacity::Customer,
        Capacity::Representative,
        Capacity::Employee,
    ]
    .into_iter()
    .find(|c| c.name() == code)
}

fn checklist(reader: &Reader<'_>, provenance: &Provenance) -> Vec<ChecklistAnswer> {
    reader
        .map(schema::CHECKLIST)
        .into_iter()
        .filter_map(|(item, value, id)| {
            let Held::Scalar(ScalarValue::Str(code)) = value else {
                return None;
            };
            let origin = provenance.of(&id)?;
            Some(ChecklistAnswer {
                item,
                answer: Answer::from_code(&code)?,
                at: origin.at,
                actor: origin.actor,
            })
        })
        .collect()
}

/// A field's value at the tip.
pub(super) fn field_value(doc: &Automerge, field: Field) -> Option<Value> {
    let (_, section, key) = field.place();
    let (_, map) = doc.get(ROOT, section).ok().flatten()?;
    let (value, _) = doc.get(map, key).ok().flatten()?;
    value_of(value.as_scalar()?)
}

/// A scalar in the terms of the domain.
pub(super) fn value_of(scalar: &ScalarValue) -> Option<Value> {
    match scalar {
        ScalarValue::Str(text) => Some(Value::Text(text.to_string())),
        ScalarValue::Int(n) => Some(Value::Integer(*n)),
        ScalarValue::Boolean(b) => Some(Value::Integer(i64::from(*b))),
        ScalarValue::Timestamp(millis) => Some(Value::Instant(Timestamp::from_millis(*millis))),
        ScalarValue::Null => Some(Value::Empty),
        _ => None,
    }
}

enum Held {
    Scalar(ScalarValue),
    Object,
}

/// Reads the root's maps.
struct Reader<'a> {
    doc: &'a Automerge,
}

impl<'a> Reader<'a> {
    fn new(doc: &'a TicketDoc) -> Self {
        Self {
            doc: doc.automerge(),
        }
    }

    fn root(&self, name: &str) -> Option<ObjId> {
        self.doc.get(ROOT, name).ok().flatten().map(|(_, id)| id)
    }

    fn map(&self, name: &str) -> Vec<(String, Held, ObjId)> {
        let Some(map) = self.root(name) else {
            return Vec::new();
        };
        self.doc
            .map_range(&map, ..)
            .map(|entry| {
                let (key, id) = (entry.key.to_string(), entry.id());
                let held = match entry.value.into_value().as_scalar() {
                    Some(scalar) => Held::Scalar(scalar.clone()),
                    None => Held::Object,
                };
                (key, held, id)
            })
            .collect()
    }

    fn items<T>(
        &self,
        name: &str,
        provenance: &Provenance,
        read: impl Fn(ItemKey, Origin, &Item) -> Option<T>,
    ) -> Vec<T> {
        let mut items: Vec<(Timestamp, ItemKey, T)> = self
            .map(name)
            .into_iter()
            .filter(|(_, held, _)| matches!(held, Held::Object))
            .filter_map(|(key, _, id)| {
                let key: ItemKey = key.parse().ok()?;
                let origin = provenance.of(&id)?;
                let item = Item::new(self.doc, &id);
                Some((origin.at, key.clone(), read(key, origin, &item)?))
            })
            .collect();
        items.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        items.into_iter().map(|(_, _, item)| item).collect()
    }

    /// Every field of a part that holds something. Each section is walked once: looking the fields up one by
    /// one costs several times as much.
    fn fields(&self, part: Part, fields: &mut BTreeMap<Field, Value>) {
        let mut sections: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
        for field in Field::ALL.iter().filter(|field| field.part() == part) {
            let (_, section, key) = field.place();
            let values = sections.entry(section).or_insert_with(|| {
                let held = self.map(section).into_iter();
                held.filter_map(|(key, held, _)| match held {
                    Held::Scalar(scalar) => Some((key, value_of(&scalar)?)),
                    Held::Object => None,
                })
                .collect()
            });
            match values.remove(key) {
                None | Some(Value::Empty) => {}
                Some(value) => {
                    fields.insert(*field, value);
                }
            }
        }
    }

    fn text_object(&self, name: &str) -> String {
        self.root(name)
            .and_then(|id| self.doc.text(id).ok())
            .unwrap_or_default()
    }

    fn counter(&self, name: &str) -> i64 {
        let found = self.doc.get(ROOT, name).ok().flatten();
        found.and_then(|(value, _)| value.as_i64()).unwrap_or(0)
    }
}

/// One item's map, read once.
struct Item {
    scalars: Vec<(String, ScalarValue)>,
}

impl Item {
    fn new(doc: &Automerge, id: &ObjId) -> Self {
        let scalars = doc.map_range(id, ..).filter_map(|entry| {
            let scalar = entry.value.into_value().as_scalar()?.clone();
            Some((entry.key.into_owned(), scalar))
        });
        Self {
            scalars: scalars.collect(),
        }
    }

    fn scalar(&self, name: &str) -> Option<ScalarValue> {
        let mut scalars = self.scalars.iter();
        scalars
            .find(|(key, _)| key == name)
            .map(|(_, scalar)| scalar.clone())
    }

    fn text(&self, name: &str) -> Option<String> {
        match self.scalar(name)? {
            ScalarValue::Str(text) => Some(text.to_string()),
            _ => None,
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.scalar(name)? {
            ScalarValue::Int(n) => Some(n),
            _ => None,
        }
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        match self.scalar(name)? {
            ScalarValue::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.scalar(name), Some(ScalarValue::Boolean(true)))
    }
}
