//! The phone: commands, an attachment, a new ticket, syncs, the app closed and opened, a ticket taken away.

use gongdan_core::ids::TicketId;
use gongdan_core::replica::{ExecuteError, ReceiveError, Seen};
use gongdan_core::store::sqlite::SqliteStore;
use gongdan_core::ticket::{Act, Command};
use gongdan_disk::{Disk, Fault};
use gongdan_tests::whole::assert_whole;
use gongdan_tests::world::{On, World, assign, note};

use super::{Failed, Ran, Session, assert_sound, every_point, through};

const PHONE: usize = 0;
const PHOTO: &[u8] = &[0x5a; 9_000];

#[derive(Debug, Clone, Copy)]
enum Step {
    Depart,
    Arrive,
    Note(&'static str),
    Photo,
    Open,
    Sync,
    /// The desk writes.
    Desk(&'static str),
    /// The app is closed, which empties its log into the file, and opened.
    Restart,
    /// The desk gives the ticket to nobody's phone of this world.
    Reassign,
}

const SESSION: &[Step] = &[
    Step::Depart,
    Step::Note("出发前已联系客户"),
    Step::Sync,
    Step::Restart,
    Step::Arrive,
    Step::Photo,
    Step::Desk("客户又来电催促"),
    Step::Sync,
    Step::Open,
    Step::Note("压缩机已更换"),
    Step::Restart,
    Step::Sync,
    Step::Reassign,
    Step::Sync,
    Step::Restart,
];

/// What the office has in the end.
#[derive(Debug, PartialEq, Eq)]
struct End {
    notes: Vec<String>,
    events: usize,
    photos: usize,
    tickets: usize,
    /// What the phone still holds.
    held: usize,
}

struct Run {
    world: World,
    ticket: TicketId,
    disk: Disk,
    office: Disk,
    /// Steps behind us.
    done: Vec<Step>,
}

fn failed(error: ExecuteError) -> Failed {
    match error {
        ExecuteError::Store(_) => Failed,
        other => panic!("{other}"),
    }
}

impl Session for Run {
    type Step = Step;

    fn disk(&self) -> &Disk {
        &self.disk
    }

    fn step(&mut self, step: Step) -> Result<(), Failed> {
        match step {
            Step::Desk(text) => self.world.desk(self.ticket, note(text)),
            Step::Reassign => self.world.desk(self.ticket, assign(&["W002"])),
            Step::Restart => self.world.phones[PHONE].try_reopen().map_err(|_| Failed)?,
            Step::Sync => self.sync()?,
            _ if self.is_there(step)? => {}
            Step::Note(text) => self.execute(note(text))?,
            Step::Depart => self.execute(Command::Depart)?,
            Step::Arrive => self.execute(Command::Arrive)?,
            Step::Open => {
                let now = self.world.now();
                self.world.phones[PHONE]
                    .replica()
                    .open_ticket(now, gongdan_core::testing::open())
                    .map_err(failed)?;
            }
            Step::Photo => {
                let replica = self.world.phones[PHONE].replica();
                let blob = replica
                    .add_blob(self.ticket, "image/jpeg", PHOTO)
                    .map_err(|_| Failed)?;
                self.execute(Command::AttachPhoto {
                    blob,
                    media_type: "image/jpeg".to_owned(),
                    bytes: PHOTO.len() as u64,
                    caption: "铭牌".to_owned(),
                })?;
                // The upload itself is not the phone's store's business.
                let replica = self.world.phones[PHONE].replica();
                replica.mark_blob_sent(blob).map_err(|_| Failed)?;
            }
        }
        Ok(())
    }

    fn done(&mut self, step: Step) {
        self.done.push(step);
    }

    fn recover(&mut self) {
        self.world.phones[PHONE].close();
        self.disk.restore_power();
        self.assert_kept();
        self.world.phones[PHONE].reopen();
    }
}

impl Run {
    fn start() -> Self {
        gongdan_disk::install();
        let mut world = World::new(21);
        world.phone("W001", On::Sqlite);
        world.run_until_quiescent();
        let ticket = world.accepted(PHONE, &["W001"]);
        let disk = Disk::at(world.phones[PHONE].path().parent().unwrap());
        let office = Disk::at(world.office.database().path().parent().unwrap());
        Self {
            world,
            ticket,
            disk,
            office,
            done: Vec::new(),
        }
    }

    fn execute(&mut self, act: impl Into<Act>) -> Result<(), Failed> {
        self.world.wait(60);
        let now = self.world.now();
        self.world.phones[PHONE]
            .replica()
            .execute(now, self.ticket, &Seen::new(), act)
            .map_err(failed)
    }

    /// Whether the phone shows what this step makes.
    fn is_there(&mut self, step: Step) -> Result<bool, Failed> {
        let replica = self.world.phones[PHONE].replica();
        if let Step::Open = step {
            let list = replica.list(&Default::default()).map_err(|_| Failed)?;
            return Ok(list.iter().any(|row| row.id != self.ticket));
        }
        let blobs = replica.unsent_blobs().map_err(|_| Failed)?;
        let Some(view) = replica.ticket(self.ticket).map_err(|_| Failed)? else {
            return Ok(false);
        };
        let events = view.ticket.events.len();
        Ok(match step {
            Step::Note(text) => view.ticket.notes.iter().any(|note| note.text == text),
            Step::Depart => events > BEFORE,
            Step::Arrive => events > BEFORE + 1,
            Step::Photo if !view.ticket.photos.is_empty() => {
                for blob in blobs {
                    replica.mark_blob_sent(blob.hash).map_err(|_| Failed)?;
                }
                true
            }
            _ => false,
        })
    }

    fn sync(&mut self) -> Result<(), Failed> {
        let (office, phone) = (&self.world.office, &mut self.world.phones[PHONE]);
        loop {
            let device = phone.device();
            let request = phone.replica().next_request().map_err(|_| Failed)?;
            let answer = office.sync(device, &request).unwrap();
            match phone.replica().receive(&answer) {
                Ok(outcome) if outcome.more => {}
                Ok(_) => return Ok(()),
                Err(ReceiveError::Store(_)) => return Err(Failed),
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn assert_kept(&mut self) {
        let phone = &self.world.phones[PHONE];
        let key: String = phone.secret.iter().map(|b| format!("{b:02x}")).collect();
        let connection = rusqlite::Connection::open(phone.path()).unwrap();
        connection
            .pragma_update(None, "key", format!("x'{key}'"))
            .unwrap();
        assert_sound(&connection);
        drop(connection);
        let reassigned = self.done.iter().any(|step| matches!(step, Step::Reassign));
        let mut store = SqliteStore::open(phone.path(), &phone.store_key()).unwrap();
        if !reassigned {
            let notes = self.done.iter().filter_map(|step| match step {
                Step::Note(text) => Some((*text).to_owned()),
                _ => None,
            });
            assert_whole(&mut store, self.ticket, &notes.collect::<Vec<_>>());
        }
        drop(store);
        self.world.phones[PHONE].reopen();
        for step in self.done.clone() {
            let of_ticket = !matches!(step, Step::Open) && reassigned;
            let makes = !matches!(
                step,
                Step::Sync | Step::Desk(_) | Step::Restart | Step::Reassign
            );
            if makes && !of_ticket {
                assert!(
                    self.is_there(step).is_ok_and(|there| there),
                    "{step:?} was done"
                );
            }
        }
    }

    fn run(mut self, at: u64, fault: Fault) -> Ran<End> {
        let retries = through(&mut self, SESSION, at, fault);
        let (points, struck) = (self.disk.disarm(), self.disk.has_struck());
        self.assert_kept();
        let held = self.world.phones[PHONE].list().len();
        self.world.settle();
        let ticket = self.world.office.ticket(self.ticket);
        let end = End {
            notes: ticket.notes.iter().map(|note| note.text.clone()).collect(),
            events: ticket.events.len(),
            photos: ticket.photos.len(),
            tickets: self.world.office.ticket_ids().len(),
            held,
        };
        self.world.finish();
        drop(self.office);
        Ran {
            points,
            struck,
            retries,
            end,
        }
    }
}

/// Events of the ticket before the session: opened, assigned, accepted.
const BEFORE: usize = 3;

#[test]
fn a_phone_whose_disk_fails_at_any_write_keeps_what_it_said_was_done() {
    every_point("phone", |at, fault| Run::start().run(at, fault));
}
