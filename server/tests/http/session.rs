//! Signing in at the console.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{ADMINISTRATOR, PASSWORD, TestServer, assert_problem};

#[tokio::test]
async fn a_person_of_the_office_signs_in_and_out() {
    let server = TestServer::start().await;
    let response = server.sign_in(ADMINISTRATOR, PASSWORD).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let session: Value = server
        .browser
        .get(server.url("/v1/session"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&session["person"], &session["roles"]),
        (&json!(ADMINISTRATOR), &json!(["administrator"]))
    );

    let out = server
        .browser
        .delete(server.url("/v1/session"))
        .header("x-gongdan-request", "1");
    assert_eq!(out.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    // The cookie itself is worth nothing any more, wherever it is kept.
    let secret = cookie.split(';').next().unwrap();
    let after = server
        .client
        .get(server.url("/v1/session"))
        .header("cookie", secret)
        .send()
        .await
        .unwrap();
    assert_problem(after, 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_session_ends_at_its_time() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let show = || server.browser.get(server.url("/v1/session")).send();
    // Half an hour at a time, so that it is never left alone.
    for _ in 0..23 {
        server.clock.advance(1800);
        assert_eq!(show().await.unwrap().status(), StatusCode::OK);
    }
    server.clock.advance(1799);
    assert_eq!(show().await.unwrap().status(), StatusCode::OK);
    server.clock.advance(1);
    assert_problem(show().await.unwrap(), 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_session_that_is_left_alone_ends_after_an_hour() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let show = || server.browser.get(server.url("/v1/session")).send();
    server.clock.advance(3599);
    assert_eq!(show().await.unwrap().status(), StatusCode::OK);
    server.clock.advance(3599);
    assert_eq!(show().await.unwrap().status(), StatusCode::OK);
    server.clock.advance(3600);
    assert_problem(show().await.unwrap(), 401, "unauthenticated").await;
}

#[tokio::test]
async fn a_sign_in_ends_the_session_that_the_browser_had() {
    let server = TestServer::start().await;
    let first = server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let cookie = |response: &reqwest::Response| {
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    };
    let first = cookie(&first);
    let second = cookie(&server.sign_in(ADMINISTRATOR, PASSWORD).await);
    assert_ne!(first, second);
    let with = |secret: String| {
        let request = server.client.get(server.url("/v1/session"));
        request.header("cookie", secret).send()
    };
    assert_problem(with(first).await.unwrap(), 401, "unauthenticated").await;
    assert_eq!(with(second).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn strangers_failures_do_not_delay_a_browser_that_signed_in_before() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let stranger = |password: &str| {
        let body = json!({ "username": ADMINISTRATOR, "password": password });
        server
            .client
            .post(server.url("/v1/session"))
            .json(&body)
            .send()
    };
    for _ in 0..4 {
        assert_problem(
            stranger("a wrong password").await.unwrap(),
            401,
            "invalid_credentials",
        )
        .await;
    }
    assert_problem(stranger(PASSWORD).await.unwrap(), 429, "too_many_attempts").await;
    assert_eq!(
        server.sign_in(ADMINISTRATOR, PASSWORD).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_address_that_tries_many_names_waits() {
    let server = TestServer::start().await;
    let attempt = |n: u32, from: &'static str| {
        let body = json!({ "username": format!("G{n}"), "password": "a wrong password" });
        server
            .client
            .post(server.url("/v1/session"))
            .header("x-forwarded-for", from)
            .json(&body)
            .send()
    };
    for n in 0..21 {
        let response = attempt(n, "203.0.113.5").await.unwrap();
        assert_problem(response, 401, "invalid_credentials").await;
    }
    let waiting = attempt(22, "203.0.113.5").await.unwrap();
    assert_problem(waiting, 429, "too_many_attempts").await;
    let elsewhere = attempt(23, "203.0.113.6").await.unwrap();
    assert_problem(elsewhere, 401, "invalid_credentials").await;
}

#[tokio::test]
async fn unknown_names_and_wrong_passwords_look_alike_and_wait_alike() {
    let server = TestServer::start().await;
    for name in [ADMINISTRATOR, "G9999", "not a number at all"] {
        for _ in 0..4 {
            assert_problem(
                server.sign_in(name, "a wrong password").await,
                401,
                "invalid_credentials",
            )
            .await;
        }
        let waiting = server.sign_in(name, "a wrong password").await;
        assert_eq!(waiting.headers()["retry-after"], "2", "{name}");
        assert_problem(waiting, 429, "too_many_attempts").await;
    }
    // Even the right password waits, and then it opens and forgets the failures.
    assert_problem(
        server.sign_in(ADMINISTRATOR, PASSWORD).await,
        429,
        "too_many_attempts",
    )
    .await;
    server.clock.advance(2);
    assert_eq!(
        server.sign_in(ADMINISTRATOR, PASSWORD).await.status(),
        StatusCode::OK
    );
    assert_problem(
        server.sign_in(ADMINISTRATOR, "a wrong password").await,
        401,
        "invalid_credentials",
    )
    .await;
}

#[tokio::test]
async fn somebody_of_the_field_alone_gets_no_session_of_the_office() {
    let server = TestServer::start().await;
    assert_problem(
        server.sign_in(&server.technician.clone(), PASSWORD).await,
        403,
        "no_office_role",
    )
    .await;
}

#[tokio::test]
async fn a_foreign_page_cannot_write_with_the_cookie() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let invite = |origin: Option<String>| {
        let mut request = server.browser.post(server.url("/v1/devices/invitations"));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.json(&json!({ "person": server.technician })).send()
    };
    assert_problem(invite(None).await.unwrap(), 403, "foreign_request").await;
    assert_problem(
        invite(Some("http://evil.example".into())).await.unwrap(),
        403,
        "foreign_request",
    )
    .await;
    assert_problem(
        invite(Some("null".into())).await.unwrap(),
        403,
        "foreign_request",
    )
    .await;
    assert_eq!(
        invite(Some(server.running.url())).await.unwrap().status(),
        StatusCode::CREATED
    );
}
