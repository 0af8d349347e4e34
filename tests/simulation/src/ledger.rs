//! What was said to be saved, and where it may be.
//!
//! Invariant: a promise is made when an act returns without an error, and ends never: at any time its command
//! is in its phone's outbox (pending, in flight, held, quarantined, refused) or in the server's log. What a
//! phone lost with its disk, being put back to a backup before it was sent, is no promise of the program's.

use std::collections::{BTreeMap, BTreeSet};

use gongdan_core::ids::{ActorId, ChangesetHash, CommandId, Part, TicketId};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::testing;
use gongdan_server::store::{Database, StoreError};
use rusqlite::params;

use crate::canary::Homes;
use crate::disk::CommandRef;
use crate::violation::{Kind, Violation};

/// The promises.
#[derive(Default)]
pub struct Ledger {
    /// By command: the phone that promised; `None` for the desk.
    promised: BTreeMap<CommandRef, Option<usize>>,
    /// Gone with a disk.
    forgotten: BTreeSet<CommandRef>,
    /// Commands that the server ever received, with the changesets they came in.
    received: BTreeMap<CommandRef, Vec<ChangesetHash>>,
    /// Where marks belong.
    pub homes: Homes,
    inbox_seen: i64,
    inbox_rows: i64,
}

impl Ledger {
    /// `phone` said that this is saved.
    pub fn promise(&mut self, command: CommandRef, phone: usize) {
        self.promised.insert(command, Some(phone));
    }

    /// How many promises there are.
    pub fn promises(&self) -> usize {
        self.promised.len()
    }

    /// All that must be somewhere.
    pub fn owed(&self) -> impl Iterator<Item = (CommandRef, Option<usize>)> + '_ {
        let owed = self.promised.iter();
        owed.filter(|(command, _)| !self.forgotten.contains(*command))
            .map(|(command, phone)| (*command, *phone))
    }

    /// This went with a disk; if the server has it, it is still owed.
    pub fn forget(&mut self, command: CommandRef) {
        if !self.received.contains_key(&command) {
            self.forgotten.insert(command);
        }
    }

    /// The server was put back to a backup: what it received since is looked for anew, and what no phone holds
    /// as a changeset any more is not owed.
    ///
    /// # Errors
    /// The database fails.
    pub fn server_forgot(
        &mut self,
        db: &Database,
        held: &BTreeSet<CommandRef>,
    ) -> Result<(), Violation> {
        (self.inbox_seen, self.inbox_rows) = (0, 0);
        self.received.clear();
        self.look(db)?;
        for command in self.promised.keys() {
            if !held.contains(command) && !self.received.contains_key(command) {
                self.forgotten.insert(*command);
            }
        }
        Ok(())
    }

    /// The changesets that brought a command to the server.
    pub fn received(&self, command: &CommandRef) -> &[ChangesetHash] {
        self.received.get(command).map_or(&[], Vec::as_slice)
    }

    /// Notes what came to the inbox since the last look.
    ///
    /// # Errors
    /// Something that was received is gone.
    pub fn look(&mut self, db: &Database) -> Result<(), Violation> {
        testing::know_commands(None);
        let seen = self.inbox_seen;
        let found = db.read(|c| {
            let rows: i64 = c
                .prepare_cached("SELECT count(*) FROM inbox WHERE id <= ?1")?
                .query_row([seen], |row| row.get(0))?;
            let mut statement =
                c.prepare_cached("SELECT id, changeset FROM inbox WHERE id > ?1 ORDER BY id")?;
            let new: Vec<(i64, Vec<u8>)> = statement
                .query_map([seen], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok::<_, StoreError>((rows, new))
        });
        let (rows, new) = found.map_err(|why| Violation::failure("read the inbox", why))?;
        if rows != self.inbox_rows {
            let text = format!("{} rows of the inbox are gone", self.inbox_rows - rows);
            return Err(Violation::new(Kind::Loss, text));
        }
        for (id, bytes) in new {
            (self.inbox_seen, self.inbox_rows) = (id, self.inbox_rows + 1);
            let changeset: Changeset = gongdan_core::sync::codec::decode(&bytes)
                .map_err(|why| Violation::failure("read a received changeset", why))?;
            self.homes.note(&changeset);
            let header = &changeset.header;
            for authored in changeset.commands().unwrap_or_default() {
                let command = (header.ticket, header.part, authored.id);
                self.received
                    .entry(command)
                    .or_default()
                    .push(changeset.hash());
            }
        }
        Ok(())
    }
}

/// Whether a command is in the server's log.
///
/// # Errors
/// The database fails.
pub fn is_admitted(
    db: &Database,
    (ticket, part, id): (TicketId, Part, CommandId),
) -> Result<bool, Violation> {
    let ActorId(actor) = id.actor;
    let found = db.read(|c| {
        let mut statement = c.prepare_cached(
            "SELECT 1 FROM command_ids JOIN tickets USING (ticket_index)
             WHERE id = ?1 AND part = ?2 AND actor = ?3 AND ordinal = ?4",
        )?;
        Ok::<_, StoreError>(statement.exists(params![
            ticket.as_bytes(),
            part.code(),
            actor,
            id.ordinal
        ])?)
    });
    found.map_err(|why| Violation::failure("read the command ids", why))
}
