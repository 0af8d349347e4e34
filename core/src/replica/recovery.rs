//! After the server was restored from a backup: what it lost is given back, and compared.
//!
//! ```text
//! kept      every own changeset with its final verdict, and every entry of others, until the server signs
//!           that a verified backup holds it
//! giving    another epoch was told: own kept ones go back to the outbox as in flight, others' are carried,
//!           mirrors are set aside
//! settling  all is given; parts that the server has not sent are asked for
//! reporting what was set aside holds more than what the server sent: said by ticket, and kept here
//! ```
//! Invariant: nothing that this device held as changesets is dropped before the server has it again; what it
//! held as a snapshot only stays set aside until the server has it or was told that it does not.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};

use super::request::{HEAD_BYTES, sent_bytes};
use super::{get, meta, put};
use crate::document::TicketDoc;
use crate::ids::{DeviceId, PartRef, TicketId, TicketNumber};
use crate::limits;
use crate::store::{KeptRow, Origin, OutboxEntry, OutboxState, SealedRow, StoreError, StoreTxn};
use crate::sync::certificate::DeviceCertificate;
use crate::sync::changeset::Changeset;
use crate::sync::codec;
use crate::sync::protocol::{GivenBack, Outgoing, PartIndex, Response};

/// Changesets, or missing parts, in one request.
const PAGE: usize = 500;

/// Where giving back stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Recovery {
    #[n(0)]
    stage: Stage,
    /// Rows up to here are with the server.
    #[n(1)]
    done: u64,
    /// Rows up to here are in the request whose answer is awaited.
    #[n(2)]
    asked: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
enum Stage {
    #[n(0)]
    Giving,
    /// Everything is given; parts that were not sent are not asked for yet.
    #[n(1)]
    Settling,
    /// They are.
    #[n(2)]
    Wanting,
    #[n(3)]
    Reporting,
}

fn at(stage: Stage) -> Recovery {
    Recovery {
        stage,
        done: 0,
        asked: 0,
    }
}

fn current(txn: &mut dyn StoreTxn) -> Result<Option<Recovery>, StoreError> {
    Ok(get::<Option<Recovery>>(txn, meta::RECOVERY)?.flatten())
}

fn set(txn: &mut dyn StoreTxn, recovery: Option<Recovery>) -> Result<(), StoreError> {
    put(txn, meta::RECOVERY, &recovery)
}

/// Whether something is being given back: then nothing that the server was told is referred to.
pub(super) fn is_on(txn: &mut dyn StoreTxn) -> Result<bool, StoreError> {
    Ok(current(txn)?.is_some())
}

/// A sealed changeset is done with here. It is kept, with the entries that leave the outbox with it, until a
/// backup of the server is known to hold it.
pub(super) fn retire(
    txn: &mut dyn StoreTxn,
    sealed: SealedRow,
    entries: Vec<OutboxEntry>,
) -> Result<(), StoreError> {
    let changeset = decode(&sealed.changeset)?;
    txn.put_kept(&KeptRow {
        id: 0,
        origin: Origin::Own,
        place: u64::from(sealed.device_sequence),
        part: changeset.header.part_ref(),
        changeset: sealed.changeset,
        entries,
    })?;
    txn.delete_sealed(sealed.device_sequence)
}

/// Another's changeset came by the log, and was executed and verified.
pub(super) fn keep_others(
    txn: &mut dyn StoreTxn,
    seq: u64,
    changeset: &Changeset,
) -> Result<(), StoreError> {
    keep(txn, Origin::Others, seq, changeset)
}

/// Another device's changeset is to go along.
pub(super) fn carry(txn: &mut dyn StoreTxn, changeset: &Changeset) -> Result<(), StoreError> {
    keep(txn, Origin::Carried, 0, changeset)
}

fn keep(
    txn: &mut dyn StoreTxn,
    origin: Origin,
    place: u64,
    changeset: &Changeset,
) -> Result<(), StoreError> {
    txn.put_kept(&KeptRow {
        id: 0,
        origin,
        place,
        part: changeset.header.part_ref(),
        changeset: codec::encode(changeset),
        entries: Vec::new(),
    })?;
    Ok(())
}

pub(super) fn decode(bytes: &[u8]) -> Result<Changeset, StoreError> {
    codec::decode(bytes).map_err(|_| StoreError::Malformed {
        what: "a kept changeset",
    })
}

/// Takes over what a response says of epoch and backups.
pub(super) fn heard(txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
    let known = get::<Option<u32>>(txn, meta::EPOCH)?.flatten();
    if let Some(epoch) = response.epoch {
        put(txn, meta::EPOCH, &epoch)?;
        // A store from before epochs were noted, that starts from the beginning again, may be in any.
        let synced = get::<u64>(txn, meta::NEWEST)?.is_some_and(|newest| newest > 0);
        if known.map_or(synced, |known| known != epoch) {
            return begin(txn);
        }
    }
    if let Some(backed_up) = &response.backed_up {
        if known.is_none() {
            put(txn, meta::EPOCH, &backed_up.epoch)?;
        }
        // While giving back, a backup may be older than what was given.
        if !is_on(txn)? {
            txn.forget_kept(Origin::Own, u64::from(backed_up.device_sequence))?;
            txn.forget_kept(Origin::Others, backed_up.log)?;
        }
    }
    Ok(())
}

fn begin(txn: &mut dyn StoreTxn) -> Result<(), StoreError> {
    txn.set_mirrors_aside()?;
    txn.mark_blobs_unsent()?;
    // What the server said of them, it may have forgotten.
    for state in [OutboxState::Held, OutboxState::Quarantined] {
        for mut entry in txn.entries_in(state)? {
            entry.state = OutboxState::InFlight;
            txn.put_entry(&entry)?;
        }
    }
    put(txn, meta::EVICT, &Vec::<PartIndex>::new())?;
    put(txn, meta::WANT, &Vec::<PartIndex>::new())?;
    loop {
        let rows = txn.kept(Origin::Own, 0, PAGE)?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let device_sequence = u32::try_from(row.place).unwrap_or(u32::MAX);
            for mut entry in row.entries.iter().cloned() {
                entry.state = OutboxState::InFlight;
                entry.verdict = None;
                entry.device_sequence = Some(device_sequence);
                txn.put_entry(&entry)?;
            }
            txn.put_sealed(&SealedRow {
                device_sequence,
                changeset: row.changeset,
                entries: row.entries.iter().map(|entry| entry.id).collect(),
            })?;
            txn.delete_kept(row.id)?;
        }
    }
    set(txn, Some(at(Stage::Giving)))
}

/// What the next request gives back, besides `changesets`, of whose bytes it takes what they leave.
pub(super) fn give(
    txn: &mut dyn StoreTxn,
    changesets: &[Outgoing],
) -> Result<GivenBack, StoreError> {
    let mut given = GivenBack::default();
    let own = changesets
        .iter()
        .map(|outgoing| sent_bytes(&outgoing.changeset));
    let mut room = Room {
        bytes: limits::REQUEST_BYTES_AIM.saturating_sub(own.sum()),
        // What is too large for any request's rest goes alone.
        takes_any: changesets.is_empty(),
    };
    let carried = load(txn, Origin::Carried, 0, &mut given.carried, &mut room)?;
    put(txn, meta::CARRIED, &carried)?;
    let Some(mut recovery) = current(txn)? else {
        return Ok(given);
    };
    recovery.asked = recovery.done;
    match recovery.stage {
        Stage::Giving => {
            recovery.asked = load(
                txn,
                Origin::Others,
                recovery.done,
                &mut given.carried,
                &mut room,
            )?;
            given.certificates = certificates(txn, &given.carried)?;
        }
        Stage::Settling | Stage::Wanting => {}
        Stage::Reporting => {
            for row in txn.asides(recovery.done, PAGE)? {
                let mut heads = row.heads;
                heads.truncate(limits::BASE_HEADS_MAX);
                if !room.takes(HEAD_BYTES * (1 + heads.len())) {
                    break;
                }
                given.missing.push((row.part, heads));
                recovery.asked = row.id;
            }
        }
    }
    let outgoing = changesets.iter().map(|outgoing| &outgoing.changeset);
    for ticket in outgoing
        .chain(&given.carried)
        .map(|changeset| changeset.header.ticket)
        .collect::<std::collections::BTreeSet<TicketId>>()
    {
        if let Some(number) = number(txn, ticket)? {
            given.numbers.push((ticket, number));
        }
    }
    given.numbers.truncate(limits::REQUEST_CHANGESETS_MAX);
    set(txn, Some(recovery))?;
    Ok(given)
}

/// Of the devices whose changesets go along: the server may have forgotten them.
fn certificates(
    txn: &mut dyn StoreTxn,
    carried: &[Changeset],
) -> Result<Vec<DeviceCertificate>, StoreError> {
    let devices: BTreeSet<DeviceId> = carried.iter().map(|c| c.header.device).collect();
    let mut certificates = Vec::new();
    for index in 0..=get::<u64>(txn, meta::DIRECTORY)?.unwrap_or(0) {
        if certificates.len() == devices.len().min(limits::CERTIFICATES_MAX) {
            break;
        }
        let record = txn.device(index)?;
        let of_carried = record.filter(|record| devices.contains(&record.device));
        certificates.extend(of_carried.and_then(|record| record.certificate()));
    }
    Ok(certificates)
}

/// What a request takes still.
struct Room {
    bytes: usize,
    takes_any: bool,
}

impl Room {
    fn takes(&mut self, bytes: usize) -> bool {
        let taken = self.takes_any || bytes <= self.bytes;
        if taken {
            self.bytes = self.bytes.saturating_sub(bytes);
            self.takes_any = false;
        }
        taken
    }
}

/// What there is room for of what is kept after an id; the last one's id.
fn load(
    txn: &mut dyn StoreTxn,
    origin: Origin,
    after: u64,
    carried: &mut Vec<Changeset>,
    room: &mut Room,
) -> Result<u64, StoreError> {
    let mut last = after;
    for row in txn.kept(origin, after, PAGE)? {
        let changeset = decode(&row.changeset)?;
        if !room.takes(sent_bytes(&changeset)) {
            break;
        }
        carried.push(changeset);
        last = row.id;
    }
    Ok(last)
}

fn number(txn: &mut dyn StoreTxn, ticket: TicketId) -> Result<Option<TicketNumber>, StoreError> {
    Ok(txn.ticket(ticket)?.and_then(|row| row.summary.number))
}

/// After a response was applied: what is left to do. `true`: ask again at once.
pub(super) fn go_on(txn: &mut dyn StoreTxn, response: &Response) -> Result<bool, StoreError> {
    let carried = get::<u64>(txn, meta::CARRIED)?.unwrap_or(0);
    let mut more = false;
    for row in txn.kept(Origin::Carried, 0, PAGE)? {
        if row.id <= carried {
            txn.delete_kept(row.id)?;
        } else {
            more = true;
        }
    }
    Ok(more | give_on(txn, response)?)
}

fn give_on(txn: &mut dyn StoreTxn, response: &Response) -> Result<bool, StoreError> {
    let Some(mut recovery) = current(txn)? else {
        return Ok(false);
    };
    recovery.done = recovery.asked;
    if recovery.stage == Stage::Giving
        && txn.kept(Origin::Others, recovery.done, 1)?.is_empty()
        && txn.entries_in(OutboxState::InFlight)?.is_empty()
    {
        recovery = at(Stage::Settling);
    }
    if recovery.stage == Stage::Settling && !response.more {
        // The server has them in its inbox, admitted or not: a backup holds them once its log is longer.
        txn.move_kept(response.through + 1)?;
        want_what_was_not_sent(txn)?;
        recovery = at(Stage::Wanting);
    }
    if recovery.stage == Stage::Wanting
        && !response.more
        && get::<Vec<PartIndex>>(txn, meta::WANT)?.is_none_or(|want| want.is_empty())
    {
        compare(txn)?;
        recovery = at(Stage::Reporting);
    }
    if recovery.stage == Stage::Reporting && txn.asides(recovery.done, 1)?.is_empty() {
        set(txn, None)?;
        return Ok(false);
    }
    set(txn, Some(recovery))?;
    Ok(recovery.stage != Stage::Settling || response.more)
}

/// What the server has a number for but sent no snapshot of in this epoch: a part whose beginning was given
/// back, perhaps with less on it than there is here.
fn want_what_was_not_sent(txn: &mut dyn StoreTxn) -> Result<(), StoreError> {
    let mut want: Vec<PartIndex> = get(txn, meta::WANT)?.unwrap_or_default();
    let mut after = 0;
    loop {
        let rows = txn.asides(after, PAGE)?;
        let Some(last) = rows.last() else {
            break;
        };
        after = last.id;
        for row in rows.iter().filter(|row| !row.replaced) {
            if let Some(index) = txn.ticket(row.part.ticket)?.and_then(|row| row.index) {
                want.push(PartIndex::new(index, row.part.part));
            }
        }
    }
    want.sort_unstable();
    want.dedup();
    put(txn, meta::WANT, &want)
}

/// Drops of what was set aside what the server's own holds too.
fn compare(txn: &mut dyn StoreTxn) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let rows = txn.asides(after, PAGE)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.id;
        for row in &rows {
            let told = txn
                .ticket(row.part.ticket)?
                .is_some_and(|t| t.index.is_some());
            if told && holds(txn, row.part, &row.heads)? {
                txn.delete_aside(row.id)?;
            }
        }
    }
}

fn holds(
    txn: &mut dyn StoreTxn,
    part: PartRef,
    heads: &[crate::ids::ChangeHash],
) -> Result<bool, StoreError> {
    let Some(mirror) = txn.mirror(part)? else {
        return Ok(false);
    };
    if mirror.heads == heads {
        return Ok(true);
    }
    let doc = TicketDoc::load(part.part, &mirror.document).map_err(|_| StoreError::Malformed {
        what: "a mirror's document",
    })?;
    Ok(doc.contains(heads))
}
