//! The office: a person at the desk, over the same JSON API and cookie session as the console.
//!
//! Invariant: every edit carries the heads of the form that it was typed in.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use gongdan_core::ids::{ChangeHash, Part, TicketId};
use gongdan_core::replica::Seen;
use gongdan_core::ticket::{Command, Ticket};
use reqwest::Method;
use reqwest::blocking::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A signed-in person of the office.
pub(crate) struct Office {
    url: String,
    client: Client,
    /// Commands sent.
    pub(crate) commands: u64,
    /// Changesets admitted; every other verdict ends the day.
    pub(crate) admitted: u64,
    /// Quarantined changesets that were let in.
    pub(crate) decided: u64,
}

/// A ticket with the heads that it was shown at.
#[derive(Debug, Deserialize)]
pub(crate) struct Detail {
    pub(crate) ticket: Ticket,
    pub(crate) heads: BTreeMap<Part, Vec<ChangeHash>>,
    /// By actor.
    pub(crate) authors: BTreeMap<String, Author>,
}

/// Who stands behind an actor.
#[derive(Debug, Deserialize)]
pub(crate) struct Author {
    pub(crate) name: String,
}

/// A line of the list, as far as the day needs it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: TicketId,
    pub(crate) label: String,
    pub(crate) region: Option<String>,
    pub(crate) product_line: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    items: Vec<Row>,
    next: Option<String>,
}

/// One entry of a ticket's log, as far as the table needs it.
#[derive(Debug, Deserialize)]
pub(crate) struct TimelineEntry {
    pub(crate) commands: Vec<Value>,
    pub(crate) merged: String,
}

#[derive(Debug, Deserialize)]
struct Timeline {
    entries: Vec<TimelineEntry>,
}

/// A changeset that waits for a decision.
#[derive(Debug, Deserialize)]
pub(crate) struct Quarantined {
    pub(crate) changeset: String,
    pub(crate) ticket: TicketId,
    pub(crate) commands: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Quarantine {
    items: Vec<Quarantined>,
}

impl Office {
    /// Signs in.
    pub(crate) fn sign_in(url: &str, username: &str, password: &str) -> Result<Self> {
        let client = Client::builder().cookie_store(true).no_proxy().build()?;
        let office = Self {
            url: url.to_owned(),
            client,
            commands: 0,
            admitted: 0,
            decided: 0,
        };
        let credentials = json!({"username": username, "password": password});
        office.request::<Value>(Method::POST, "/v1/session", Some(&credentials))?;
        Ok(office)
    }

    fn request<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T> {
        let what = format!("{method} {path}");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("X-Gongdan-Request", "1");
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().with_context(|| what.clone())?;
        let status = answer.status();
        let bytes = answer.bytes().with_context(|| what.clone())?;
        if !status.is_success() {
            bail!("{what}: {status} {}", String::from_utf8_lossy(&bytes));
        }
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text)
            .with_context(|| format!("{what}: {}", String::from_utf8_lossy(text)))
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.request(Method::GET, path, None)
    }

    /// All tickets, page by page.
    pub(crate) fn tickets(&self) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        let mut path = "/v1/tickets?limit=100".to_owned();
        loop {
            let page: Page = self.get(&path)?;
            rows.extend(page.items);
            match page.next {
                Some(next) => path = format!("/v1/tickets?limit=100&after={}", escape(&next)),
                None => return Ok(rows),
            }
        }
    }

    /// Opens a ticket's page.
    pub(crate) fn ticket(&self, id: TicketId) -> Result<Detail> {
        self.get(&format!("/v1/tickets/{id}"))
    }

    /// The admitted changesets of a ticket.
    pub(crate) fn timeline(&self, id: TicketId) -> Result<Vec<TimelineEntry>> {
        let timeline: Timeline = self.get(&format!("/v1/tickets/{id}/timeline"))?;
        Ok(timeline.entries)
    }

    /// Sends what was typed in a form that was opened at `seen`.
    pub(crate) fn execute(
        &mut self,
        id: TicketId,
        seen: &Seen,
        commands: &[Command],
    ) -> Result<()> {
        let body = json!({"seen": seen, "commands": commands});
        let path = format!("/v1/tickets/{id}/commands");
        let answer: Value = self.request(Method::POST, &path, Some(&body))?;
        self.commands += commands.len() as u64;
        let verdicts = answer["verdicts"].as_array().cloned().unwrap_or_default();
        if verdicts.is_empty() {
            bail!("{path}: no verdict in {answer}");
        }
        for verdict in &verdicts {
            if verdict["verdict"] != "admitted" {
                bail!("{path}: {verdict}");
            }
            self.admitted += 1;
        }
        Ok(())
    }

    /// Opens the form and sends at once: nothing arrives between.
    pub(crate) fn say(&mut self, id: TicketId, commands: &[Command]) -> Result<()> {
        let seen = self.ticket(id)?.heads;
        self.execute(id, &seen, commands)
    }

    /// What waits for a decision.
    pub(crate) fn quarantine(&self) -> Result<Vec<Quarantined>> {
        let quarantine: Quarantine = self.get("/v1/quarantine")?;
        Ok(quarantine.items)
    }

    /// Admits a quarantined changeset.
    pub(crate) fn admit(&mut self, changeset: &str) -> Result<()> {
        let path = format!("/v1/quarantine/{}", escape(changeset));
        let body = json!({"decision": "admit"});
        let answer: Value = self.request(Method::POST, &path, Some(&body))?;
        let told = &answer["verdicts"];
        for verdict in told.as_array().into_iter().flatten() {
            let name = verdict["verdict"].as_str().unwrap_or_default();
            if name != "admitted" {
                bail!("{path}: {verdict}");
            }
        }
        self.decided += 1;
        Ok(())
    }
}

/// A text as a part of an address (RFC 3986 §2.1).
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
