//! Requests: packing on the phone, unpacking and resolving on the server.

use minicbor::{Decode, Encode};

use super::{RawUp, WireChangeset, WireRest};
use crate::clock::Timestamp;
use crate::ids::{ActorId, ChangeHash, DeviceId, Part, PartRef, PersonId, TicketId};
use crate::limits;
use crate::sync::certificate::DeviceCertificate;
use crate::sync::changeset::{Changeset, Header, Link, body_hash};
use crate::sync::codec::{self, Malformed, RawReader};
use crate::sync::protocol::{BaseHint, GivenBack, PartIndex, Request, Unsent};

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireRequest {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    cursor: Vec<u8>,
    #[n(1)]
    catalogue: u32,
    #[n(2)]
    directory: u64,
    #[n(3)]
    want: Vec<PartIndex>,
    #[n(4)]
    changesets: Option<WireChangesets>,
    /// To a restored server, or a courier's.
    #[n(5)]
    given_back: Option<WireGivenBack>,
    #[n(6)]
    unsent: Option<Unsent>,
    #[n(7)]
    sheet_log: Option<u64>,
}

#[derive(Debug, Default, PartialEq, Eq, Encode, Decode)]
struct WireGivenBack {
    #[n(0)]
    carried: Vec<Changeset>,
    #[n(1)]
    numbers: Vec<ReturnedNumber>,
    #[n(2)]
    missing: Vec<MissingPart>,
    #[n(3)]
    certificates: Option<Vec<DeviceCertificate>>,
}

/// Its ticket's id is spelled out: a restored server may not know the ticket.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct ReturnedNumber {
    #[n(0)]
    ticket: TicketId,
    #[n(1)]
    number: super::WireNumber,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct MissingPart {
    #[n(0)]
    ticket: TicketId,
    #[n(1)]
    part: Part,
    #[n(2)]
    heads: Vec<ChangeHash>,
}

#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireChangesets {
    #[n(0)]
    first_device_sequence: u32,
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    previous: Link,
    #[n(2)]
    catalogue: u32,
    #[n(3)]
    anchor: i64,
    #[n(4)]
    actors: Vec<ActorId>,
    #[n(5)]
    tickets: Vec<TicketId>,
    #[n(6)]
    items: Vec<WireChangeset>,
    /// Links of changesets that do not follow the one before them, in order.
    #[n(7)]
    links: Vec<super::super::changeset::LinkBytes>,
}

/// Packs a request.
pub fn encode_request(request: &Request) -> Vec<u8> {
    let mut raw = Vec::new();
    let changesets = request.changesets.first().map(|first| {
        let first = &first.changeset.header;
        let mut wire = WireChangesets {
            first_device_sequence: first.device_sequence,
            previous: first.previous,
            catalogue: first.catalogue,
            anchor: first.anchor.seconds(),
            actors: Vec::new(),
            tickets: Vec::new(),
            items: Vec::new(),
            links: Vec::new(),
        };
        let mut before: Option<&Changeset> = None;
        for outgoing in &request.changesets {
            let changeset = &outgoing.changeset;
            let header = &changeset.header;
            let part = match outgoing.ticket_index {
                Some(index) => PartIndex::new(index, header.part).0.cast_signed(),
                None => {
                    -1 - (place(&mut wire.tickets, header.ticket) << 2
                        | i64::from(header.part.code()))
                }
            };
            let follows = before.is_none_or(|b| {
                b.header.device_sequence + 1 == header.device_sequence
                    && b.link() == header.previous
            });
            if !follows {
                wire.links.push(header.previous.into());
            }
            let rest = WireRest {
                catalogue: (header.catalogue != wire.catalogue).then_some(header.catalogue),
                anchor: (header.anchor.seconds() != wire.anchor).then_some(header.anchor.seconds()),
                act: header.act,
                replaces: header.replaces,
                device_sequence: (!follows).then_some(header.device_sequence),
                person: None,
            };
            let actor = place(&mut wire.actors, header.actor);
            wire.items.push(WireChangeset {
                part,
                base: outgoing.base.clone(),
                actor: u32::try_from(actor).expect("a request has a bounded number of changesets"),
                first_sequence: header.first_sequence,
                seconds: header.at.seconds() - before.map_or(0, |b| b.header.at.seconds()),
                body: changeset.body.clone(),
                rest: rest.some(),
            });
            raw.extend_from_slice(&changeset.signature);
            raw.extend_from_slice(&changeset.salt);
            raw.extend_from_slice(&header.pin);
            before = Some(changeset);
        }
        wire
    });
    let wire = WireRequest {
        cursor: request.cursor.clone(),
        catalogue: request.catalogue,
        directory: request.directory,
        want: request.want.clone(),
        changesets,
        given_back: (!request.given_back.is_empty()).then(|| wire_given_back(&request.given_back)),
        unsent: request.unsent,
        sheet_log: request.sheet_log,
    };
    codec::frame(&codec::encode(&wire), &raw, codec::LEVEL_EXCHANGE)
}

fn wire_given_back(back: &GivenBack) -> WireGivenBack {
    let numbers = back.numbers.iter().map(|(ticket, number)| ReturnedNumber {
        ticket: *ticket,
        number: (*number).into(),
    });
    let missing = back.missing.iter().map(|(part, heads)| MissingPart {
        ticket: part.ticket,
        part: part.part,
        heads: heads.clone(),
    });
    WireGivenBack {
        carried: back.carried.clone(),
        numbers: numbers.collect(),
        missing: missing.collect(),
        certificates: (!back.certificates.is_empty()).then(|| back.certificates.clone()),
    }
}

/// The logical form of what is given back; counts and changesets' form are checked.
fn given_back(wire: WireGivenBack) -> Result<GivenBack, Malformed> {
    let counts = [wire.carried.len(), wire.numbers.len(), wire.missing.len()];
    let certificates = wire.certificates.unwrap_or_default();
    if counts
        .iter()
        .any(|count| *count > limits::REQUEST_CHANGESETS_MAX)
        || certificates.len() > limits::CERTIFICATES_MAX
        || wire
            .missing
            .iter()
            .any(|part| part.heads.len() > limits::BASE_HEADS_MAX)
    {
        return Err(Malformed::TooLarge);
    }
    for changeset in &wire.carried {
        changeset.check_form()?;
    }
    let numbers = wire.numbers.into_iter().map(|of| {
        let number = of.number.try_into()?;
        Ok((of.ticket, number))
    });
    let missing = wire.missing.into_iter().map(|of| {
        let (ticket, part) = (of.ticket, of.part);
        (PartRef { ticket, part }, of.heads)
    });
    Ok(GivenBack {
        carried: wire.carried,
        numbers: numbers.collect::<Result<_, Malformed>>()?,
        missing: missing.collect(),
        certificates,
    })
}

fn place<T: PartialEq>(table: &mut Vec<T>, value: T) -> i64 {
    let at = table
        .iter()
        .position(|held| *held == value)
        .unwrap_or_else(|| {
            table.push(value);
            table.len() - 1
        });
    i64::try_from(at).expect("a request has a bounded number of changesets")
}

/// A request as it came: well-formed, nothing in it resolved or verified.
pub struct Received {
    /// What the server gave last.
    pub cursor: Vec<u8>,
    /// The catalogue version held.
    pub catalogue: u32,
    /// Devices known.
    pub directory: u64,
    /// Documents whose snapshot is wanted.
    pub want: Vec<PartIndex>,
    /// The changesets, to be resolved in order.
    pub incoming: Incoming,
    /// What a restored server is given back. No signature is checked yet.
    pub given_back: GivenBack,
    /// What the device has and does not send with this.
    pub unsent: Option<Unsent>,
    /// The size of the log of sheets that the device has a checkpoint of.
    pub sheet_log: Option<u64>,
}

/// Changesets whose references are still to be resolved.
pub struct Incoming {
    wire: Option<WireChangesets>,
    raw: Vec<RawUp>,
}

/// Unpacks a request: size limits, frame, canonical form, counts.
pub fn decode_request(body: &[u8]) -> Result<Received, Malformed> {
    let (wire, raw): (WireRequest, _) = codec::open(body, codec::Bounds::REQUEST)?;
    let count = wire.changesets.as_ref().map_or(0, |c| c.items.len());
    if count > limits::REQUEST_CHANGESETS_MAX || wire.want.len() > limits::REQUEST_CHANGESETS_MAX {
        return Err(Malformed::TooLarge);
    }
    let mut reader = RawReader(raw);
    let raw = (0..count)
        .map(|_| {
            Ok(RawUp {
                signature: reader.take()?,
                salt: reader.take()?,
                pin: reader.take()?,
            })
        })
        .collect::<Result<_, Malformed>>()?;
    reader.finish()?;
    Ok(Received {
        cursor: wire.cursor,
        catalogue: wire.catalogue,
        directory: wire.directory,
        want: wire.want,
        incoming: Incoming {
            wire: wire.changesets,
            raw,
        },
        given_back: wire
            .given_back
            .map(given_back)
            .transpose()?
            .unwrap_or_default(),
        unsent: wire.unsent,
        sheet_log: wire.sheet_log,
    })
}

/// What the server looks up to fill in what the phone left out.
pub trait Resolver {
    /// Why a look-up failed on the server's side.
    type Error;
    /// The ticket of a running number.
    fn ticket(&self, index: u64) -> Result<Option<TicketId>, Self::Error>;
    /// The heads after the part's last log entry at or before `seq`, or before the reader's cursor.
    fn heads_at(
        &self,
        part: PartRef,
        seq: Option<u64>,
    ) -> Result<Option<Vec<ChangeHash>>, Self::Error>;
}

/// Why a changeset could not be put together.
#[derive(Debug)]
pub enum Unresolved<E> {
    /// It refers to what the server does not have: the phone is to send everything spelled out.
    Reference,
    /// Not of its form.
    Malformed(Malformed),
    /// The look-up failed.
    Lookup(E),
}

impl Incoming {
    /// How many changesets there are.
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether nothing in them refers to what the server has.
    pub fn is_spelled_out(&self) -> bool {
        self.wire.as_ref().is_none_or(|wire| {
            wire.items.iter().all(|item| {
                let told = matches!(item.base, BaseHint::Genesis | BaseHint::Explicit(_));
                told && item.part < 0
            })
        })
    }

    /// Puts the changesets together, as `device` of `person` must have signed them.
    pub fn resolve<R: Resolver>(
        self,
        device: DeviceId,
        person: &PersonId,
        resolver: &R,
    ) -> Result<Vec<Changeset>, Unresolved<R::Error>> {
        let Some(wire) = self.wire else {
            return Ok(Vec::new());
        };
        let mut out: Vec<Changeset> = Vec::with_capacity(wire.items.len());
        let mut links = wire.links.into_iter();
        for (item, raw) in wire.items.into_iter().zip(self.raw) {
            let rest = item.rest.unwrap_or_default();
            let part = part_of(item.part, &wire.tickets, resolver)?;
            let base = match item.base {
                BaseHint::Known => resolver.heads_at(part, None),
                BaseHint::AtSeq(seq) => resolver.heads_at(part, Some(seq)),
                BaseHint::Genesis => {
                    Ok(Some(crate::document::TicketDoc::genesis(part.part).heads()))
                }
                BaseHint::Explicit(heads) => Ok(Some(heads)),
            };
            let base = base
                .map_err(Unresolved::Lookup)?
                .ok_or(Unresolved::Reference)?;
            let actor = *wire
                .actors
                .get(item.actor as usize)
                .ok_or(Unresolved::Malformed(Malformed::Reference))?;
            let before = out.last();
            let (device_sequence, previous) = match (rest.device_sequence, before) {
                (Some(sequence), _) => {
                    let link = links
                        .next()
                        .ok_or(Unresolved::Malformed(Malformed::Reference))?;
                    (sequence, link.into())
                }
                (None, Some(before)) => {
                    let next = before.header.device_sequence.checked_add(1);
                    (
                        next.ok_or(Unresolved::Malformed(Malformed::Form))?,
                        before.link(),
                    )
                }
                (None, None) => (wire.first_device_sequence, wire.previous),
            };
            let at = before
                .map_or(0, |b| b.header.at.seconds())
                .saturating_add(item.seconds);
            let header = Header {
                version: 1,
                ticket: part.ticket,
                part: part.part,
                device,
                person: person.clone(),
                actor,
                first_sequence: item.first_sequence,
                base,
                at: Timestamp(at),
                body: body_hash(&raw.salt, &item.body),
                pin: raw.pin,
                catalogue: rest.catalogue.unwrap_or(wire.catalogue),
                device_sequence,
                previous,
                anchor: Timestamp(rest.anchor.unwrap_or(wire.anchor)),
                act: rest.act,
                replaces: rest.replaces,
            };
            let changeset = Changeset {
                header,
                body: item.body,
                salt: raw.salt,
                signature: raw.signature,
            };
            changeset.check_form().map_err(Unresolved::Malformed)?;
            out.push(changeset);
        }
        Ok(out)
    }
}

fn part_of<R: Resolver>(
    code: i64,
    tickets: &[TicketId],
    resolver: &R,
) -> Result<PartRef, Unresolved<R::Error>> {
    let form = || Unresolved::Malformed(Malformed::Reference);
    let known = code >= 0;
    let code = (if known { code } else { -1 - code }).cast_unsigned();
    let part = Part::from_code((code & 3) as u8).ok_or_else(form)?;
    let ticket = if known {
        resolver
            .ticket(code >> 2)
            .map_err(Unresolved::Lookup)?
            .ok_or(Unresolved::Reference)?
    } else {
        let place = usize::try_from(code >> 2).map_err(|_| form())?;
        *tickets.get(place).ok_or_else(form)?
    };
    Ok(PartRef { ticket, part })
}
