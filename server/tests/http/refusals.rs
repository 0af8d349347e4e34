//! Problems that take some doing to bring about: each by its code.

use gongdan_core::ids::{ActorId, ChangeHash, CommandId, Part};
use gongdan_core::sync::changeset::{Changeset, Header, pin};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::protocol::{BaseHint, Outgoing, Request};
use gongdan_core::sync::request_auth::base64url;
use gongdan_core::sync::wire::encode_request;
use gongdan_core::ticket::{Authored, Command};
use gongdan_server::config::Config;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{DISPATCHER, TECHNICIAN, correct};
use crate::harness::{ADMINISTRATOR, TestServer, assert_problem};
use crate::phone::Phone;

#[tokio::test]
async fn acts_that_name_what_is_not_there_are_told_apart() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let splice =
        json!([{ "edit_problem": { "splices": [{ "at": 99, "delete": 0, "insert": "x" }] } }]);
    let strike = json!([{ "strike_out": { "collection": "notes", "item": "abcde1" } }]);
    let many: Vec<Value> = (0..501).map(|_| json!("resume")).collect();
    for (commands, code) in [
        (splice, "splice_outside"),
        (strike, "no_such_item"),
        (correct("lead", TECHNICIAN), "field_not_here"),
        (json!(many), "too_many"),
    ] {
        let refused = desk.try_execute(&id, &json!({}), commands).await;
        assert_problem(refused, 422, code).await;
    }
    // A customer without a request builds on what is not there.
    let fields = json!([{ "field": "customer_name", "value": "周牧云" }]);
    let commands = json!({ "commands": [{ "record_customer": { "fields": fields } }] });
    assert_problem(
        desk.post("/v1/tickets", commands).await,
        409,
        "not_admitted",
    )
    .await;
}

#[tokio::test]
async fn a_ticket_that_is_full_says_so() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let note = json!({ "write_note": { "part": "service", "text": "记".repeat(2_000) } });
    let notes = json!(vec![note; 40]);
    for _ in 0..40 {
        let answer = desk.try_execute(&id, &json!({}), notes.clone()).await;
        if answer.status() != StatusCode::OK {
            return assert_problem(answer, 422, "document_full").await;
        }
    }
    panic!("it never is full");
}

#[tokio::test]
async fn a_code_that_left_the_catalogue_comes_in_from_a_phone_and_may_be_settled_upon() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let assign = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    desk.execute(&id, &json!({}), assign).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    let ticket = id.parse().unwrap();
    let used = Command::UsePart {
        part_number: "AC-OLD-1".to_owned(),
        name: "停产电容".to_owned(),
        quantity: 1,
    };
    let retired = Command::Correct {
        field: gongdan_core::ticket::Field::ProductLine,
        value: "retired-line".into(),
    };
    phone.execute(&server, ticket, used);
    phone.execute(&server, ticket, retired);
    desk.execute(&id, &json!({}), correct("product_line", "purifier"))
        .await;
    phone.sync(&server).await;
    let seen = desk.ticket(&id).await;
    let part = &seen["ticket"]["parts_used"][0]["part_number"];
    assert_eq!(part, "AC-OLD-1");
    assert_eq!(seen["ticket"]["conflicts"].as_array().unwrap().len(), 1);
    let settle = |value: &str| json!([{ "settle_conflict": { "on": { "field": { "field": "product_line" } }, "value": value } }]);
    let third = desk.try_execute(&id, &json!({}), settle("a-third")).await;
    assert_problem(third, 422, "unknown_code").await;
    desk.execute(&id, &json!({}), settle("retired-line")).await;
    let settled = desk.ticket(&id).await;
    assert_eq!(settled["ticket"]["fields"]["product_line"], "retired-line");
    assert_eq!(settled["ticket"]["conflicts"], json!([]));
}

#[tokio::test]
async fn a_server_without_a_name_has_no_passkeys_and_a_key_needs_a_name() {
    let named = |config: &mut Config| config.public_url = Some("http://192.0.2.7".to_owned());
    let server = TestServer::start_with(named).await;
    let desk = server.desk(ADMINISTRATOR);
    let options = desk
        .send(Method::POST, "/v1/account/passkeys/options", None)
        .await;
    assert_problem(options, 409, "passkeys_unavailable").await;
    for name in ["", " ", "a\u{7}", &"长".repeat(61)] {
        let key = json!({ "ceremony": "none", "name": name, "credential": {} });
        let refused = desk.post("/v1/account/passkeys", key).await;
        assert_problem(refused, 400, "invalid_passkey_name").await;
    }
}

#[tokio::test]
async fn somebody_of_a_unit_that_is_not_there_is_not_taken() {
    let server = TestServer::start().await;
    let person = json!({ "id": "G9002", "name": "某人", "roles": ["branch"], "unit": "nowhere" });
    let refused = server.desk(ADMINISTRATOR).post("/v1/users", person).await;
    assert_problem(refused, 400, "unknown_unit").await;
}

#[tokio::test]
async fn a_device_goes_on_as_another_fifty_times_and_no_more() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let asked = async |seed: u8| {
        let key = DeviceKey::from_bytes(&[seed; 32]);
        let body = json!({ "public_key": base64url(key.public().as_bytes()) });
        let body = serde_json::to_vec(&body).unwrap();
        device
            .send(&server, Method::POST, "/v1/incarnation", body)
            .await
    };
    for seed in 100..150 {
        assert_eq!(asked(seed).await.status(), StatusCode::OK);
    }
    assert_problem(asked(150).await, 409, "too_many_incarnations").await;
    assert_eq!(asked(149).await.status(), StatusCode::OK, "the same again");
}

#[tokio::test]
async fn a_reference_to_a_document_that_is_not_there_is_told() {
    let server = TestServer::start().await;
    let phone = Phone::enrolled(&server).await;
    let actor = ActorId([5; 16]);
    let now = server.running.state.host.now();
    let accept = Authored {
        id: CommandId { actor, ordinal: 1 },
        at: now,
        command: Command::Accept,
    };
    let header = Header {
        version: 1,
        ticket: "019a0000-0000-7000-8000-00000000beef".parse().unwrap(),
        part: Part::Service,
        device: phone.device.id,
        person: TECHNICIAN.parse().unwrap(),
        actor,
        first_sequence: 1,
        base: vec![ChangeHash([1; 32])],
        at: now,
        body: [0; 32],
        pin: pin(ChangeHash([2; 32])),
        catalogue: 1,
        device_sequence: 1,
        previous: [0; 16],
        anchor: now,
        act: None,
        replaces: None,
    };
    let request = Request {
        cursor: Vec::new(),
        catalogue: 1,
        directory: 0,
        want: Vec::new(),
        changesets: vec![Outgoing {
            changeset: Changeset::seal(header, &[accept], [9; 16], &phone.device.key),
            ticket_index: Some(99),
            base: BaseHint::Known,
        }],
        given_back: Default::default(),
        unsent: None,
        sheet_log: None,
    };
    let refused = phone.post(&server, encode_request(&request)).await;
    assert_problem(refused, 409, "unresolved_reference").await;
}
