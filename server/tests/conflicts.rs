//! Conflicts as the console meets them: writes with stale heads, over HTTP.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "http/described.rs"]
mod described;
#[path = "http/desk.rs"]
#[expect(dead_code, reason = "shared with the other tests over HTTP")]
mod desk;
#[path = "http/harness.rs"]
#[expect(dead_code, reason = "shared with the other tests over HTTP")]
mod harness;

use desk::{DISPATCHER, OTHER_DISPATCHER, SUPERVISOR, correct};
use gongdan_core::catalogue::Person;
use gongdan_core::policy::Role;
use gongdan_server::auth::users;
use gongdan_server::organisation;
use harness::{TestServer, assert_problem};
use serde_json::{Value, json};

/// Values and authors of the candidates of a ticket's only conflict, in the order of the values.
fn candidates(detail: &Value) -> Vec<(String, String)> {
    let conflicts = detail["ticket"]["conflicts"].as_array().unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    let candidates = conflicts[0]["candidates"].as_array().unwrap();
    let mut found: Vec<(String, String)> = candidates
        .iter()
        .map(|candidate| {
            let author = &detail["authors"][candidate["actor"].as_str().unwrap()];
            (
                candidate["value"].as_str().unwrap().to_owned(),
                author["person"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    found.sort();
    found
}

/// A new person of these roles.
fn add_person(server: &TestServer, id: &str, roles: &[Role]) {
    let state = &server.running.state;
    let person = Person {
        id: id.parse().unwrap(),
        name: format!("人员{id}"),
        roles: roles.to_vec(),
        group: None,
        skills: Vec::new(),
        unit: None,
    };
    let now = state.host.now();
    state
        .db
        .write(|tx| {
            users::upsert(tx, &person, now)?;
            organisation::refresh(tx, now)
        })
        .unwrap();
}

fn pair(value: &str, person: &str) -> (String, String) {
    (value.to_owned(), person.to_owned())
}

#[tokio::test]
async fn a_stale_write_is_a_conflict_until_settled_and_a_second_one_raises_it_again() {
    let server = TestServer::start().await;
    let (first, second) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, number) = first.open("east", "空调不制冷").await;
    let opened = first.ticket(&id).await["heads"].clone();

    first
        .execute(&id, &opened, correct("model", "KFR-50"))
        .await;
    second
        .execute(&id, &opened, correct("model", "KFR-72"))
        .await;
    let detail = second.ticket(&number).await;
    assert_eq!(
        candidates(&detail),
        [pair("KFR-50", DISPATCHER), pair("KFR-72", OTHER_DISPATCHER)]
    );
    let conflict = &detail["ticket"]["conflicts"][0];
    assert_eq!(conflict["on"], json!({ "field": { "field": "model" } }));
    // The value that work goes on with stands first, in the list as in the ticket.
    assert_eq!(
        conflict["candidates"][0]["value"],
        detail["ticket"]["fields"]["model"]
    );
    let disputed = first.get("/v1/tickets?conflicts=true").await;
    assert_eq!(
        (&disputed["total"], &disputed["items"][0]["number"]),
        (&json!(1), &json!(number))
    );
    assert_eq!(first.get("/v1/overview").await["conflicts"], 1);
    let timeline = first.get(&format!("/v1/tickets/{id}/timeline")).await;
    let merged: Vec<&Value> = timeline["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["merged"])
        .collect();
    assert_eq!(merged.last().unwrap(), &"hard");
    assert!(
        merged[..merged.len() - 1]
            .iter()
            .all(|merged| *merged == "none"),
        "{merged:?}"
    );

    let settle = |value: &str| json!([{ "settle_conflict": { "on": { "field": { "field": "model" } }, "value": value } }]);
    first.execute(&id, &detail["heads"], settle("KFR-50")).await;
    let settled = first.ticket(&id).await;
    assert_eq!(
        (
            &settled["ticket"]["conflicts"],
            &settled["ticket"]["fields"]["model"]
        ),
        (&json!([]), &json!("KFR-50"))
    );
    assert_eq!(first.get("/v1/overview").await["conflicts"], 0);

    // Whoever still has the form of the morning open did not see that it was settled.
    second
        .execute(&id, &opened, correct("model", "KFR-26"))
        .await;
    let raised = second.ticket(&id).await;
    assert_eq!(
        candidates(&raised),
        [pair("KFR-26", OTHER_DISPATCHER), pair("KFR-50", DISPATCHER)]
    );
    assert_eq!(first.get("/v1/tickets?conflicts=true").await["total"], 1);
    second
        .execute(&id, &raised["heads"], settle("KFR-35"))
        .await;
    assert_eq!(
        second.ticket(&id).await["ticket"]["fields"]["model"],
        "KFR-35",
        "a third value settles too"
    );
    assert_eq!(first.get("/v1/tickets?conflicts=true").await["total"], 0);
    server.assert_rebuilt_the_same();
}

#[tokio::test]
async fn a_settling_that_did_not_see_a_newer_write_leaves_it_standing() {
    let server = TestServer::start().await;
    let (first, second) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, _) = first.open("east", "空调不制冷").await;
    let opened = first.ticket(&id).await["heads"].clone();
    first
        .execute(&id, &opened, correct("model", "KFR-50"))
        .await;
    second
        .execute(&id, &opened, correct("model", "KFR-72"))
        .await;
    let disputed = first.ticket(&id).await["heads"].clone();
    second
        .execute(&id, &disputed, correct("model", "KFR-26"))
        .await;
    let settle = json!([{ "settle_conflict": { "on": { "field": { "field": "model" } }, "value": "KFR-50" } }]);
    first.execute(&id, &disputed, settle).await;
    let detail = first.ticket(&id).await;
    assert_eq!(
        candidates(&detail),
        [pair("KFR-26", OTHER_DISPATCHER), pair("KFR-50", DISPATCHER)]
    );
}

#[tokio::test]
async fn different_fields_beside_each_other_merge_softly() {
    let server = TestServer::start().await;
    let (first, second) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, _) = first.open("east", "空调不制冷").await;
    let opened = first.ticket(&id).await["heads"].clone();
    first
        .execute(&id, &opened, correct("model", "KFR-50"))
        .await;
    second
        .execute(&id, &opened, correct("serial", "SN-2"))
        .await;
    let detail = first.ticket(&id).await;
    let fields = &detail["ticket"]["fields"];
    assert_eq!(
        (&fields["model"], &fields["serial"]),
        (&json!("KFR-50"), &json!("SN-2"))
    );
    assert_eq!(detail["ticket"]["conflicts"], json!([]));
    let timeline = first.get(&format!("/v1/tickets/{id}/timeline")).await;
    assert_eq!(
        timeline["entries"].as_array().unwrap().last().unwrap()["merged"],
        "soft"
    );
}

#[tokio::test]
async fn writes_that_saw_each_other_are_no_conflict() {
    let server = TestServer::start().await;
    let (first, second) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, _) = first.open("east", "空调不制冷").await;
    for (desk, model) in [(&first, "KFR-50"), (&second, "KFR-72"), (&first, "KFR-26")] {
        let heads = desk.ticket(&id).await["heads"].clone();
        desk.execute(&id, &heads, correct("model", model)).await;
    }
    let detail = first.ticket(&id).await;
    assert_eq!(
        (
            &detail["ticket"]["fields"]["model"],
            &detail["ticket"]["conflicts"]
        ),
        (&json!("KFR-26"), &json!([]))
    );
}

#[tokio::test]
async fn a_cancellation_beside_a_completion_is_a_clash_that_a_person_settles() {
    let server = TestServer::start().await;
    add_person(&server, "G7001", &[Role::Technician, Role::Dispatcher]);
    let (desk, field) = (server.desk(SUPERVISOR), server.desk("G7001"));
    let (id, _) = desk.open("east", "空调不制冷").await;
    let heads = async || desk.ticket(&id).await["heads"].clone();
    desk.execute(
        &id,
        &heads().await,
        json!([{ "assign": { "crew": ["G7001"], "lead": "G7001", "group": null } }]),
    )
    .await;
    field.execute(&id, &heads().await, json!(["accept"])).await;
    let both_saw = heads().await;
    desk.execute(
        &id,
        &both_saw,
        json!([{ "cancel": { "reason": "客户取消" } }]),
    )
    .await;
    field
        .execute(
            &id,
            &both_saw,
            json!([{ "complete": { "summary": "更换压缩机电容" } }]),
        )
        .await;

    let detail = desk.ticket(&id).await;
    assert_eq!(detail["ticket"]["status"], "cancelled");
    assert_eq!(
        detail["ticket"]["clashes"].as_array().unwrap().len(),
        1,
        "{}",
        detail["ticket"]["clashes"]
    );
    let row = &desk.get("/v1/tickets?conflicts=true").await["items"][0];
    assert_eq!(
        (&row["id"], &row["clashes"], &row["status"]),
        (&json!(id), &json!(1), &json!("cancelled"))
    );

    desk.execute(
        &id,
        &detail["heads"],
        json!([{ "settle_status": { "status": "completed" } }]),
    )
    .await;
    let detail = desk.ticket(&id).await;
    assert_eq!(
        (&detail["ticket"]["status"], &detail["ticket"]["clashes"]),
        (&json!("completed"), &json!([]))
    );
    assert_eq!(desk.get("/v1/overview").await["conflicts"], 0);
}

#[tokio::test]
async fn an_instant_settles_as_an_instant() {
    let server = TestServer::start().await;
    let (first, second) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
    let (id, _) = first.open("east", "空调不制冷").await;
    let opened = first.ticket(&id).await["heads"].clone();
    first
        .execute(
            &id,
            &opened,
            correct("reported_at", "2026-11-18T10:00:00+08:00"),
        )
        .await;
    second
        .execute(
            &id,
            &opened,
            correct("reported_at", "2026-11-18T11:00:00+08:00"),
        )
        .await;
    let detail = first.ticket(&id).await;
    assert_eq!(
        candidates(&detail),
        [
            pair("2026-11-18T02:00:00Z", DISPATCHER),
            pair("2026-11-18T03:00:00Z", OTHER_DISPATCHER)
        ]
    );
    let on = json!({ "field": { "field": "reported_at" } });
    let chosen = &detail["ticket"]["conflicts"][0]["candidates"][1]["value"];
    first
        .execute(
            &id,
            &detail["heads"],
            json!([{ "settle_conflict": { "on": on, "value": chosen } }]),
        )
        .await;
    let settled = first.ticket(&id).await;
    assert_eq!(
        (
            &settled["ticket"]["fields"]["reported_at"],
            &settled["ticket"]["conflicts"]
        ),
        (chosen, &json!([]))
    );
}

#[tokio::test]
async fn heads_that_nobody_has_are_refused_and_change_nothing() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let before = server.rows();
    let unknown = json!({ "service": ["ab".repeat(32)] });
    assert_problem(
        desk.try_execute(&id, &unknown, correct("model", "KFR-50"))
            .await,
        409,
        "unknown_heads",
    )
    .await;
    assert_eq!(server.rows(), before);
}
