//! What a device is told, from its cursor on.
//!
//! ```text
//! 1. entries of documents it has          (seq, end]                     paged: seq moves
//! 2. then documents that came or went     (visible, end]                 paged: a plan, seq and visible stay
//! 3. verdicts, but no admission past the entries told: the phone applies both in the log's order
//! ```
//! Invariant: a device with nothing to hear costs no document load and one round trip, however many
//! tickets it holds.

use std::collections::BTreeMap;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ChangesetHash, PartRef, PersonId, TicketId};
use gongdan_core::planted::{self, Defect};
use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::codec;
use gongdan_core::sync::protocol::{
    Attestation, BaseHint, DeviceRecord, DeviceVerdict, Entry, PartIndex, Response, TicketRecord,
    WipeOrder, time_message, wipe_message,
};
use gongdan_core::sync::verdict::{QuarantineReason, Verdict};
use rusqlite::{Connection, params};

use super::cursor::Cursor;
use super::page::{self, Page, Plan};
use super::{
    Relay, Sender, SyncError, epoch, epoch_number, inbox, log_end, sheet_log, sql_index, tickets,
    visibility,
};
use crate::audit::{self, Action, Actor};
use crate::auth::devices;
use crate::organisation;
use crate::store::StoreError;

/// Device records of one answer; entries wait until their devices are known.
const DEVICES_MAX: usize = 512;
/// Verdicts of one answer.
const VERDICTS_MAX: usize = 4_000;
/// Entries looked at for one answer.
const ENTRIES_MAX: usize = 20_000;

/// Entries of the log in one answer; fewer where a test wants to see pages.
pub(super) fn entries_max() -> usize {
    #[cfg(feature = "testing")]
    if let Some(entries) = gongdan_core::testing::page_entries() {
        return entries;
    }
    ENTRIES_MAX
}
/// What the desk's own record says for a person: each of its entries names its own.
const DESK_PERSON: &str = "desk";

/// What a device asks for, after its changesets were taken in.
pub(super) struct Asked {
    pub(super) cursor: Cursor,
    pub(super) catalogue: u32,
    pub(super) directory: u64,
    pub(super) want: Vec<PartIndex>,
    /// This request's changesets, whose verdicts are told whatever the cursor says.
    pub(super) hashes: Vec<ChangesetHash>,
    /// The log's end before they came.
    pub(super) end_before: u64,
    /// Documents that it has more of than came after a restore.
    pub(super) missing: Vec<PartRef>,
    /// The request had no cursor.
    pub(super) from_the_start: bool,
    /// The size of the log of sheets that the device has a checkpoint of, where it has no cursor.
    pub(super) sheet_log: Option<u64>,
}

impl Relay {
    /// The answer to a request whose exact bytes are `request`.
    pub(super) fn pull(
        &self,
        now: Timestamp,
        sender: &Sender,
        asked: &Asked,
        request: &[u8],
    ) -> Result<Vec<u8>, SyncError> {
        let (mut response, plan) = self.db.read(|c| {
            let mut response = self.blank(now, sender, asked, request);
            if asked.from_the_start {
                response.epoch = Some(epoch_number(c)?);
            }
            response.wipe = self.wipe_order(c, sender, request)?;
            let told = asked.cursor.backup.unwrap_or(0);
            let backed_up = epoch::backed_up(c, &self.keys, sender, told)?;
            let (mut response, plan) = Feed {
                connection: c,
                sender,
                asked,
            }
            .fill(response)?;
            if let Some((mark, backed_up)) = backed_up {
                let cursor = Cursor::read(&response.cursor)?.unwrap_or_default();
                let backup = Some(mark);
                response.cursor = Cursor { backup, ..cursor }.to_bytes();
                response.backed_up = Some(backed_up);
            }
            if let Some((place, news)) = sheet_log::news(c, &self.keys, now, sender, asked)? {
                let cursor = Cursor::read(&response.cursor)?.unwrap_or_default();
                let sheet_log = Some(place);
                response.cursor = Cursor {
                    sheet_log,
                    ..cursor
                }
                .to_bytes();
                response.sheet_log = Some(news);
            }
            Ok::<_, SyncError>((response, plan))
        })?;
        let given = given(&response);
        let place = match (&plan, given) {
            (None, None) => None,
            (plan, given) => self.db.write(|tx| {
                if let Some(detail) = given {
                    let actor = Actor::Device(sender.device);
                    audit::append(tx, now, &actor, Action::PartsGiven, detail)?;
                }
                plan.as_ref()
                    .map(|plan| page::store_plan(tx, sender.index, plan, now))
                    .transpose()
            })?,
        };
        if let Some(place) = place {
            let cursor = Cursor::read(&response.cursor)?.unwrap_or_default();
            response.cursor = Cursor {
                plan: Some(place),
                ..cursor
            }
            .to_bytes();
        }
        Ok(page::encode(&response))
    }

    /// The office's order to wipe the device, signed for this request.
    fn wipe_order(
        &self,
        connection: &Connection,
        sender: &Sender,
        request: &[u8],
    ) -> Result<Option<WipeOrder>, StoreError> {
        let requested_at = devices::wipe_requested_at(connection, sender.index)?;
        Ok(requested_at.map(|requested_at| WipeOrder {
            requested_at,
            signature: self
                .keys
                .key
                .sign(&wipe_message(requested_at, sender.device, request)),
        }))
    }

    fn blank(&self, now: Timestamp, sender: &Sender, asked: &Asked, request: &[u8]) -> Response {
        Response {
            cursor: asked.cursor.to_bytes(),
            through: asked.cursor.seq,
            more: false,
            time: now,
            time_signature: self
                .keys
                .key
                .sign(&time_message(now, sender.device, request)),
            verdicts: Vec::new(),
            entries: Vec::new(),
            snapshots: Vec::new(),
            evictions: Vec::new(),
            tickets: Vec::new(),
            devices: Vec::new(),
            actors: Vec::new(),
            catalogue: None,
            epoch: None,
            backed_up: None,
            wipe: None,
            sheet_log: None,
        }
    }
}

pub(super) struct Feed<'a> {
    pub(super) connection: &'a Connection,
    pub(super) sender: &'a Sender,
    pub(super) asked: &'a Asked,
}

impl Feed<'_> {
    fn fill(&self, mut response: Response) -> Result<(Response, Option<Plan>), SyncError> {
        let c = self.connection;
        if self.sender.revoked {
            let mut cursor = self.asked.cursor;
            cursor.verdict_seq = verdicts(c, self.sender, self.asked, u64::MAX, &mut response)?;
            response.cursor = cursor.to_bytes();
            return Ok((response, None));
        }
        let (end, changes) = (log_end(c)?, visibility::newest_change(c)?);
        if organisation::current_version(c)? != self.asked.catalogue
            && let Some(catalogue) = organisation::current(c)?
        {
            let json = serde_json::to_vec(&catalogue)
                .map_err(|_| StoreError::Malformed { what: "catalogue" })?;
            response.catalogue = Some(json);
        }
        response.devices = self.devices()?;
        let mut page = Page {
            feed: self,
            response,
            cursor: self.asked.cursor,
            end,
            changes,
        };
        let mut plan = None;
        if page.response.devices.len() == DEVICES_MAX {
            page.response.more = true;
        } else {
            let pending = page::pending(c, self.sender.index, page.cursor)?;
            let all_told = pending.is_some() || page.entries()?;
            if all_told {
                plan = page.snapshots(pending)?;
            }
            page.drop_unreadable()?;
            let cursor = page.cursor;
            page.response.more |= plan.is_some()
                || cursor.plan.is_some()
                || cursor.seq < end
                || cursor.visible < changes;
        }
        let (mut response, mut cursor) = (page.response, page.cursor);
        cursor.verdict_seq = verdicts(c, self.sender, self.asked, cursor.seq, &mut response)?;
        response.through = cursor.seq;
        response.cursor = cursor.to_bytes();
        Ok((response, plan))
    }

    fn devices(&self) -> Result<Vec<DeviceRecord>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT idx, device, person, public_key, certificate FROM devices
             LEFT JOIN device_certificates ON device_idx = idx WHERE idx > ?1 ORDER BY idx LIMIT ?2",
        )?;
        let rows = statement.query_map(
            params![sql_index(self.asked.directory), DEVICES_MAX as i64],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, [u8; 16]>(1)?,
                    row.get::<_, Option<String>>(2)?,
                    row.get(3)?,
                    row.get::<_, Option<Vec<u8>>>(4)?,
                ))
            },
        )?;
        rows.map(|row| {
            let (index, device, person, key, certificate) = row?;
            // The desk is never forgotten.
            let certificate = certificate.filter(|_| person.is_some());
            let person = person.as_deref().unwrap_or(DESK_PERSON).parse::<PersonId>();
            Ok(DeviceRecord {
                index: index.cast_unsigned(),
                device: gongdan_core::ids::DeviceId::from_bytes(device),
                person: person.map_err(|_| StoreError::Malformed {
                    what: "devices.person",
                })?,
                key,
                attestation: certificate.map(|bytes| attestation(&bytes)).transpose()?,
            })
        })
        .collect()
    }

    /// Entries of documents that the device has. Its own are left out where this request carries them, for
    /// then it hears their verdicts; others of its own it may have forgotten, being restored from a backup.
    pub(super) fn entries(&self, cursor: &Cursor, end: u64) -> Result<Vec<Entry>, StoreError> {
        if cursor.seq == end {
            return Ok(Vec::new());
        }
        let hashes = self.asked.hashes.iter();
        let carried: Vec<String> = hashes.map(|hash| hash.to_string().to_uppercase()).collect();
        let carried = serde_json::to_string(&carried).expect("texts are JSON");
        let mut statement = self.connection.prepare_cached(
            "SELECT l.seq, l.ticket_index, l.part, l.device_idx, l.base, i.changeset
             FROM log l CROSS JOIN visibility v ON v.person = ?1 AND v.ticket_index = l.ticket_index AND v.part = l.part
             CROSS JOIN inbox i ON i.hash = l.changeset
             WHERE l.seq > ?2 AND l.seq <= ?3 AND v.visible = 1
               AND (l.device_idx <> ?4 OR hex(l.changeset) NOT IN (SELECT value FROM json_each(?7)))
               AND l.seq > v.seq AND (v.change <= ?5 OR v.held_by = ?4)
             ORDER BY l.seq LIMIT ?6",
        )?;
        let rows = statement.query_map(
            params![
                self.sender.person.as_str(),
                sql_index(cursor.seq) + i64::from(planted::is(Defect::CursorOffByOne)),
                sql_index(end),
                self.sender.index,
                sql_index(cursor.visible),
                entries_max() as i64,
                carried,
            ],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get::<_, i64>(3)?,
                    row.get::<_, String>(4)?,
                    row.get::<_, Vec<u8>>(5)?,
                ))
            },
        )?;
        rows.map(|row| {
            let (seq, ticket, part, device, base, bytes) = row?;
            let changeset: gongdan_core::sync::changeset::Changeset = codec::decode(&bytes)
                .map_err(|_| StoreError::Malformed {
                    what: "inbox.changeset",
                })?;
            let base = match base.as_str() {
                "known" => BaseHint::Known,
                "genesis" => BaseHint::Genesis,
                _ => BaseHint::Explicit(changeset.header.base.clone()),
            };
            let desk = device == crate::auth::identity::DESK_INDEX;
            Ok(Entry {
                seq: seq.cast_unsigned(),
                part: PartIndex((ticket << 2 | part).cast_unsigned()),
                device_index: device.cast_unsigned(),
                person: desk.then(|| changeset.header.person.clone()),
                base,
                changeset,
            })
        })
        .collect()
    }

    /// Records of tickets that this device opened and that were admitted since.
    pub(super) fn records(
        &self,
        cursor: &Cursor,
        end: u64,
    ) -> Result<Vec<TicketRecord>, StoreError> {
        if cursor.seq == end {
            return Ok(Vec::new());
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT t.ticket_index, t.id, t.number, t.created_seq, t.opener, t.opened_on
             FROM log l CROSS JOIN tickets t ON t.ticket_index = l.ticket_index AND t.created_seq = l.seq
             WHERE l.seq > ?1 AND l.seq <= ?2 AND t.opened_on = ?3",
        )?;
        let rows = statement.query_map(
            params![sql_index(cursor.seq), sql_index(end), self.sender.index],
            |row| Ok(tickets::read(row)),
        )?;
        rows.map(|row| row?.map(record)).collect()
    }
}

/// The parts that an answer brings whole, for the audit chain; `None` if there are none.
fn given(response: &Response) -> Option<audit::Detail> {
    let tickets: audit::Detail = response
        .snapshots
        .iter()
        .map(|snapshot| {
            let names = snapshot.parts.iter().map(|given| given.part.name().into());
            (
                snapshot.ticket.ticket.to_string(),
                serde_json::Value::Array(names.collect()),
            )
        })
        .collect();
    (!tickets.is_empty()).then(|| audit::about("tickets", tickets))
}

/// What a phone is told of a ticket's row.
pub(super) fn record(row: tickets::TicketRow) -> TicketRecord {
    let id: TicketId = row.id;
    TicketRecord {
        ticket: id,
        index: row.index,
        number: row.number,
    }
}

const TWICE: Verdict = Verdict::Quarantined {
    reason: QuarantineReason::SequenceTwice,
};

/// Adds the verdicts: of the request's changesets, and those that changed since the cursor. The number to go
/// on from, which stays where an admission lies past `through`: the phone applies entries in the log's order.
fn verdicts(
    c: &Connection,
    sender: &Sender,
    asked: &Asked,
    through: u64,
    response: &mut Response,
) -> Result<u64, StoreError> {
    let since = asked.cursor.verdict_seq;
    let end: i64 = c
        .prepare_cached("SELECT verdict_seq FROM relay_state")?
        .query_row([], |row| row.get(0))?;
    let mut end = end.cast_unsigned();
    let mut told: BTreeMap<u32, Verdict> = BTreeMap::new();
    let mut stays = false;
    let mut tell = |told: &mut BTreeMap<u32, Verdict>, sequence: u32, verdict: Verdict| {
        if matches!(verdict, Verdict::Admitted { seq } if seq > through)
            && !planted::is(Defect::AdmissionTooEarly)
        {
            stays = true;
        } else {
            told.insert(sequence, verdict);
        }
    };
    if end > since {
        let mut statement = c.prepare_cached(
            "SELECT device_sequence, verdict, verdict_seq, EXISTS (SELECT 1 FROM inbox other
                 WHERE other.device_idx = i.device_idx AND other.device_sequence = i.device_sequence
                   AND other.id <> i.id)
             FROM inbox i WHERE device_idx = ?1 AND verdict_seq > ?2 ORDER BY verdict_seq LIMIT ?3",
        )?;
        let rows = statement
            .query_map(
                params![sender.index, sql_index(since), VERDICTS_MAX as i64],
                |row| {
                    Ok((
                        row.get::<_, u32>(0)?,
                        row.get::<_, Vec<u8>>(1)?,
                        row.get::<_, i64>(2)?,
                        row.get::<_, bool>(3)?,
                    ))
                },
            )?
            .collect::<Result<Vec<_>, _>>()?;
        if rows.len() == VERDICTS_MAX {
            response.more = true;
            end = rows.last().map_or(end, |row| row.2.cast_unsigned());
        }
        for (sequence, bytes, _, twice) in rows {
            let verdict = codec::decode(&bytes).map_err(|_| StoreError::Malformed {
                what: "inbox.verdict",
            })?;
            // Which of two the asking store has, nobody can tell: it hears that there are two.
            let verdict = if twice { TWICE } else { verdict };
            tell(&mut told, sequence, verdict);
        }
    }
    // A request's own changesets last: of two of one number it hears of the one it sent.
    for hash in &asked.hashes {
        if let Some(row) = inbox::by_hash(c, *hash)?
            && let Some(verdict) = row.verdict
        {
            let sequence = row.changeset.header.device_sequence;
            told.remove(&sequence);
            tell(&mut told, sequence, verdict);
        }
    }
    response.verdicts = told
        .into_iter()
        .map(|(device_sequence, verdict)| DeviceVerdict {
            device_sequence,
            verdict,
        })
        .collect();
    Ok(if stays { since } else { end })
}

fn attestation(certificate: &[u8]) -> Result<Attestation, StoreError> {
    let certificate =
        DeviceCertificate::from_bytes(certificate).map_err(|_| StoreError::Malformed {
            what: "device_certificates.certificate",
        })?;
    Ok(Attestation {
        serial: certificate.statement.serial,
        issued_at: certificate.statement.issued_at,
        signature: certificate.signature,
        origin: certificate.statement.origin,
    })
}
