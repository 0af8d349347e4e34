//! What befalls phones and office, beside what links do.

use std::collections::BTreeSet;

use gongdan_core::policy::Role;
use gongdan_core::store::OutboxState;
use gongdan_tests::office::TECHNICIANS;
use gongdan_tests::random::Random;

use super::Simulation;
use crate::contents;
use crate::disk::CommandRef;
use crate::faults::Fault;
use crate::handset::Handset;
use crate::schedule::Event;
use crate::server::Backup;
use crate::violation::Violation;

/// Seconds of a year.
const YEAR: i64 = 365 * super::DAY;
/// Phones of a run, copies among them.
const PHONES_MAX: usize = 6;

impl Simulation {
    pub(super) fn befalls(&mut self, phone: usize) -> Result<(), Violation> {
        if self.strikes(Fault::PhoneClock, 3) {
            self.phones[phone].clock_offset = self.jump();
        }
        if self.random.one_in(3) {
            // The app is closed and started again, as people do.
            self.phones[phone].close();
        }
        if self.swarm.has(Fault::PhoneRestored) {
            if self.phones[phone].backup.is_none() || self.random.one_in(4) {
                let image = self.phones[phone].disk.image();
                self.phones[phone].backup = Some(image);
            } else if self.strikes(Fault::PhoneRestored, 5) {
                self.put_back(phone)?;
            }
        }
        if self.phones[phone].older && self.random.one_in(6) {
            self.phones[phone].close();
            self.phones[phone].older = false;
        }
        let many = self.phones.iter().filter(|phone| !phone.revoked).count() > 1;
        // Nobody revokes what a restored server does not list.
        let known = self.server.office.knows(self.device(phone));
        if many && known && !self.phones[phone].revoked && self.strikes(Fault::Revocation, 40) {
            self.server.office.revoke(self.device(phone));
            self.hear_of_revocations();
        }
        let few = self.phones.len() < PHONES_MAX;
        if few && self.strikes(Fault::PhoneCloned, 8) {
            let random = Random::new(self.random.number());
            let copy = self.phones[phone].copied(random, self.now);
            self.phones.push(copy);
            self.lives(self.phones.len() - 1);
        }
        if self.strikes(Fault::RescueFile, 4) {
            self.rescues(phone)?;
        }
        Ok(())
    }

    /// With a device the names are revoked that it went on from: other phones may go by them.
    fn hear_of_revocations(&mut self) {
        for phone in &mut self.phones {
            phone.revoked |= self.server.office.is_revoked(phone.identity.device);
        }
    }

    /// What waits on a phone goes into a rescue file, and another phone or the office brings it in.
    fn rescues(&mut self, phone: usize) -> Result<(), Violation> {
        let by_office = self.random.one_in(2);
        let by = self.random.below(self.phones.len());
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let load = match app.courier_load() {
            Ok(load) => load,
            Err(error) => return self.bear(phone, "write a rescue file", &error),
        };
        if by_office {
            if self.server.is_full() {
                return Ok(());
            }
            let now = self.server.office.now();
            let relay = self.server.office.relay().clone();
            let brought = relay.bring_in(now, &load);
            brought.map_err(|why| Violation::failure("bring a rescue file in", why))?;
            self.ledger.look(self.server.office.database())
        } else if by != phone {
            let app = self.phones[by].app();
            let app = app.map_err(|why| Violation::failure("start the app", why))?;
            match app.carry(load) {
                Ok(()) => Ok(()),
                Err(error) => self.bear(by, "take a rescue file along", &error),
            }
        } else {
            Ok(())
        }
    }

    /// The server is put back to a backup; whoever was revoked since is revoked again by hand.
    fn restores_server(&mut self, backup: Backup) -> Result<(), Violation> {
        self.server.restore(backup);
        self.server.at(self.now);
        self.policy_changed = true;
        let mut held = BTreeSet::new();
        for phone in &self.phones {
            phone
                .disk
                .with_outbox(|outbox| held.extend(outbox.values().map(|(command, _)| *command)));
            if phone.revoked {
                let office = &self.server.office;
                if office.knows(phone.identity.device) {
                    office.revoke(phone.identity.device);
                }
            } else {
                held.extend(contents::commands(&phone.disk));
            }
        }
        self.ledger
            .server_forgot(self.server.office.database(), &held)
    }

    /// Some seconds, hours, or years, either way.
    fn jump(&mut self) -> i64 {
        let size = *self.random.pick(&[90, 7_200, super::DAY, YEAR, 6 * YEAR]);
        let most = usize::try_from(size).unwrap_or(1);
        let jump = i64::try_from(self.random.below(most)).unwrap_or(0);
        if self.random.one_in(2) { jump } else { -jump }
    }

    /// A backup is put back: what was not sent since is gone with the disk.
    fn put_back(&mut self, phone: usize) -> Result<(), Violation> {
        let Some(image) = self.phones[phone].backup.clone() else {
            return Ok(());
        };
        let before = held(&self.phones[phone]);
        let handset = &mut self.phones[phone];
        handset.close();
        handset.outbox_before = image.outbox().clone();
        handset.disk.restore(image);
        handset.forms.clear();
        // What a restored server was still to be given is gone with the disk as well.
        let mut gone = before;
        gone.retain(|command| self.ledger.received(command).is_empty());
        if !gone.is_empty() {
            for phone in &self.phones {
                let held = held(phone);
                gone.retain(|command| !held.contains(command));
            }
        }
        for command in gone {
            self.ledger.forget(command);
        }
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        self.phones[phone].identity = app.identity().clone();
        self.hear_of_revocations();
        Ok(())
    }

    pub(super) fn befalls_office(&mut self) -> Result<(), Violation> {
        if self.strikes(Fault::ServerRestarts, 2) {
            let restarted = self.server.restart();
            self.bear_server("restart the server", restarted)?;
        }
        if self.strikes(Fault::ServerClock, 4) {
            self.server.clock_offset = self.jump();
            self.server.at(self.now);
        }
        if !self.server.is_full() && self.strikes(Fault::ServerFull, 4) {
            self.server.set_full(true);
            self.soon(2 * 3600, Event::ServerHasRoom);
        }
        if self.server.older && !self.server.is_full() && self.random.one_in(8) {
            self.upgrade_server()?;
        }
        if !self.server.is_full() && self.strikes(Fault::PolicyChange, 6) {
            let choices: [&[Role]; 4] = [
                &[],
                &[Role::Technician],
                &[Role::Technician, Role::Dispatcher],
                &[Role::FollowUpClerk],
            ];
            let roles = choices[self.random.below(choices.len())];
            let person = *self.random.pick(&TECHNICIANS[..3]);
            self.server.office.set_roles(person, roles);
            self.policy_changed = true;
        }
        if !self.server.is_full() && self.strikes(Fault::CatalogueChange, 6) {
            self.server.office.reload();
        }
        if self.swarm.has(Fault::ServerRestored) && !self.server.is_full() {
            if self.backup.is_none() || self.random.one_in(3) {
                let backup = self.server.backup();
                let backup = backup.map_err(|why| Violation::failure("back the server up", why))?;
                self.backup = Some(backup);
            } else if self.strikes(Fault::ServerRestored, 4)
                && let Some(backup) = self.backup.take()
            {
                self.restores_server(backup)?;
            }
        }
        Ok(())
    }

    pub(super) fn upgrade_server(&mut self) -> Result<(), Violation> {
        self.server.older = false;
        let restarted = self.server.restart();
        self.bear_server("restart the server", restarted)
    }

    /// Entries of a phone's outbox in one of these states.
    pub(super) fn in_states(&self, phone: usize, states: &[OutboxState]) -> usize {
        self.phones[phone].disk.with_outbox(|outbox| {
            outbox
                .values()
                .filter(|(_, state)| states.contains(state))
                .count()
        })
    }
}

/// Commands in a phone's outbox, and in all changesets that it has.
fn held(phone: &Handset) -> BTreeSet<CommandRef> {
    let mut held = contents::commands(&phone.disk);
    phone
        .disk
        .with_outbox(|outbox| held.extend(outbox.values().map(|(command, _)| *command)));
    held.into_iter().collect()
}
