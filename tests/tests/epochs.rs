//! A server that was restored from an old backup: phones give back what it lost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::ids::TicketId;
use gongdan_core::limits;
use gongdan_core::replica::{OwnCertificate, ReceiveError, Seen};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::sync::wire::decode_request;
use gongdan_core::ticket::{Command, Field, Status};
use gongdan_server::relay::given_back;
use gongdan_server::store::StoreError;
use gongdan_server::verify;
use gongdan_tests::random::Random;
use gongdan_tests::world::{On, World, note};

fn notes(world: &World, id: TicketId) -> usize {
    world.office.ticket(id).notes.len()
}

/// A phone's certificate, as it gets it at its enrolment.
fn certified(world: &World, phone: usize) -> OwnCertificate {
    world.office.certificate(world.phones[phone].device())
}

#[test]
fn what_phones_wrote_since_the_backup_comes_back() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    let backup = world.office.backup();
    world.act(0, id, note("备份之后，一"));
    world.run_until_quiescent();
    world.act(1, id, note("备份之后，二，接着一"));
    world.run_until_quiescent();
    let heads = world.office.heads(id);
    world.office.restore(backup);
    assert_eq!(notes(&world, id), 0, "the server forgot");
    world.run_until_quiescent();
    assert_eq!(world.office.heads(id), heads, "to the last change");
    world.finish();
}

#[test]
fn attachments_that_are_still_on_the_phone_are_uploaded_again() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.office.backup();
    let replica = world.phones[0].replica();
    let photo = replica.add_blob(id, "image/jpeg", b"photo").unwrap();
    replica.mark_blob_sent(photo).unwrap();
    world.run_until_quiescent();
    assert_eq!(world.phones[0].replica().unsent_blobs().unwrap(), []);
    world.office.restore(backup);
    world.run_until_quiescent();
    let replica = world.phones[0].replica();
    let unsent = replica.unsent_blobs().unwrap();
    assert_eq!(unsent.len(), 1, "the server may have lost it");
    assert_eq!(unsent[0].hash, photo);
    assert!(!replica.drop_blob(photo).unwrap());
    replica.mark_blob_sent(photo).unwrap();
    world.run_until_quiescent();
    let replica = world.phones[0].replica();
    assert_eq!(replica.unsent_blobs().unwrap(), [], "once for an epoch");
    world.finish();
}

#[test]
fn a_colleagues_phone_gives_back_what_a_lost_phone_wrote() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, note("备份之前"));
    world.run_until_quiescent();
    let backup = world.office.backup();
    // Not all of it reaches the colleague: the gap in the sequence is passed over.
    let other = world.open_on(0);
    world.act(0, other, note("同事看不到"));
    world.act(0, id, note("备份之后"));
    world.run_until_quiescent();
    world.office.restore(backup);
    world.phones[0].lost = true;
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    assert!(world.office.try_ticket(other).is_none());
    // It turns up after all: what was passed over is taken.
    world.phones[0].lost = false;
    world.run_until_quiescent();
    assert_eq!(notes(&world, other), 1);
    assert_eq!(world.office.inbox("quarantined"), []);
    world.desk(id, note("之后"));
    let verified = world.office.database().read(verify::changesets).unwrap();
    assert_eq!(verified.faults, [], "what was passed over is in the ledger");
    world.finish();
}

#[test]
fn what_the_desk_wrote_since_the_backup_comes_back_from_a_phone_and_the_desk_writes_on() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.office.backup();
    world.desk(id, note("调度备注"));
    world.run_until_quiescent();
    world.office.restore(backup);
    world.desk(id, note("恢复后的调度备注"));
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    assert_eq!(world.office.inbox("quarantined"), []);
    world.finish();
}

#[test]
fn a_ticket_opened_since_the_backup_keeps_its_number_and_no_number_is_given_twice() {
    let mut world = World::with(&["W001"]);
    let before = world.open_on(0);
    world.run_until_quiescent();
    let backup = world.office.backup();
    let (mine, desks) = (world.open_on(0), world.open_at_desk());
    world.run_until_quiescent();
    let number = |world: &World, id| world.office.ticket(id).number.unwrap();
    let (old, mine_was, desks_was) = (
        number(&world, before),
        number(&world, mine),
        number(&world, desks),
    );
    world.office.restore(backup);
    // Somebody calls before any phone comes back.
    let fresh = world.open_at_desk();
    world.run_until_quiescent();
    assert_eq!(number(&world, before), old);
    assert_eq!(
        number(&world, mine),
        mine_was,
        "the customer was told this one"
    );
    let given = number(&world, fresh);
    assert!(given != mine_was && given != desks_was && given.sequence() > 1_000);
    assert!(world.office.try_ticket(desks).is_none(), "nobody had it");
    let (lost, used) = world
        .office
        .database()
        .read(|c| {
            let inside = |sequence: u32| {
                c.query_row(
                    "SELECT count(*) FROM ticket_number_gaps WHERE ?1 BETWEEN first AND last",
                    [sequence],
                    |row| row.get::<_, i64>(0),
                )
            };
            Ok::<_, StoreError>((inside(desks_was.sequence())?, inside(mine_was.sequence())?))
        })
        .unwrap();
    assert_eq!(
        (lost, used),
        (1, 0),
        "every number is a ticket's or in the ledger"
    );
    world.finish();
}

#[test]
fn a_backup_that_is_put_back_twice_gives_no_number_twice() {
    let mut world = World::with(&["W001"]);
    world.run_until_quiescent();
    let (first, second) = (world.office.backup(), world.office.backup());
    let mut numbers = std::collections::BTreeSet::new();
    let mut tickets = Vec::new();
    for backup in [first, second] {
        world.office.restore(backup);
        for _ in 0..5 {
            let id = world.open_at_desk();
            tickets.push(id);
            assert!(numbers.insert(world.office.ticket(id).number.unwrap()));
        }
        world.wait(60);
    }
    assert_eq!((tickets.len(), numbers.len()), (10, 10));
    world.finish();
}

#[test]
fn a_store_from_before_epochs_were_noted_gives_back_too() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("备份之前"));
    world.run_until_quiescent();
    world.phones[0].forget_meta("epoch");
    // It hears of backups all the same.
    let newer = world.office.backup();
    world.office.record_backup(&newer);
    world.run_until_quiescent();
    world.act(0, id, note("更新之后"));
    world.run_until_quiescent();
    world.phones[0].forget_meta("epoch");
    world.office.restore(newer);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    world.finish();
}

#[test]
fn what_was_held_only_as_a_snapshot_is_listed_by_ticket_and_stays_on_the_phone() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001"]);
    let backup = world.office.backup();
    world.desk(id, note("只在快照里"));
    world.run_until_quiescent();
    // The colleague gets the ticket now, note and all, in one snapshot; the only phone with the changeset is lost.
    world.desk(id, gongdan_tests::world::assign(&["W002", "W001"]));
    world.run_until_quiescent();
    world.phones[0].lost = true;
    world.office.restore(backup);
    world.desk(id, gongdan_tests::world::assign(&["W002"]));
    world.run_until_quiescent();
    let missing = world.office.database().read(given_back::missing).unwrap();
    let tickets: Vec<_> = missing.iter().map(|part| part.ticket).collect();
    assert!(tickets.contains(&id), "{missing:?}");
    assert!(missing.iter().all(|part| part.ticket == id));
    // The first phone turns up with the changeset: nothing is missing any more.
    world.phones[0].lost = false;
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 1);
    assert_eq!(
        world.office.database().read(given_back::missing).unwrap(),
        []
    );
    world.finish();
}

#[test]
fn a_refused_and_a_quarantined_changeset_leave_no_hole_in_the_sequence() {
    let mut world = World::with(&["W001"]);
    let id = world.assigned(&["W001"]);
    let backup = world.office.backup();
    world.cut(0, true);
    world.act(0, id, note("离线"));
    world.act(0, id, Command::Accept);
    world.desk(id, gongdan_tests::world::assign(&["W003"]));
    world.cut(0, false);
    world.run_until_quiescent();
    let waiting = world.office.inbox("quarantined").len();
    assert!(waiting > 0, "what decides the state waits");
    world.office.restore(backup);
    world.run_until_quiescent();
    // The reassignment is forgotten: what waited for it is simply lawful now.
    assert_eq!(world.office.inbox("quarantined"), []);
    assert_eq!(notes(&world, id), 1);
    assert_eq!(world.office.ticket(id).status, Status::Accepted);
    world.finish();
}

#[test]
fn a_phone_forgets_what_a_verified_backup_holds_and_nothing_else() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("备份之前"));
    world.run_until_quiescent();
    let kept = |world: &mut World| world.phones[0].replica().kept_count().unwrap();
    assert!(kept(&mut world) > 0);
    let backup = world.office.backup();
    world.act(0, id, note("备份之后"));
    world.run_until_quiescent();
    let all = kept(&mut world);
    world.office.record_backup(&backup);
    world.run_until_quiescent();
    let left = kept(&mut world);
    assert!(left > 0 && left < all, "{left} of {all}");
    world.office.restore(backup);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    world.finish();
}

#[test]
fn a_restore_from_a_backup_older_than_the_verified_one_goes_on_past_what_phones_forgot() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let old = world.office.backup();
    world.act(0, id, note("一"));
    world.run_until_quiescent();
    let newer = world.office.backup();
    world.office.record_backup(&newer);
    world.run_until_quiescent();
    world.act(0, id, note("二，不依赖什么"));
    world.run_until_quiescent();
    world.office.restore(old);
    world.run_until_quiescent();
    let missing = world.office.database().read(given_back::missing).unwrap();
    assert!(
        missing.iter().any(|part| part.ticket == id),
        "the first note is gone, and said to be"
    );
    // The second builds on the first: a person looks at it, and it is not lost.
    let waits = world.office.inbox("quarantined").len() + world.office.inbox("held").len();
    assert!(
        notes(&world, id) == 1 || waits == 1,
        "{} notes, {waits} wait",
        notes(&world, id)
    );
    world.abandon();
}

#[test]
fn two_restores_one_after_the_other_lose_nothing_that_a_phone_holds() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    let first = world.office.backup();
    world.act(0, id, note("一"));
    world.run_until_quiescent();
    let second = world.office.backup();
    world.act(1, id, note("二"));
    let (field, value) = (Field::CustomerName, "李秋河".into());
    world.act(0, id, Command::Correct { field, value });
    world.run_until_quiescent();
    world.office.restore(second);
    world.exchange(0);
    world.office.restore(first);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 2);
    assert_eq!(world.office.ticket(id).text(field), Some("李秋河"));
    world.finish();
}

#[test]
fn however_much_is_given_back_each_request_is_one_that_the_server_takes() {
    let mut world = World::with(&["W001", "W002"]);
    let ids: [TicketId; 12] = std::array::from_fn(|_| world.accepted(0, &["W001", "W002"]));
    world.run_until_quiescent();
    let backup = world.office.backup();
    let mut random = Random::new(5);
    // Six kilobytes each, as good as incompressible.
    for note_of in 0..240 {
        let text: String = (0..limits::LONG_TEXT_CHARS_MAX)
            .filter_map(|_| char::from_u32(0x4e00 + random.below(0x4000) as u32))
            .collect();
        world.act(usize::from(note_of % 4 > 0), ids[note_of % 12], note(&text));
    }
    world.run_until_quiescent();
    let load = world.phones[0].replica().courier_load().unwrap();
    assert_eq!(load, [], "all of it is in");
    world.office.restore(backup);
    // What the other phone wrote comes from this one alone.
    world.phones[1].lost = true;
    let (mut exchanges, mut carried) = (0, 0);
    loop {
        let body = world.phones[0].next_request();
        let given = decode_request(&body).unwrap().given_back.carried.len();
        carried += usize::from(given > 0);
        exchanges += 1;
        assert!(exchanges < 30, "it ends");
        if !world.exchange(0) {
            break;
        }
    }
    assert!(carried >= 2, "it did not fit one request");
    assert!(ids.iter().all(|id| notes(&world, *id) == 20));
    world.finish();
}

#[test]
fn a_changeset_carried_with_a_wrong_signature_is_left_out_and_disturbs_nobody() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.cut(0, true);
    world.act(0, id, note("未发送"));
    let load = world.phones[0].replica().courier_load().unwrap();
    assert_eq!(load.len(), 1);
    let mut forged = load[0].clone();
    forged.body[10] ^= 1;
    world.phones[1]
        .replica()
        .carry(vec![forged, load[0].clone()])
        .unwrap();
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 1, "a colleague's phone carried it");
    world.cut(0, false);
    world.run_until_quiescent();
    let verdicts: Vec<Option<Verdict>> = world.phones[0]
        .outbox()
        .into_iter()
        .map(|e| e.verdict)
        .collect();
    assert_eq!(verdicts, [], "its author was told that it is in");
    world.finish();
}

#[test]
fn a_name_that_a_phone_went_on_under_after_the_backup_is_known_for_what_it_is() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    // By an actor of the first name, and sent by the copy under a name of its own.
    world.act(0, id, note("之前"));
    certified(&world, 0);
    let backup = world.office.backup();
    let copy = world.copy_phone(0);
    for phone in [0, copy] {
        world.act(phone, id, note(&format!("副本{phone}")));
    }
    world.run_until_quiescent();
    let device = world.phones[copy].device();
    assert_ne!(device, world.phones[0].device());
    let shown = certified(&world, copy);
    world.office.restore(backup);
    world.phones[0].lost = true;
    world.office.take_back(&shown);
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 3);
    assert_eq!(world.office.inbox("refused").len(), 0);
    world.finish();
}

#[test]
fn what_a_phone_of_after_the_backup_wrote_comes_back_though_it_is_lost() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001", "W002"]);
    certified(&world, 0);
    let backup = world.office.backup();
    let late = world.phone("W002", On::Memory);
    certified(&world, late);
    world.run_until_quiescent();
    world.act(late, id, note("备份之后登记"));
    world.run_until_quiescent();
    world.office.restore(backup);
    world.phones[late].lost = true;
    world.run_until_quiescent();
    assert_eq!(
        notes(&world, id),
        1,
        "a colleague's phone shows its certificate"
    );
    assert!(world.office.knows(world.phones[late].device()));
    world.finish();
}

#[test]
fn what_is_brought_of_a_device_that_is_not_known_is_put_by_until_it_comes_back() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001", "W002"]);
    certified(&world, 0);
    let backup = world.office.backup();
    let late = world.phone("W002", On::Memory);
    let shown = certified(&world, late);
    world.run_until_quiescent();
    world.cut(late, true);
    world.act(late, id, note("未发送"));
    world.office.restore(backup);
    let load = world.phones[late].replica().courier_load().unwrap();
    // A phone that never heard of that device.
    world.phones[0].replica().carry(load).unwrap();
    world.phones[late].lost = true;
    world.run_until_quiescent();
    assert_eq!(notes(&world, id), 0);
    world.office.take_back(&shown);
    assert_eq!(notes(&world, id), 1);
    world.phones[late].lost = false;
    world.cut(late, false);
    world.run_until_quiescent();
    assert_eq!(world.phones[late].outbox(), [], "its author was told");
    world.finish();
}

#[test]
fn a_late_answer_to_a_phone_that_was_put_back_is_not_for_its_request() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    let old = world.copy_phone(1);
    world.act(0, id, note("一"));
    world.exchange(0);
    let device = world.phones[1].device();
    let body = world.phones[1].replica().next_request().unwrap();
    let answer = world.office.sync(device, &body).unwrap();
    // It refers to devices that the phone did not know then.
    let replica = world.phones[old].replica();
    for asked in [false, true] {
        if asked {
            let seen = Seen::new();
            let now = world.office.now();
            replica.execute(now, id, &seen, note("二")).unwrap();
            replica.next_request().unwrap();
        }
        let taken = replica.receive(&answer);
        assert!(matches!(taken, Err(ReceiveError::NotForThisRequest)));
    }
    world.abandon();
}

/// Phones write uniquely marked notes while the server is put back to old backups at any moment.
fn any_restores(seed: u64) {
    let mut random = Random::new(seed);
    let mut world = World::with(&["W001", "W002", "W003"]);
    let crew = ["W001", "W002", "W003"];
    let mut tickets = vec![world.accepted(0, &crew)];
    let mut backups = vec![world.office.backup()];
    let mut written: Vec<(TicketId, String)> = Vec::new();
    for step in 0..120 {
        let phone = random.below(3);
        match random.below(20) {
            0..6 => {
                let id = tickets[random.below(tickets.len())];
                let text = format!("记录{seed}之{step}");
                let seen = world.phones[phone].seen(id);
                let now = world.office.now();
                if world.phones[phone]
                    .try_execute(now, id, &seen, note(&text))
                    .is_ok()
                {
                    written.push((id, text));
                }
            }
            6..13 => {
                world.exchange(phone);
            }
            13 => world.cut(phone, random.below(2) == 0),
            14 => {
                let id = tickets[random.below(tickets.len())];
                if world.office.try_ticket(id).is_some() {
                    world.desk(id, note(&format!("调度{step}")));
                }
            }
            15 => {
                let id = world.open_on(phone);
                let text = format!("新单{seed}之{step}");
                world.act(phone, id, note(&text));
                written.push((id, text));
                tickets.push(id);
            }
            16 => {
                let id = tickets[random.below(tickets.len())];
                if world
                    .office
                    .try_ticket(id)
                    .is_some_and(|t| t.ticket.crew.is_empty())
                {
                    world.desk(id, gongdan_tests::world::assign(&crew));
                }
            }
            17 => backups.push(world.office.backup()),
            18 if backups.len() > 1 => {
                let at = random.below(backups.len());
                let backup = backups.remove(at);
                // What was taken after it would be of another history.
                backups.truncate(at.max(1));
                world.office.restore(backup);
            }
            _ => world.wait(60),
        }
        if backups.is_empty() {
            backups.push(world.office.backup());
        }
    }
    for phone in 0..3 {
        world.cut(phone, false);
    }
    world.run_until_quiescent();
    let waiting: Vec<_> = ["held", "quarantined"]
        .iter()
        .flat_map(|state| world.office.inbox(state))
        .collect();
    for (id, text) in &written {
        let in_ticket = world
            .office
            .try_ticket(*id)
            .is_some_and(|t| t.ticket.notes.iter().any(|note| note.text == *text));
        let waits = || {
            waiting.iter().any(|hash| {
                let commands = world.office.changeset(*hash).commands().unwrap();
                commands.iter().any(
                    |of| matches!(&of.command, Command::WriteNote { text: t, .. } if t == text),
                )
            })
        };
        if !in_ticket {
            let outbox = (0..3).any(|phone| {
                world.phones[phone]
                    .waiting()
                    .iter()
                    .any(|c| matches!(c, Command::WriteNote { text: t, .. } if t == text))
            });
            assert!(waits() || outbox, "seed {seed}: lost {text} of {id}");
        }
    }
    world.abandon();
}

#[test]
fn nothing_that_a_phone_wrote_is_lost_however_the_server_is_put_back() {
    let seeds = std::env::var("GONGDAN_CASES").map_or(12, |n| n.parse().unwrap());
    (0..seeds).for_each(any_restores);
}
