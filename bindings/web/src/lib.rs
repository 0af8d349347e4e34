//! The core for JavaScript: JSON and bytes in and out, no logic of its own. [`phone`] is a phone on encrypted
//! SQLite in a browser's worker; the replica in memory here serves tests.
//!
//! Invariant: an error's message begins with a stable code and `: `; texts for people are chosen by it.

pub mod golden;
#[cfg(target_arch = "wasm32")]
pub mod phone;
#[cfg(target_arch = "wasm32")]
pub mod pin;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{BlobHash, DeviceId, PersonId, TicketId};
use gongdan_core::replica::{ExecuteError, Identity, ReceiveError, Replica, Seen};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::store::{Filter, StoreError};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::ticket::Act;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// A device's replica.
#[wasm_bindgen(js_name = Replica)]
pub struct WebReplica {
    replica: Replica,
}

/// [`Identity`] in JSON.
#[derive(Deserialize)]
struct IdentityJson {
    device: String,
    person: PersonId,
    /// 64 hexadecimal digits.
    server_key: String,
}

#[wasm_bindgen(js_class = Replica)]
impl WebReplica {
    /// Opens a fresh replica. `identity` is JSON (`device`, `person`, `server_key` in hexadecimal digits),
    /// `key` the device's 32 secret bytes, `entropy` 32 fresh random bytes.
    ///
    /// # Errors
    /// `argument`.
    #[wasm_bindgen(constructor)]
    pub fn open(identity: &str, key: &[u8], entropy: &[u8]) -> Result<WebReplica, JsError> {
        let json: IdentityJson = from_json(identity)?;
        let device: DeviceId = json.device.parse().map_err(argument)?;
        let identity = Identity {
            device,
            person: json.person,
            server_key: unhex(&json.server_key).ok_or_else(|| argument("server_key"))?,
        };
        let mut store = MemoryStore::default();
        Replica::enrol(&mut store, &identity).map_err(store_error)?;
        let key = DeviceKey::from_bytes(key.try_into().map_err(argument)?);
        let entropy = entropy.try_into().map_err(argument)?;
        let replica = Replica::open(Box::new(store), key, entropy).map_err(store_error)?;
        Ok(Self { replica })
    }

    /// Opens a ticket by an act (JSON: a list of commands); its id. `now` in seconds since 1970.
    ///
    /// # Errors
    /// The codes of [`ExecuteError`].
    #[wasm_bindgen(js_name = openTicket)]
    pub fn open_ticket(&mut self, now: f64, act: &str) -> Result<String, JsError> {
        let act: Act = from_json(act)?;
        let id = self
            .replica
            .open_ticket(seconds(now), act)
            .map_err(execute_error)?;
        Ok(id.to_string())
    }

    /// Executes an act. `seen` is JSON: the heads that the form showed, by part.
    ///
    /// # Errors
    /// The codes of [`ExecuteError`].
    pub fn execute(
        &mut self,
        now: f64,
        ticket: &str,
        seen: &str,
        act: &str,
    ) -> Result<(), JsError> {
        let seen: Seen = from_json(seen)?;
        let act: Act = from_json(act)?;
        let ticket = ticket_id(ticket)?;
        self.replica
            .execute(seconds(now), ticket, &seen, act)
            .map_err(execute_error)
    }

    /// The bytes of the next `POST /v1/sync`.
    ///
    /// # Errors
    /// `store`.
    #[wasm_bindgen(js_name = nextRequest)]
    pub fn next_request(&mut self) -> Result<Vec<u8>, JsError> {
        self.replica.next_request().map_err(store_error)
    }

    /// Takes an answer over; JSON of what changed.
    ///
    /// # Errors
    /// `malformed`, `not_for_this_request`, `store`.
    pub fn receive(&mut self, body: &[u8]) -> Result<String, JsError> {
        let outcome = self.replica.receive(body).map_err(receive_error)?;
        to_json(&OutcomeJson {
            changed: outcome.changed,
            evicted: outcome.evicted,
            more: outcome.more,
            unsettled: outcome.unsettled,
        })
    }

    /// The next request spells everything out: after the server said that it could not resolve a reference.
    #[wasm_bindgen(js_name = spellOut)]
    pub fn spell_out(&mut self) {
        self.replica.spell_out();
    }

    /// Whether a request would carry commands.
    ///
    /// # Errors
    /// `store`.
    #[wasm_bindgen(js_name = hasToSend)]
    pub fn has_to_send(&mut self) -> Result<bool, JsError> {
        self.replica.has_to_send().map_err(store_error)
    }

    /// The list's rows that have every word of `query`; JSON. All where it is empty.
    ///
    /// # Errors
    /// `store`.
    pub fn list(&mut self, query: &str) -> Result<String, JsError> {
        let query = (!query.is_empty()).then(|| query.to_owned());
        let rows = self.replica.list(&Filter {
            query,
            ..Filter::default()
        });
        to_json(&rows.map_err(store_error)?)
    }

    /// A ticket with its heads and authors; JSON, `null` where it is not here.
    ///
    /// # Errors
    /// `argument`, `store`.
    pub fn ticket(&mut self, id: &str) -> Result<String, JsError> {
        to_json(&self.replica.ticket(ticket_id(id)?).map_err(store_error)?)
    }

    /// A ticket's heads by part; JSON, empty where it is not here.
    ///
    /// # Errors
    /// `argument`, `store`.
    pub fn heads(&mut self, id: &str) -> Result<String, JsError> {
        let view = self.replica.ticket(ticket_id(id)?).map_err(store_error)?;
        to_json(&view.map(|view| view.heads).unwrap_or_default())
    }

    /// How much waits, by state; JSON.
    ///
    /// # Errors
    /// `store`.
    #[wasm_bindgen(js_name = outboxCounts)]
    pub fn outbox_counts(&mut self) -> Result<String, JsError> {
        to_json(&self.replica.outbox_counts().map_err(store_error)?)
    }
}

/// Runs a golden file (JSON); what came out, as JSON of the same shape. See [`golden`].
///
/// # Errors
/// `argument`.
#[wasm_bindgen(js_name = golden)]
pub fn run_golden(file: &str) -> Result<String, JsError> {
    let file: golden::File = from_json(file)?;
    to_json(&golden::run(&file))
}

/// [`gongdan_core::replica::Outcome`] in JSON.
#[derive(Serialize)]
struct OutcomeJson {
    changed: Vec<TicketId>,
    evicted: Vec<TicketId>,
    more: bool,
    unsettled: u32,
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, JsError> {
    serde_json::from_str(json).map_err(argument)
}

fn to_json<T: Serialize>(value: &T) -> Result<String, JsError> {
    serde_json::to_string(value).map_err(argument)
}

fn ticket_id(text: &str) -> Result<TicketId, JsError> {
    text.parse().map_err(argument)
}

/// JavaScript has no 64-bit integers in JSON; seconds fit a double for 285 million years.
#[expect(
    clippy::cast_possible_truncation,
    reason = "saturates, and limits are checked in execution"
)]
fn seconds(now: f64) -> Timestamp {
    Timestamp(now as i64)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    text.parse::<BlobHash>().ok().map(|hash| hash.0)
}

fn argument(error: impl std::fmt::Display) -> JsError {
    JsError::new(&format!("argument: {error}"))
}

fn store_error(error: StoreError) -> JsError {
    JsError::new(&format!("store: {error}"))
}

fn execute_error(error: ExecuteError) -> JsError {
    let code = match &error {
        ExecuteError::NoSuchTicket => "no_such_ticket",
        ExecuteError::Denied(_) => "denied",
        ExecuteError::NotLawful { .. } => "not_lawful",
        ExecuteError::Inexecutable(_) => "inexecutable",
        ExecuteError::UnknownHeads => "unknown_heads",
        ExecuteError::NotAnAct => "not_an_act",
        ExecuteError::Store(_) => "store",
    };
    JsError::new(&format!("{code}: {error}"))
}

fn receive_error(error: ReceiveError) -> JsError {
    let code = match &error {
        ReceiveError::Malformed(_) => "malformed",
        ReceiveError::NotForThisRequest => "not_for_this_request",
        ReceiveError::Store(_) => "store",
    };
    JsError::new(&format!("{code}: {error}"))
}
