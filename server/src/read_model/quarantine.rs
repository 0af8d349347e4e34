//! What waits for a person's decision.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, Part, PersonId, TicketId};
use gongdan_core::sync::codec;
use gongdan_core::sync::verdict::{QuarantineReason, Verdict};
use gongdan_core::ticket::{Command, provisional_label};
use rusqlite::{Connection, Row, params};

use super::timeline::{commands, decode};
use crate::store::StoreError;

/// Items of a page unless another number is asked for.
pub const ITEMS_DEFAULT: usize = 50;
/// Items of a page at most.
const ITEMS_MAX: usize = 200;

/// A quarantined changeset.
#[derive(Debug, Clone)]
pub struct Quarantined {
    /// Its name.
    pub changeset: ChangesetHash,
    /// The ticket.
    pub ticket: TicketId,
    /// What people call the ticket.
    pub label: String,
    /// The part it would write.
    pub part: Part,
    /// Who meant it.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// Why it waits.
    pub reason: QuarantineReason,
    /// When it came.
    pub received_at: Timestamp,
    /// What was meant.
    pub commands: Vec<Command>,
}

/// Where a page ends: what customers signed comes first, each kind in the order it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuarantineCursor {
    is_signed: bool,
    id: i64,
}

impl fmt::Display for QuarantineCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_signed { 's' } else { 'o' }, self.id)
    }
}

impl FromStr for QuarantineCursor {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (is_signed, id) = match (text.strip_prefix('s'), text.strip_prefix('o')) {
            (Some(id), _) => (true, id),
            (_, Some(id)) => (false, id),
            _ => return Err(()),
        };
        let id = id.parse().map_err(|_| ())?;
        Ok(Self { is_signed, id })
    }
}

/// A page.
#[derive(Debug, Clone)]
pub struct QuarantinePage {
    /// Its items.
    pub items: Vec<Quarantined>,
    /// Where the next begins.
    pub next: Option<QuarantineCursor>,
}

/// How many wait.
///
/// # Errors
/// The database fails.
pub fn quarantined_count(connection: &Connection) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM inbox WHERE state = 'quarantined' AND superseded_by IS NULL",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// How many wait for each reason, by its code.
///
/// # Errors
/// The database fails, or holds a verdict that cannot be read.
pub fn quarantined_by_reason(connection: &Connection) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT verdict, count(*) FROM inbox WHERE state = 'quarantined' AND superseded_by IS NULL
         GROUP BY verdict",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    rows.map(|row| {
        let (verdict, count) = row?;
        Ok((code(reason(verdict)?), count.cast_unsigned()))
    })
    .collect()
}

/// What waits, what customers signed first, else in the order it came; only for a reason where one is given.
///
/// # Errors
/// The database fails, or holds a changeset that cannot be read.
pub fn quarantined(
    connection: &Connection,
    reason: Option<QuarantineReason>,
    after: Option<QuarantineCursor>,
    limit: usize,
) -> Result<QuarantinePage, StoreError> {
    let limit = limit.clamp(1, ITEMS_MAX);
    let signed = verdict(QuarantineReason::Signed);
    let after = after.map_or((-1, 0), |after| (i64::from(!after.is_signed), after.id));
    let mut statement = connection.prepare_cached(
        "SELECT i.hash, i.changeset, i.received_at, i.verdict, r.label, u.name, i.id, i.verdict = ?1
         FROM inbox i LEFT JOIN ticket_rows r ON r.id = i.ticket LEFT JOIN devices d ON d.idx = i.device_idx
           LEFT JOIN users u ON u.person = d.person
         WHERE i.state = 'quarantined' AND i.superseded_by IS NULL AND (?2 IS NULL OR i.verdict = ?2)
           AND (i.verdict <> ?1, i.id) > (?3, ?4)
         ORDER BY i.verdict <> ?1, i.id LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![signed, reason.map(verdict), after.0, after.1, limit as i64],
        |row| {
            let (id, is_signed) = (row.get(6)?, row.get(7)?);
            Ok((QuarantineCursor { is_signed, id }, item(row)))
        },
    )?;
    let (mut items, mut last) = (Vec::new(), None);
    for row in rows {
        let (place, item) = row?;
        items.push(item?);
        last = Some(place);
    }
    let next = last.filter(|_| items.len() == limit);
    Ok(QuarantinePage { items, next })
}

/// What the inbox has of a reason: one reason has one encoding.
fn verdict(reason: QuarantineReason) -> Vec<u8> {
    codec::encode(&Verdict::Quarantined { reason })
}

fn reason(verdict: Option<Vec<u8>>) -> Result<QuarantineReason, StoreError> {
    match verdict.and_then(|bytes| codec::decode::<Verdict>(&bytes).ok()) {
        Some(Verdict::Quarantined { reason }) => Ok(reason),
        _ => Err(StoreError::Malformed {
            what: "inbox.verdict",
        }),
    }
}

fn code(reason: QuarantineReason) -> String {
    let json = serde_json::to_value(reason).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

fn item(row: &Row<'_>) -> Result<Quarantined, StoreError> {
    let changeset = decode(&row.get::<_, Vec<u8>>(1)?)?;
    let (label, name): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let header = &changeset.header;
    Ok(Quarantined {
        changeset: ChangesetHash(row.get(0)?),
        ticket: header.ticket,
        label: label.unwrap_or_else(|| provisional_label(header.ticket)),
        part: header.part,
        name: name.unwrap_or_else(|| header.person.to_string()),
        person: header.person.clone(),
        reason: reason(row.get(3)?)?,
        received_at: Timestamp(row.get(2)?),
        commands: commands(&changeset),
    })
}
