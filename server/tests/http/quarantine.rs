//! What a phone sends without the right to it waits at the desk, and a person decides.

use gongdan_core::sync::verdict::QuarantineReason;
use gongdan_core::ticket::Command;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{DISPATCHER, SUPERVISOR, TECHNICIAN};
use crate::harness::{TestServer, assert_problem};
use crate::phone::Phone;

/// A ticket that the phone accepted and completed while the desk gave it to somebody else.
async fn reassigned(server: &TestServer) -> (Phone, String, String) {
    let desk = server.desk(DISPATCHER);
    let (id, number) = desk.open("east", "空调不制冷").await;
    let assign =
        |person: &str| json!([{ "assign": { "crew": [person], "lead": person, "group": null } }]);
    desk.execute(&id, &json!({}), assign(TECHNICIAN)).await;
    let mut phone = Phone::enrolled(server).await;
    phone.sync(server).await;
    desk.execute(&id, &json!({}), assign("G4002")).await;
    let ticket = id.parse().unwrap();
    phone.execute(server, ticket, Command::Accept);
    phone.execute(
        server,
        ticket,
        Command::Complete {
            summary: "更换压机电容".to_owned(),
        },
    );
    phone.sync(server).await;
    (phone, id, number)
}

#[tokio::test]
async fn work_after_a_reassignment_waits_with_its_author_and_reason_until_it_is_admitted() {
    let server = TestServer::start().await;
    let (mut phone, id, number) = reassigned(&server).await;
    let desk = server.desk(SUPERVISOR);
    let waiting = desk.get("/v1/quarantine").await;
    let items = waiting["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{waiting}");
    let item = &items[0];
    let reason = serde_json::to_value(QuarantineReason::Reassigned).unwrap();
    let expected = json!({
        "changeset": item["changeset"], "ticket": id, "label": number, "part": "service", "person": TECHNICIAN,
        "name": "陆河川", "reason": reason, "received_at": server.running.state.host.now(),
        "commands": ["accept", { "complete": { "summary": "更换压机电容" } }],
    });
    assert_eq!(*item, expected);
    assert_eq!(desk.get("/v1/overview").await["quarantined"], 1);
    assert_eq!(
        desk.ticket(&id).await["ticket"]["status"],
        "assigned",
        "it is not in the ticket"
    );
    assert_eq!(phone.replica.outbox_counts().unwrap().quarantined, 2);

    let path = format!("/v1/quarantine/{}", item["changeset"].as_str().unwrap());
    let response = desk.post(&path, json!({ "decision": "admit" })).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["verdicts"][0]["verdict"], "admitted", "{body}");
    assert_eq!(
        desk.get("/v1/quarantine").await,
        json!({ "items": [], "next": null, "waiting": {} })
    );
    let detail = desk.ticket(&id).await;
    assert_eq!(
        detail["ticket"]["fields"]["completion_summary"],
        "更换压机电容"
    );
    let timeline = desk.get(&format!("/v1/tickets/{id}/timeline")).await;
    let last = timeline["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["person"], &last["device_name"]),
        (&json!(TECHNICIAN), &json!("a phone"))
    );
    assert_problem(
        desk.post(&path, json!({ "decision": "decline" })).await,
        404,
        "not_quarantined",
    )
    .await;
    phone.sync(&server).await;
    assert_eq!(phone.replica.outbox_counts().unwrap().quarantined, 0);
    server.assert_rebuilt_the_same();
}

#[tokio::test]
async fn what_is_declined_stays_out_of_the_ticket_and_its_author_hears_of_it() {
    let server = TestServer::start().await;
    let (mut phone, id, _) = reassigned(&server).await;
    let before = server.rows();
    let desk = server.desk(DISPATCHER);
    let items = desk.get("/v1/quarantine").await;
    let path = format!(
        "/v1/quarantine/{}",
        items["items"][0]["changeset"].as_str().unwrap()
    );
    let response = desk.post(&path, json!({ "decision": "decline" })).await;
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (
            &body["verdicts"][0]["verdict"],
            &body["verdicts"][0]["reason"]
        ),
        (&json!("refused"), &json!({ "code": "declined" }))
    );
    assert_eq!(server.rows(), before);
    assert_eq!(desk.ticket(&id).await["ticket"]["status"], "assigned");
    phone.sync(&server).await;
    let counts = phone.replica.outbox_counts().unwrap();
    assert_eq!(
        (counts.quarantined, counts.refused),
        (0, 2),
        "and stays readable on the phone"
    );
}

#[tokio::test]
async fn what_builds_on_a_quarantined_one_cannot_be_admitted_before_it() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let assign =
        |person: &str| json!([{ "assign": { "crew": [person], "lead": person, "group": null } }]);
    desk.execute(&id, &json!({}), assign(TECHNICIAN)).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    desk.execute(&id, &json!({}), assign("G4002")).await;
    let ticket = id.parse().unwrap();
    phone.execute(&server, ticket, Command::Accept);
    // Sealed apart: it goes out, and its answer is lost.
    phone.send(&server).await;
    let text = "先到现场看看".to_owned();
    let part = gongdan_core::ids::Part::Service;
    phone.execute(&server, ticket, Command::WriteNote { part, text });
    phone.sync(&server).await;
    let waiting = desk.get("/v1/quarantine").await;
    let reasons: Vec<&Value> = waiting["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["reason"])
        .collect();
    assert_eq!(reasons, ["reassigned", "depends_on_quarantined"]);
    assert_eq!(waiting["next"], Value::Null);
    let counts = json!({ "reassigned": 1, "depends_on_quarantined": 1 });
    assert_eq!(waiting["waiting"], counts);
    // By pages of one, and by reason.
    let first = desk.get("/v1/quarantine?limit=1").await;
    let after = first["next"].as_str().unwrap();
    let second = desk
        .get(&format!("/v1/quarantine?limit=1&after={after}"))
        .await;
    for (page, item) in [(&first, 0), (&second, 1)] {
        assert_eq!(page["items"], json!([waiting["items"][item]]));
        assert_eq!(page["waiting"], counts);
    }
    let last = second["next"].as_str().unwrap();
    let last = desk.get(&format!("/v1/quarantine?after={last}")).await;
    assert_eq!((&last["items"], &last["next"]), (&json!([]), &Value::Null));
    let one = desk
        .get("/v1/quarantine?reason=depends_on_quarantined&after=")
        .await;
    assert_eq!(one["items"], json!([waiting["items"][1]]));
    for wrong in ["reason=nonsense", "after=x1", "after=s", "limit=many"] {
        let response = desk
            .send(Method::GET, &format!("/v1/quarantine?{wrong}"), None)
            .await;
        assert_problem(response, 400, "malformed_request").await;
    }
    let path = |item: usize| {
        let hash = waiting["items"][item]["changeset"].as_str().unwrap();
        format!("/v1/quarantine/{hash}")
    };
    let response = desk.post(&path(1), json!({ "decision": "admit" })).await;
    assert_problem(response, 409, "not_admissible").await;
    assert_eq!(
        desk.get("/v1/quarantine").await,
        waiting,
        "nothing was changed"
    );
    desk.post(&path(0), json!({ "decision": "admit" })).await;
    assert_eq!(
        desk.get("/v1/quarantine").await,
        json!({ "items": [], "next": null, "waiting": {} })
    );
    assert_eq!(
        desk.ticket(&id).await["ticket"]["notes"][0]["text"],
        "先到现场看看"
    );
}
