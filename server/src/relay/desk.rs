//! The desk: the console is one more replica. What its users mean becomes a changeset under the server's own
//! key, and takes the way that a phone's takes. There is no second way to write.
//!
//! Invariant: a desk's changeset that is not admitted leaves nothing behind: its author hears at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use gongdan_core::catalogue::names_codes;
use gongdan_core::clock::Timestamp;
use gongdan_core::document::{Inexecutable, Subject, TicketDoc, hydrate};
use gongdan_core::ids::{ActorId, ChangeHash, CommandId, Part, PersonId, TicketId, TicketNumber};
use gongdan_core::sync::changeset::{ActLink, Changeset, Header, pin};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::ticket::{Act, Authored, Command};

use super::inbox;
use super::receive::follow_chain;
use super::work::Work;
use super::{Relay, tickets};
use crate::auth::identity::DESK_INDEX;
use crate::organisation;
use crate::store::StoreError;

/// Who writes as which actor since the server started.
pub(super) type Actors = HashMap<PersonId, ActorId>;
/// The heads that a person saw, by part; a part that is not named is taken as it is.
pub type Seen = BTreeMap<Part, Vec<ChangeHash>>;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskOutcome {
    /// The ticket.
    pub ticket: TicketId,
    /// Its number.
    pub number: Option<TicketNumber>,
    /// The verdict on each part's changeset.
    pub verdicts: Vec<(Part, Verdict)>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such ticket.
    #[error("write at the desk: no such ticket")]
    UnknownTicket,
    /// The form was opened on something this server does not have.
    #[error("write at the desk: heads that are not in the document")]
    UnknownHeads,
    /// The act holds no command, or more parts than there are.
    #[error("write at the desk: an empty act")]
    Empty,
    /// A code that is not in the catalogue. Forms offer what is there; a phone's changeset is not asked, as
    /// its catalogue may be of yesterday.
    #[error("write at the desk: a code that is not in the catalogue")]
    UnknownCode {
        /// Which command of the act, from 0.
        place: usize,
        /// What in it.
        subject: Subject,
    },
    /// The command cannot be executed on what the person saw.
    #[error("write at the desk")]
    Inexecutable(#[source] Inexecutable),
    /// The gate let it not through: no right, not lawful where the ticket stood, full.
    #[error("write at the desk: the gate says {}", verdict.name())]
    NotAdmitted {
        /// Its word.
        verdict: Verdict,
    },
    /// The database.
    #[error("write at the desk")]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for DeskError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Goes on only where every code of the act is in the catalogue, or stands in the ticket as one of the values
/// between which it settles. Without an organisation there is nothing to ask.
fn check_codes(work: &mut Work<'_, '_>, id: TicketId, act: &Act) -> Result<(), DeskError> {
    if !act.0.iter().any(names_codes) {
        return Ok(());
    }
    let Some(catalogue) = organisation::current(work.tx)? else {
        return Ok(());
    };
    for (place, command) in act.0.iter().enumerate() {
        if let Some(subject) = catalogue.unknown_code(command)
            && !settles_between_what_stands(work, id, command)?
        {
            return Err(DeskError::UnknownCode { place, subject });
        }
    }
    Ok(())
}

fn settles_between_what_stands(
    work: &mut Work<'_, '_>,
    id: TicketId,
    command: &Command,
) -> Result<bool, DeskError> {
    let Command::SettleConflict { on, value } = command else {
        return Ok(false);
    };
    let Some(index) = work.ticket(id)?.map(|row| row.index) else {
        return Ok(false);
    };
    // All fields that hold codes lie in the service part.
    let Some(service) = work.document(index, Part::Service)? else {
        return Ok(false);
    };
    let ticket = hydrate(id, None, &[&service.document]);
    Ok(ticket.is_some_and(|ticket| {
        let rivals = ticket.conflicts.iter().filter(|rival| rival.on == *on);
        rivals
            .flat_map(|rival| &rival.candidates)
            .any(|candidate| candidate.value == *value)
    }))
}

impl Relay {
    /// Executes an act of a person of the office. `ticket`: `None` for an opening, which gets a new one.
    /// The roles are those of the account. Blocks.
    ///
    /// # Errors
    /// It cannot be executed or is not admitted (then nothing was stored), or the database fails.
    pub fn execute(
        &self,
        now: Timestamp,
        person: &PersonId,
        ticket: Option<TicketId>,
        seen: &Seen,
        act: &Act,
    ) -> Result<DeskOutcome, DeskError> {
        let mut actors = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_part: BTreeMap<Part, Vec<Command>> = BTreeMap::new();
        for command in &act.0 {
            by_part
                .entry(command.part())
                .or_default()
                .push(command.clone());
        }
        if by_part.is_empty() {
            return Err(DeskError::Empty);
        }
        let id = ticket.unwrap_or_else(|| TicketId::new(now, self.host.random()));
        let mut actor = actors
            .get(person)
            .copied()
            .unwrap_or_else(|| ActorId(self.host.random()));
        let outcome = self.db.write(|tx| {
            let mut work = Work::new(tx);
            if ticket.is_some() && work.ticket(id)?.is_none() {
                return Err(DeskError::UnknownTicket);
            }
            check_codes(&mut work, id, act)?;
            let drafts = self.drafts(&mut work, &mut actor, id, seen, by_part)?;
            let changesets = self.seal(&work, now, person, actor, id, drafts)?;
            for changeset in &changesets {
                inbox::insert(tx, changeset, DESK_INDEX, now)?;
            }
            follow_chain(&mut work, DESK_INDEX, usize::MAX)?;
            work.flush()?;
            let mut verdicts = Vec::with_capacity(changesets.len());
            for changeset in &changesets {
                let row = inbox::by_hash(tx, changeset.hash())?;
                let verdict = row.and_then(|row| row.verdict);
                match verdict.ok_or(StoreError::Malformed {
                    what: "inbox.verdict",
                })? {
                    verdict @ Verdict::Admitted { .. } => {
                        verdicts.push((changeset.header.part, verdict))
                    }
                    verdict => return Err(DeskError::NotAdmitted { verdict }),
                }
            }
            let number = tickets::by_id(tx, id)?.and_then(|row| row.number);
            Ok(DeskOutcome {
                ticket: id,
                number,
                verdicts,
            })
        })?;
        actors.insert(person.clone(), actor);
        drop(actors);
        self.wake.ring();
        Ok(outcome)
    }

    /// The documents at what the person saw, and an actor that has written nothing after it.
    fn drafts(
        &self,
        work: &mut Work<'_, '_>,
        actor: &mut ActorId,
        id: TicketId,
        seen: &Seen,
        by_part: BTreeMap<Part, Vec<Command>>,
    ) -> Result<Vec<(TicketDoc, Vec<Command>)>, DeskError> {
        let index = work.ticket(id)?.map(|row| row.index);
        let mut drafts = Vec::with_capacity(by_part.len());
        for (part, commands) in by_part {
            let document = match index {
                Some(index) => work
                    .document(index, part)?
                    .map(|stored| stored.document.clone()),
                None => None,
            };
            let document = document.unwrap_or_else(|| TicketDoc::genesis(part));
            let mut base = seen.get(&part).cloned().unwrap_or_else(|| document.heads());
            base.sort_unstable();
            base.dedup();
            let fork = document.fork_at(&base).ok_or(DeskError::UnknownHeads)?;
            if fork.sequence_of(*actor) != document.sequence_of(*actor) {
                // An (actor, sequence) pair never serves twice.
                *actor = ActorId(self.host.random());
            }
            drafts.push((fork, commands));
        }
        Ok(drafts)
    }

    fn seal(
        &self,
        work: &Work<'_, '_>,
        now: Timestamp,
        person: &PersonId,
        actor: ActorId,
        ticket: TicketId,
        drafts: Vec<(TicketDoc, Vec<Command>)>,
    ) -> Result<Vec<Changeset>, DeskError> {
        let (last, mut previous) = inbox::chain_end(work.tx, DESK_INDEX)?;
        let first = last.checked_add(1).ok_or(StoreError::Malformed {
            what: "device_chains.sequence",
        })?;
        let count = u32::try_from(drafts.len()).map_err(|_| DeskError::Empty)?;
        let catalogue = organisation::current_version(work.tx).map_err(DeskError::Store)?;
        let mut changesets = Vec::with_capacity(drafts.len());
        for (device_sequence, (mut fork, commands)) in (first..).zip(drafts) {
            let first_sequence = fork.sequence_of(actor) + 1;
            let base = fork.heads();
            let mut authored = Vec::with_capacity(commands.len());
            let mut made = ChangeHash([0; 32]);
            for (ordinal, command) in (first_sequence..).zip(commands) {
                let one = Authored {
                    id: CommandId { actor, ordinal },
                    at: now,
                    command,
                };
                made = fork
                    .execute(actor, &one)
                    .map_err(DeskError::Inexecutable)?
                    .hash;
                authored.push(one);
            }
            let header = Header {
                version: 1,
                ticket,
                part: fork.part(),
                device: self.keys.device,
                person: person.clone(),
                actor,
                first_sequence,
                base,
                at: now,
                body: [0; 32],
                pin: pin(made),
                catalogue,
                device_sequence,
                previous,
                anchor: now,
                act: (count > 1).then_some(ActLink { first, count }),
                replaces: None,
            };
            let changeset = Changeset::seal(header, &authored, self.host.random(), &self.keys.key);
            previous = changeset.link();
            changesets.push(changeset);
        }
        Ok(changesets)
    }
}
