//! The organisation's key, and the certificates that it signs for devices.
//!
//! Invariant: the key is made once, with the database; a device has one certificate, made with it or at the
//! first start of a program that knows of certificates. A certificate gives a device its place back, and nobody
//! a right.

use gongdan_core::catalogue::Person;
use gongdan_core::ids::PersonId;
use gongdan_core::sync::certificate::{
    Algorithm, CertifiedDevice, DeviceCertificate, Statement, VERSION,
};
use gongdan_core::sync::keys::DeviceKey;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::devices::{self, Device};
use super::{incarnation, users};
use crate::host::Host;
use crate::store::StoreError;

/// The organisation's key, made if there is none yet.
pub fn load_or_create(tx: &Transaction<'_>, host: &Host) -> Result<DeviceKey, StoreError> {
    let found: Option<[u8; 32]> = tx
        .query_row("SELECT secret_key FROM organisation_key", [], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(secret) = found {
        return Ok(DeviceKey::from_bytes(&secret));
    }
    let secret = host.random::<32>();
    tx.execute(
        "INSERT INTO organisation_key (only, secret_key, created_at) VALUES (1, ?1, ?2)",
        params![secret, host.now().seconds()],
    )?;
    Ok(DeviceKey::from_bytes(&secret))
}

/// Certifies every device that has no certificate, the desk included; how many there were.
pub fn issue_missing(
    tx: &Transaction<'_>,
    organisation: &DeviceKey,
    host: &Host,
) -> Result<usize, StoreError> {
    let missing: Vec<i64> = tx
        .prepare(
            "SELECT idx FROM devices WHERE idx NOT IN (SELECT device_idx FROM device_certificates) ORDER BY idx",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for index in &missing {
        of(tx, organisation, *index, host)?;
    }
    Ok(missing.len())
}

/// The certificate of a device, made if it has none.
pub fn of(
    tx: &Transaction<'_>,
    organisation: &DeviceKey,
    device_index: i64,
    host: &Host,
) -> Result<DeviceCertificate, StoreError> {
    if let Some(certificate) = find(tx, device_index)? {
        return Ok(certificate);
    }
    let device = devices::by_index(tx, device_index)?.ok_or(StoreError::Malformed {
        what: "devices.idx",
    })?;
    let serial: i64 = tx.query_row(
        // Past those that a lost database may have given: no device's number is past its epoch's block.
        "SELECT max(coalesce((SELECT max(serial) FROM device_certificates), 0),
                    coalesce((SELECT max(device_floor) FROM epochs), 0)) + 1",
        [],
        |row| row.get(0),
    )?;
    let now = host.now();
    let statement = statement(&device, u64::try_from(serial).unwrap_or(0), now);
    let certificate = DeviceCertificate::issue(organisation, statement);
    tx.execute(
        "INSERT INTO device_certificates (serial, device_idx, certificate, issued_at) VALUES (?1, ?2, ?3, ?4)",
        params![serial, device_index, certificate.to_bytes(), now.seconds()],
    )?;
    Ok(certificate)
}

/// What becomes of a device that shows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Return {
    /// It is known, now or before.
    Known,
    /// Another device has its key.
    KeyTaken,
}

/// Takes a device back that this database does not know though the organisation certified it: it was enrolled
/// after the backup from which the database goes on. Its person, where not known either, comes back without a
/// role and inactive: such a device may upload, and what it brings waits for a person.
pub fn take_back(
    tx: &Transaction<'_>,
    certificate: &DeviceCertificate,
    certified: &CertifiedDevice,
    person: &PersonId,
    host: &Host,
) -> Result<Return, StoreError> {
    let (device, now) = (certified.device(), host.now());
    if let Some(known) = devices::find(tx, device)? {
        let same = known.public_key == *certified.key();
        return Ok(if same {
            Return::Known
        } else {
            Return::KeyTaken
        });
    }
    if devices::by_key(tx, certified.key())?.is_some() {
        return Ok(Return::KeyTaken);
    }
    if users::find(tx, person)?.is_none() {
        let unknown = Person {
            id: person.clone(),
            name: person.to_string(),
            roles: Vec::new(),
            group: None,
            skills: Vec::new(),
            unit: None,
        };
        users::upsert(tx, &unknown, now)?;
        users::set_active(tx, person, false)?;
    }
    let name = person.as_str();
    let index = devices::insert(tx, device, person, name, certified.key(), now)?;
    if let Some(origin) = certificate.statement.origin {
        incarnation::note_origin(tx, index, origin)?;
    }
    // A serial that was given again since stays with whom it was given to; this one gets another when it asks.
    tx.execute(
        "INSERT INTO device_certificates (serial, device_idx, certificate, issued_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
        params![
            i64::try_from(certificate.statement.serial).unwrap_or(i64::MAX),
            index,
            certificate.to_bytes(),
            certificate.statement.issued_at.seconds()
        ],
    )?;
    Ok(Return::Known)
}

/// The certificate of a device, if it has one.
pub fn find(
    connection: &Connection,
    device_index: i64,
) -> Result<Option<DeviceCertificate>, StoreError> {
    let bytes: Option<Vec<u8>> = connection
        .prepare_cached("SELECT certificate FROM device_certificates WHERE device_idx = ?1")?
        .query_row([device_index], |row| row.get(0))
        .optional()?;
    bytes
        .map(|bytes| {
            DeviceCertificate::from_bytes(&bytes).map_err(|_| StoreError::Malformed {
                what: "device_certificates.certificate",
            })
        })
        .transpose()
}

fn statement(device: &Device, serial: u64, now: gongdan_core::clock::Timestamp) -> Statement {
    Statement {
        version: VERSION,
        serial,
        device: device.device,
        algorithm: Algorithm::Ed25519,
        key: *device.public_key.as_bytes(),
        issued_at: now,
        person: device.person.clone(),
        origin: device.origin,
    }
}
