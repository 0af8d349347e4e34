//! The audit chain over HTTP and by the operator's commands.

use gongdan_server::audit;
use gongdan_server::store::StoreError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{AUDITOR, DISPATCHER, SUPERVISOR, correct};
use crate::harness::{ADMINISTRATOR, TestServer, assert_problem};
use crate::phone::Phone;

impl TestServer {
    async fn audit(&self, query: &str) -> Vec<Value> {
        let path = format!("/v1/audit{query}");
        let response = self.desk(AUDITOR).send(Method::GET, &path, None).await;
        assert_eq!(response.status(), StatusCode::OK);
        let page: Value = response.json().await.unwrap();
        page["entries"].as_array().unwrap().clone()
    }

    fn tamper_with_audit(&self, sql: &str) {
        let db = self.running.state.db.clone();
        db.write(|tx| {
            tx.execute_batch(
                "DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_deleted;",
            )?;
            tx.execute_batch(sql)?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    }

    fn verify(&self, backups: &std::path::Path) -> (Option<i32>, String) {
        let done = self.gongdan(&["verify", "log", "--backups", backups.to_str().unwrap()]);
        let text = String::from_utf8(done.stdout).unwrap();
        (done.status.code(), text)
    }
}

fn actions(entries: &[Value]) -> Vec<&str> {
    entries
        .iter()
        .rev()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn who_read_what_is_told_once_in_ten_minutes_and_refusals_are() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, number) = desk.open("east", "空调不制冷").await;
    desk.ticket(&id).await;
    desk.ticket(&id).await;
    desk.send(Method::GET, "/v1/tickets?q=%E5%91%A8%E7%89%A7", None)
        .await;
    let refused = desk.send(Method::GET, "/v1/audit", None).await;
    assert_problem(refused, 403, "forbidden").await;
    server.clock.advance(601);
    desk.ticket(&number).await;
    desk.ticket(&id).await;

    let entries = server.audit(&format!("?person={DISPATCHER}")).await;
    assert_eq!(
        actions(&entries),
        [
            "signed_in",
            "ticket_read",
            "tickets_listed",
            "audit_read",
            "ticket_read",
            "ticket_read"
        ]
    );
    let text = serde_json::to_string(&entries).unwrap();
    assert!(
        !text.contains("周牧") && !text.contains("E5%91%A8"),
        "{text}"
    );
    assert_eq!(entries[2]["detail"], json!({ "status": 403 }));
    assert_eq!(entries[3]["detail"], json!({ "filters": ["q"] }));
    assert_eq!(entries[0]["person"], DISPATCHER);

    let named = server.audit(&format!("?ticket={number}")).await;
    assert_eq!(actions(&named), ["ticket_read"; 3]);
    let unknown = server
        .desk(AUDITOR)
        .send(Method::GET, "/v1/audit?ticket=FW202001010001", None)
        .await;
    assert_problem(unknown, 404, "unknown_ticket").await;
}

#[tokio::test]
async fn every_export_is_an_entry_of_its_own() {
    let server = TestServer::start().await;
    let (id, _) = server.desk(DISPATCHER).open("east", "空调不制冷").await;
    let desk = server.desk(SUPERVISOR);
    for path in [
        &format!("/v1/tickets/{id}/export"),
        "/v1/tickets/export?format=csv",
    ] {
        for _ in 0..2 {
            let answer = desk.fetch(path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
        }
    }
    let entries = server.audit(&format!("?person={SUPERVISOR}")).await;
    let exports = [
        "ticket_exported",
        "ticket_exported",
        "tickets_exported",
        "tickets_exported",
    ];
    assert_eq!(actions(&entries), [&["signed_in"][..], &exports].concat());
}

#[tokio::test]
async fn pages_go_back_to_the_first_entry() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    for _ in 0..5 {
        desk.open("east", "空调不制冷").await;
    }
    let auditor = server.desk(ADMINISTRATOR);
    let (mut path, mut seen) = ("/v1/audit?limit=2".to_owned(), Vec::new());
    loop {
        let page: Value = auditor
            .send(Method::GET, &path, None)
            .await
            .json()
            .await
            .unwrap();
        let entries = page["entries"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["seq"].as_u64().unwrap()));
        match page["next"].as_u64() {
            Some(next) => path = format!("/v1/audit?limit=2&before={next}"),
            None => break,
        }
    }
    let last = seen[0];
    assert!(last >= 7);
    assert_eq!(seen, (1..=last).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_a_phone_is_given_is_told_and_what_it_has_already_is_not() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let heads = desk.ticket(&id).await["heads"].clone();
    let assign = json!([{ "assign": { "crew": [server.technician], "lead": server.technician, "group": null } }]);
    desk.execute(&id, &heads, assign).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    phone.sync(&server).await;
    let heads = desk.ticket(&id).await["heads"].clone();
    desk.execute(&id, &heads, correct("model", "KFR-50")).await;
    phone.sync(&server).await;

    let entries = server.audit("?action=parts_given").await;
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(
        entries[0]["detail"],
        json!({ "tickets": { id: ["service", "customer"] } })
    );
    assert_eq!(entries[0]["person"], server.technician);
    let enrolled = server.audit("?action=device_enrolled").await;
    assert_eq!(enrolled[0]["actor"], entries[0]["actor"]);
}

#[tokio::test]
async fn entries_cannot_be_changed_or_deleted_and_verify_log_sees_what_was() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path();
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    desk.ticket(&id).await;
    let db = server.running.state.db.clone();
    for sql in [
        "UPDATE audit SET actor = 'person:G2001'",
        "DELETE FROM audit WHERE seq = 2",
    ] {
        let refused = db.write(|tx| Ok::<_, StoreError>(tx.execute(sql, [])?));
        assert!(format!("{:?}", refused.unwrap_err()).contains("an audit entry is never"));
    }
    server.said(&["backup", backups.to_str().unwrap()]);
    desk.open("north", "热水器漏水").await;
    let (code, text) = server.verify(backups);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("backups that the audit chain goes through: 1"),
        "{text}"
    );
    assert!(
        text.contains("log entries that the audit chain tells of: 4"),
        "{text}"
    );

    // Somebody who can write the database makes the whole chain anew, without one entry.
    server.tamper_with_audit(
        "DELETE FROM audit WHERE action = 'ticket_read';
         UPDATE audit SET seq = (SELECT count(*) FROM audit b WHERE b.seq < audit.seq) + 1;",
    );
    let (code, text) = server.verify(backups);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("an audit entry was changed"), "{text}");
    db.write(rehash).unwrap();
    let (code, text) = server.verify(backups);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("not the one that a backup saw"), "{text}");
    assert!(!text.contains("an audit entry was changed"), "{text}");
}

/// Makes every hash right again.
fn rehash(tx: &rusqlite::Transaction<'_>) -> Result<(), StoreError> {
    type Row = (i64, i64, String, String, String);
    let rows: Vec<Row> = tx
        .prepare("SELECT seq, at, actor, action, detail FROM audit ORDER BY seq")?
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })?
        .collect::<Result<_, _>>()?;
    let mut head = audit::Head {
        seq: 0,
        hash: [0; 32],
    };
    for (seq, at, actor, action, detail) in rows {
        let hash = audit::entry_hash(&head, at, &actor, &action, &detail);
        tx.execute(
            "UPDATE audit SET hash = ?2 WHERE seq = ?1",
            rusqlite::params![seq, hash],
        )?;
        head = audit::Head {
            seq: seq.cast_unsigned(),
            hash,
        };
    }
    Ok(())
}

#[tokio::test]
async fn a_log_entry_that_was_taken_out_or_put_in_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for (sql, told) in [
        (
            "PRAGMA defer_foreign_keys = ON; DELETE FROM log WHERE seq = 1;",
            "the log is not what the audit entry says",
        ),
        (
            "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit WHERE action = 'changes_admitted');",
            "does not tell of",
        ),
    ] {
        let server = TestServer::start().await;
        let desk = server.desk(SUPERVISOR);
        desk.open("east", "空调不制冷").await;
        desk.open("north", "热水器漏水").await;
        server.tamper_with_audit(sql);
        let (code, text) = server.verify(folder.path());
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn commands_on_the_servers_machine_are_told() {
    let server = TestServer::start().await;
    let (_, number) = server.desk(DISPATCHER).open("east", "空调不制冷").await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("ticket");
    server.said(&["export", &number, "--out", out.to_str().unwrap()]);
    server.said(&["ticket", "show", &number]);
    server.said(&["user", "deactivate", DISPATCHER]);
    server.said(&["device", "invite", &server.technician]);
    server.said(&["rebuild"]);
    let entries = server.audit("?limit=7").await;
    let by_operator: Vec<Value> = entries
        .into_iter()
        .filter(|entry| entry["actor"] == "operator")
        .collect();
    assert_eq!(
        actions(&by_operator),
        [
            "ticket_exported",
            "tickets_printed",
            "person_changed",
            "device_invited",
            "rebuilt"
        ]
    );
}
