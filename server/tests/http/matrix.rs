//! Every route of the API's description × everybody who may ask × ids of one's own, of another unit and of
//! another organisation: the statuses stand in one reviewed file, `tests/snapshots/routes.txt`.
//!
//! Invariant: the routes are read from the description, so that a new one cannot stay out; an answer is one that
//! the description names for its route, and never the server's own failure.

use std::fmt::Write as _;
use std::path::Path;

use gongdan_core::catalogue::Person;
use gongdan_core::policy::Role;
use gongdan_core::sync::request_auth::base64url;
use gongdan_server::auth::sessions::{self, Lack, Opening, Proof, RECENT_SECONDS};
use gongdan_server::auth::users;
use gongdan_server::organisation;
use gongdan_server::store::StoreError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::desk::{DISPATCHER, opening};
use crate::harness::{ADMINISTRATOR, PASSWORD, TestDevice, TestServer};
use crate::phone::MEDIA_TYPE;

const UNIT: &str = "partner-anju";
const BRANCH: &str = "branch-east";
/// An id that another organisation's server gave.
const ELSEWHERE: &str = "019a0000-0000-7000-8000-00000000beef";

/// Who asks.
enum Asker {
    Nobody,
    /// With this role alone.
    Role(Role),
    /// An administrator whose proof is not recent.
    Stale,
    /// An administrator whose account lacks a second factor.
    Lacking,
    Device(Box<TestDevice>),
}

struct Column {
    head: &'static str,
    asker: Asker,
}

/// What a row asks for: whose ids stand in the path.
struct Row {
    method: Method,
    template: String,
    /// What the ids are: nothing where there are none.
    of: &'static str,
}

struct Matrix {
    server: TestServer,
    /// A ticket that the partner's technician has, and one that nobody has.
    unit_ticket: String,
    ticket: String,
    /// A device to be kept, which asks for nothing.
    kept: String,
}

fn number(role: Role) -> String {
    let name = format!("{role:?}");
    format!("M-{}", name.to_lowercase())
}

impl Matrix {
    async fn new() -> Self {
        let server = TestServer::start().await;
        let now = server.running.state.host.now();
        let person = |role: Role| Person {
            id: number(role).parse().unwrap(),
            name: "某人".into(),
            roles: vec![role],
            group: None,
            skills: Vec::new(),
            unit: match role {
                Role::PartnerManager | Role::PartnerTechnician => Some(UNIT.into()),
                Role::Branch => Some(BRANCH.into()),
                _ => None,
            },
        };
        server
            .running
            .state
            .db
            .write(|tx| {
                for role in Role::ALL {
                    users::upsert(tx, &person(role), now)?;
                }
                organisation::refresh(tx, now)
            })
            .unwrap();
        let desk = server.desk(DISPATCHER);
        let (unit_ticket, _) = desk.open("east", "空调不制冷").await;
        let crew = number(Role::PartnerTechnician);
        let assign = json!([{ "assign": { "crew": [crew], "lead": crew, "group": null } }]);
        desk.execute(&unit_ticket, &json!({}), assign).await;
        let (ticket, _) = desk.open("east", "空调漏水").await;
        let kept = server.device(30).await.id.to_string();
        Self {
            server,
            unit_ticket,
            ticket,
            kept,
        }
    }

    async fn columns(&self) -> Vec<Column> {
        let role = |head, role| Column {
            head,
            asker: Asker::Role(role),
        };
        let revoked = self.server.device(32).await;
        self.server.revoke(&revoked);
        let device = Asker::Device(Box::new(self.server.device(31).await));
        vec![
            Column {
                head: "nobody",
                asker: Asker::Nobody,
            },
            role("intake", Role::IntakeClerk),
            role("dispat", Role::Dispatcher),
            role("superv", Role::Supervisor),
            role("techn", Role::Technician),
            role("leadt", Role::LeadTechnician),
            role("qualit", Role::Quality),
            role("branch", Role::Branch),
            role("p-man", Role::PartnerManager),
            role("p-tech", Role::PartnerTechnician),
            role("follow", Role::FollowUpClerk),
            role("admin", Role::Administrator),
            role("audit", Role::Auditor),
            Column {
                head: "stale",
                asker: Asker::Stale,
            },
            Column {
                head: "lacks",
                asker: Asker::Lacking,
            },
            Column {
                head: "device",
                asker: device,
            },
            Column {
                head: "revokd",
                asker: Asker::Device(Box::new(revoked)),
            },
        ]
    }

    /// A session of somebody: its secret.
    fn session(&self, person: &str, lacks: Option<Lack>) -> String {
        let state = &self.server.running.state;
        let person = person.parse().unwrap();
        let opening = Opening {
            proof: Proof::Password,
            lacks,
            agent: "a test".into(),
        };
        state
            .db
            .write(|tx| sessions::open(tx, &person, &opening, &state.host))
            .unwrap()
    }

    fn cookie(&self, asker: &Asker) -> Option<String> {
        let administrator = number(Role::Administrator);
        let secret = match asker {
            Asker::Nobody | Asker::Device(_) => return None,
            Asker::Role(role) => self.session(&number(*role), None),
            Asker::Lacking => self.session(&administrator, Some(Lack::SecondFactor)),
            Asker::Stale => {
                let secret = self.session(&administrator, None);
                self.server
                    .running
                    .state
                    .db
                    .write(|tx| {
                        tx.execute(
                            "UPDATE sessions SET created_at = created_at - ?1 WHERE person = ?2 AND lacks IS NULL",
                            (RECENT_SECONDS + 1, &administrator),
                        )?;
                        Ok::<_, StoreError>(())
                    })
                    .unwrap();
                secret
            }
        };
        Some(format!("gongdan_session={secret}"))
    }

    /// The id of a session of `person`, opened for this.
    fn session_id(&self, person: &str) -> String {
        let state = &self.server.running.state;
        let secret = self.session(person, None);
        let found = state
            .db
            .read(|c| sessions::find(c, &secret, state.host.now()))
            .unwrap()
            .unwrap();
        base64url(&found.id)
    }

    /// The path with its ids.
    fn path(&self, row: &Row, asker: &Asker) -> String {
        let filled = |id: &str| {
            let mut path = row.template.replace("{sheet}", &"ab".repeat(32));
            if let (Some(from), Some(to)) = (path.find('{'), path.find('}')) {
                path.replace_range(from..=to, id);
            }
            path
        };
        let own = match asker {
            Asker::Role(role) => number(*role),
            _ => number(Role::Administrator),
        };
        match (row.template.as_str(), row.of) {
            ("/v1/tickets/export", _) => "/v1/tickets/export?format=csv".to_owned(),
            (template, _) if !template.contains('{') => template.to_owned(),
            ("/v1/account/sessions/{id}", "own") => filled(&self.session_id(&own)),
            ("/v1/account/sessions/{id}", _) => filled(&self.session_id(DISPATCHER)),
            ("/v1/users/{id}/sessions/{session}", "here") => {
                format!(
                    "/v1/users/{DISPATCHER}/sessions/{}",
                    self.session_id(DISPATCHER)
                )
            }
            ("/v1/users/{id}/sessions/{session}", _) => {
                format!("/v1/users/X9999/sessions/{}", self.session_id(DISPATCHER))
            }
            (template, "here") if template.starts_with("/v1/users/") => filled(DISPATCHER),
            (template, "own") if template.starts_with("/v1/users/") => filled(&own),
            (template, _) if template.starts_with("/v1/users/") => filled("X9999"),
            (template, "here") if template.starts_with("/v1/devices/") => filled(&self.kept),
            (_, "unit") => filled(&self.unit_ticket),
            (_, "here") => filled(&self.ticket),
            (template, _) if template.contains("{hash}") || template.contains("{changeset}") => {
                filled(&"ab".repeat(32))
            }
            ("/v1/account/passkeys/{id}", _) => filled("999999"),
            _ => filled(ELSEWHERE),
        }
    }

    async fn ask(&self, row: &Row, column: &Column) -> StatusCode {
        let path = self.path(row, &column.asker);
        let server = &self.server;
        let body = body(&row.method, &row.template, row.of);
        let (bytes, media_type) = match &body {
            Some(Body::Json(json)) => (serde_json::to_vec(json).unwrap(), "application/json"),
            Some(Body::Raw(bytes, media_type)) => (bytes.clone(), *media_type),
            None => (Vec::new(), ""),
        };
        let mut request = server.client.request(row.method.clone(), server.url(&path));
        if !media_type.is_empty() {
            request = request.header("content-type", media_type);
        }
        if row.template.starts_with("/v1/blobs") {
            request = request
                .header("tus-resumable", "1.0.0")
                .header("upload-offset", "0");
        }
        request = match &column.asker {
            Asker::Device(device) => {
                request.header("authorization", device.header(&row.method, &path, &bytes))
            }
            asker => match self.cookie(asker) {
                Some(cookie) => request.header("cookie", cookie),
                None => request,
            }
            .header("x-gongdan-request", "1"),
        };
        // Streams go on for ever: their head is enough.
        request.body(bytes).send().await.unwrap().status()
    }
}

enum Body {
    Json(Value),
    Raw(Vec<u8>, &'static str),
}

/// A body that gets as far as the rights: right in form, and changing as little as there is.
fn body(method: &Method, template: &str, of: &str) -> Option<Body> {
    let json = match (method.as_str(), template) {
        ("POST", "/v1/session") => json!({ "username": ADMINISTRATOR, "password": PASSWORD }),
        ("POST", "/v1/session/passkey") => json!({ "ceremony": "none", "credential": {} }),
        ("PUT", "/v1/account/password") => json!({ "current": "the same", "new": "the same" }),
        ("PUT", "/v1/account/totp") => json!({ "code": "000000" }),
        ("POST", "/v1/account/passkeys") => {
            json!({ "ceremony": "none", "name": "a key", "credential": {} })
        }
        ("POST", "/v1/devices/invitations") => json!({ "person": "X9999" }),
        ("PATCH", "/v1/devices/{id}") => json!({ "name": "a phone" }),
        ("POST", "/v1/devices/{id}/revocation") => json!({ "reason": "lost" }),
        ("POST", "/v1/enrol") => {
            json!({ "code": "0000-0000", "public_key": base64url(&[1; 32]), "device_name": "a phone" })
        }
        ("POST", "/v1/quarantine/{changeset}") => json!({ "decision": "decline" }),
        ("POST", "/v1/tickets") => opening("east", "漏水"),
        ("POST", "/v1/tickets/{id}/commands") => {
            let part = if of == "unit" { "service" } else { "office" };
            json!({ "seen": {}, "commands": [{ "write_note": { "part": part, "text": "记一笔" } }] })
        }
        ("POST", "/v1/users") => json!({ "id": DISPATCHER, "name": "某人", "roles": ["auditor"] }),
        ("PATCH", "/v1/users/{id}") => json!({}),
        ("POST", "/v1/sync") => return Some(Body::Raw(b"no frame".to_vec(), MEDIA_TYPE)),
        ("PATCH", "/v1/blobs/uploads/{id}") => {
            return Some(Body::Raw(
                b"bytes".to_vec(),
                "application/offset+octet-stream",
            ));
        }
        _ => return None,
    };
    Some(Body::Json(json))
}

/// Whose ids a route is asked with.
fn variants(method: &Method, template: &str) -> &'static [&'static str] {
    if !template.contains('{') {
        &[""]
    } else if template.starts_with("/v1/tickets/") {
        &["unit", "here", "elsewhere"]
    } else if template == "/v1/account/sessions/{id}" {
        &["own", "elsewhere"]
    } else if template.starts_with("/v1/users/{id}") && !template.contains("{session}") {
        // Reading and renaming oneself changes nothing; the rest would shut the asker out.
        if *method == Method::GET || *method == Method::PATCH {
            &["own", "here", "elsewhere"]
        } else {
            &["here", "elsewhere"]
        }
    } else if template.starts_with("/v1/users/") || template.starts_with("/v1/devices/") {
        &["here", "elsewhere"]
    } else {
        &["elsewhere"]
    }
}

fn rows(description: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    for (template, item) in description["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else {
                continue;
            };
            for of in variants(&method, template) {
                rows.push(Row {
                    method: method.clone(),
                    template: template.clone(),
                    of,
                });
            }
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_everybody_as_reviewed_and_never_fails() {
    let description: Value = serde_json::from_str(&gongdan_server::api::document()).unwrap();
    let matrix = Matrix::new().await;
    let columns = matrix.columns().await;
    let mut out = String::from(
        "Status of every route for everybody: nobody, each role alone, an administrator without a recent proof and\n\
         one whose account lacks a second factor, a technician's device, a revoked one. Ids: own; here (a ticket in\n\
         nobody's hands, another person, a device); unit (a ticket of the partner's technician); elsewhere (another\n\
         organisation's). Bodies are right in form. 401 who are you, 403 not yours, 404 not here.\n\n",
    );
    let heads: String = columns.iter().map(|c| format!("{:<7}", c.head)).collect();
    writeln!(out, "{:<56}{}", "", heads.trim_end()).unwrap();
    let mut undescribed = Vec::new();
    for row in rows(&description) {
        let described =
            &description["paths"][&row.template][row.method.as_str().to_lowercase()]["responses"];
        let mut cells = String::new();
        for column in &columns {
            let status = matrix.ask(&row, column).await;
            write!(cells, "{:<7}", status.as_u16()).unwrap();
            if status.is_server_error() || described[status.as_str()].is_null() {
                undescribed.push(format!(
                    "{} {} {} as {}: {status}",
                    row.method, row.template, row.of, column.head
                ));
            }
        }
        let name = format!("{} {} {}", row.method, row.template, row.of);
        writeln!(out, "{:<56}{}", name.trim_end(), cells.trim_end()).unwrap();
    }
    assert_eq!(undescribed, Vec::<String>::new());
    reviewed(&out);
}

/// Compares with the reviewed file; `UPDATE_EXPECT=1` rewrites it.
fn reviewed(actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/routes.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() && std::env::var_os("CI").is_none() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = expected
        .lines()
        .zip(actual.lines())
        .find(|(expected, actual)| expected != actual);
    assert!(
        expected == actual,
        "routes.txt: {differs:?}; read the change, then run again with UPDATE_EXPECT=1"
    );
}
