//! What a durably committed command costs on the phone, beside a bare SQLite commit of as many bytes in
//! the same run on the same disk. Timings: reported, never asserted.

use std::time::{Duration, Instant};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, Part, TicketId};
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::ticket::command::Command;

use super::commands;
use crate::contender::BenchError;
use crate::report::Figure;
use crate::standard_work::{Person, StandardWork};

/// Commits measured on each side, one after the other in turns.
const COMMITS: usize = 200;

/// Median microseconds of a command's commit, and of a bare one.
pub fn figures(work: &StandardWork) -> Result<Vec<Figure>, BenchError> {
    let folder = tempfile::tempdir().map_err(BenchError::library("make a folder"))?;
    let (mut phone, ticket) = phone(folder.path(), work)?;
    let bare = rusqlite::Connection::open(folder.path().join("bare.db"))
        .map_err(BenchError::library("open SQLite"))?;
    bare.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;",
    )
    .map_err(BenchError::library("make a table"))?;

    let (mut ours, mut theirs) = (Vec::with_capacity(COMMITS), Vec::with_capacity(COMMITS));
    let mut bytes = 0;
    let notes = work
        .tickets
        .iter()
        .flat_map(|t| t.ticket.notes.iter())
        .cycle()
        .take(COMMITS);
    for (n, note) in (0i64..).zip(notes) {
        let command = Command::WriteNote {
            part: Part::Service,
            text: note.text.clone(),
        };
        let started = Instant::now();
        phone
            .execute(Timestamp(note.at + n), ticket, &Seen::new(), command)
            .map_err(BenchError::library("execute"))?;
        ours.push(started.elapsed());
        let last = phone
            .outbox()
            .map_err(BenchError::library("read the outbox"))?
            .pop();
        let row = codec::encode(&last.expect("the command is in the outbox"));
        bytes += row.len();
        let started = Instant::now();
        bare.execute("INSERT INTO rows (bytes) VALUES (?1)", [row])
            .map_err(BenchError::library("commit a row"))?;
        theirs.push(started.elapsed());
    }
    let conditions = format!(
        "median of {COMMITS} commits in turns, one 40-character note each, {} bytes a row in the mean; SQLite in a \
         file of the temporary folder, WAL, synchronous FULL; a ticket that grows by each note; the \
         phone's file encrypted, the bare one not",
        bytes / COMMITS
    );
    let (ours, theirs) = (median(ours), median(theirs));
    let figure = |name: &str, value: Duration, against: &str| Figure {
        name: name.to_owned(),
        value: u64::try_from(value.as_micros()).unwrap_or(u64::MAX),
        unit: "microseconds",
        compared_with: against.to_owned(),
        conditions: conditions.clone(),
    };
    Ok(vec![
        figure(
            "commit.gongdan.median",
            ours,
            &format!("a bare SQLite commit: {} µs", theirs.as_micros()),
        ),
        figure(
            "commit.bare_sqlite.median",
            theirs,
            &format!("a command on the phone: {} µs", ours.as_micros()),
        ),
    ])
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn phone(folder: &std::path::Path, work: &StandardWork) -> Result<(Replica, TicketId), BenchError> {
    let mut store = SqliteStore::open(folder.join("phone.db"), &StoreKey::from_bytes([8; 32]))
        .map_err(BenchError::library("open the phone's store"))?;
    let key = DeviceKey::from_bytes(&[9; 32]);
    let identity = Identity {
        device: DeviceId::from_bytes([1; 16]),
        person: commands::person(Person::Technician.id()),
        server_key: *key.public().as_bytes(),
    };
    Replica::enrol(&mut store, &identity).map_err(BenchError::library("enrol"))?;
    let mut phone = Replica::open(Box::new(store), key, [10; 32])
        .map_err(BenchError::library("open a replica"))?;
    let of = &work.tickets[0];
    let mut opening = commands::history(&of.ticket, &of.history[0]);
    opening.truncate(1);
    let opening = opening.pop().expect("a history begins with an opening");
    let ticket = phone
        .open_ticket(Timestamp(of.history[0].at), opening)
        .map_err(BenchError::library("open a ticket"))?;
    Ok((phone, ticket))
}
