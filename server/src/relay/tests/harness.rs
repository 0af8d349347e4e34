//! A relay over a database in a folder of its own, and phones that seal and sync.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ActorId, ChangeHash, ChangesetHash, CommandId, Part, PersonId, TicketId};
use gongdan_core::sync::changeset::{ActLink, Changeset, Header, pin};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::protocol::{
    BaseHint, DeviceRecord, Outgoing, PartIndex, Request, Response,
};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::sync::wire::{decode_response, encode_request};
use gongdan_core::testing::{at, person};
use gongdan_core::ticket::{Act, Authored, Command};

use crate::auth::enrolment::{self, Enrolment};
use crate::auth::{devices, identity};
use crate::host::{Clock, Host, Random};
use crate::organisation;
use crate::relay::desk::Seen;
use crate::relay::{DeskError, DeskOutcome, Relay, Sender, SyncError, inbox};
use crate::store::{Database, StoreError};
use crate::wake::Wake;

pub(super) const DISPATCHER: &str = "G2003";
pub(super) const SUPERVISOR: &str = "G3001";
pub(super) const TECHNICIAN: &str = "G4001";
pub(super) const SUCCESSOR: &str = "G4002";

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

struct Counted(AtomicU64);

impl Random for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        use sha2::{Digest, Sha256};
        for chunk in bytes.chunks_mut(32) {
            let n = self.0.fetch_add(1, Ordering::Relaxed);
            chunk.copy_from_slice(&Sha256::digest(n.to_be_bytes())[..chunk.len()]);
        }
    }
}

pub(super) struct Server {
    pub(super) relay: Relay,
    pub(super) db: Database,
    pub(super) host: Host,
    pub(super) wake: Wake,
    keys: Arc<identity::ServerKeys>,
    clock: Arc<TestClock>,
    _dir: tempfile::TempDir,
}

impl Server {
    /// With the sample organisation, at `at(0)`.
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Database::open(dir.path().join("gongdan.db")).unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(at(0).seconds())));
        let host = Host {
            clock: clock.clone(),
            random: Arc::new(Counted(AtomicU64::new(1))),
        };
        let keys = Arc::new(db.write(|tx| identity::load_or_create(tx, &host)).unwrap());
        let sample =
            organisation::parse(include_str!("../../../sample/organisation.toml")).unwrap();
        db.write(|tx| organisation::load(tx, &sample, at(0)))
            .unwrap();
        let wake = Wake::default();
        let relay = Relay::start(db.clone(), keys.clone(), host.clone(), wake.clone()).unwrap();
        Self {
            relay,
            db,
            host,
            wake,
            keys,
            clock,
            _dir: dir,
        }
    }

    /// The same data folder after a restart.
    pub(super) fn restart(&mut self) {
        let (db, keys) = (self.db.clone(), self.keys.clone());
        self.relay = Relay::start(db, keys, self.host.clone(), self.wake.clone()).unwrap();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.host.now()
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn phone(&self, of: &str) -> Phone {
        let owner = person(of);
        let key = DeviceKey::from_bytes(&self.host.random());
        let (code, _) = self
            .db
            .write(|tx| enrolment::invite(tx, &owner, 7, &self.host))
            .unwrap()
            .unwrap();
        let enrolled = self
            .db
            .write(|tx| enrolment::enrol(tx, &code, &key.public(), "phone", &self.host))
            .unwrap();
        let Enrolment::Enrolled { device, person } = enrolled else {
            panic!("not enrolled")
        };
        let index = self
            .db
            .read(|c| devices::find(c, device))
            .unwrap()
            .unwrap()
            .index;
        Phone {
            sender: Sender {
                index,
                device,
                person,
                revoked: false,
            },
            key,
            actor: ActorId(self.host.random()),
            sequence: 0,
            link: [0; 16],
            docs: HashMap::new(),
            cursor: Vec::new(),
            directory: BTreeMap::new(),
            anchor: at(0),
            catalogue: 1,
        }
    }

    /// Receives and gives the verdicts, in order.
    pub(super) fn receive(&self, phone: &Phone, changesets: &[Changeset]) -> Vec<Verdict> {
        let hashes = self
            .relay
            .receive(self.now(), &phone.sender, changesets.to_vec())
            .unwrap();
        hashes
            .into_iter()
            .map(|hash| self.verdict(hash).unwrap())
            .collect()
    }

    pub(super) fn verdict(&self, hash: ChangesetHash) -> Option<Verdict> {
        self.db
            .read(|c| Ok::<_, StoreError>(inbox::by_hash(c, hash)?.and_then(|row| row.verdict)))
            .unwrap()
    }

    pub(super) fn desk(
        &self,
        by: &str,
        ticket: Option<TicketId>,
        command: Command,
    ) -> Result<DeskOutcome, DeskError> {
        self.relay.execute(
            self.now(),
            &person(by),
            ticket,
            &Seen::new(),
            &Act(vec![command]),
        )
    }

    /// A ticket opened at the desk and assigned.
    pub(super) fn assigned(&self, crew: &str) -> TicketId {
        let opened = self
            .desk(DISPATCHER, None, gongdan_core::testing::open())
            .unwrap();
        self.desk(DISPATCHER, Some(opened.ticket), assign(crew))
            .unwrap();
        opened.ticket
    }

    pub(super) fn document(&self, ticket: TicketId, part: Part) -> TicketDoc {
        self.db
            .read(|c| {
                let row = crate::relay::tickets::by_id(c, ticket)?.unwrap();
                Ok::<_, StoreError>(crate::relay::documents::load(c, row.index, part)?.unwrap())
            })
            .unwrap()
    }

    pub(super) fn count(&self, sql: &str) -> i64 {
        self.db
            .read(|c| Ok::<_, StoreError>(c.query_row(sql, [], |row| row.get(0))?))
            .unwrap()
    }
}

pub(super) fn assign(to: &str) -> Command {
    Command::Assign {
        crew: vec![person(to)],
        lead: person(to),
        group: None,
    }
}

pub(super) fn note(text: &str) -> Command {
    Command::WriteNote {
        part: Part::Service,
        text: text.to_owned(),
    }
}

/// A phone without a store: it seals what the test says, on the documents that it holds.
pub(super) struct Phone {
    pub(super) sender: Sender,
    pub(super) key: DeviceKey,
    pub(super) actor: ActorId,
    pub(super) sequence: u32,
    pub(super) link: [u8; 16],
    pub(super) docs: HashMap<(TicketId, Part), TicketDoc>,
    pub(super) cursor: Vec<u8>,
    pub(super) directory: BTreeMap<u64, DeviceRecord>,
    pub(super) anchor: Timestamp,
    pub(super) catalogue: u32,
}

impl Phone {
    pub(super) fn person(&self) -> &PersonId {
        &self.sender.person
    }

    /// Takes the server's present documents of a ticket, as a snapshot would bring them.
    pub(super) fn take(&mut self, server: &Server, ticket: TicketId) {
        self.docs.insert(
            (ticket, Part::Service),
            server.document(ticket, Part::Service),
        );
    }

    pub(super) fn doc(&self, ticket: TicketId) -> &TicketDoc {
        &self.docs[&(ticket, Part::Service)]
    }

    /// Executes on the phone's document and seals.
    pub(super) fn seal(
        &mut self,
        ticket: TicketId,
        at: Timestamp,
        commands: Vec<Command>,
    ) -> Changeset {
        self.seal_with(ticket, Part::Service, at, commands, |_| {})
    }

    /// The same, with a header changed before it is signed.
    pub(super) fn seal_with(
        &mut self,
        ticket: TicketId,
        part: Part,
        at: Timestamp,
        commands: Vec<Command>,
        change: impl FnOnce(&mut Header),
    ) -> Changeset {
        let doc = self
            .docs
            .entry((ticket, part))
            .or_insert_with(|| TicketDoc::genesis(part));
        let (base, first_sequence) = (doc.heads(), doc.sequence_of(self.actor) + 1);
        let (mut authored, mut last) = (Vec::new(), ChangeHash([0; 32]));
        for (ordinal, command) in (first_sequence..).zip(commands) {
            let one = Authored {
                id: CommandId {
                    actor: self.actor,
                    ordinal,
                },
                at,
                command,
            };
            if let Ok(executed) = doc.execute(self.actor, &one) {
                last = executed.hash;
            }
            authored.push(one);
        }
        self.sequence += 1;
        let mut header = Header {
            version: 1,
            ticket,
            part,
            device: self.sender.device,
            person: self.person().clone(),
            actor: self.actor,
            first_sequence,
            base,
            at,
            body: [0; 32],
            pin: pin(last),
            catalogue: self.catalogue,
            device_sequence: self.sequence,
            previous: self.link,
            anchor: self.anchor,
            act: None,
            replaces: None,
        };
        change(&mut header);
        let salt = [self.sequence as u8; 16];
        let changeset = Changeset::seal(header, &authored, salt, &self.key);
        self.link = changeset.link();
        changeset
    }

    /// An act over two parts, opening a ticket.
    pub(super) fn opening(&mut self, ticket: TicketId, at: Timestamp) -> [Changeset; 2] {
        let first = self.sequence + 1;
        let act = Some(ActLink { first, count: 2 });
        let open = vec![gongdan_core::testing::open()];
        let name = gongdan_core::ticket::command::FieldValue {
            field: gongdan_core::ticket::Field::CustomerName,
            value: "张三".into(),
        };
        let customer = vec![Command::RecordCustomer { fields: vec![name] }];
        [
            self.seal_with(ticket, Part::Service, at, open, |header| header.act = act),
            self.seal_with(ticket, Part::Customer, at, customer, |header| {
                header.act = act
            }),
        ]
    }

    /// The bytes of a request.
    pub(super) fn request(&self, changesets: &[Changeset], want: Vec<PartIndex>) -> Vec<u8> {
        encode_request(&Request {
            cursor: self.cursor.clone(),
            catalogue: self.catalogue,
            directory: self.directory.keys().next_back().copied().unwrap_or(0),
            want,
            changesets: changesets
                .iter()
                .map(|changeset| Outgoing {
                    changeset: changeset.clone(),
                    ticket_index: None,
                    base: BaseHint::Explicit(changeset.header.base.clone()),
                })
                .collect(),
            given_back: Default::default(),
            unsent: None,
            sheet_log: None,
        })
    }

    /// One exchange; the cursor moves.
    pub(super) fn sync(&mut self, server: &Server, changesets: &[Changeset]) -> Response {
        let request = self.request(changesets, Vec::new());
        let body = self.raw(server, &request).unwrap();
        self.read(&body)
    }

    pub(super) fn raw(&self, server: &Server, request: &[u8]) -> Result<Vec<u8>, SyncError> {
        server.relay.sync(server.now(), &self.sender, request)
    }

    pub(super) fn read(&mut self, body: &[u8]) -> Response {
        let response = decode_response(body, |index| self.directory.get(&index).cloned()).unwrap();
        for record in &response.devices {
            self.directory.insert(record.index, record.clone());
        }
        self.cursor.clone_from(&response.cursor);
        response
    }
}
