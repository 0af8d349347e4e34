//! The wake stream.

use reqwest::Response;

use crate::harness::{ADMINISTRATOR, PASSWORD, TestServer, assert_problem};

/// Reads until an event is whole.
async fn event(stream: &mut Response) -> String {
    let mut text = String::new();
    while !text.ends_with("\n\n") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    text
}

#[tokio::test]
async fn office_and_devices_hear_that_something_changed_and_no_more() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let device = server.device(1).await;
    let token = server.token(&device).await;
    let url = server.url("/v1/events");
    let mut office = server
        .browser
        .get(&url)
        .header("last-event-id", "77")
        .send()
        .await
        .unwrap();
    let mut phone = server
        .client
        .get(&url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(office.headers()["content-type"], "text/event-stream");
    for stream in [&mut office, &mut phone] {
        assert_eq!(event(stream).await, "event: changed\nid: 0\ndata: 0\n\n");
    }
    server.running.state.wake.ring();
    for stream in [&mut office, &mut phone] {
        assert_eq!(event(stream).await, "event: changed\nid: 1\ndata: 1\n\n");
    }
    assert_problem(
        server.client.get(&url).send().await.unwrap(),
        401,
        "unauthenticated",
    )
    .await;
}
