//! What is held for something that cannot be had.

use gongdan_core::ids::{Part, TicketId};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use gongdan_core::testing::person;
use gongdan_core::ticket::Command;

use super::harness::{DISPATCHER, Phone, SUPERVISOR, Server, TECHNICIAN, note};
use super::verdicts::resealed;
use crate::relay::{DecideError, Decision};

const MISSING: Verdict = Verdict::Held {
    why: HeldWhy::MissingBase,
};
const NEVER: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::NeverComplete,
};
const DEPENDS: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::DependsOnQuarantined,
};

/// A note that only its author has, and two of another phone that build on it.
fn orphans(server: &Server) -> (TicketId, [Phone; 2], Changeset, [Changeset; 2]) {
    let ticket = server.assigned(TECHNICIAN);
    let (mut author, mut phone) = (server.phone(TECHNICIAN), server.phone(TECHNICIAN));
    author.take(server, ticket);
    let missing = author.seal(ticket, server.now(), vec![note("先")]);
    let doc = author.doc(ticket).clone();
    phone.docs.insert((ticket, Part::Service), doc);
    let one = phone.seal(ticket, server.now(), vec![note("一")]);
    let two = phone.seal(ticket, server.now(), vec![note("二")]);
    (ticket, [author, phone], missing, [one, two])
}

fn told(response: &gongdan_core::sync::protocol::Response) -> Vec<Verdict> {
    response
        .verdicts
        .iter()
        .map(|v| v.verdict.clone())
        .collect()
}

#[test]
fn a_person_decides_once_its_author_has_nothing_more_to_send() {
    let server = Server::new();
    let (_, [_, mut phone], _, all) = orphans(&server);
    assert_eq!(told(&phone.sync(&server, &all)), [MISSING, MISSING]);
    assert_eq!(told(&phone.sync(&server, &[])), [NEVER, DEPENDS]);
    let decision = Decision::Decline;
    let by = person(SUPERVISOR);
    let verdict = server
        .relay
        .decide(server.now(), &by, all[0].hash(), decision);
    let declined = Verdict::Refused {
        command: 0,
        reason: Refusal::Declined,
    };
    assert_eq!(verdict.unwrap(), declined);
    assert_eq!(
        told(&phone.sync(&server, &[])),
        [declined.clone(), declined]
    );
}

#[test]
fn a_person_decides_after_two_weeks_where_its_author_never_asks_again() {
    let server = Server::new();
    let (_, [mut author, mut phone], _, all) = orphans(&server);
    assert_eq!(told(&phone.sync(&server, &all)), [MISSING, MISSING]);
    // The phone is lost; a colleague's asks.
    server.pass(14 * 24 * 3600 - 1);
    author.sync(&server, &[]);
    assert_eq!(server.verdict(all[0].hash()), Some(MISSING), "a holiday");
    server.pass(3600);
    author.sync(&server, &[]);
    assert_eq!(server.verdict(all[0].hash()), Some(NEVER));
    assert_eq!(server.verdict(all[1].hash()), Some(DEPENDS));
}

#[test]
fn nobody_decides_before_its_author_heard_of_it() {
    let server = Server::new();
    let (_, [_, mut phone], _, all) = orphans(&server);
    // The answer is lost: the phone has not heard, and asks from where it was.
    let request = phone.request(&all, Vec::new());
    phone.raw(&server, &request).unwrap();
    assert_eq!(told(&phone.sync(&server, &[])), [MISSING, MISSING]);
    assert_eq!(server.verdict(all[0].hash()), Some(MISSING));
}

#[test]
fn what_comes_after_all_ends_the_quarantine_by_itself() {
    let server = Server::new();
    let (ticket, [author, mut phone], missing, all) = orphans(&server);
    phone.sync(&server, &all);
    phone.sync(&server, &[]);
    server.receive(&author, &[missing]);
    for changeset in &all {
        let verdict = server.verdict(changeset.hash()).unwrap();
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }
    assert_eq!(
        server.document(ticket, Part::Service).heads(),
        phone.doc(ticket).heads()
    );
    assert_eq!(server.count("SELECT count(*) FROM quarantined_changes"), 0);
}

#[test]
fn what_still_has_no_base_cannot_be_admitted_and_the_decider_is_told_so() {
    let server = Server::new();
    let (_, [_, mut phone], _, all) = orphans(&server);
    phone.sync(&server, &all);
    phone.sync(&server, &[]);
    let by = person(SUPERVISOR);
    let admit = |changeset: &Changeset| {
        let (now, hash) = (server.now(), changeset.hash());
        match server.relay.decide(now, &by, hash, Decision::Admit) {
            Err(DecideError::NotAdmissible { verdict }) => verdict,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(admit(&all[0]), MISSING);
    assert_eq!(admit(&all[1]), DEPENDS);
    // It waits as before, nobody is noted as having decided, and the phone hears nothing new.
    assert_eq!(server.verdict(all[0].hash()), Some(NEVER));
    assert_eq!(server.verdict(all[1].hash()), Some(DEPENDS));
    let decided = "SELECT count(*) FROM inbox WHERE decided_by IS NOT NULL";
    assert_eq!(server.count(decided), 0);
    assert_eq!(told(&phone.sync(&server, &[])), []);
}

#[test]
fn half_an_act_cannot_be_admitted() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let [open, _] = phone.opening(gongdan_core::testing::ticket(7), server.now());
    phone.sync(&server, std::slice::from_ref(&open));
    phone.sync(&server, &[]);
    let (now, by) = (server.now(), person(SUPERVISOR));
    let outcome = server.relay.decide(now, &by, open.hash(), Decision::Admit);
    let incomplete = Verdict::Held {
        why: HeldWhy::Incomplete,
    };
    assert!(
        matches!(&outcome, Err(DecideError::NotAdmissible { verdict }) if *verdict == incomplete),
        "{outcome:?}"
    );
    assert_eq!(server.verdict(open.hash()), Some(NEVER));
}

#[test]
fn what_waits_for_a_newer_program_stays_held_and_so_does_what_builds_on_it() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let later = vec![0x81, 0x82, 0x00, 0x81, 0x18, 0xc8];
    let unknown = phone.seal(ticket, server.now(), vec![note("x")]);
    let unknown = resealed(&mut phone, unknown, later);
    let after = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let held = Verdict::Held {
        why: HeldWhy::UnknownCommand,
    };
    phone.sync(&server, &[unknown.clone(), after.clone()]);
    for _ in 0..2 {
        phone.sync(&server, &[]);
        assert_eq!(server.verdict(unknown.hash()), Some(held.clone()));
        assert_eq!(server.verdict(after.hash()), Some(MISSING));
    }
}

#[test]
fn half_an_act_whose_other_half_never_comes_is_quarantined_and_the_other_half_still_brings_both() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    let ticket = gongdan_core::testing::ticket(7);
    let [open, customer] = phone.opening(ticket, server.now());
    phone.sync(&server, std::slice::from_ref(&open));
    phone.sync(&server, &[]);
    assert_eq!(server.verdict(open.hash()), Some(NEVER));
    server.receive(&phone, std::slice::from_ref(&customer));
    for half in [open, customer] {
        let verdict = server.verdict(half.hash()).unwrap();
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }
    let _ticket_is_the_desks_too = server.desk(DISPATCHER, Some(ticket), note("好")).unwrap();
}
