//! What is wrong with a sync request is told by a stable code; nothing of it is stored, and what was meant
//! arrives by the next good one.

use gongdan_core::limits;
use gongdan_core::ticket::Command;
use reqwest::StatusCode;
use serde_json::json;

use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::{TestServer, assert_problem};
use crate::phone::{MEDIA_TYPE, PATH, Phone};

/// A phone with an accepted ticket that it has not told of.
async fn with_something_to_send(server: &TestServer) -> (Phone, String) {
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let assign = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    desk.execute(&id, &json!({}), assign).await;
    let mut phone = Phone::enrolled(server).await;
    phone.sync(server).await;
    phone.execute(server, id.parse().unwrap(), Command::Accept);
    (phone, id)
}

fn received(server: &TestServer) -> i64 {
    let count = server.running.state.db.read(|c| {
        let sql = "SELECT count(*) FROM inbox i JOIN devices d ON d.idx = i.device_idx WHERE d.person = ?1";
        Ok::<_, gongdan_server::store::StoreError>(
            c.query_row(sql, [TECHNICIAN], |row| row.get(0))?,
        )
    });
    count.unwrap()
}

async fn assert_arrives(server: &TestServer, mut phone: Phone, id: &str) {
    assert_eq!(received(server), 0, "nothing of it was stored");
    phone.sync(server).await;
    let view = server.desk(DISPATCHER).ticket(id).await;
    assert_eq!(view["ticket"]["status"], "accepted");
}

#[tokio::test]
async fn what_is_no_message_is_malformed() {
    let server = TestServer::start().await;
    let (mut phone, id) = with_something_to_send(&server).await;
    let good = phone.replica.next_request().unwrap();
    let mut longer = good.clone();
    longer.push(0);
    let cut = good[..good.len() - 1].to_vec();
    for body in [
        Vec::new(),
        b"GD".to_vec(),
        b"GD\x02\0\x01\x80".to_vec(),
        longer,
        cut,
    ] {
        assert_problem(phone.post(&server, body).await, 400, "malformed_sync").await;
    }
    assert_arrives(&server, phone, &id).await;
}

#[tokio::test]
async fn a_changeset_whose_signature_does_not_hold_is_told() {
    let server = TestServer::start().await;
    let (mut phone, id) = with_something_to_send(&server).await;
    // With references it would be told to spell them out: they may be what the signature does not fit.
    phone.replica.spell_out();
    let mut body = phone.replica.next_request().unwrap();
    // The raw section ends with signature, salt and pin of the only changeset.
    let signature = body.len() - 16 - 16 - 64;
    body[signature] ^= 1;
    assert_problem(phone.post(&server, body).await, 400, "bad_signature").await;
    assert_arrives(&server, phone, &id).await;
}

#[tokio::test]
async fn a_request_that_is_not_its_devices_is_told() {
    let server = TestServer::start().await;
    let (mut phone, id) = with_something_to_send(&server).await;
    let body = phone.replica.next_request().unwrap();
    let send = |authorization: Option<String>, kind: &'static str| {
        let mut request = server
            .client
            .post(server.url(PATH))
            .header("content-type", kind);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        request.body(body.clone()).send()
    };
    let nobody = send(None, MEDIA_TYPE).await.unwrap();
    assert_problem(nobody, 401, "unauthenticated").await;
    let other = phone
        .device
        .header(&reqwest::Method::POST, PATH, b"another body");
    let other = send(Some(other), MEDIA_TYPE).await.unwrap();
    assert_problem(other, 401, "invalid_signature").await;
    let own = phone.device.header(&reqwest::Method::POST, PATH, &body);
    let kind = send(Some(own.clone()), "application/json").await.unwrap();
    assert_problem(kind, 415, "unsupported_media_type").await;
    let nowhere = "01900000-0000-7000-8000-000000000000";
    let stranger = own.replace(&phone.device.id.to_string(), nowhere);
    let stranger = send(Some(stranger), MEDIA_TYPE).await.unwrap();
    assert_problem(stranger, 401, "unknown_device").await;
    assert_arrives(&server, phone, &id).await;
}

#[tokio::test]
async fn a_body_past_the_limit_is_told() {
    let server = TestServer::start().await;
    let (phone, id) = with_something_to_send(&server).await;
    let body = vec![0; limits::REQUEST_BYTES_MAX + 1];
    assert_problem(phone.post(&server, body).await, 413, "body_too_large").await;
    assert_arrives(&server, phone, &id).await;
}

#[tokio::test]
async fn a_cursor_of_another_epoch_is_told_and_the_phone_spells_everything_out() {
    let server = TestServer::start().await;
    let (mut phone, id) = with_something_to_send(&server).await;
    let database = &server.running.state.db;
    database
        .write(|tx| {
            Ok::<_, gongdan_server::store::StoreError>(
                tx.execute("UPDATE relay_state SET epoch = epoch + 1", [])?,
            )
        })
        .unwrap();
    let body = phone.replica.next_request().unwrap();
    assert_problem(phone.post(&server, body).await, 409, "other_epoch").await;
    phone.replica.spell_out();
    assert_arrives(&server, phone, &id).await;
}

#[tokio::test]
async fn a_device_past_its_quota_is_told_when_to_come_again() {
    let server = TestServer::start().await;
    let (mut phone, id) = with_something_to_send(&server).await;
    let database = &server.running.state.db;
    let day = server.running.state.host.now().seconds().div_euclid(86_400);
    database
        .write(|tx| {
            Ok::<_, gongdan_server::store::StoreError>(tx.execute(
                "INSERT INTO device_days (device_idx, day, changesets, bytes)
                 SELECT idx, ?1, ?2, 0 FROM devices WHERE person = ?3",
                (day, limits::DEVICE_DAY_CHANGESETS_MAX, TECHNICIAN),
            )?)
        })
        .unwrap();
    let body = phone.replica.next_request().unwrap();
    let response = phone.post(&server, body).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: i64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_problem(response, 429, "device_quota").await;
    server.clock.advance(wait);
    assert_arrives(&server, phone, &id).await;
}
