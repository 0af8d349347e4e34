//! Keeping accounts.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{AUDITOR, CLERK, SUPERVISOR, TECHNICIAN};
use crate::harness::{ADMINISTRATOR, PASSWORD, TestServer, assert_problem};

fn of<'a>(users: &'a Value, id: &str) -> &'a Value {
    let all = users["users"].as_array().unwrap();
    all.iter().find(|user| user["id"] == id).unwrap()
}

#[tokio::test]
async fn an_administrator_adds_somebody_who_signs_in_with_what_was_drawn() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let add = |body: Value| server.browse(Method::POST, "/v1/users", Some(body));
    let person =
        json!({ "id": "G9001", "name": "王敏", "roles": ["dispatcher"], "skills": ["aircon"] });
    let added = add(person.clone()).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    assert_problem(add(person).await, 409, "person_exists").await;
    for (body, code) in [
        (
            json!({ "id": "工号", "name": "a", "roles": ["auditor"] }),
            "invalid_person",
        ),
        (
            json!({ "id": "G9002", "name": " ", "roles": ["auditor"] }),
            "invalid_name",
        ),
        (
            json!({ "id": "G9002", "name": "a", "roles": [] }),
            "no_role",
        ),
        (
            json!({ "id": "G9002", "name": "a", "roles": ["auditor"], "group": "none" }),
            "unknown_group",
        ),
        (
            json!({ "id": "G9002", "name": "a", "roles": ["auditor"], "skills": ["none"] }),
            "unknown_product_line",
        ),
        (
            json!({ "id": "G9002", "name": "a", "roles": ["king"] }),
            "malformed_body",
        ),
    ] {
        assert_problem(add(body).await, 400, code).await;
    }
    // The catalogue that phones hold has the new person.
    let catalogue = server.read("/v1/catalogue").await;
    let people = catalogue["people"].as_array().unwrap();
    assert!(people.iter().any(|person| person["id"] == "G9001"));

    let drawn = server
        .browse(Method::POST, "/v1/users/G9001/password", None)
        .await;
    let drawn: Value = drawn.json().await.unwrap();
    let password = drawn["password"].as_str().unwrap();
    let listed = server.read("/v1/users").await;
    let user = of(&listed, "G9001");
    assert_eq!(
        (
            &user["has_password"],
            &user["password_temporary"],
            &user["skills"]
        ),
        (&json!(true), &json!(true), &json!(["aircon"]))
    );
    let entered = server.enter("G9001", password, "").await;
    assert_eq!(entered.status(), StatusCode::OK);
    let entered: Value = entered.json().await.unwrap();
    assert_eq!(entered["lacks"], "new_password");
}

#[tokio::test]
async fn roles_and_activity_are_changed_but_not_ones_own_away() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let clerk = server.desk(CLERK);
    let change = |id: &str, body: Value| {
        let path = format!("/v1/users/{id}");
        let server = &server;
        async move { server.browse(Method::PATCH, &path, Some(body)).await }
    };
    let changed = change(CLERK, json!({ "roles": ["auditor"], "name": "李昭" })).await;
    let changed: Value = changed.json().await.unwrap();
    assert_eq!(
        (&changed["roles"], &changed["name"]),
        (&json!(["auditor"]), &json!("李昭"))
    );
    assert_eq!(clerk.get("/v1/session").await["roles"], json!(["auditor"]));
    let changed = change(CLERK, json!({ "active": false })).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let ended = clerk.send(Method::GET, "/v1/session", None).await;
    assert_problem(ended, 401, "unauthenticated").await;
    assert_eq!(of(&server.read("/v1/users").await, CLERK)["active"], false);

    for body in [json!({ "active": false }), json!({ "roles": ["auditor"] })] {
        assert_problem(change(ADMINISTRATOR, body).await, 409, "own_account").await;
    }
    let more = json!({ "roles": ["administrator", "auditor"] });
    assert_eq!(change(ADMINISTRATOR, more).await.status(), StatusCode::OK);
    for (method, path) in [
        (Method::POST, "password"),
        (Method::DELETE, "second-factors"),
    ] {
        let path = format!("/v1/users/{ADMINISTRATOR}/{path}");
        let response = server.browse(method, &path, None).await;
        assert_problem(response, 409, "own_account").await;
    }
    assert_problem(change("G8888", json!({})).await, 404, "not_found").await;
}

#[tokio::test]
async fn lost_second_factors_are_taken_away_and_sessions_ended() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let auditor = server.desk(AUDITOR);
    auditor.send(Method::POST, "/v1/account/totp", None).await;
    let listed = server.read(&format!("/v1/users/{AUDITOR}/sessions")).await;
    let session = listed["sessions"][0]["id"].as_str().unwrap();
    let path = format!("/v1/users/{AUDITOR}/sessions/{session}");
    let ended = server.browse(Method::DELETE, &path, None).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let ended = auditor.send(Method::GET, "/v1/session", None).await;
    assert_problem(ended, 401, "unauthenticated").await;
    let again = server.browse(Method::DELETE, &path, None).await;
    assert_problem(again, 404, "not_found").await;

    let supervisor = server.desk(SUPERVISOR);
    let path = format!("/v1/users/{SUPERVISOR}/second-factors");
    let reset = server.browse(Method::DELETE, &path, None).await;
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    let ended = supervisor.send(Method::GET, "/v1/session", None).await;
    assert_problem(ended, 401, "unauthenticated").await;
}

#[tokio::test]
async fn accounts_are_kept_by_administrators_with_a_recent_proof_alone() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let supervisor = server.desk(SUPERVISOR);
    let person = json!({ "id": "G9001", "name": "王敏", "roles": ["administrator"] });
    let one = format!("/v1/users/{TECHNICIAN}");
    let writes = [
        (Method::POST, "/v1/users".to_owned(), Some(person)),
        (
            Method::PATCH,
            one.clone(),
            Some(json!({ "roles": ["administrator"] })),
        ),
        (Method::POST, format!("{one}/password"), None),
        (Method::DELETE, format!("{one}/second-factors"), None),
        (
            Method::DELETE,
            format!("{one}/sessions/AAAAAAAAAAAAAAAAAAAAAA"),
            None,
        ),
    ];
    for (method, path, body) in &writes {
        let response = supervisor.send(method.clone(), path, body.clone()).await;
        assert_problem(response, 403, "forbidden").await;
    }
    for path in ["/v1/users".to_owned(), format!("{one}/sessions")] {
        let response = supervisor.send(Method::GET, &path, None).await;
        assert_problem(response, 403, "forbidden").await;
    }
    server.clock.advance(601);
    for (method, path, body) in writes {
        let response = server.browse(method, &path, body).await;
        assert_problem(response, 403, "step_up_required").await;
    }
    assert_eq!(
        of(&server.read("/v1/users").await, TECHNICIAN)["has_password"],
        true
    );
}
