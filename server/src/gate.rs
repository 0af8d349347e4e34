//! The gate: whether a changeset is admitted. Pure: what it needs to know is in its arguments.
//!
//! Invariant: only [`judge`] makes an [`Admitted`]. Lifecycle is checked at the command's base, authority
//! at receipt, so that what merely ran beside a cancellation or a reassignment is not lost; refused is
//! only what no honest client could have produced.
//!
//! ```text
//! right at the base | right now | the command        | verdict
//! any               | yes       | any                | goes on
//! yes               | no        | only adds          | goes on, marked
//! yes               | no        | decides the state  | quarantined: reassigned
//! yes               | role gone | any                | quarantined: right lost
//! yes               | moved     | any                | quarantined: policy changed (group, partner, branch)
//! no                | no        | any                | refused; on a signed sheet, quarantined: signed
//! ```

use gongdan_core::document::{Facts, Inexecutable, TicketDoc};
use gongdan_core::ids::{ChangeHash, CommandId, Part, PersonId};
use gongdan_core::limits;
use gongdan_core::planted::{self, Defect};
use gongdan_core::policy::{self, Relation, Standing};
use gongdan_core::sync::changeset::{BodyError, Changeset, pin};
use gongdan_core::sync::verdict::{HeldWhy, QuarantineReason, Refusal};
use gongdan_core::ticket::{Action, Authored, lifecycle};

#[cfg(test)]
mod tests;

/// What stands before the changeset.
pub struct Before<'a> {
    /// The part's document; its genesis where nothing was admitted to the part.
    pub document: &'a TicketDoc,
    /// What the document takes at most, by [`TicketDoc::plain_bytes`].
    pub document_bytes: usize,
    /// A fork of the document, at heads that are likely to be the base.
    pub fork: Option<&'a TicketDoc>,
    /// The ticket's service part, where the ticket was opened; `None` for the service part itself too.
    pub service: Option<&'a TicketDoc>,
    /// Who opened the ticket; `None` before it is opened.
    pub opener: Option<&'a PersonId>,
}

/// What is known of the author.
pub struct Author<'a> {
    /// Where they stand at receipt.
    pub now: &'a Standing,
    /// Where they stood by the catalogue version that the changeset names.
    pub then: &'a Standing,
    /// Whether the device may do nothing but upload.
    pub revoked: bool,
    /// Whether the actor is registered to another device or person.
    pub foreign_actor: bool,
}

/// By whose word a changeset comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// By the author's rights.
    Author,
    /// A person in the office decided to admit it: rights are not asked any more.
    Decided,
}

/// The gate's word.
pub enum Judged {
    /// It comes in.
    Admitted(Box<Admitted>),
    /// It is kept and judged again.
    Held(HeldWhy),
    /// A person decides.
    Quarantined {
        /// Why.
        reason: QuarantineReason,
        /// The changes it would make: what builds on them depends on it.
        changes: Vec<ChangeHash>,
    },
    /// It does not come in.
    Refused {
        /// Which of its commands, from 0.
        command: u32,
        /// Why.
        reason: Refusal,
    },
}

/// A changeset that may be admitted, executed. Nobody else can make one.
#[derive(Debug)]
pub struct Admitted {
    fork: TicketDoc,
    at_tip: bool,
    marked: bool,
    document_bytes: usize,
    commands: Vec<Authored>,
}

impl Admitted {
    /// The document at the base with the commands executed.
    pub fn into_fork(self) -> TicketDoc {
        self.fork
    }
    /// The same, to look at: the next member of an act may rest on it.
    pub fn fork(&self) -> &TicketDoc {
        &self.fork
    }
    /// The base was the tip: the fork simply is the new document.
    pub fn at_tip(&self) -> bool {
        self.at_tip
    }
    /// The author was reassigned meanwhile.
    pub fn marked(&self) -> bool {
        self.marked
    }
    /// What the document takes at most once this is merged.
    pub fn document_bytes(&self) -> usize {
        self.document_bytes
    }
    /// The commands.
    pub fn commands(&self) -> &[Authored] {
        &self.commands
    }
    /// Their names for ever.
    pub fn command_ids(&self) -> impl Iterator<Item = CommandId> + '_ {
        self.commands.iter().map(|authored| authored.id)
    }
}

fn refused(command: usize, reason: Refusal) -> Judged {
    Judged::Refused {
        command: u32::try_from(command).unwrap_or(u32::MAX),
        reason,
    }
}

/// Judges one changeset whose signature holds and whose place in its device's sequence is settled. What a
/// customer signed is never refused by rights or lifecycle: a person decides.
pub fn judge(
    before: &Before<'_>,
    changeset: &Changeset,
    author: &Author<'_>,
    authority: Authority,
) -> Judged {
    let judged = by_the_rules(before, changeset, author, authority);
    match &judged {
        Judged::Refused {
            command,
            reason: Refusal::NotLawful { .. } | Refusal::Denied { .. },
        } if authority == Authority::Author && is_signed(changeset, *command) => {
            Judged::Quarantined {
                reason: QuarantineReason::Signed,
                changes: Vec::new(),
            }
        }
        _ => judged,
    }
}

/// Whether a command, by its place, is a confirmation on a sheet.
fn is_signed(changeset: &Changeset, place: u32) -> bool {
    let commands = changeset.commands().unwrap_or_default();
    let command = usize::try_from(place).ok().and_then(|at| commands.get(at));
    command.is_some_and(|authored| authored.command.action() == Action::ConfirmOnSheet)
}

fn by_the_rules(
    before: &Before<'_>,
    changeset: &Changeset,
    author: &Author<'_>,
    authority: Authority,
) -> Judged {
    let header = &changeset.header;
    if changeset.check_form().is_err() || header.part != before.document.part() {
        return refused(0, Refusal::Malformed);
    }
    let commands = match changeset.commands() {
        Ok(commands) => commands,
        Err(BodyError::UnknownCommand) if planted::is(Defect::UnknownRefused) => {
            return refused(0, Refusal::Malformed);
        }
        Err(BodyError::UnknownCommand) => return Judged::Held(HeldWhy::UnknownCommand),
        Err(BodyError::Malformed) => return refused(0, Refusal::Malformed),
    };
    let at_tip = header.base == before.document.heads();
    let known = before.fork.filter(|fork| fork.heads() == header.base);
    let Some(mut fork) = known
        .cloned()
        .or_else(|| before.document.fork_at(&header.base))
    else {
        return Judged::Held(HeldWhy::MissingBase);
    };
    // What else is said of a ticket comes after its opening, which is on its way.
    if header.part != Part::Service && before.service.is_none() {
        return Judged::Held(HeldWhy::MissingBase);
    }
    if author.foreign_actor {
        return refused(0, Refusal::ForeignActor);
    }
    let written = fork.sequence_of(header.actor);
    if before.document.sequence_of(header.actor) != written {
        // The actor wrote beside its own base: an (actor, sequence) pair would serve twice.
        return Judged::Held(HeldWhy::OtherHash);
    }
    if written.checked_add(1) != Some(header.first_sequence) {
        return refused(0, Refusal::Malformed);
    }
    let rights = Rights::new(before, changeset, author, &fork, at_tip);
    let (mut worst, mut marked) = (None, false);
    let mut changes = Vec::with_capacity(commands.len());
    for (place, authored) in commands.iter().enumerate() {
        let action = authored.command.action();
        let facts = fork.facts();
        if authority == Authority::Author {
            match rights.of(authored, facts.as_ref()) {
                Right::Holds => {}
                Right::Added => marked = true,
                Right::Lost(reason) => worst = worst.or(Some(reason)),
                Right::Never(why) => return refused(place, Refusal::Denied { why }),
            }
        }
        if header.part == Part::Service {
            let status = facts.map(|facts| facts.status);
            let uncovered = action == Action::Close && !fork.is_covered();
            if uncovered || !lifecycle::is_lawful(action, status) {
                return refused(place, Refusal::NotLawful { action, status });
            }
        } else if action == Action::Open {
            return refused(
                place,
                Refusal::Inexecutable {
                    why: Inexecutable::OtherPart,
                },
            );
        }
        match fork.execute(header.actor, authored) {
            Ok(executed) => changes.push(executed.hash),
            Err(why) => return refused(place, Refusal::Inexecutable { why }),
        }
    }
    if changes.last().is_none_or(|last| pin(*last) != header.pin) {
        return Judged::Held(HeldWhy::OtherHash);
    }
    let document_bytes = length(before, changeset, commands.len(), &fork, at_tip);
    if document_bytes > limits::DOCUMENT_BYTES_MAX {
        return refused(commands.len() - 1, Refusal::DocumentFull);
    }
    let revoked = author.revoked && authority == Authority::Author;
    match (revoked, worst) {
        (true, _) => Judged::Quarantined {
            reason: QuarantineReason::Revoked,
            changes,
        },
        (_, Some(reason)) => Judged::Quarantined { reason, changes },
        (false, None) => Judged::Admitted(Box::new(Admitted {
            fork,
            at_tip,
            marked,
            document_bytes,
            commands,
        })),
    }
}

/// What the document takes once the changeset is merged: at most so much, and exactly where the bound passes
/// the limit, because measuring it costs as much as saving it.
fn length(
    before: &Before<'_>,
    changeset: &Changeset,
    commands: usize,
    fork: &TicketDoc,
    at_tip: bool,
) -> usize {
    let bound = before.document_bytes + grows_by_max(changeset.body.len(), commands);
    if bound <= limits::DOCUMENT_BYTES_MAX {
        return bound;
    }
    if at_tip {
        return fork.plain_bytes();
    }
    let mut merged = before.document.clone();
    merged.merge(&mut fork.clone());
    merged.plain_bytes()
}

/// What a changeset adds to a document at most: of a text each character with its place in the columns and its
/// deletion later, of a command without any a handful of operations, of its actor the name; and the deletion of
/// a problem text that is there. Held against real ones by the tests and by the fuzz target of the gate.
pub fn grows_by_max(body_bytes: usize, commands: usize) -> usize {
    6 * body_bytes + 768 * commands + 64 * 1024
}

/// What became of a right between base and receipt.
enum Right {
    Holds,
    /// Gone with a reassignment, but the command only adds.
    Added,
    Lost(QuarantineReason),
    Never(policy::Denied),
}

struct Rights<'a> {
    author: &'a Author<'a>,
    part: Part,
    /// The author, where nobody opened it yet or the opening is the member of this act before this one.
    opener: &'a PersonId,
    /// The service part's facts at receipt; `None` where the base is the tip, and what the changeset itself
    /// does counts as it goes.
    tip: Option<Option<Facts>>,
    /// The author's relation where the changeset begins.
    start: Relation,
}

impl<'a> Rights<'a> {
    fn new(
        before: &Before<'a>,
        changeset: &'a Changeset,
        author: &'a Author<'a>,
        base: &TicketDoc,
        at_tip: bool,
    ) -> Self {
        let header = &changeset.header;
        let opener = before.opener.unwrap_or(&header.person);
        let tip = if header.part != Part::Service {
            Some(before.service.and_then(TicketDoc::facts))
        } else {
            (!at_tip).then(|| before.document.facts())
        };
        let start = match (header.part, at_tip) {
            (Part::Service, false) => Relation::of(author.now, Some(opener), base.facts().as_ref()),
            _ => Relation::EVERY,
        };
        Self {
            author,
            part: header.part,
            opener,
            tip,
            start,
        }
    }

    /// `base`: the facts of the service part where the command is executed.
    fn of(&self, authored: &Authored, base: Option<&Facts>) -> Right {
        let command = &authored.command;
        let Author { now, then, .. } = self.author;
        let at_base = |standing| match (self.part, &self.tip) {
            // The other parts' documents do not tell the crew that their author saw: once in it is enough.
            (Part::Customer | Part::Office, Some(tip)) => {
                Relation::ever(standing, Some(self.opener), tip.as_ref())
            }
            _ => Relation::of(standing, Some(self.opener), base),
        };
        let at_receipt = match &self.tip {
            // What the changeset itself brought about, as taking the ticket out of the pool, counts for it.
            Some(tip) if self.part == Part::Service => {
                let gained = at_base(now).without(self.start);
                Relation::of(now, Some(self.opener), tip.as_ref()).or(gained)
            }
            Some(tip) => Relation::of(now, Some(self.opener), tip.as_ref()),
            None => at_base(now),
        };
        if policy::authorize(now, at_receipt, command).is_ok() {
            return Right::Holds;
        }
        if let Err(why) = policy::authorize(then, at_base(then), command) {
            return Right::Never(why);
        }
        if policy::authorize(now, at_base(now), command).is_err() {
            Right::Lost(if then.roles == now.roles {
                QuarantineReason::PolicyChanged
            } else {
                QuarantineReason::RightLost
            })
        } else if policy::only_adds(command.action()) {
            Right::Added
        } else {
            Right::Lost(QuarantineReason::Reassigned)
        }
    }
}
