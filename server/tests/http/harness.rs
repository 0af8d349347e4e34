//! A server with the sample organisation, one administrator, and devices that sign.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::DeviceId;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::request_auth::{Authorization, base64url, signing_input};
use gongdan_server::auth::{enrolment, password, users};
use gongdan_server::config::Config;
use gongdan_server::host::{Clock, Host};
use gongdan_server::{Running, organisation};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::desk::TECHNICIAN;

pub(crate) const ADMINISTRATOR: &str = "G1001";
pub(crate) const PASSWORD: &str = "correct horse battery";
const ORGANISATION: &str = include_str!("../../sample/organisation.toml");

/// A clock that stands still until it is moved.
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

pub(crate) struct TestServer {
    pub(crate) running: Running,
    pub(crate) clock: Arc<TestClock>,
    /// Keeps cookies, as a browser does.
    pub(crate) browser: Client,
    /// Keeps none.
    pub(crate) client: Client,
    /// An employee number of a technician.
    pub(crate) technician: String,
    _folder: tempfile::TempDir,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With settings of its own.
    pub(crate) async fn start_with(set: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_000_000)));
        let host = Host {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..Host::system()
        };
        let mut config = Config::new(folder.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.metrics = Some(config.listen);
        set(&mut config);
        let running = gongdan_server::start(config, host.clone()).await.unwrap();
        let loaded = organisation::parse(ORGANISATION).unwrap();
        let technician = loaded
            .people
            .iter()
            .find(|p| p.roles.iter().all(|role| !role.is_office()))
            .unwrap();
        let technician = technician.id.to_string();
        let hash = password::hash(&host, PASSWORD);
        let people = [ADMINISTRATOR.parse().unwrap(), technician.parse().unwrap()];
        running
            .state
            .db
            .write(|tx| {
                organisation::load(tx, &loaded, host.now())?;
                people
                    .iter()
                    .try_for_each(|person| users::set_password(tx, person, &hash, false))
            })
            .unwrap();
        let browser = Client::builder().cookie_store(true).build().unwrap();
        Self {
            running,
            clock,
            browser,
            client: Client::new(),
            technician,
            _folder: folder,
        }
    }

    /// A server on a data folder that is there.
    pub(crate) async fn on(data: &Path) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_795_000_200)));
        let host = Host {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            ..Host::system()
        };
        let mut config = Config::new(data);
        config.listen = "127.0.0.1:0".parse().unwrap();
        Self {
            running: gongdan_server::start(config, host).await.unwrap(),
            clock,
            browser: Client::builder().cookie_store(true).build().unwrap(),
            client: Client::new(),
            technician: TECHNICIAN.into(),
            _folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Response {
        let body = json!({ "username": username, "password": password });
        self.browser
            .post(self.url("/v1/session"))
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    /// A one-time code for the technician.
    pub(crate) fn invite(&self) -> String {
        let (state, person) = (&self.running.state, self.technician.parse().unwrap());
        let invited = state
            .db
            .write(|tx| enrolment::invite(tx, &person, 7, &state.host))
            .unwrap();
        invited.unwrap().0
    }

    pub(crate) async fn enrol(&self, code: &str, key: &DeviceKey) -> Response {
        let body = json!({
            "code": code, "public_key": base64url(key.public().as_bytes()), "device_name": "a phone",
        });
        self.client
            .post(self.url("/v1/enrol"))
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn device(&self, seed: u8) -> TestDevice {
        let key = DeviceKey::from_bytes(&[seed; 32]);
        let body: Value = self.enrol(&self.invite(), &key).await.json().await.unwrap();
        TestDevice {
            id: body["device"].as_str().unwrap().parse().unwrap(),
            key,
        }
    }

    pub(crate) async fn token(&self, device: &TestDevice) -> String {
        let response = device
            .send(self, Method::POST, "/v1/token", Vec::new())
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.unwrap();
        body["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn revoke(&self, device: &TestDevice) {
        let state = &self.running.state;
        let now = state.host.now();
        assert!(
            state
                .db
                .write(|tx| gongdan_server::auth::devices::revoke(tx, device.id, None, now))
                .unwrap()
        );
    }
}

pub(crate) struct TestDevice {
    pub(crate) id: DeviceId,
    pub(crate) key: DeviceKey,
}

impl TestDevice {
    /// The header for a request; the phone's clock is wrong by years.
    pub(crate) fn header(&self, method: &Method, path: &str, body: &[u8]) -> String {
        let at = Timestamp(1_000_000_000);
        let signature = self
            .key
            .sign(&signing_input(method.as_str(), path, self.id, at, body));
        Authorization {
            device: self.id,
            at,
            signature,
        }
        .to_string()
    }

    pub(crate) async fn send(
        &self,
        server: &TestServer,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Response {
        let header = self.header(&method, path, &body);
        let request = server
            .client
            .request(method, server.url(path))
            .header("authorization", header);
        request.body(body).send().await.unwrap()
    }
}

/// Asserts that a response is a problem document of this status and code.
pub(crate) async fn assert_problem(response: Response, status: u16, code: &str) {
    let (got, kind) = (
        response.status().as_u16(),
        response.headers().get("content-type").cloned(),
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(kind.unwrap(), "application/problem+json");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], "about:blank");
    assert!(body["title"].is_string());
}
