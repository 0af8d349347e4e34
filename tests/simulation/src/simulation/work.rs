//! What people do.
//!
//! Invariant: every text that is written carries a mark of its own, so that what took effect twice is seen.

use gongdan_core::ids::{Part, TicketId};
use gongdan_core::replica::{BlobError, ExecuteError, Seen};
use gongdan_core::ticket::{Act, Action, Command, Status, Ticket, Value, lifecycle};
use gongdan_server::relay::{DecideError, Decision, DeskError};
use gongdan_tests::commands;

use super::Simulation;
use crate::canary;
use crate::faults::Fault;
use crate::handset::Form;
use crate::server::{OLDER_KNOWS, Served};
use crate::violation::{Kind, Violation};

/// Draws until one is lawful.
const DRAWS_MAX: usize = 40;
/// Tickets that are not over, for each technician.
const OPEN_TICKETS: usize = 5;

impl Simulation {
    fn next_mark(&mut self) -> u64 {
        self.marks += 1;
        self.marks
    }

    fn mark(&mut self, command: &mut Command) {
        let mark = canary::mark(self.next_mark());
        match command {
            Command::WriteNote { text, .. } => text.push_str(&mark),
            Command::RecordStep { result, .. } => result.push_str(&mark),
            Command::UsePart { name, .. } => name.push_str(&mark),
            Command::Quote { explanation, .. } => explanation.push_str(&mark),
            Command::AttachPhoto { caption, .. } => caption.push_str(&mark),
            Command::Open { problem, .. } => problem.push_str(&mark),
            Command::Complete { summary, .. } => summary.push_str(&mark),
            Command::Diagnose { conclusion, .. } => conclusion.push_str(&mark),
            Command::RecordSignature { signer, .. } => signer.push_str(&mark),
            Command::Decline { reason }
            | Command::Suspend { reason, .. }
            | Command::Cancel { reason }
            | Command::Reopen { reason } => reason.push_str(&mark),
            Command::RecordCustomer { fields } => {
                for field in fields {
                    mark_value(&mut field.value, &mark);
                }
            }
            Command::Correct { field, value } if field.part() == Part::Customer => {
                mark_value(value, &mark);
            }
            _ => {}
        }
    }

    /// The photos of an act are kept on the phone first; whether they could be.
    fn takes_photos(
        &mut self,
        phone: usize,
        ticket: TicketId,
        act: &mut Act,
    ) -> Result<bool, Violation> {
        for command in &mut act.0 {
            let Command::AttachPhoto { blob, bytes, .. } = command else {
                continue;
            };
            let number = self.next_mark();
            let photo = format!("\u{ff}\u{d8} {}", canary::mark(number));
            let app = self.phones[phone].app();
            let app = app.map_err(|why| Violation::failure("start the app", why))?;
            match app.add_blob(ticket, "image/jpeg", photo.as_bytes()) {
                Ok(hash) => (*blob, *bytes) = (hash, photo.len() as u64),
                Err(BlobError::Store(error)) => {
                    self.bear(phone, "keep a photo", &error)?;
                    return Ok(false);
                }
                Err(error) => return Err(Violation::failure("keep a photo", error)),
            }
            let author = self.phones[phone].identity.person.clone();
            self.ledger.homes.note_attachment(number, ticket, author);
        }
        Ok(true)
    }

    /// Something that may be done where the ticket stands, of what `draw` draws.
    fn lawful(
        &mut self,
        ticket: &Ticket,
        older: bool,
        draw: impl Fn(&mut Self) -> Act,
    ) -> Option<Act> {
        (0..DRAWS_MAX).find_map(|_| {
            let mut act = draw(self);
            let fits = act.0.iter().all(|command| {
                let action = command.action();
                let known = !older || (action as usize) < OLDER_KNOWS;
                let covered = action != Action::Close || ticket.covered;
                known && covered && lifecycle::is_lawful(action, Some(ticket.status))
            });
            act.0.iter_mut().for_each(|command| self.mark(command));
            fits.then_some(act)
        })
    }

    /// A technician does something on his phone.
    pub(super) fn works(&mut self, phone: usize) -> Result<(), Violation> {
        if self.random.one_in(12) {
            return self.opens(phone);
        }
        let now = self.phones[phone].shows(self.now);
        if self.swarm.has(Fault::StaleForm)
            && !self.phones[phone].forms.is_empty()
            && self.strikes(Fault::StaleForm, 3)
        {
            let form = self.phones[phone].forms.remove(0);
            return self.acts_on(phone, form.ticket, &form.seen, now);
        }
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let rows = app.list(&gongdan_core::store::Filter::default());
        let rows = rows.map_err(|why| Violation::failure("list tickets", why))?;
        let open: Vec<TicketId> = rows
            .iter()
            .filter(|row| {
                !matches!(
                    row.status,
                    Status::Closed | Status::Cancelled | Status::Confirmed
                )
            })
            .map(|row| row.id)
            .collect();
        if open.is_empty() {
            return self.opens(phone);
        }
        let ticket = *self.random.pick(&open);
        self.acts_on(phone, ticket, &Seen::new(), now)
    }

    fn acts_on(
        &mut self,
        phone: usize,
        ticket: TicketId,
        seen: &Seen,
        now: gongdan_core::clock::Timestamp,
    ) -> Result<(), Violation> {
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let view = app.ticket(ticket);
        let Some(view) = view.map_err(|why| Violation::failure("show a ticket", why))? else {
            return Ok(());
        };
        if self.swarm.has(Fault::StaleForm) && self.random.one_in(4) {
            let seen = view.heads.clone();
            self.phones[phone].forms.push(Form { ticket, seen });
        }
        let older = self.phones[phone].older;
        let shown = &view.ticket;
        let act = self.lawful(shown, older, |s| {
            commands::of_technician(&mut s.random, shown, now)
        });
        let Some(mut act) = act else { return Ok(()) };
        if !self.takes_photos(phone, ticket, &mut act)? {
            return Ok(());
        }
        self.tell(|| format!("phone {phone} on {ticket}: {act:?}"));
        let before = view.heads.clone();
        let done = self.does(phone, |app| app.execute(now, ticket, seen, act))?;
        if done {
            return Ok(());
        }
        // What was not saved does not show either; an app that died shows what its disk has.
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let after = app.ticket(ticket);
        let after = after.map_err(|why| Violation::failure("show a ticket", why))?;
        if !self.died_with_it && after.is_none_or(|after| after.heads != before) {
            let text = format!("what phone {phone} did not save on {ticket} shows");
            return Err(Violation::new(Kind::Effect, text));
        }
        Ok(())
    }

    fn opens(&mut self, phone: usize) -> Result<(), Violation> {
        let mut act = commands::open(&mut self.random);
        act.0.iter_mut().for_each(|command| self.mark(command));
        let now = self.phones[phone].shows(self.now);
        self.does(phone, |app| app.open_ticket(now, act).map(drop))
            .map(drop)
    }

    /// Lets the app do it; what it says is saved is promised. Whether it said so.
    fn does(
        &mut self,
        phone: usize,
        act: impl FnOnce(&mut gongdan_core::replica::Replica) -> Result<(), ExecuteError>,
    ) -> Result<bool, Violation> {
        self.endanger(phone);
        let done = match self.phones[phone].app() {
            Ok(app) => act(app),
            Err(error) => Err(ExecuteError::Store(error)),
        };
        let saved = done.is_ok();
        match done {
            Ok(()) => {
                let before = self.phones[phone].outbox_before.last_key_value();
                let last = before.map_or(0, |(id, _)| *id);
                let new: Vec<_> = self.phones[phone].disk.with_outbox(|outbox| {
                    outbox
                        .range(last + 1..)
                        .map(|(_, (command, _))| *command)
                        .collect()
                });
                if new.is_empty() {
                    let text = format!("phone {phone} said that an act is saved, and it is not");
                    return Err(Violation::new(Kind::Loss, text));
                }
                self.commands += new.len() as u64;
                self.phone_commands += new.len() as u64;
                for command in new {
                    self.ledger.promise(command, phone);
                }
                self.note(b"done");
                self.tell(|| "saved".to_owned());
            }
            Err(ExecuteError::Store(error)) => {
                self.bear(phone, "execute", &error)?;
            }
            Err(error) => {
                self.note(format!("{error:?}").as_bytes());
                self.tell(|| format!("not done: {error:?}"));
            }
        }
        self.died_with_it = self.phones[phone].disk.died();
        self.danger_over(phone);
        self.look_at(phone)?;
        Ok(saved)
    }

    /// Somebody at the desk does something.
    pub(super) fn desk_works(&mut self) -> Result<(), Violation> {
        let open = self.open_tickets()?;
        let few = open.len() < OPEN_TICKETS * self.phones.len().min(3);
        if open.is_empty() || (few && self.random.one_in(2)) {
            return self.open_at_desk();
        }
        let chosen = *self.random.pick(&open);
        let Some(ticket) = self
            .server
            .office
            .try_ticket(chosen)
            .map(|found| found.ticket)
        else {
            return Err(Violation::new(
                Kind::Divergence,
                format!("{chosen} has no ticket"),
            ));
        };
        let now = self.server.office.now();
        let older = self.server.older;
        let reassigns = self.swarm.has(Fault::Reassignment);
        let shown = &ticket;
        let act = self.lawful(shown, older, |s| {
            let command = commands::of_office(&mut s.random, shown, now);
            let settled = !matches!(command, Command::Assign { .. }) || shown.crew.is_empty();
            if settled || reassigns {
                command.into()
            } else {
                Command::WriteNote {
                    part: Part::Service,
                    text: "调度".to_owned(),
                }
                .into()
            }
        });
        let Some(act) = act else { return Ok(()) };
        if matches!(act.0[..], [Command::Assign { .. }]) && !ticket.crew.is_empty() {
            self.faults.count(Fault::Reassignment);
        }
        self.at_desk(Some(ticket.id), act).map(drop)
    }

    /// Tickets that are not over, as the desk's list has them.
    fn open_tickets(&self) -> Result<Vec<TicketId>, Violation> {
        let found = self.server.office.database().read(|c| {
            let sql =
                "SELECT id FROM ticket_rows WHERE is_over = 0 ORDER BY ticket_index DESC LIMIT 24";
            let mut statement = c.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok(TicketId::from_bytes(row.get(0)?)))?;
            Ok::<_, gongdan_server::store::StoreError>(rows.collect::<Result<_, _>>()?)
        });
        found.map_err(|why| Violation::failure("list tickets", why))
    }

    /// A new ticket at the desk, assigned.
    pub(super) fn open_at_desk(&mut self) -> Result<(), Violation> {
        let mut act = commands::open(&mut self.random);
        act.0.iter_mut().for_each(|command| self.mark(command));
        if let Some(id) = self.at_desk(None, act)? {
            let assign = commands::assign(&mut self.random);
            self.at_desk(Some(id), assign)?;
        }
        Ok(())
    }

    fn at_desk(
        &mut self,
        ticket: Option<TicketId>,
        act: impl Into<Act>,
    ) -> Result<Option<TicketId>, Violation> {
        let act = act.into();
        self.tell(|| format!("desk on {ticket:?}: {act:?}"));
        let count = act.0.len() as u64;
        if self.strikes(Fault::ServerDies, 8) {
            let looks = 1 + self.random.below(160);
            self.server.will_die(u32::try_from(looks).unwrap_or(1));
        }
        let served = self.server.desk(ticket, &Seen::new(), act);
        self.ledger.look(self.server.office.database())?;
        match served {
            Served::Answer(id) => {
                self.commands += count;
                Ok(Some(id))
            }
            Served::Refused(
                DeskError::Inexecutable(_)
                | DeskError::NotAdmitted { .. }
                | DeskError::UnknownCode { .. },
            )
            | Served::Died => Ok(None),
            Served::Refused(error) => Err(Violation::failure("write at the desk", error)),
        }
    }

    /// Somebody at the desk decides one thing that waits; whether there was one.
    pub(super) fn decide_one(&mut self) -> Result<bool, Violation> {
        let waiting = self.server.office.inbox("quarantined");
        if waiting.is_empty() {
            return Ok(false);
        }
        let hash = *self.random.pick(&waiting);
        let decision = *self.random.pick(&[Decision::Admit, Decision::Decline]);
        let decided = self.server.office.decide(hash, decision);
        self.tell(|| format!("desk decides {hash:?} {decision:?}: {decided:?}"));
        match decided {
            Ok(_) => {}
            Err(DecideError::Store(_)) if self.server.is_full() => return Ok(false),
            Err(DecideError::Store(error)) => return Err(Violation::failure("decide", error)),
            // What it depends on is to be decided before it.
            Err(other) => self.note(format!("{other:?}").as_bytes()),
        }
        Ok(true)
    }
}

fn mark_value(value: &mut Value, mark: &str) {
    if let Value::Text(text) = value {
        text.push_str(mark);
    }
}
