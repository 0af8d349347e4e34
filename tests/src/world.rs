//! The world: an office, phones, links, one clock. It runs until nothing moves any more.
//!
//! Invariant: a world ends by [`World::finish`], which fails on leftovers: an outbox that is not drained
//! without a stated reason, replicas with unequal heads, a phone that holds what it may not, a server whose
//! read model is another than a rebuild's.

use std::sync::{Arc, Mutex};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{Part, TicketId};
use gongdan_core::replica::Seen;
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::{Act, Command};
use gongdan_server::host::Clock;
use gongdan_server::relay::SyncError;

use crate::host::VirtualClock;
use crate::link::Fate;
use crate::office::{DISPATCHER, Office};
use crate::phone::{Kept, Phone};
use crate::random::Random;

/// Rounds after which a world that still moves is taken to move for ever.
const ROUNDS_MAX: usize = 200;

/// What a phone's replica is and keeps its data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// This process, memory.
    Memory,
    /// This process, a SQLite file.
    Sqlite,
    /// wasm32 under Node.
    Node,
}

/// The world.
pub struct World {
    /// The clock of everybody; it only moves by [`World::wait`].
    pub clock: VirtualClock,
    /// The office.
    pub office: Office,
    /// The phones, in the order they were made.
    pub phones: Vec<Phone>,
    /// Phones that hear of a copy of themselves go on as devices of their own, as the library for phones does it.
    pub incarnates: bool,
    random: Random,
    folder: tempfile::TempDir,
    finished: bool,
}

impl Default for World {
    fn default() -> Self {
        Self::new(1)
    }
}

impl World {
    /// A world with an office and nobody in the field.
    pub fn new(seed: u64) -> Self {
        let clock = VirtualClock::new(testing::at(0));
        let office = Office::new(&clock, seed);
        let folder = tempfile::tempdir().expect("a folder for the phones");
        let random = Random::new(seed ^ 0x5eed);
        Self {
            clock,
            office,
            phones: Vec::new(),
            incarnates: true,
            random,
            folder,
            finished: false,
        }
    }

    /// A world with a phone in memory for each of `people`, all synced once.
    pub fn with(people: &[&str]) -> Self {
        let mut world = Self::default();
        for person in people {
            world.phone(person, On::Memory);
        }
        world.run_until_quiescent();
        world
    }

    /// Adds a phone; its place.
    pub fn phone(&mut self, person: &str, on: On) -> usize {
        let secret: [u8; 32] = self.random.bytes();
        let identity = self.office.enrol(person, &DeviceKey::from_bytes(&secret));
        let kept = match on {
            On::Memory => Kept::Memory(Arc::new(Mutex::new(MemoryStore::default()))),
            On::Sqlite => Kept::Sqlite(
                self.folder
                    .path()
                    .join(format!("phone{}.db", self.phones.len())),
            ),
            On::Node => Kept::Node,
        };
        let random = Random::new(self.random.number());
        self.phones
            .push(Phone::new(person, identity, secret, kept, random));
        self.phones.len() - 1
    }

    /// Copies a phone with all that is on it; the copy's place. From now on both go on as devices of their own
    /// once they hear of one another.
    pub fn copy_phone(&mut self, phone: usize) -> usize {
        let copy = self.phones[phone].copied();
        self.phones.push(copy);
        self.phones.len() - 1
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Time passes.
    pub fn wait(&mut self, seconds: i64) {
        self.clock.advance(seconds);
    }

    /// Executes on a phone at the tip; it must be possible there.
    pub fn act(&mut self, phone: usize, ticket: TicketId, act: impl Into<Act>) {
        self.act_seeing(phone, ticket, &Seen::new(), act);
    }

    /// The same with the heads that the form showed.
    pub fn act_seeing(&mut self, phone: usize, ticket: TicketId, seen: &Seen, act: impl Into<Act>) {
        self.wait(60);
        let now = self.now();
        self.phones[phone]
            .try_execute(now, ticket, seen, act)
            .expect("an act that the phone may do");
    }

    /// Opens a ticket on a phone.
    pub fn open_on(&mut self, phone: usize) -> TicketId {
        self.open_on_by(phone, testing::open())
    }

    /// The same by this act.
    pub fn open_on_by(&mut self, phone: usize, act: impl Into<Act>) -> TicketId {
        self.wait(60);
        let now = self.now();
        self.phones[phone]
            .try_open(now, act)
            .expect("anybody may open")
    }

    /// An act at the desk, by the dispatcher.
    pub fn desk(&mut self, ticket: TicketId, act: impl Into<Act>) {
        self.wait(60);
        self.office.execute(DISPATCHER, ticket, act);
    }

    /// Opens a ticket at the desk.
    pub fn open_at_desk(&mut self) -> TicketId {
        self.wait(60);
        self.office.open(DISPATCHER, testing::open())
    }

    /// A ticket opened at the desk, assigned to `crew`, and on their phones.
    pub fn assigned(&mut self, crew: &[&str]) -> TicketId {
        let id = self.open_at_desk();
        self.desk(id, assign(crew));
        self.run_until_quiescent();
        id
    }

    /// The same, accepted by the crew on `phone`.
    pub fn accepted(&mut self, phone: usize, crew: &[&str]) -> TicketId {
        let id = self.assigned(crew);
        self.act(phone, id, Command::Accept);
        self.run_until_quiescent();
        id
    }

    /// Cuts or mends a link.
    pub fn cut(&mut self, phone: usize, cut: bool) {
        self.phones[phone].link.cut = cut;
    }

    /// What happens to the phone's next exchanges.
    pub fn fate(&mut self, phone: usize, fates: &[Fate]) {
        self.phones[phone].link.fates.extend(fates);
    }

    /// One exchange of a phone, as its link lets it; whether it wants another at once.
    pub fn exchange(&mut self, phone: usize) -> bool {
        let office = &self.office;
        let phone = &mut self.phones[phone];
        if self.incarnates {
            phone.incarnate(office);
        }
        let body = phone.next_request();
        let fate = phone.link.next_fate();
        let device = phone.device();
        let answer = match fate {
            Fate::LosesRequest => return true,
            Fate::Delays => {
                phone.link.under_way.push(body);
                return true;
            }
            Fate::LosesAnswer => {
                let _lost = office.sync(device, &body);
                return true;
            }
            Fate::Duplicates => {
                let _first = office.sync(device, &body);
                office.sync(device, &body)
            }
            Fate::Arrives => office.sync(device, &body),
        };
        match answer {
            Ok(answer) => phone
                .receive(&answer)
                .expect("the answer to the last request"),
            Err(SyncError::OtherEpoch | SyncError::UnresolvedReference) => {
                phone.spell_out();
                true
            }
            Err(error) => panic!("sync of {}: {error}", phone.person),
        }
    }

    /// Requests that were under way arrive, the newest first; nobody hears the answers.
    pub fn deliver_delayed(&mut self) {
        for phone in &mut self.phones {
            while let Some(body) = phone.link.under_way.pop() {
                let _unheard = self.office.sync(phone.identity.device, &body);
            }
        }
    }

    /// Every phone whose link is not cut syncs until a whole round brings nothing new to anybody.
    pub fn run_until_quiescent(&mut self) {
        self.wait(1);
        self.deliver_delayed();
        let mut quiet = 0;
        for _ in 0..ROUNDS_MAX {
            let before = self.office.log_end();
            let mut moved = false;
            for phone in 0..self.phones.len() {
                if self.phones[phone].link.cut || self.phones[phone].lost {
                    continue;
                }
                let waiting =
                    |counts: gongdan_core::replica::OutboxCounts| counts.pending + counts.in_flight;
                moved |= self.exchange(phone);
                moved |= waiting(self.phones[phone].counts()) > 0;
            }
            moved |= self.office.log_end() != before;
            quiet = if moved { 0 } else { quiet + 1 };
            // One more round in which nothing moves: what the last phone brought has reached the first.
            if quiet == 2 {
                return;
            }
        }
        panic!("the world still moves after {ROUNDS_MAX} rounds");
    }

    /// Mends every link, lets everything arrive, and checks that nothing is left over.
    pub fn finish(mut self) {
        self.settle();
        self.finished = true;
    }

    /// Ends a world that is not to be whole: its test said what is missing.
    pub fn abandon(mut self) {
        self.office.assert_equals_rebuild();
        self.finished = true;
    }

    /// The same without ending.
    pub fn settle(&mut self) {
        for phone in &mut self.phones {
            phone.link.cut = false;
        }
        self.run_until_quiescent();
        for phone in (0..self.phones.len())
            .filter(|phone| !self.phones[*phone].lost)
            .collect::<Vec<_>>()
        {
            let counts = self.phones[phone].counts();
            assert_eq!(
                counts, self.phones[phone].leaves,
                "outbox of {}",
                self.phones[phone].person
            );
            self.assert_replica(phone);
        }
        self.office.assert_equals_rebuild();
    }

    /// A phone holds exactly what its person may read, with the server's heads.
    fn assert_replica(&mut self, phone: usize) {
        let mut held: Vec<TicketId> = self.phones[phone].list().iter().map(|row| row.id).collect();
        for id in self.office.ticket_ids() {
            let server = self
                .office
                .try_ticket(id)
                .expect("a ticket of the server's list");
            let expected = self
                .office
                .readable(&self.phones[phone].identity.person, id, &server);
            let view = self.phones[phone].view(id);
            let person = &self.phones[phone].person;
            let heads = view.map(|view| view.heads).unwrap_or_default();
            assert_eq!(heads, expected, "heads of {id} on the phone of {person}");
            held.retain(|other| *other != id);
        }
        // What only this phone knows is in its outbox; it says so by what it leaves.
        if self.phones[phone].leaves == Default::default() {
            assert_eq!(
                held,
                [],
                "tickets that only {} has",
                self.phones[phone].person
            );
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(
            self.finished || std::thread::panicking(),
            "a world ends by finish()"
        );
    }
}

/// The command that names a crew, its first the lead.
pub fn assign(crew: &[&str]) -> Command {
    let crew: Vec<_> = crew.iter().map(|id| testing::person(id)).collect();
    Command::Assign {
        lead: crew[0].clone(),
        crew,
        group: None,
    }
}

/// A note of the `service` part.
pub fn note(text: &str) -> Command {
    Command::WriteNote {
        part: Part::Service,
        text: text.to_owned(),
    }
}
