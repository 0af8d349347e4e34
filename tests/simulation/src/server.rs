//! The office's server: the real relay on a real database, which dies in the middle of transactions, fills up
//! and is upgraded on order.
//!
//! Invariant: it lies in memory (a RAM disk where the machine has one), so that a commit costs no disk; what a
//! power cut does to the file is another test's business.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, TicketId};
use gongdan_core::testing;
use gongdan_core::ticket::Act;
use gongdan_server::relay::{DeskError, SyncError};
use gongdan_server::store::StoreError;
use gongdan_tests::host::VirtualClock;
use gongdan_tests::office::{DISPATCHER, Office};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// Commands that a program of the older version knows: those up to `Correct`.
pub const OLDER_KNOWS: usize = 28;
/// Steps of SQLite's machine between two looks at whether it is to die.
const STEPS: i32 = 16;
/// A RAM disk, where there is one.
const RAM_DISK: &str = "/dev/shm";

/// When it was taken, and where it is.
pub type Backup = (Timestamp, tempfile::TempDir);

/// The server.
pub struct Server {
    /// The office around it.
    pub office: Office,
    /// Of an older version than some phones.
    pub older: bool,
    /// Its clock against the true time, in seconds.
    pub clock_offset: i64,
    clock: VirtualClock,
    full: bool,
    doomed: bool,
    hints: Receiver<u64>,
}

impl Server {
    /// A new one.
    ///
    /// # Errors
    /// There is no room for its folder.
    pub fn new(seed: u64, now: i64) -> std::io::Result<Self> {
        let clock = VirtualClock::new(Timestamp(now));
        let office = Office::within(&clock, seed, folder()?);
        Ok(Self {
            hints: office.wake().listen(),
            office,
            older: false,
            clock_offset: 0,
            clock,
            full: false,
            doomed: false,
        })
    }

    /// The true time is `now`.
    pub fn at(&self, now: i64) {
        let shown = self.office.now().seconds();
        self.clock.advance(now + self.clock_offset - shown);
    }

    /// It will die in the next transaction that writes, after so many looks; if that many do not come, not.
    pub fn will_die(&mut self, mut looks: u32) {
        self.doomed = true;
        let handler = move || {
            looks = looks.saturating_sub(1);
            looks == 0
        };
        self.office.database().with_writer(|writer| {
            // A connection of this process's own takes a handler.
            let set = writer.progress_handler(STEPS, Some(handler));
            set.expect("a connection of this process");
        });
    }

    /// What listeners were told since the last look, as the stream of events words it.
    pub fn hints(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            match self.hints.try_recv() {
                Ok(count) => heard.push(format!("event: changed\nid: {count}\ndata: {count}\n")),
                Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return heard,
            }
        }
    }

    fn calm(&mut self) {
        if std::mem::take(&mut self.doomed) {
            self.office.database().with_writer(|writer| {
                let set = writer.progress_handler(0, None::<fn() -> bool>);
                set.expect("a connection of this process");
            });
        }
    }

    /// Its disk takes nothing more from now on, or takes again.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
        let pages = if full { 1 } else { 1_000_000_000 };
        self.office.database().with_writer(|writer| {
            let set = writer.pragma_update(None, "max_page_count", pages);
            // The pragma answers with what it set.
            drop(set);
        });
    }

    /// Whether its disk is full.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// Starts it anew, in the version it is of.
    ///
    /// # Errors
    /// The database fails, being full.
    pub fn restart(&mut self) -> Result<(), StoreError> {
        self.speak();
        self.office.try_restart()?;
        self.office.database().read(|c| {
            let sql = "SELECT count(*) FROM inbox WHERE state = 'received'";
            match c.query_row(sql, [], |row| row.get(0))? {
                0 => Ok(()),
                _ => Err(StoreError::Malformed {
                    what: "an inbox that nobody judged at the start",
                }),
            }
        })
    }

    /// A backup as things stand.
    ///
    /// # Errors
    /// There is no room for its folder.
    pub fn backup(&self) -> std::io::Result<Backup> {
        Ok(self.office.backup_to(folder()?))
    }

    /// Puts a backup back.
    pub fn restore(&mut self, backup: Backup) {
        self.speak();
        self.office.restore(backup);
    }

    fn speak(&self) {
        testing::know_commands(self.older.then_some(OLDER_KNOWS));
    }

    /// One request.
    pub fn sync(&mut self, device: DeviceId, body: &[u8]) -> Served<Vec<u8>, SyncError> {
        self.speak();
        let answer = self.office.sync(device, body);
        self.served(answer, |error| matches!(error, SyncError::Store(_)))
    }

    /// An act at the desk; an opening without a ticket.
    pub fn desk(
        &mut self,
        ticket: Option<TicketId>,
        seen: &gongdan_core::replica::Seen,
        act: impl Into<Act>,
    ) -> Served<TicketId, DeskError> {
        self.speak();
        let person = testing::person(DISPATCHER);
        let now = self.office.now();
        let relay = self.office.relay().clone();
        let outcome = relay.execute(now, &person, ticket, seen, &act.into());
        self.served(outcome.map(|done| done.ticket), |error| {
            matches!(error, DeskError::Store(_))
        })
    }

    fn served<T, E>(
        &mut self,
        answer: Result<T, E>,
        by_store: impl Fn(&E) -> bool,
    ) -> Served<T, E> {
        let doomed = self.doomed;
        self.calm();
        match answer {
            Ok(answer) => Served::Answer(answer),
            Err(error) if by_store(&error) && (doomed || self.full) => Served::Died,
            Err(error) => Served::Refused(error),
        }
    }
}

fn folder() -> std::io::Result<tempfile::TempDir> {
    tempfile::tempdir_in(RAM_DISK).or_else(|_| tempfile::tempdir())
}

/// What came of it.
#[derive(Debug)]
pub enum Served<T, E> {
    /// An answer.
    Answer(T),
    /// A refusal that is an answer too.
    Refused(E),
    /// It was made to fail, and did.
    Died,
}
