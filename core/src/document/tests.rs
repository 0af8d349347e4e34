//! What documents promise: equal hashes on a fork, visible rivals, status of concurrent events.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::ids::CommandId;
use crate::testing::{self, Author, person};
use crate::ticket::command::{Command, Splice};
use crate::ticket::{ConflictOn, Field, Status, Value};

fn opened() -> (TicketDoc, Author) {
    let mut doc = TicketDoc::genesis(Part::Service);
    let mut desk = Author::new(1);
    desk.run(&mut doc, testing::open());
    (doc, desk)
}

fn read(doc: &TicketDoc) -> crate::ticket::Ticket {
    hydrate(testing::ticket(1), None, &[doc]).unwrap()
}

#[test]
fn what_was_opened_reads_back() {
    let (doc, _) = opened();
    let ticket = read(&doc);
    assert_eq!(ticket.status, Status::Received);
    assert_eq!(ticket.problem, "空调不制冷,室外机有异响");
    assert_eq!(ticket.text(Field::Model), Some("KFR-35GW"));
    assert!(ticket.conflicts.is_empty());
}

#[test]
fn a_command_on_an_old_base_gives_the_same_hash_everywhere() {
    let (mut doc, mut desk) = opened();
    let base = doc.heads();
    let mut phone = Author::new(2);
    let command = phone.author(Command::EditProblem {
        splices: vec![Splice {
            at: 2,
            delete: 3,
            insert: "完全不制冷".to_owned(),
        }],
    });
    let mut on_phone = doc.fork_at(&base).unwrap();
    let there = on_phone.execute(phone.actor, &command).unwrap();
    for n in 0..5 {
        desk.run(
            &mut doc,
            Command::WriteNote {
                part: Part::Service,
                text: format!("备注{n}"),
            },
        );
    }
    let mut fork = doc.fork_at(&base).unwrap();
    assert_ne!(fork.heads(), doc.heads(), "the base is behind the tip");
    assert_eq!(fork.execute(phone.actor, &command).unwrap(), there);
    doc.merge(&mut fork);
    assert!(doc.contains(&[there.hash]));
    assert_eq!(read(&doc).problem, "空调完全不制冷,室外机有异响");
}

#[test]
fn rival_values_stay_visible_until_settled_and_come_back_when_written_again() {
    let (mut doc, mut desk) = opened();
    let mut phone = Author::new(2);
    let mut other = doc.clone();
    let correct = |text: &str| Command::Correct {
        field: Field::Serial,
        value: text.into(),
    };
    desk.run(&mut doc, correct("SN-OFFICE"));
    phone.run(&mut other, correct("SN-PHONE"));
    doc.merge(&mut other);
    let conflicts = read(&doc).conflicts;
    assert_eq!(conflicts.len(), 1);
    assert_eq!(
        conflicts[0].on,
        ConflictOn::Field {
            field: Field::Serial
        }
    );
    let mut actors: Vec<_> = conflicts[0].candidates.iter().map(|c| c.actor).collect();
    actors.sort_unstable();
    assert_eq!(actors, [desk.actor, phone.actor]);
    assert_eq!(
        Some(&conflicts[0].candidates[0].value),
        read(&doc).fields.get(&Field::Serial),
        "the winner stands first"
    );

    let before = doc.clone();
    for candidate in &conflicts[0].candidates {
        let mut settled = before.clone();
        let mut desk = Author::new(3);
        desk.run(
            &mut settled,
            Command::SettleConflict {
                on: ConflictOn::Field {
                    field: Field::Serial,
                },
                value: candidate.value.clone(),
            },
        );
        assert!(read(&settled).conflicts.is_empty());
        assert_eq!(read(&settled).fields[&Field::Serial], candidate.value);
        let mut again = before.clone();
        phone.run(&mut again, correct("SN-PHONE-2"));
        settled.merge(&mut again);
        assert_eq!(
            read(&settled).conflicts.len(),
            1,
            "raised again by a write that did not see the settlement"
        );
    }
}

#[test]
fn the_same_value_twice_is_no_effect_and_no_conflict() {
    let (mut doc, mut desk) = opened();
    let same = desk.author(Command::Correct {
        field: Field::Serial,
        value: "SN20260001".into(),
    });
    assert_eq!(doc.execute(desk.actor, &same), Err(Inexecutable::NoEffect));
    let mut other = doc.clone();
    let correct = || Command::Correct {
        field: Field::Serial,
        value: "X".into(),
    };
    Author::new(4).run(&mut doc, correct());
    Author::new(5).run(&mut other, correct());
    doc.merge(&mut other);
    assert!(read(&doc).conflicts.is_empty());
}

#[test]
fn a_command_that_cannot_be_executed_leaves_the_document_as_it_was() {
    let (mut doc, mut desk) = opened();
    let before = doc.save();
    for (command, why) in [
        (
            Command::EditProblem {
                splices: vec![Splice {
                    at: 5,
                    delete: 100,
                    insert: String::new(),
                }],
            },
            Inexecutable::SpliceOutside,
        ),
        (
            Command::RecordConsent {
                quote: "abc1".parse().unwrap(),
                agreed: true,
                by: crate::ticket::Capacity::Customer,
            },
            Inexecutable::NoSuchItem,
        ),
        (
            Command::Assign {
                crew: vec![person("A")],
                lead: person("B"),
                group: None,
            },
            Inexecutable::LeadNotInCrew,
        ),
        (
            Command::Correct {
                field: Field::Lead,
                value: "B".into(),
            },
            Inexecutable::FieldNotHere { field: Field::Lead },
        ),
        (
            Command::RecordCustomer { fields: vec![] },
            Inexecutable::OtherPart,
        ),
    ] {
        let authored = desk.author(command);
        assert_eq!(doc.execute(desk.actor, &authored), Err(why));
    }
    assert_eq!(doc.save(), before);
}

#[test]
fn items_are_keyed_by_their_command_and_a_second_one_of_that_name_is_refused() {
    let (mut doc, mut desk) = opened();
    let note = desk.run(
        &mut doc,
        Command::WriteNote {
            part: Part::Service,
            text: "一".to_owned(),
        },
    );
    assert_eq!(read(&doc).notes[0].key, note.item());
    let mut twin = note.clone();
    twin.command = Command::WriteNote {
        part: Part::Service,
        text: "二".to_owned(),
    };
    assert_eq!(
        doc.execute(testing::actor(9), &twin),
        Err(Inexecutable::ItemExists)
    );
}

#[test]
fn re_authoring_under_a_fresh_actor_keeps_the_item() {
    let (mut doc, _) = opened();
    let first = CommandId {
        actor: testing::actor(2),
        ordinal: 1,
    };
    let note = Authored {
        id: first,
        at: testing::at(5),
        command: Command::WriteNote {
            part: Part::Service,
            text: "一".to_owned(),
        },
    };
    doc.execute(testing::actor(7), &note).unwrap();
    let read = read(&doc);
    assert_eq!(
        (read.notes[0].key.clone(), read.notes[0].actor),
        (note.item(), testing::actor(7))
    );
}

#[test]
fn concurrent_visits_are_both_counted() {
    let (mut doc, mut desk) = opened();
    let mut other = doc.clone();
    desk.run(&mut doc, Command::CountVisit);
    Author::new(2).run(&mut other, Command::CountVisit);
    doc.merge(&mut other);
    assert_eq!(read(&doc).visits, 2);
}

#[test]
fn values_of_fields_read_back_as_they_were() {
    let (mut doc, mut desk) = opened();
    for (field, value) in [
        (Field::AppointedFrom, Value::Instant(testing::at(3600))),
        (Field::QuantityUsed, Value::Integer(3)),
        (Field::PurchaseDate, Value::from("2025-06-01")),
    ] {
        desk.run(
            &mut doc,
            Command::Correct {
                field,
                value: value.clone(),
            },
        );
        assert_eq!(read(&doc).fields[&field], value);
    }
}

#[test]
fn a_command_longer_than_what_can_be_sent_is_told_before_it_is_kept() {
    let splices = |n: usize| Command::EditProblem {
        splices: vec![
            Splice {
                at: 0,
                delete: 0,
                insert: "长".repeat(8_000),
            };
            n
        ],
    };
    assert_eq!(check(&splices(10)), Ok(()));
    assert_eq!(
        check(&splices(11)),
        Err(Inexecutable::TooMany {
            name: "bytes".to_owned()
        })
    );
}
