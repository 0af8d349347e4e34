//! A phone: a real replica with a store that survives being closed, behind a link.
//!
//! Invariant: every opening gets entropy of its own, as the host of a real phone gives it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, TicketId};
use gongdan_core::replica::{
    ExecuteError, Identity, OutboxCounts, Outcome, ReceiveError, Replica, Seen, TicketView,
};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::store::{Filter, OutboxEntry, Store, StoreError, Work};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::ticket::summary::Summary;
use gongdan_core::ticket::{Act, Command, Ticket};

use crate::link::Link;
use crate::node::NodeReplica;
use crate::office::Office;
use crate::random::Random;

/// Where a phone keeps what it has.
pub enum Kept {
    /// In memory, beyond the replica's life.
    Memory(Arc<Mutex<MemoryStore>>),
    /// In a file.
    Sqlite(PathBuf),
    /// In a process of Node, as wasm32; gone with it.
    Node,
}

/// A replica in this process, or as wasm32 under Node.
#[expect(clippy::large_enum_variant, reason = "a test has a handful of them")]
enum Device {
    Here(Replica),
    Node(NodeReplica),
    Closed,
}

/// A phone.
pub struct Phone {
    /// Whose it is.
    pub person: String,
    /// Its link.
    pub link: Link,
    /// What it is.
    pub identity: Identity,
    /// Its secret key's bytes.
    pub secret: [u8; 32],
    /// Its key.
    pub key: DeviceKey,
    /// Lost or revoked: it is not synced any more, and nothing is asked of it at the end.
    pub lost: bool,
    /// Outbox entries that may be left when the world ends, and why is the test's business.
    pub leaves: OutboxCounts,
    kept: Kept,
    device: Device,
    random: Random,
}

/// A memory store that outlives the replica on it.
struct Shared(Arc<Mutex<MemoryStore>>);

impl Store for Shared {
    fn write(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.0.lock().expect("one replica at a time").write(work)
    }
    fn read(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        self.0.lock().expect("one replica at a time").read(work)
    }
}

impl Phone {
    /// A fresh phone of `person`.
    pub fn new(
        person: &str,
        identity: Identity,
        secret: [u8; 32],
        kept: Kept,
        mut random: Random,
    ) -> Self {
        let key = DeviceKey::from_bytes(&secret);
        let device = match &kept {
            Kept::Node => Device::Node(NodeReplica::start(&identity, &secret, &random.bytes())),
            _ => Device::Closed,
        };
        let mut phone = Self {
            person: person.to_owned(),
            link: Link::default(),
            identity,
            secret,
            key,
            lost: false,
            leaves: OutboxCounts::default(),
            kept,
            device,
            random,
        };
        if let Some(mut store) = phone.store().expect("the phone's file") {
            Replica::enrol(store.as_mut(), &phone.identity).expect("a fresh store");
            drop(store);
            phone.open();
        }
        phone
    }

    fn store(&self) -> Result<Option<Box<dyn Store>>, StoreError> {
        Ok(match &self.kept {
            Kept::Memory(state) => Some(Box::new(Shared(Arc::clone(state)))),
            Kept::Sqlite(path) => Some(Box::new(SqliteStore::open(path, &self.store_key())?)),
            Kept::Node => None,
        })
    }

    /// The key of its file.
    pub fn store_key(&self) -> StoreKey {
        StoreKey::from_bytes(self.secret)
    }

    fn open(&mut self) {
        self.try_open_app().expect("an enrolled store");
    }

    fn try_open_app(&mut self) -> Result<(), StoreError> {
        let store = self.store()?.expect("a store in this process");
        let entropy = self.random.bytes();
        self.device = Device::Here(Replica::open(store, self.key.clone(), entropy)?);
        Ok(())
    }

    /// Closes the app.
    pub fn close(&mut self) {
        self.device = Device::Closed;
    }

    /// Closes the app and opens it again: only what was stored is there.
    pub fn reopen(&mut self) {
        self.close();
        self.open();
    }

    /// The same where the store may fail; then the app stays closed.
    ///
    /// # Errors
    /// The store's.
    pub fn try_reopen(&mut self) -> Result<(), StoreError> {
        self.close();
        self.try_open_app()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        match &self.kept {
            Kept::Sqlite(path) => path,
            Kept::Memory(_) | Kept::Node => panic!("a phone on SQLite"),
        }
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        self.identity.device
    }

    /// The replica, where it runs in this process.
    pub fn replica(&mut self) -> &mut Replica {
        match &mut self.device {
            Device::Here(replica) => replica,
            Device::Node(_) | Device::Closed => panic!("a replica in this process"),
        }
    }

    /// A copy of the phone as it stands, restored onto the same device: what a backup does.
    pub fn backup(&self) -> MemoryStore {
        match &self.kept {
            Kept::Memory(state) => state.lock().expect("one replica at a time").clone(),
            Kept::Sqlite(_) | Kept::Node => panic!("a phone in memory"),
        }
    }

    /// Its store as a program wrote it that did not know of this small fact.
    pub fn forget_meta(&mut self, key: &str) {
        let store = self.store().expect("the phone's file");
        let mut store = store.expect("a store in this process");
        store
            .write(&mut |txn| txn.put_meta(key, &[0xf6]))
            .expect("the phone's store works");
        self.reopen();
    }

    /// Puts a backup back.
    pub fn restore(&mut self, backup: MemoryStore) {
        match &self.kept {
            Kept::Memory(state) => *state.lock().expect("one replica at a time") = backup,
            Kept::Sqlite(_) | Kept::Node => panic!("a phone in memory"),
        }
        self.reopen();
    }

    /// A second phone with everything that is on this one: the same store, device and key. Its app opens anew.
    pub fn copied(&mut self) -> Self {
        let kept = Kept::Memory(Arc::new(Mutex::new(self.backup())));
        let mut copy = Self {
            person: self.person.clone(),
            link: Link::default(),
            identity: self.identity.clone(),
            secret: self.secret,
            key: self.key.clone(),
            lost: false,
            leaves: OutboxCounts::default(),
            kept,
            device: Device::Closed,
            random: Random::new(self.random.number()),
        };
        copy.open();
        copy
    }

    /// Goes on as a device of its own where it has heard of a copy, as the library for phones does it before
    /// the next exchange; whether it did.
    pub fn incarnate(&mut self, office: &Office) -> bool {
        let Device::Here(replica) = &mut self.device else {
            return false;
        };
        if !replica.is_split().expect("the phone's store works") {
            return false;
        }
        let key = replica
            .begin_incarnation()
            .expect("the phone's store works");
        let device = office.incarnate(self.identity.device, &key);
        replica
            .incarnate(device, None)
            .expect("the phone's store works");
        self.identity = replica.identity().clone();
        true
    }

    /// Executes at the tip.
    ///
    /// # Errors
    /// The code of [`ExecuteError`], with what it says.
    pub fn try_execute(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
        seen: &Seen,
        act: impl Into<Act>,
    ) -> Result<(), String> {
        match &mut self.device {
            Device::Here(replica) => replica
                .execute(now, ticket, seen, act)
                .map_err(|e: ExecuteError| e.to_string()),
            Device::Node(node) => node.execute(now, ticket, seen, &act.into()),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// Opens a ticket.
    ///
    /// # Errors
    /// As [`Phone::try_execute`].
    pub fn try_open(&mut self, now: Timestamp, act: impl Into<Act>) -> Result<TicketId, String> {
        match &mut self.device {
            Device::Here(replica) => replica.open_ticket(now, act).map_err(|e| e.to_string()),
            Device::Node(node) => node.open_ticket(now, &act.into()),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// The bytes of the next request.
    pub fn next_request(&mut self) -> Vec<u8> {
        match &mut self.device {
            Device::Here(replica) => replica.next_request().expect("the phone's store works"),
            Device::Node(node) => node.next_request(),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// Takes an answer over: whether to ask again at once.
    ///
    /// # Errors
    /// What the replica says against it.
    pub fn receive(&mut self, body: &[u8]) -> Result<bool, String> {
        match &mut self.device {
            Device::Here(replica) => replica
                .receive(body)
                .map(|o: Outcome| o.more)
                .map_err(|e: ReceiveError| e.to_string()),
            Device::Node(node) => node.receive(body),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// The next request spells everything out.
    pub fn spell_out(&mut self) {
        match &mut self.device {
            Device::Here(replica) => replica.spell_out(),
            Device::Node(node) => node.spell_out(),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// The tickets on it.
    pub fn list(&mut self) -> Vec<Summary> {
        match &mut self.device {
            Device::Here(replica) => replica
                .list(&Filter::default())
                .expect("the phone's store works"),
            Device::Node(node) => node.list(),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// A ticket, if it is on it.
    pub fn view(&mut self, id: TicketId) -> Option<TicketView> {
        match &mut self.device {
            Device::Here(replica) => replica.ticket(id).expect("the phone's store works"),
            Device::Node(node) => node.ticket(id),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// A ticket that is on it.
    pub fn ticket(&mut self, id: TicketId) -> Ticket {
        self.view(id).expect("a ticket on the phone").ticket
    }

    /// The heads that a form opened now shows.
    pub fn seen(&mut self, id: TicketId) -> Seen {
        self.view(id).map(|view| view.heads).unwrap_or_default()
    }

    /// How much waits.
    pub fn counts(&mut self) -> OutboxCounts {
        match &mut self.device {
            Device::Here(replica) => replica.outbox_counts().expect("the phone's store works"),
            Device::Node(node) => node.outbox_counts(),
            Device::Closed => panic!("an open phone"),
        }
    }

    /// The outbox.
    pub fn outbox(&mut self) -> Vec<OutboxEntry> {
        self.replica().outbox().expect("the phone's store works")
    }

    /// The commands in the outbox.
    pub fn waiting(&mut self) -> Vec<Command> {
        self.outbox()
            .into_iter()
            .map(|entry| entry.command)
            .collect()
    }
}
