//! Devices that a restored server does not know, and what they signed.
//!
//! A device that enrolled after the backup comes back by its certificate, which it shows itself, or a colleague's
//! with what it signed. What is brought without one is put by.
//! Invariant: nothing is taken in whose signature is not proved by a key that the organisation certified; what
//! cannot be proved yet is put by as long as gaps are open after a restore, within its bringer's quota.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::DeviceId;
use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Relay, Sender, SyncError, epoch, given_back, inbox};
use crate::audit::{self, Action, Actor};
use crate::auth::certificates::{self, Return};
use crate::auth::devices;
use crate::host::Host;
use crate::store::StoreError;

impl Relay {
    /// A device came back by its certificate: what was put by of it is taken in.
    ///
    /// # Errors
    /// The database fails.
    pub fn returned(&self, now: Timestamp, device: DeviceId) -> Result<(), SyncError> {
        let author = self.db.write(|tx| take_in(tx, device, now))?;
        if let Some(author) = author {
            self.judge_device(author)?;
        }
        Ok(())
    }
}

/// Knows the devices whose certificates a sender shows; those that were not known.
pub(super) fn know(
    tx: &Transaction<'_>,
    host: &Host,
    now: Timestamp,
    sender: &Sender,
    shown: &[DeviceCertificate],
) -> Result<Vec<DeviceId>, StoreError> {
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let organisation = certificates::load_or_create(tx, host)?.public();
    let mut new = Vec::new();
    for certificate in shown {
        let Ok(certified) = certificate.verify(&organisation) else {
            continue;
        };
        let device = certified.device();
        let Some(person) = certified.person() else {
            continue;
        };
        if devices::find(tx, device)?.is_some()
            || certificates::take_back(tx, certificate, &certified, person, host)? != Return::Known
        {
            continue;
        }
        // Whoever was revoked goes by none of his names.
        if sender.revoked && *person == sender.person {
            devices::revoke(tx, device, None, now)?;
        }
        let detail = audit::about("person", person.as_str());
        let actor = Actor::Device(sender.device);
        audit::append(tx, now, &actor, Action::DeviceEnrolled, detail)?;
        new.push(device);
    }
    Ok(new)
}

/// Puts a changeset by whose device is not known; whether it is new. After a restore only: at other times no
/// honest phone brings any.
pub(super) fn put_by(
    tx: &Transaction<'_>,
    sender: &Sender,
    changeset: &Changeset,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let device = changeset.header.device;
    if devices::find(tx, device)?.is_some() || !epoch::is_open(tx, now)? {
        return Ok(false);
    }
    let added = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO strangers (hash, device, changeset, brought_by, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            changeset.hash().0,
            device.as_bytes(),
            codec::encode(changeset),
            sender.index,
            now.seconds()
        ])?;
    Ok(added > 0)
}

/// Takes in what was put by of a device that is known now; its index, where there was something.
pub(super) fn take_in(
    tx: &Transaction<'_>,
    device: DeviceId,
    now: Timestamp,
) -> Result<Option<i64>, StoreError> {
    let is_any = "SELECT 1 FROM strangers WHERE device = ?1 LIMIT 1";
    let is_any = tx
        .prepare_cached(is_any)?
        .query_row([device.as_bytes()], |_| Ok(()))
        .optional()?;
    let known = devices::find(tx, device)?;
    let (Some(()), Some(known)) = (is_any, known) else {
        return Ok(None);
    };
    let put_by: Vec<Vec<u8>> = tx
        .prepare_cached("DELETE FROM strangers WHERE device = ?1 RETURNING changeset")?
        .query_map([device.as_bytes()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for bytes in put_by {
        let changeset: Changeset = codec::decode(&bytes).map_err(|_| StoreError::Malformed {
            what: "strangers.changeset",
        })?;
        if given_back::author(tx, &changeset)? == Some(known.index) {
            inbox::insert(tx, &changeset, known.index, now)?;
        }
    }
    Ok(Some(known.index))
}
