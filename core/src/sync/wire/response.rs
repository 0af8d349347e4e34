//! Responses: packing on the server, unpacking on the phone.

use minicbor::{Decode, Encode};

use super::{RawDown, WireChangeset, WireNumber, WireRest};
use crate::clock::Timestamp;
use crate::evidence::log::News;
use crate::ids::{ActorId, DeviceId, Part, TicketId};
use crate::sync::changeset::{Changeset, Header, body_hash};
use crate::sync::codec::{self, Malformed, RawReader};
use crate::sync::keys::Signature;
use crate::sync::protocol::{
    ActorRecord, BackedUp, DeviceRecord, DeviceVerdict, Entry, PartIndex, PartSnapshot, Response,
    TicketRecord, TicketSnapshot, WipeOrder,
};
use crate::sync::verdict::Verdict;

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireResponse {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    cursor: Vec<u8>,
    #[n(1)]
    through: u64,
    #[n(2)]
    more: bool,
    #[n(3)]
    time: i64,
    /// Nothing below is there in an idle answer.
    #[n(4)]
    news: Option<Box<WireNews>>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireNews {
    #[n(0)]
    verdicts: Vec<VerdictRun>,
    #[n(1)]
    devices: Vec<DeviceRecord>,
    #[n(2)]
    tickets: Vec<WireTicket>,
    #[n(3)]
    evictions: Vec<PartIndex>,
    #[n(4)]
    catalogue: Option<CatalogueJson>,
    #[n(5)]
    entry_actors: Vec<ActorId>,
    #[n(6)]
    entries: Vec<WireEntry>,
    #[n(7)]
    actors: Vec<ActorRecord>,
    #[n(8)]
    snapshots: Vec<WireSnapshot>,
    #[n(9)]
    epoch: Option<u32>,
    #[n(10)]
    backed_up: Option<BackedUp>,
    #[n(11)]
    wipe: Option<WipeOrder>,
    #[n(12)]
    sheet_log: Option<News>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct CatalogueJson(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    Vec<u8>,
);

/// A run of verdicts of consecutive changesets; `Admitted` counts up along it.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct VerdictRun {
    #[n(0)]
    first: u32,
    #[n(1)]
    count: u32,
    #[n(2)]
    verdict: Verdict,
}

/// A ticket's record; its id is in the raw section.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireTicket {
    /// Counted from the record before it.
    #[n(0)]
    index: i64,
    #[n(1)]
    number: Option<WireNumber>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireEntry {
    /// Counted from the entry before it.
    #[n(0)]
    seq: u64,
    #[n(1)]
    device: u64,
    /// Counted from the entry before it of the same device in this message.
    #[n(2)]
    device_sequence: i64,
    #[n(3)]
    catalogue: u32,
    /// Counted from the entry before it.
    #[n(4)]
    anchor: i64,
    #[n(5)]
    changeset: WireChangeset,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireSnapshot {
    #[n(0)]
    ticket: WireTicket,
    #[n(1)]
    parts: Vec<WirePart>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WirePart {
    #[n(0)]
    part: Part,
    #[n(1)]
    seq: u64,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    document: Vec<u8>,
}

fn wire_ticket(record: &TicketRecord, before: &mut u64, raw: &mut Vec<u8>) -> WireTicket {
    raw.extend_from_slice(record.ticket.as_bytes());
    let index = record.index.wrapping_sub(*before).cast_signed();
    *before = record.index;
    let number = record.number.map(WireNumber::from);
    WireTicket { index, number }
}

fn ticket_record(
    wire: WireTicket,
    before: &mut u64,
    raw: &mut RawReader<'_>,
) -> Result<TicketRecord, Malformed> {
    *before = before.wrapping_add(wire.index.cast_unsigned());
    let number = wire.number.map(TryInto::try_into).transpose()?;
    Ok(TicketRecord {
        ticket: TicketId::from_bytes(raw.take()?),
        index: *before,
        number,
    })
}

/// Packs a response at a zstd level.
pub fn encode_response(response: &Response, level: i32) -> Vec<u8> {
    let mut raw = response.time_signature.to_vec();
    let mut index = 0;
    let tickets: Vec<_> = response
        .tickets
        .iter()
        .map(|t| wire_ticket(t, &mut index, &mut raw))
        .collect();
    let mut entry_actors: Vec<ActorId> = Vec::new();
    let mut entries = Vec::with_capacity(response.entries.len());
    let mut before: Option<&Entry> = None;
    let mut sequences = std::collections::HashMap::new();
    for entry in &response.entries {
        let header = &entry.changeset.header;
        let actor = entry_actors
            .iter()
            .position(|a| *a == header.actor)
            .unwrap_or_else(|| {
                entry_actors.push(header.actor);
                entry_actors.len() - 1
            });
        let rest = WireRest {
            act: header.act,
            replaces: header.replaces,
            person: entry.person.clone(),
            ..WireRest::default()
        };
        let last: i64 = sequences
            .insert(entry.device_index, i64::from(header.device_sequence))
            .unwrap_or(0);
        entries.push(WireEntry {
            seq: entry.seq - before.map_or(0, |b| b.seq),
            device: entry.device_index,
            device_sequence: i64::from(header.device_sequence) - last,
            catalogue: header.catalogue,
            anchor: header.anchor.seconds()
                - before.map_or(0, |b| b.changeset.header.anchor.seconds()),
            changeset: WireChangeset {
                part: entry.part.0.cast_signed(),
                base: entry.base.clone(),
                actor: u32::try_from(actor).expect("a page has a bounded number of entries"),
                first_sequence: header.first_sequence,
                seconds: header.at.seconds()
                    - before.map_or(0, |b| b.changeset.header.at.seconds()),
                body: entry.changeset.body.clone(),
                rest: rest.some(),
            },
        });
        raw.extend_from_slice(&entry.changeset.signature);
        raw.extend_from_slice(&entry.changeset.salt);
        raw.extend_from_slice(&header.previous);
        before = Some(entry);
    }
    let mut index = 0;
    let snapshots: Vec<_> = response
        .snapshots
        .iter()
        .map(|s| WireSnapshot {
            ticket: wire_ticket(&s.ticket, &mut index, &mut raw),
            parts: s
                .parts
                .iter()
                .map(|p| WirePart {
                    part: p.part,
                    seq: p.seq,
                    document: p.document.clone(),
                })
                .collect(),
        })
        .collect();
    let news = WireNews {
        verdicts: runs(&response.verdicts),
        devices: response.devices.clone(),
        tickets,
        evictions: response.evictions.clone(),
        catalogue: response.catalogue.clone().map(CatalogueJson),
        entry_actors,
        entries,
        actors: response.actors.clone(),
        snapshots,
        epoch: response.epoch,
        backed_up: response.backed_up.clone(),
        wipe: response.wipe.clone(),
        sheet_log: response.sheet_log.clone(),
    };
    let idle = news.verdicts.is_empty()
        && news.devices.is_empty()
        && news.tickets.is_empty()
        && news.evictions.is_empty()
        && news.catalogue.is_none()
        && news.entries.is_empty()
        && news.actors.is_empty()
        && news.snapshots.is_empty()
        && news.epoch.is_none()
        && news.backed_up.is_none()
        && news.wipe.is_none()
        && news.sheet_log.is_none();
    let wire = WireResponse {
        cursor: response.cursor.clone(),
        through: response.through,
        more: response.more,
        time: response.time.seconds(),
        news: (!idle).then(|| Box::new(news)),
    };
    codec::frame(&codec::encode(&wire), &raw, level)
}

/// About how many bytes a snapshot adds to a page before compression.
pub fn encoded_length_estimate(snapshot: &TicketSnapshot) -> usize {
    24 + snapshot
        .parts
        .iter()
        .map(|p| p.document.len() + 12)
        .sum::<usize>()
}

fn runs(verdicts: &[DeviceVerdict]) -> Vec<VerdictRun> {
    let mut runs: Vec<VerdictRun> = Vec::new();
    for next in verdicts {
        if let Some(run) = runs.last_mut()
            && run.first.checked_add(run.count) == Some(next.device_sequence)
            && along(&run.verdict, run.count) == next.verdict
        {
            run.count += 1;
        } else {
            runs.push(VerdictRun {
                first: next.device_sequence,
                count: 1,
                verdict: next.verdict.clone(),
            });
        }
    }
    runs
}

fn along(first: &Verdict, steps: u32) -> Verdict {
    match first {
        Verdict::Admitted { seq } => Verdict::Admitted {
            seq: seq + u64::from(steps),
        },
        other => other.clone(),
    }
}

/// A response that is read as far as it goes without the directory of devices: its time, and the server's
/// signature over time and request.
pub struct OpenedResponse<'a> {
    wire: WireResponse,
    raw: RawReader<'a>,
    /// When the server answered.
    pub time: Timestamp,
    /// Over it, the device and the request (`time_message`).
    pub time_signature: Signature,
}

/// Reads a response's frame. What it refers to may be other than the reader knows, as long as nobody looked
/// whether it answers the reader's request.
///
/// # Errors
/// It is not of its form.
pub fn open_response(body: &[u8]) -> Result<OpenedResponse<'_>, Malformed> {
    let (wire, raw): (WireResponse, _) = codec::open(body, codec::Bounds::RESPONSE)?;
    let mut raw = RawReader(raw);
    let time = Timestamp(wire.time);
    let time_signature = raw.take()?;
    Ok(OpenedResponse {
        wire,
        raw,
        time,
        time_signature,
    })
}

/// Unpacks a response; `device` gives the device of a directory index, the response's own included.
///
/// # Errors
/// It is not of its form, or refers to nothing.
pub fn decode_response(
    body: &[u8],
    device: impl Fn(u64) -> Option<DeviceRecord>,
) -> Result<Response, Malformed> {
    unpack_response(open_response(body)?, device)
}

/// Unpacks a response that was opened; `device` gives the device of a directory index, the response's own
/// included.
///
/// # Errors
/// It is not of its form, or refers to nothing.
pub fn unpack_response(
    opened: OpenedResponse<'_>,
    device: impl Fn(u64) -> Option<DeviceRecord>,
) -> Result<Response, Malformed> {
    let OpenedResponse {
        wire,
        mut raw,
        time,
        time_signature,
    } = opened;
    let mut response = Response {
        cursor: wire.cursor,
        through: wire.through,
        more: wire.more,
        time,
        time_signature,
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
    };
    let Some(news) = wire.news else {
        raw.finish()?;
        return Ok(response);
    };
    let news = *news;
    for run in news.verdicts {
        let verdicts = response.verdicts.len().saturating_add(run.count as usize);
        if verdicts > crate::limits::RESPONSE_VERDICTS_MAX {
            return Err(Malformed::TooLarge);
        }
        for step in 0..run.count {
            let device_sequence = run.first.checked_add(step).ok_or(Malformed::Form)?;
            response.verdicts.push(DeviceVerdict {
                device_sequence,
                verdict: along(&run.verdict, step),
            });
        }
    }
    let mut index = 0;
    for ticket in news.tickets {
        response
            .tickets
            .push(ticket_record(ticket, &mut index, &mut raw)?);
    }
    response.devices = news.devices;
    response.evictions = news.evictions;
    response.catalogue = news.catalogue.map(|json| json.0);
    response.actors = news.actors;
    response.epoch = news.epoch;
    response.backed_up = news.backed_up;
    response.wipe = news.wipe;
    response.sheet_log = news.sheet_log;
    let find = |index: u64| {
        let own = response.devices.iter().find(|d| d.index == index).cloned();
        own.or_else(|| device(index))
    };
    let (mut seq, mut at, mut anchor) = (0u64, 0i64, 0i64);
    let mut sequences = std::collections::HashMap::new();
    for entry in news.entries {
        seq = seq.checked_add(entry.seq).ok_or(Malformed::Form)?;
        at = at.saturating_add(entry.changeset.seconds);
        anchor = anchor.saturating_add(entry.anchor);
        let raw = RawDown {
            signature: raw.take()?,
            salt: raw.take()?,
            previous: raw.take()?,
        };
        let last = sequences.entry(entry.device).or_insert(0i64);
        *last = last.saturating_add(entry.device_sequence);
        let rest = entry.changeset.rest.unwrap_or_default();
        let record = find(entry.device).ok_or(Malformed::Reference)?;
        let part = PartIndex(u64::try_from(entry.changeset.part).map_err(|_| Malformed::Form)?);
        let header = Header {
            version: 1,
            ticket: TicketId::from_bytes([0; 16]),
            part: part.part().ok_or(Malformed::Form)?,
            device: DeviceId::from_bytes(*record.device.as_bytes()),
            person: rest.person.clone().unwrap_or(record.person),
            actor: *news
                .entry_actors
                .get(entry.changeset.actor as usize)
                .ok_or(Malformed::Reference)?,
            first_sequence: entry.changeset.first_sequence,
            base: Vec::new(),
            at: Timestamp(at),
            body: body_hash(&raw.salt, &entry.changeset.body),
            pin: [0; 16],
            catalogue: entry.catalogue,
            device_sequence: u32::try_from(*last).map_err(|_| Malformed::Form)?,
            previous: raw.previous,
            anchor: Timestamp(anchor),
            act: rest.act,
            replaces: rest.replaces,
        };
        response.entries.push(Entry {
            seq,
            part,
            device_index: entry.device,
            person: rest.person,
            base: entry.changeset.base,
            changeset: Changeset {
                header,
                body: entry.changeset.body,
                salt: raw.salt,
                signature: raw.signature,
            },
        });
    }
    let mut index = 0;
    for snapshot in news.snapshots {
        let ticket = ticket_record(snapshot.ticket, &mut index, &mut raw)?;
        let parts = snapshot
            .parts
            .into_iter()
            .map(|p| PartSnapshot {
                part: p.part,
                seq: p.seq,
                document: p.document,
            })
            .collect();
        response.snapshots.push(TicketSnapshot { ticket, parts });
    }
    raw.finish()?;
    Ok(response)
}
