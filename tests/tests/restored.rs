//! A phone that is put back to a backup: what it forgot comes back, what it repeats comes in once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::sync::verdict::{QuarantineReason, Verdict};
use gongdan_core::ticket::{Command, Field};
use gongdan_server::relay::Decision;
use gongdan_tests::world::{World, assign, note};

#[test]
fn a_restored_phone_writes_on_under_a_fresh_actor_and_nothing_is_lost() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.phones[0].backup();
    world.act(0, id, note("备份之后"));
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    // It knows nothing of what it wrote after the backup, and seals the same sequence number again.
    world.act(0, id, note("恢复之后"));
    world.exchange(0);
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 1, "the same number twice: a person looks");
    let verdict = world.phones[0].outbox()[0].verdict.clone();
    assert_eq!(
        verdict,
        Some(Verdict::Quarantined {
            reason: QuarantineReason::SequenceTwice
        })
    );
    let admit = Decision::Admit;
    assert!(matches!(
        world.office.decide(waiting[0], admit).unwrap(),
        Verdict::Admitted { .. }
    ));
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 2);
    world.finish();
}

#[test]
fn what_a_phone_opened_after_its_backup_comes_back() {
    let mut world = World::with(&["W001"]);
    let backup = world.phones[0].backup();
    let id = world.open_on(0);
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    assert!(world.phones[0].view(id).is_none(), "it knows nothing of it");
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_some());
    world.finish();
}

#[test]
fn a_part_that_a_phone_began_after_its_backup_comes_back() {
    let mut world = World::with(&["W001"]);
    let id = world.open_on(0);
    world.run_until_quiescent();
    let backup = world.phones[0].backup();
    let (field, value) = (Field::CustomerName, "李秋河".into());
    world.act(0, id, Command::Correct { field, value });
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    assert_eq!(world.phones[0].ticket(id).text(field), None);
    world.run_until_quiescent();
    assert_eq!(world.phones[0].ticket(id).text(field), Some("李秋河"));
    world.finish();
}

#[test]
fn of_two_changesets_of_one_number_a_phone_hears_of_the_one_it_has() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.phones[0].backup();
    world.act(0, id, note("备份之后"));
    // It was under way when the backup was put back.
    let delayed = world.phones[0].next_request();
    world.phones[0].restore(backup);
    world.act(0, id, note("恢复之后"));
    let device = world.phones[0].device();
    world.office.sync(device, &delayed).unwrap();
    world.exchange(0);
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 1);
    assert_eq!(world.phones[0].counts().quarantined, 1, "the one it has");
    world.office.decide(waiting[0], Decision::Admit).unwrap();
    world.run_until_quiescent();
    assert_eq!(world.phones[0].ticket(id).notes.len(), 2);
    world.finish();
}

#[test]
fn what_a_phone_sends_again_under_a_used_number_is_a_duplicate_that_nobody_needs_to_decide() {
    let mut world = World::with(&["W001"]);
    let id = world.open_on(0);
    let backup = world.phones[0].backup();
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    world.run_until_quiescent();
    assert_eq!(world.office.inbox("quarantined"), []);
    assert_eq!(world.office.inbox("duplicate").len(), 1);
    assert_eq!(world.office.ticket_ids(), [id]);
    world.finish();
}

#[test]
fn a_command_that_is_in_the_log_already_comes_in_once_and_the_new_one_after_it_too() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    let backup = world.phones[0].backup();
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    world.act(0, id, note("二"));
    world.exchange(0);
    let waiting = world.office.inbox("quarantined");
    assert_eq!(
        waiting.len(),
        1,
        "the new one, under a used number; the other is a duplicate"
    );
    let verdict = world.office.decide(waiting[0], Decision::Admit).unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 2);
    world.finish();
}

#[test]
fn what_is_written_after_something_went_to_a_person_keeps_both_apart() {
    let mut world = World::with(&["W001"]);
    let id = world.assigned(&["W001"]);
    world.cut(0, true);
    world.act(0, id, Command::Accept);
    world.desk(id, assign(&["W002", "W001"]));
    world.desk(id, assign(&["W002"]));
    world.cut(0, false);
    world.exchange(0);
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 1, "it decides the ticket's state");
    // The document without it is at an earlier number of the same actor.
    world.desk(id, assign(&["W001", "W002"]));
    world.run_until_quiescent();
    world.act(0, id, note("之后"));
    world.run_until_quiescent();
    let verdict = world.office.decide(waiting[0], Decision::Admit).unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    world.finish();
}
