//! A phone that was away for weeks or years: work goes on, and its key opens the next contact.

use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::store::{Store, StoreError};
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::{TestServer, assert_problem};
use crate::phone::Phone;

const DAY: i64 = 24 * 3600;

async fn catalogue(server: &TestServer, token: &str) -> Response {
    let request = server
        .client
        .get(server.url("/v1/catalogue"))
        .bearer_auth(token);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_phone_away_for_30_or_400_days_works_on_and_renews_by_its_key_and_nothing_is_lost() {
    for days in [30, 400] {
        let server = TestServer::start().await;
        let (id, _) = server.desk(DISPATCHER).open("east", "空调不制冷").await;
        let crew =
            json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
        server.desk(DISPATCHER).execute(&id, &json!({}), crew).await;
        let mut phone = Phone::enrolled(&server).await;
        phone.sync(&server).await;
        let token = server.token(&phone.device).await;
        assert_eq!(catalogue(&server, &token).await.status(), StatusCode::OK);
        let ticket = id.parse().unwrap();
        phone.execute(&server, ticket, Command::Accept);
        // A note a day, and a request of every tenth that nobody answers.
        for day in 0..days {
            server.clock.advance(DAY);
            let text = format!("第{day}天");
            let part = gongdan_core::ids::Part::Service;
            phone.execute(&server, ticket, Command::WriteNote { part, text });
            if day % 10 == 0 {
                phone.replica.next_request().unwrap();
            }
        }
        assert_problem(catalogue(&server, &token).await, 401, "unauthenticated").await;
        phone.sync(&server).await;
        assert_eq!(phone.replica.outbox().unwrap(), []);
        let renewed = server.token(&phone.device).await;
        assert_eq!(catalogue(&server, &renewed).await.status(), StatusCode::OK);
        // Sessions of the office ended meanwhile.
        let view = server.desk(DISPATCHER).ticket(&id).await;
        assert_eq!(view["ticket"]["status"], "accepted");
        let notes = view["ticket"]["notes"].as_array().unwrap();
        assert_eq!(notes.len(), usize::try_from(days).unwrap());
    }
}

#[tokio::test]
async fn a_revoked_phone_brings_what_it_has_after_400_days_too() {
    let server = TestServer::start().await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    let now = server.running.state.host.now();
    let ticket = phone.replica.open_ticket(now, testing::open()).unwrap();
    server.clock.advance(400 * DAY);
    server.revoke(&phone.device);
    phone.sync(&server).await;
    let counts = phone.replica.outbox_counts().unwrap();
    assert_eq!(counts.pending + counts.in_flight, 0, "it was uploaded");
    let token = server.token(&phone.device).await;
    let refused = server
        .client
        .get(server.url("/v1/catalogue"))
        .bearer_auth(token);
    assert_problem(refused.send().await.unwrap(), 403, "device_revoked").await;
    let outbox = phone.replica.outbox().unwrap();
    assert_eq!(
        outbox.len(),
        1,
        "a person decides about it; it stays readable"
    );
    assert_eq!(outbox[0].ticket, ticket);
}

#[tokio::test]
async fn enrolling_again_on_a_store_with_unsent_work_is_refused_and_the_work_stays() {
    let server = TestServer::start().await;
    let phone = Phone::enrolled(&server).await;
    let identity = phone.replica.identity().clone();
    let mut store = MemoryStore::default();
    Replica::enrol(&mut store, &identity).unwrap();
    // The same enrolment told twice changes nothing.
    Replica::enrol(&mut store, &identity).unwrap();
    let other = Identity {
        device: server.device(10).await.id,
        ..identity.clone()
    };
    let refused = Replica::enrol(&mut store, &other);
    assert!(matches!(refused, Err(StoreError::OtherIdentity)));
    let store: Box<dyn Store> = Box::new(store);
    let mut replica = Replica::open(store, phone.device.key.clone(), [8; 32]).unwrap();
    assert_eq!(*replica.identity(), identity);
    let now = server.running.state.host.now();
    let id = replica.open_ticket(now, testing::open()).unwrap();
    let text = "未送出".to_owned();
    let part = gongdan_core::ids::Part::Service;
    let note = Command::WriteNote { part, text };
    replica.execute(now, id, &Seen::new(), note).unwrap();
    assert_eq!(replica.outbox_counts().unwrap().pending, 2);
}

#[tokio::test]
async fn a_device_that_wiped_itself_says_so_by_its_key_and_is_revoked() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    for _ in 0..2 {
        let told = device
            .send(&server, Method::POST, "/v1/wiped", Vec::new())
            .await;
        assert_eq!(told.status(), StatusCode::NO_CONTENT);
        server.clock.advance(60);
    }
    let listed = server.desk(DISPATCHER).get("/v1/devices").await["devices"][0].clone();
    assert_eq!(listed["wiped_at"], listed["revoked_at"], "{listed}");
    assert!(listed["wiped_at"].is_string(), "{listed}");
    let nobody = server
        .client
        .post(server.url("/v1/wiped"))
        .send()
        .await
        .unwrap();
    assert_problem(nobody, 401, "unauthenticated").await;
}
