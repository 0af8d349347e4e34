//! Rest: every fault ends, everything arrives and is decided, and then every promise is checked.
//!
//! Invariant: what is equal by the sets of changes is equal in every way: heads, tickets, rows, and what a
//! rebuild from the signed changesets makes. What still waits says why.

use std::collections::{BTreeMap, BTreeSet};

use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::{CommandId, Part, TicketId};
use gongdan_core::policy::Role;
use gongdan_core::replica::Seen;
use gongdan_core::store::{Filter, OutboxState};
use gongdan_core::sync::changeset::{Changeset, Link};
use gongdan_core::sync::codec;
use gongdan_core::sync::verdict::{Refusal, Verdict};
use gongdan_core::testing;
use gongdan_core::ticket::summary::summarize;
use gongdan_core::ticket::{Command, Ticket};
use gongdan_server::relay::{documents, tickets};
use gongdan_server::store::StoreError;
use gongdan_tests::office::TECHNICIANS;

use super::exchange::Exchange;
use super::{DAY, Simulation};
use crate::canary;
use crate::faults::Fault;
use crate::ledger;
use crate::violation::{Kind, Violation};

/// Rounds in which everything must have arrived once links are good.
const ROUNDS_MAX: usize = 60;
/// Seconds after which the server looks no longer for what is missing (`never.rs`), and an hour.
const HELD_AT_MOST: i64 = 14 * DAY + 3_600;
/// Small answers in one round, one after another.
const PAGES_MAX: usize = 500;
/// States of an outbox that drain once the link is good.
const WAITING: [OutboxState; 3] = [
    OutboxState::Pending,
    OutboxState::InFlight,
    OutboxState::Held,
];

/// The admitted commands of a ticket's part, and the changesets they are in.
type Admitted = BTreeMap<(TicketId, Part), Vec<(CommandId, Command)>>;

impl Simulation {
    /// Comes to rest and checks everything.
    ///
    /// # Errors
    /// A promise is broken.
    pub fn rest(&mut self) -> Result<(), Violation> {
        self.calm = true;
        self.end_of_faults()?;
        // Documents are in memory while answers change them.
        for phone in 0..self.phones.len() {
            self.looks_through(phone)?;
        }
        self.drain()?;
        self.check_server()?;
        self.check_verdicts()?;
        let admitted = self.check_effects()?;
        self.check_promises()?;
        self.search()?;
        for phone in 0..self.phones.len() {
            self.check_phone(phone)?;
        }
        self.note(&(admitted.len() as u64).to_be_bytes());
        self.server.clock_offset = 0;
        self.server.at(self.now);
        self.calm = false;
        Ok(())
    }

    fn end_of_faults(&mut self) -> Result<(), Violation> {
        self.server.set_full(false);
        self.server.clock_offset = 0;
        self.server.at(self.now);
        if self.server.older {
            self.upgrade_server()?;
        }
        if std::mem::take(&mut self.policy_changed) {
            for person in TECHNICIANS {
                self.server.office.set_roles(person, &[Role::Technician]);
            }
        }
        for phone in &mut self.phones {
            phone.disk.make_room();
            phone.close();
            phone.older = false;
            phone.offline_until = 0;
        }
        // What is still under way arrives, in the order of its time.
        let until = self.now + DAY;
        while let Some((_, event)) = self.schedule.next(until) {
            use crate::schedule::Event as E;
            match event {
                E::RequestArrives(device, body, phone) => {
                    self.request_arrives(device, &body, phone)?;
                }
                E::AnswerArrives(phone, body) => self.answer_arrives(phone, &body)?,
                other => self.kept.push(other),
            }
        }
        for event in std::mem::take(&mut self.kept) {
            self.soon(3_600, event);
        }
        Ok(())
    }

    /// A person looks at every ticket on the phone.
    fn looks_through(&mut self, phone: usize) -> Result<(), Violation> {
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let rows = app.list(&Filter::default());
        for row in rows.map_err(|why| Violation::failure("list tickets", why))? {
            let shown = app.ticket(row.id);
            shown.map_err(|why| Violation::failure("show a ticket", why))?;
        }
        Ok(())
    }

    /// Everybody syncs and everything is decided, until a whole round brings nothing new to anybody.
    fn drain(&mut self) -> Result<(), Violation> {
        let (mut quiet, mut end) = (0, self.server.office.log_end());
        let mut waited = false;
        for _ in 0..ROUNDS_MAX {
            let mut moved = false;
            for phone in 0..self.phones.len() {
                moved |= self.contact(phone)? != Exchange::Done;
            }
            moved |= std::mem::replace(&mut end, self.server.office.log_end()) != end;
            quiet = if moved { 0 } else { quiet + 1 };
            if quiet >= 2 {
                if !self.decide_one()? {
                    if waited || self.server.office.waiting().is_empty() {
                        return self.check_drained();
                    }
                    // Whose device never asks again, nobody completes: that is known by the time that went by.
                    waited = true;
                    self.check_outboxes()?;
                    self.server.clock_offset = HELD_AT_MOST;
                    self.server.at(self.now);
                }
                quiet = 0;
            }
            // Undecided things need no rounds of their own each.
            while !moved && quiet == 0 && self.decide_one()? {}
        }
        let states: Vec<_> = (0..self.phones.len())
            .map(|phone| self.in_states(phone, &WAITING))
            .collect();
        let text = format!(
            "after {ROUNDS_MAX} rounds over good links something still moves; waiting {states:?}, in quarantine {}, held {}",
            self.server.office.inbox("quarantined").len(),
            self.server.office.inbox("held").len(),
        );
        Err(Violation::new(Kind::Stall, text))
    }

    /// One exchange; where answers hold next to nothing, as many as it takes to hear what there is.
    fn contact(&mut self, phone: usize) -> Result<Exchange, Violation> {
        let mut ended = self.exchange(phone)?;
        if self.swarm.has(Fault::SmallPages) {
            for _ in 0..PAGES_MAX {
                if ended != Exchange::More {
                    break;
                }
                ended = self.exchange(phone)?;
            }
        }
        Ok(ended)
    }

    fn check_outboxes(&mut self) -> Result<(), Violation> {
        for phone in 0..self.phones.len() {
            if self.in_states(phone, &WAITING) > 0 {
                let waiting: Vec<_> = self.phones[phone].disk.with_outbox(|outbox| {
                    let entries = outbox.values();
                    entries
                        .filter(|(_, state)| WAITING.contains(state))
                        .copied()
                        .collect()
                });
                let held = self.server.office.waiting();
                let text = format!(
                    "the outbox of phone {phone} does not drain: {waiting:?}; at the server: {held:?}"
                );
                return Err(Violation::new(Kind::Stall, text));
            }
        }
        Ok(())
    }

    fn check_drained(&mut self) -> Result<(), Violation> {
        self.check_outboxes()?;
        let held = self.server.office.waiting();
        if !held.is_empty() {
            let text = format!("these wait at the server for what cannot come: {held:?}");
            return Err(Violation::new(Kind::Stall, text));
        }
        Ok(())
    }

    fn check_server(&mut self) -> Result<(), Violation> {
        if let Some(differs) = self.server.office.differs_from_rebuild() {
            return Err(Violation::new(Kind::Divergence, differs));
        }
        let numbers = self.server.office.database().read(|c| {
            // FW, eight digits of the date, then the sequence.
            let sql = "SELECT count(*) FROM (
                 SELECT n.date, n.sequence AS last,
                   (SELECT count(DISTINCT number) FROM tickets
                     WHERE substr(number, 3, 8) = replace(n.date, '-', '')) AS given,
                   (SELECT max(CAST(substr(number, 11) AS INTEGER)) FROM tickets
                     WHERE substr(number, 3, 8) = replace(n.date, '-', '')) AS highest,
                   (SELECT coalesce(sum(g.last - g.first + 1), 0) FROM ticket_number_gaps g
                     WHERE g.date = n.date) AS skipped
                 FROM ticket_numbers n)
               WHERE given + skipped <> last OR highest > last
               UNION ALL SELECT count(*) FROM tickets WHERE number IS NULL";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get::<_, i64>(0))?;
            Ok::<i64, StoreError>(rows.collect::<Result<Vec<_>, _>>()?.iter().sum())
        });
        match numbers {
            Ok(0) => Ok(()),
            Ok(_) => Err(Violation::new(
                Kind::Number,
                "ticket numbers are given twice, or missing from the ledger",
            )),
            Err(why) => Err(Violation::failure("read the numbers", why)),
        }
    }

    /// Acts came in whole or not at all, and nothing of an honest phone was taken for a forgery.
    fn check_verdicts(&mut self) -> Result<(), Violation> {
        let found = self.server.office.database().read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT changeset, verdict FROM inbox ORDER BY device_idx, device_sequence, id",
            )?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok::<Vec<(Vec<u8>, Option<Vec<u8>>)>, StoreError>(rows.collect::<Result<_, _>>()?)
        });
        // An act by its first member: copies of a phone give the same numbers to acts of their own.
        let mut acts: BTreeMap<Link, (u32, u32)> = BTreeMap::new();
        let mut before: BTreeMap<Link, Link> = BTreeMap::new();
        for (bytes, verdict) in found.map_err(|why| Violation::failure("read the inbox", why))? {
            let changeset: Changeset = codec::decode(&bytes)
                .map_err(|why| Violation::failure("read a received changeset", why))?;
            let verdict: Option<Verdict> = verdict.and_then(|bytes| codec::decode(&bytes).ok());
            let header = &changeset.header;
            if let (Some(act), Some(Verdict::Admitted { .. })) = (header.act, &verdict) {
                let mut first = changeset.link();
                before.insert(first, header.previous);
                for _ in act.first..header.device_sequence {
                    first = before.get(&first).copied().unwrap_or(header.previous);
                }
                acts.entry(first).or_insert((0, act.count)).0 += 1;
            }
            if let Some(Verdict::Refused {
                reason: reason @ (Refusal::Malformed | Refusal::ForeignActor | Refusal::NotAnAct),
                ..
            }) = verdict
            {
                let text = format!("an honest phone was told {reason:?} on {}", header.ticket);
                return Err(Violation::new(Kind::Failure, text));
            }
        }
        match acts.into_iter().find(|(_, (came, count))| came != count) {
            None => Ok(()),
            Some((act, (came, count))) => {
                let text = format!("of act {act:?} {came} of {count} members were admitted");
                Err(Violation::new(Kind::Effect, text))
            }
        }
    }

    /// Each admitted command is in the log once, and does in its document what it says once.
    fn check_effects(&mut self) -> Result<Admitted, Violation> {
        testing::know_commands(None);
        let bodies: Result<Vec<Vec<u8>>, StoreError> = self.server.office.database().read(|c| {
            let sql =
                "SELECT i.changeset FROM log l JOIN inbox i ON i.hash = l.changeset ORDER BY l.seq";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        let bodies = bodies.map_err(|why| Violation::failure("read the log", why))?;
        let (mut admitted, mut seen) = (Admitted::new(), BTreeSet::new());
        for bytes in bodies {
            let changeset: Changeset = gongdan_core::sync::codec::decode(&bytes)
                .map_err(|why| Violation::failure("read an admitted changeset", why))?;
            let header = &changeset.header;
            let commands = changeset.commands();
            for authored in commands.map_err(|why| Violation::failure("read a body", why))? {
                if !seen.insert((header.ticket, header.part, authored.id)) {
                    let text =
                        format!("{:?} of {} is in the log twice", authored.id, header.ticket);
                    return Err(Violation::new(Kind::Effect, text));
                }
                let of = admitted.entry((header.ticket, header.part)).or_default();
                of.push((authored.id, authored.command));
            }
        }
        self.settled.clear();
        for id in self.server.office.ticket_ids() {
            let Some(found) = self.server.office.try_ticket(id) else {
                return Err(Violation::new(
                    Kind::Divergence,
                    format!("{id} has no ticket"),
                ));
            };
            check_ticket(&found.ticket, &admitted)?;
            self.settled.push((id, found));
        }
        Ok(admitted)
    }

    /// Everything that was said to be saved is somewhere.
    fn check_promises(&mut self) -> Result<(), Violation> {
        let db = self.server.office.database();
        let mut kept: BTreeSet<crate::disk::CommandRef> = BTreeSet::new();
        for phone in &self.phones {
            phone
                .disk
                .with_outbox(|outbox| kept.extend(outbox.values().map(|(command, _)| *command)));
        }
        for (command, phone) in self.ledger.owed() {
            let somewhere = kept.contains(&command)
                || ledger::is_admitted(db, command)?
                // Its phone was put back to a backup and knows nothing of it; the server's verdict stands.
                || !self.ledger.received(&command).is_empty();
            if !somewhere {
                let text = format!("{command:?}, saved on phone {phone:?}, is nowhere");
                return Err(Violation::new(Kind::Loss, text));
            }
        }
        Ok(())
    }

    /// A phone holds exactly what its person may read, as the server has it, in memory as on its disk.
    fn check_phone(&mut self, phone: usize) -> Result<(), Violation> {
        if self.phones[phone].revoked {
            return Ok(());
        }
        let person = self.phones[phone].identity.person.clone();
        for reopened in [false, true] {
            if reopened {
                self.phones[phone].close();
            }
            let app = self.phones[phone].app();
            let app = app.map_err(|why| Violation::failure("start the app", why))?;
            let rows = app.list(&Filter::default());
            let rows = rows.map_err(|why| Violation::failure("list tickets", why))?;
            let mut left: BTreeMap<TicketId, _> =
                rows.into_iter().map(|row| (row.id, row)).collect();
            for place in 0..self.settled.len() {
                let (id, server) = (self.settled[place].0, &self.settled[place].1);
                let expected = self.server.office.readable(&person, id, server);
                let app = self.phones[phone].app();
                let app = app.map_err(|why| Violation::failure("start the app", why))?;
                let view = app.ticket(id);
                let view = view.map_err(|why| Violation::failure("show a ticket", why))?;
                let heads = view
                    .as_ref()
                    .map(|view| view.heads.clone())
                    .unwrap_or_default();
                if heads != expected {
                    let leaks = heads.keys().any(|part| !expected.contains_key(part));
                    let kind = if leaks { Kind::Leak } else { Kind::Divergence };
                    let text = format!(
                        "heads of {id} on phone {phone} of {person} (reopened: {reopened}): {heads:?}, not {expected:?}"
                    );
                    return Err(Violation::new(kind, text));
                }
                let row = left.remove(&id);
                let Some(view) = view else { continue };
                let made = self.of_server(place, &expected)?;
                if made.as_ref() != Some(&view.ticket) {
                    let text = format!("{id} on phone {phone} is not the server's");
                    return Err(Violation::new(Kind::Divergence, text));
                }
                if row.as_ref() != Some(&summarize(&view.ticket)) {
                    let text = format!("the row of {id} on phone {phone} is not its ticket's");
                    return Err(Violation::new(Kind::Divergence, text));
                }
            }
            // Nor is what a restored server lost the server's.
            let lost = self.lost_to_the_server()?;
            left.retain(|id, _| !lost.contains(&(person.clone(), *id)));
            // What only this phone knows was refused.
            let refused = self.in_states(phone, &[OutboxState::Refused]);
            if refused == 0 && !left.is_empty() {
                let text = format!("tickets that only phone {phone} has: {:?}", left.keys());
                return Err(Violation::new(Kind::Divergence, text));
            }
        }
        Ok(())
    }

    /// A ticket made from some of the server's documents.
    fn of_server(&self, place: usize, parts: &Seen) -> Result<Option<Ticket>, Violation> {
        let (id, whole) = &self.settled[place];
        if whole.heads.len() == parts.len() {
            return Ok(Some(whole.ticket.clone()));
        }
        let id = *id;
        let made = self.server.office.database().read(|c| {
            let Some(row) = tickets::by_id(c, id)? else {
                return Ok(None);
            };
            let mut docs = Vec::new();
            for part in parts.keys() {
                docs.extend(documents::load(c, row.index, *part)?);
            }
            let refs: Vec<&TicketDoc> = docs.iter().collect();
            Ok::<_, StoreError>(hydrate(id, row.number, &refs))
        });
        made.map_err(|why| Violation::failure("read documents", why))
    }
}

/// Each admitted command shows in its ticket, once.
fn check_ticket(ticket: &Ticket, admitted: &Admitted) -> Result<(), Violation> {
    let effect = |text: String| Err(Violation::new(Kind::Effect, text));
    let mut visits = 0;
    let mut texts: BTreeMap<&str, i64> = BTreeMap::new();
    let shown = ticket.notes.iter().map(|note| note.text.as_str());
    let shown = shown.chain(ticket.steps.iter().map(|step| step.result.as_str()));
    for text in shown.filter(|text| text.contains(canary::SIGN)) {
        *texts.entry(text).or_default() += 1;
    }
    for part in Part::ALL {
        for (id, command) in admitted.get(&(ticket.id, part)).into_iter().flatten() {
            match command {
                Command::Arrive | Command::CountVisit => visits += 1,
                Command::WriteNote { text, .. } | Command::RecordStep { result: text, .. }
                    if text.contains(canary::SIGN) =>
                {
                    let count = texts.entry(text).or_default();
                    *count -= 1;
                    if *count != 0 {
                        return effect(format!(
                            "{id:?} of {} shows {} times",
                            ticket.id,
                            *count + 1
                        ));
                    }
                }
                _ => {}
            }
        }
    }
    if let Some((text, _)) = texts.iter().find(|(_, count)| **count != 0) {
        return effect(format!("{} shows what nobody wrote: {text}", ticket.id));
    }
    if ticket.visits != visits {
        return effect(format!(
            "{} counts {} visits of {visits}",
            ticket.id, ticket.visits
        ));
    }
    Ok(())
}
