//! Acts that span parts: admitted together or not at all.

use gongdan_core::ids::Part;
use gongdan_core::sync::changeset::{ActLink, Changeset};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use gongdan_core::testing;
use gongdan_core::ticket::Command;

use super::harness::{SUPERVISOR, Server, TECHNICIAN, note};
use crate::relay::Decision;

const INCOMPLETE: Verdict = Verdict::Held {
    why: HeldWhy::Incomplete,
};

#[test]
fn an_opening_waits_for_its_second_part_and_then_both_come_in() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let ticket = testing::ticket(1);
    let [service, customer] = phone.opening(ticket, server.now());
    let later = phone.seal(ticket, server.now(), vec![note("现场开单")]);
    assert_eq!(
        server.receive(&phone, std::slice::from_ref(&service)),
        [INCOMPLETE]
    );
    assert_eq!(
        server.count("SELECT count(*) FROM tickets"),
        0,
        "not half a ticket"
    );
    let verdicts = server.receive(&phone, &[customer.clone(), later]);
    assert_eq!(
        [
            server.verdict(service.hash()).unwrap(),
            verdicts[0].clone(),
            verdicts[1].clone()
        ],
        [
            Verdict::Admitted { seq: 1 },
            Verdict::Admitted { seq: 2 },
            Verdict::Admitted { seq: 3 }
        ]
    );
    assert_eq!(
        server.count("SELECT count(*) FROM tickets WHERE number IS NOT NULL"),
        1
    );
    let name: String = server
        .db
        .read(|c| {
            Ok::<_, crate::store::StoreError>(c.query_row(
                "SELECT customer_name FROM ticket_rows",
                [],
                |r| r.get(0),
            )?)
        })
        .unwrap();
    assert_eq!(name, "张三", "the read model sees both parts");
}

#[test]
fn a_refused_member_takes_the_whole_act_with_it() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let ticket = testing::ticket(1);
    let act = Some(ActLink { first: 1, count: 2 });
    let service = phone.seal_with(
        ticket,
        Part::Service,
        server.now(),
        vec![testing::open()],
        |h| h.act = act,
    );
    // A technician has no business in the office's part.
    let office = vec![Command::WriteNote {
        part: Part::Office,
        text: "x".into(),
    }];
    let office = phone.seal_with(ticket, Part::Office, server.now(), office, |h| h.act = act);
    let verdicts = server.receive(&phone, &[service, office]);
    assert!(
        matches!(
            verdicts[0],
            Verdict::Refused {
                reason: Refusal::Denied { .. },
                ..
            }
        ),
        "{verdicts:?}"
    );
    assert_eq!(verdicts[0], verdicts[1]);
    assert_eq!(server.count("SELECT count(*) FROM tickets"), 0);
}

#[test]
fn members_of_two_tickets_are_no_act() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let act = Some(ActLink { first: 1, count: 2 });
    let at = server.now();
    let one = phone.seal_with(
        testing::ticket(1),
        Part::Service,
        at,
        vec![testing::open()],
        |h| h.act = act,
    );
    let two = phone.seal_with(
        testing::ticket(2),
        Part::Service,
        at,
        vec![testing::open()],
        |h| h.act = act,
    );
    let refused = Verdict::Refused {
        command: 0,
        reason: Refusal::NotAnAct,
    };
    server.receive(&phone, &[one.clone(), two.clone()]);
    for changeset in [one, two] {
        assert_eq!(server.verdict(changeset.hash()), Some(refused.clone()));
    }
}

#[test]
fn the_desk_writes_an_act_too_and_a_refused_one_leaves_nothing() {
    let server = Server::new();
    let fields = vec![gongdan_core::ticket::command::FieldValue {
        field: gongdan_core::ticket::Field::CustomerName,
        value: "李四".into(),
    }];
    let act = gongdan_core::ticket::Act(vec![testing::open(), Command::RecordCustomer { fields }]);
    let by = testing::person(super::harness::DISPATCHER);
    let opened = server
        .relay
        .execute(
            server.now(),
            &by,
            None,
            &crate::relay::desk::Seen::new(),
            &act,
        )
        .unwrap();
    assert_eq!(opened.verdicts.len(), 2);
    let before = server.count("SELECT count(*) FROM inbox");
    let refused = server.desk(SUPERVISOR, Some(opened.ticket), Command::Close);
    assert!(
        matches!(refused, Err(crate::relay::DeskError::NotAdmitted { .. })),
        "{refused:?}"
    );
    assert_eq!(server.count("SELECT count(*) FROM inbox"), before);
    server
        .desk(SUPERVISOR, Some(opened.ticket), note("接着写"))
        .unwrap();
}

#[test]
fn a_form_that_was_open_while_others_wrote_becomes_a_conflict() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let field = gongdan_core::ticket::Field::Model;
    let heads = server.document(ticket, Part::Service).heads();
    let correct = |value: &str| Command::Correct {
        field,
        value: value.into(),
    };
    let first = |by: &str, value: &str| {
        let seen = [(Part::Service, heads.clone())].into();
        let act = gongdan_core::ticket::Act(vec![correct(value)]);
        server.relay.execute(
            server.now(),
            &testing::person(by),
            Some(ticket),
            &seen,
            &act,
        )
    };
    first(super::harness::DISPATCHER, "甲").unwrap();
    first(SUPERVISOR, "乙").unwrap();
    // The same person again on the same old heads: a fresh actor, never the same pair twice.
    first(SUPERVISOR, "丙").unwrap();
    assert_eq!(server.count("SELECT conflicts FROM ticket_rows"), 1);
    assert_eq!(
        server.count("SELECT count(*) FROM log WHERE merged = 'hard'"),
        1,
        "the first; the rest widen it"
    );
}

const TWICE: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::SequenceTwice,
};

/// An opening on a copy of the phone as it was enrolled, which counts from one again.
fn opening_on_a_copy(server: &Server, phone: &mut super::harness::Phone, of: u8) -> [Changeset; 2] {
    (phone.sequence, phone.link, phone.actor) = (0, [0; 16], testing::actor(80 + of));
    phone.opening(testing::ticket(of), server.now())
}

fn verdicts(server: &Server, of: &[Changeset]) -> Vec<&'static str> {
    let told = of.iter().map(|changeset| server.verdict(changeset.hash()));
    told.map(|verdict| verdict.map_or("none", |verdict| verdict.name()))
        .collect()
}

#[test]
fn acts_of_two_copies_under_the_same_numbers_are_two_acts() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let first = phone.opening(testing::ticket(1), server.now());
    server.receive(&phone, &first);
    let second = opening_on_a_copy(&server, &mut phone, 2);
    assert_eq!(server.receive(&phone, &second), [TWICE, TWICE]);
    let by = testing::person(SUPERVISOR);
    let hash = second[1].hash();
    let decided = server
        .relay
        .decide(server.now(), &by, hash, Decision::Admit)
        .unwrap();
    assert!(matches!(decided, Verdict::Admitted { .. }), "{decided:?}");
    for act in [first, second] {
        assert_eq!(verdicts(&server, &act), ["admitted", "admitted"]);
    }
    assert_eq!(server.count("SELECT count(*) FROM tickets"), 2);
}

#[test]
fn declining_the_act_of_one_copy_leaves_the_others() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let first = phone.opening(testing::ticket(1), server.now());
    server.receive(&phone, &first);
    let second = opening_on_a_copy(&server, &mut phone, 2);
    server.receive(&phone, &second);
    let third = opening_on_a_copy(&server, &mut phone, 3);
    server.receive(&phone, &third);
    let by = testing::person(SUPERVISOR);
    let hash = second[0].hash();
    server
        .relay
        .decide(server.now(), &by, hash, Decision::Decline)
        .unwrap();
    assert_eq!(verdicts(&server, &first), ["admitted", "admitted"]);
    assert_eq!(verdicts(&server, &second), ["refused", "refused"]);
    assert_eq!(verdicts(&server, &third), ["quarantined", "quarantined"]);
}

#[test]
fn an_act_stands_though_a_copy_used_its_numbers_for_something_else() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let at = server.now();
    let notes = [
        phone.seal(ticket, at, vec![note("一")]),
        phone.seal(ticket, at, vec![note("二")]),
    ];
    server.receive(&phone, &notes);
    let act = opening_on_a_copy(&server, &mut phone, 2);
    assert_eq!(server.receive(&phone, &act), [TWICE, TWICE]);
    let by = testing::person(SUPERVISOR);
    let hash = act[0].hash();
    let decided = server
        .relay
        .decide(server.now(), &by, hash, Decision::Admit)
        .unwrap();
    assert!(matches!(decided, Verdict::Admitted { .. }), "{decided:?}");
    assert_eq!(verdicts(&server, &act), ["admitted", "admitted"]);
    assert_eq!(verdicts(&server, &notes), ["admitted", "admitted"]);
}
