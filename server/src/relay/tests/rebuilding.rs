//! Everything derived comes out the same from the signed changesets alone.

use gongdan_core::ids::{BlobHash, Part};
use gongdan_core::testing;
use gongdan_core::ticket::Command;

use super::harness::{DISPATCHER, SUCCESSOR, Server, TECHNICIAN, assign, note};
use crate::read_model;
use crate::store::StoreError;

/// A day with merges, acts, a reassignment and a refusal.
fn day(server: &Server) {
    let ticket = server.assigned(TECHNICIAN);
    let mut phone = server.phone(TECHNICIAN);
    phone.take(server, ticket);
    let accept = phone.seal(ticket, server.now(), vec![Command::Accept, note("路上")]);
    server
        .desk(DISPATCHER, Some(ticket), note("客户又来电"))
        .unwrap();
    server.pass(60);
    server.receive(&phone, &[accept]);
    let opening = phone.opening(testing::ticket(7), server.now());
    server.receive(&phone, &opening);
    let refused = phone.seal(ticket, server.now(), vec![Command::Close]);
    server.receive(&phone, &[refused]);
    server
        .desk(DISPATCHER, Some(testing::ticket(7)), assign(SUCCESSOR))
        .unwrap();
    let office = Command::WriteNote {
        part: Part::Office,
        text: "内部".into(),
    };
    server.desk(DISPATCHER, Some(ticket), office).unwrap();
}

fn derived(server: &Server) -> Vec<String> {
    let tables = [
        "SELECT group_concat(ticket_index || ' ' || part || ' ' || seq || ' ' || hex(bytes), char(10) ORDER BY ticket_index, part) FROM documents",
        "SELECT group_concat(person || ticket_index || part || visible || seq || ifnull(held_by, ''), char(10)) FROM visibility",
        "SELECT group_concat(hex(actor) || device_idx || person, char(10)) FROM actors",
        "SELECT group_concat(ticket_index || part || hex(actor) || ordinal || seq, char(10)) FROM command_ids",
        "SELECT group_concat(ticket_index || ifnull(grade, '') || ifnull(appointed_from, ''), char(10)) FROM tickets",
    ];
    server
        .db
        .read(|c| {
            let mut out = vec![read_model::dump(c)?];
            for sql in tables {
                out.push(c.query_row(sql, [], |row| row.get(0))?);
            }
            Ok::<_, StoreError>(out)
        })
        .unwrap()
}

#[test]
fn a_rebuild_equals_what_grew_and_reads_no_stored_document() {
    let server = Server::new();
    day(&server);
    let before = derived(&server);
    server
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute("UPDATE documents SET bytes = x'00'", [])?))
        .unwrap();
    let loads = crate::relay::documents::loads_of_this_thread();
    let rebuilt = crate::relay::rebuild(&server.db).unwrap();
    assert_eq!(crate::relay::documents::loads_of_this_thread(), loads);
    assert_eq!((rebuilt.tickets, rebuilt.different), (2, 0));
    assert_eq!(
        rebuilt.entries,
        server.count("SELECT count(*) FROM log").cast_unsigned()
    );
    assert_eq!(derived(&server), before);
}

#[test]
fn a_ticket_whose_log_does_not_agree_is_told_and_stays_and_the_others_are_made_anew() {
    let server = Server::new();
    day(&server);
    let before = derived(&server);
    server
        .db
        .write(|tx| {
            Ok::<_, StoreError>(tx.execute(
                "UPDATE log SET heads_after = zeroblob(32) WHERE seq = 2",
                [],
            )?)
        })
        .unwrap();
    // Of the other ticket what is stored has gone wrong.
    let spoil = "UPDATE documents SET bytes = x'00' WHERE ticket_index = 2;
                 DELETE FROM ticket_rows WHERE ticket_index = 2;
                 DELETE FROM command_ids WHERE ticket_index = 2";
    server
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute_batch(spoil)?))
        .unwrap();
    let rebuilt = crate::relay::rebuild(&server.db).unwrap();
    assert_eq!((rebuilt.tickets, rebuilt.different), (1, 1));
    assert_eq!(rebuilt.damaged.len(), 1);
    assert!(rebuilt.damaged[0].starts_with("FW"));
    assert_eq!(derived(&server), before);
    let flagged = server.db.read(crate::relay::damage::list).unwrap();
    assert_eq!(
        flagged
            .iter()
            .map(|d| (d.ticket_index, d.mended))
            .collect::<Vec<_>>(),
        [(1, false)]
    );
}

#[test]
fn a_changeset_that_rotted_keeps_its_ticket_from_a_rebuild_and_no_other() {
    let server = Server::new();
    day(&server);
    let before = derived(&server);
    let rot = "UPDATE inbox SET changeset = x'00' WHERE hash = (SELECT changeset FROM log WHERE ticket_index = 1 ORDER BY seq DESC LIMIT 1);
               DELETE FROM documents WHERE ticket_index = 2";
    server
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute_batch(rot)?))
        .unwrap();
    let rebuilt = crate::relay::rebuild(&server.db).unwrap();
    assert_eq!((rebuilt.tickets, rebuilt.different), (1, 1));
    assert_eq!(derived(&server), before);
}

#[test]
fn rows_of_another_projection_are_made_anew_at_the_next_start() {
    let mut server = Server::new();
    day(&server);
    let ticket = server.assigned(TECHNICIAN);
    let photo = Command::AttachPhoto {
        blob: BlobHash([7; 32]),
        media_type: "image/jpeg".into(),
        bytes: 1,
        caption: "铭牌".into(),
    };
    server.desk(DISPATCHER, Some(ticket), photo).unwrap();
    let before = derived(&server);
    assert!(before[0].contains("ticket_photos"));
    // As a program left it that knew neither photos nor this version, and made something else of a row.
    let older =
        "DELETE FROM ticket_photos; UPDATE ticket_rows SET problem = '旧', search_text = '旧';
         DELETE FROM ticket_grams WHERE ticket_index = 1; UPDATE read_model_state SET version = 0";
    let spoil = |sql| {
        server
            .db
            .write(|tx| Ok::<_, StoreError>(tx.execute_batch(sql)?))
            .unwrap();
    };
    spoil(older);
    assert_ne!(derived(&server), before);
    server.restart();
    assert_eq!(derived(&server), before);
    // Rows of this version are left as they are: a start costs nothing.
    let loads = crate::relay::documents::loads_of_this_thread();
    server.restart();
    assert_eq!(crate::relay::documents::loads_of_this_thread(), loads);
}
