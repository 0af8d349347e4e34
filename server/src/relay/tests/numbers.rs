//! Ticket numbers (R29, R30, X14).

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::testing::{self, at};

use super::harness::{DISPATCHER, Server, TECHNICIAN};

fn number(server: &Server, ticket: TicketId) -> String {
    let row = server
        .db
        .read(|c| crate::relay::tickets::by_id(c, ticket))
        .unwrap()
        .unwrap();
    row.number.unwrap().to_string()
}

#[test]
fn the_date_is_the_intakes_in_the_organisations_zone_within_what_is_proven() {
    let server = Server::new();
    let mut phone = server.phone(TECHNICIAN);
    // It is 2026-11-22T00:00Z, 08:00 in Shanghai; the phone last heard of the server a day before.
    phone.anchor = at(-24 * 3600);
    let claims = [
        (1, at(-3600), "FW202611220001"),
        (2, at(-9 * 3600), "FW202611210001"),
        (3, at(-8 * 3600), "FW202611220002"),
        (4, Timestamp(0), "FW202611210002"),
        (5, at(90 * 24 * 3600), "FW202611220003"),
    ];
    for (n, claimed, expected) in claims {
        let ticket = testing::ticket(n);
        let opening = phone.opening(ticket, claimed);
        server.receive(&phone, &opening);
        assert_eq!(number(&server, ticket), expected);
    }
}

#[test]
fn after_the_9999th_of_a_day_comes_a_fifth_digit() {
    let server = Server::new();
    server
        .db
        .write(|tx| {
            tx.execute(
                "INSERT INTO ticket_numbers (date, sequence) VALUES ('2026-11-22', 9998)",
                [],
            )?;
            Ok::<_, crate::store::StoreError>(())
        })
        .unwrap();
    let numbers: Vec<String> = (0..3)
        .map(|_| {
            server
                .desk(DISPATCHER, None, testing::open())
                .unwrap()
                .number
                .unwrap()
                .to_string()
        })
        .collect();
    assert_eq!(
        numbers,
        ["FW202611229999", "FW2026112210000", "FW2026112210001"]
    );
}

#[test]
fn a_refused_opening_takes_no_number() {
    let server = Server::new();
    let refused = server.desk("G1002", None, testing::open());
    assert!(refused.is_err());
    assert_eq!(server.count("SELECT count(*) FROM ticket_numbers"), 0);
}
