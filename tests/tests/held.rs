//! What cannot be judged yet is held and never lost; what is not a request is refused whole.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::Part;
use gongdan_core::limits;
use gongdan_core::replica::OutboxCounts;
use gongdan_core::sync::codec::{self, Malformed};
use gongdan_core::sync::protocol::Request;
use gongdan_core::sync::verdict::{HeldWhy, Verdict};
use gongdan_core::sync::wire::encode_request;
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use gongdan_server::relay::SyncError;
use gongdan_server::store::StoreError;
use gongdan_tests::World;
use gongdan_tests::device::TestDevice;
use gongdan_tests::link::Fate;
use gongdan_tests::world::{On, note};

fn held(why: HeldWhy) -> Verdict {
    Verdict::Held { why }
}

fn opened(
    world: &World,
    device: &mut TestDevice,
    n: u8,
) -> (gongdan_core::ids::TicketId, TicketDoc) {
    let id = testing::ticket(n);
    let mut doc = TicketDoc::genesis(Part::Service);
    let changeset = device.changeset(id, &mut doc, world.now(), vec![testing::open()], |_| {});
    let verdicts = device.verdicts(&world.office, &[changeset]);
    assert!(
        matches!(verdicts[..], [Verdict::Admitted { .. }]),
        "{verdicts:?}"
    );
    (id, doc)
}

#[test]
fn a_gap_in_a_devices_sequence_is_held_until_it_is_filled() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (first, mut doc) = opened(&world, &mut device, 1);
    // Of another ticket: it depends on nothing but its place in the sequence.
    let missing = device.changeset(first, &mut doc, world.now(), vec![note("一")], |_| {});
    let mut other = TicketDoc::genesis(Part::Service);
    let second = testing::ticket(2);
    let after = device.changeset(
        second,
        &mut other,
        world.now(),
        vec![testing::open()],
        |_| {},
    );
    assert_eq!(
        device.verdicts(&world.office, &[after]),
        [held(HeldWhy::Gap)]
    );
    assert!(world.office.try_ticket(second).is_none());
    device.verdicts(&world.office, &[missing]);
    assert!(world.office.try_ticket(second).is_some());
    assert!(world.office.inbox("held").is_empty());
    world.finish();
}

#[test]
fn a_command_of_a_later_version_is_held_and_outlives_a_restart() {
    let mut world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (id, doc) = opened(&world, &mut device, 1);
    // One command: no seconds since the header's time, the variant of code 200, no other name.
    let body = vec![0x81, 0x83, 0x00, 0x81, 0x18, 0xc8, 0xf6];
    let heads = doc.heads();
    let last = heads[0];
    let later = device.seal(id, &doc, world.now(), heads, 2, last, body, |_| {});
    assert_eq!(
        device.verdicts(&world.office, std::slice::from_ref(&later)),
        [held(HeldWhy::UnknownCommand)]
    );
    world.office.restart();
    assert_eq!(world.office.inbox("held"), [later.hash()]);
    // It blocks nobody, not even its own device.
    let mut doc = world.office.document(id, Part::Service);
    let next = device.changeset(id, &mut doc, world.now(), vec![note("一")], |_| {});
    assert!(matches!(
        device.verdicts(&world.office, &[next])[..],
        [Verdict::Admitted { .. }]
    ));
    world.finish();
}

#[test]
fn a_hash_that_does_not_come_out_is_held() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (id, mut doc) = opened(&world, &mut device, 1);
    let bent = device.changeset(id, &mut doc, world.now(), vec![note("一")], |header| {
        header.pin = [3; 16]
    });
    assert_eq!(
        device.verdicts(&world.office, std::slice::from_ref(&bent)),
        [held(HeldWhy::OtherHash)]
    );
    assert_eq!(world.office.inbox("held"), [bent.hash()]);
    assert_eq!(world.office.ticket(id).notes, []);
    // Authored anew on what the server has, it replaces the held one.
    let mut doc = world.office.document(id, Part::Service);
    let anew = device.changeset(id, &mut doc, world.now(), vec![note("一")], |header| {
        header.replaces = Some(bent.hash());
    });
    assert!(matches!(
        device.verdicts(&world.office, &[anew])[..],
        [Verdict::Admitted { .. }]
    ));
    assert!(world.office.inbox("held").is_empty(), "superseded");
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    world.finish();
}

#[test]
fn a_base_that_is_not_here_is_held() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (id, mut doc) = opened(&world, &mut device, 1);
    let nowhere = vec![gongdan_core::ids::ChangeHash([8; 32])];
    let lost = device.changeset(id, &mut doc, world.now(), vec![note("一")], |header| {
        header.base = nowhere
    });
    assert_eq!(
        device.verdicts(&world.office, std::slice::from_ref(&lost)),
        [held(HeldWhy::MissingBase)]
    );
    assert_eq!(world.office.inbox("held"), [lost.hash()]);
    world.finish();
}

#[test]
fn half_an_act_is_held_and_the_other_half_brings_both() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let id = testing::ticket(1);
    let act = Some(gongdan_core::sync::changeset::ActLink { first: 1, count: 2 });
    let mut service = TicketDoc::genesis(Part::Service);
    let mut customer = TicketDoc::genesis(Part::Customer);
    let name = gongdan_core::ticket::command::FieldValue {
        field: gongdan_core::ticket::Field::CustomerName,
        value: gongdan_core::ticket::Value::from("测试客户"),
    };
    let opening = device.changeset(
        id,
        &mut service,
        world.now(),
        vec![testing::open()],
        |header| header.act = act,
    );
    let record = Command::RecordCustomer { fields: vec![name] };
    let recorded = device.changeset(id, &mut customer, world.now(), vec![record], |header| {
        header.act = act
    });
    assert_eq!(
        device.verdicts(&world.office, &[opening]),
        [held(HeldWhy::Incomplete)]
    );
    assert!(world.office.try_ticket(id).is_none());
    device.verdicts(&world.office, &[recorded]);
    assert_eq!(world.office.heads(id).len(), 2);
    assert!(world.office.inbox("held").is_empty());
    world.finish();
}

#[test]
fn a_wrong_signature_stores_nothing() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let mut doc = TicketDoc::genesis(Part::Service);
    let id = testing::ticket(1);
    let good = device.changeset(id, &mut doc, world.now(), vec![testing::open()], |_| {});
    let mut bad = device.changeset(id, &mut doc, world.now(), vec![note("一")], |_| {});
    bad.signature[9] ^= 1;
    let answer = device.send(&world.office, &[good, bad]);
    assert!(matches!(answer, Err(SyncError::BadSignature)));
    assert_eq!(
        world.office.received(),
        0,
        "not even the good one of the same request"
    );
    world.finish();
}

#[test]
fn a_changeset_in_anothers_name_stores_nothing() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let mut doc = TicketDoc::genesis(Part::Service);
    let forged = device.changeset(
        testing::ticket(1),
        &mut doc,
        world.now(),
        vec![testing::open()],
        |header| {
            header.person = testing::person("S001");
        },
    );
    assert!(matches!(
        device.send(&world.office, &[forged]),
        Err(SyncError::BadSignature)
    ));
    assert_eq!(world.office.received(), 0);
    world.finish();
}

#[test]
fn a_body_past_its_limit_is_refused_whole_and_one_at_the_limit_is_read() {
    let world = World::default();
    let device = TestDevice::enrolled(&world.office, "W001", 1);
    let send = |body: &[u8]| world.office.sync(device.identity.device, body);
    let past = vec![0; limits::REQUEST_BYTES_MAX + 1];
    assert!(matches!(
        send(&past),
        Err(SyncError::Malformed(Malformed::TooLarge))
    ));
    let at = vec![0; limits::REQUEST_BYTES_MAX];
    assert!(matches!(
        send(&at),
        Err(SyncError::Malformed(Malformed::Frame))
    ));
    // Past one limit and not past the ratio's.
    let swelling: Vec<u8> = (0..=limits::REQUEST_PLAIN_BYTES_MAX as u64)
        .map(|at| (((at * 0x9e37_79b9) >> 24) % 7) as u8)
        .collect();
    let bomb = codec::frame(&swelling, &[], 3);
    assert!(bomb.len() < swelling.len() / 2, "it swells");
    assert!(matches!(
        send(&bomb),
        Err(SyncError::Malformed(Malformed::TooLarge))
    ));
    assert_eq!(world.office.received(), 0);
    world.finish();
}

#[test]
fn bytes_that_are_no_request_are_refused_and_disturb_nobody() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    let good = world.phones[0].next_request();
    let device = world.phones[0].device();
    let end = world.office.log_end();
    let mut random = gongdan_tests::random::Random::new(3);
    for _ in 0..2_000 {
        let mut bent = good.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bent.len());
            bent[at] ^= 1 << random.below(8);
        }
        bent.truncate(1 + random.below(bent.len() + 8));
        // Where the bent bit lies outside the signed changeset (in the cursor, say), that is still good.
        let _answer = world.office.sync(device, &bent);
        assert!(world.office.log_end() <= end + 1 && world.office.ticket(id).notes.len() <= 1);
    }
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    world.finish();
}

#[test]
fn a_cursor_of_another_epoch_makes_the_phone_start_again_and_lose_nothing() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    world.office.new_epoch();
    let body = world.phones[0].next_request();
    let answer = world.office.sync(world.phones[0].device(), &body);
    assert!(matches!(answer, Err(SyncError::OtherEpoch)));
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.finish();
}

#[test]
fn a_cursor_past_the_logs_end_is_of_another_epoch() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    opened(&world, &mut device, 1);
    let cursor = device.send(&world.office, &[]).unwrap().cursor;
    // [epoch, seq, visible, verdict]: a log that is a thousand entries longer.
    let mut decoder = minicbor::Decoder::new(&cursor);
    decoder.array().unwrap();
    let epoch = decoder.u32().unwrap();
    let ahead = minicbor::to_vec((epoch, 1_000u64, 0u64, 0u64)).unwrap();
    let request = Request {
        cursor: ahead,
        catalogue: 0,
        directory: 0,
        want: vec![],
        changesets: vec![],
        given_back: Default::default(),
        unsent: None,
        sheet_log: None,
    };
    let answer = world
        .office
        .sync(device.identity.device, &encode_request(&request));
    assert!(matches!(answer, Err(SyncError::OtherEpoch)), "{answer:?}");
    world.finish();
}

#[test]
fn an_answer_to_another_request_is_not_taken() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let device = world.phones[0].device();
    let first = world.phones[0].next_request();
    let old = world.office.sync(device, &first).unwrap();
    world.act(0, id, note("一"));
    let second = world.phones[0].next_request();
    assert_ne!(first, second);
    assert!(world.phones[0].receive(&old).is_err());
    let new = world.office.sync(device, &second).unwrap();
    let mut bent = new.clone();
    let last = bent.len() - 1;
    bent[last] ^= 1;
    assert!(world.phones[0].receive(&bent).is_err());
    assert!(world.phones[0].receive(&new).is_ok());
    world.finish();
}

#[test]
fn pages_go_on_where_they_were_cut() {
    let mut world = World::default();
    let phone = world.phone("W001", On::Memory);
    let text = |n: usize| -> String {
        // Not to be compressed away: another character each time.
        let mut random = gongdan_tests::random::Random::new(n as u64);
        (0..1_800)
            .map(|_| char::from_u32(0x4e00 + (random.number() % 20_000) as u32).unwrap())
            .collect()
    };
    for n in 0..80 {
        let id = world.open_at_desk();
        world.desk(id, gongdan_tests::world::assign(&["W001"]));
        world.desk(id, note(&text(n)));
    }
    world.wait(1);
    let mut pages = 0;
    loop {
        // Each page is lost once, and then the app is closed in between.
        world.fate(phone, &[Fate::LosesAnswer]);
        world.exchange(phone);
        world.phones[phone].reopen();
        let before = world.phones[phone].list().len();
        let body = world.phones[phone].next_request();
        let answer = world
            .office
            .sync(world.phones[phone].device(), &body)
            .unwrap();
        assert!(
            answer.len() <= limits::PAGE_BYTES_MAX,
            "{} bytes",
            answer.len()
        );
        let more = world.phones[phone].receive(&answer).unwrap();
        pages += 1;
        assert!(
            !more || world.phones[phone].list().len() > before,
            "every page brings something"
        );
        world.phones[phone].reopen();
        if !more {
            break;
        }
    }
    assert!(pages > 2, "{pages} pages");
    assert_eq!(world.phones[phone].list().len(), 80);
    world.finish();
}

#[test]
fn with_nothing_to_do_no_document_is_loaded_and_one_small_round_trip_is_made() {
    let mut world = World::with(&["W001"]);
    for _ in 0..20 {
        world.assigned(&["W001"]);
    }
    world.run_until_quiescent();
    let loads = gongdan_server::relay::documents::loads_of_this_thread;
    let before = loads();
    let request = world.phones[0].next_request();
    let answer = world
        .office
        .sync(world.phones[0].device(), &request)
        .unwrap();
    assert_eq!(loads(), before);
    assert!(
        request.len() + answer.len() <= 240,
        "{} + {} bytes",
        request.len(),
        answer.len()
    );
    assert!(
        !world.phones[0].receive(&answer).unwrap(),
        "and nothing more is asked"
    );
    world.finish();
}

#[test]
fn a_batch_that_takes_several_transactions_is_judged_whole_and_in_order() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (id, mut doc) = opened(&world, &mut device, 1);
    let texts: Vec<String> = (0..200).map(|n| format!("第{n}条")).collect();
    let batch: Vec<_> = texts
        .iter()
        .map(|text| device.changeset(id, &mut doc, world.now(), vec![note(text)], |_| {}))
        .collect();
    let before = world.office.log_end();
    let verdicts = device.verdicts(&world.office, &batch);
    let expected = (before + 1..)
        .take(200)
        .map(|seq| Verdict::Admitted { seq });
    assert!(verdicts.into_iter().eq(expected));
    assert_eq!(world.office.ticket(id).notes.len(), 200);
    world.finish();
}

#[test]
fn what_was_stored_and_could_not_be_judged_is_judged_when_it_comes_again() {
    let world = World::default();
    let mut device = TestDevice::enrolled(&world.office, "W001", 1);
    let (id, mut doc) = opened(&world, &mut device, 1);
    let changeset = device.changeset(id, &mut doc, world.now(), vec![note("一")], |_| {});
    let run = |sql: &str| {
        let db = world.office.database();
        db.write(|tx| Ok::<_, StoreError>(tx.execute_batch(sql)?))
            .unwrap();
    };
    run("CREATE TRIGGER full BEFORE UPDATE OF state ON inbox
         BEGIN SELECT RAISE(ABORT, 'as a full disk does it'); END");
    let failed = device.send(&world.office, std::slice::from_ref(&changeset));
    assert!(matches!(failed, Err(SyncError::Store(_))));
    assert_eq!(world.office.inbox("received"), [changeset.hash()]);
    run("DROP TRIGGER full");
    let verdicts = device.verdicts(&world.office, &[changeset]);
    assert!(
        matches!(verdicts[..], [Verdict::Admitted { .. }]),
        "{verdicts:?}"
    );
    world.finish();
}
