//! The object that a browser's worker holds: a replica on SQLite in the browser's private file system.
//!
//! It is the twin of `gongdan_ffi::Phone`: the same calls under the same names and the same errors. What crosses
//! is JSON (core's own) and bytes; what is thrown is a [`Fault`] as a JSON text.
//!
//! Invariant: nothing is decided here; each call is one of core's, and is durable when it returns. A dedicated
//! worker calls it, so no two calls run at once, and an asynchronous one holds nothing while it waits.

mod attachments;
mod exchange;
pub mod host;
mod leaving;
mod opening;
mod pool;
mod sheet;

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

use gongdan_core::clock::Timestamp;
use gongdan_core::exchange::Exchange;
use gongdan_core::fault::Fault;
use gongdan_core::ids::{CommandId, Part, TicketId};
use gongdan_core::replica::{self, Lock, Seen, TicketView};
use gongdan_core::store::{Filter, OutboxEntry, OutboxState};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::ticket::command::{Act, Command};
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use host::{KeyStore, Observer, now};

/// What a call throws: a JSON text with `variant`, and `code` where the variant has one.
pub type Thrown = JsValue;

/// A phone: its tickets, its outbox, its side of the sync.
#[wasm_bindgen]
pub struct Phone {
    /// Nothing once the phone is wiped.
    exchange: RefCell<Option<Exchange>>,
    key_store: KeyStore,
    observer: Option<Observer>,
    changes: Changes,
}

/// Changes that core told of in the call under way.
#[derive(Clone, Default)]
struct Changes(Arc<Mutex<Vec<TicketId>>>);

impl replica::Observer for Changes {
    fn changed(&self, tickets: &[TicketId]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(tickets);
    }
}

/// A command that the server has not admitted yet.
#[derive(Serialize)]
struct OutboxItem {
    id: u64,
    ticket: TicketId,
    part: Part,
    command_id: CommandId,
    at: Timestamp,
    command: Command,
    state: OutboxState,
    verdict: Option<Verdict>,
}

impl From<OutboxEntry> for OutboxItem {
    fn from(entry: OutboxEntry) -> Self {
        Self {
            id: entry.id,
            ticket: entry.ticket,
            part: entry.part,
            command_id: entry.command_id,
            at: entry.at,
            command: entry.command,
            state: entry.state,
            verdict: entry.verdict,
        }
    }
}

impl Phone {
    /// Does `work`, then tells the observer what changed.
    fn with<T>(&self, work: impl FnOnce(&mut Exchange) -> Result<T, Fault>) -> Result<T, Thrown> {
        let done = {
            let mut exchange = self.exchange.borrow_mut();
            match exchange.as_mut() {
                Some(exchange) => work(exchange),
                None => Err(Fault::store("wiped")),
            }
        };
        let changed = std::mem::take(
            &mut *self
                .changes
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        if let Some(observer) = &self.observer
            && !changed.is_empty()
        {
            // What happened is in the store: that the host failed to hear of it undoes nothing.
            let _ = observer.changed(changed.iter().map(ToString::to_string).collect());
        }
        done.map_err(thrown)
    }
}

/// Why the screens, or those of a ticket whose visit is not in progress, are locked.
fn locked(lock: Option<Lock>) -> Result<(), Fault> {
    match lock {
        None => Ok(()),
        Some(Lock::Lease) => Err(Fault::store("lease_over")),
        Some(Lock::Wipe) => Err(Fault::store("wipe_ordered")),
    }
}

fn thrown(fault: Fault) -> Thrown {
    let json = serde_json::to_string(&fault);
    JsValue::from_str(&json.unwrap_or_else(|_| r#"{"variant":"Store","code":"reopen"}"#.to_owned()))
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Thrown> {
    serde_json::from_str(json).map_err(|_| thrown(Fault::unfit("misfit")))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, Thrown> {
    serde_json::to_string(value).map_err(|_| thrown(Fault::store("malformed")))
}

fn ticket_id(text: &str) -> Result<TicketId, Thrown> {
    text.trim()
        .parse()
        .map_err(|_| thrown(Fault::unfit("invalid_id")))
}

/// A view in JSON, with what a ticket's methods say of it.
fn view_json(view: &TicketView) -> Result<serde_json::Value, serde_json::Error> {
    let mut json = serde_json::to_value(view)?;
    if let Some(ticket) = json
        .get_mut("ticket")
        .and_then(|ticket| ticket.as_object_mut())
    {
        ticket.insert("label".to_owned(), view.ticket.label().into());
        ticket.insert("lead".to_owned(), serde_json::to_value(view.ticket.lead())?);
    }
    Ok(json)
}

#[wasm_bindgen]
impl Phone {
    /// Whose phone it is.
    ///
    /// # Errors
    /// `Store`.
    pub fn person(&self) -> Result<String, Thrown> {
        self.with(|exchange| Ok(exchange.replica.identity().person.to_string()))
    }

    /// Which device it is.
    ///
    /// # Errors
    /// `Store`.
    pub fn device(&self) -> Result<String, Thrown> {
        self.with(|exchange| Ok(exchange.replica.identity().device.to_string()))
    }

    /// Why the screens are locked: `lease_over` or `wipe_ordered`; nothing where they are not.
    ///
    /// # Errors
    /// `Store`.
    pub fn lock(&self) -> Result<Option<String>, Thrown> {
        self.with(|exchange| {
            Ok(match locked(exchange.replica.lock(now())?) {
                Err(Fault::Store { code }) => Some(code),
                _ => None,
            })
        })
    }

    /// Rows of the tickets here, soonest appointment first. `filter` is JSON: `query`, `statuses`, `grade`,
    /// `limit`, `offset`, each as wanted. While the lease is over, those whose visit is in progress.
    ///
    /// # Errors
    /// `Store`.
    pub fn list(&self, filter: &str) -> Result<String, Thrown> {
        let filter: Filter = from_json(filter)?;
        to_json(&self.with(|exchange| Ok(exchange.replica.list_unlocked(now(), &filter)?))?)
    }

    /// A ticket with its heads and authors; `null` where it is not here.
    ///
    /// # Errors
    /// `Store` (`lease_over`, `wipe_ordered`).
    pub fn ticket(&self, id: &str) -> Result<String, Thrown> {
        let id = ticket_id(id)?;
        let view = self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), id)?)?;
            let view = exchange.replica.ticket(id)?;
            view.map(|view| view_json(&view).map_err(|_| Fault::store("malformed")))
                .transpose()
        })?;
        to_json(&view)
    }

    /// The organisation's configuration; `null` before the first sync.
    ///
    /// # Errors
    /// `Store`.
    pub fn catalogue(&self) -> Result<String, Thrown> {
        let catalogue = self.with(|exchange| Ok(exchange.replica.catalogue().cloned()))?;
        to_json(&catalogue)
    }

    /// Opens a ticket by commands in JSON; its id.
    ///
    /// # Errors
    /// As [`Phone::execute`].
    #[wasm_bindgen(js_name = openTicket)]
    pub fn open_ticket(&self, commands: &str) -> Result<String, Thrown> {
        let commands: Vec<Command> = from_json(commands)?;
        self.with(|exchange| {
            locked(exchange.replica.lock(now())?)?;
            let id = exchange.replica.open_ticket(now(), Act(commands))?;
            Ok(id.to_string())
        })
    }

    /// Does what a person meant: `commands` in JSON, `seen` the heads of the view that the form showed.
    ///
    /// # Errors
    /// `NoSuchTicket`, `Denied`, `NotLawful`, `Unfit`, `Stale`, `Store`.
    pub fn execute(&self, ticket: &str, seen: &str, commands: &str) -> Result<(), Thrown> {
        let ticket = ticket_id(ticket)?;
        let seen: Seen = from_json(seen)?;
        let commands: Vec<Command> = from_json(commands)?;
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), ticket)?)?;
            Ok(exchange
                .replica
                .execute(now(), ticket, &seen, Act(commands))?)
        })
    }

    /// What the server has not admitted yet, oldest first.
    ///
    /// # Errors
    /// `Store`.
    pub fn outbox(&self) -> Result<String, Thrown> {
        let entries = self.with(|exchange| Ok(exchange.replica.outbox()?))?;
        let items: Vec<OutboxItem> = entries.into_iter().map(OutboxItem::from).collect();
        to_json(&items)
    }

    /// How much waits, by state.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = outboxCounts)]
    pub fn outbox_counts(&self) -> Result<String, Thrown> {
        to_json(&self.with(|exchange| Ok(exchange.replica.outbox_counts()?))?)
    }

    /// Takes a refused command off the outbox. `false` where there is no such one.
    ///
    /// # Errors
    /// `Store`.
    pub fn dismiss(&self, id: f64) -> Result<bool, Thrown> {
        self.with(|exchange| Ok(exchange.replica.dismiss(host::whole(id))?))
    }

    /// Newest time that the server signed for this phone, RFC 3339; nothing before the first sync.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = serverTime)]
    pub fn server_time(&self) -> Result<Option<String>, Thrown> {
        self.with(|exchange| Ok(exchange.replica.anchor()?.map(|at| at.to_string())))
    }
}

/// Checks a ticket id that came from outside.
///
/// # Errors
/// `Unfit` with `invalid_id`.
#[wasm_bindgen(js_name = parseTicketId)]
pub fn parse_ticket_id(text: &str) -> Result<String, Thrown> {
    Ok(ticket_id(text)?.to_string())
}

/// Checks an employee number that somebody typed.
///
/// # Errors
/// `Unfit` with `invalid_id`.
#[wasm_bindgen(js_name = parsePersonId)]
pub fn parse_person_id(text: &str) -> Result<String, Thrown> {
    let person: Result<gongdan_core::ids::PersonId, _> = text.trim().parse();
    match person {
        Ok(person) => Ok(person.to_string()),
        Err(_) => Err(thrown(Fault::unfit("invalid_id"))),
    }
}
