//! A phone that was put back to a backup, or copied: two of it write under one name. The one that hears of it
//! goes on as a device of its own, the next incarnation, and what it has not heard a final word of goes again
//! under the new name ([decision](../../docs/decisions/0013-a-copied-phone-becomes-a-device-of-its-own.md)).
//!
//! Invariant: every step may be broken off and made again. The salt of the new key is stored before the server
//! hears of the key; the switch is one transaction; commands keep their ids, so none takes effect twice, and
//! none leaves the outbox.

use super::{Chain, Identity, OwnCertificate, Replica, get, meta, put};
use crate::ids::{ActorId, DeviceId};
use crate::store::{KeptRow, Origin, OutboxState, StoreError, StoreTxn};
use crate::sync::changeset::Changeset;
use crate::sync::codec;
use crate::sync::keys::{DeviceKey, PublicKey};
use crate::sync::protocol::PartIndex;
use minicbor::{Decode, Encode};

/// Kept changesets that are handed over at a time.
const KEPT_PAGE: usize = 500;

/// What an incarnation's key is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Salt(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 16],
);

impl Salt {
    /// The key of the incarnation.
    pub(super) fn key(self, host: &DeviceKey) -> DeviceKey {
        host.incarnation(&self.0)
    }
}

impl Replica {
    /// Whether this device has heard that another writes under its name: it is to ask for an incarnation of its
    /// own (`POST /v1/incarnation`) with the key of [`Replica::begin_incarnation`].
    pub fn is_split(&mut self) -> Result<bool, StoreError> {
        let mut split = false;
        self.store.read(&mut |txn| {
            split = get::<bool>(txn, meta::SPLIT)?.unwrap_or(false);
            Ok(())
        })?;
        Ok(split)
    }

    /// The public key of the next incarnation; the same one until it begins. The server is to hear of it by a
    /// request that the present key signs.
    pub fn begin_incarnation(&mut self) -> Result<PublicKey, StoreError> {
        let fresh = Salt(self.entropy.bytes());
        let mut salt = fresh;
        self.store.write(&mut |txn| {
            salt = next(txn)?.unwrap_or(fresh);
            put(txn, meta::NEXT_INCARNATION, &Some(salt))
        })?;
        Ok(salt.key(&self.host_key).public())
    }

    /// Goes on as `device`, which the server made of the key of [`Replica::begin_incarnation`], with its
    /// certificate. What is under way, held or quarantined goes again under the new name, as it was, in place
    /// of what went before; everything is asked for anew.
    pub fn incarnate(
        &mut self,
        device: DeviceId,
        certificate: Option<&OwnCertificate>,
    ) -> Result<(), StoreError> {
        let identity = Identity {
            device,
            ..self.identity.clone()
        };
        let mut salt = None;
        self.store.write(&mut |txn| {
            salt = next(txn)?;
            let Some(salt) = salt else {
                return Ok(());
            };
            put(txn, meta::INCARNATION, &salt)?;
            put(txn, meta::NEXT_INCARNATION, &None::<Salt>)?;
            put(txn, meta::CERTIFICATE, &certificate)?;
            put(txn, meta::SPLIT, &false)?;
            put(txn, meta::IDENTITY, &identity)?;
            put(txn, meta::CHAIN, &Chain::default())?;
            // Its sheets are a chain of their own.
            put(txn, meta::SHEETS, &None::<u32>)?;
            put(txn, meta::WANT, &Vec::<PartIndex>::new())?;
            txn.put_meta(meta::CURSOR, &[])?;
            unseal(txn)?;
            hand_over(txn)
        })?;
        let Some(salt) = salt else {
            return Ok(());
        };
        self.key = salt.key(&self.host_key);
        self.identity = identity;
        self.actor = ActorId(self.entropy.bytes());
        self.awaiting = None;
        self.spell_out = true;
        Ok(())
    }

    /// The key that this device signs with: the host's, or its present incarnation's.
    pub const fn key(&self) -> &DeviceKey {
        &self.key
    }
}

/// What was settled under the old name is now another device's: a restored server is given it as such. A backup
/// holds all of it once its log is longer than what was heard of.
fn hand_over(txn: &mut dyn StoreTxn) -> Result<(), StoreError> {
    let place = get::<u64>(txn, meta::NEWEST)?.unwrap_or(0) + 1;
    loop {
        let rows = txn.kept(Origin::Own, 0, KEPT_PAGE)?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            txn.delete_kept(row.id)?;
            txn.put_kept(&KeptRow {
                id: 0,
                origin: Origin::Others,
                place,
                entries: Vec::new(),
                ..row
            })?;
        }
    }
}

fn next(txn: &mut dyn StoreTxn) -> Result<Option<Salt>, StoreError> {
    Ok(get::<Option<Salt>>(txn, meta::NEXT_INCARNATION)?.flatten())
}

/// Takes back what was sealed and has no final word; what was refused stays as its author's own text.
fn unseal(txn: &mut dyn StoreTxn) -> Result<(), StoreError> {
    for sealed in txn.all_sealed()? {
        let changeset: Changeset =
            codec::decode(&sealed.changeset).map_err(|_| StoreError::Malformed {
                what: "a sealed changeset",
            })?;
        for id in &sealed.entries {
            let Some(mut entry) = txn.entry(*id)? else {
                continue;
            };
            if entry.state == OutboxState::Refused {
                continue;
            }
            entry.state = OutboxState::Pending;
            entry.device_sequence = None;
            entry.verdict = None;
            entry.replaces = Some(changeset.hash());
            txn.put_entry(&entry)?;
        }
        txn.delete_sealed(sealed.device_sequence)?;
    }
    Ok(())
}
