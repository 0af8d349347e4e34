//! Rights that change while somebody is offline: nothing is lost, and the office decides what must wait.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::ids::{ChangeHash, ChangesetHash, Part};
use gongdan_core::policy::Role;
use gongdan_core::replica::{OutboxCounts, Seen};
use gongdan_core::store::OutboxState;
use gongdan_core::sync::verdict::{QuarantineReason, Refusal, Verdict};
use gongdan_core::testing;
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::{Act, Command, ConfirmationMethod, Field, FourAnswers, Status, Value};
use gongdan_server::relay::Decision;
use gongdan_tests::World;
use gongdan_tests::device::TestDevice;
use gongdan_tests::link::Fate;
use gongdan_tests::world::{On, assign, note};

const QUARANTINED: fn(u32) -> OutboxCounts = |n| OutboxCounts {
    quarantined: n,
    ..OutboxCounts::default()
};
const REFUSED: fn(u32) -> OutboxCounts = |n| OutboxCounts {
    refused: n,
    ..OutboxCounts::default()
};

fn complete() -> Command {
    Command::Complete {
        summary: "已修复".to_owned(),
    }
}

fn confirm() -> Command {
    let answers = FourAnswers {
        solved: true,
        satisfied: true,
        professionalism: 10,
        comments: None,
    };
    Command::Confirm {
        method: ConfirmationMethod::Signature,
        answers,
        shown: ChangeHash([5; 32]),
    }
}

/// W001 has arrived and loses the network; the office gives the ticket to W002 meanwhile.
fn reassigned(then: &[Command]) -> (World, gongdan_core::ids::TicketId) {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, Command::Depart);
    world.act(0, id, Command::Arrive);
    world.run_until_quiescent();
    world.cut(0, true);
    for command in then {
        world.act(0, id, command.clone());
    }
    world.desk(id, assign(&["W002"]));
    world.run_until_quiescent();
    world.cut(0, false);
    (world, id)
}

fn only_quarantined(world: &World) -> ChangesetHash {
    let waiting = world.office.inbox("quarantined");
    let [only] = waiting[..] else {
        panic!("{} wait in quarantine", waiting.len())
    };
    only
}

#[test]
fn a_completion_the_customer_confirmed_outranks_a_cancellation() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, complete());
    world.act(0, id, confirm());
    world.desk(
        id,
        Command::Cancel {
            reason: "长时间未完成".to_owned(),
        },
    );
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.status, Status::Confirmed);
    assert!(!ticket.clashes.is_empty(), "the desk is told");
    assert_eq!(world.phones[0].ticket(id).status, Status::Confirmed);
    world.finish();
}

#[test]
fn a_completion_without_a_confirmation_does_not() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, complete());
    world.desk(
        id,
        Command::Cancel {
            reason: "长时间未完成".to_owned(),
        },
    );
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.status, Status::Cancelled);
    assert_eq!(ticket.clashes.len(), 1);
    world.finish();
}

#[test]
fn reassignment_brings_the_ticket_to_one_phone_and_takes_it_from_another() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.assigned(&["W001"]);
    assert!(world.phones[0].view(id).is_some() && world.phones[1].view(id).is_none());
    world.desk(id, assign(&["W002"]));
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_none() && world.phones[1].view(id).is_some());
    assert!(world.phones[0].list().is_empty());
    world.desk(id, assign(&["W002", "W001"]));
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_some(), "it comes back whole");
    world.finish();
}

#[test]
fn a_note_after_reassignment_is_admitted_and_marked() {
    let (mut world, id) = reassigned(&[note("柜机在二楼")]);
    world.run_until_quiescent();
    let (marked, _) = world.office.last_entry();
    assert!(marked);
    assert_eq!(
        world.phones[1].ticket(id).notes[0].text,
        "柜机在二楼",
        "the successor does not arrive blind"
    );
    assert!(
        world.phones[0].view(id).is_none(),
        "its author has it no more"
    );
    world.finish();
}

#[test]
fn a_part_that_began_on_the_phone_goes_with_the_ticket() {
    let name = Command::Correct {
        field: Field::CustomerName,
        value: Value::from("张三"),
    };
    let (mut world, id) = reassigned(&[name]);
    // It hears of the admission and of the eviction at once.
    world.fate(0, &[Fate::LosesAnswer]);
    world.exchange(0);
    let hash = only_quarantined(&world);
    world.office.decide(hash, Decision::Admit).unwrap();
    world.run_until_quiescent();
    let heads = world.office.heads(id);
    assert!(heads.contains_key(&Part::Customer), "it came in");
    assert!(world.phones[0].view(id).is_none());
    assert_eq!(world.phones[0].list(), [], "nor does the list tell of it");
    world.finish();
}

#[test]
fn a_completion_after_reassignment_waits_and_its_admission_reaches_the_author() {
    let (mut world, id) = reassigned(&[complete()]);
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), QUARANTINED(1));
    assert_ne!(world.office.ticket(id).status, Status::Completed);
    let reason = world.phones[0].outbox()[0].verdict.clone();
    assert_eq!(
        reason,
        Some(Verdict::Quarantined {
            reason: QuarantineReason::Reassigned
        })
    );
    let hash = only_quarantined(&world);
    let verdict = world.office.decide(hash, Decision::Admit).unwrap();
    assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    let completed = |ticket: gongdan_core::ticket::Ticket| {
        ticket
            .events
            .iter()
            .any(|event| event.kind == gongdan_core::ticket::EventKind::Completed)
    };
    assert!(completed(world.office.ticket(id)) && completed(world.phones[1].ticket(id)));
    assert!(
        world.office.decide(hash, Decision::Admit).is_err(),
        "it is decided once"
    );
    world.finish();
}

#[test]
fn a_completion_that_the_office_declines_stays_readable_for_its_author() {
    let (mut world, _) = reassigned(&[complete()]);
    world.run_until_quiescent();
    let hash = only_quarantined(&world);
    world.office.decide(hash, Decision::Decline).unwrap();
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), REFUSED(1));
    let entry = world.phones[0].outbox().remove(0);
    assert_eq!(entry.command, complete());
    let declined = Verdict::Refused {
        command: 0,
        reason: Refusal::Declined,
    };
    assert_eq!(entry.verdict, Some(declined));
    assert!(world.phones[0].replica().dismiss(entry.id).unwrap());
    world.finish();
}

#[test]
fn what_builds_on_a_quarantined_completion_is_decided_with_it() {
    let (mut world, id) = reassigned(&[complete()]);
    // Sealed apart from the completion: it went out, its answer was lost.
    world.fate(0, &[Fate::LosesAnswer]);
    world.exchange(0);
    world.act(0, id, confirm());
    world.run_until_quiescent();
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 2);
    world.office.decide(waiting[0], Decision::Admit).unwrap();
    assert!(world.office.inbox("quarantined").is_empty());
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).confirmations.len(), 1);
    world.finish();
}

#[test]
fn a_refused_command_stays_readable_and_what_followed_it_is_authored_anew() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    // The phone's catalogue says supervisor; the server's never did when the changeset is judged under it.
    let mut device = TestDevice::enrolled(&world.office, "W001", 4);
    let server = world.office.try_ticket(id).unwrap();
    assert_eq!(server.ticket.status, Status::Accepted);
    let mut doc = world.office.document(id, Part::Service);
    let cancel = Command::Cancel {
        reason: "不是他的事".to_owned(),
    };
    let changeset = device.changeset(id, &mut doc, world.now(), vec![note("一"), cancel], |_| {});
    let verdicts = device.verdicts(&world.office, &[changeset]);
    assert!(matches!(
        verdicts[..],
        [Verdict::Refused {
            command: 1,
            reason: Refusal::Denied { .. }
        }]
    ));
    assert_eq!(
        world.office.ticket(id).notes,
        [],
        "it stands or falls as one"
    );
    world.finish();
}

#[test]
fn a_role_taken_away_meanwhile_quarantines_what_was_lawful() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, Command::Depart);
    world.office.set_roles("W001", &[]);
    let waiting_office = world.office.log_end();
    world.cut(0, false);
    world.exchange(0);
    assert_eq!(world.office.log_end(), waiting_office);
    assert_eq!(world.office.inbox("quarantined").len(), 1);
    world.office.set_roles("W001", &[Role::Technician]);
    world
        .office
        .decide(only_quarantined(&world), Decision::Admit)
        .unwrap();
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).status, Status::Departed);
    world.finish();
}

#[test]
fn a_revoked_phone_writes_on_beside_what_waits_and_both_come_in() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.office.revoke(world.phones[0].device());
    for text in ["一", "二"] {
        world.act(0, id, note(text));
        world.exchange(0);
    }
    let waiting = world.office.inbox("quarantined");
    assert_eq!(waiting.len(), 2);
    for hash in waiting {
        let verdict = world.office.decide(hash, Decision::Admit).unwrap();
        assert!(matches!(verdict, Verdict::Admitted { .. }), "{verdict:?}");
    }
    world.exchange(0);
    assert_eq!(world.office.ticket(id).notes.len(), 2);
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.phones[0].lost = true;
    world.finish();
}

#[test]
fn a_revoked_phone_that_lacks_what_came_before_its_own_may_still_upload() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    world.desk(id, note("调度备注"));
    world.office.revoke(world.phones[0].device());
    world.exchange(0);
    let waiting = world.office.inbox("quarantined");
    world.office.decide(waiting[0], Decision::Admit).unwrap();
    world.exchange(0);
    // Its document has the first note and not the desk's before it.
    world.act(0, id, note("二"));
    // Spelled out it goes, and what is told from the beginning again is no news.
    world.run_until_quiescent();
    assert_eq!(world.office.inbox("quarantined").len(), 1);
    assert_eq!(world.phones[0].counts(), QUARANTINED(1));
    world.phones[0].lost = true;
    world.finish();
}

#[test]
fn a_revoked_phone_does_not_ask_for_ever_for_what_it_is_not_sent() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    let backup = world.phones[0].backup();
    world.run_until_quiescent();
    world.phones[0].restore(backup);
    world.office.revoke(world.phones[0].device());
    // The duplicate makes it want the document, which a revoked phone does not get.
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.phones[0].lost = true;
    world.finish();
}

#[test]
fn a_revoked_phone_may_still_upload_and_hears_nothing_else() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, note("撤销前写下"));
    let before = world.phones[0].seen(id);
    world.office.revoke(world.phones[0].device());
    world.act(1, id, note("同事的备注"));
    world.exchange(1);
    world.exchange(0);
    assert_eq!(
        world.office.inbox("quarantined").len(),
        1,
        "it arrived and waits for a person"
    );
    let after = world.phones[0].seen(id);
    assert!(
        after == before || world.phones[0].ticket(id).notes.len() < 2,
        "nothing of others came"
    );
    world
        .office
        .decide(only_quarantined(&world), Decision::Admit)
        .unwrap();
    world.phones[0].lost = true;
    world.finish();
}

#[test]
fn an_opening_that_waits_for_a_person_brings_what_was_done_on_it_when_it_is_admitted() {
    let mut world = World::with(&["W001"]);
    let name = |field, name: &str| (field, Value::from(name));
    let (field, value) = name(Field::Organisation, "河畔酒店");
    let fields = vec![FieldValue { field, value }];
    let customer = Command::RecordCustomer { fields };
    let id = world.open_on_by(0, Act(vec![testing::open(), customer]));
    world.act(0, id, note("当场写下"));
    let (field, value) = name(Field::CustomerName, "李秋河");
    world.act(0, id, Command::Correct { field, value });
    world.office.revoke(world.phones[0].device());
    world.exchange(0);
    let why = |reason| Some(Verdict::Quarantined { reason });
    let outbox = world.phones[0].outbox();
    let verdicts: Vec<_> = outbox.into_iter().map(|entry| entry.verdict).collect();
    let (revoked, depends) = (
        why(QuarantineReason::Revoked),
        why(QuarantineReason::DependsOnQuarantined),
    );
    assert_eq!(
        verdicts,
        [revoked.clone(), revoked, depends.clone(), depends],
        "both parts of the opening, and what builds on each"
    );
    let waiting = world.office.inbox("quarantined");
    world.office.decide(waiting[0], Decision::Admit).unwrap();
    assert_eq!(world.office.inbox("quarantined"), []);
    let ticket = world.office.ticket(id);
    assert_eq!(
        (ticket.notes.len(), ticket.text(field)),
        (1, Some("李秋河"))
    );
    world.phones[0].lost = true;
    world.finish();
}

#[test]
fn two_phones_of_a_crew_see_each_others_work() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, Command::Depart);
    world.act(0, id, note("我先到"));
    world.run_until_quiescent();
    world.act(1, id, note("我带梯子"));
    world.act(1, id, Command::Arrive);
    world.run_until_quiescent();
    let texts: Vec<_> = world.phones[0]
        .ticket(id)
        .notes
        .into_iter()
        .map(|note| note.text)
        .collect();
    assert_eq!(texts, ["我先到", "我带梯子"]);
    let view = world.phones[0].view(id).unwrap();
    let author = &view.authors[&view.ticket.notes[1].actor];
    assert_eq!(*author, testing::person("W002"), "and who it is");
    world.finish();
}

#[test]
fn one_person_with_two_phones_is_two_devices() {
    let mut world = World::with(&["W001"]);
    let second = world.phone("W001", On::Sqlite);
    world.run_until_quiescent();
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("手机"));
    world.act(second, id, note("平板"));
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 2);
    world.finish();
}

#[test]
fn a_stranger_cannot_act_on_a_ticket_that_is_not_on_his_phone() {
    let mut world = World::with(&["W001", "W003"]);
    let id = world.accepted(0, &["W001"]);
    let now = world.now();
    assert!(
        world.phones[1]
            .try_execute(now, id, &Seen::new(), note("?"))
            .is_err()
    );
    world.finish();
}

#[test]
fn what_only_adds_comes_in_though_it_was_sent_with_what_decides_the_state() {
    let (mut world, id) = reassigned(&[note("一"), complete(), note("二")]);
    world.run_until_quiescent();
    assert_eq!(
        world.phones[0].counts(),
        QUARANTINED(2),
        "the completion, and what builds on it"
    );
    assert_eq!(world.office.ticket(id).notes.len(), 1);
    let waiting = world.office.inbox("quarantined");
    assert_eq!(
        waiting.len(),
        2,
        "the changeset that held all three is replaced"
    );
    world.office.decide(waiting[0], Decision::Admit).unwrap();
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 2);
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.finish();
}

#[test]
fn an_eviction_waits_for_what_is_still_to_be_sent() {
    let (mut world, id) = reassigned(&[note("一"), complete()]);
    world.fate(0, &[gongdan_tests::link::Fate::LosesRequest]);
    world.exchange(0);
    assert!(world.phones[0].view(id).is_some());
    world.run_until_quiescent();
    assert!(
        world.phones[0]
            .outbox()
            .iter()
            .all(|entry| entry.state == OutboxState::Quarantined)
    );
    world
        .office
        .decide(only_quarantined(&world), Decision::Decline)
        .unwrap();
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_none());
    for entry in world.phones[0].outbox() {
        assert!(world.phones[0].replica().dismiss(entry.id).unwrap());
    }
    world.finish();
}

#[test]
fn losing_the_role_takes_the_tickets_from_the_phone_and_getting_it_again_brings_them() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.office.set_roles("W001", &[]);
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_none() && world.phones[0].list().is_empty());
    assert!(
        world.phones[1].view(id).is_some(),
        "nobody else is concerned"
    );
    world.act(1, id, note("只剩我一人"));
    world.run_until_quiescent();
    world.office.set_roles("W001", &[Role::Technician]);
    world.run_until_quiescent();
    assert_eq!(world.phones[0].ticket(id).notes.len(), 1, "it comes whole");
    world.finish();
}

#[test]
fn a_ticket_given_to_somebody_without_a_role_comes_when_he_has_one() {
    let mut world = World::with(&["W001", "W002"]);
    world.office.set_roles("W001", &[Role::Auditor]);
    let id = world.assigned(&["W002"]);
    world.office.set_roles("W001", &[]);
    world.desk(id, assign(&["W002", "W001"]));
    world.run_until_quiescent();
    assert!(world.phones[0].view(id).is_none());
    world.office.set_roles("W001", &[Role::PartnerTechnician]);
    world.run_until_quiescent();
    let view = world.phones[0].view(id).unwrap();
    assert_eq!(view.ticket.parts, world.phones[1].ticket(id).parts);
    world.finish();
}

#[test]
fn the_eviction_for_a_lost_role_waits_for_what_is_still_to_be_sent() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, note("角色撤销前写下"));
    world.office.set_roles("W001", &[]);
    world.cut(0, false);
    world.fate(0, &[gongdan_tests::link::Fate::LosesRequest]);
    world.exchange(0);
    assert!(world.phones[0].view(id).is_some(), "nothing heard yet");
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), QUARANTINED(1));
    assert!(world.phones[0].view(id).is_none());
    let reason = world.phones[0].outbox()[0].verdict.clone();
    assert_eq!(
        reason,
        Some(Verdict::Quarantined {
            reason: QuarantineReason::RightLost
        })
    );
    world
        .office
        .decide(only_quarantined(&world), Decision::Admit)
        .unwrap();
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).notes.len(), 1, "nothing is lost");
    world.finish();
}

#[test]
fn an_evicted_ticket_leaves_no_row_though_a_part_was_begun_here_alone() {
    let mut world = World::with(&["W001"]);
    // Nothing of the customer is known at the desk.
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(
        0,
        id,
        Command::Correct {
            field: Field::CustomerName,
            value: Value::from("测试客户甲"),
        },
    );
    world.office.set_roles("W001", &[]);
    world.cut(0, false);
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), QUARANTINED(1));
    assert!(world.phones[0].list().is_empty(), "no row, no name");
    world
        .office
        .decide(only_quarantined(&world), Decision::Decline)
        .unwrap();
    world.run_until_quiescent();
    world.office.set_roles("W001", &[Role::Technician]);
    world.run_until_quiescent();
    // It is held again as the server has it.
    assert_eq!(
        world.phones[0].view(id).unwrap().heads,
        world.office.heads(id)
    );
    for entry in world.phones[0].outbox() {
        assert!(world.phones[0].replica().dismiss(entry.id).unwrap());
    }
    world.finish();
}

#[test]
fn the_office_part_is_on_no_phone_whatever_the_role() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.desk(
        id,
        Command::WriteNote {
            part: Part::Office,
            text: "赔偿待批".to_owned(),
        },
    );
    for role in Role::ALL {
        world.office.set_roles("W001", &[role]);
        world.run_until_quiescent();
        if let Some(view) = world.phones[0].view(id) {
            assert!(!view.ticket.parts.contains(&Part::Office), "{role:?}");
        }
    }
    world.finish();
}
