//! The server: syncs of two phones, the desk's edits, a new ticket's number, an attachment's rows, a restart, a
//! quarantine and its decision, and a new epoch with its blocks of numbers.
//!
//! The world before the session is made once; each run begins on a copy of its disk and of its phones' stores.

use std::sync::OnceLock;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{BlobHash, ChangesetHash, TicketId};
use gongdan_core::replica::Identity;
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use gongdan_disk::{Disk, Fault};
use gongdan_server::blobs::{self, Upload, UploadId};
use gongdan_server::relay::{DecideError, Decision, DeskError, SyncError};
use gongdan_server::store::{StoreError, restores};
use gongdan_server::verify;
use gongdan_tests::host::VirtualClock;
use gongdan_tests::office::{DISPATCHER, Office};
use gongdan_tests::phone::{Kept, Phone};
use gongdan_tests::random::Random;
use gongdan_tests::world::{On, World, assign, note};

use super::{Failed, Ran, Session, assert_sound, every_point, through};

const SEED: u64 = 22;
/// Whose ticket it is.
const FIRST: usize = 0;
/// Who gets it.
const SECOND: usize = 1;
const PEOPLE: [&str; 2] = ["W001", "W002"];
const PHOTO: BlobHash = BlobHash([0x5a; 32]);
const PHOTO_BYTES: u64 = 9_000;
const UPLOAD: UploadId = UploadId([7; 16]);

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The first phone writes, and the phone of this place syncs.
    Note(&'static str),
    Depart,
    Photo,
    Complete,
    /// The second phone opens a ticket.
    Opens,
    Sync(usize),
    /// The desk writes.
    Desk(&'static str),
    /// The desk gives the ticket to the second phone's person.
    Reassign,
    /// A person admits what is in quarantine.
    Decide,
    /// An attachment comes in.
    Upload,
    /// The server ends, which empties its log into the file, and starts.
    Restart,
    /// It starts as after a restore of a backup.
    NewEpoch,
}

const SESSION: &[Step] = &[
    Step::Depart,
    Step::Note("出发前已联系客户"),
    Step::Sync(FIRST),
    Step::Desk("客户又来电催促"),
    Step::Upload,
    Step::Photo,
    Step::Restart,
    Step::Sync(FIRST),
    Step::Reassign,
    Step::Note("压缩机已更换"),
    Step::Complete,
    Step::Sync(FIRST),
    Step::Decide,
    Step::NewEpoch,
    Step::Opens,
    Step::Sync(SECOND),
    Step::Sync(FIRST),
];

/// What the office has in the end.
#[derive(Debug, PartialEq, Eq)]
struct End {
    notes: Vec<String>,
    photos: usize,
    events: usize,
    status: String,
    numbers: Vec<Option<String>>,
    epochs: i64,
    received: u64,
    /// What the phones hold.
    held: [usize; 2],
}

/// The world before the session.
struct Begun {
    at: Timestamp,
    ticket: TicketId,
    disk: Disk,
    phones: [(Identity, [u8; 32], MemoryStore); 2],
}

fn begun() -> &'static Begun {
    static MADE: OnceLock<Begun> = OnceLock::new();
    MADE.get_or_init(|| {
        gongdan_disk::install();
        let mut world = World::new(SEED);
        for person in PEOPLE {
            world.phone(person, On::Memory);
        }
        world.run_until_quiescent();
        let ticket = world.accepted(FIRST, &[PEOPLE[FIRST]]);
        let disk = Disk::at(world.office.database().path().parent().unwrap());
        // Its log is emptied into its file by the last connection that closes: a copy of both is as good.
        let kept = tempfile::tempdir().unwrap();
        let begun = Begun {
            at: world.now(),
            ticket,
            disk: disk.copied_to(kept.path()),
            phones: [FIRST, SECOND].map(|n| {
                let phone = &world.phones[n];
                (phone.identity.clone(), phone.secret, phone.backup())
            }),
        };
        world.finish();
        begun
    })
}

impl From<StoreError> for Failed {
    fn from(_: StoreError) -> Self {
        Self
    }
}

struct Run {
    clock: VirtualClock,
    office: Option<Office>,
    /// Where the office's database is while the office is not there.
    folder: Option<tempfile::TempDir>,
    starts: u64,
    disk: Disk,
    phones: [Phone; 2],
    ticket: TicketId,
    /// Steps behind us.
    done: Vec<Step>,
}

impl Session for Run {
    type Step = Step;

    fn disk(&self) -> &Disk {
        &self.disk
    }

    fn step(&mut self, step: Step) -> Result<(), Failed> {
        if self.office.is_none() {
            self.restart()?;
        }
        match step {
            Step::Note(text) => self.works(note(text)),
            Step::Depart => self.works(Command::Depart),
            Step::Complete => self.works(Command::Complete {
                summary: "更换压机电容".to_owned(),
            }),
            Step::Photo => self.works(Command::AttachPhoto {
                blob: PHOTO,
                media_type: "image/jpeg".to_owned(),
                bytes: PHOTO_BYTES,
                caption: "铭牌".to_owned(),
            }),
            Step::Opens => {
                let now = self.now();
                self.phones[SECOND].try_open(now, testing::open()).unwrap();
            }
            Step::Sync(phone) => self.sync(phone)?,
            Step::Desk(text) if !self.has_note(text)? => self.at_desk(note(text))?,
            Step::Desk(_) => {}
            Step::Reassign => self.reassign()?,
            Step::Decide => self.decide()?,
            Step::Upload => self.upload()?,
            Step::Restart => self.restart()?,
            Step::NewEpoch => self.new_epoch()?,
        }
        Ok(())
    }

    fn done(&mut self, step: Step) {
        self.done.push(step);
    }

    fn recover(&mut self) {
        self.folder = self
            .office
            .take()
            .map(Office::closed)
            .or(self.folder.take());
        self.disk.restore_power();
        assert!(self.restart().is_ok(), "the server starts again");
        self.assert_kept();
    }
}

impl Run {
    fn start() -> Self {
        let begun = begun();
        let folder = tempfile::tempdir().unwrap();
        let disk = begun.disk.copied_to(folder.path());
        let mut n = 0;
        let phones = PEOPLE.map(|person| {
            let (identity, secret, store) = begun.phones[n].clone();
            n += 1;
            let random = Random::new(SEED + n as u64);
            let kept = Kept::Memory(Default::default());
            let mut phone = Phone::new(person, identity, secret, kept, random);
            phone.restore(store);
            phone
        });
        let mut session = Self {
            clock: VirtualClock::new(begun.at),
            office: None,
            folder: Some(folder),
            starts: 0,
            disk,
            phones,
            ticket: begun.ticket,
            done: Vec::new(),
        };
        assert!(session.restart().is_ok(), "a sound copy");
        session
    }

    fn office(&self) -> &Office {
        self.office.as_ref().expect("a server that runs")
    }

    /// Ends the server and starts it.
    fn restart(&mut self) -> Result<(), Failed> {
        let folder = self.office.take().map(Office::closed);
        let folder = folder.or(self.folder.take()).expect("a folder");
        self.starts += 1;
        match Office::reopened(&self.clock, SEED + 1_000 * self.starts, folder) {
            Ok(office) => {
                self.office = Some(office);
                Ok(())
            }
            Err((folder, _)) => {
                self.folder = Some(folder);
                Err(Failed)
            }
        }
    }

    /// What a phone does by itself; it has a sound disk.
    fn works(&mut self, command: impl Into<gongdan_core::ticket::Act>) {
        self.clock.advance(60);
        let now = self.now();
        self.phones[FIRST]
            .try_execute(now, self.ticket, &Default::default(), command)
            .unwrap();
    }

    fn now(&self) -> Timestamp {
        gongdan_server::host::Clock::now(&self.clock)
    }

    fn sync(&mut self, phone: usize) -> Result<(), Failed> {
        let office = self.office.as_ref().expect("a server that runs");
        let phone = &mut self.phones[phone];
        let mut told = Vec::new();
        for _ in 0..20 {
            let request = phone.next_request();
            match office.sync(phone.device(), &request) {
                Ok(answer) => {
                    if !phone.receive(&answer).unwrap() {
                        return Ok(());
                    }
                    told.push("more".to_owned());
                }
                Err(error @ (SyncError::OtherEpoch | SyncError::UnresolvedReference)) => {
                    told.push(error.to_string());
                    phone.spell_out();
                }
                Err(SyncError::Store(_)) => return Err(Failed),
                Err(other) => panic!("{other}"),
            }
        }
        panic!("a phone asks again and again: {told:?}");
    }

    fn at_desk(&mut self, command: Command) -> Result<(), Failed> {
        self.clock.advance(60);
        let done = self
            .office()
            .try_execute(DISPATCHER, self.ticket, &Default::default(), command);
        match done {
            Ok(_) => Ok(()),
            Err(DeskError::Store(_)) => Err(Failed),
            Err(other) => panic!("{other}"),
        }
    }

    fn has_note(&self, text: &str) -> Result<bool, Failed> {
        let ticket = self.office().ticket(self.ticket);
        Ok(ticket.notes.iter().any(|note| note.text == text))
    }

    fn reassign(&mut self) -> Result<(), Failed> {
        let ticket = self.office().ticket(self.ticket);
        if ticket.crew == [testing::person(PEOPLE[SECOND])] {
            return Ok(());
        }
        self.at_desk(assign(&[PEOPLE[SECOND]]))
    }

    fn decide(&mut self) -> Result<(), Failed> {
        let waits: Vec<ChangesetHash> = self.office().inbox("quarantined");
        for hash in waits {
            match self.office().decide(hash, Decision::Admit) {
                Ok(_) | Err(DecideError::NotQuarantined) => {}
                Err(DecideError::Store(_)) => return Err(Failed),
                Err(other) => panic!("{other}"),
            }
        }
        Ok(())
    }

    /// The rows of an attachment; its bytes are not the database's business.
    fn upload(&mut self) -> Result<(), Failed> {
        let now = self.now();
        let upload = Upload {
            id: UPLOAD,
            hash: PHOTO,
            bytes: PHOTO_BYTES,
            media_type: "image/jpeg".to_owned(),
            uploaded_by: self.phones[FIRST].device().to_string(),
            expires_at: Timestamp(now.seconds() + 86_400),
            finished: false,
        };
        let db = self.office().database();
        if db.read(|c| blobs::upload(c, UPLOAD))?.is_none() {
            db.write(|tx| blobs::create(tx, &upload, now))?;
        }
        if db.read(|c| blobs::stored(c, upload.hash))?.is_none() {
            db.write(|tx| blobs::finish(tx, &upload, now))?;
        }
        Ok(())
    }

    fn new_epoch(&mut self) -> Result<(), Failed> {
        if self.number("SELECT count(*) FROM epochs")? == 0 {
            let (db, now) = (self.office().database(), self.now());
            if db.read(restores::pending)?.is_none() {
                db.write(|tx| restores::mark_restored(tx, now))?;
            }
            self.restart()?;
        }
        Ok(())
    }

    fn number(&self, sql: &str) -> Result<i64, Failed> {
        let db = self.office().database();
        Ok(db.read(|c| Ok::<_, StoreError>(c.query_row(sql, [], |row| row.get(0))?))?)
    }

    fn assert_kept(&mut self) {
        let db = self.office().database();
        db.read(|c| {
            assert_sound(c);
            let verified = verify::changesets(c)?;
            assert_eq!(verified.faults, []);
            assert_eq!(verified.signatures, verified.changesets);
            assert_eq!(verify::audit(c, &[])?.faults, []);
            assert_eq!(verify::different_documents(c)?, 0);
            Ok::<_, StoreError>(())
        })
        .unwrap();
        for step in self.done.clone() {
            match step {
                Step::Desk(text) => assert!(self.has_note(text).is_ok_and(|there| there)),
                Step::Upload => {
                    let found = db_blob(self.office());
                    assert!(found, "the attachment was acknowledged");
                }
                _ => {}
            }
        }
        // What a phone has let go of is at the office; the rest it sends again.
        let ticket = self.office().ticket(self.ticket);
        let waiting = self.phones[FIRST].waiting();
        for step in &self.done {
            let Step::Note(text) = step else { continue };
            let there = ticket.notes.iter().filter(|n| n.text == *text).count();
            assert!(
                there == 1 || (there == 0 && waiting.contains(&note(text))),
                "{text}: {there} times"
            );
        }
    }

    fn run(mut self, at: u64, fault: Fault) -> Ran<End> {
        let retries = through(&mut self, SESSION, at, fault);
        let (points, struck) = (self.disk.disarm(), self.disk.has_struck());
        self.assert_kept();
        self.office().assert_equals_rebuild();
        Ran {
            points,
            struck,
            retries,
            end: self.end(),
        }
    }

    fn end(&mut self) -> End {
        for (phone, person) in self.phones.iter_mut().zip(PEOPLE) {
            assert_eq!(phone.waiting(), [], "{person} has sent everything");
        }
        let held = [FIRST, SECOND].map(|n| self.phones[n].list().len());
        let office = self.office();
        let ticket = office.ticket(self.ticket);
        let mut notes: Vec<String> = ticket.notes.iter().map(|n| n.text.clone()).collect();
        notes.sort();
        let numbers = office.ticket_ids().into_iter().map(|id| {
            let number = office.ticket(id).number;
            number.map(|number| number.to_string())
        });
        End {
            notes,
            photos: ticket.photos.len(),
            events: ticket.events.len(),
            status: format!("{:?}", ticket.status),
            numbers: numbers.collect(),
            epochs: self.number("SELECT count(*) FROM epochs").ok().unwrap(),
            received: office.received(),
            held,
        }
    }
}

fn db_blob(office: &Office) -> bool {
    let found = office.database().read(|c| blobs::stored(c, PHOTO));
    found.unwrap().is_some()
}

#[test]
fn a_server_whose_disk_fails_at_any_write_keeps_what_it_acknowledged() {
    every_point("server", |at, fault| Run::start().run(at, fault));
}
