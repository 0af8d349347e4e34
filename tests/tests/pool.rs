//! The pool: what a group may pick from is on its people's phones, the work and not the customer (R43, R44).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::ids::TicketId;
use gongdan_core::testing;
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::{Command, Field, Status, Value};
use gongdan_server::relay::Decision;
use gongdan_tests::World;
use gongdan_tests::office::DISPATCHER;
use gongdan_tests::world::assign;

/// W003 and W004 are of the group that serves air conditioners in the east; W001 is of none.
fn world() -> World {
    World::with(&["W003", "W004", "W001"])
}

fn set(field: Field, value: &str) -> Command {
    Command::Correct {
        field,
        value: Value::from(value),
    }
}

/// What of a ticket is on a phone.
#[derive(Debug, PartialEq)]
enum Held {
    Nothing,
    Work,
    WorkAndCustomer,
}

fn held(world: &mut World, phone: usize, id: TicketId) -> Held {
    match world.phones[phone].view(id) {
        None => Held::Nothing,
        Some(view) if view.ticket.text(Field::CustomerName).is_some() => Held::WorkAndCustomer,
        Some(_) => Held::Work,
    }
}

fn opened(world: &mut World) -> TicketId {
    let id = world.office.open(DISPATCHER, testing::open());
    let name = FieldValue {
        field: Field::CustomerName,
        value: Value::from("周牧云"),
    };
    world.desk(id, Command::RecordCustomer { fields: vec![name] });
    world.run_until_quiescent();
    id
}

#[test]
fn an_unassigned_ticket_is_on_the_phones_of_its_group_without_the_customer() {
    let mut world = world();
    let id = opened(&mut world);
    assert_eq!(held(&mut world, 0, id), Held::Work);
    assert_eq!(held(&mut world, 1, id), Held::Work);
    assert_eq!(held(&mut world, 2, id), Held::Nothing);
    world.finish();
}

#[test]
fn who_picks_it_offline_gets_the_customer_and_the_others_lose_the_ticket() {
    let mut world = world();
    let id = opened(&mut world);
    world.cut(0, true);
    world.act(0, id, assign(&["W003"]));
    assert_eq!(world.phones[0].ticket(id).status, Status::Assigned);
    world.cut(0, false);
    world.run_until_quiescent();
    assert_eq!(held(&mut world, 0, id), Held::WorkAndCustomer);
    assert_eq!(held(&mut world, 1, id), Held::Nothing);
    assert_eq!(world.office.ticket(id).crew[0].as_str(), "W003");
    world.finish();
}

#[test]
fn of_two_who_pick_it_offline_the_first_to_arrive_has_it_and_a_person_decides_about_the_other() {
    let mut world = world();
    let id = opened(&mut world);
    for phone in [0, 1] {
        world.cut(phone, true);
    }
    world.act(0, id, assign(&["W003"]));
    world.act(1, id, assign(&["W004"]));
    for phone in [0, 1] {
        world.cut(phone, false);
        world.run_until_quiescent();
    }
    let crew = |world: &World| {
        let crew = world.office.ticket(id).crew;
        crew.iter().map(|p| p.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(crew(&world), ["W003"]);
    assert_eq!(world.phones[1].counts().quarantined, 1, "nothing is lost");
    let [waiting] = world.office.inbox("quarantined")[..] else {
        panic!("one waits")
    };
    world.office.decide(waiting, Decision::Admit).unwrap();
    world.run_until_quiescent();
    assert_eq!(crew(&world), ["W003", "W004"]);
    assert_eq!(held(&mut world, 1, id), Held::WorkAndCustomer);
    world.finish();
}

#[test]
fn product_line_and_state_move_a_ticket_between_pools() {
    let mut world = world();
    let id = opened(&mut world);
    for (command, is_in) in [
        (set(Field::ProductLine, "compressor"), false),
        (set(Field::ProductLine, "lock"), true),
        (
            Command::Cancel {
                reason: "客户撤回".to_owned(),
            },
            false,
        ),
        (
            Command::Reopen {
                reason: "客户又要".to_owned(),
            },
            true,
        ),
    ] {
        world.desk(id, command.clone());
        world.run_until_quiescent();
        assert_eq!(held(&mut world, 0, id) == Held::Work, is_in, "{command:?}");
    }
    world.finish();
}

#[test]
fn who_joins_a_group_gets_its_pool_and_who_leaves_it_loses_it() {
    let mut world = world();
    let id = opened(&mut world);
    world.office.set_group("W001", Some("home"));
    world.office.set_group("W003", None);
    world.run_until_quiescent();
    assert_eq!(held(&mut world, 2, id), Held::Work);
    assert_eq!(held(&mut world, 0, id), Held::Nothing);
    world.office.set_group("W003", Some("plant"));
    world.office.set_group("W001", None);
    world.run_until_quiescent();
    assert_eq!(held(&mut world, 2, id), Held::Nothing);
    assert_eq!(held(&mut world, 0, id), Held::Nothing);
    world.finish();
}

#[test]
fn a_note_that_somebody_of_the_pool_may_not_write_is_refused_on_the_phone() {
    let mut world = world();
    let id = opened(&mut world);
    let (now, note) = (world.now(), gongdan_tests::world::note("我来过"));
    let seen = world.phones[0].seen(id);
    let refused = world.phones[0].try_execute(now, id, &seen, note);
    assert!(refused.is_err());
    world.finish();
}
