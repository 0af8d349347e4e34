//! One's own account: passwords, authenticator apps, recovery codes, passkeys, sessions.

use gongdan_server::auth::{password, users};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::authenticator::Authenticator;
use crate::described;
use crate::harness::{ADMINISTRATOR, PASSWORD, TestServer, assert_problem};

const SHORT: &str = "q8#Kd2vM";

impl TestServer {
    /// Sends as the browser that signed in. What goes and comes is held against the API's description.
    pub(crate) async fn browse(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = self
            .browser
            .request(method.clone(), self.url(path))
            .header("x-gongdan-request", "1");
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        described::checked(&method, path, body.as_ref(), response).await
    }

    pub(crate) async fn enter(&self, username: &str, password: &str, code: &str) -> Response {
        let body = json!({ "username": username, "password": password, "code": code });
        self.browse(Method::POST, "/v1/session", Some(body)).await
    }

    pub(crate) async fn read(&self, path: &str) -> Value {
        let response = self.browse(Method::GET, path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    fn set_password(&self, person: &str, password: &str, temporary: bool) {
        let (state, person) = (&self.running.state, person.parse().unwrap());
        let hash = password::hash(&state.host, password);
        state
            .db
            .write(|tx| users::set_password(tx, &person, &hash, temporary))
            .unwrap();
    }

    /// The code of an app at the server's time.
    fn code(&self, secret: &str) -> String {
        let totp = Builder::new()
            .with_secret(Secret::try_from_base32(secret).unwrap())
            .build()
            .unwrap();
        let now = u64::try_from(self.running.state.host.now().seconds()).unwrap();
        totp.generate(now).to_string()
    }

    /// Sets an app up; its secret and the recovery codes.
    async fn set_up_totp(&self) -> (String, Vec<String>) {
        let begun: Value = self
            .browse(Method::POST, "/v1/account/totp", None)
            .await
            .json()
            .await
            .unwrap();
        let secret = begun["secret"].as_str().unwrap().to_owned();
        let uri = begun["uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/") && uri.contains(&secret));
        let body = json!({ "code": self.code(&secret) });
        let confirmed = self
            .browse(Method::PUT, "/v1/account/totp", Some(body))
            .await;
        assert_eq!(confirmed.status(), StatusCode::OK);
        let confirmed: Value = confirmed.json().await.unwrap();
        let codes = confirmed["recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(|c| c.as_str().unwrap().to_owned());
        (secret, codes.collect())
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.running.address().port())
    }

    async fn register(&self, authenticator: &mut Authenticator) -> Response {
        let begun: Value = self
            .browse(Method::POST, "/v1/account/passkeys/options", None)
            .await
            .json()
            .await
            .unwrap();
        let body = json!({
            "ceremony": begun["ceremony"], "name": "办公电脑", "credential": authenticator.create(&begun["options"]),
        });
        self.browse(Method::POST, "/v1/account/passkeys", Some(body))
            .await
    }

    async fn begin_passkey(&self) -> Value {
        let begun = self
            .browse(Method::POST, "/v1/session/passkey/options", None)
            .await;
        begun.json().await.unwrap()
    }

    async fn enter_by_passkey(&self, authenticator: &Authenticator) -> Response {
        let begun = self.begin_passkey().await;
        let body = json!({
            "ceremony": begun["ceremony"], "credential": authenticator.get(&begun["options"]),
        });
        self.browse(Method::POST, "/v1/session/passkey", Some(body))
            .await
    }
}

#[tokio::test]
async fn an_authenticator_app_is_set_up_and_asked_for_and_a_code_serves_once() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let wrong = json!({ "code": "000000" });
    server.browse(Method::POST, "/v1/account/totp", None).await;
    assert_problem(
        server
            .browse(Method::PUT, "/v1/account/totp", Some(wrong))
            .await,
        400,
        "invalid_second_factor",
    )
    .await;
    let (secret, codes) = server.set_up_totp().await;
    assert_eq!(codes.len(), 10);
    assert_problem(
        server.browse(Method::POST, "/v1/account/totp", None).await,
        409,
        "totp_exists",
    )
    .await;
    let account = server.read("/v1/account").await;
    assert_eq!(
        (&account["totp"], &account["recovery_codes"]),
        (&json!(true), &json!(10))
    );

    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, "").await,
        401,
        "second_factor_required",
    )
    .await;
    // The code that set it up has served.
    let used = server.code(&secret);
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, &used).await,
        401,
        "invalid_second_factor",
    )
    .await;
    server.clock.advance(60);
    let code = server.code(&secret);
    // Without the password a right code is worth nothing, and is not used up by it.
    assert_problem(
        server.enter(ADMINISTRATOR, "a wrong password", &code).await,
        401,
        "invalid_credentials",
    )
    .await;
    let entered = server.enter(ADMINISTRATOR, PASSWORD, &code).await;
    assert_eq!(entered.status(), StatusCode::OK);
    let session: Value = entered.json().await.unwrap();
    assert_eq!(
        (&session["proof"], &session["lacks"]),
        (&json!("totp"), &json!(null))
    );
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, &code).await,
        401,
        "invalid_second_factor",
    )
    .await;
    // A recovery code, typed as people type, serves once.
    let typed = codes[3].to_lowercase().replace('-', " ");
    let entered = server.enter(ADMINISTRATOR, PASSWORD, &typed).await;
    assert_eq!(entered.status(), StatusCode::OK);
    assert_eq!(server.read("/v1/account").await["recovery_codes"], 9);
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, &typed).await,
        401,
        "invalid_second_factor",
    )
    .await;
    // What guesses codes is delayed like what guesses passwords.
    for _ in 0..3 {
        assert_problem(
            server.enter(ADMINISTRATOR, PASSWORD, "123456").await,
            401,
            "invalid_second_factor",
        )
        .await;
    }
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, &codes[4]).await,
        429,
        "too_many_attempts",
    )
    .await;
    server.clock.advance(15 * 60);
    let entered = server.enter(ADMINISTRATOR, PASSWORD, &codes[4]).await;
    assert_eq!(entered.status(), StatusCode::OK);
    let fresh = server
        .browse(Method::POST, "/v1/account/recovery-codes", None)
        .await;
    assert_eq!(fresh.status(), StatusCode::OK);
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, &codes[5]).await,
        401,
        "invalid_second_factor",
    )
    .await;
    let gone = server
        .browse(Method::DELETE, "/v1/account/totp", None)
        .await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let entered = server.enter(ADMINISTRATOR, PASSWORD, "").await;
    assert_eq!(entered.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_short_password_opens_nothing_but_the_account_until_there_is_a_second_factor() {
    let server = TestServer::start().await;
    server.set_password(ADMINISTRATOR, SHORT, false);
    let entered: Value = server
        .enter(ADMINISTRATOR, SHORT, "")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(entered["lacks"], "second_factor");
    for path in ["/v1/tickets", "/v1/users", "/v1/devices", "/v1/catalogue"] {
        let response = server.browser.get(server.url(path)).send().await.unwrap();
        assert_problem(response, 403, "account_incomplete").await;
    }
    server.set_up_totp().await;
    let session = server.read("/v1/session").await;
    assert_eq!(session["lacks"], json!(null));
    server.read("/v1/tickets").await;
}

#[tokio::test]
async fn a_drawn_password_is_changed_first_and_a_new_one_is_long_and_not_common() {
    let server = TestServer::start().await;
    server.set_password(ADMINISTRATOR, PASSWORD, true);
    let entered: Value = server
        .enter(ADMINISTRATOR, PASSWORD, "")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(entered["lacks"], "new_password");
    let other = server.desk(ADMINISTRATOR);
    let change = |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        server.browse(Method::PUT, "/v1/account/password", Some(body))
    };
    for (current, new, status, code) in [
        (PASSWORD, PASSWORD, 400, "password_unchanged"),
        (PASSWORD, "q8#Kd2v", 400, "password_length"),
        (PASSWORD, "passwordpassword", 400, "password_common"),
        (PASSWORD, SHORT, 400, "password_needs_second_factor"),
        (
            "wrong",
            "北山有枝木兮木有枝君不知今夕",
            400,
            "password_needs_second_factor",
        ),
        ("wrong", "lantern orchard violin 9", 403, "invalid_password"),
    ] {
        assert_problem(change(current, new).await, status, code).await;
    }
    let changed = change(PASSWORD, "lantern orchard violin 9").await;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_eq!(server.read("/v1/session").await["lacks"], json!(null));
    // Whoever was signed in under the old one is not any more.
    let ended = other.send(Method::GET, "/v1/session", None).await;
    assert_problem(ended, 401, "unauthenticated").await;
    // With a second factor it may be shorter.
    server.set_up_totp().await;
    let changed = change("lantern orchard violin 9", SHORT).await;
    assert_eq!(changed.status(), StatusCode::NO_CONTENT);
    assert_problem(
        server.enter(ADMINISTRATOR, SHORT, "").await,
        401,
        "second_factor_required",
    )
    .await;
}

#[tokio::test]
async fn a_passkey_signs_its_person_in_by_itself() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let mut key = Authenticator::new(7, server.origin());
    let registered = server.register(&mut key).await;
    assert_eq!(registered.status(), StatusCode::CREATED);
    let registered: Value = registered.json().await.unwrap();
    assert_eq!(registered["recovery_codes"].as_array().unwrap().len(), 10);
    assert_problem(server.register(&mut key).await, 400, "passkey_refused").await;
    // A password alone is not enough any more.
    assert_problem(
        server.enter(ADMINISTRATOR, PASSWORD, "").await,
        401,
        "second_factor_required",
    )
    .await;
    let entered = server.enter_by_passkey(&key).await;
    assert_eq!(entered.status(), StatusCode::OK);
    let session: Value = entered.json().await.unwrap();
    assert_eq!(
        (&session["person"], &session["proof"]),
        (&json!(ADMINISTRATOR), &json!("passkey"))
    );

    let account = server.read("/v1/account").await;
    assert_eq!(account["passkeys"][0]["name"], "办公电脑");
    assert!(account["passkeys"][0]["used_at"].is_string());
    let id = &account["passkeys"][0]["id"];
    let path = format!("/v1/account/passkeys/{id}");
    let gone = server.browse(Method::DELETE, &path, None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let gone = server.browse(Method::DELETE, &path, None).await;
    assert_problem(gone, 404, "not_found").await;
    assert_problem(
        server.enter_by_passkey(&key).await,
        401,
        "invalid_credentials",
    )
    .await;
}

#[tokio::test]
async fn a_passkey_of_another_page_another_key_or_an_old_ceremony_opens_nothing() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let mut key = Authenticator::new(7, server.origin());
    assert_eq!(
        server.register(&mut key).await.status(),
        StatusCode::CREATED
    );
    let refused = async |key: &Authenticator| {
        let response = server.enter_by_passkey(key).await;
        assert_problem(response, 401, "invalid_credentials").await;
    };
    key.origin = "https://evil.example".into();
    refused(&key).await;
    key.origin = server.origin();
    key.verifies_user = false;
    refused(&key).await;
    key.verifies_user = true;
    let mut stranger = Authenticator::new(8, server.origin());
    stranger.create(&json!({
        "user": { "id": "AAAAAAAAAAAAAAAAAAAAAA" }, "challenge": "AAAA", "rp": { "id": "localhost" },
    }));
    refused(&stranger).await;

    let finish = async |begun: &Value| {
        let body =
            json!({ "ceremony": begun["ceremony"], "credential": key.get(&begun["options"]) });
        server
            .browse(Method::POST, "/v1/session/passkey", Some(body))
            .await
    };
    let begun = server.begin_passkey().await;
    assert_eq!(finish(&begun).await.status(), StatusCode::OK);
    assert_problem(finish(&begun).await, 401, "invalid_credentials").await;
    let begun = server.begin_passkey().await;
    server.clock.advance(5 * 60);
    assert_problem(finish(&begun).await, 401, "invalid_credentials").await;
    let nonsense = json!({ "ceremony": "x", "credential": { "id": 5 } });
    let response = server
        .browse(Method::POST, "/v1/session/passkey", Some(nonsense))
        .await;
    assert_problem(response, 401, "invalid_credentials").await;
    // An inactive person's key opens nothing either.
    let (state, person) = (&server.running.state, ADMINISTRATOR.parse().unwrap());
    state
        .db
        .write(|tx| users::set_active(tx, &person, false))
        .unwrap();
    refused(&key).await;
}

#[tokio::test]
async fn changing_how_one_signs_in_wants_a_recent_proof() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    server.clock.advance(601);
    server.read("/v1/account").await;
    for (method, path) in [
        (Method::POST, "/v1/account/totp"),
        (Method::DELETE, "/v1/account/totp"),
        (Method::POST, "/v1/account/passkeys/options"),
        (Method::DELETE, "/v1/account/passkeys/1"),
        (Method::POST, "/v1/account/recovery-codes"),
    ] {
        let response = server.browse(method, path, None).await;
        assert_problem(response, 403, "step_up_required").await;
    }
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let response = server
        .browse(Method::POST, "/v1/account/recovery-codes", None)
        .await;
    assert_problem(response, 409, "no_second_factor").await;
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let server = TestServer::start().await;
    server.sign_in(ADMINISTRATOR, PASSWORD).await;
    let other = server.desk(ADMINISTRATOR);
    let sessions = server.read("/v1/account/sessions").await["sessions"].clone();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    let find = |current: bool| sessions.iter().find(|s| s["current"] == current).unwrap();
    assert_eq!(find(false)["agent"], "a test");
    let path = format!(
        "/v1/account/sessions/{}",
        find(false)["id"].as_str().unwrap()
    );
    let ended = server.browse(Method::DELETE, &path, None).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let after = other.send(Method::GET, "/v1/session", None).await;
    assert_problem(after, 401, "unauthenticated").await;
    let again = server.browse(Method::DELETE, &path, None).await;
    assert_problem(again, 404, "not_found").await;
}
