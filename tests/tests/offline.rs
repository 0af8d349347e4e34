//! What happens while somebody is offline. The situations are those that field work knows: runs of edits
//! that arrive whole, interrupted, backwards, twice, on a ticket that went on without them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::ids::Part;
use gongdan_core::replica::{OutboxCounts, Seen};
use gongdan_core::sync::verdict::{HeldWhy, Verdict};
use gongdan_core::testing;
use gongdan_core::ticket::command::ChecklistEntry;
use gongdan_core::ticket::{Answer, Command, ConflictOn, Field, Status, Ticket, Value};
use gongdan_tests::World;
use gongdan_tests::device::TestDevice;
use gongdan_tests::link::Fate;
use gongdan_tests::office::DISPATCHER;
use gongdan_tests::world::{assign, note};

fn model(value: &str) -> Command {
    Command::Correct {
        field: Field::Model,
        value: Value::from(value),
    }
}

fn serial(value: &str) -> Command {
    Command::Correct {
        field: Field::Serial,
        value: Value::from(value),
    }
}

fn notes(ticket: &Ticket) -> Vec<&str> {
    ticket.notes.iter().map(|note| note.text.as_str()).collect()
}

fn texts_on(ticket: &Ticket, field: Field) -> Vec<String> {
    let on = ConflictOn::Field { field };
    let conflict = ticket.conflicts.iter().find(|conflict| conflict.on == on);
    let values = conflict
        .into_iter()
        .flat_map(|conflict| &conflict.candidates);
    let mut values: Vec<String> = values
        .filter_map(|c| c.value.as_text().map(str::to_owned))
        .collect();
    values.sort();
    values
}

#[test]
fn edits_of_a_run_are_applied_in_order() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    for command in [
        Command::Depart,
        Command::Arrive,
        note("一"),
        model("KFR-26GW"),
        model("KFR-50LW"),
    ] {
        world.act(0, id, command);
    }
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.status, Status::Arrived);
    assert_eq!(ticket.text(Field::Model), Some("KFR-50LW"));
    assert_eq!(ticket.conflicts, []);
    world.finish();
}

#[test]
fn a_run_is_one_changeset_and_one_round_trip() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    for command in [Command::Depart, Command::Arrive, note("一"), note("二")] {
        world.act(0, id, command);
    }
    let received = world.office.received();
    world.exchange(0);
    assert_eq!(world.office.received(), received + 1);
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.finish();
}

#[test]
fn a_run_applies_after_the_office_has_gone_on() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.desk(id, serial("SN-OFFICE"));
    world.act(0, id, Command::Depart);
    world.act(0, id, model("KFR-26GW"));
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(ticket.text(Field::Serial), Some("SN-OFFICE"));
    assert_eq!(ticket.text(Field::Model), Some("KFR-26GW"));
    assert_eq!(
        ticket.conflicts,
        [],
        "different fields: nothing for a person to decide"
    );
    assert_eq!(world.office.last_entry(), (false, "soft".to_owned()));
    world.finish();
}

#[test]
fn a_run_that_the_office_interrupts_in_the_middle_goes_on() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.desk(id, serial("SN-BEFORE"));
    world.act(0, id, Command::Depart);
    world.exchange(0);
    world.desk(id, serial("SN-BETWEEN"));
    world.act(0, id, Command::Arrive);
    world.exchange(0);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    assert_eq!(
        (ticket.status, ticket.text(Field::Serial)),
        (Status::Arrived, Some("SN-BETWEEN"))
    );
    assert_eq!(ticket.conflicts, []);
    world.finish();
}

#[test]
fn a_ticket_opened_offline_arrives_with_all_that_was_done_on_it() {
    let mut world = World::with(&["W001"]);
    world.cut(0, true);
    let id = world.open_on(0);
    world.act(0, id, note("一"));
    world.act(0, id, model("KFR-26GW"));
    assert!(
        world.phones[0].ticket(id).number.is_none(),
        "no number before the server gave one"
    );
    world.cut(0, false);
    world.run_until_quiescent();
    let ticket = world.phones[0].ticket(id);
    assert!(ticket.number.is_some());
    assert_eq!(notes(&ticket), ["一"]);
    world.finish();
}

/// A run of three changesets of a device that sends them in the order that the test says.
struct Run {
    device: TestDevice,
    changesets: Vec<gongdan_core::sync::changeset::Changeset>,
    id: gongdan_core::ids::TicketId,
}

/// Opens a ticket and writes two notes on it, each in a changeset of its own; nothing is sent.
fn run(world: &World) -> Run {
    let mut device = TestDevice::enrolled(&world.office, "W001", 9);
    let id = testing::ticket(9);
    let mut doc = gongdan_core::document::TicketDoc::genesis(Part::Service);
    let changesets = [testing::open(), note("一"), note("二")]
        .into_iter()
        .map(|command| device.changeset(id, &mut doc, world.now(), vec![command], |_| {}))
        .collect();
    Run {
        device,
        changesets,
        id,
    }
}

#[test]
fn an_edit_that_comes_before_the_opening_is_held_and_then_applied() {
    let world = World::default();
    let run = run(&world);
    let held = run.device.verdicts(&world.office, &run.changesets[1..2]);
    assert_eq!(held, [Verdict::Held { why: HeldWhy::Gap }]);
    assert!(world.office.try_ticket(run.id).is_none());
    run.device.verdicts(&world.office, &run.changesets[..1]);
    let ticket = world.office.ticket(run.id);
    assert_eq!(
        notes(&ticket),
        ["一"],
        "the opening released what waited for it"
    );
    assert!(world.office.inbox("held").is_empty());
    world.finish();
}

#[test]
fn a_run_that_comes_backwards_is_applied_in_order() {
    let world = World::default();
    let run = run(&world);
    for place in [2, 1] {
        let verdict = run
            .device
            .verdicts(&world.office, &run.changesets[place..=place]);
        assert!(matches!(verdict[..], [Verdict::Held { .. }]), "{verdict:?}");
    }
    assert_eq!(world.office.inbox("held").len(), 2);
    run.device.verdicts(&world.office, &run.changesets[..1]);
    assert_eq!(notes(&world.office.ticket(run.id)), ["一", "二"]);
    assert!(world.office.inbox("held").is_empty());
    world.finish();
}

#[test]
fn the_later_part_of_a_run_waits_for_the_middle() {
    let world = World::default();
    let run = run(&world);
    run.device.verdicts(&world.office, &run.changesets[..1]);
    let verdict = run.device.verdicts(&world.office, &run.changesets[2..]);
    assert_eq!(verdict, [Verdict::Held { why: HeldWhy::Gap }]);
    assert!(
        notes(&world.office.ticket(run.id)).is_empty(),
        "nothing out of order is applied"
    );
    run.device.verdicts(&world.office, &run.changesets[1..2]);
    assert_eq!(notes(&world.office.ticket(run.id)), ["一", "二"]);
    world.finish();
}

#[test]
fn what_is_held_survives_a_restart_and_is_not_judged_twice() {
    let mut world = World::default();
    let run = run(&world);
    run.device.verdicts(&world.office, &run.changesets[1..]);
    let received = world.office.received();
    world.office.restart();
    run.device.verdicts(&world.office, &run.changesets[1..]);
    assert_eq!(
        world.office.received(),
        received,
        "the same changeset is one row"
    );
    run.device.verdicts(&world.office, &run.changesets[..1]);
    assert_eq!(notes(&world.office.ticket(run.id)), ["一", "二"]);
    world.finish();
}

#[test]
fn the_same_changesets_again_change_nothing() {
    let world = World::default();
    let run = run(&world);
    let first = run.device.verdicts(&world.office, &run.changesets);
    let (end, heads) = (world.office.log_end(), world.office.heads(run.id));
    let again = run.device.verdicts(&world.office, &run.changesets);
    assert_eq!(first, again, "the author hears the same");
    assert_eq!(
        (world.office.log_end(), world.office.heads(run.id)),
        (end, heads)
    );
    world.finish();
}

#[test]
fn an_answer_lost_after_admission_changes_nothing() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    world.fate(0, &[Fate::LosesAnswer, Fate::LosesAnswer]);
    let end = world.office.log_end();
    world.exchange(0);
    assert_eq!(world.office.log_end(), end + 1, "it was admitted");
    assert_eq!(
        world.phones[0].counts().in_flight,
        1,
        "the phone does not know"
    );
    world.act(0, id, note("二"));
    world.phones[0].reopen();
    world.run_until_quiescent();
    assert_eq!(world.office.log_end(), end + 2);
    assert_eq!(notes(&world.office.ticket(id)), ["一", "二"]);
    world.finish();
}

#[test]
fn a_request_that_arrives_late_and_twice_changes_nothing() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.act(0, id, note("一"));
    world.fate(0, &[Fate::Delays, Fate::Duplicates]);
    world.exchange(0);
    world.act(0, id, note("二"));
    world.exchange(0);
    let heads = world.office.heads(id);
    world.deliver_delayed();
    assert_eq!(world.office.heads(id), heads);
    assert_eq!(notes(&world.office.ticket(id)), ["一", "二"]);
    world.finish();
}

#[test]
fn two_branches_on_one_base_keep_both_values_until_a_person_settles() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, model("KFR-26GW"));
    world.act(1, id, model("KFR-50LW"));
    world.run_until_quiescent();
    let both = ["KFR-26GW".to_owned(), "KFR-50LW".to_owned()];
    assert_eq!(texts_on(&world.office.ticket(id), Field::Model), both);
    for phone in 0..2 {
        assert_eq!(
            texts_on(&world.phones[phone].ticket(id), Field::Model),
            both
        );
    }
    let on = ConflictOn::Field {
        field: Field::Model,
    };
    world.desk(
        id,
        Command::SettleConflict {
            on,
            value: Value::from("KFR-26GW"),
        },
    );
    world.run_until_quiescent();
    let ticket = world.phones[1].ticket(id);
    assert_eq!(
        (ticket.conflicts.len(), ticket.text(Field::Model)),
        (0, Some("KFR-26GW"))
    );
    world.finish();
}

#[test]
fn a_conflict_is_raised_again_by_a_value_that_did_not_see_the_settlement() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.cut(1, true);
    world.act(0, id, model("KFR-26GW"));
    world.run_until_quiescent();
    world.desk(id, model("KFR-35GW/B"));
    world.act(0, id, model("KFR-72LW"));
    world.run_until_quiescent();
    let winner = world
        .office
        .ticket(id)
        .text(Field::Model)
        .unwrap()
        .to_owned();
    let on = ConflictOn::Field {
        field: Field::Model,
    };
    world.desk(
        id,
        Command::SettleConflict {
            on,
            value: Value::from(winner.as_str()),
        },
    );
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).conflicts, []);
    // All the time this one was away, on the first value.
    world.act(1, id, model("KFR-50LW"));
    world.cut(1, false);
    world.run_until_quiescent();
    let ticket = world.office.ticket(id);
    let mut expected = vec![winner, "KFR-50LW".to_owned()];
    expected.sort();
    assert_eq!(
        texts_on(&ticket, Field::Model),
        expected,
        "the settled value and the late one"
    );
    world.finish();
}

#[test]
fn a_form_opened_before_a_value_arrived_makes_a_visible_conflict() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let form = world.phones[0].seen(id);
    world.desk(id, model("KFR-OFFICE"));
    world.run_until_quiescent();
    assert_eq!(
        world.phones[0].ticket(id).text(Field::Model),
        Some("KFR-OFFICE")
    );
    // The form still shows what it showed; its value does not overwrite what its author never saw.
    world.act_seeing(0, id, &form, model("KFR-FIELD"));
    let expected = ["KFR-FIELD".to_owned(), "KFR-OFFICE".to_owned()];
    assert_eq!(
        texts_on(&world.phones[0].ticket(id), Field::Model),
        expected,
        "at once on the phone"
    );
    world.run_until_quiescent();
    assert_eq!(texts_on(&world.office.ticket(id), Field::Model), expected);
    assert_eq!(world.office.last_entry().1, "hard");
    world.finish();
}

#[test]
fn a_page_at_the_desk_opened_before_a_value_arrived_makes_a_visible_conflict() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let page = world.office.heads(id);
    world.act(0, id, model("KFR-FIELD"));
    world.run_until_quiescent();
    world
        .office
        .execute_seeing(DISPATCHER, id, &page, model("KFR-OFFICE"));
    world.run_until_quiescent();
    let expected = ["KFR-FIELD".to_owned(), "KFR-OFFICE".to_owned()];
    assert_eq!(
        texts_on(&world.phones[0].ticket(id), Field::Model),
        expected
    );
    world.finish();
}

#[test]
fn a_form_on_heads_that_nobody_has_is_refused_on_the_spot() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let nowhere: Seen = [(Part::Service, vec![gongdan_core::ids::ChangeHash([1; 32])])].into();
    let now = world.now();
    assert!(
        world.phones[0]
            .try_execute(now, id, &nowhere, note("一"))
            .is_err()
    );
    assert!(
        world
            .office
            .try_execute(DISPATCHER, id, &nowhere, note("一"))
            .is_err()
    );
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    world.finish();
}

#[test]
fn an_edit_beside_a_cancellation_is_admitted_and_shows() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, Command::Depart);
    world.act(0, id, Command::Arrive);
    world.act(0, id, note("已到场"));
    world.desk(
        id,
        Command::Cancel {
            reason: "客户来电取消".to_owned(),
        },
    );
    world.cut(0, false);
    world.run_until_quiescent();
    for ticket in [world.office.ticket(id), world.phones[0].ticket(id)] {
        assert_eq!(ticket.status, Status::Cancelled);
        assert!(
            !ticket.clashes.is_empty(),
            "that somebody went there is not lost"
        );
        assert_eq!(notes(&ticket), ["已到场"]);
    }
    world.desk(
        id,
        Command::SettleStatus {
            status: Status::Cancelled,
        },
    );
    world.run_until_quiescent();
    assert_eq!(world.phones[0].ticket(id).clashes, []);
    world.finish();
}

#[test]
fn a_cancelled_ticket_refuses_new_work_on_the_spot() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    world.desk(
        id,
        Command::Cancel {
            reason: "客户来电取消".to_owned(),
        },
    );
    world.run_until_quiescent();
    let now = world.now();
    assert!(
        world.phones[0]
            .try_execute(now, id, &Seen::new(), Command::Depart)
            .is_err()
    );
    world.act(0, id, note("工具已取回"));
    world.run_until_quiescent();
    assert_eq!(notes(&world.office.ticket(id)), ["工具已取回"]);
    world.finish();
}

#[test]
fn answers_to_one_item_by_two_of_a_crew_conflict_and_other_items_do_not() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    let answer = |item: &str, answer| Command::AnswerChecklist {
        answers: vec![ChecklistEntry {
            item: item.to_owned(),
            answer,
        }],
    };
    world.act(
        0,
        id,
        answer(
            "pressure",
            Answer::Reading {
                text: "0.8".to_owned(),
            },
        ),
    );
    world.act(0, id, answer("identity", Answer::Done));
    world.act(
        1,
        id,
        answer(
            "pressure",
            Answer::Reading {
                text: "0.9".to_owned(),
            },
        ),
    );
    world.act(1, id, answer("safety", Answer::Done));
    world.run_until_quiescent();
    let ticket = world.phones[0].ticket(id);
    let on: Vec<&ConflictOn> = ticket
        .conflicts
        .iter()
        .map(|conflict| &conflict.on)
        .collect();
    assert_eq!(
        on,
        [&ConflictOn::Checklist {
            item: "pressure".to_owned()
        }]
    );
    assert_eq!(ticket.checklist.len(), 3);
    world.finish();
}

#[test]
fn text_edited_by_two_at_once_keeps_both_edits() {
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let splice = |at, insert: &str| Command::EditProblem {
        splices: vec![gongdan_core::ticket::command::Splice {
            at,
            delete: 0,
            insert: insert.to_owned(),
        }],
    };
    let end = u32::try_from(world.office.ticket(id).problem.chars().count()).unwrap();
    world.act(0, id, splice(0, "【二次报修】"));
    world.desk(id, splice(end, "，夜间更明显"));
    world.run_until_quiescent();
    let problem = world.phones[0].ticket(id).problem;
    assert!(
        problem.starts_with("【二次报修】") && problem.ends_with("，夜间更明显"),
        "{problem}"
    );
    world.finish();
}

#[test]
fn visits_counted_by_two_at_once_are_both_counted() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001", "W002"]);
    world.act(0, id, Command::CountVisit);
    world.act(1, id, Command::CountVisit);
    world.run_until_quiescent();
    assert_eq!(world.office.ticket(id).visits, 2);
    world.finish();
}

#[test]
fn an_office_that_reassigns_and_back_again_loses_nothing_of_a_run() {
    let mut world = World::with(&["W001", "W002"]);
    let id = world.accepted(0, &["W001"]);
    world.cut(0, true);
    world.act(0, id, Command::Depart);
    world.act(0, id, Command::Arrive);
    world.desk(id, assign(&["W002"]));
    world.run_until_quiescent();
    world.desk(id, assign(&["W001"]));
    world.cut(0, false);
    world.run_until_quiescent();
    assert_eq!(world.phones[0].counts(), OutboxCounts::default());
    assert_eq!(world.office.ticket(id).visits, 1);
    world.finish();
}

#[test]
fn however_often_requests_are_lost_the_next_is_one_that_the_server_takes() {
    use gongdan_core::limits;
    let mut world = World::with(&["W001"]);
    let id = world.accepted(0, &["W001"]);
    let mut random = gongdan_tests::random::Random::new(3);
    for round in 1..=3 {
        // As good as incompressible; six kilobytes each, together more than one request takes.
        for _ in 0..80 {
            let text: String = (0..limits::LONG_TEXT_CHARS_MAX)
                .filter_map(|_| char::from_u32(0x4e00 + random.below(0x4000) as u32))
                .collect();
            world.act(0, id, note(&text));
        }
        let body = world.phones[0].next_request();
        assert!(
            body.len() > round * limits::REQUEST_BYTES_AIM / 4,
            "much to send"
        );
        assert!(body.len() <= limits::REQUEST_BYTES_MAX, "{}", body.len());
    }
    let mut exchanges = 1;
    while world.exchange(0) {
        exchanges += 1;
        assert!(exchanges < 20, "it ends");
    }
    assert!(exchanges >= 2, "it did not fit one request");
    assert_eq!(world.office.ticket(id).notes.len(), 240);
    world.finish();
}
