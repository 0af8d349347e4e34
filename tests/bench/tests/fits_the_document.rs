//! The standard work can be carried by the product as it is: every field it writes is one of the document's, in the
//! same section, with a value that may stand there.

use gongdan_bench::standard_work::{Act, STANDARD_SEED, StandardWork, Value, Write};
use gongdan_core::{
    clock::Timestamp,
    ids::PersonId,
    ticket::{Answer, EventKind, Field, field},
};

/// What the document keeps in a way of its own: everything else is a typed fact.
const OTHER_SECTIONS: [&str; 2] = ["crew", "checklist"];

#[test]
fn every_field_of_the_work_is_one_of_the_document_and_its_value_fits() {
    let work = StandardWork::generate(STANDARD_SEED, 60);
    let mut fields = std::collections::BTreeSet::new();
    for ticket in &work.tickets {
        for write in ticket
            .history
            .iter()
            .flat_map(|commit| ticket.ticket.writes(commit.act))
        {
            let Write::Field {
                section,
                field: name,
                value,
            } = write
            else {
                continue;
            };
            let value = match value {
                _ if OTHER_SECTIONS.contains(&section) => continue,
                Value::Text(_) => continue,
                Value::Str(text) => field::Value::Text(text),
                Value::Int(number) => field::Value::Integer(number),
                Value::Instant(at) => field::Value::Instant(Timestamp(at)),
            };
            let known = Field::by_name(&name).unwrap_or_else(|| panic!("no field {name}"));
            assert_eq!(known.place().1, section, "{name}");
            assert_eq!(known.check(&value), Ok(()), "{name}: {value:?}");
            fields.insert(known);
        }
    }
    // Crew of two, eight answers, five notes, six events, the problem and the counter make it 62.
    assert_eq!(fields.len(), 62 - 2 - 8 - 5 - 6 - 1 - 1);
}

#[test]
fn people_answers_and_events_are_those_of_the_document() {
    let work = StandardWork::generate(STANDARD_SEED, 60);
    for ticket in work.tickets.iter().map(|work| &work.ticket) {
        assert!(
            ticket
                .crew
                .iter()
                .all(|person| person.parse::<PersonId>().is_ok())
        );
        assert!(
            ticket
                .checklist
                .iter()
                .all(|entry| Answer::from_code(&entry.answer).is_some())
        );
        for event in &ticket.events {
            let kind: EventKind = serde_json::from_value(event.kind.into()).expect(event.kind);
            assert_eq!(
                serde_json::to_value(kind).expect("a kind serialises"),
                event.kind
            );
        }
        assert!(ticket.writes(Act::Open).len() > 30);
    }
}
