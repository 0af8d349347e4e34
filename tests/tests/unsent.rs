//! What the office knows of work that a phone has not sent: what the phone says at each exchange.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::sync::protocol::Unsent;
use gongdan_server::auth::devices;
use gongdan_tests::world::{World, note};

fn told(world: &World) -> Option<Unsent> {
    let device = world.phones[0].device();
    let found = world.office.database().read(|c| devices::find(c, device));
    found.unwrap().unwrap().unsent
}

#[test]
fn what_does_not_fit_in_a_request_is_told_with_the_oldest_until_it_came() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    let began = world.now();
    for _ in 0..220 {
        world.act(0, id, note(&"记".repeat(2000)));
        world.wait(60);
    }
    world.cut(0, false);
    assert_eq!(told(&world), None);
    world.exchange(0);
    let unsent = told(&world).unwrap();
    let arrived = world.office.ticket(id).notes.len();
    assert!(arrived > 0, "the first request brought some");
    assert_eq!(unsent.commands as usize, 220 - arrived);
    assert!(unsent.oldest.unwrap().seconds() >= began.seconds() + 60 * arrived as i64);
    assert_eq!(unsent.attachments, 0);
    world.run_until_quiescent();
    assert_eq!(told(&world), None);
    world.finish();
}

#[test]
fn attachments_that_are_not_uploaded_are_told() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let replica = world.phones[0].replica();
    let hash = replica
        .add_blob(id, "image/jpeg", b"not quite a photo")
        .unwrap();
    world.exchange(0);
    let expected = Unsent {
        commands: 0,
        oldest: None,
        attachments: 1,
    };
    assert_eq!(told(&world), Some(expected));
    world.phones[0].replica().mark_blob_sent(hash).unwrap();
    world.exchange(0);
    assert_eq!(told(&world), None);
    world.finish();
}
