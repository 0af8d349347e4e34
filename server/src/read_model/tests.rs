//! The projector on tickets of real documents, the lists on its rows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::Part;
use gongdan_core::service_clock::Clock;
use gongdan_core::testing::{self, Author, at, person};
use gongdan_core::ticket::command::{Command, FieldValue};
use gongdan_core::ticket::summary::{matches, search_text};
use gongdan_core::ticket::{Field, Status, Ticket, Value};
use rusqlite::{Connection, params_from_iter};

use super::list::Statement;
use super::*;

const SCHEMA: &str = concat!(
    include_str!("../store/schema/004_read_model.sql"),
    include_str!("../store/schema/006_ticket_photos.sql"),
    include_str!("../store/schema/022_attachments_by_part.sql"),
    include_str!("../store/schema/023_list_clocks.sql"),
);

fn open() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(SCHEMA).unwrap();
    connection
}

/// A document of one ticket, opened, and who writes on.
fn opened(n: u8, region: &str, problem: &str) -> (TicketDoc, Author) {
    let mut doc = TicketDoc::genesis(Part::Service);
    let mut desk = Author::new(n);
    let field = |field, value: &str| FieldValue {
        field,
        value: Value::from(value),
    };
    let fields = vec![
        field(Field::Region, region),
        field(Field::ProductLine, "aircon"),
        field(Field::Grade, ["A", "B", "C"][usize::from(n) % 3]),
        field(Field::ExternalRef, &format!("R-{n}")),
    ];
    desk.run(
        &mut doc,
        Command::Open {
            fields,
            problem: problem.to_owned(),
        },
    );
    (doc, desk)
}

fn assign(lead: &str) -> Command {
    Command::Assign {
        crew: vec![person(lead)],
        lead: person(lead),
        group: None,
    }
}

fn ticket(n: u8, doc: &TicketDoc) -> Ticket {
    let number = n
        .is_multiple_of(2)
        .then(|| format!("FW20261122{:04}", n + 1).parse().unwrap());
    hydrate(testing::ticket(n), number, &[doc]).unwrap()
}

/// Its rows with a clock, but for every seventh: those opened last are over first, two at a time.
fn clocked(n: u8, ticket: &Ticket) -> Rows {
    let due = at(3_600 * i64::from(15 - n / 2));
    let clock = (!n.is_multiple_of(7)).then_some(NextClock {
        clock: Clock::FirstResponse,
        due_at: Some(due),
        soon_at: Some(due.plus(-1_800)),
        paused_by: None,
    });
    Rows {
        clock,
        ..rows(ticket)
    }
}

/// Thirty tickets over three regions, every third assigned, every fifth with a conflict; with their structs.
fn filled() -> (Connection, Vec<Ticket>) {
    let mut connection = open();
    let mut tickets = Vec::new();
    let tx = connection.transaction().unwrap();
    for n in 0..30u8 {
        let region = ["east", "north", "west"][usize::from(n / 2) % 3];
        let problem =
            ["空调不制冷,室外机有异响", "热水器漏水", "Washer shows E2"][usize::from(n) % 3];
        let (mut doc, mut desk) = opened(n, region, problem);
        if n % 3 == 0 {
            desk.run(&mut doc, assign(if n % 2 == 0 { "W001" } else { "W002" }));
        }
        if n % 5 == 0 {
            let mut other = doc.clone();
            let correct = |model: &str| Command::Correct {
                field: Field::Model,
                value: Value::from(model),
            };
            desk.run(&mut doc, correct("KFR-35"));
            Author::new(100 + n).run(&mut other, correct("KFR-50"));
            doc.merge(&mut other);
        }
        let ticket = ticket(n, &doc);
        store(
            &tx,
            u64::from(n) + 1,
            &clocked(n, &ticket),
            at(i64::from(n)),
        )
        .unwrap();
        tickets.push(ticket);
    }
    tx.commit().unwrap();
    (connection, tickets)
}

fn indexes(page: &Page) -> Vec<u64> {
    page.items.iter().map(|listed| listed.index).collect()
}

fn all(connection: &Connection, filter: &Filter) -> Vec<u64> {
    let page = list(connection, filter, Order::Newest, None, LIMIT_MAX).unwrap();
    assert_eq!((page.total, page.next), (page.items.len() as u64, None));
    indexes(&page)
}

#[test]
fn a_row_is_the_tickets_summary_with_the_receipt_as_its_time() {
    let (connection, tickets) = filled();
    let page = list(
        &connection,
        &Filter::default(),
        Order::Newest,
        None,
        LIMIT_MAX,
    )
    .unwrap();
    for listed in page.items {
        let n = usize::try_from(listed.index).unwrap() - 1;
        let expected = clocked(u8::try_from(n).unwrap(), &tickets[n]);
        assert_eq!(listed.clock, expected.clock);
        let mut expected = expected.summary;
        expected.updated_at = Some(at(i64::try_from(n).unwrap()));
        assert_eq!(listed.summary, expected);
        assert_eq!(
            find(&connection, &expected.id.to_string()).unwrap(),
            Some(listed.index)
        );
        if let Some(number) = expected.number {
            assert_eq!(
                find(&connection, &number.to_string()).unwrap(),
                Some(listed.index)
            );
        }
        assert_eq!(
            label(&connection, listed.index, expected.id).unwrap(),
            expected.label
        );
        assert!(has_external_ref(&connection, &format!("R-{n}")).unwrap());
    }
    assert_eq!(find(&connection, "FW202611229998").unwrap(), None);
    assert!(!has_external_ref(&connection, "R-30").unwrap());
}

#[test]
fn filters_let_through_what_the_tickets_say() {
    let (connection, tickets) = filled();
    let expected = |keep: &dyn Fn(&Ticket) -> bool| -> Vec<u64> {
        (1..=30)
            .rev()
            .filter(|index| keep(&tickets[usize::try_from(*index).unwrap() - 1]))
            .collect()
    };
    type Case<'a> = (Filter, &'a dyn Fn(&Ticket) -> bool);
    let cases: [Case<'_>; 6] = [
        (
            Filter {
                status: Some(Status::Assigned),
                ..Filter::default()
            },
            &|t| t.status == Status::Assigned,
        ),
        (
            Filter {
                grade: Some("B".into()),
                ..Filter::default()
            },
            &|t| t.text(Field::Grade) == Some("B"),
        ),
        (
            Filter {
                region: Some("north".into()),
                ..Filter::default()
            },
            &|t| t.text(Field::Region) == Some("north"),
        ),
        (
            Filter {
                lead: Some(person("W001")),
                ..Filter::default()
            },
            &|t| t.lead() == Some(person("W001")),
        ),
        (
            Filter {
                disputed: true,
                ..Filter::default()
            },
            &|t| !t.conflicts.is_empty(),
        ),
        (
            Filter {
                region: Some("east".into()),
                query: Some("制冷".into()),
                disputed: true,
                ..Filter::default()
            },
            &|t| {
                t.text(Field::Region) == Some("east")
                    && t.problem.contains("制冷")
                    && !t.conflicts.is_empty()
            },
        ),
    ];
    for (filter, keep) in cases {
        let found = all(&connection, &filter);
        assert!(
            !found.is_empty() && found.len() < 30,
            "{filter:?} tells tickets apart"
        );
        assert_eq!(found, expected(keep), "{filter:?}");
    }
}

#[test]
fn a_search_finds_what_the_rule_of_core_finds() {
    let (connection, tickets) = filled();
    let queries = [
        "制冷",
        "漏水",
        "冷",
        "WASHER e2",
        "e",
        "冷,室",
        "室外机有异响",
        "fw20261122",
        "FW202611220005",
        "kfr-50",
        "临",
        "east 空调",
        "冷水",
        "不存在",
        ",",
        "%",
        "a_b",
        "'",
        "east\neast",
    ];
    let mut hits = 0;
    for query in queries {
        let filter = Filter {
            query: Some(query.to_owned()),
            ..Filter::default()
        };
        let expected: Vec<u64> = (1..=30u64)
            .rev()
            .filter(|index| {
                matches(
                    &search_text(&tickets[usize::try_from(*index).unwrap() - 1]),
                    query,
                )
            })
            .collect();
        hits += expected.len();
        assert_eq!(all(&connection, &filter), expected, "{query}");
    }
    assert!(hits > 100);
}

#[test]
fn a_changed_text_is_found_by_its_new_pieces_only() {
    let mut connection = open();
    let (mut doc, mut desk) = opened(1, "east", "空调不制冷");
    let project = |connection: &mut Connection, doc: &TicketDoc| {
        let tx = connection.transaction().unwrap();
        store(&tx, 1, &rows(&ticket(1, doc)), at(0)).unwrap();
        tx.commit().unwrap();
    };
    project(&mut connection, &doc);
    let splice = gongdan_core::ticket::command::Splice {
        at: 2,
        delete: 3,
        insert: "漏水".to_owned(),
    };
    desk.run(
        &mut doc,
        Command::EditProblem {
            splices: vec![splice],
        },
    );
    project(&mut connection, &doc);
    let found = |query: &str| {
        all(
            &connection,
            &Filter {
                query: Some(query.into()),
                ..Filter::default()
            },
        )
    };
    assert_eq!((found("制冷"), found("空调漏水")), (vec![], vec![1]));

    let grown = dump(&connection).unwrap();
    let mut fresh = open();
    project(&mut fresh, &doc);
    assert_eq!(
        dump(&fresh).unwrap(),
        grown,
        "nothing is left of the old text"
    );
}

#[test]
fn pages_are_complete_and_without_doubles_though_tickets_change_between() {
    let (mut connection, tickets) = filled();
    let filter = Filter::default();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = list(&connection, &filter, Order::Newest, after, 7).unwrap();
        assert_eq!(page.total, 30);
        seen.extend(indexes(&page));
        // Whoever is updated meanwhile neither leaves a page unseen nor comes again.
        let tx = connection.transaction().unwrap();
        store(
            &tx,
            seen[0],
            &rows(&tickets[usize::try_from(seen[0]).unwrap() - 1]),
            at(9_999),
        )
        .unwrap();
        tx.commit().unwrap();
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen, (1..=30).rev().collect::<Vec<u64>>());
    assert!("!".parse::<Cursor>().is_err() && "AAAA".parse::<Cursor>().is_err());
}

#[test]
fn by_clocks_the_one_that_is_over_first_comes_first() {
    let (connection, _) = filled();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = list(&connection, &Filter::default(), Order::Due, after, 4).unwrap();
        assert_eq!(page.total, 30);
        let due = |l: &Listed| l.clock.map_or(at(i64::MAX / 2), |c| c.due_at.unwrap());
        seen.extend(page.items.iter().map(|l| (due(l), l.index)));
        let Some(next) = page.next else { break };
        assert!(next.is_of(Order::Due) && !next.is_of(Order::Newest));
        after = Some(next.to_string().parse().unwrap());
    }
    assert_eq!(seen.len(), 30);
    assert!(seen.is_sorted(), "{seen:?}");

    // At four hours those due at 1, 2 and 3 hours are over, those due at 4 and at 4½ are not.
    let at_four = |due| Filter {
        due: Some((due, at(4 * 3_600))),
        ..Filter::default()
    };
    let overdue = all(&connection, &at_four(Due::Overdue));
    let soon = all(&connection, &at_four(Due::Soon));
    let due_at = |hours: i64| -> Vec<u64> {
        let due = |n: &u8| 15 - i64::from(*n / 2) == hours && !n.is_multiple_of(7);
        (0..30u8)
            .rev()
            .filter(due)
            .map(|n| u64::from(n) + 1)
            .collect()
    };
    assert_eq!(overdue, [due_at(1), due_at(2), due_at(3)].concat());
    assert_eq!(soon, due_at(4));
    let overview = counts(&connection, at(4 * 3_600)).unwrap();
    assert_eq!(
        (overview.overdue, overview.soon),
        (overdue.len() as u64, soon.len() as u64)
    );
}

#[test]
fn a_page_that_ends_with_the_list_has_no_next() {
    let (connection, _) = filled();
    assert_eq!(
        list(&connection, &Filter::default(), Order::Newest, None, 30)
            .unwrap()
            .next,
        None
    );
    assert!(
        list(&connection, &Filter::default(), Order::Newest, None, 29)
            .unwrap()
            .next
            .is_some()
    );
    assert_eq!(
        list(&connection, &Filter::default(), Order::Newest, None, 0)
            .unwrap()
            .items
            .len(),
        1
    );
}

/// What SQLite says about how it will find the rows.
fn plan(connection: &Connection, filter: &Filter, order: Order) -> String {
    let after = Some(
        list(connection, &Filter::default(), order, None, 10)
            .unwrap()
            .next
            .unwrap(),
    );
    let statement = Statement::page(filter, order, after, 50).unwrap();
    connection
        .prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql))
        .unwrap()
        .query_map(params_from_iter(statement.values), |row| {
            row.get::<_, String>("detail")
        })
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap()
        .join("\n")
}

#[test]
fn every_filter_goes_by_an_index_and_in_its_order() {
    let (connection, _) = filled();
    let word = |query: &str| Filter {
        query: Some(query.into()),
        ..Filter::default()
    };
    let cases = [
        (Filter::default(), "INTEGER PRIMARY KEY (rowid<?)"),
        (
            Filter {
                status: Some(Status::Assigned),
                ..Filter::default()
            },
            "ticket_rows_by_status (status=? AND rowid<?)",
        ),
        (
            Filter {
                grade: Some("A".into()),
                ..Filter::default()
            },
            "ticket_rows_by_grade (grade=? AND rowid<?)",
        ),
        (
            Filter {
                region: Some("east".into()),
                ..Filter::default()
            },
            "ticket_rows_by_region (region=? AND rowid<?)",
        ),
        (
            Filter {
                lead: Some(person("W001")),
                ..Filter::default()
            },
            "ticket_rows_by_lead (lead=? AND rowid<?)",
        ),
        (
            Filter {
                disputed: true,
                ..Filter::default()
            },
            "ticket_rows_disputed (disputed=? AND rowid<?)",
        ),
        (word("制冷"), "USING PRIMARY KEY (gram=?)"),
        (word("室外机"), "USING PRIMARY KEY (gram=?)"),
    ];
    for (filter, expected) in cases {
        let plan = plan(&connection, &filter, Order::Newest);
        assert!(plan.contains(expected), "{filter:?}:\n{plan}");
        assert!(!plan.contains("SCAN ticket_rows"), "{filter:?}:\n{plan}");
        assert!(
            !plan.contains("TEMP B-TREE FOR ORDER BY"),
            "{filter:?}:\n{plan}"
        );
    }
    let by_due = plan(&connection, &Filter::default(), Order::Due);
    assert!(
        by_due.contains("ticket_rows_in_order_of_due (<expr>>?)"),
        "{by_due}"
    );
    assert!(!by_due.contains("TEMP B-TREE FOR ORDER BY"), "{by_due}");
    let overdue = Filter {
        due: Some((Due::Overdue, at(9))),
        ..Filter::default()
    };
    let late = plan(&connection, &overdue, Order::Newest);
    assert!(
        late.contains("ticket_rows_in_order_of_due (<expr><?)"),
        "{late}"
    );
    let column = Filter {
        status: Some(Status::Received),
        ..Filter::default()
    };
    let column = plan(&connection, &column, Order::Due);
    let index = "ticket_rows_by_status_in_order_of_due (status=? AND <expr>>?)";
    assert!(column.contains(index), "{column}");
    assert!(!column.contains("TEMP B-TREE FOR ORDER BY"), "{column}");
}

#[test]
fn counts_are_those_of_the_lists() {
    let (connection, tickets) = filled();
    let overview = counts(&connection, at(0)).unwrap();
    let received = tickets
        .iter()
        .filter(|t| t.status == Status::Received)
        .count() as u64;
    assert_eq!(overview.unassigned, received);
    assert_eq!((overview.open, overview.conflicts), (30, 6));
    assert_eq!(overview.by_status.values().sum::<u64>(), 30);

    let (mut doc, mut desk) = opened(1, "east", "空调不制冷");
    desk.run(
        &mut doc,
        Command::Cancel {
            reason: "客户取消".to_owned(),
        },
    );
    let mut connection = connection;
    let tx = connection.transaction().unwrap();
    store(&tx, 2, &rows(&ticket(1, &doc)), at(0)).unwrap();
    tx.commit().unwrap();
    let overview = counts(&connection, at(0)).unwrap();
    assert_eq!((overview.open, overview.by_status[&"cancelled"]), (29, 1));
}

#[test]
fn a_cleared_read_model_is_empty_and_comes_out_the_same() {
    let (mut connection, tickets) = filled();
    let before = dump(&connection).unwrap();
    assert!(before.contains("ticket_conflicts ticket_index=1 part=\"service\""));
    let tx = connection.transaction().unwrap();
    clear(&tx).unwrap();
    assert_eq!(dump(&tx).unwrap(), "");
    for (n, ticket) in tickets.iter().enumerate().rev() {
        store(
            &tx,
            n as u64 + 1,
            &clocked(u8::try_from(n).unwrap(), ticket),
            at(i64::try_from(n).unwrap()),
        )
        .unwrap();
    }
    tx.commit().unwrap();
    assert_eq!(dump(&connection).unwrap(), before);
}
