//! The desk's tickets over HTTP: lists, one ticket, its timeline, commands, and who may.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::desk::{
    AUDITOR, CLERK, DISPATCHER, OTHER_DISPATCHER, SUPERVISOR, TECHNICIAN, correct, opening,
};
use crate::harness::{TestServer, assert_problem};

fn numbers(page: &Value) -> Vec<String> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["number"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_request_taken_in_is_a_ticket_with_number_row_and_timeline() {
    let server = TestServer::start().await;
    let clerk = server.desk(CLERK);
    let (id, number) = clerk.open("east", "空调不制冷,室外机有异响").await;
    let by_id = clerk.ticket(&id).await;
    assert_eq!(by_id, clerk.ticket(&number).await);
    let ticket = &by_id["ticket"];
    assert_eq!(
        (&ticket["id"], &ticket["number"], &ticket["status"]),
        (&json!(id), &json!(number), &json!("received"))
    );
    assert_eq!(
        ticket["fields"]["reported_at"], "2026-11-18T01:30:00Z",
        "a text became an instant"
    );
    assert_eq!(ticket["fields"]["customer_name"], "周牧云");
    for part in ["service", "customer", "office"] {
        let heads = by_id["heads"][part].as_array().unwrap();
        assert_eq!(
            heads
                .iter()
                .map(|head| head.as_str().unwrap().len())
                .collect::<Vec<_>>(),
            [64],
            "{part}"
        );
    }
    let author = &by_id["authors"][ticket["events"][0]["actor"].as_str().unwrap()];
    assert_eq!(
        (&author["person"], &author["name"]),
        (&json!(CLERK), &json!("程以宁"))
    );
    let allowed: BTreeSet<&str> = by_id["allowed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a.as_str().unwrap())
        .collect();
    assert!(
        allowed.contains("correct") && !allowed.contains("assign") && !allowed.contains("open"),
        "{allowed:?}"
    );

    let row = &clerk.get("/v1/tickets").await["items"][0];
    assert_eq!(
        (&row["number"], &row["customer_name"], &row["grade"]),
        (&json!(number), &json!("周牧云"), &json!("B"))
    );
    let now = server.running.state.host.now().to_string();
    assert_eq!(row["updated_at"], now);

    let timeline = clerk.get(&format!("/v1/tickets/{number}/timeline")).await;
    let entries = timeline["entries"].as_array().unwrap();
    let parts: Vec<&str> = entries
        .iter()
        .map(|entry| entry["part"].as_str().unwrap())
        .collect();
    assert_eq!(parts, ["service", "customer"]);
    assert!(
        entries[0]["commands"][0]["open"].is_object()
            && entries[1]["commands"][0]["record_customer"].is_object()
    );
    for entry in entries {
        assert_eq!(
            (&entry["person"], &entry["name"], &entry["merged"]),
            (&json!(CLERK), &json!("程以宁"), &json!("none"))
        );
        assert_eq!(
            (&entry["claimed_at"], &entry["received_at"]),
            (&json!(now), &json!(now))
        );
    }
    let overview = clerk.get("/v1/overview").await;
    let expected = json!({ "open": 1, "unassigned": 1, "conflicts": 0, "quarantined": 0, "overdue": 0, "soon": 0,
        "waiting": {}, "unsent_phones": 0, "by_status": { "received": 1 } });
    assert_eq!(overview, expected);
}

#[tokio::test]
async fn a_ticket_tells_its_clocks_by_the_rules_of_the_organisation() {
    let server = TestServer::start().await;
    let clerk = server.desk(CLERK);
    let (id, _) = clerk.open("east", "空调不制冷").await;
    let opened = server.running.state.host.now();
    let clocks = clerk.ticket(&id).await["clocks"].clone();
    let told: Vec<_> = clocks.as_array().unwrap().iter().collect();
    let names: Vec<_> = told.iter().map(|c| c["clock"].as_str().unwrap()).collect();
    assert_eq!(names, ["first_response", "arrival", "completion"]);
    let response = told[0];
    assert_eq!(response["state"], "running");
    assert_eq!(
        response["due_at"],
        opened.plus(4 * 3_600).to_string(),
        "grade B"
    );
    assert_eq!(response["is_proven"], true, "the desk's own clock");
    // By its region, from the feedback that was noted at intake (X15).
    assert_eq!(told[1]["started_at"], "2026-11-18T01:30:00Z");
    assert_eq!(told[1]["due_at"], "2026-11-19T01:30:00Z");
    server.clock.advance(4 * 3_600 + 1);
    // The session has ended meanwhile.
    let later = server.desk(CLERK).ticket(&id).await["clocks"][0].clone();
    assert_eq!(
        (&later["state"], &later["elapsed_seconds"]),
        (&json!("overdue"), &json!(14_401))
    );
}

#[tokio::test]
async fn the_list_tells_and_goes_by_the_clock_that_is_over_first() {
    let server = TestServer::start().await;
    let clerk = server.desk(CLERK);
    let (first, _) = clerk.open("east", "空调不制冷").await;
    let opened = server.running.state.host.now();
    server.clock.advance(3_600);
    let (second, _) = server.desk(CLERK).open("east", "热水器漏水").await;
    let dispatcher = server.desk(DISPATCHER);
    let row = dispatcher.get("/v1/tickets?order=due").await["items"][0].clone();
    assert_eq!(row["id"], first);
    assert_eq!(
        row["clock"]["clock"], "first_response",
        "due before the arrival is"
    );
    assert_eq!(
        row["clock"]["due_at"],
        opened.plus(4 * 3_600).to_string(),
        "grade B"
    );

    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let listed =
        async |filter: &str| names(&dispatcher.get(&format!("/v1/tickets?{filter}")).await);
    assert_eq!(listed("due=overdue").await.len(), 0);
    assert_eq!(
        listed("due=soon").await.len(),
        0,
        "more than a quarter is left"
    );
    server.clock.advance(2 * 3_600);
    let dispatcher = server.desk(DISPATCHER);
    let listed =
        async |filter: &str| names(&dispatcher.get(&format!("/v1/tickets?{filter}")).await);
    assert_eq!(listed("due=soon").await, std::slice::from_ref(&first));
    assert_eq!(dispatcher.get("/v1/overview").await["soon"], 1);
    let page = dispatcher.get("/v1/tickets?order=due&limit=1").await;
    let next = page["next"].as_str().unwrap();
    let rest = dispatcher
        .get(&format!("/v1/tickets?order=due&after={next}"))
        .await;
    let both = [names(&page), names(&rest)].concat();
    assert_eq!(both, [first.clone(), second.clone()]);

    let wait = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    dispatcher.execute(&second, &json!({}), wait).await;
    let overview = dispatcher.get("/v1/overview").await;
    assert_eq!(overview["unassigned"], 1);
    let answer = dispatcher.fetch("/v1/tickets?due=never").await;
    assert_problem(answer, 400, "malformed_request").await;
    // A page of one order is none of the other.
    let answer = dispatcher.fetch(&format!("/v1/tickets?after={next}")).await;
    assert_problem(answer, 400, "malformed_request").await;
    let answer = dispatcher.fetch("/v1/tickets?order=random").await;
    assert_problem(answer, 400, "malformed_request").await;
}

#[tokio::test]
async fn lists_filter_search_and_page() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let mut opened = Vec::new();
    for n in 0..11 {
        let (region, problem) = [
            ("east", "空调不制冷"),
            ("north", "热水器漏水"),
            ("south", "Compressor E2"),
        ][n % 3];
        opened.push(desk.open(region, problem).await);
    }
    let newest_first: Vec<String> = opened
        .iter()
        .rev()
        .map(|(_, number)| number.clone())
        .collect();
    let assign =
        json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": "home" } }]);
    desk.execute(&opened[4].0, &json!({}), assign).await;

    let (mut seen, mut path) = (Vec::new(), "/v1/tickets?limit=4".to_owned());
    loop {
        let page = desk.get(&path).await;
        assert_eq!(page["total"], 11);
        seen.extend(numbers(&page));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/tickets?limit=4&after={next}");
    }
    assert_eq!(seen, newest_first, "complete, in order, without doubles");

    let found = async |query: &str| numbers(&desk.get(&format!("/v1/tickets?{query}")).await);
    let every = |from: usize| {
        opened
            .iter()
            .skip(from)
            .step_by(3)
            .rev()
            .map(|(_, n)| n.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("region=north").await, every(1));
    assert_eq!(found("q=制冷").await, every(0));
    assert_eq!(found("q=漏水&region=north").await, every(1));
    assert_eq!(found("q=漏水&region=east").await, Vec::<String>::new());
    assert_eq!(found("q=e2+COMPRESSOR").await, every(2));
    assert_eq!(
        found(&format!("q={}", opened[6].1)).await,
        [opened[6].1.clone()]
    );
    assert_eq!(
        found("q=牧云").await.len(),
        11,
        "the customer's name is searched at the desk"
    );
    assert_eq!(found("status=assigned").await, [opened[4].1.clone()]);
    assert_eq!(
        found(&format!("lead={TECHNICIAN}")).await,
        [opened[4].1.clone()]
    );
    assert_eq!(
        found("grade=B&status=&q=").await.len(),
        11,
        "an empty filter is none"
    );
    assert_eq!(found("conflicts=true").await, Vec::<String>::new());

    for bad in [
        "status=party",
        "after=x",
        "limit=many",
        "lead=a%20b",
        &format!("q={}", "冷".repeat(101)),
    ] {
        let response = desk
            .send(reqwest::Method::GET, &format!("/v1/tickets?{bad}"), None)
            .await;
        assert_problem(response, 400, "malformed_request").await;
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_told_by_a_code_and_leaves_nothing() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let before = server.rows();
    let cases = [
        (json!(["close"]), 409, "not_lawful", Some("/commands/0")),
        (json!(["arrive"]), 403, "denied", Some("/commands/0")),
        (
            correct("model", "KFR-35GW"),
            409,
            "no_effect",
            Some("/commands/0"),
        ),
        (
            correct("purchase_date", "2026-02-30"),
            422,
            "misfit",
            Some("/commands/0/correct/value"),
        ),
        (
            json!([{ "grade": { "grade": "D", "reasons": ["因为"] } }]),
            422,
            "misfit",
            Some("/commands/0/grade/grade"),
        ),
        (json!([]), 422, "not_an_act", None),
        (
            json!([{ "assign": { "crew": [TECHNICIAN], "lead": CLERK, "group": null } }]),
            422,
            "lead_not_in_crew",
            Some("/commands/0/assign/lead"),
        ),
        (
            correct("region", "atlantis"),
            422,
            "unknown_code",
            Some("/commands/0/correct/value"),
        ),
        (
            correct("product_line", "<script>"),
            422,
            "unknown_code",
            Some("/commands/0/correct/value"),
        ),
        (
            json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": "nobodys" } }]),
            422,
            "unknown_code",
            Some("/commands/0/assign/group"),
        ),
        (
            json!([{ "assign": { "crew": ["G0000"], "lead": "G0000", "group": null } }]),
            422,
            "unknown_code",
            Some("/commands/0/assign/crew"),
        ),
        // The first is fine by itself; both or none.
        (
            json!([{ "correct": { "field": "model", "value": "KFR-50" } }, { "correct": { "field": "serial", "value": 3 } }]),
            422,
            "misfit",
            Some("/commands/1/correct/value"),
        ),
    ];
    for (commands, status, code, pointer) in cases {
        let response = desk.try_execute(&id, &json!({}), commands.clone()).await;
        let (got, body): (StatusCode, Value) = (response.status(), response.json().await.unwrap());
        assert_eq!(
            (
                got.as_u16(),
                body["code"].as_str(),
                body["pointer"].as_str()
            ),
            (status, Some(code), pointer),
            "{commands}"
        );
    }
    assert_problem(
        desk.try_execute("FW202601010001", &json!({}), json!(["close"]))
            .await,
        404,
        "unknown_ticket",
    )
    .await;
    assert_problem(
        desk.try_execute(&id, &json!({}), json!(["dance"])).await,
        400,
        "malformed_body",
    )
    .await;
    assert_problem(
        desk.try_execute(&id, &json!({ "service": ["xy"] }), json!(["close"]))
            .await,
        400,
        "malformed_body",
    )
    .await;
    for path in [
        "/v1/tickets/FW202601010001",
        "/v1/tickets/nothing",
        "/v1/tickets/nothing/timeline",
    ] {
        let response = desk.send(reqwest::Method::GET, path, None).await;
        assert_problem(response, 404, "unknown_ticket").await;
    }
    let mut bad = opening("east", "空调不制冷");
    bad["commands"][1]["record_customer"]["fields"][1]["value"] = json!(5);
    let response = desk.post("/v1/tickets", bad).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["code"], &body["pointer"]),
        (
            &json!("misfit"),
            &json!("/commands/1/record_customer/fields/1/value")
        )
    );
    assert_problem(
        desk.post("/v1/tickets", json!({ "commands": ["close"] }))
            .await,
        409,
        "not_lawful",
    )
    .await;
    assert_eq!(server.rows(), before);
}

#[tokio::test]
async fn every_role_reads_at_the_desk_and_writes_what_the_table_gives_it() {
    let server = TestServer::start().await;
    let (id, _) = server.desk(CLERK).open("east", "空调不制冷").await;
    let auditor = server.desk(AUDITOR);
    assert_eq!(auditor.ticket(&id).await["allowed"], json!([]));
    assert_problem(
        auditor
            .try_execute(&id, &json!({}), correct("model", "KFR-50"))
            .await,
        403,
        "denied",
    )
    .await;
    assert_problem(
        auditor.post("/v1/tickets", opening("east", "漏水")).await,
        403,
        "denied",
    )
    .await;
    let cancel = json!([{ "cancel": { "reason": "客户取消" } }]);
    assert_problem(
        server
            .desk(CLERK)
            .try_execute(&id, &json!({}), cancel.clone())
            .await,
        403,
        "denied",
    )
    .await;
    let note = json!([{ "write_note": { "part": "office", "text": "客户不满" } }]);
    server.desk(CLERK).execute(&id, &json!({}), note).await;
    server
        .desk(DISPATCHER)
        .execute(&id, &json!({}), cancel)
        .await;

    // A session from the days when its person still sat in the office.
    let former = server.desk(TECHNICIAN);
    for path in [
        "/v1/overview",
        "/v1/tickets",
        &format!("/v1/tickets/{id}"),
        "/v1/quarantine",
    ] {
        assert_problem(
            former.send(reqwest::Method::GET, path, None).await,
            403,
            "forbidden",
        )
        .await;
    }
    assert_problem(
        former.try_execute(&id, &json!({}), json!(["accept"])).await,
        403,
        "forbidden",
    )
    .await;
    assert_problem(
        former.post("/v1/tickets", opening("east", "漏水")).await,
        403,
        "forbidden",
    )
    .await;
    let nobody = server
        .client
        .get(server.url("/v1/tickets"))
        .send()
        .await
        .unwrap();
    assert_problem(nobody, 401, "unauthenticated").await;
}

#[tokio::test]
async fn deciding_is_for_dispatchers_and_supervisors_and_only_once() {
    let server = TestServer::start().await;
    let path = format!("/v1/quarantine/{}", "ab".repeat(32));
    let admit = json!({ "decision": "admit" });
    assert_problem(
        server.desk(CLERK).post(&path, admit.clone()).await,
        403,
        "forbidden",
    )
    .await;
    let desk = server.desk(OTHER_DISPATCHER);
    assert_problem(
        desk.post(&path, admit.clone()).await,
        404,
        "not_quarantined",
    )
    .await;
    assert_problem(
        desk.post("/v1/quarantine/xyz", admit).await,
        404,
        "not_quarantined",
    )
    .await;
    assert_problem(
        desk.post(&path, json!({ "decision": "forget" })).await,
        400,
        "malformed_body",
    )
    .await;
    assert_eq!(desk.get("/v1/quarantine").await["items"], json!([]));
}

#[tokio::test]
async fn a_ticket_is_exported_with_its_evidence_after_a_recent_proof_by_whom_the_table_lets() {
    let server = TestServer::start().await;
    let (id, number) = server.desk(DISPATCHER).open("east", "空调不制冷").await;
    let path = format!("/v1/tickets/{number}/export");
    let get = reqwest::Method::GET;
    let refused = server.desk(DISPATCHER).send(get.clone(), &path, None).await;
    assert_problem(refused, 403, "forbidden").await;
    let supervisor = server.desk(SUPERVISOR);
    let response = supervisor.send(get.clone(), &path, None).await;
    let file = response.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(file, format!("attachment; filename=\"{id}.json\""));
    let exported: Value = response.json().await.unwrap();
    let shown = &supervisor.ticket(&id).await["ticket"];
    for of in ["id", "number", "fields", "problem", "events"] {
        assert_eq!(exported["ticket"][of], shown[of], "{of}");
    }
    let evidence = |of: &str| exported["evidence"][of].as_array().unwrap().len();
    assert!(evidence("changesets") >= 2, "its opening and its customer");
    assert_eq!(evidence("certificates"), 1, "the desk's");
    server.clock.advance(601);
    let stale = supervisor.send(get.clone(), &path, None).await;
    assert_problem(stale, 403, "step_up_required").await;
    let again = server.desk(SUPERVISOR).send(get, &path, None).await;
    assert_eq!(again.status(), 200);
}
