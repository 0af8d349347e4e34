//! What happens to one ticket's documents keeps no other from going on.

use gongdan_core::ids::{Part, TicketId};
use gongdan_core::sync::verdict::{HeldWhy, Verdict};

use super::harness::{Server, TECHNICIAN, note};
use crate::relay::damage::{self, Damaged, Place};
use crate::relay::tickets;
use crate::store::StoreError;
use crate::verify;

fn index(server: &Server, ticket: TicketId) -> u64 {
    server
        .db
        .read(|c| Ok::<_, StoreError>(tickets::by_id(c, ticket)?.unwrap().index))
        .unwrap()
}

/// Bits turn on the disk, in the middle of what is stored.
fn rot(server: &Server, ticket: TicketId) {
    let sql = "UPDATE documents SET bytes = CAST(substr(bytes, 1, 40) || x'ff00ff' || substr(bytes, 44) AS BLOB)
               WHERE ticket_index = ?1 AND part = 0";
    let index = index(server, ticket);
    let rotted = server
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute(sql, [index.cast_signed()])?))
        .unwrap();
    assert_eq!(rotted, 1);
    assert_eq!(different(server), 1, "it does not load");
}

/// So do some of what the log is made of.
fn rot_the_log(server: &Server, ticket: TicketId) {
    let sql = "UPDATE inbox SET changeset = CAST(substr(changeset, 1, 20) || x'ff00ff' || substr(changeset, 24) AS BLOB)
               WHERE hash = (SELECT changeset FROM log WHERE ticket_index = ?1 ORDER BY seq LIMIT 1)";
    let index = index(server, ticket);
    let rotted = server
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute(sql, [index.cast_signed()])?))
        .unwrap();
    assert_eq!(rotted, 1);
}

fn different(server: &Server) -> u64 {
    server.db.read(verify::different_documents).unwrap()
}

fn flags(server: &Server) -> Vec<Damaged> {
    server.db.read(damage::list).unwrap()
}

#[test]
fn a_document_that_rotted_is_made_anew_from_the_log_when_a_device_asks_for_it() {
    let server = Server::new();
    let (ticket, other) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
    let heads = server.document(ticket, Part::Service).heads();
    rot(&server, ticket);
    let mut phone = server.phone(TECHNICIAN);
    let response = phone.sync(&server, &[]);
    let mut sent: Vec<TicketId> = response.snapshots.iter().map(|s| s.ticket.ticket).collect();
    sent.sort_unstable();
    let mut both = vec![ticket, other];
    both.sort_unstable();
    assert_eq!(sent, both);
    assert_eq!(different(&server), 0, "it was written back");
    assert_eq!(server.document(ticket, Part::Service).heads(), heads);
    let flagged = Damaged {
        ticket_index: index(&server, ticket),
        part: Part::Service,
        times: 1,
        mended: true,
    };
    assert_eq!(flags(&server), [flagged]);
}

#[test]
fn a_changeset_for_a_document_that_rotted_comes_in() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    let change = phone.seal(ticket, server.now(), vec![note("现场")]);
    rot(&server, ticket);
    let verdicts = server.receive(&phone, &[change]);
    assert!(matches!(verdicts[..], [Verdict::Admitted { .. }]));
    assert_eq!(different(&server), 0);
    assert!(flags(&server)[0].mended);
}

#[test]
fn where_the_log_is_damaged_too_that_ticket_waits_and_the_others_go_on() {
    let mut server = Server::new();
    let (ticket, other) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    phone.take(&server, other);
    let one = phone.seal(ticket, server.now(), vec![note("一")]);
    let two = phone.seal(other, server.now(), vec![note("二")]);
    rot(&server, ticket);
    rot_the_log(&server, ticket);
    let verdicts = server.receive(&phone, &[one, two]);
    assert!(
        matches!(
            verdicts[..],
            [
                Verdict::Held {
                    why: HeldWhy::MissingBase
                },
                Verdict::Admitted { .. }
            ]
        ),
        "{verdicts:?}"
    );
    let mut colleague = server.phone(TECHNICIAN);
    let response = colleague.sync(&server, &[]);
    let sent: Vec<TicketId> = response.snapshots.iter().map(|s| s.ticket.ticket).collect();
    assert_eq!(sent, [other], "the one that can be read");
    assert!(!flags(&server)[0].mended);
    server.restart();
    let heads = server.document(other, Part::Service).heads();
    assert_eq!(heads, phone.doc(other).heads());
}

#[test]
fn a_changeset_that_makes_the_library_panic_is_held_and_judged_again_by_the_next_program() {
    let mut server = Server::new();
    let (ticket, other) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    phone.take(&server, other);
    let changes = [
        phone.seal(other, server.now(), vec![note("之前")]),
        phone.seal(ticket, server.now(), vec![note("有毒")]),
        phone.seal(other, server.now(), vec![note("之后")]),
    ];
    let heads = server.document(ticket, Part::Service).heads();
    damage::tests::panic_at(move |place| place == Place::Judge(ticket));
    let verdicts = server.receive(&phone, &changes);
    assert!(
        matches!(
            verdicts[..],
            [
                Verdict::Admitted { .. },
                Verdict::Held {
                    why: HeldWhy::UnknownCommand
                },
                Verdict::Admitted { .. }
            ]
        ),
        "{verdicts:?}"
    );
    assert_eq!(server.document(ticket, Part::Service).heads(), heads);
    damage::tests::heal();
    server.restart();
    let again = server.verdict(changes[1].hash());
    assert!(matches!(again, Some(Verdict::Admitted { .. })), "{again:?}");
    assert_eq!(different(&server), 0);
}

#[test]
fn a_panic_while_loading_packing_or_showing_concerns_that_ticket_alone() {
    for place in [Place::Load, Place::Pack, Place::Show] {
        let server = Server::new();
        let (ticket, other) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
        let mut phone = server.phone(TECHNICIAN);
        phone.take(&server, ticket);
        phone.take(&server, other);
        let one = phone.seal(ticket, server.now(), vec![note("一")]);
        let two = phone.seal(other, server.now(), vec![note("二")]);
        let struck = place(index(&server, ticket));
        damage::tests::panic_at(move |at| at == struck);
        let verdicts = server.receive(&phone, &[one, two]);
        assert!(
            verdicts
                .iter()
                .all(|verdict| matches!(verdict, Verdict::Admitted { .. })),
            "{struck:?}: {verdicts:?}"
        );
        let mut colleague = server.phone(TECHNICIAN);
        let response = colleague.sync(&server, &[]);
        assert!(
            response.snapshots.iter().any(|s| s.ticket.ticket == other),
            "{struck:?}"
        );
        damage::tests::heal();
        let mut late = server.phone(TECHNICIAN);
        let response = late.sync(&server, &[]);
        assert_eq!(response.snapshots.len(), 2, "{struck:?}: it is over");
        assert_eq!(different(&server), 0, "{struck:?}");
    }
}
