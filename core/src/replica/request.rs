//! Outbox to request: what is pending is sealed here, one changeset per part and chain.

use std::collections::BTreeSet;

use super::{Chain, Replica, get, meta, put, recovery, sheet_log};
use crate::document::TicketDoc;
use crate::ids::PartRef;
use crate::limits;
use crate::planted::{self, Defect};
use crate::store::{BlobState, OutboxEntry, OutboxState, SealedRow, StoreError, StoreTxn};
use crate::sync::changeset::{self, Changeset, Header};
use crate::sync::codec;
use crate::sync::protocol::{BaseHint, Outgoing, PartIndex, Request, Unsent};
use crate::sync::wire::encode_request;
use crate::ticket::Authored;

/// What a changeset's header and a command's place in a body take at most, beside heads and the command itself.
const OVERHEAD_BYTES: usize = 256;
/// One head as it travels.
pub(super) const HEAD_BYTES: usize = 34;

/// A request that an answer is awaited for.
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    /// The numbers of the changesets in it.
    pub(super) carried: BTreeSet<u32>,
}

impl Replica {
    /// The bytes of the next `POST /v1/sync`. Entries become in flight; ask again after [`Replica::receive`]
    /// where it says so. An answer that never comes costs nothing: the same changesets go again.
    pub fn next_request(&mut self) -> Result<Vec<u8>, StoreError> {
        let mut spell_out = self.spell_out;
        let (mut bytes, mut carried) = (Vec::new(), BTreeSet::new());
        let (key, identity, entropy) = (&self.key, &self.identity, &mut self.entropy);
        self.store.write(&mut |txn| {
            // Without a place in the log nothing that was told is to be referred to.
            let cursor = txn.meta(meta::CURSOR)?.unwrap_or_default();
            spell_out |= cursor.is_empty();
            seal_pending(txn, identity, entropy, key)?;
            let through = get::<u64>(txn, meta::THROUGH)?.unwrap_or(0);
            // A server in another epoch has other heads and numbers than it told.
            let explicit = spell_out || recovery::is_on(txn)?;
            let changesets = outgoing(txn, through, spell_out, explicit)?;
            let given_back = recovery::give(txn, &changesets)?;
            carried = numbers(&changesets);
            let unsent = unsent(txn, &carried)?;
            let request = Request {
                cursor: if spell_out { Vec::new() } else { cursor },
                catalogue: get::<u32>(txn, "catalogue_version")?.unwrap_or(0),
                directory: get::<u64>(txn, meta::DIRECTORY)?.unwrap_or(0),
                want: get::<Vec<PartIndex>>(txn, meta::WANT)?.unwrap_or_default(),
                changesets,
                given_back,
                unsent,
                sheet_log: if spell_out {
                    sheet_log::kept_size(txn)?
                } else {
                    None
                },
            };
            bytes = encode_request(&request);
            Ok(())
        })?;
        self.awaiting = Some(Sent {
            bytes: bytes.clone(),
            carried,
        });
        Ok(bytes)
    }

    /// Everything that has no final verdict, sealed and whole, for another to carry: a colleague's phone, a
    /// rescue file. It stays here as it is, in flight; the server takes each in once, whoever brings it.
    pub fn courier_load(&mut self) -> Result<Vec<Changeset>, StoreError> {
        let mut load = Vec::new();
        let (key, identity, entropy) = (&self.key, &self.identity, &mut self.entropy);
        self.store.write(&mut |txn| {
            load.clear();
            while !txn.entries_in(OutboxState::Pending)?.is_empty() {
                seal_pending(txn, identity, entropy, key)?;
            }
            for row in txn.all_sealed()? {
                load.push(recovery::decode(&row.changeset)?);
            }
            Ok(())
        })?;
        Ok(load)
    }

    /// Takes another device's load along: it goes with the next requests, and is dropped once it is at the
    /// server, which leaves out what its author did not sign.
    pub fn carry(&mut self, load: Vec<Changeset>) -> Result<(), StoreError> {
        self.store
            .write(&mut |txn| load.iter().try_for_each(|of| recovery::carry(txn, of)))
    }

    /// The server could not resolve a reference, or is in another epoch: the next request spells
    /// everything out and asks for everything.
    pub fn spell_out(&mut self) {
        self.spell_out = true;
    }

    /// Whether a request would carry commands.
    pub fn has_to_send(&mut self) -> Result<bool, StoreError> {
        let mut any = false;
        self.store.read(&mut |txn| {
            any = !txn.entries_in(OutboxState::Pending)?.is_empty()
                || !txn.entries_in(OutboxState::InFlight)?.is_empty();
            Ok(())
        })?;
        Ok(any)
    }
}

fn numbers(changesets: &[Outgoing]) -> BTreeSet<u32> {
    let headers = changesets.iter().map(|of| &of.changeset.header);
    headers.map(|header| header.device_sequence).collect()
}

/// What waits and does not go with the changesets of these numbers: entries past a request's size, and
/// attachments, which go by themselves.
fn unsent(txn: &mut dyn StoreTxn, goes: &BTreeSet<u32>) -> Result<Option<Unsent>, StoreError> {
    let mut waits = txn.entries_in(OutboxState::Pending)?;
    waits.extend(txn.entries_in(OutboxState::InFlight)?);
    waits.retain(|entry| entry.device_sequence.is_none_or(|at| !goes.contains(&at)));
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let unsent = Unsent {
        commands: count(waits.len()),
        oldest: waits.iter().map(|entry| entry.at).min(),
        attachments: count(txn.blobs_in(BlobState::Unsent)?.len()),
    };
    Ok((unsent.commands > 0 || unsent.attachments > 0).then_some(unsent))
}

/// Seals what is pending, as much as goes in one request.
fn seal_pending(
    txn: &mut dyn StoreTxn,
    identity: &super::Identity,
    entropy: &mut super::entropy::Entropy,
    key: &crate::sync::keys::DeviceKey,
) -> Result<(), StoreError> {
    let mut chain: Chain = get(txn, meta::CHAIN)?.unwrap_or_default();
    for group in groups(txn.entries_in(OutboxState::Pending)?) {
        chain.device_sequence += 1;
        let changeset = seal(&group, identity, chain, entropy.bytes(), key);
        chain.link = changeset.link();
        let entries = group.iter().map(|e| e.id).collect();
        let device_sequence = chain.device_sequence;
        if !(planted::is(Defect::SealedLost) && changeset.header.act.is_some()) {
            txn.put_sealed(&SealedRow {
                device_sequence,
                changeset: codec::encode(&changeset),
                entries,
            })?;
        }
        for mut entry in group {
            entry.state = OutboxState::InFlight;
            entry.device_sequence = Some(device_sequence);
            txn.put_entry(&entry)?;
        }
    }
    if planted::is(Defect::ChainNotStored) {
        return Ok(());
    }
    put(txn, meta::CHAIN, &chain)
}

/// Chains of entries, each a changeset, in the order of their first entries.
fn groups(pending: Vec<OutboxEntry>) -> Vec<Vec<OutboxEntry>> {
    let mut groups: Vec<Vec<OutboxEntry>> = Vec::new();
    let mut open: std::collections::HashMap<PartRef, usize> = std::collections::HashMap::new();
    let mut bytes = 0;
    for entry in pending {
        bytes += codec::encode(&entry.command).len();
        // An act goes whole or not at all; the rest waits for the next request.
        let begins = entry.act.is_none_or(|act| act.place == 0);
        if begins
            && (bytes > limits::REQUEST_BYTES_AIM
                || groups.len() + 3 > limits::REQUEST_CHANGESETS_MAX)
        {
            break;
        }
        let part = entry.part_ref();
        if entry.act.is_some() {
            open.remove(&part);
            groups.push(vec![entry]);
            continue;
        }
        let follows = open.get(&part).copied().filter(|at| {
            let group: &Vec<OutboxEntry> = &groups[*at];
            let last = &group[group.len() - 1];
            last.actor == entry.actor
                && entry.base == [last.hash]
                && entry.sequence == last.sequence + 1
                // What goes a second time goes alone: a command of it may be in the log already.
                && entry.replaces.is_none()
                && last.replaces.is_none()
                && group.len() < limits::CHANGESET_COMMANDS_MAX
                && body_bytes(group) + body_bytes(std::slice::from_ref(&entry))
                    <= limits::CHANGESET_ITEMS_MAX
        });
        match follows {
            Some(at) => groups[at].push(entry),
            None => {
                open.insert(part, groups.len());
                groups.push(vec![entry]);
            }
        }
    }
    groups
}

/// What these come to in a changeset's body, at most.
fn body_bytes(entries: &[OutboxEntry]) -> usize {
    entries
        .iter()
        .map(|entry| codec::encode(&entry.command).len() + OVERHEAD_BYTES)
        .sum()
}

fn seal(
    group: &[OutboxEntry],
    identity: &super::Identity,
    chain: Chain,
    salt: changeset::Salt,
    key: &crate::sync::keys::DeviceKey,
) -> Changeset {
    let (first, last) = (&group[0], &group[group.len() - 1]);
    let commands: Vec<Authored> = group
        .iter()
        .map(|e| Authored {
            id: e.command_id,
            at: e.at,
            command: e.command.clone(),
        })
        .collect();
    let header = Header {
        version: 1,
        ticket: first.ticket,
        part: first.part,
        device: identity.device,
        person: identity.person.clone(),
        actor: first.actor,
        first_sequence: first.sequence,
        base: first.base.clone(),
        at: first.at,
        body: [0; 32],
        pin: changeset::pin(last.hash),
        catalogue: first.catalogue,
        device_sequence: chain.device_sequence,
        previous: chain.link,
        anchor: first.anchor,
        act: first.act.map(|act| act.link(chain.device_sequence)),
        replaces: first.replaces,
    };
    Changeset::seal(header, &commands, salt, key)
}

/// What a changeset takes of a request, at most, before compression.
pub(super) fn sent_bytes(changeset: &Changeset) -> usize {
    changeset.body.len() + HEAD_BYTES * changeset.header.base.len() + OVERHEAD_BYTES
}

/// What is sealed and has no verdict yet, or `all` that is sealed, with how its base can be told: `explicit`ly,
/// or by what the server told. The oldest that fit a request; the rest goes with the next, once these have
/// their verdicts.
fn outgoing(
    txn: &mut dyn StoreTxn,
    through: u64,
    all: bool,
    explicit: bool,
) -> Result<Vec<Outgoing>, StoreError> {
    let mut out: Vec<Outgoing> = Vec::new();
    let mut bytes = 0;
    // What the server sends no entries of (any more) has other heads there than here.
    let mut apart: Vec<PartIndex> = get(txn, meta::EVICT)?.unwrap_or_default();
    apart.append(&mut get(txn, meta::WANT)?.unwrap_or_default());
    for row in txn.all_sealed()? {
        let in_flight = match row.entries.first() {
            Some(id) => txn
                .entry(*id)?
                .is_some_and(|e| e.state == OutboxState::InFlight),
            // Its commands went on elsewhere: a restored server is given it for the device's sequence.
            None => true,
        };
        if !in_flight && !all {
            continue;
        }
        if out.len() == limits::REQUEST_CHANGESETS_MAX {
            break;
        }
        let changeset: Changeset =
            minicbor::decode(&row.changeset).map_err(|_| StoreError::Malformed {
                what: "a sealed changeset",
            })?;
        bytes += sent_bytes(&changeset);
        if bytes > limits::REQUEST_BYTES_AIM && !out.is_empty() {
            break;
        }
        let part = changeset.header.part_ref();
        let mirror = txn.mirror(part)?;
        let base = &changeset.header.base;
        let index = txn.ticket(part.ticket)?.and_then(|row| row.index);
        let apart = index.is_some_and(|index| apart.contains(&PartIndex::new(index, part.part)));
        let told = !explicit && index.is_some();
        let hint = match mirror {
            _ if *base == TicketDoc::genesis(part.part).heads() => BaseHint::Genesis,
            Some(mirror) if told && !apart && mirror.seq > 0 && mirror.heads == *base => {
                if mirror.seq <= through {
                    BaseHint::Known
                } else {
                    BaseHint::AtSeq(mirror.seq)
                }
            }
            _ => BaseHint::Explicit(base.clone()),
        };
        let ticket_index = index.filter(|_| !explicit);
        out.push(Outgoing {
            changeset,
            ticket_index,
            base: hint,
        });
    }
    Ok(out)
}
