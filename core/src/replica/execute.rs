//! Intent to change to store: authorise, check, execute, commit.

use std::collections::BTreeMap;

use super::{ExecuteError, Replica, Seen, get, meta};
use crate::clock::Timestamp;
use crate::document::{Facts, TicketDoc, hydrate};
use crate::ids::{ActorId, CommandId, Part, PartRef, PersonId, TicketId};
use crate::planted::{self, Defect};
use crate::policy::{self, Relation, Role, Standing};
use crate::store::{
    EntryAct, MirrorRow, OutboxEntry, OutboxState, StoreError, StoreTxn, TicketRow, Work,
};
use crate::ticket::command::Command;
use crate::ticket::summary::{search_text, summarize};
use crate::ticket::{Act, Action, Authored, lifecycle};

/// Puts a ticket's row in the list as these documents say it. The number is kept.
pub(super) fn put_row(
    txn: &mut dyn StoreTxn,
    id: TicketId,
    docs: &[&TicketDoc],
) -> Result<(), StoreError> {
    let before = txn.ticket(id)?;
    let number = before.as_ref().and_then(|row| row.summary.number);
    let Some(ticket) = hydrate(id, number, docs) else {
        return Ok(());
    };
    txn.put_ticket(&TicketRow {
        id,
        index: before.and_then(|row| row.index),
        summary: summarize(&ticket),
        search_text: search_text(&ticket),
    })
}

impl Replica {
    /// Opens a ticket: an act whose first command is `Open`. It has its id at once, its number after a sync.
    pub fn open_ticket(
        &mut self,
        now: Timestamp,
        act: impl Into<Act>,
    ) -> Result<TicketId, ExecuteError> {
        let id = TicketId::new(now, self.entropy.bytes());
        self.execute(now, id, &Seen::new(), act)?;
        Ok(id)
    }

    /// Who writes in a part since this store was opened, and the last sequence number that served.
    fn writes_as(&self, ticket: TicketId, part: Part) -> (ActorId, u32) {
        let found = self.writing.get(&PartRef { ticket, part }).copied();
        found.unwrap_or((self.actor, 0))
    }

    /// Executes an intent; durable when it returns. `seen` are the heads that the form showed.
    pub fn execute(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
        seen: &Seen,
        act: impl Into<Act>,
    ) -> Result<(), ExecuteError> {
        self.execute_all(now, ticket, seen, vec![act.into().0], &mut |_| Ok(()))
    }

    /// Executes acts that stand each for itself, in one transaction with what `also` writes.
    pub(super) fn execute_all(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
        seen: &Seen,
        acts: Vec<Vec<Command>>,
        also: &mut Work<'_>,
    ) -> Result<(), ExecuteError> {
        let first = acts.first().and_then(|commands| commands.first());
        let opens = matches!(first, Some(Command::Open { .. }));
        let mut docs: BTreeMap<Part, TicketDoc> = BTreeMap::new();
        for doc in self.docs(ticket)? {
            docs.insert(doc.part(), doc);
        }
        if docs.is_empty() && !opens {
            return Err(ExecuteError::NoSuchTicket);
        }
        acts.iter().try_for_each(|commands| check_act(commands))?;
        let standing = self.standing();
        let facts = self.facts_seen(&docs, seen)?;
        let opener = if opens {
            Some(self.identity.person.clone())
        } else {
            self.opener(ticket, facts.as_ref())?
        };
        let relation = Relation::of(&standing, opener.as_ref(), facts.as_ref());
        let mut entries = Vec::with_capacity(acts.len());
        let placed = acts.into_iter().flat_map(|commands| {
            let count = u32::try_from(commands.len()).unwrap_or(u32::MAX);
            (0..).zip(commands).map(move |placed| (count, placed))
        });
        for (count, (place, command)) in placed {
            let part = command.part();
            policy::authorize(&standing, relation, &command)?;
            check_lawful(facts.as_ref(), opens, &command)?;
            let doc = docs.entry(part).or_insert_with(|| TicketDoc::genesis(part));
            let base = seen.get(&part).cloned().unwrap_or_else(|| doc.heads());
            let mut fork = doc.fork_at(&base).ok_or(ExecuteError::UnknownHeads)?;
            check_covered(facts.as_ref(), &fork, &command)?;
            let behind = base != doc.heads();
            // An (actor, sequence) pair never serves twice. What this device wrote may be off the local
            // document: a person in the office decides about it, or a restored server does not have it yet.
            let (mut actor, last) = self.writes_as(ticket, part);
            if doc.sequence_of(actor) < last {
                actor = ActorId(self.entropy.bytes());
            }
            self.writing.insert(PartRef { ticket, part }, (actor, last));
            // Who has written past the base writes anew, this once.
            if behind && doc.sequence_of(actor) > fork.sequence_of(actor) {
                actor = ActorId(self.entropy.bytes());
            }
            let sequence = fork.sequence_of(actor) + 1;
            let authored = Authored {
                id: CommandId {
                    actor,
                    ordinal: sequence,
                },
                at: now,
                command,
            };
            let executed = fork.execute(actor, &authored)?;
            if behind {
                doc.merge(&mut fork);
            } else {
                *doc = fork;
            }
            entries.push(OutboxEntry {
                id: 0,
                ticket,
                part,
                command_id: authored.id,
                at: now,
                command: authored.command,
                actor,
                sequence,
                base,
                hash: executed.hash,
                change: executed.change,
                state: OutboxState::Pending,
                device_sequence: None,
                act: (count > 1).then_some(EntryAct { place, count }),
                anchor: Timestamp::default(),
                catalogue: self.catalogue.as_ref().map_or(0, |c| c.version),
                verdict: None,
                replaces: None,
            });
        }
        let refs: Vec<&TicketDoc> = docs.values().collect();
        if planted::is(Defect::MemoryBeforeDisk) {
            for (part, doc) in &docs {
                let part = *part;
                self.keep(PartRef { ticket, part }, doc.clone());
            }
        }
        let written = self.store.write(&mut |txn| {
            let anchor = get::<Timestamp>(txn, meta::ANCHOR)?.unwrap_or_default();
            for entry in &entries {
                if txn.mirror(entry.part_ref())?.is_none() {
                    let genesis = TicketDoc::genesis(entry.part);
                    let row = MirrorRow {
                        document: genesis.save(),
                        heads: genesis.heads(),
                        seq: 0,
                    };
                    txn.put_mirror(entry.part_ref(), &row)?;
                }
                txn.put_entry(&OutboxEntry {
                    anchor,
                    ..entry.clone()
                })?;
            }
            also(txn)?;
            put_row(txn, ticket, &refs)
        });
        if !planted::is(Defect::AcknowledgedBeforeCommit) {
            written?;
        }
        for entry in &entries {
            let (actor, last) = self.writes_as(ticket, entry.part);
            if entry.actor == actor {
                let last = last.max(entry.sequence);
                self.writing.insert(entry.part_ref(), (actor, last));
            }
        }
        for (part, doc) in docs {
            self.keep(PartRef { ticket, part }, doc);
        }
        self.notify(&[ticket]);
        Ok(())
    }

    fn standing(&self) -> Standing {
        let person = &self.identity.person;
        match &self.catalogue {
            Some(catalogue) => Standing::of(catalogue, person),
            // Before the first sync the phone does not know its roles: a technician's, since phones are theirs.
            None => Standing::bare(person.clone(), vec![Role::Technician]),
        }
    }

    /// Who opened the ticket, as far as this device knows who stands behind an actor.
    fn opener(
        &mut self,
        ticket: TicketId,
        facts: Option<&Facts>,
    ) -> Result<Option<PersonId>, StoreError> {
        let Some(of) = facts.and_then(|facts| facts.opened_by) else {
            return Ok(None);
        };
        if of == self.actor {
            return Ok(Some(self.identity.person.clone()));
        }
        let mut found = None;
        self.store.read(&mut |txn| {
            found = txn.actor(of)?.map(|known| known.person);
            Ok(())
        })?;
        if found.is_none() {
            let service = PartRef {
                ticket,
                part: Part::Service,
            };
            let mut own = false;
            self.store.read(&mut |txn| {
                own = txn.entries_of(service)?.iter().any(|e| e.actor == of);
                Ok(())
            })?;
            found = own.then(|| self.identity.person.clone());
        }
        Ok(found)
    }

    fn facts_seen(
        &self,
        docs: &BTreeMap<Part, TicketDoc>,
        seen: &Seen,
    ) -> Result<Option<Facts>, ExecuteError> {
        let Some(service) = docs.get(&Part::Service) else {
            return Ok(None);
        };
        match seen.get(&Part::Service) {
            Some(base) => Ok(service
                .fork_at(base)
                .ok_or(ExecuteError::UnknownHeads)?
                .facts()),
            None => Ok(service.facts()),
        }
    }
}

/// The lifecycle, as the gate will see it.
fn check_lawful(facts: Option<&Facts>, opens: bool, command: &Command) -> Result<(), ExecuteError> {
    let action = command.action();
    let status = facts.map(|f| f.status);
    // What belongs to an opening is lawful with it.
    let with_opening = opens && status.is_none() && command.part() != Part::Service;
    if with_opening || lifecycle::is_lawful(action, status) {
        Ok(())
    } else {
        Err(ExecuteError::NotLawful { action, status })
    }
}

/// R86: closing needs a confirmation of everything that was done.
fn check_covered(
    facts: Option<&Facts>,
    base: &TicketDoc,
    command: &Command,
) -> Result<(), ExecuteError> {
    let action = command.action();
    if action == Action::Close && !base.is_covered() {
        let status = facts.map(|f| f.status);
        return Err(ExecuteError::NotLawful { action, status });
    }
    Ok(())
}

/// One command, or one a part.
fn check_act(commands: &[Command]) -> Result<(), ExecuteError> {
    let parts: std::collections::BTreeSet<Part> = commands.iter().map(Command::part).collect();
    if commands.is_empty() || parts.len() != commands.len() {
        Err(ExecuteError::NotAnAct)
    } else {
        Ok(())
    }
}
