//! Wire snapshots: fixed messages as bytes and as CBOR in diagnostic notation. A change here is a change of
//! the protocol.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use gongdan_core::clock::Timestamp;
use gongdan_core::document::{TicketDoc, snapshot};
use gongdan_core::ids::{ChangeHash, DeviceId, Part, TicketNumber};
use gongdan_core::replica::Identity;
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::protocol::{
    ActorRecord, Attestation, BaseHint, DeviceRecord, DeviceVerdict, Entry, Outgoing, PartIndex,
    PartSnapshot, Request, Response, TicketRecord, TicketSnapshot,
};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal, Verdict};
use gongdan_core::sync::wire::{decode_request, decode_response, encode_request, encode_response};
use gongdan_core::testing;
use gongdan_tests::device::TestDevice;
use gongdan_tests::diagnostic::diagnostic;
use gongdan_tests::expect;
use gongdan_tests::host::VirtualClock;
use gongdan_tests::office::Office;
use gongdan_tests::world::note;
use gongdan_web::golden::hex;

fn lines(bytes: &[u8]) -> String {
    bytes
        .chunks(32)
        .map(|chunk| format!("  {}\n", hex(chunk)))
        .collect()
}

/// A frame: its bytes, and its structured section read.
fn frame(out: &mut String, name: &str, bytes: &[u8]) {
    let (structured, raw) = codec::unframe(bytes, codec::Bounds::RESPONSE).unwrap();
    writeln!(
        out,
        "# {name}: {} bytes, of them {} raw",
        bytes.len(),
        raw.len()
    )
    .unwrap();
    write!(out, "{}", lines(bytes)).unwrap();
    writeln!(out, "  = {}\n", diagnostic(&structured)).unwrap();
}

fn cbor(out: &mut String, name: &str, bytes: &[u8]) {
    writeln!(out, "# {name}: {} bytes", bytes.len()).unwrap();
    write!(out, "{}", lines(bytes)).unwrap();
    writeln!(out, "  = {}\n", diagnostic(bytes)).unwrap();
}

fn device() -> TestDevice {
    let identity = Identity {
        device: DeviceId::from_bytes([0xd1; 16]),
        person: testing::person("W001"),
        server_key: [0; 32],
    };
    let (key, actor) = (DeviceKey::from_bytes(&[1; 32]), testing::actor(1));
    TestDevice {
        identity,
        key,
        actor,
        device_sequence: 0,
        link: [0; 16],
    }
}

/// Two changesets of one device: an opening, and a note on top.
fn changesets() -> (Vec<Changeset>, TicketDoc) {
    let mut device = device();
    let mut doc = TicketDoc::genesis(Part::Service);
    let id = testing::ticket(1);
    let opening = device.changeset(id, &mut doc, testing::at(0), vec![testing::open()], |_| {});
    let noted = device.changeset(
        id,
        &mut doc,
        testing::at(60),
        vec![note("门口停车")],
        |header| {
            header.anchor = testing::at(30);
            header.catalogue = 2;
        },
    );
    (vec![opening, noted], doc)
}

fn request() -> Request {
    let (changesets, _) = changesets();
    let [opening, noted] = <[Changeset; 2]>::try_from(changesets).unwrap();
    Request {
        cursor: vec![1, 2, 3],
        catalogue: 1,
        directory: 4,
        want: vec![PartIndex::new(7, Part::Customer)],
        changesets: vec![
            Outgoing {
                changeset: opening,
                ticket_index: None,
                base: BaseHint::Genesis,
            },
            Outgoing {
                base: BaseHint::Explicit(noted.header.base.clone()),
                changeset: noted,
                ticket_index: None,
            },
        ],
        given_back: Default::default(),
        unsent: None,
        sheet_log: None,
    }
}

fn idle_response() -> Response {
    Response {
        cursor: vec![1, 2, 3],
        through: 17,
        more: false,
        time: testing::at(90),
        time_signature: [9; 64],
        verdicts: vec![],
        entries: vec![],
        snapshots: vec![],
        evictions: vec![],
        tickets: vec![],
        devices: vec![],
        actors: vec![],
        catalogue: None,
        epoch: None,
        backed_up: None,
        wipe: None,
        sheet_log: None,
    }
}

fn response() -> Response {
    let (changesets, doc) = changesets();
    let number = TicketNumber::new(testing::at(0).to_utc().date_naive(), 1);
    let record = TicketRecord {
        ticket: testing::ticket(1),
        index: 3,
        number: Some(number),
    };
    let verdict = |device_sequence, verdict| DeviceVerdict {
        device_sequence,
        verdict,
    };
    let entry = Entry {
        seq: 16,
        part: PartIndex::new(3, Part::Service),
        device_index: 2,
        person: None,
        base: BaseHint::Known,
        changeset: changesets[1].clone(),
    };
    let document = snapshot::pack(&doc);
    Response {
        more: true,
        verdicts: vec![
            verdict(5, Verdict::Admitted { seq: 14 }),
            verdict(6, Verdict::Admitted { seq: 15 }),
            verdict(7, Verdict::Held { why: HeldWhy::Gap }),
            verdict(
                8,
                Verdict::Quarantined {
                    reason: QuarantineReason::Reassigned,
                },
            ),
            verdict(
                9,
                Verdict::Refused {
                    command: 2,
                    reason: Refusal::Declined,
                },
            ),
            verdict(11, Verdict::Duplicate),
        ],
        entries: vec![entry],
        snapshots: vec![TicketSnapshot {
            ticket: record.clone(),
            parts: vec![PartSnapshot {
                part: Part::Service,
                seq: 16,
                document,
            }],
        }],
        evictions: vec![PartIndex::new(2, Part::Customer)],
        tickets: vec![record],
        devices: vec![DeviceRecord {
            index: 2,
            device: device().identity.device,
            person: testing::person("W001"),
            key: *device().key.public().as_bytes(),
            attestation: Some(Attestation {
                serial: 2,
                issued_at: Timestamp(1_795_305_660),
                signature: [9; 64],
                origin: Some(DeviceId::from_bytes([8; 16])),
            }),
        }],
        actors: vec![ActorRecord {
            actor: testing::actor(1),
            device_index: 2,
            person: None,
        }],
        catalogue: Some(b"{}".to_vec()),
        ..idle_response()
    }
}

#[test]
fn messages_are_the_reviewed_bytes() {
    let mut out = String::new();
    let idle = Request {
        changesets: vec![],
        want: vec![],
        ..request()
    };
    frame(&mut out, "request, nothing to send", &encode_request(&idle));
    frame(
        &mut out,
        "request, two changesets and a snapshot wanted",
        &encode_request(&request()),
    );
    frame(
        &mut out,
        "response, nothing to tell",
        &encode_response(&idle_response(), codec::LEVEL_EXCHANGE),
    );
    frame(
        &mut out,
        "response, something of everything",
        &encode_response(&response(), codec::LEVEL_SNAPSHOTS),
    );
    let (changesets, _) = changesets();
    for changeset in &changesets {
        cbor(
            &mut out,
            "changeset header",
            &codec::encode(&changeset.header),
        );
        cbor(&mut out, "changeset body", &changeset.body);
        writeln!(
            out,
            "# signature\n{}\n# name\n  {}\n",
            lines(&changeset.signature),
            changeset.hash()
        )
        .unwrap();
    }
    let office = Office::new(&VirtualClock::new(testing::at(0)), 1);
    let device = TestDevice::enrolled(&office, "W001", 1);
    cbor(
        &mut out,
        "cursor of a new server",
        &device.send(&office, &[]).unwrap().cursor,
    );
    expect::file("snapshots/wire.txt", &out);
}

#[test]
fn what_is_encoded_is_read_again() {
    let encoded = encode_request(&request());
    let received = decode_request(&encoded).unwrap();
    assert_eq!(
        (received.cursor, received.catalogue, received.directory),
        (vec![1, 2, 3], 1, 4)
    );
    assert_eq!(received.incoming.len(), 2);
    let sent = response();
    let read = decode_response(&encode_response(&sent, 3), |_| None).unwrap();
    assert_eq!(
        (&read.verdicts, &read.snapshots, &read.evictions),
        (&sent.verdicts, &sent.snapshots, &sent.evictions)
    );
    assert_eq!(
        (read.time, &read.tickets, &read.catalogue),
        (sent.time, &sent.tickets, &sent.catalogue)
    );
}

#[test]
fn a_reader_proves_an_entrys_signature_after_executing_it() {
    let (changesets, doc) = changesets();
    let read = decode_response(&encode_response(&response(), 3), |_| None).unwrap();
    let entry = &read.entries[0];
    let signed = &changesets[1];
    let mut changeset = entry.changeset.clone();
    assert!(
        !changeset.is_signed_by(&device().key.public()),
        "not before the execution"
    );
    let last = doc.heads()[0];
    changeset.header =
        entry.header_after(signed.header.part_ref(), signed.header.base.clone(), last);
    assert!(changeset.is_signed_by(&device().key.public()));
    let other = entry.header_after(
        signed.header.part_ref(),
        signed.header.base.clone(),
        ChangeHash([0; 32]),
    );
    changeset.header = other;
    assert!(!changeset.is_signed_by(&device().key.public()));
    assert_eq!(signed.header.anchor, Timestamp(testing::at(30).seconds()));
}
