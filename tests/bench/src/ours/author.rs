//! Devices that write the work's history: they keep the documents and seal changesets as any client may.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gongdan_core::catalogue::{Catalogue, Label, Person as CataloguePerson};
use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ActorId, ChangeHash, CommandId, PartRef, TicketId};
use gongdan_core::policy::Role;
use gongdan_core::sync::changeset::{ActLink, Changeset, Header, Link, pin};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::protocol::{BaseHint, Outgoing, Request};
use gongdan_core::sync::wire::encode_request;
use gongdan_core::ticket::Authored;
use gongdan_core::ticket::command::Command;
use gongdan_server::AppState;
use gongdan_server::auth::enrolment::{self, Enrolment};
use gongdan_server::config::Config;
use gongdan_server::host::{Clock, Host, Random};
use gongdan_server::relay::{Sender, documents, tickets};
use gongdan_server::{auth, organisation};

use super::commands;
use crate::contender::BenchError;
use crate::standard_work::{Person, StandardWork, TicketWork};

/// Changesets in one request of a writer.
const BATCH: usize = 200;

struct FixedClock(Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Bytes that do not compress and are the same every time.
struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let mut x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (x >> 56) as u8;
        }
    }
}

/// A server's state with an organisation of the two people of the work.
pub(super) fn relay_state(config: &Config) -> Result<AppState, BenchError> {
    let host = Host {
        // After everything that the work's people did.
        clock: Arc::new(FixedClock(Timestamp(1_893_456_000))),
        random: Arc::new(Counted(AtomicU64::new(1))),
    };
    let state =
        AppState::open(config.clone(), host).map_err(BenchError::library("open a server"))?;
    let label = |zh: &str, en: &str| Label {
        zh: zh.to_owned(),
        en: en.to_owned(),
    };
    let person = |of: Person, name: &str, role| CataloguePerson {
        id: commands::person(of.id()),
        name: name.to_owned(),
        roles: vec![role],
        group: None,
        skills: Vec::new(),
        unit: None,
    };
    let catalogue = Catalogue {
        version: 0,
        organisation: "示例".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        regions: Vec::new(),
        units: Vec::new(),
        groups: Vec::new(),
        product_lines: Vec::new(),
        checklists: Vec::new(),
        people: vec![
            person(Person::Office, "调度", Role::Dispatcher),
            person(Person::Technician, "技术", Role::Technician),
        ],
        offline_lease_days: None,
        evidence_key: None,
        service: Default::default(),
        consent: label("同意", "agreed"),
    };
    state
        .db
        .write(|tx| organisation::load(tx, &catalogue, state.host.now()))
        .map_err(BenchError::library("load the organisation"))?;
    Ok(state)
}

/// A device that writes.
pub(super) struct Author {
    sender: Sender,
    key: DeviceKey,
    actor: ActorId,
    device_sequence: u32,
    previous: Link,
    salts: u64,
    documents: HashMap<PartRef, TicketDoc>,
    waiting: Vec<Changeset>,
}

/// Enrols a writing device of a person.
pub(super) fn enrol(state: &AppState, person: Person, n: u8) -> Result<Author, BenchError> {
    let key = DeviceKey::from_bytes(&[n; 32]);
    let sender = enrol_key(state, person, &key)?;
    Ok(Author {
        sender,
        key,
        actor: ActorId(state.host.random()),
        device_sequence: 0,
        previous: [0; 16],
        salts: u64::from(n),
        documents: HashMap::new(),
        waiting: Vec::new(),
    })
}

/// Enrols a device by its key, as `POST /v1/enrol` does.
pub(super) fn enrol_key(
    state: &AppState,
    person: Person,
    key: &DeviceKey,
) -> Result<Sender, BenchError> {
    let person = commands::person(person.id());
    let enrolled = state.db.write(|tx| {
        let code = enrolment::invite(tx, &person, 1, &state.host)?;
        let (code, _) = code.expect("the person was loaded with the organisation");
        enrolment::enrol(tx, &code, &key.public(), "bench", &state.host)
    });
    let enrolled = enrolled.map_err(BenchError::library("enrol a device"))?;
    let Enrolment::Enrolled { device, person } = enrolled else {
        unreachable!("a fresh code and a fresh key enrol")
    };
    let found = state
        .db
        .read(|connection| auth::devices::find(connection, device));
    let found = found
        .map_err(BenchError::library("find a device"))?
        .expect("just enrolled");
    Ok(Sender {
        index: found.index,
        device,
        person,
        revoked: false,
    })
}

/// The heads of a part in the relay's database.
pub(super) fn server_heads(
    state: &AppState,
    part: PartRef,
) -> Result<Option<Vec<ChangeHash>>, BenchError> {
    let read = state.db.read(|connection| {
        let Some(row) = tickets::by_id(connection, part.ticket)? else {
            return Ok(None);
        };
        let document = documents::load(connection, row.index, part.part)?;
        Ok::<_, gongdan_server::store::StoreError>(document.map(|doc| doc.heads()))
    });
    read.map_err(BenchError::library("read the relay's document"))
}

impl Author {
    /// Executes commands of one part in a row, as one changeset.
    fn write(
        &mut self,
        ticket: TicketId,
        commands: Vec<(Timestamp, Command)>,
        act: Option<ActLink>,
    ) -> Result<(), BenchError> {
        let part = PartRef {
            ticket,
            part: commands[0].1.part(),
        };
        let doc = self
            .documents
            .entry(part)
            .or_insert_with(|| TicketDoc::genesis(part.part));
        let base = doc.heads();
        let first_sequence = doc.sequence_of(self.actor) + 1;
        let mut authored = Vec::with_capacity(commands.len());
        let mut last = None;
        for (ordinal, (at, command)) in (first_sequence..).zip(commands) {
            let next = Authored {
                id: CommandId {
                    actor: self.actor,
                    ordinal,
                },
                at,
                command,
            };
            let executed = doc
                .execute(self.actor, &next)
                .map_err(BenchError::library("execute"))?;
            last = Some(executed.hash);
            authored.push(next);
        }
        self.device_sequence += 1;
        self.salts = self
            .salts
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let salt =
            (u128::from(self.salts) << 64 | u128::from(self.salts.rotate_left(29))).to_be_bytes();
        let header = Header {
            version: 1,
            ticket,
            part: part.part,
            device: self.sender.device,
            person: self.sender.person.clone(),
            actor: self.actor,
            first_sequence,
            base,
            at: authored[0].at,
            body: [0; 32],
            pin: pin(last.expect("a changeset has commands")),
            catalogue: 1,
            device_sequence: self.device_sequence,
            previous: self.previous,
            anchor: Timestamp(0),
            act: act.map(|act| ActLink {
                first: self.device_sequence - act.first,
                ..act
            }),
            replaces: None,
        };
        let changeset = Changeset::seal(header, &authored, salt, &self.key);
        self.previous = changeset.link();
        self.waiting.push(changeset);
        Ok(())
    }

    fn send(&mut self, state: &AppState) -> Result<(), BenchError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let changesets = self
            .waiting
            .drain(..)
            .map(|changeset| {
                let base = BaseHint::Explicit(changeset.header.base.clone());
                Outgoing {
                    changeset,
                    ticket_index: None,
                    base,
                }
            })
            .collect();
        let request = Request {
            cursor: Vec::new(),
            catalogue: u32::MAX,
            directory: u64::MAX,
            want: Vec::new(),
            changesets,
            given_back: Default::default(),
            unsent: None,
            sheet_log: None,
        };
        let body = encode_request(&request);
        state
            .relay
            .sync(state.host.now(), &self.sender, &body)
            .map_err(BenchError::library("send history"))?;
        Ok(())
    }
}

/// Commands that one person makes in a row.
type Row = (Person, Vec<(Timestamp, Command)>);

/// Writes every ticket's history: what one person does in a row on a part is one changeset.
///
/// It goes row by row over all tickets, so that what a row builds on is in the log already and a writer
/// sends many tickets at once.
pub(super) fn write_history(
    state: &AppState,
    work: &StandardWork,
    office: &mut Author,
    earlier: &mut Author,
) -> Result<(), BenchError> {
    let mut waiting = Vec::with_capacity(work.tickets.len());
    for of in &work.tickets {
        let ticket = TicketId::from_bytes(of.ticket.id);
        waiting.push((ticket, open_and_rows(of, ticket, office)?.into_iter()));
        if office.waiting.len() >= BATCH {
            office.send(state)?;
        }
    }
    loop {
        office.send(state)?;
        earlier.send(state)?;
        let mut wrote = false;
        for (ticket, rows) in &mut waiting {
            let Some(row) = rows.next() else { continue };
            wrote = true;
            write_row(*ticket, row, office, earlier)?;
            for writer in [&mut *office, &mut *earlier] {
                if writer.waiting.len() >= BATCH {
                    writer.send(state)?;
                }
            }
        }
        if !wrote {
            return Ok(());
        }
    }
}

/// Writes a ticket's opening, one changeset a part, held until both are there; the rest of its history.
fn open_and_rows(
    of: &TicketWork,
    ticket: TicketId,
    office: &mut Author,
) -> Result<Vec<Row>, BenchError> {
    let mut rows: Vec<Row> = Vec::new();
    for commit in &of.history {
        let at = Timestamp(commit.at);
        let commands = commands::history(&of.ticket, commit);
        if commands.len() > 1 {
            // `first` counts back here.
            let count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
            for (place, command) in (0..count).zip(commands) {
                let first = place;
                office.write(ticket, vec![(at, command)], Some(ActLink { first, count }))?;
            }
            continue;
        }
        let timed = commands.into_iter().map(|command| (at, command));
        match rows.last_mut() {
            Some((by, open)) if *by == commit.by => open.extend(timed),
            _ => rows.push((commit.by, timed.collect())),
        }
    }
    Ok(rows)
}

/// Writes a row of commands and hands the document to the other writer, who goes on from it.
fn write_row(
    ticket: TicketId,
    (by, commands): Row,
    office: &mut Author,
    earlier: &mut Author,
) -> Result<(), BenchError> {
    let (writer, other) = match by {
        Person::Office => (office, earlier),
        Person::Technician => (earlier, office),
    };
    let part = PartRef {
        ticket,
        part: commands[0].1.part(),
    };
    if let Some(doc) = other.documents.get(&part) {
        writer.documents.insert(part, doc.clone());
    }
    writer.write(ticket, commands, None)?;
    if let Some(doc) = writer.documents.get(&part) {
        other.documents.insert(part, doc.clone());
    }
    Ok(())
}

/// What the office does while the phone is away, sealed when it is sent: one changeset a ticket.
pub(super) fn write_edits(
    state: &AppState,
    work: &StandardWork,
    office: &mut Author,
) -> Result<(), BenchError> {
    for of in &work.office_edits {
        let ticket = TicketId::from_bytes(work.tickets[of.ticket].ticket.id);
        let edits = of
            .edits
            .iter()
            .map(|timed| (Timestamp(timed.at), commands::edit(&timed.edit)))
            .collect();
        office.write(ticket, edits, None)?;
    }
    office.send(state)
}
