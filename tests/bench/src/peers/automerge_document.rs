//! A standard ticket as an Automerge document, as a plain user of the library would lay it out: one map a section,
//! `Text` for texts, a `Counter` for the visits, collections as maps keyed by short ids.
//!
//! Every commit is one change with its author's actor and its time.

use automerge::{
    ActorId, Automerge, AutomergeError, ObjId, ObjType, ROOT, ScalarValue, TextEncoding,
    transaction::{CommitOptions, Transactable},
};

use crate::standard_work::{
    ApartEdits, Person, StandardWork, TicketWork, UnixSeconds, Value, Write,
};

/// A document without any change, as a new phone has it.
pub(super) fn empty() -> Automerge {
    // The default encoding differs between builds of the library.
    Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint)
}

/// Documents of all tickets as they stand when both sides know the same.
pub(super) fn documents(work: &StandardWork) -> Result<Vec<Automerge>, AutomergeError> {
    work.tickets.iter().map(document).collect()
}

fn document(work: &TicketWork) -> Result<Automerge, AutomergeError> {
    let mut doc = empty();
    for commit in &work.history {
        change(
            &mut doc,
            commit.by,
            commit.at,
            &work.ticket.writes(commit.act),
        )?;
    }
    Ok(doc)
}

/// Carries out what a side does to a ticket while apart, one change an edit.
pub(super) fn apply_edits(doc: &mut Automerge, edits: &ApartEdits) -> Result<(), AutomergeError> {
    edits
        .edits
        .iter()
        .try_for_each(|edit| change(doc, edits.by, edit.at, &edit.edit.writes()))
}

fn change(
    doc: &mut Automerge,
    by: Person,
    at: UnixSeconds,
    writes: &[Write],
) -> Result<(), AutomergeError> {
    doc.set_actor(actor(by));
    let mut transaction = doc.transaction();
    writes
        .iter()
        .try_for_each(|write| write_one(&mut transaction, write))?;
    transaction.commit_with(CommitOptions::default().with_time(at));
    Ok(())
}

/// The actor of a person: sixteen bytes without pattern, the same in all documents and sessions.
fn actor(person: Person) -> ActorId {
    ActorId::from(match person {
        Person::Office => 0x8f3a_61c2_d97e_4b05_a4f8_1c6e_93d2_75b1_u128.to_be_bytes(),
        Person::Technician => 0x27d4_eb2f_1656_67c5_9b60_42fa_d18e_03c7_u128.to_be_bytes(),
    })
}

fn write_one(doc: &mut impl Transactable, write: &Write) -> Result<(), AutomergeError> {
    match write {
        Write::Field {
            section,
            field,
            value,
        } => {
            let map = map(doc, &ROOT, section)?;
            put(doc, &map, field, value)
        }
        Write::Item {
            collection,
            key,
            fields,
        } => {
            let items = map(doc, &ROOT, collection)?;
            let item = map(doc, &items, key)?;
            fields
                .iter()
                .try_for_each(|(field, value)| put(doc, &item, field, value))
        }
        Write::Count { counter, by } => match doc.get(ROOT, *counter)? {
            Some(_) => doc.increment(ROOT, *counter, *by),
            None => doc.put(ROOT, *counter, ScalarValue::counter(*by)),
        },
    }
}

fn map(doc: &mut impl Transactable, parent: &ObjId, key: &str) -> Result<ObjId, AutomergeError> {
    match doc.get(parent, key)? {
        Some((_, id)) => Ok(id),
        None => doc.put_object(parent, key, ObjType::Map),
    }
}

fn put(
    doc: &mut impl Transactable,
    map: &ObjId,
    key: &str,
    value: &Value,
) -> Result<(), AutomergeError> {
    match value {
        Value::Str(text) => doc.put(map, key, text.as_str()),
        Value::Int(number) | Value::Instant(number) => doc.put(map, key, *number),
        Value::Text(text) => {
            let object = doc.put_object(map, key, ObjType::Text)?;
            doc.splice_text(&object, 0, 0, text)
        }
    }
}
