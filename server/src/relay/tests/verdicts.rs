//! What becomes of one changeset.

use gongdan_core::ids::{ChangeHash, ItemKey, Part};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use gongdan_core::testing;
use gongdan_core::ticket::{Action, Command, Status};

use super::harness::{DISPATCHER, SUCCESSOR, Server, TECHNICIAN, note};
use crate::relay::SyncError;

const fn held(why: HeldWhy) -> Verdict {
    Verdict::Held { why }
}

fn is_admitted(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Admitted { .. })
}

#[test]
fn a_lawful_changeset_is_admitted_once_and_says_so_again() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let before = server.wake.count();
    let changeset = phone.seal(
        ticket,
        server.now(),
        vec![Command::Accept, note("到了再说")],
    );
    let first = server.receive(&phone, std::slice::from_ref(&changeset));
    assert!(is_admitted(&first[0]), "{first:?}");
    assert!(server.wake.count() > before, "others are woken");
    assert_eq!(server.receive(&phone, &[changeset]), first);
    assert_eq!(server.count("SELECT count(*) FROM log"), 3);
    let doc = server.document(ticket, Part::Service);
    assert_eq!(doc.heads(), phone.doc(ticket).heads());
    assert_eq!(doc.facts().unwrap().status, Status::Accepted);
}

#[test]
fn a_device_brings_so_much_in_a_day_and_the_rest_the_next() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let one = phone.seal(ticket, server.now(), vec![Command::Accept]);
    server.receive(&phone, std::slice::from_ref(&one));
    let limit = gongdan_core::limits::DEVICE_DAY_CHANGESETS_MAX;
    server
        .db
        .write(|tx| {
            tx.execute("UPDATE device_days SET changesets = ?1", [limit - 1])?;
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
    let two = phone.seal(ticket, server.now(), vec![note("二")]);
    assert!(
        is_admitted(&server.receive(&phone, &[two])[0]),
        "at the limit"
    );
    let three = phone.seal(ticket, server.now(), vec![note("三")]);
    let past = |changesets: Vec<Changeset>| {
        let now = server.now();
        server.relay.receive(now, &phone.sender, changesets)
    };
    assert!(matches!(
        past(vec![three.clone()]),
        Err(SyncError::OverQuota { .. })
    ));
    assert_eq!(
        server.verdict(three.hash()),
        None,
        "nothing of it is stored"
    );
    assert!(past(vec![one]).is_ok(), "a repetition counts nothing");
    server.pass(24 * 3600);
    assert!(is_admitted(
        &server.receive(&phone, std::slice::from_ref(&three))[0]
    ));

    let four = phone.seal(ticket, server.now(), vec![note("四")]);
    let room = |bytes: usize| {
        let full = gongdan_core::limits::DEVICE_DAY_BYTES_MAX - bytes as i64;
        let set = server.db.write(|tx| {
            tx.execute("UPDATE device_days SET changesets = 0, bytes = ?1", [full])?;
            Ok::<_, crate::store::StoreError>(())
        });
        set.unwrap();
        let now = server.now();
        server.relay.receive(now, &phone.sender, vec![four.clone()])
    };
    assert!(matches!(
        room(four.body.len() - 1),
        Err(SyncError::OverQuota { .. })
    ));
    assert!(room(four.body.len()).is_ok());
}

#[test]
fn the_same_commands_in_another_changeset_are_a_duplicate() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let before = phone.doc(ticket).clone();
    let one = phone.seal(ticket, server.now(), vec![Command::Accept]);
    server.receive(&phone, &[one]);
    phone.docs.insert((ticket, Part::Service), before);
    let again = phone.seal(ticket, server.now(), vec![Command::Accept]);
    assert_eq!(server.receive(&phone, &[again]), [Verdict::Duplicate]);
    assert_eq!(server.count("SELECT count(*) FROM log"), 3);
}

#[test]
fn a_gap_is_held_until_it_is_filled() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let one = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let two = phone.seal(ticket, server.now(), vec![note("二")]);
    let three = phone.seal(ticket, server.now(), vec![note("三")]);
    assert_eq!(
        server.receive(&phone, std::slice::from_ref(&three)),
        [held(HeldWhy::Gap)]
    );
    assert_eq!(
        server.receive(&phone, std::slice::from_ref(&two)),
        [held(HeldWhy::Gap)]
    );
    assert!(is_admitted(&server.receive(&phone, &[one])[0]));
    for changeset in [two, three] {
        assert!(is_admitted(&server.verdict(changeset.hash()).unwrap()));
    }
    assert_eq!(
        server.document(ticket, Part::Service).heads(),
        phone.doc(ticket).heads()
    );
}

#[test]
fn an_unknown_command_is_held_and_what_follows_it_too_but_nobody_else() {
    let mut server = Server::new();
    let (ticket, other) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    phone.take(&server, other);
    // One command of code 200, as a later version would write it.
    let later = vec![0x81, 0x82, 0x00, 0x81, 0x18, 0xc8];
    let mut unknown = phone.seal_with(ticket, Part::Service, server.now(), vec![note("x")], |_| {});
    unknown = resealed(&mut phone, unknown, later);
    let after = phone.seal(ticket, server.now(), vec![note("之后")]);
    let beside = phone.seal(other, server.now(), vec![Command::Accept]);
    let verdicts = server.receive(&phone, &[unknown.clone(), after, beside]);
    assert_eq!(
        verdicts[..2],
        [held(HeldWhy::UnknownCommand), held(HeldWhy::MissingBase)]
    );
    assert!(is_admitted(&verdicts[2]));
    server.restart();
    assert_eq!(
        server.verdict(unknown.hash()),
        Some(held(HeldWhy::UnknownCommand)),
        "still not known"
    );
}

/// The changeset with another body, properly signed, in the phone's chain.
pub(super) fn resealed(
    phone: &mut super::harness::Phone,
    mut changeset: Changeset,
    body: Vec<u8>,
) -> Changeset {
    use gongdan_core::sync::changeset::body_hash;
    use gongdan_core::sync::codec;
    changeset.header.body = body_hash(&changeset.salt, &body);
    changeset.body = body;
    let mut message = b"gongdan changeset v1\n".to_vec();
    message.extend_from_slice(&codec::encode(&changeset.header));
    changeset.signature = phone.key.sign(&message);
    phone.link = changeset.link();
    changeset
}

#[test]
fn what_was_received_but_not_judged_is_judged_at_the_next_start() {
    let mut server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let changeset = phone.seal(ticket, server.now(), vec![Command::Accept]);
    // As a crash between the two transactions leaves it.
    let now = server.now();
    server
        .db
        .write(|tx| crate::relay::inbox::insert(tx, &changeset, phone.sender.index, now))
        .unwrap();
    assert_eq!(server.verdict(changeset.hash()), None);
    server.restart();
    assert!(is_admitted(&server.verdict(changeset.hash()).unwrap()));
}

#[test]
fn another_hash_is_held_and_its_successor_authored_anew_is_admitted() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let other = phone.seal_with(ticket, Part::Service, server.now(), vec![note("x")], |h| {
        h.pin = [9; 16]
    });
    assert_eq!(
        server.receive(&phone, std::slice::from_ref(&other)),
        [held(HeldWhy::OtherHash)]
    );
    phone.take(&server, ticket);
    phone.actor = testing::actor(77);
    let anew = phone.seal_with(ticket, Part::Service, server.now(), vec![note("x")], |h| {
        h.replaces = Some(other.hash());
    });
    assert!(is_admitted(&server.receive(&phone, &[anew])[0]));
    assert_eq!(
        server.count("SELECT count(*) FROM inbox WHERE superseded_by IS NOT NULL"),
        1
    );
}

#[test]
fn a_wrong_signature_stores_nothing_of_the_whole_request() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let good = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let mut bad = phone.seal(ticket, server.now(), vec![note("x")]);
    bad.signature[5] ^= 1;
    let before = server.count("SELECT count(*) FROM inbox");
    let refused = server
        .relay
        .receive(server.now(), &phone.sender, vec![good.clone(), bad]);
    assert!(matches!(refused, Err(SyncError::BadSignature)));
    assert_eq!(server.count("SELECT count(*) FROM inbox"), before);
    let mut stranger = phone.sender.clone();
    stranger.device = testing::ticket(9).to_string().parse().unwrap();
    let refused = server.relay.receive(server.now(), &stranger, vec![good]);
    assert!(
        matches!(refused, Err(SyncError::BadSignature)),
        "a device that is not enrolled"
    );
}

#[test]
fn a_refusal_names_the_command_and_leaves_nothing_in_the_document() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let heads = server.document(ticket, Part::Service).heads();
    let lawless = phone.seal(ticket, server.now(), vec![Command::Accept, Command::Close]);
    let verdicts = server.receive(&phone, &[lawless]);
    assert!(
        matches!(
            verdicts[0],
            Verdict::Refused {
                command: 1,
                reason: Refusal::Denied { .. }
            }
        ),
        "{verdicts:?}"
    );
    phone.take(&server, ticket);
    let early = phone.seal(ticket, server.now(), vec![Command::Resume]);
    let not_lawful = Refusal::NotLawful {
        action: Action::Resume,
        status: Some(Status::Assigned),
    };
    assert_eq!(
        server.receive(&phone, &[early]),
        [Verdict::Refused {
            command: 0,
            reason: not_lawful
        }]
    );
    phone.take(&server, ticket);
    let quote: ItemKey = "abc".parse().unwrap();
    let by = gongdan_core::ticket::Capacity::Customer;
    let absent = vec![
        Command::Accept,
        Command::RecordConsent {
            quote,
            agreed: true,
            by,
        },
    ];
    let absent = phone.seal(ticket, server.now(), absent);
    let verdicts = server.receive(&phone, &[absent]);
    assert!(matches!(
        verdicts[0],
        Verdict::Refused {
            command: 1,
            reason: Refusal::Inexecutable { .. }
        }
    ));
    assert_eq!(server.document(ticket, Part::Service).heads(), heads);
}

#[test]
fn an_actor_of_another_device_is_refused() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let (mut phone, mut second) = (server.phone(TECHNICIAN), server.phone(TECHNICIAN));
    phone.take(&server, ticket);
    let accept = phone.seal(ticket, server.now(), vec![Command::Accept]);
    server.receive(&phone, &[accept]);
    second.take(&server, ticket);
    second.actor = phone.actor;
    let stolen = second.seal(ticket, server.now(), vec![note("x")]);
    let refused = Verdict::Refused {
        command: 0,
        reason: Refusal::ForeignActor,
    };
    assert_eq!(server.receive(&second, &[stolen]), [refused]);
}

#[test]
fn what_rests_on_nothing_known_is_held() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let orphan = phone.seal_with(ticket, Part::Service, server.now(), vec![note("x")], |h| {
        h.base = vec![ChangeHash([3; 32])];
    });
    assert_eq!(
        server.receive(&phone, &[orphan]),
        [held(HeldWhy::MissingBase)]
    );
}

#[test]
fn work_beside_a_cancellation_is_admitted_and_shows_as_a_clash() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    server
        .desk(
            DISPATCHER,
            Some(ticket),
            Command::Cancel {
                reason: "客户取消".into(),
            },
        )
        .unwrap();
    let accepted = phone.seal(ticket, server.now(), vec![Command::Accept]);
    assert!(is_admitted(&server.receive(&phone, &[accepted])[0]));
    assert_eq!(
        server.count("SELECT count(*) FROM log WHERE merged = 'hard'"),
        1
    );
    assert_eq!(server.count("SELECT clashes FROM ticket_rows"), 1);
}

#[test]
fn after_a_reassignment_a_note_comes_in_marked() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    server
        .desk(DISPATCHER, Some(ticket), super::harness::assign(SUCCESSOR))
        .unwrap();
    let left = phone.seal(ticket, server.now(), vec![note("零件在车上")]);
    assert!(is_admitted(&server.receive(&phone, &[left])[0]));
    assert_eq!(server.count("SELECT count(*) FROM log WHERE marked = 1"), 1);
    // Not his from the start: refused.
    let mut stranger = server.phone("G4003");
    stranger.take(&server, ticket);
    let intruding = stranger.seal(ticket, server.now(), vec![note("x")]);
    let verdicts = server.receive(&stranger, &[intruding]);
    assert!(matches!(
        verdicts[0],
        Verdict::Refused {
            reason: Refusal::Denied { .. },
            ..
        }
    ));
}

#[test]
fn a_sequence_number_that_served_twice_is_quarantined() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let one = phone.seal(ticket, server.now(), vec![Command::Accept]);
    server.receive(&phone, &[one]);
    // A copy of the phone goes on from the same number under an actor of its own.
    (phone.sequence, phone.link, phone.actor) = (0, [0; 16], testing::actor(88));
    let twin = phone.seal(ticket, server.now(), vec![note("另一部")]);
    let twice = Verdict::Quarantined {
        reason: QuarantineReason::SequenceTwice,
    };
    assert_eq!(server.receive(&phone, &[twin]), [twice]);
}
