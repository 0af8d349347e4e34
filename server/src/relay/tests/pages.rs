//! What a device is told: entries, snapshots in pages, evictions, and next to nothing when idle.

use std::collections::BTreeSet;

use gongdan_core::document::snapshot;
use gongdan_core::ids::{Part, TicketId};
use gongdan_core::limits::PAGE_BYTES_MAX;
use gongdan_core::sync::protocol::{BaseHint, PartIndex, time_message};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::testing;
use gongdan_core::ticket::{Command, Field};

use super::harness::{DISPATCHER, Phone, SUCCESSOR, SUPERVISOR, Server, TECHNICIAN, assign, note};
use crate::relay::{Decision, SyncError, documents};

#[test]
fn the_first_sync_brings_the_documents_and_then_entries_follow() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    let first = phone.sync(&server, &[]);
    assert!(!first.more && first.entries.is_empty() && first.catalogue.is_none());
    assert_eq!(first.snapshots.len(), 1);
    assert_eq!(first.snapshots[0].ticket.ticket, ticket);
    let part = &first.snapshots[0].parts[0];
    let doc = snapshot::unpack(part.part, &part.document).unwrap();
    assert_eq!(doc.heads(), server.document(ticket, Part::Service).heads());
    assert_eq!(part.seq, 2);
    let known: BTreeSet<_> = first.actors.iter().map(|record| record.actor).collect();
    assert!(
        doc.actors()
            .iter()
            .skip(1)
            .all(|actor| known.contains(actor)),
        "who wrote it is told"
    );
    server
        .desk(DISPATCHER, Some(ticket), note("客户改到下午"))
        .unwrap();
    let second = phone.sync(&server, &[]);
    assert_eq!(second.entries.len(), 1);
    let entry = &second.entries[0];
    assert_eq!(
        (entry.seq, &entry.base, second.through),
        (3, &BaseHint::Known, 3)
    );
    assert_eq!(entry.person, Some(testing::person(DISPATCHER)));
    let quiet = phone.sync(&server, &[]);
    assert!(quiet.entries.is_empty() && quiet.snapshots.is_empty() && quiet.devices.is_empty());
}

#[test]
fn the_time_is_signed_for_this_request_alone() {
    let server = Server::new();
    let phone = server.phone(TECHNICIAN);
    let request = phone.request(&[], Vec::new());
    let body = phone.raw(&server, &request).unwrap();
    let mut reader = server.phone(TECHNICIAN);
    let response = reader.read(&body);
    let desk = response
        .devices
        .iter()
        .find(|record| record.index == 1)
        .unwrap();
    let key = gongdan_core::sync::keys::PublicKey::from_bytes(desk.key).unwrap();
    let message = |request: &[u8]| time_message(response.time, phone.sender.device, request);
    assert!(key.verifies(&message(&request), &response.time_signature));
    assert!(!key.verifies(&message(b"another"), &response.time_signature));
}

#[test]
fn own_changesets_do_not_come_back_and_the_opened_ticket_comes_as_a_record() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    phone.sync(&server, &[]);
    let ticket = testing::ticket(1);
    let opening = phone.opening(ticket, server.now());
    let response = phone.sync(&server, &opening);
    assert!(response.entries.is_empty() && response.snapshots.is_empty());
    assert_eq!(response.verdicts.len(), 2);
    assert_eq!(response.tickets.len(), 1);
    assert_eq!(response.tickets[0].ticket, ticket);
    assert!(response.tickets[0].number.is_some());
    // What others write to it comes as entries, without a snapshot between.
    server
        .desk(DISPATCHER, Some(ticket), assign(TECHNICIAN))
        .unwrap();
    let next = phone.sync(&server, &[]);
    assert_eq!((next.entries.len(), next.snapshots.len()), (1, 0));
    // His other phone knows nothing of it and gets the documents.
    let mut second = server.phone(TECHNICIAN);
    assert_eq!(second.sync(&server, &[]).snapshots[0].parts.len(), 2);
}

#[test]
fn idle_is_one_small_round_trip_and_loads_nothing_whatever_the_number_of_tickets() {
    let server = Server::new();
    for _ in 0..40 {
        server.assigned(TECHNICIAN);
    }
    let mut phone = server.phone(TECHNICIAN);
    while phone.sync(&server, &[]).more {}
    let before = documents::loads_of_this_thread();
    let request = phone.request(&[], Vec::new());
    let body = phone.raw(&server, &request).unwrap();
    assert_eq!(
        documents::loads_of_this_thread(),
        before,
        "documents loaded"
    );
    assert!(
        request.len() + body.len() <= 240,
        "{} + {} bytes",
        request.len(),
        body.len()
    );
    assert!(!phone.read(&body).more);
}

/// Tickets whose notes do not compress into one page together.
fn many(server: &Server) -> BTreeSet<TicketId> {
    (0..60)
        .map(|_| {
            let ticket = server.assigned(TECHNICIAN);
            let noise: String = (0..1_000)
                .map(|_| {
                    char::from_u32(
                        0x4e00 + u32::from(u16::from_be_bytes(server.host.random())) % 20_000,
                    )
                    .unwrap()
                })
                .collect();
            server.desk(DISPATCHER, Some(ticket), note(&noise)).unwrap();
            ticket
        })
        .collect()
}

fn tickets_of(response: &gongdan_core::sync::protocol::Response) -> Vec<TicketId> {
    response.snapshots.iter().map(|s| s.ticket.ticket).collect()
}

#[test]
fn pages_are_bounded_resumable_and_skip_nothing_that_is_written_between_them() {
    let server = Server::new();
    let all = many(&server);
    let mut phone = server.phone(TECHNICIAN);
    let (mut got, mut pages) = (Vec::new(), 0);
    let mut late = None;
    loop {
        let request = phone.request(&[], Vec::new());
        // An answer that is lost: the same request again brings the same tickets.
        let lost = phone.raw(&server, &request).unwrap();
        let mut copy = Phone {
            docs: Default::default(),
            ..server.phone(TECHNICIAN)
        };
        copy.directory.clone_from(&phone.directory);
        let body = phone.raw(&server, &request).unwrap();
        assert!(body.len() <= PAGE_BYTES_MAX, "{} bytes", body.len());
        let response = phone.read(&body);
        assert_eq!(tickets_of(&copy.read(&lost)), tickets_of(&response));
        got.extend(tickets_of(&response));
        pages += 1;
        if pages == 1 {
            assert!(response.more);
            let ticket = got[0];
            late = Some(
                server
                    .desk(DISPATCHER, Some(ticket), note("中途写下"))
                    .unwrap()
                    .verdicts[0]
                    .1
                    .clone(),
            );
        }
        if !response.more || pages > 20 {
            break;
        }
        if response.snapshots.is_empty() {
            let seqs: Vec<u64> = response.entries.iter().map(|entry| entry.seq).collect();
            let late = late.take().unwrap();
            assert!(seqs.iter().any(|seq| late == gongdan_core::sync::verdict::Verdict::Admitted { seq: *seq }));
        }
    }
    assert!((2..=8).contains(&pages), "{pages} pages");
    assert_eq!(got.iter().copied().collect::<BTreeSet<_>>(), all);
    assert_eq!(got.len(), all.len(), "no ticket twice");
    let rest = phone.sync(&server, &[]);
    assert!(rest.snapshots.is_empty() && rest.entries.is_empty());
}

#[test]
fn long_absences_come_in_pages_of_entries_with_own_admissions_in_their_order() {
    let server = Server::new();
    let tickets: Vec<_> = many(&server).into_iter().collect();
    let mut phone = server.phone(TECHNICIAN);
    while phone.sync(&server, &[]).more {}
    for ticket in &tickets {
        let noise: String = (0..1_500)
            .map(|_| {
                char::from_u32(
                    0x4e00 + u32::from(u16::from_be_bytes(server.host.random())) % 20_000,
                )
                .unwrap()
            })
            .collect();
        server
            .desk(SUPERVISOR, Some(*ticket), note(&noise))
            .unwrap();
    }
    phone.take(&server, tickets[0]);
    let accept = phone.seal(tickets[0], server.now(), vec![Command::Accept]);
    // A phone sends it again until it hears of it.
    let sent = [accept];
    let mut response = phone.sync(&server, &sent);
    let (mut entries, mut verdicts, mut pages) =
        (response.entries.len(), response.verdicts.len(), 1);
    assert_eq!(verdicts, 0, "its admission lies past what is told so far");
    while response.more {
        response = phone.sync(&server, &sent);
        entries += response.entries.len();
        verdicts += response.verdicts.len();
        pages += 1;
    }
    assert_eq!((entries, verdicts), (tickets.len(), 1));
    assert!(pages > 1);
}

#[test]
fn who_is_taken_off_a_ticket_drops_it_and_gets_it_back_whole() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.sync(&server, &[]);
    server
        .desk(DISPATCHER, Some(ticket), assign(SUCCESSOR))
        .unwrap();
    let response = phone.sync(&server, &[]);
    assert_eq!(response.evictions, [PartIndex::new(1, Part::Service)]);
    assert!(response.entries.is_empty());
    server
        .desk(DISPATCHER, Some(ticket), note("与你无关"))
        .unwrap();
    assert!(phone.sync(&server, &[]).entries.is_empty());
    server
        .desk(DISPATCHER, Some(ticket), assign(TECHNICIAN))
        .unwrap();
    let back = phone.sync(&server, &[]);
    assert_eq!((back.snapshots.len(), back.entries.len()), (1, 0));
    // Wanting what is not one's to hold is answered by an eviction.
    let mut stranger = server.phone("G4003");
    stranger.sync(&server, &[]);
    let request = stranger.request(&[], vec![PartIndex::new(1, Part::Service)]);
    let body = stranger.raw(&server, &request).unwrap();
    let answer = stranger.read(&body);
    assert!(answer.snapshots.is_empty());
    assert_eq!(answer.evictions, [PartIndex::new(1, Part::Service)]);
}

#[test]
fn todays_visits_come_first() {
    let server = Server::new();
    let plain = server.assigned(TECHNICIAN);
    let appoint = |ticket, hours: i64| {
        let from = server.now().plus(hours * 3600);
        let command = Command::Appoint {
            from,
            until: from.plus(3600),
        };
        server.desk(DISPATCHER, Some(ticket), command).unwrap();
    };
    let (tomorrow, today) = (server.assigned(TECHNICIAN), server.assigned(TECHNICIAN));
    appoint(tomorrow, 30);
    appoint(today, 5);
    let mut phone = server.phone(TECHNICIAN);
    assert_eq!(
        tickets_of(&phone.sync(&server, &[])),
        [today, tomorrow, plain]
    );
}

#[test]
fn another_epoch_and_a_reference_to_nothing_store_nothing() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.sync(&server, &[]);
    phone.take(&server, ticket);
    let changeset = phone.seal(ticket, server.now(), vec![Command::Accept]);
    let request = phone.request(std::slice::from_ref(&changeset), Vec::new());
    let before = server.count("SELECT count(*) FROM inbox");
    server
        .db
        .write(|tx| {
            Ok::<_, crate::store::StoreError>(
                tx.execute("UPDATE relay_state SET epoch = epoch + 1", [])?,
            )
        })
        .unwrap();
    assert!(matches!(
        phone.raw(&server, &request),
        Err(SyncError::OtherEpoch)
    ));
    phone.cursor.clear();
    let unknown =
        gongdan_core::sync::wire::encode_request(&gongdan_core::sync::protocol::Request {
            cursor: Vec::new(),
            catalogue: 1,
            directory: 0,
            want: Vec::new(),
            changesets: vec![gongdan_core::sync::protocol::Outgoing {
                changeset: changeset.clone(),
                ticket_index: Some(99),
                base: BaseHint::Known,
            }],
            given_back: Default::default(),
            unsent: None,
            sheet_log: None,
        });
    assert!(matches!(
        phone.raw(&server, &unknown),
        Err(SyncError::UnresolvedReference)
    ));
    assert!(matches!(
        phone.raw(&server, b"GD\x01\x00\x01x"),
        Err(SyncError::Malformed(_))
    ));
    assert_eq!(server.count("SELECT count(*) FROM inbox"), before);
    // Spelled out it comes in.
    assert_eq!(phone.sync(&server, &[changeset]).verdicts.len(), 1);
}

#[test]
fn a_phone_drops_what_it_wrote_into_a_part_that_it_may_not_hold() {
    let server = Server::new();
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(&server, ticket);
    phone.sync(&server, &[]);
    server
        .desk(DISPATCHER, Some(ticket), assign(SUCCESSOR))
        .unwrap();
    assert_eq!(
        phone.sync(&server, &[]).evictions.len(),
        1,
        "the service part"
    );
    let name = Command::Correct {
        field: Field::CustomerName,
        value: "张三".into(),
    };
    let late = phone.seal_with(ticket, Part::Customer, server.now(), vec![name], |_| {});
    assert_eq!(
        phone.sync(&server, std::slice::from_ref(&late)).evictions,
        []
    );
    let by = testing::person(SUPERVISOR);
    server
        .relay
        .decide(server.now(), &by, late.hash(), Decision::Admit)
        .unwrap();
    let told = phone.sync(&server, &[]);
    assert!(
        matches!(told.verdicts[0].verdict, Verdict::Admitted { .. }),
        "{told:?}"
    );
    let parts: Vec<_> = told.evictions.iter().map(|index| index.part()).collect();
    assert_eq!(parts, [Some(Part::Customer)]);
    assert_eq!(phone.sync(&server, &[]).evictions, [], "once is enough");
}
