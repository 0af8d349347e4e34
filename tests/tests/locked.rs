//! A phone without contact locks its screens and goes on sending; an order to wipe waits for what is unsent.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::replica::Lock;
use gongdan_core::store::Filter;
use gongdan_core::ticket::{Command, Status};
use gongdan_server::host::Clock;
use gongdan_tests::world::{On, World, note};

const DAY: i64 = 86_400;

/// A phone with an accepted ticket whose lease began now.
fn with_a_lease() -> (World, gongdan_core::ids::TicketId) {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    contact(&mut world);
    (world, id)
}

/// What a host notes once it has taken an answer over.
fn contact(world: &mut World) {
    let now = world.clock.now();
    world.phones[0].replica().contacted(now).unwrap();
}

fn lock(world: &mut World) -> Option<Lock> {
    let now = world.clock.now();
    world.phones[0].replica().lock(now).unwrap()
}

fn listed(world: &mut World) -> usize {
    let now = world.clock.now();
    let rows = world.phones[0].replica();
    rows.list_unlocked(now, &Filter::default()).unwrap().len()
}

#[test]
fn a_clock_that_is_put_back_does_not_prolong_the_lease() {
    let (mut world, _) = with_a_lease();
    let start = world.clock.now();
    let replica = world.phones[0].replica();
    assert_eq!(replica.lock(start.plus(60 * DAY)).unwrap(), None);
    let year = 365 * DAY;
    assert_eq!(replica.lock(start.plus(-year)).unwrap(), None);
    let nearly = start.plus(30 * DAY - year - 1);
    assert_eq!(replica.lock(nearly).unwrap(), None);
    assert_eq!(replica.lock(nearly.plus(1)).unwrap(), Some(Lock::Lease));
    contact(&mut world);
    assert_eq!(lock(&mut world), None);
    world.finish();
}

#[test]
fn a_lease_locks_after_ninety_days_deletes_nothing_and_a_contact_opens_it() {
    let (mut world, id) = with_a_lease();
    world.act(0, id, note("锁定之前"));
    world.wait(90 * DAY - 61);
    assert_eq!(lock(&mut world), None);
    assert_eq!(listed(&mut world), 1);
    world.wait(1);
    assert_eq!(lock(&mut world), Some(Lock::Lease));
    assert_eq!(listed(&mut world), 0);
    world.phones[0].reopen();
    let before = world.clock.now().plus(-80 * DAY);
    let replica = world.phones[0].replica();
    assert_eq!(
        replica.lock(before).unwrap(),
        Some(Lock::Lease),
        "a clock put back opens nothing"
    );
    assert_eq!(world.phones[0].counts().pending, 1);
    world.run_until_quiescent();
    assert_eq!(
        world.office.ticket(id).notes.len(),
        1,
        "it was uploaded locked"
    );
    contact(&mut world);
    assert_eq!(lock(&mut world), None);
    assert_eq!(listed(&mut world), 1);
    world.finish();
}

#[test]
fn a_visit_in_progress_is_never_locked_whatever_the_clock_says() {
    let (mut world, id) = with_a_lease();
    let other = world.accepted(0, &["W001"]);
    for command in [Command::Depart, Command::Arrive] {
        world.act(0, id, command);
    }
    world.cut(0, true);
    world.wait(20 * 365 * DAY);
    let now = world.clock.now();
    assert_eq!(lock(&mut world), Some(Lock::Lease));
    let replica = world.phones[0].replica();
    assert_eq!(replica.lock_of(now, id).unwrap(), None);
    assert_eq!(replica.lock_of(now, other).unwrap(), Some(Lock::Lease));
    assert_eq!(listed(&mut world), 1);
    let summary = "修好".to_owned();
    world.act(0, id, Command::Complete { summary });
    assert_eq!(world.phones[0].ticket(id).status, Status::Completed);
    let replica = world.phones[0].replica();
    assert_eq!(
        replica.lock_of(now, id).unwrap(),
        None,
        "the signature is still to come"
    );
    world.finish();
}

#[test]
fn the_organisation_sets_the_lease() {
    let (mut world, _) = with_a_lease();
    world.office.set_lease(7);
    world.run_until_quiescent();
    contact(&mut world);
    world.wait(7 * DAY - 1);
    assert_eq!(lock(&mut world), None);
    world.wait(1);
    assert_eq!(lock(&mut world), Some(Lock::Lease));
    world.finish();
}

#[test]
fn an_order_to_wipe_locks_at_once_and_is_due_when_everything_went_out() {
    let mut world = World::default();
    world.phone("W001", On::Sqlite);
    world.run_until_quiescent();
    let id = world.accepted(0, &["W001"]);
    let photo = b"\xff\xd8 a photo";
    let replica = world.phones[0].replica();
    let hash = replica.add_blob(id, "image/jpeg", photo).unwrap();
    world.cut(0, true);
    world.act(0, id, note("离线写下的"));
    world.office.order_wipe(world.phones[0].device(), true);
    assert_eq!(lock(&mut world), None, "it has not heard of it");
    world.cut(0, false);
    // The answer is lost: the server has everything, the phone knows of nothing.
    world.fate(0, &[gongdan_tests::link::Fate::LosesAnswer]);
    world.exchange(0);
    assert_eq!(world.phones[0].replica().wipe_order().unwrap(), None);
    world.run_until_quiescent();
    assert_eq!(lock(&mut world), Some(Lock::Wipe));
    assert_eq!(listed(&mut world), 0);
    let order = world.phones[0].replica().wipe_order().unwrap().unwrap();
    assert_eq!((order.commands, order.blobs), (0, 1));
    assert!(!order.is_due(), "a photo is still to be sent");
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    world.phones[0].reopen();
    let replica = world.phones[0].replica();
    replica.mark_blob_sent(hash).unwrap();
    assert!(replica.wipe_order().unwrap().unwrap().is_due());
    // It is withdrawn before the host has carried it out.
    world.office.order_wipe(world.phones[0].device(), false);
    world.run_until_quiescent();
    assert_eq!(lock(&mut world), None);
    assert_eq!(world.phones[0].replica().wipe_order().unwrap(), None);
    world.finish();
}

#[test]
fn an_order_that_the_server_did_not_sign_for_this_request_is_none() {
    let mut world = World::with(&["W001", "W002"]);
    world.office.order_wipe(world.phones[0].device(), true);
    let asked = world.phones[0].next_request();
    let device = world.phones[0].device();
    let ordered = world.office.sync(device, &asked).unwrap();
    // Another request, and another device: the same bytes say nothing to them.
    world.wait(1);
    let again = world.phones[0].next_request();
    if again != asked {
        assert!(world.phones[0].receive(&ordered).is_err());
    }
    world.phones[1].next_request();
    assert!(world.phones[1].receive(&ordered).is_err());
    assert_eq!(world.phones[1].replica().wipe_order().unwrap(), None);
    // A forged one: the time is the server's, the order is not.
    let mut forged = gongdan_core::sync::wire::decode_response(&ordered, |_| None).unwrap();
    forged.wipe.as_mut().unwrap().signature[0] ^= 1;
    let forged = gongdan_core::sync::wire::encode_response(&forged, 3);
    world.phones[0].next_request();
    assert!(world.phones[0].receive(&forged).is_err());
    assert_eq!(world.phones[0].replica().wipe_order().unwrap(), None);
    world.abandon();
}
