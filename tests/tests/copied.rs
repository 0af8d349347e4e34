//! A phone that is copied while it lives: both go on working, and both copies' work arrives, each thing once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use gongdan_core::ids::TicketId;
use gongdan_core::policy::Role;
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::ticket::{Command, Field};
use gongdan_server::auth::devices;
use gongdan_server::relay::Decision;
use gongdan_tests::link::Fate;
use gongdan_tests::random::Random;
use gongdan_tests::world::{World, note};

fn notes(world: &World, ticket: TicketId) -> Vec<String> {
    let ticket = world.office.ticket(ticket);
    let mut texts: Vec<String> = ticket.notes.iter().map(|note| note.text.clone()).collect();
    texts.sort();
    texts
}

fn devices(world: &World) -> BTreeSet<gongdan_core::ids::DeviceId> {
    world.phones.iter().map(|phone| phone.device()).collect()
}

fn nobody_decides(world: &World) {
    for state in ["received", "held", "quarantined", "refused"] {
        let waiting = world.office.inbox(state).len();
        assert_eq!(waiting, 0, "{state} and not superseded");
    }
}

#[test]
fn both_copies_write_on_and_everything_arrives_once_with_nothing_to_decide() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let copy = world.copy_phone(0);
    world.act(0, id, note("甲一"));
    world.act(copy, id, note("乙一"));
    world.exchange(0);
    world.act(0, id, note("甲二"));
    world.exchange(copy);
    world.act(copy, id, note("乙二"));
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["乙一", "乙二", "甲一", "甲二"]);
    assert_eq!(devices(&world).len(), 2, "each has a name of its own");
    nobody_decides(&world);
    world.finish();
}

#[test]
fn copies_that_work_apart_for_days_both_bring_it_all() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    // Not sent yet when the copy was made: both have it, and it comes in once.
    world.act(0, id, note("之前"));
    let copy = world.copy_phone(0);
    for phone in [0, copy] {
        world.cut(phone, true);
    }
    for day in 0..3 {
        world.wait(24 * 3600);
        world.act(0, id, note(&format!("甲{day}")));
        world.act(copy, id, note(&format!("乙{day}")));
        let (field, value) = (Field::Serial, format!("SN-{day}").as_str().into());
        world.act(copy, id, Command::Correct { field, value });
    }
    let opened = world.open_on(copy);
    for phone in [copy, 0] {
        world.cut(phone, false);
        world.run_until_quiescent();
    }
    assert_eq!(
        notes(&world, id),
        ["之前", "乙0", "乙1", "乙2", "甲0", "甲1", "甲2"]
    );
    assert_eq!(world.office.ticket(id).text(Field::Serial), Some("SN-2"));
    assert!(world.office.ticket_ids().contains(&opened));
    nobody_decides(&world);
    world.finish();
}

#[test]
fn a_copy_whose_numbers_run_ahead_drives_the_first_one_to_a_name_of_its_own_too() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let other = world.accepted(0, &["W001"]);
    let copy = world.copy_phone(0);
    let before = world.phones[0].device();
    world.act(0, id, note("甲一"));
    world.exchange(0);
    // Two changesets under used and unused numbers, sealed before the copy hears of anything.
    world.act(copy, id, note("乙一"));
    world.act(copy, other, note("乙二"));
    world.exchange(copy);
    world.act(0, id, note("甲二"));
    world.act(0, other, note("甲三"));
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["乙一", "甲一", "甲二"]);
    assert_eq!(notes(&world, other), ["乙二", "甲三"]);
    assert!(!devices(&world).contains(&before), "both heard of it");
    nobody_decides(&world);
    world.finish();
}

#[test]
fn what_was_under_way_when_the_answer_was_lost_comes_in_once() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let copy = world.copy_phone(0);
    world.act(0, id, note("甲"));
    world.fate(0, &[Fate::LosesAnswer]);
    world.exchange(0);
    world.act(copy, id, note("乙"));
    world.fate(copy, &[Fate::LosesAnswer, Fate::Duplicates]);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["乙", "甲"]);
    nobody_decides(&world);
    world.finish();
}

#[test]
fn a_phone_put_back_to_a_backup_goes_on_as_a_device_of_its_own() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.phones[0].backup();
    world.act(0, id, note("备份之后"));
    world.run_until_quiescent();
    let before = world.phones[0].device();
    world.phones[0].restore(backup);
    world.act(0, id, note("恢复之后"));
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["备份之后", "恢复之后"]);
    assert_eq!(world.phones[0].ticket(id).notes.len(), 2);
    assert_ne!(world.phones[0].device(), before);
    let after = world.phones[0].device();
    let device = |id| {
        let found = world.office.database().read(|c| devices::find(c, id));
        found.unwrap().unwrap()
    };
    assert_eq!(device(after).continues, Some(device(before).index));
    // The app opens again under the new name and key.
    world.phones[0].reopen();
    world.act(0, id, note("重启之后"));
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 3);
    nobody_decides(&world);
    world.finish();
}

#[test]
fn a_verdict_on_what_a_copy_sent_settles_nothing_here() {
    let mut world = World::with(&["W001"]);
    world.incarnates = false;
    let id = world.accepted(0, &["W001"]);
    let copy = world.copy_phone(0);
    world.office.set_roles("W001", &[]);
    world.act(0, id, note("甲"));
    world.exchange(0);
    world.act(copy, id, note("乙"));
    world.exchange(copy);
    // Two of one number wait; the desk decides the copy's before either goes on under a name of its own.
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 2);
    let verdict = world.office.decide(waiting[1], Decision::Admit).unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    assert_eq!(notes(&world, id), ["乙"]);
    world.exchange(0);
    assert_eq!(
        world.phones[0].counts().quarantined,
        1,
        "it waits as before"
    );
    world.incarnates = true;
    world.office.set_roles("W001", &[Role::Technician]);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["乙", "甲"]);
    nobody_decides(&world);
    world.finish();
}

#[test]
fn what_a_copy_takes_with_it_under_a_new_name_is_settled_for_the_first_one_too() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.office.set_roles("W001", &[]);
    world.act(0, id, note("甲"));
    world.exchange(0);
    world.office.set_roles("W001", &[Role::Technician]);
    world.exchange(0);
    let copy = world.copy_phone(0);
    world.act(0, id, note("乙"));
    world.exchange(0);
    world.act(copy, id, note("丙"));
    world.run_until_quiescent();
    assert_ne!(world.phones[0].device(), world.phones[copy].device());
    while let Some(first) = world.office.inbox("quarantined").first() {
        world.office.decide(*first, Decision::Admit).unwrap();
    }
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["丙", "乙", "甲"]);
    for phone in [0, copy] {
        assert_eq!(world.phones[phone].counts().quarantined, 0, "phone {phone}");
    }
    nobody_decides(&world);
    world.finish();
}

#[test]
fn what_was_not_sent_yet_is_not_settled_by_a_copy_that_sent_something_of_its_number() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let copy = world.copy_phone(0);
    // Sealed, and never at the server.
    world.act(copy, id, note("乙"));
    let lost = world.phones[copy].next_request();
    world.act(0, id, note("甲"));
    world.exchange(0);
    drop(lost);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), ["乙", "甲"]);
    nobody_decides(&world);
    world.finish();
}

#[test]
fn a_device_of_another_origin_takes_nothing_over() {
    use gongdan_core::document::TicketDoc;
    use gongdan_core::ids::Part;
    use gongdan_tests::device::TestDevice;

    let world = World::new(3);
    let mut one = TestDevice::enrolled(&world.office, "W001", 40);
    let mut other = TestDevice::enrolled(&world.office, "W001", 41);
    let mut doc = TicketDoc::genesis(Part::Service);
    let ticket = TicketId::from_bytes([7; 16]);
    // Held for want of a base.
    let waits = one.changeset(ticket, &mut doc, world.now(), vec![note("甲")], |header| {
        header.base = vec![gongdan_core::ids::ChangeHash([9; 32])];
    });
    assert!(matches!(
        one.verdicts(&world.office, std::slice::from_ref(&waits))[0],
        Verdict::Held { .. }
    ));
    let mut doc = TicketDoc::genesis(Part::Service);
    let thief = other.changeset(ticket, &mut doc, world.now(), vec![note("乙")], |header| {
        header.replaces = Some(waits.hash());
    });
    other.verdicts(&world.office, &[thief]);
    let superseded: i64 = world
        .office
        .database()
        .read(|c| {
            Ok::<_, gongdan_server::store::StoreError>(c.query_row(
                "SELECT count(*) FROM inbox WHERE superseded_by IS NOT NULL",
                [],
                |row| row.get(0),
            )?)
        })
        .unwrap();
    assert_eq!(superseded, 0);
    world.finish();
}

#[test]
fn random_work_of_three_copies_arrives_once() {
    for seed in 0..12 {
        let mut world = World::new(seed);
        world.phone("W001", gongdan_tests::world::On::Memory);
        let id = world.accepted(0, &["W001"]);
        let mut random = Random::new(seed ^ 0xc0);
        let mut written = Vec::new();
        for step in 0..40 {
            if step == 5 || step == 15 {
                let of = random.below(world.phones.len());
                world.copy_phone(of);
            }
            let phone = random.below(world.phones.len());
            if random.below(3) == 0 {
                let fates = [
                    Fate::Arrives,
                    Fate::LosesAnswer,
                    Fate::LosesRequest,
                    Fate::Duplicates,
                ];
                world.fate(phone, &[fates[random.below(fates.len())]]);
                world.exchange(phone);
            } else {
                let text = format!("{phone}-{step}");
                world.act(phone, id, note(&text));
                written.push(text);
            }
        }
        world.run_until_quiescent();
        written.sort();
        assert_eq!(notes(&world, id), written, "seed {seed}");
        nobody_decides(&world);
        world.finish();
    }
}
