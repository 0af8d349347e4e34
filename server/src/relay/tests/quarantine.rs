//! What a person in the office decides.

use gongdan_core::ids::{ChangeHash, Part, TicketId};
use gongdan_core::policy::Role;
use gongdan_core::sync::changeset::{ActLink, Changeset};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use gongdan_core::testing::{self, person};
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::{Command, Field, FourAnswers, Status};

use super::harness::{DISPATCHER, Phone, SUCCESSOR, SUPERVISOR, Server, TECHNICIAN, assign, note};
use crate::auth::{devices, users};
use crate::organisation;
use crate::relay::{DecideError, Decision};
use crate::store::StoreError;

const REASSIGNED: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::Reassigned,
};
const DEPENDS: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::DependsOnQuarantined,
};

/// A completion that came after a reassignment, and a note on top of it.
fn quarantined(server: &Server) -> (TicketId, Phone, [Changeset; 3]) {
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(server, ticket);
    let accept = phone.seal(ticket, server.now(), vec![Command::Accept]);
    server.receive(&phone, &[accept]);
    server
        .desk(DISPATCHER, Some(ticket), assign(SUCCESSOR))
        .unwrap();
    let done = phone.seal(
        ticket,
        server.now(),
        vec![Command::Complete {
            summary: "已修好".into(),
        }],
    );
    let note_one = phone.seal(ticket, server.now(), vec![note("一")]);
    let note_two = phone.seal(ticket, server.now(), vec![note("二")]);
    let all = [done, note_one, note_two];
    assert_eq!(server.receive(&phone, &all), [REASSIGNED, DEPENDS, DEPENDS]);
    (ticket, phone, all)
}

#[test]
fn admitted_with_all_that_depends_on_it() {
    let server = Server::new();
    let (ticket, mut phone, all) = quarantined(&server);
    phone.sync(&server, &[]);
    let verdict = server
        .relay
        .decide(
            server.now(),
            &person(SUPERVISOR),
            all[0].hash(),
            Decision::Admit,
        )
        .unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }));
    assert_eq!(
        server
            .document(ticket, Part::Service)
            .facts()
            .unwrap()
            .status,
        Status::Completed
    );
    assert_eq!(
        server.count("SELECT count(*) FROM inbox WHERE decided_by = 'G3001'"),
        3
    );
    assert_eq!(server.count("SELECT count(*) FROM quarantined_changes"), 0);
    let heard: Vec<_> = phone
        .sync(&server, &[])
        .verdicts
        .into_iter()
        .map(|v| (v.device_sequence, v.verdict))
        .collect();
    assert_eq!(heard.iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(
        heard
            .iter()
            .all(|(_, verdict)| matches!(verdict, Verdict::Admitted { .. })),
        "{heard:?}"
    );
    let again = server.relay.decide(
        server.now(),
        &person(SUPERVISOR),
        all[0].hash(),
        Decision::Decline,
    );
    assert!(matches!(again, Err(DecideError::NotQuarantined)));
}

#[test]
fn declined_with_all_that_depends_on_it() {
    let server = Server::new();
    let (ticket, mut phone, all) = quarantined(&server);
    let heads = server.document(ticket, Part::Service).heads();
    phone.sync(&server, &[]);
    let declined = Verdict::Refused {
        command: 0,
        reason: Refusal::Declined,
    };
    let verdict = server
        .relay
        .decide(
            server.now(),
            &person(SUPERVISOR),
            all[0].hash(),
            Decision::Decline,
        )
        .unwrap();
    assert_eq!(verdict, declined);
    assert!(
        all.iter()
            .all(|changeset| server.verdict(changeset.hash()) == Some(declined.clone()))
    );
    assert_eq!(server.document(ticket, Part::Service).heads(), heads);
    assert_eq!(
        phone.sync(&server, &[]).verdicts.len(),
        3,
        "the author's device hears it"
    );
    // What comes later on top of what was declined is held, to be authored anew.
    let late = phone.seal(ticket, server.now(), vec![note("三")]);
    assert_eq!(
        server.receive(&phone, &[late]),
        [Verdict::Held {
            why: HeldWhy::MissingBase
        }]
    );
}

/// Gives the technician these roles, and no others.
fn give(server: &Server, roles: &[Role]) {
    server
        .db
        .write(|tx| {
            let mut user = users::find(tx, &person(TECHNICIAN))?.unwrap();
            user.person.roles = roles.to_vec();
            users::upsert(tx, &user.person, server.now())?;
            organisation::refresh(tx, server.now())
        })
        .unwrap();
}

#[test]
fn what_was_dropped_while_it_waited_comes_back_when_it_is_admitted() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let ticket = testing::ticket(7);
    let open = phone.seal(ticket, server.now(), vec![testing::open()]);
    phone.sync(&server, &[open]);
    give(&server, &[]);
    let name = FieldValue {
        field: Field::CustomerName,
        value: "张三".into(),
    };
    let customer = vec![Command::RecordCustomer { fields: vec![name] }];
    let customer = phone.seal_with(ticket, Part::Customer, server.now(), customer, |_| {});
    let told = phone.sync(&server, std::slice::from_ref(&customer));
    assert_eq!(
        told.evictions.len(),
        1,
        "and with it all parts of the ticket"
    );
    give(&server, &[Role::Technician]);
    phone.sync(&server, &[]);
    server
        .relay
        .decide(
            server.now(),
            &person(SUPERVISOR),
            customer.hash(),
            Decision::Admit,
        )
        .unwrap();
    let told = phone.sync(&server, &[]);
    let parts = told.snapshots.iter().flat_map(|of| &of.parts);
    assert_eq!(
        parts.map(|part| part.part).collect::<Vec<_>>(),
        [Part::Customer]
    );
}

#[test]
fn a_right_lost_since_the_catalogue_that_it_names_waits() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    give(&server, &[Role::Auditor]);
    let accept = phone.seal(ticket, server.now(), vec![Command::Accept]);
    assert_eq!(
        server.receive(&phone, &[accept]),
        [Verdict::Quarantined {
            reason: QuarantineReason::RightLost
        }]
    );
    // With the new catalogue in hand no honest phone would have done it.
    phone.take(&server, ticket);
    phone.catalogue = 2;
    let knowing = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let verdict = &server.receive(&phone, &[knowing])[0];
    assert!(
        matches!(
            verdict,
            Verdict::Refused {
                reason: Refusal::Denied { .. },
                ..
            }
        ),
        "{verdict:?}"
    );
}

#[test]
fn a_revoked_device_may_upload_and_hears_its_verdicts_and_nothing_else() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    server
        .db
        .write(|tx| devices::revoke(tx, phone.sender.device, None, server.now()))
        .unwrap();
    phone.sender.revoked = true;
    let accept = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let response = phone.sync(&server, std::slice::from_ref(&accept));
    let revoked = Verdict::Quarantined {
        reason: QuarantineReason::Revoked,
    };
    assert_eq!(response.verdicts.len(), 1);
    assert_eq!(response.verdicts[0].verdict, revoked);
    assert!(
        response.snapshots.is_empty()
            && response.devices.is_empty()
            && response.catalogue.is_none()
    );
    let verdict = server
        .relay
        .decide(
            server.now(),
            &person(SUPERVISOR),
            accept.hash(),
            Decision::Admit,
        )
        .unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    let open: Result<i64, StoreError> = server.db.read(|c| {
        Ok(c.query_row(
            "SELECT count(*) FROM inbox WHERE state = 'quarantined'",
            [],
            |r| r.get(0),
        )?)
    });
    assert_eq!(open.unwrap(), 0);
}

#[test]
fn an_act_on_top_of_what_is_admitted_comes_in_whole() {
    let server = Server::new();
    let (ticket, mut phone, all) = quarantined(&server);
    let act = Some(ActLink {
        first: phone.sequence + 1,
        count: 2,
    });
    let answers = FourAnswers {
        solved: true,
        satisfied: true,
        professionalism: 9,
        comments: None,
    };
    let [confirm, sign] = testing::signed("测试客户", answers, ChangeHash([5; 32]));
    let signed =
        [(Part::Service, vec![confirm]), (Part::Customer, vec![sign])].map(|(part, commands)| {
            phone.seal_with(ticket, part, server.now(), commands, |header| {
                header.act = act;
            })
        });
    assert_eq!(server.receive(&phone, &signed), [DEPENDS, DEPENDS]);
    let by = person(SUPERVISOR);
    server
        .relay
        .decide(server.now(), &by, all[0].hash(), Decision::Admit)
        .unwrap();
    for member in &signed {
        let verdict = server.verdict(member.hash()).unwrap();
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }
}
