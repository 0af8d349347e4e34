//! Enrolment, device signatures, tokens, revocation, the catalogue.

use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::keys::{DeviceKey, PublicKey};
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::described;
use crate::desk::{CLERK, SUPERVISOR};
use crate::harness::{ADMINISTRATOR, PASSWORD, TestDevice, TestServer, assert_problem};

#[tokio::test]
async fn a_code_enrols_one_device_once() {
    let server = TestServer::start().await;
    let code = server.invite();
    let key = DeviceKey::from_bytes(&[1; 32]);
    let first = server.enrol(&code, &key).await;
    assert_eq!(first.status(), StatusCode::OK);
    let first: Value = first.json().await.unwrap();
    assert_eq!(first["person"], json!(server.technician));
    assert_eq!(first["server_key"].as_str().unwrap().len(), 43);
    // The answer may have been lost: the same device asks again and is the same device.
    let again: Value = server
        .enrol(&code.to_lowercase(), &key)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again, first);
    let other = DeviceKey::from_bytes(&[2; 32]);
    assert_problem(
        server.enrol(&code, &other).await,
        403,
        "invalid_enrolment_code",
    )
    .await;
    assert_problem(
        server.enrol(&server.invite(), &key).await,
        409,
        "key_already_enrolled",
    )
    .await;
}

#[tokio::test]
async fn a_wrong_code_an_old_code_and_a_bad_key_are_refused() {
    let server = TestServer::start().await;
    let key = DeviceKey::from_bytes(&[1; 32]);
    assert_problem(
        server.enrol("0000-0000-0000-0000", &key).await,
        403,
        "invalid_enrolment_code",
    )
    .await;
    let code = server.invite();
    for public_key in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let body = json!({ "code": code, "public_key": public_key, "device_name": "x" });
        let response = server
            .client
            .post(server.url("/v1/enrol"))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_problem(response, 400, "invalid_public_key").await;
    }
    server.clock.advance(7 * 24 * 3600);
    assert_problem(
        server.enrol(&code, &key).await,
        403,
        "invalid_enrolment_code",
    )
    .await;
}

#[tokio::test]
async fn a_signature_holds_for_its_own_request_and_key_only() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    assert_eq!(
        device
            .send(&server, Method::POST, "/v1/token", b"{}".to_vec())
            .await
            .status(),
        StatusCode::OK
    );

    let send = |header: String, body: &'static [u8]| {
        server
            .client
            .post(server.url("/v1/token"))
            .header("authorization", header)
            .body(body)
            .send()
    };
    let signed = device.header(&Method::POST, "/v1/token", b"a");
    assert_problem(
        send(signed.clone(), b"b").await.unwrap(),
        401,
        "invalid_signature",
    )
    .await;
    let elsewhere = device.header(&Method::POST, "/v1/sync", b"a");
    assert_problem(
        send(elsewhere, b"a").await.unwrap(),
        401,
        "invalid_signature",
    )
    .await;
    let forged = TestDevice {
        id: device.id,
        key: DeviceKey::from_bytes(&[9; 32]),
    };
    assert_problem(
        send(forged.header(&Method::POST, "/v1/token", b"a"), b"a")
            .await
            .unwrap(),
        401,
        "invalid_signature",
    )
    .await;
    let nobody = TestDevice {
        id: "019abcde-0000-7000-8000-000000000001".parse().unwrap(),
        key: forged.key,
    };
    assert_problem(
        send(nobody.header(&Method::POST, "/v1/token", b"a"), b"a")
            .await
            .unwrap(),
        401,
        "unknown_device",
    )
    .await;
    assert_problem(
        send("Gongdan-Device nonsense".into(), b"a").await.unwrap(),
        401,
        "unauthenticated",
    )
    .await;
    // The desk's own device is no door from outside.
    let desk = TestDevice {
        id: server.running.state.keys.device,
        key: server.running.state.keys.key.clone(),
    };
    assert_problem(
        send(desk.header(&Method::POST, "/v1/token", b"a"), b"a")
            .await
            .unwrap(),
        401,
        "unknown_device",
    )
    .await;
}

#[tokio::test]
async fn a_revoked_device_reads_nothing() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let token = server.token(&device).await;
    let read = || {
        server
            .client
            .get(server.url("/v1/catalogue"))
            .bearer_auth(&token)
            .send()
    };
    assert_eq!(read().await.unwrap().status(), StatusCode::OK);
    let signed = device
        .send(&server, Method::GET, "/v1/catalogue?version=1", Vec::new())
        .await;
    assert_eq!(signed.status(), StatusCode::OK);
    server.revoke(&device);
    assert_problem(read().await.unwrap(), 403, "device_revoked").await;
    let signed = device
        .send(&server, Method::GET, "/v1/catalogue", Vec::new())
        .await;
    assert_problem(signed, 403, "device_revoked").await;
}

#[tokio::test]
async fn a_token_ends_and_a_catalogue_is_sent_once() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let token = server.token(&device).await;
    let get = |path: &str| server.client.get(server.url(path)).bearer_auth(&token);
    let response = get("/v1/catalogue").send().await.unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let catalogue: Value = response.json().await.unwrap();
    assert_eq!(
        (catalogue["version"].as_u64(), tag.as_str()),
        (Some(1), "\"1\"")
    );
    let again = get("/v1/catalogue")
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_problem(
        get("/v1/catalogue?version=9").send().await.unwrap(),
        404,
        "no_catalogue",
    )
    .await;
    assert_problem(
        get("/v1/catalogue?version=x").send().await.unwrap(),
        400,
        "malformed_request",
    )
    .await;
    server.clock.advance(3600);
    assert_problem(
        get("/v1/catalogue").send().await.unwrap(),
        401,
        "unauthenticated",
    )
    .await;
}

#[tokio::test]
async fn the_console_invites_lists_and_revokes() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let post = |path: String| {
        server
            .browser
            .post(server.url(&path))
            .header("x-gongdan-request", "1")
    };
    let invited =
        post("/v1/devices/invitations".into()).json(&json!({ "person": server.technician }));
    let invited: Value = invited.send().await.unwrap().json().await.unwrap();
    assert!(
        invited["uri"]
            .as_str()
            .unwrap()
            .starts_with("gongdan://enrol?server=http%3A%2F%2F127.0.0.1")
    );
    let key = DeviceKey::from_bytes(&[3; 32]);
    let enrolled: Value = server
        .enrol(invited["code"].as_str().unwrap(), &key)
        .await
        .json()
        .await
        .unwrap();
    let id = enrolled["device"].as_str().unwrap();
    let revoke = |reason: &str| {
        post(format!("/v1/devices/{id}/revocation"))
            .json(&json!({ "reason": reason }))
            .send()
    };
    assert_problem(revoke(" ").await.unwrap(), 400, "invalid_reason").await;
    for reason in ["left in a taxi", "another reason"] {
        assert_eq!(
            revoke(reason).await.unwrap().status(),
            StatusCode::NO_CONTENT
        );
    }
    let listed: Value = server
        .browser
        .get(server.url("/v1/devices"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let devices = listed["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 1, "the desk is not among them");
    assert_eq!(
        (&devices[0]["id"], devices[0]["revoked_at"].is_string()),
        (&json!(id), true)
    );
    assert_eq!(
        devices[0]["revoked_reason"], "left in a taxi",
        "the first reason stays"
    );
    let nobody = post("/v1/devices/invitations".into()).json(&json!({ "person": "G9999" }));
    assert_problem(nobody.send().await.unwrap(), 404, "unknown_person").await;
    let unknown = post("/v1/devices/019abcde-0000-7000-8000-000000000001/revocation".into())
        .json(&json!({ "reason": "lost" }));
    assert_problem(unknown.send().await.unwrap(), 404, "not_found").await;
}

/// Lets a device go on as another one.
async fn goes_on(server: &TestServer, device: &TestDevice, seed: u8) -> TestDevice {
    let key = DeviceKey::from_bytes(&[seed; 32]);
    let body = json!({ "public_key": base64url(key.public().as_bytes()) });
    let body = serde_json::to_vec(&body).unwrap();
    let begun = device.send(server, Method::POST, "/v1/incarnation", body);
    let begun: Value = begun.await.json().await.unwrap();
    TestDevice {
        id: begun["device"].as_str().unwrap().parse().unwrap(),
        key,
    }
}

#[tokio::test]
async fn revoking_a_device_covers_the_names_it_went_on_from_and_no_others() {
    let server = TestServer::start().await;
    let other = server.device(1).await;
    let first = server.device(2).await;
    let second = goes_on(&server, &first, 3).await;
    let copy = goes_on(&server, &first, 4).await;
    let third = goes_on(&server, &second, 5).await;
    let path = format!("/v1/devices/{}/revocation", second.id);
    let revoked = server
        .desk(SUPERVISOR)
        .post(&path, json!({ "reason": "lost" }))
        .await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    let reads = async |device: &TestDevice| {
        let path = "/v1/catalogue?version=1";
        device.send(&server, Method::GET, path, Vec::new()).await
    };
    for device in [&first, &second] {
        assert_problem(reads(device).await, 403, "device_revoked").await;
    }
    for device in [&other, &copy, &third] {
        assert_eq!(reads(device).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_device_is_named_and_asked_to_wipe_itself() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    let path = format!("/v1/devices/{}", device.id);
    let desk = server.desk(SUPERVISOR);
    let name = |name: &str| desk.send(Method::PATCH, &path, Some(json!({ "name": name })));
    assert_eq!(
        name(" 三号机 ").await.status(),
        StatusCode::NO_CONTENT,
        "a name is trimmed"
    );
    for bad in ["", "two\nlines", &"长".repeat(61)] {
        assert_problem(name(bad).await, 400, "invalid_device_name").await;
    }
    let wipe = format!("{path}/wipe");
    for _ in 0..2 {
        let asked = desk.send(Method::POST, &wipe, None).await;
        assert_eq!(asked.status(), StatusCode::NO_CONTENT);
        server.clock.advance(60);
    }
    let listed = desk.get("/v1/devices").await["devices"][0].clone();
    assert_eq!(listed["name"], "三号机");
    assert_eq!(
        listed["wipe_requested_at"], listed["revoked_at"],
        "{listed}"
    );
    assert!(listed["wipe_requested_at"].is_string(), "{listed}");
    let withdrawn = desk.send(Method::DELETE, &wipe, None).await;
    assert_eq!(withdrawn.status(), StatusCode::NO_CONTENT);
    let listed = desk.get("/v1/devices").await["devices"][0].clone();
    assert!(listed["wipe_requested_at"].is_null() && listed["revoked_at"].is_string());
    assert!(listed["wiped_at"].is_null());

    let clerk = server.desk(CLERK);
    assert_problem(
        clerk.send(Method::POST, &wipe, None).await,
        403,
        "forbidden",
    )
    .await;
    let nothing = "/v1/devices/019abcde-0000-7000-8000-000000000001/wipe";
    assert_problem(
        desk.send(Method::POST, nothing, None).await,
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn a_device_is_certified_at_enrolment_and_may_ask_again() {
    let server = TestServer::start().await;
    let key = DeviceKey::from_bytes(&[1; 32]);
    let enrolled: Value = server
        .enrol(&server.invite(), &key)
        .await
        .json()
        .await
        .unwrap();
    let bytes = |body: &Value, name: &str| unbase64url(body[name].as_str().unwrap()).unwrap();
    let organisation = bytes(&enrolled, "organisation_key").try_into().unwrap();
    let organisation = PublicKey::from_bytes(organisation).unwrap();
    let certificate = DeviceCertificate::from_bytes(&bytes(&enrolled, "certificate")).unwrap();
    let certified = certificate.verify(&organisation).unwrap();
    assert_eq!(certified.key(), &key.public());
    assert_eq!(
        (
            certified.device().to_string(),
            certified.person().unwrap().to_string()
        ),
        (
            enrolled["device"].as_str().unwrap().to_owned(),
            server.technician.clone()
        )
    );
    assert_ne!(
        organisation,
        server.running.state.keys.public(),
        "not the desk's"
    );
    let device = TestDevice {
        id: certified.device(),
        key,
    };
    server.revoke(&device);
    let again = device
        .send(&server, Method::POST, "/v1/certificate", Vec::new())
        .await;
    let again = described::checked(&Method::POST, "/v1/certificate", None, again).await;
    let again: Value = again.json().await.unwrap();
    assert_eq!(
        (&again["certificate"], &again["organisation_key"]),
        (&enrolled["certificate"], &enrolled["organisation_key"])
    );
}
