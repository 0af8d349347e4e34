//! What befalls phones and office, beside what links do.

use gongdan_core::policy::Role;
use gongdan_core::store::OutboxState;
use gongdan_tests::office::TECHNICIANS;

use super::Simulation;
use crate::faults::Fault;
use crate::schedule::Event;
use crate::violation::Violation;

/// Seconds of a year.
const YEAR: i64 = 365 * super::DAY;

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
                self.put_back(phone);
            }
        }
        if self.phones[phone].older && self.random.one_in(6) {
            self.phones[phone].close();
            self.phones[phone].older = false;
        }
        let many = self.phones.iter().filter(|phone| !phone.revoked).count() > 1;
        if many && !self.phones[phone].revoked && self.strikes(Fault::Revocation, 40) {
            self.server.office.revoke(self.device(phone));
            self.phones[phone].revoked = true;
        }
        Ok(())
    }

    /// Some seconds, hours, or years, either way.
    fn jump(&mut self) -> i64 {
        let size = *self.random.pick(&[90, 7_200, super::DAY, YEAR, 6 * YEAR]);
        let most = usize::try_from(size).unwrap_or(1);
        let jump = i64::try_from(self.random.below(most)).unwrap_or(0);
        if self.random.one_in(2) { jump } else { -jump }
    }

    /// A backup is put back: what was not sent since is gone with the disk.
    fn put_back(&mut self, phone: usize) {
        let Some(image) = self.phones[phone].backup.clone() else {
            return;
        };
        let lost: Vec<_> = self.phones[phone].disk.with_outbox(|now| {
            let kept: Vec<_> = image
                .outbox()
                .values()
                .map(|(command, _)| *command)
                .collect();
            let gone = now.values().map(|(command, _)| *command);
            gone.filter(|command| !kept.contains(command)).collect()
        });
        for command in lost {
            self.ledger.forget(command);
        }
        let handset = &mut self.phones[phone];
        handset.close();
        handset.outbox_before = image.outbox().clone();
        handset.disk.restore(image);
        handset.forms.clear();
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
