//! People at the console: each with a session of their own.

use gongdan_server::auth::sessions::{self, Opening, Proof};
use gongdan_server::read_model;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::described;
use crate::harness::TestServer;

pub(crate) const CLERK: &str = "G2001";
pub(crate) const DISPATCHER: &str = "G2003";
pub(crate) const OTHER_DISPATCHER: &str = "G2004";
pub(crate) const SUPERVISOR: &str = "G3001";
pub(crate) const AUDITOR: &str = "G1002";
pub(crate) const TECHNICIAN: &str = "G4001";

/// Somebody signed in.
pub(crate) struct Desk<'a> {
    server: &'a TestServer,
    cookie: String,
}

impl TestServer {
    /// `person` at the console.
    pub(crate) fn desk(&self, person: &str) -> Desk<'_> {
        let (state, person) = (&self.running.state, person.parse().unwrap());
        let secret = state
            .db
            .write(|tx| {
                let opening = Opening {
                    proof: Proof::Password,
                    lacks: None,
                    agent: "a test".into(),
                };
                sessions::open(tx, &person, &opening, &state.host)
            })
            .unwrap();
        Desk {
            server: self,
            cookie: format!("gongdan_session={secret}"),
        }
    }

    /// All rows of the read model.
    pub(crate) fn rows(&self) -> String {
        self.running.state.db.read(read_model::dump).unwrap()
    }
}

impl TestServer {
    /// Makes documents and read model anew from the signed changesets: they come out as they were.
    pub(crate) fn assert_rebuilt_the_same(&self) {
        let grown = self.rows();
        let rebuilt = gongdan_server::relay::rebuild(&self.running.state.db).unwrap();
        assert_eq!(rebuilt.different, 0);
        assert_eq!(self.rows(), grown);
    }
}

impl Desk<'_> {
    /// Sends a request. What goes and what comes is held against the API's description.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self
            .server
            .client
            .request(method.clone(), self.server.url(path));
        let mut request = request
            .header("cookie", &self.cookie)
            .header("x-gongdan-request", "1");
        if let Some(body) = &body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        described::checked(&method, path, body.as_ref(), response).await
    }

    /// Asks for what is no JSON.
    pub(crate) async fn fetch(&self, path: &str) -> Response {
        let request = self.server.client.get(self.server.url(path));
        request.header("cookie", &self.cookie).send().await.unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(Method::GET, path, None).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Response {
        self.send(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn ticket(&self, name: &str) -> Value {
        self.get(&format!("/v1/tickets/{name}")).await
    }

    /// Sends commands with the heads seen; whatever comes back.
    pub(crate) async fn try_execute(&self, name: &str, seen: &Value, commands: Value) -> Response {
        let body = json!({ "seen": seen, "commands": commands });
        self.post(&format!("/v1/tickets/{name}/commands"), body)
            .await
    }

    /// Sends commands that must be admitted.
    pub(crate) async fn execute(&self, name: &str, seen: &Value, commands: Value) {
        let response = self.try_execute(name, seen, commands).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        let verdicts = body["verdicts"].as_array().unwrap();
        assert!(
            !verdicts.is_empty() && verdicts.iter().all(|v| v["verdict"] == "admitted"),
            "{body}"
        );
    }

    /// Takes a request in; its id and number.
    pub(crate) async fn open(&self, region: &str, problem: &str) -> (String, String) {
        let response = self.post("/v1/tickets", opening(region, problem)).await;
        let status = response.status();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{body}");
        (
            body["id"].as_str().unwrap().to_owned(),
            body["number"].as_str().unwrap().to_owned(),
        )
    }
}

/// The commands that open a ticket.
pub(crate) fn opening(region: &str, problem: &str) -> Value {
    let field = |field: &str, value: &str| json!({ "field": field, "value": value });
    json!({ "commands": [
        { "open": { "problem": problem, "fields": [
            field("ticket_type", "repair"), field("channel", "phone"), field("region", region),
            field("product_line", "aircon"), field("model", "KFR-35GW"), field("grade", "B"),
            field("reported_at", "2026-11-18T09:30:00+08:00"),
        ] } },
        { "record_customer": { "fields": [field("customer_name", "周牧云"), field("customer_phone", "13800001037")] } },
    ] })
}

/// A correction of a field.
pub(crate) fn correct(field: &str, value: &str) -> Value {
    json!([{ "correct": { "field": field, "value": value } }])
}
