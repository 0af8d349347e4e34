//! Gongdan itself: a real relay on its own database, and a phone's replica, over the bytes of `POST /v1/sync`.
//!
//! The history is made by two other devices, the office's and the technician's earlier phone, through the
//! same gate. Then a new phone fetches everything, has nothing to do, and comes back from being apart.

mod author;
pub mod commands;
pub mod commit;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{Part, PartRef, TicketId};
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::sqlite::SqliteStore;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::ticket::command::Command;
use gongdan_server::AppState;
use gongdan_server::config::Config;
use gongdan_server::relay::documents;

use crate::contender::{BenchError, Contender, Situation, Traffic};
use crate::standard_work::{ApartEdits, Person, StandardWork};
use author::{enrol, relay_state};

/// The product, measured.
#[derive(Default)]
pub struct Gongdan {
    measured: Vec<(Situation, Traffic)>,
    loads_idle: u64,
    largest_answer: u64,
}

impl Gongdan {
    /// Documents that the server loaded to answer the idle request.
    pub fn loads_idle(&self) -> u64 {
        self.loads_idle
    }

    /// Bytes of the largest answer of the first sync.
    pub fn largest_answer(&self) -> u64 {
        self.largest_answer
    }
}

impl Contender for Gongdan {
    fn name(&self) -> &'static str {
        "gongdan"
    }

    fn conditions(&self, situation: Situation) -> String {
        let level = match situation {
            Situation::FirstSync => {
                "zstd level 9, pages of at most 128 KiB compressed, resumable at each"
            }
            _ => "zstd level 3",
        };
        format!(
            "{level}; parts service and customer; every changeset signed, hashes and salts included; \
             two writers' devices, one actor each; catalogue of an organisation with two people"
        )
    }

    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError> {
        let folder = tempfile::tempdir().map_err(BenchError::library("make a folder"))?;
        let state = relay_state(&Config::new(folder.path()))?;
        let mut office = enrol(&state, Person::Office, 1)?;
        let mut earlier = enrol(&state, Person::Technician, 2)?;
        author::write_history(&state, work, &mut office, &mut earlier)?;

        let (mut phone, sender) = new_phone(&state)?;
        let mut first = Traffic::default();
        loop {
            let before = first.bytes_down;
            let more = exchange(&state, &sender, &mut phone, &mut first)?;
            self.largest_answer = self.largest_answer.max(first.bytes_down - before);
            first.pages += 1;
            if !more {
                break;
            }
        }
        same(&state, &mut phone, work, Situation::FirstSync)?;

        let mut idle = Traffic::default();
        let before = documents::loads_of_this_thread();
        exchange(&state, &sender, &mut phone, &mut idle)?;
        self.loads_idle = documents::loads_of_this_thread() - before;

        let mut reconnect = Traffic::default();
        edit_on_phone(&mut phone, work)?;
        author::write_edits(&state, work, &mut office)?;
        while exchange(&state, &sender, &mut phone, &mut reconnect)? {}
        same(&state, &mut phone, work, Situation::Reconnect)?;

        self.measured = vec![
            (Situation::FirstSync, first),
            (Situation::Idle, idle),
            (Situation::Reconnect, reconnect),
        ];
        Ok(())
    }

    fn idle(&mut self) -> Result<Option<Traffic>, BenchError> {
        self.counted(Situation::Idle)
    }

    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError> {
        self.counted(Situation::Reconnect)
    }

    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError> {
        self.counted(Situation::FirstSync)
    }
}

impl Gongdan {
    fn counted(&self, situation: Situation) -> Result<Option<Traffic>, BenchError> {
        let found = self.measured.iter().find(|(of, _)| *of == situation);
        found
            .map(|(_, traffic)| Some(*traffic))
            .ok_or(BenchError::Unprepared)
    }
}

fn new_phone(state: &AppState) -> Result<(Replica, gongdan_server::relay::Sender), BenchError> {
    let secret = [77; 32];
    let key = DeviceKey::from_bytes(&secret);
    let sender = author::enrol_key(state, Person::Technician, &key)?;
    let mut store = SqliteStore::in_memory().map_err(BenchError::library("open a store"))?;
    let identity = Identity {
        device: sender.device,
        person: sender.person.clone(),
        server_key: *state.keys.public().as_bytes(),
    };
    Replica::enrol(&mut store, &identity).map_err(BenchError::library("enrol"))?;
    let phone = Replica::open(Box::new(store), key, [78; 32])
        .map_err(BenchError::library("open a replica"))?;
    Ok((phone, sender))
}

/// One round trip; whether the phone is to ask again.
fn exchange(
    state: &AppState,
    sender: &gongdan_server::relay::Sender,
    phone: &mut Replica,
    traffic: &mut Traffic,
) -> Result<bool, BenchError> {
    let request = phone
        .next_request()
        .map_err(BenchError::library("make a request"))?;
    let now = state.host.now();
    let response = state
        .relay
        .sync(now, sender, &request)
        .map_err(BenchError::library("sync"))?;
    traffic.sent_up(&request);
    traffic.sent_down(&response);
    traffic.round_trips += 1;
    Ok(phone
        .receive(&response)
        .map_err(BenchError::library("receive"))?
        .more)
}

fn edit_on_phone(phone: &mut Replica, work: &StandardWork) -> Result<(), BenchError> {
    for ApartEdits { ticket, edits, .. } in &work.phone_edits {
        let id = TicketId::from_bytes(work.tickets[*ticket].ticket.id);
        for timed in edits {
            let command: Command = commands::edit(&timed.edit);
            phone
                .execute(Timestamp(timed.at), id, &Seen::new(), command)
                .map_err(BenchError::library("execute on the phone"))?;
        }
    }
    Ok(())
}

/// Every part has equal heads on the phone and in the relay.
fn same(
    state: &AppState,
    phone: &mut Replica,
    work: &StandardWork,
    situation: Situation,
) -> Result<(), BenchError> {
    for (at, of) in work.tickets.iter().enumerate() {
        let ticket = TicketId::from_bytes(of.ticket.id);
        let view = phone
            .ticket(ticket)
            .map_err(BenchError::library("read the phone's ticket"))?;
        let view = view.ok_or(BenchError::Diverged {
            situation,
            ticket: at,
        })?;
        for part in [Part::Service, Part::Customer] {
            let there = author::server_heads(state, PartRef { ticket, part })?;
            if view.heads.get(&part) != there.as_ref() {
                return Err(BenchError::Diverged {
                    situation,
                    ticket: at,
                });
            }
        }
    }
    Ok(())
}
