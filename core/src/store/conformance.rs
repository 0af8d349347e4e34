//! What every store must do, written once and run on each.

use super::{
    ActorRow, BlobRow, BlobState, Filter, KeptRow, MirrorRow, Origin, OutboxEntry, OutboxState,
    SealedRow, Settled, Store, StoreError, StoreTxn, TicketRow,
};
use crate::document::TicketDoc;
use crate::ids::{BlobHash, ChangeHash, Part, PartRef};
use crate::sync::protocol::DeviceRecord;
use crate::testing::{self, entry};
use crate::ticket::Status;
use crate::ticket::summary::{Summary, search_text, summarize};

/// Runs the whole suite on an empty store.
///
/// # Panics
/// Where the store does not conform.
pub fn check(store: &mut dyn Store) {
    rows_read_back(store);
    what_is_kept_and_set_aside_reads_back(store);
    a_failed_transaction_writes_nothing(store);
    the_outbox_keeps_its_order(store);
    what_was_not_acknowledged_is_not_deleted(store);
    attachments_read_back_in_any_piece(store);
    lists_are_filtered_searched_and_ordered(store);
}

fn write(store: &mut dyn Store, mut work: impl FnMut(&mut dyn StoreTxn)) {
    let done = store.write(&mut |txn| {
        work(txn);
        Ok(())
    });
    assert!(done.is_ok(), "write: {done:?}");
}

fn got<T>(result: Result<T, StoreError>) -> T {
    match result {
        Ok(value) => value,
        Err(e) => panic!("the store failed: {e}"),
    }
}

fn row(n: u8, status: Status, problem: &str) -> TicketRow {
    let id = testing::ticket(n);
    let mut doc = TicketDoc::genesis(Part::Service);
    testing::Author::new(n).run(&mut doc, testing::open());
    let Some(mut ticket) = crate::document::hydrate(id, None, &[&doc]) else {
        panic!("a ticket was opened")
    };
    problem.clone_into(&mut ticket.problem);
    let summary = Summary {
        status,
        ..summarize(&ticket)
    };
    TicketRow {
        id,
        index: Some(u64::from(n)),
        summary,
        search_text: search_text(&ticket),
    }
}

fn rows_read_back(store: &mut dyn Store) {
    let part = PartRef {
        ticket: testing::ticket(1),
        part: Part::Customer,
    };
    let mirror = MirrorRow {
        document: vec![1, 2],
        heads: vec![ChangeHash([4; 32]), ChangeHash([5; 32])],
        seq: 9,
    };
    let ticket = row(1, Status::Received, "空调不制冷");
    let sealed = SealedRow {
        device_sequence: 3,
        changeset: vec![8],
        entries: vec![1, 2],
    };
    let device = DeviceRecord {
        index: 4,
        device: crate::ids::DeviceId::from_bytes([1; 16]),
        person: testing::person("W001"),
        key: [7; 32],
        attestation: None,
    };
    let actor = ActorRow {
        device_index: 4,
        person: testing::person("W001"),
    };
    write(store, |txn| {
        got(txn.put_meta("cursor", b"one"));
        got(txn.put_meta("cursor", b"two"));
        got(txn.put_mirror(part, &mirror));
        got(txn.put_ticket(&ticket));
        got(txn.put_sealed(&sealed));
        got(txn.put_device(&device));
        got(txn.put_actor(testing::actor(1), &actor));
    });
    write(store, |txn| {
        assert_eq!(got(txn.meta("cursor")).as_deref(), Some(&b"two"[..]));
        assert_eq!(got(txn.meta("none")), None);
        assert_eq!(got(txn.mirror(part)), Some(mirror.clone()));
        assert_eq!(
            got(txn.mirror(PartRef {
                part: Part::Office,
                ..part
            })),
            None
        );
        assert_eq!(got(txn.ticket(ticket.id)), Some(ticket.clone()));
        assert_eq!(got(txn.ticket_by_index(1)), Some(ticket.id));
        assert_eq!(got(txn.sealed(3)), Some(sealed.clone()));
        assert_eq!(got(txn.all_sealed()), std::slice::from_ref(&sealed));
        assert_eq!(got(txn.device(4)), Some(device.clone()));
        assert_eq!(got(txn.actor(testing::actor(1))), Some(actor.clone()));
        got(txn.delete_mirror(part));
        got(txn.delete_ticket(ticket.id));
        got(txn.delete_sealed(3));
        assert_eq!(got(txn.mirror(part)), None);
        assert_eq!(got(txn.ticket(ticket.id)), None);
        assert_eq!(got(txn.all_sealed()), []);
    });
}

fn what_is_kept_and_set_aside_reads_back(store: &mut dyn Store) {
    let part = PartRef {
        ticket: testing::ticket(7),
        part: Part::Service,
    };
    let mirror = MirrorRow {
        document: vec![1, 2],
        heads: vec![ChangeHash([4; 32])],
        seq: 9,
    };
    let kept = |origin, place| KeptRow {
        id: 0,
        origin,
        place,
        part,
        changeset: vec![1, place as u8],
        entries: Vec::new(),
    };
    write(store, |txn| {
        let mut own = kept(Origin::Own, 3);
        own.entries = vec![entry(OutboxState::InFlight)];
        own.id = got(txn.put_kept(&own));
        for place in [5, 6] {
            got(txn.put_kept(&kept(Origin::Others, place)));
        }
        assert_eq!(got(txn.kept(Origin::Own, 0, 10)), [own.clone()]);
        let places = |rows: Vec<KeptRow>| rows.iter().map(|row| row.place).collect::<Vec<_>>();
        assert_eq!(places(got(txn.kept(Origin::Others, 0, 10))), [5, 6]);
        let first = got(txn.kept(Origin::Others, 0, 1))[0].id;
        assert_eq!(places(got(txn.kept(Origin::Others, first, 10))), [6]);
        got(txn.forget_kept(Origin::Others, 5));
        assert_eq!(places(got(txn.kept(Origin::Others, 0, 10))), [6]);
        got(txn.move_kept(40));
        assert_eq!(places(got(txn.kept(Origin::Others, 0, 10))), [40]);
        got(txn.forget_kept_of(part));
        assert_eq!(got(txn.kept(Origin::Others, 0, 10)), []);
        got(txn.delete_kept(own.id));
        assert_eq!(got(txn.kept(Origin::Own, 0, 10)), []);

        let mut ticket = row(7, Status::Received, "空调不制冷");
        ticket.index = Some(70);
        got(txn.put_ticket(&ticket));
        got(txn.put_mirror(part, &mirror));
        got(txn.set_mirrors_aside());
        assert_eq!(got(txn.ticket(ticket.id)).and_then(|row| row.index), None);
        let aside = got(txn.asides(0, 10)).remove(0);
        assert_eq!((aside.part, &aside.heads), (part, &mirror.heads));
        assert!(!aside.replaced);
        got(txn.mark_replaced(part));
        assert!(got(txn.asides(0, 10))[0].replaced);
        let document = got(txn.aside_document(aside.id));
        assert_eq!(document.as_ref(), Some(&mirror.document));
        got(txn.set_mirrors_aside());
        assert_eq!(got(txn.asides(0, 10)).len(), 2);
        got(txn.delete_aside(aside.id));
        assert_eq!(got(txn.asides(0, 10)).len(), 1);
        got(txn.delete_asides_of(part));
        assert_eq!(got(txn.asides(0, 10)), []);
        got(txn.delete_mirror(part));
        got(txn.delete_ticket(ticket.id));
    });
}

fn a_failed_transaction_writes_nothing(store: &mut dyn Store) {
    let part = entry(OutboxState::Pending).part_ref();
    let ticket = row(1, Status::Received, "空调不制冷");
    let mirror = |seq| MirrorRow {
        document: vec![1],
        heads: Vec::new(),
        seq,
    };
    let sealed = |entry| SealedRow {
        device_sequence: 3,
        changeset: vec![8],
        entries: vec![entry],
    };
    let actor = |device_index| ActorRow {
        device_index,
        person: testing::person("W001"),
    };
    let mut kept = 0;
    write(store, |txn| {
        got(txn.put_meta("kept", b"1"));
        got(txn.put_mirror(part, &mirror(1)));
        got(txn.put_sealed(&sealed(1)));
        got(txn.put_actor(testing::actor(1), &actor(4)));
        kept = got(txn.put_entry(&entry(OutboxState::Held)));
    });
    let mut all = |txn: &mut dyn StoreTxn| {
        txn.put_meta("kept", b"2")?;
        txn.put_meta("new", b"2")?;
        txn.put_mirror(part, &mirror(2))?;
        txn.put_ticket(&ticket)?;
        txn.delete_sealed(3)?;
        txn.put_sealed(&sealed(2))?;
        txn.put_actor(testing::actor(1), &actor(5))?;
        txn.put_entry(&entry(OutboxState::Pending))?;
        txn.settle_entry(kept, Settled::Admitted)?;
        txn.delete_mirror(part)?;
        Ok(())
    };
    let failed = store.write(&mut |txn| {
        all(txn)?;
        Err(StoreError::RolledBack)
    });
    assert!(failed.is_err());
    assert!(store.read(&mut all).is_ok());
    write(store, |txn| {
        assert_eq!(got(txn.meta("kept")).as_deref(), Some(&b"1"[..]));
        assert_eq!(got(txn.meta("new")), None);
        assert_eq!(got(txn.mirror(part)), Some(mirror(1)));
        assert_eq!(got(txn.ticket(ticket.id)), None);
        assert_eq!(got(txn.all_sealed()), [sealed(1)]);
        assert_eq!(got(txn.actor(testing::actor(1))), Some(actor(4)));
        assert_eq!(got(txn.entries_in(OutboxState::Pending)), []);
        assert_eq!(got(txn.entries_in(OutboxState::Held)).len(), 1);
        got(txn.settle_entry(kept, Settled::Admitted));
        got(txn.delete_mirror(part));
        got(txn.delete_sealed(3));
    });
}

fn the_outbox_keeps_its_order(store: &mut dyn Store) {
    let mut ids = Vec::new();
    write(store, |txn| {
        ids = [
            OutboxState::Pending,
            OutboxState::Held,
            OutboxState::Pending,
        ]
        .map(|s| got(txn.put_entry(&entry(s))))
        .into();
    });
    assert!(ids.is_sorted() && ids[0] > 0);
    write(store, |txn| {
        let pending: Vec<u64> = got(txn.entries_in(OutboxState::Pending))
            .iter()
            .map(|e| e.id)
            .collect();
        assert_eq!(pending, [ids[0], ids[2]]);
        let mut moved = got(txn.entry(ids[0])).unwrap_or_else(|| panic!("entry is there"));
        assert_eq!(
            moved,
            OutboxEntry {
                id: ids[0],
                ..entry(OutboxState::Pending)
            }
        );
        moved.state = OutboxState::InFlight;
        assert_eq!(got(txn.put_entry(&moved)), ids[0]);
        assert_eq!(got(txn.entries_in(OutboxState::InFlight)), [moved]);
        let part = entry(OutboxState::Held).part_ref();
        assert_eq!(got(txn.entries_of(part)).len(), 3);
        got(txn.settle_entry(ids[2], Settled::Admitted));
        let next = got(txn.put_entry(&entry(OutboxState::Pending)));
        assert!(next > ids[2], "an id never serves twice");
        for id in [ids[0], ids[1], next] {
            got(txn.settle_entry(id, Settled::Duplicate));
        }
        assert_eq!(got(txn.entries_of(part)), []);
    });
}

/// Whatever state it is in; but a refused entry leaves at its author's word, and a sent attachment to make room.
fn what_was_not_acknowledged_is_not_deleted(store: &mut dyn Store) {
    use OutboxState::{Held, InFlight, Pending, Quarantined, Refused};
    for state in [Pending, InFlight, Held, Quarantined, Refused] {
        let mut id = 0;
        write(store, |txn| id = got(txn.put_entry(&entry(state))));
        let deleted = store.write(&mut |txn| txn.delete_entry(id));
        if state == Refused {
            assert!(deleted.is_ok());
            continue;
        }
        assert!(
            matches!(deleted, Err(StoreError::Unacknowledged)),
            "{state:?}"
        );
        write(store, |txn| {
            assert!(got(txn.entry(id)).is_some());
            got(txn.settle_entry(id, Settled::Admitted));
            assert!(got(txn.entry(id)).is_none());
        });
    }
    let row = blob(1, 3);
    write(store, |txn| got(txn.put_blob(&row, b"abc")));
    let deleted = store.write(&mut |txn| txn.delete_blob(row.hash));
    assert!(matches!(deleted, Err(StoreError::Unacknowledged)));
    write(store, |txn| {
        assert_eq!(got(txn.read_blob(row.hash, 0..3)), b"abc");
        got(txn.mark_blob_sent(row.hash));
        got(txn.delete_blob(row.hash));
        assert_eq!(got(txn.blob(row.hash)), None);
        assert_eq!(got(txn.read_blob(row.hash, 0..3)), b"");
    });
    let (sent, unsent) = (
        blob(1, 1),
        BlobRow {
            hash: BlobHash([2; 32]),
            ..blob(1, 1)
        },
    );
    write(store, |txn| {
        got(txn.put_blob(&sent, b"a"));
        got(txn.put_blob(&unsent, b"b"));
        got(txn.mark_blob_sent(sent.hash));
    });
    let deleted = store.write(&mut |txn| txn.delete_blobs_of(sent.ticket));
    assert!(matches!(deleted, Err(StoreError::Unacknowledged)));
    write(store, |txn| {
        assert!(got(txn.blob(sent.hash)).is_some(), "all or none");
        got(txn.mark_blob_sent(unsent.hash));
        got(txn.mark_blobs_unsent());
        assert_eq!(got(txn.blobs_in(BlobState::Sent)), []);
        assert_eq!(got(txn.blobs_in(BlobState::Unsent)).len(), 2);
        got(txn.mark_blob_sent(sent.hash));
        got(txn.mark_blob_sent(unsent.hash));
        got(txn.delete_blobs_of(sent.ticket));
        assert_eq!(got(txn.blobs_in(BlobState::Sent)), []);
    });
}

fn blob(n: u8, bytes: u64) -> BlobRow {
    BlobRow {
        hash: BlobHash([n; 32]),
        ticket: testing::ticket(n),
        media_type: "image/jpeg".to_owned(),
        bytes,
        state: BlobState::Unsent,
    }
}

fn attachments_read_back_in_any_piece(store: &mut dyn Store) {
    let bytes: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
    let (large, small, empty) = (blob(1, 700_000), blob(2, 1), blob(3, 0));
    write(store, |txn| {
        got(txn.put_blob(&large, &bytes));
        got(txn.put_blob(&small, b"x"));
        got(txn.put_blob(&empty, b""));
        got(txn.put_blob(&blob(1, 1), b"other bytes under the same name"));
    });
    write(store, |txn| {
        assert_eq!(got(txn.blob(large.hash)), Some(large.clone()));
        let unsent = [large.clone(), small.clone(), empty.clone()];
        assert_eq!(got(txn.blobs_in(BlobState::Unsent)), unsent);
        // 262144 is where a piece may end.
        for (from, to) in [
            (0, 700_000),
            (0, 1),
            (262_143, 262_145),
            (262_144, 524_288),
            (524_288, 524_288),
            (699_999, 700_000),
            (600_000, 900_000),
            (900_000, 900_001),
        ] {
            let expected = &bytes[from.min(bytes.len())..to.min(bytes.len())];
            let read = got(txn.read_blob(large.hash, from as u64..to as u64));
            assert!(read == expected, "{from}..{to}");
        }
        got(txn.mark_blob_sent(large.hash));
        assert_eq!(
            got(txn.blobs_in(BlobState::Unsent)),
            [small.clone(), empty.clone()]
        );
        let sent: Vec<_> = got(txn.blobs_in(BlobState::Sent));
        assert_eq!(sent.len(), 1);
        for row in [&large, &small, &empty] {
            got(txn.mark_blob_sent(row.hash));
            got(txn.delete_blob(row.hash));
        }
    });
}

fn lists_are_filtered_searched_and_ordered(store: &mut dyn Store) {
    let mut first = row(1, Status::Received, "空调不制冷,外机异响");
    first.summary.appointed_from = Some(testing::at(900));
    let second = row(2, Status::Assigned, "净水器漏水");
    let mut third = row(3, Status::Assigned, "空压机不启动");
    third.summary.appointed_from = Some(testing::at(100));
    write(store, |txn| {
        for row in [&first, &second, &third] {
            got(txn.put_ticket(row));
        }
    });
    let mut list = |filter: Filter| {
        let mut found = Vec::new();
        let read = store.read(&mut |txn| {
            found = txn.list(&filter)?.into_iter().map(|s| s.id).collect();
            Ok(())
        });
        assert!(read.is_ok());
        found
    };
    let (a, b, c) = (first.id, second.id, third.id);
    let query = |q: &str| Filter {
        query: Some(q.to_owned()),
        ..Filter::default()
    };
    assert_eq!(
        list(Filter::default()),
        [c, a, b],
        "by appointment, those without last"
    );
    assert_eq!(list(query("制冷")), [a]);
    assert_eq!(list(query("漏水 净水")), [b]);
    assert_eq!(list(query("冷制")), []);
    assert_eq!(list(query("空")), [c, a], "one character");
    assert_eq!(list(query("kfr-35")), [c, a, b], "another case");
    assert_eq!(
        list(Filter {
            statuses: vec![Status::Assigned],
            ..Filter::default()
        }),
        [c, b]
    );
    assert_eq!(
        list(Filter {
            limit: 1,
            offset: 1,
            ..Filter::default()
        }),
        [a]
    );
    assert_eq!(
        list(Filter {
            grade: Some("A".to_owned()),
            ..Filter::default()
        }),
        []
    );
    write(store, |txn| {
        let mut moved = first.clone();
        moved.search_text = "别的".to_owned();
        got(txn.put_ticket(&moved));
        assert_eq!(got(txn.list(&query("制冷"))), []);
        for id in [a, b, c] {
            got(txn.delete_ticket(id));
        }
    });
}
