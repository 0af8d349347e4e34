//! Pages: as much as fits, the most useful first, and a plan for the rest.
//!
//! Invariant: a page's frame is within [`PAGE_BYTES_MAX`] unless one entry or one ticket alone is larger;
//! while a plan is unfinished the cursor's sequence stays, so that nothing between its pages is skipped.

use std::collections::{BTreeMap, BTreeSet};

use gongdan_core::clock::Timestamp;
use gongdan_core::document::snapshot;
use gongdan_core::ids::Part;
use gongdan_core::limits::PAGE_BYTES_MAX;
use gongdan_core::sync::codec::{LEVEL_EXCHANGE, LEVEL_SNAPSHOTS};
use gongdan_core::sync::protocol::{
    ActorRecord, PartIndex, PartSnapshot, Response, TicketSnapshot,
};
use gongdan_core::sync::wire::{encode_response, encoded_length_estimate};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::cursor::{Cursor, PlanPlace};
use super::damage::{Place, contained};
use super::pull::{Feed, entries_max, record};
use super::{documents, given_back, sql_index, tickets};
use crate::auth::identity::DESK_INDEX;
use crate::organisation;
use crate::store::StoreError;

/// How often a page's size is measured at most: each measurement compresses it.
const MEASUREMENTS_MAX: usize = 6;
/// A page this full is full enough.
const FULL_PERCENT: usize = 94;
/// What a page is left for verdicts and its cursor, which are added last.
const RESERVED_BYTES: usize = 2 * 1024;

/// The bytes of a response, at the level its content is worth.
pub(super) fn encode(response: &Response) -> Vec<u8> {
    encode_response(
        response,
        if response.snapshots.is_empty() {
            LEVEL_EXCHANGE
        } else {
            LEVEL_SNAPSHOTS
        },
    )
}

/// A ticket whose documents are to be sent; a bit a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) ticket_index: u64,
    pub(super) parts: u8,
}

/// Snapshots that did not fit.
#[derive(Debug)]
pub(super) struct Plan {
    seq: u64,
    items: Vec<Item>,
}

/// What a cursor's plan still holds.
pub(super) struct Pending {
    place: PlanPlace,
    seq: u64,
    items: Vec<Item>,
}

/// The rest of the plan that a cursor names; `None` where it names none, or one that is gone: then it is
/// made anew from what the cursor has seen.
pub(super) fn pending(
    c: &Connection,
    device_index: i64,
    cursor: Cursor,
) -> Result<Option<Pending>, StoreError> {
    let Some(place) = cursor.plan else {
        return Ok(None);
    };
    let seq: Option<i64> = c
        .prepare_cached("SELECT seq FROM plans WHERE plan = ?1 AND device_idx = ?2")?
        .query_row(params![sql_index(place.plan), device_index], |row| {
            row.get(0)
        })
        .optional()?;
    let Some(seq) = seq else {
        return Ok(None);
    };
    let mut statement = c.prepare_cached(
        "SELECT ticket_index, parts FROM plan_items WHERE plan = ?1 AND ordinal >= ?2 ORDER BY ordinal",
    )?;
    let items = statement
        .query_map(params![sql_index(place.plan), place.ordinal], |row| {
            Ok(Item {
                ticket_index: row.get::<_, i64>(0)?.cast_unsigned(),
                parts: row.get(1)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Some(Pending {
        place,
        seq: seq.cast_unsigned(),
        items,
    }))
}

/// Stores a plan over the device's last one.
pub(super) fn store_plan(
    tx: &Transaction<'_>,
    device_index: i64,
    plan: &Plan,
    now: Timestamp,
) -> Result<PlanPlace, StoreError> {
    tx.execute("DELETE FROM plans WHERE device_idx = ?1", [device_index])?;
    tx.execute(
        "INSERT INTO plans (device_idx, seq, created_at) VALUES (?1, ?2, ?3)",
        params![device_index, sql_index(plan.seq), now.seconds()],
    )?;
    let id = tx.last_insert_rowid();
    let mut insert = tx.prepare_cached(
        "INSERT INTO plan_items (plan, ordinal, ticket_index, parts) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (ordinal, item) in (0i64..).zip(&plan.items) {
        insert.execute(params![
            id,
            ordinal,
            sql_index(item.ticket_index),
            item.parts
        ])?;
    }
    Ok(PlanPlace {
        plan: id.cast_unsigned(),
        ordinal: 0,
    })
}

/// A response being filled.
pub(super) struct Page<'a> {
    pub(super) feed: &'a Feed<'a>,
    pub(super) response: Response,
    pub(super) cursor: Cursor,
    pub(super) end: u64,
    /// The newest change of what may be held.
    pub(super) changes: u64,
}

impl Page<'_> {
    /// Adds the entries that fit; whether that was all of them.
    pub(super) fn entries(&mut self) -> Result<bool, StoreError> {
        let mut entries = self.feed.entries(&self.cursor, self.end)?;
        self.response.tickets = self.feed.records(&self.cursor, self.end)?;
        let looked_at_all = entries.len() < entries_max();
        let total = entries.len();
        let sizes: Vec<usize> = entries
            .iter()
            .map(|entry| entry.changeset.body.len() + 120)
            .collect();
        let mut fit = Fit::new(total, 0.7);
        while let Some(n) = fit.guess(&sizes) {
            self.response.entries = entries[..n].to_vec();
            fit.measured(n, encode(&self.response).len());
        }
        // One entry goes whatever its size: nothing would ever move else.
        let n = fit.fits.max(1).min(total);
        entries.truncate(n);
        let last = entries.last().map(|entry| entry.seq);
        self.response.entries = entries;
        let all = n == total && looked_at_all;
        self.cursor.seq = if all {
            self.end
        } else {
            last.unwrap_or(self.end)
        };
        if !all {
            let seq = self.cursor.seq;
            let fresh = self.feed.records(&self.feed.asked.cursor, seq)?;
            self.response.tickets = fresh;
        }
        Ok(all)
    }

    /// Adds snapshots and evictions of what came and went; the plan for what does not fit.
    pub(super) fn snapshots(
        &mut self,
        pending: Option<Pending>,
    ) -> Result<Option<Plan>, StoreError> {
        let seq = pending.as_ref().map_or(self.changes, |pending| pending.seq);
        let mut queue = self.wanted()?;
        let tail_of = pending
            .as_ref()
            .filter(|_| queue.is_empty())
            .map(|pending| pending.place);
        queue.extend(match pending {
            Some(pending) => pending.items,
            None => self.newly_visible()?,
        });
        let total = queue.len();
        let mut loaded: Vec<Loaded> = Vec::new();
        let mut fit = Fit::new(total, 0.25);
        loop {
            // Documents are read as far as the guess reaches.
            while loaded.len() < total && fit.wants_more(loaded.iter().map(|item| item.size)) {
                let item = self.load(queue[loaded.len()])?;
                loaded.push(item);
            }
            let sizes: Vec<usize> = loaded.iter().map(|item| item.size).collect();
            let Some(n) = fit.guess(&sizes) else { break };
            self.put(&loaded[..n]);
            fit.measured(n, encode(&self.response).len());
        }
        let alone = self.response.entries.is_empty();
        let n = if fit.fits == 0 && alone {
            total.min(1)
        } else {
            fit.fits
        };
        self.put(&loaded[..n]);
        if n == total {
            self.cursor.plan = None;
            self.cursor.visible = seq;
            return Ok(None);
        }
        match tail_of {
            Some(place) => {
                let done = u32::try_from(n).unwrap_or(u32::MAX);
                self.cursor.plan = Some(PlanPlace {
                    ordinal: place.ordinal.saturating_add(done),
                    ..place
                });
                Ok(None)
            }
            None => Ok(Some(Plan {
                seq,
                items: queue.split_off(n),
            })),
        }
    }

    fn put(&mut self, loaded: &[Loaded]) {
        let mut actors: BTreeMap<_, &ActorRecord> = BTreeMap::new();
        for record in loaded.iter().flat_map(|item| &item.actors) {
            actors.insert(record.actor, record);
        }
        self.response.actors = actors.into_values().cloned().collect();
        self.response.snapshots = loaded
            .iter()
            .filter_map(|item| item.snapshot.clone())
            .collect();
    }

    /// The documents that the phone wants again; what it may not hold it is told to drop.
    fn wanted(&mut self) -> Result<Vec<Item>, StoreError> {
        let mut items: Vec<Item> = Vec::new();
        for want in &self.feed.asked.want {
            let Some(part) = want.part() else { continue };
            if !self.is_visible(want.ticket_index(), part)? {
                self.response.evictions.push(*want);
                continue;
            }
            let (ticket_index, bit) = (want.ticket_index(), 1 << part.code());
            match items
                .iter_mut()
                .find(|item| item.ticket_index == ticket_index)
            {
                Some(item) => item.parts |= bit,
                None => items.push(Item {
                    ticket_index,
                    parts: bit,
                }),
            }
        }
        Ok(items)
    }

    /// Of what the phone has more of than came: what it may not hold any more it is told to drop, by a number
    /// that it does not know yet.
    pub(super) fn drop_unreadable(&mut self) -> Result<(), StoreError> {
        for part in &self.feed.asked.missing {
            let Some(ticket) = tickets::by_id(self.feed.connection, part.ticket)? else {
                continue;
            };
            let index = ticket.index;
            if !self.is_visible(index, part.part)? {
                self.response.tickets.push(record(ticket));
                self.response
                    .evictions
                    .push(PartIndex::new(index, part.part));
            }
        }
        Ok(())
    }

    fn is_visible(&self, ticket_index: u64, part: Part) -> Result<bool, StoreError> {
        let mut statement = self.feed.connection.prepare_cached(
            "SELECT 1 FROM visibility WHERE person = ?1 AND ticket_index = ?2 AND part = ?3 AND visible = 1",
        )?;
        Ok(statement.exists(params![
            self.feed.sender.person.as_str(),
            sql_index(ticket_index),
            part.code()
        ])?)
    }

    /// What became visible since the cursor, today's visits first; what is so no longer is told at once. What
    /// the device opened itself it has, unless it starts from the beginning again.
    fn newly_visible(&mut self) -> Result<Vec<Item>, StoreError> {
        if self.cursor.visible == self.changes {
            return Ok(Vec::new());
        }
        let (day_starts, day_ends) = self.today()?;
        let mut statement = self.feed.connection.prepare_cached(
            "SELECT v.ticket_index, v.part, v.visible FROM visibility v JOIN tickets t USING (ticket_index)
             WHERE v.person = ?1 AND v.change > ?2 AND v.change <= ?3 AND (v.held_by IS NOT ?4 OR (?2 = 0 AND v.seq <= ?7))
             ORDER BY t.appointed_from BETWEEN ?5 AND ?6 DESC, t.appointed_from IS NULL, t.appointed_from,
               t.grade IS NULL, t.grade, t.ticket_index DESC, v.part",
        )?;
        let rows = statement.query_map(
            params![
                self.feed.sender.person.as_str(),
                sql_index(self.cursor.visible),
                sql_index(self.changes),
                self.feed.sender.index,
                day_starts,
                day_ends,
                sql_index(self.feed.asked.end_before)
            ],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?.cast_unsigned(),
                    row.get::<_, u8>(1)?,
                    row.get::<_, bool>(2)?,
                ))
            },
        )?;
        let mut items: Vec<Item> = Vec::new();
        for row in rows {
            let (ticket_index, part, visible) = row?;
            if !visible {
                self.response
                    .evictions
                    .push(PartIndex(ticket_index << 2 | u64::from(part)));
                self.name_what_was_set_aside(ticket_index)?;
            } else if let Some(last) = items
                .last_mut()
                .filter(|item| item.ticket_index == ticket_index)
            {
                last.parts |= 1 << part;
            } else {
                items.push(Item {
                    ticket_index,
                    parts: 1 << part,
                });
            }
        }
        Ok(items)
    }

    /// A ticket that the phone may know from before a restore only, and not by its number of now.
    fn name_what_was_set_aside(&mut self, ticket_index: u64) -> Result<(), StoreError> {
        let c = self.feed.connection;
        if let Some(ticket) = tickets::by_index(c, ticket_index)?
            && given_back::reporters(c, ticket.id)?.contains(&self.feed.sender.person)
        {
            self.response.tickets.push(record(ticket));
        }
        Ok(())
    }

    /// The local day in which the answer is given, in seconds since 1970.
    fn today(&self) -> Result<(i64, i64), StoreError> {
        let zone = organisation::current(self.feed.connection)?.map(|catalogue| catalogue.zone);
        let zone: chrono_tz::Tz = zone
            .and_then(|zone| zone.parse().ok())
            .unwrap_or(chrono_tz::UTC);
        let local = self.response.time.to_utc().with_timezone(&zone);
        let since_midnight = i64::from(chrono::Timelike::num_seconds_from_midnight(&local));
        let start = self.response.time.seconds() - since_midnight;
        Ok((start, start + 24 * 3600 - 1))
    }

    fn load(&self, item: Item) -> Result<Loaded, StoreError> {
        let c = self.feed.connection;
        let mut loaded = Loaded {
            snapshot: None,
            actors: Vec::new(),
            size: 0,
        };
        let Some(ticket) = tickets::by_index(c, item.ticket_index)? else {
            return Ok(loaded);
        };
        let mut parts = Vec::new();
        let mut actors = BTreeSet::new();
        for part in Part::ALL
            .into_iter()
            .filter(|part| item.parts & (1 << part.code()) != 0)
        {
            // It may have gone while the plan was under way; its eviction comes after the plan.
            if !self.is_visible(item.ticket_index, part)? {
                continue;
            }
            let stored = match documents::load_stored(c, item.ticket_index, part) {
                Ok(Some(stored)) => stored,
                // One that cannot be read keeps nothing else from the device.
                Ok(None) | Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let packed = contained(Place::Pack(item.ticket_index), || {
                (stored.document.actors(), snapshot::pack(&stored.document))
            });
            let Ok((wrote, document)) = packed else {
                continue;
            };
            actors.extend(wrote);
            parts.push(PartSnapshot {
                part,
                seq: stored.seq,
                document,
            });
        }
        let mut find =
            c.prepare_cached("SELECT device_idx, person FROM actors WHERE actor = ?1")?;
        for actor in actors {
            let found: Option<(i64, String)> = find
                .query_row([actor.0], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((device, person)) = found else {
                continue;
            };
            let person = person.parse().map_err(|_| StoreError::Malformed {
                what: "actors.person",
            })?;
            loaded.actors.push(ActorRecord {
                actor,
                device_index: device.cast_unsigned(),
                person: (device == DESK_INDEX).then_some(person),
            });
        }
        if !parts.is_empty() {
            let snapshot = TicketSnapshot {
                ticket: record(ticket),
                parts,
            };
            loaded.size = encoded_length_estimate(&snapshot);
            loaded.snapshot = Some(snapshot);
        }
        Ok(loaded)
    }
}

/// A ticket read and packed.
struct Loaded {
    snapshot: Option<TicketSnapshot>,
    actors: Vec<ActorRecord>,
    size: usize,
}

/// Finds how many items fit a page, by guessing from the compression seen so far.
struct Fit {
    total: usize,
    /// So many fit; so many do not.
    fits: usize,
    too_many: usize,
    ratio: f64,
    left: usize,
    prefix: usize,
}

impl Fit {
    const BUDGET: usize = PAGE_BYTES_MAX - RESERVED_BYTES;

    fn new(total: usize, ratio: f64) -> Self {
        Self {
            total,
            fits: 0,
            too_many: total + 1,
            ratio,
            left: MEASUREMENTS_MAX,
            prefix: 0,
        }
    }

    fn target(&self) -> f64 {
        Self::BUDGET as f64 * 0.97 / self.ratio
    }

    /// Whether the next guess may reach past the items read so far.
    fn wants_more(&self, sizes: impl ExactSizeIterator<Item = usize>) -> bool {
        let count = sizes.len();
        let sum: usize = sizes.sum();
        count + 1 < self.too_many
            && self.left > 0
            && (count <= self.fits || (sum as f64) < self.target())
    }

    /// How many to try next; `None` when it is known well enough.
    fn guess(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.left == 0 || self.fits + 1 >= self.too_many {
            return None;
        }
        let target = self.target();
        let mut sum = 0usize;
        let reach = sizes
            .iter()
            .take_while(|size| {
                sum += **size;
                (sum as f64) <= target
            })
            .count();
        let n = reach
            .clamp(self.fits + 1, self.too_many - 1)
            .min(sizes.len());
        self.prefix = sizes[..n].iter().sum();
        (n > self.fits).then_some(n)
    }

    fn measured(&mut self, n: usize, bytes: usize) {
        self.left -= 1;
        self.ratio = (bytes as f64 / self.prefix.max(1) as f64).max(0.01);
        if bytes > Self::BUDGET {
            self.too_many = n;
        } else {
            self.fits = n;
            if n == self.total || bytes * 100 >= Self::BUDGET * FULL_PERCENT {
                self.left = 0;
            }
        }
    }
}
