//! What goes wrong has one shape; limits hold at the limit and one past it.

use gongdan_core::limits;
use gongdan_server::store::StoreError;
use reqwest::{Method, StatusCode};

use crate::desk::DISPATCHER;
use crate::harness::{TestServer, assert_problem};

#[tokio::test]
async fn unknown_routes_methods_and_bodies_are_problems() {
    let server = TestServer::start().await;
    let (client, url) = (&server.client, |path: &str| server.url(path));
    assert_problem(
        client.get(url("/v1/nothing")).send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
    assert_problem(
        client.get(url("/v1")).send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
    assert_problem(
        client.put(url("/v1/session")).send().await.unwrap(),
        405,
        "method_not_allowed",
    )
    .await;
    assert_problem(
        client.post(url("/anything")).send().await.unwrap(),
        405,
        "method_not_allowed",
    )
    .await;
    assert_problem(
        client.get(url("/assets/gone.js")).send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
    let post = |kind: &str, body: &'static str| {
        client
            .post(url("/v1/session"))
            .header("content-type", kind)
            .body(body)
            .send()
    };
    assert_problem(
        post("text/plain", "{}").await.unwrap(),
        415,
        "unsupported_media_type",
    )
    .await;
    for body in [
        "",
        "{",
        "[]",
        "{\"username\":\"a\"}",
        "{\"username\":1,\"password\":\"secret\"}",
    ] {
        let response = post("application/json", body).await.unwrap();
        assert_problem(response, 400, "malformed_body").await;
    }
    assert_problem(
        client.get(url("/v1/catalogue")).send().await.unwrap(),
        401,
        "unauthenticated",
    )
    .await;
}

#[tokio::test]
async fn a_signed_body_may_be_as_long_as_the_limit_and_no_longer() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let at = device
        .send(
            &server,
            Method::POST,
            "/v1/token",
            vec![0; limits::REQUEST_BYTES_MAX],
        )
        .await;
    assert_eq!(at.status(), StatusCode::OK);
    let body = vec![0; limits::REQUEST_BYTES_MAX + 1];
    let header = device.header(&Method::POST, "/v1/token", &body);
    // In pieces of unknown total, so that it is the reading that stops.
    let pieces = futures_util::stream::iter(
        body.chunks(65_536)
            .map(|c| Ok::<_, std::io::Error>(c.to_vec()))
            .collect::<Vec<_>>(),
    );
    let request = server
        .client
        .post(server.url("/v1/token"))
        .header("authorization", header);
    let past = request
        .body(reqwest::Body::wrap_stream(pieces))
        .send()
        .await
        .unwrap();
    assert_problem(past, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_json_body_past_the_limit_is_refused() {
    let server = TestServer::start().await;
    let body = format!(
        "{{\"username\":\"{}\",\"password\":\"\"}}",
        "x".repeat(256 * 1024)
    );
    let request = server
        .client
        .post(server.url("/v1/session"))
        .header("content-type", "application/json");
    assert_problem(
        request.body(body).send().await.unwrap(),
        413,
        "body_too_large",
    )
    .await;
}

#[tokio::test]
async fn health_is_told_and_pages_carry_a_policy() {
    let server = TestServer::start().await;
    for path in ["/livez", "/readyz"] {
        let response = server.client.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(response.headers().contains_key("x-request-id"));
    }
    let page = server
        .client
        .get(server.url("/tickets/some-page"))
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    let text = page.text().await.unwrap();
    if gongdan_server::console::is_embedded() {
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';")
                && !policy.contains("unsafe")
                && text.contains("id=\"app\""),
            "{policy} {text}"
        );
    } else {
        assert!(
            policy.starts_with("default-src 'none'") && text.contains("npm run build"),
            "{policy} {text}"
        );
    }
}

#[tokio::test]
async fn the_server_ends_while_streams_are_open() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let token = server.token(&device).await;
    let mut stream = server
        .client
        .get(server.url("/v1/events"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert!(stream.chunk().await.unwrap().is_some());
    server.running.stop().await.unwrap();
    // The stream came to its end, and not by a broken connection.
    while stream.chunk().await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_ticket_that_cannot_be_read_says_so_and_the_others_are_shown() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (damaged, _) = desk.open("east", "空调不制冷").await;
    let (sound, _) = desk.open("north", "热水器漏水").await;
    // Bits turned in what is stored and in what it could be made of again.
    let rot = "UPDATE documents SET bytes = x'00' WHERE ticket_index = 1;
               UPDATE inbox SET changeset = x'00' WHERE hash IN (SELECT changeset FROM log WHERE ticket_index = 1)";
    server
        .running
        .state
        .db
        .write(|tx| Ok::<_, StoreError>(tx.execute_batch(rot)?))
        .unwrap();
    let path = format!("/v1/tickets/{damaged}");
    assert_problem(
        desk.send(Method::GET, &path, None).await,
        500,
        "ticket_damaged",
    )
    .await;
    desk.ticket(&sound).await;
    let rebuilt = server.gongdan(&["rebuild"]);
    assert_eq!(rebuilt.status.code(), Some(2));
    let said = String::from_utf8(rebuilt.stdout).unwrap();
    assert!(said.lines().last().unwrap().starts_with("FW"), "{said}");
    desk.ticket(&sound).await;
}
