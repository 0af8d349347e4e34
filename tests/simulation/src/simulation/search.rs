//! The search for marks: in everything that phones keep, in the log, in hints.
//!
//! Invariant: no part of a ticket is where its holder has no right to it; a person's own text is theirs until
//! it is settled, and what is carried for another is on its way.

use std::collections::{BTreeMap, BTreeSet};

use gongdan_core::ids::{Part, PersonId, TicketId};
use gongdan_server::store::StoreError;

use super::Simulation;
use crate::canary::{self, Home, marks};
use crate::contents::{self, Place};
use crate::violation::{Kind, Violation};

/// What a person may hold.
type Rights = BTreeSet<(TicketId, Part)>;

impl Simulation {
    /// Searches everything, at rest.
    pub(super) fn search(&mut self) -> Result<(), Violation> {
        if self.commands > 0 && self.ledger.homes.is_empty() {
            return Err(Violation::failure(
                "search for marks",
                "none was ever written",
            ));
        }
        self.search_log()?;
        self.search_hints()?;
        let mut rights: BTreeMap<PersonId, Rights> = BTreeMap::new();
        for phone in 0..self.phones.len() {
            if self.phones[phone].revoked {
                continue;
            }
            let person = self.phones[phone].identity.person.clone();
            let of = rights.entry(person.clone()).or_insert_with(|| {
                let tickets = self.settled.iter().flat_map(|(id, server)| {
                    let parts = self.server.office.readable(&person, *id, server);
                    parts.into_keys().map(|part| (*id, part))
                });
                tickets.collect()
            });
            self.search_phone(phone, of)?;
        }
        Ok(())
    }

    fn search_phone(&self, phone: usize, rights: &Rights) -> Result<(), Violation> {
        let lost = self.lost_to_the_server()?;
        let handset = &self.phones[phone];
        let person = &handset.identity.person;
        let is_known = |id: TicketId| self.settled.iter().any(|(settled, _)| *settled == id);
        let may = |place: Place, home: &Home| {
            let own = home.author == *person;
            match place {
                Place::Carried => true,
                Place::Own | Place::Kept if own => true,
                // Its opening did not come in: nobody but the phone knows of it.
                _ if own && !is_known(home.ticket) => true,
                // A restored server has nothing of it, and was told that this person's phones do.
                _ if lost.contains(&(person.clone(), home.ticket)) => true,
                _ => rights.contains(&(home.ticket, home.part)),
            }
        };
        let mut leak = None;
        let tickets: Vec<TicketId> = self.settled.iter().map(|(id, _)| *id).collect();
        contents::show(&handset.disk, &tickets, &mut |place, bytes| {
            for number in marks(bytes) {
                let Some(home) = self.ledger.homes.of(number) else {
                    continue;
                };
                if !may(place, home) {
                    leak = Some((place, number, home.clone()));
                }
            }
        });
        match leak {
            None => Ok(()),
            Some((place, number, home)) => {
                let text = format!(
                    "mark {number} of the {} part of {} stands on phone {phone} of {person}: {place:?}",
                    home.part.name(),
                    home.ticket
                );
                Err(Violation::new(Kind::Leak, text))
            }
        }
    }

    /// Tickets that a restored server does not know, by the people whose phones said that they have something of it.
    pub(super) fn lost_to_the_server(&self) -> Result<BTreeSet<(PersonId, TicketId)>, Violation> {
        let found = self.server.office.database().read(|c| {
            let sql = "SELECT person, ticket FROM restore_missing JOIN devices ON idx = device_idx
                       WHERE ticket NOT IN (SELECT id FROM tickets)";
            let mut statement = c.prepare_cached(sql)?;
            let rows =
                statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            Ok::<_, StoreError>(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let found = found.map_err(|why| Violation::failure("read what is missing", why))?;
        let lost = found.into_iter().map(|(person, ticket)| {
            let person: PersonId = person
                .parse()
                .map_err(|why| Violation::failure("read a person", why))?;
            Ok((person, TicketId::from_bytes(ticket)))
        });
        lost.collect()
    }

    /// A log never tells what people wrote.
    fn search_log(&self) -> Result<(), Violation> {
        let log = canary::take_log();
        match marks(&log).next() {
            None => Ok(()),
            Some(number) => Err(Violation::new(
                Kind::Leak,
                format!("mark {number} stands in the log"),
            )),
        }
    }

    /// Nor does a hint that something changed.
    fn search_hints(&mut self) -> Result<(), Violation> {
        for hint in self.server.hints() {
            if let Some(number) = marks(hint.as_bytes()).next() {
                let text = format!("mark {number} stands in a hint");
                return Err(Violation::new(Kind::Leak, text));
            }
        }
        Ok(())
    }
}
