//! The simulation: people, phones, links and the office, driven by one scheduler in virtual time.
//!
//! Invariant: everything that happens comes from the schedule and the seed. After every step the cheap
//! promises are checked; the rest when nothing moves any more (`check.rs`).

mod befalls;
mod check;
mod exchange;
mod search;
mod work;

use std::collections::BTreeMap;

use gongdan_core::ids::{DeviceId, TicketId};
use gongdan_core::replica::OwnCertificate;
use gongdan_core::store::StoreError;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_tests::office::{ServerTicket, TECHNICIANS};
use gongdan_tests::random::Random;
use sha2::{Digest, Sha256};

use crate::canary;
use crate::contents;
use crate::faults::{Counts, Fault, Swarm};
use crate::handset::Handset;
use crate::ledger::{self, Ledger};
use crate::schedule::{Event, Schedule};
use crate::server::{Backup, Server};
use crate::violation::{Kind, Violation};

/// Seconds of a day.
pub const DAY: i64 = 24 * 3600;
/// Seconds of a day's work. The simulation begins at eight in the morning.
const WORK: i64 = 10 * 3600;
/// Seconds between two things that a technician does, in the mean.
const BETWEEN_ACTS: usize = 800;

/// Entries of the log in an answer, where answers are small.
const PAGE_ENTRIES: usize = 2;

/// What a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Everything that is drawn comes from it.
    pub seed: u64,
    /// Which faults there are; drawn from the seed where nothing.
    pub swarm: Option<Swarm>,
    /// Days of work; drawn from the seed where nothing.
    pub days: Option<u32>,
    /// Tell what happens, step by step.
    pub tell: bool,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of which seed.
    pub seed: u64,
    /// Phones times days.
    pub device_days: u64,
    /// Commands that phones and desk said were saved.
    pub commands: u64,
    /// Those of the phones.
    pub phone_commands: u64,
    /// Exchanges begun.
    pub exchanges: u64,
    /// Faults.
    pub faults: Counts,
    /// Hash over every byte that was sent, and every outcome.
    pub trace: [u8; 32],
    /// The promise that was broken, if any.
    pub violation: Option<Violation>,
    /// What happened, where the plan asked for it.
    pub story: Vec<String>,
}

/// A run under way.
pub struct Simulation {
    random: Random,
    swarm: Swarm,
    now: i64,
    schedule: Schedule,
    server: Server,
    phones: Vec<Handset>,
    ledger: Ledger,
    faults: Counts,
    trace: Sha256,
    marks: u64,
    commands: u64,
    phone_commands: u64,
    exchanges: u64,
    policy_changed: bool,
    /// By device, since it was enrolled.
    certificates: BTreeMap<DeviceId, OwnCertificate>,
    /// Of the server.
    backup: Option<Backup>,
    /// The app died in the last act: what of it was committed is there.
    died_with_it: bool,
    /// The tickets when it came to rest.
    settled: Vec<(TicketId, ServerTicket)>,
    /// What goes on after a rest.
    kept: Vec<Event>,
    /// No fault happens: everything is to come to rest.
    calm: bool,
    story: Option<Vec<String>>,
}

impl Simulation {
    /// Begins at eight on the first day.
    ///
    /// # Errors
    /// Something failed that was not made to.
    pub fn new(plan: Plan) -> Result<Self, Violation> {
        let mut random = Random::new(plan.seed);
        let drawn = Swarm::of(&mut random);
        let now = testing::at(0).seconds();
        testing::know_commands(None);
        testing::limit_pages(None);
        canary::capture_log();
        canary::take_log();
        let server = Server::new(random.number(), now);
        let server = server.map_err(|why| Violation::failure("make a folder", why))?;
        let mut simulation = Self {
            random,
            swarm: plan.swarm.unwrap_or(drawn),
            now,
            schedule: Schedule::default(),
            server,
            phones: Vec::new(),
            ledger: Ledger::default(),
            faults: Counts::default(),
            trace: Sha256::new(),
            marks: 0,
            commands: 0,
            phone_commands: 0,
            exchanges: 0,
            policy_changed: false,
            certificates: BTreeMap::new(),
            backup: None,
            died_with_it: false,
            settled: Vec::new(),
            kept: Vec::new(),
            calm: false,
            story: plan.tell.then(Vec::new),
        };
        simulation.people()?;
        Ok(simulation)
    }

    /// Two or three technicians, one of them perhaps with two phones.
    fn people(&mut self) -> Result<(), Violation> {
        let technicians = 2 + self.random.below(2);
        for person in &TECHNICIANS[..technicians] {
            self.phone(person)?;
        }
        if self.swarm.has(Fault::TwoPhones) {
            self.faults.count(Fault::TwoPhones);
            self.phone(TECHNICIANS[0])?;
        }
        if self.swarm.has(Fault::SmallPages) {
            self.faults.count(Fault::SmallPages);
            testing::limit_pages(Some(PAGE_ENTRIES));
        }
        if self.swarm.has(Fault::OldServer) {
            self.faults.count(Fault::OldServer);
            self.server.older = true;
        }
        if self.swarm.has(Fault::OldPhone) && !self.server.older {
            self.faults.count(Fault::OldPhone);
            self.phones[0].older = true;
        }
        for phone in 0..self.phones.len() {
            self.lives(phone);
        }
        self.soon(600, Event::DeskWorks);
        self.soon(3 * 3600, Event::DeskDecides);
        self.soon(7_200, Event::BefallsOffice);
        // There is something to do from the beginning.
        for _ in 0..technicians {
            self.open_at_desk()?;
        }
        Ok(())
    }

    /// A phone is there from now on.
    fn lives(&mut self, phone: usize) {
        self.soon(60, Event::Syncs(phone));
        self.soon(BETWEEN_ACTS, Event::Works(phone));
        self.soon(7_200, Event::Befalls(phone));
    }

    fn phone(&mut self, person: &str) -> Result<(), Violation> {
        let key = DeviceKey::from_bytes(&self.random.bytes());
        let identity = self.server.office.enrol(person, &key);
        let certificate = self.server.office.certificate(identity.device);
        let random = Random::new(self.random.number());
        let device = identity.device;
        let phone = Handset::new(identity, &certificate, key, random, self.now);
        self.certificates.insert(device, certificate);
        self.phones
            .push(phone.map_err(|why| Violation::failure("enrol a phone", why))?);
        Ok(())
    }

    /// Within so many seconds, at least one.
    fn soon(&mut self, seconds: usize, event: Event) {
        let at = self.now + 1 + i64::try_from(self.random.below(seconds)).unwrap_or(0);
        self.schedule.put(&mut self.random, at, event);
    }

    /// Whether a fault happens now, of so many chances one; counted.
    fn strikes(&mut self, fault: Fault, one_in: usize) -> bool {
        // Drawn in any case: with a fault taken away the rest of a seed stays much as it was.
        let drawn = self.random.one_in(one_in);
        let strikes = drawn && !self.calm && self.swarm.has(fault);
        if strikes {
            self.faults.count(fault);
            self.tell(|| format!("fault: {}", fault.name()));
        }
        strikes
    }

    /// Tells what happens, if anybody listens.
    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let second = self.now - testing::at(0).seconds();
            let (day, second) = (second.div_euclid(DAY), second.rem_euclid(DAY));
            let (hour, minute) = (second / 3600, second / 60 % 60);
            story.push(format!(
                "{day}+{hour:02}:{minute:02}:{:02} {}",
                second % 60,
                what()
            ));
        }
    }

    /// Whether people are at work.
    fn is_work(&self) -> bool {
        (self.now - testing::at(0).seconds()).rem_euclid(DAY) < WORK
    }

    fn note(&mut self, bytes: &[u8]) {
        self.trace.update((bytes.len() as u64).to_be_bytes());
        self.trace.update(bytes);
    }

    /// Lets everything happen up to `until`.
    ///
    /// # Errors
    /// A promise is broken.
    pub fn run_until(&mut self, until: i64) -> Result<(), Violation> {
        while let Some((at, event)) = self.schedule.next(until) {
            self.now = at;
            self.server.at(at);
            self.note(&at.to_be_bytes());
            match &event {
                Event::RequestArrives(_, _, phone) => {
                    self.tell(|| format!("a late request of {phone:?}"))
                }
                Event::AnswerArrives(phone, _) => {
                    self.tell(|| format!("a late answer for {phone}"))
                }
                other => self.tell(|| format!("{other:?}")),
            }
            self.step(event)?;
        }
        self.now = until;
        self.server.at(until);
        Ok(())
    }

    fn step(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Works(phone) => {
                self.soon(2 * BETWEEN_ACTS, Event::Works(phone));
                if self.is_work() {
                    self.works(phone)?;
                }
            }
            Event::Syncs(phone) => {
                let pause = if self.is_work() { 3_000 } else { 6 * 3600 };
                let again = self.syncs(phone)?;
                self.soon(if again { 600 } else { pause }, Event::Syncs(phone));
            }
            Event::DeskWorks => {
                self.soon(2_400, Event::DeskWorks);
                if self.is_work() {
                    self.desk_works()?;
                }
            }
            Event::DeskDecides => {
                self.soon(6 * 3600, Event::DeskDecides);
                self.decide_one()?;
            }
            Event::RequestArrives(device, body, phone) => {
                self.request_arrives(device, &body, phone)?;
            }
            Event::AnswerArrives(phone, body) => {
                self.answer_arrives(phone, &body)?;
            }
            Event::PhoneHasRoom(phone) => self.phones[phone].disk.make_room(),
            Event::ServerHasRoom => {
                self.server.set_full(false);
                // Whoever made room starts what could not be started.
                let restarted = self.server.restart();
                self.bear_server("restart the server", restarted)?;
            }
            Event::Befalls(phone) => {
                self.soon(4 * 3600, Event::Befalls(phone));
                self.befalls(phone)?;
            }
            Event::BefallsOffice => {
                self.soon(4 * 3600, Event::BefallsOffice);
                self.befalls_office()?;
            }
        }
        Ok(())
    }

    /// What left a phone's outbox is in the log.
    fn look_at(&mut self, phone: usize) -> Result<(), Violation> {
        let now = self.phones[phone].disk.outbox();
        let before = std::mem::replace(&mut self.phones[phone].outbox_before, now);
        let db = self.server.office.database();
        for (id, (command, _)) in before {
            if self.phones[phone].outbox_before.contains_key(&id) {
                continue;
            }
            let is_kept = || contents::commands(&self.phones[phone].disk).contains(&command);
            if !ledger::is_admitted(db, command)? && !is_kept() {
                let text =
                    format!("{command:?} left the outbox of phone {phone} and is not in the log");
                return Err(Violation::new(Kind::Loss, text));
            }
        }
        Ok(())
    }

    /// What failed was made to fail: the app is started again, or waits for room.
    fn bear(&mut self, phone: usize, what: &str, error: &StoreError) -> Result<(), Violation> {
        if self.phones[phone].was_made_to_fail(error) {
            Ok(())
        } else {
            Err(Violation::failure(what, error))
        }
    }

    /// Days of work of a phone, of so many.
    fn days_of(&self, phone: &Handset, days: u32) -> u64 {
        let before = (phone.born - testing::at(0).seconds()).div_euclid(DAY);
        u64::from(days).saturating_sub(u64::try_from(before).unwrap_or(0))
    }

    fn device(&self, phone: usize) -> DeviceId {
        self.phones[phone].identity.device
    }

    /// What it came to so far.
    pub fn report(&self, plan: Plan, days: u32, violation: Option<Violation>) -> Report {
        Report {
            seed: plan.seed,
            device_days: self
                .phones
                .iter()
                .map(|phone| self.days_of(phone, days))
                .sum(),
            commands: self.commands,
            phone_commands: self.phone_commands,
            exchanges: self.exchanges,
            faults: self.faults.clone(),
            trace: self.trace.clone().finalize().into(),
            violation,
            story: self.story.clone().unwrap_or_default(),
        }
    }
}
