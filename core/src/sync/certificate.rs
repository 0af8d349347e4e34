//! Certificates of devices: the organisation says whose a device's key is.
//!
//! Invariant: whoever holds the organisation's public key can tell, with no server at hand, that a changeset
//! was signed by a device that the organisation enrolled for a person. A certificate has one encoding
//! (deterministic CBOR, `codec`), never changes, and says nothing about revocation: what was signed stays
//! signed, and whether it counts is the server's to say.

use minicbor::{Decode, Encode};

use super::changeset::Changeset;
use super::codec::{self, Malformed};
use super::keys::{DeviceKey, PublicKey, Signature};
use crate::clock::Timestamp;
use crate::ids::{DeviceId, PersonId};

/// What a device signs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    #[n(0)]
    Ed25519,
}

/// What is certified. Fields are in the order of their codes; the encoding is a CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Statement {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// Counted from 1 over all certificates of the organisation.
    #[n(1)]
    pub serial: u64,
    /// The device.
    #[n(2)]
    pub device: DeviceId,
    /// What its key is for.
    #[n(3)]
    pub algorithm: Algorithm,
    /// Its public key.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// When it was certified.
    #[n(5)]
    pub issued_at: Timestamp,
    /// Whose it is; `None` for the organisation's own, on which the console's people write.
    #[n(6)]
    pub person: Option<PersonId>,
    /// The device that was enrolled by a code, where this one is an incarnation of it: a server that was
    /// restored learns by it whose work this device may go on with.
    #[n(7)]
    pub origin: Option<DeviceId>,
}

/// The version of [`Statement`].
pub const VERSION: u32 = 1;

/// A statement with the organisation's signature. Not yet verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceCertificate {
    /// What is certified.
    #[n(0)]
    pub statement: Statement,
    /// The organisation's, over `gongdan device certificate v1` and the statement.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

/// A device that the organisation vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedDevice {
    device: DeviceId,
    person: Option<PersonId>,
    key: PublicKey,
}

/// Why a certificate, or a changeset under one, does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The certificate has a version that is not known here.
    #[error("verify certificate: unknown version")]
    Version,
    /// The certified bytes are no key, or a weak one.
    #[error("verify certificate: not a key")]
    Key,
    /// The organisation did not sign this certificate.
    #[error("verify certificate: not signed by the organisation")]
    Certificate,
    /// The changeset names another device, or a person that the device is not of.
    #[error("verify changeset: of another device or person")]
    Author,
    /// The device did not sign this changeset.
    #[error("verify changeset: not signed by the device")]
    Changeset,
    /// The signed header does not hold this body.
    #[error("verify changeset: another body was signed")]
    Body,
}

impl DeviceCertificate {
    /// Certifies a device's key with the organisation's.
    pub fn issue(organisation: &DeviceKey, statement: Statement) -> Self {
        let signature = organisation.sign(&signed_bytes(&statement));
        Self {
            statement,
            signature,
        }
    }

    /// The device, if the organisation of this key signed.
    ///
    /// # Errors
    /// [`Distrust`] says what does not hold.
    pub fn verify(&self, organisation: &PublicKey) -> Result<CertifiedDevice, Distrust> {
        if self.statement.version != VERSION {
            return Err(Distrust::Version);
        }
        let key = PublicKey::from_bytes(self.statement.key).ok_or(Distrust::Key)?;
        if !organisation.verifies(&signed_bytes(&self.statement), &self.signature) {
            return Err(Distrust::Certificate);
        }
        Ok(CertifiedDevice {
            device: self.statement.device,
            person: self.statement.person.clone(),
            key,
        })
    }

    /// As it travels and is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a certificate.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

impl CertifiedDevice {
    /// The device.
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// Whose it is; `None` for the organisation's own.
    pub const fn person(&self) -> Option<&PersonId> {
        self.person.as_ref()
    }

    /// Its key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Goes on only if this device signed `changeset` for a person that it is of. A body that was erased
    /// (it is empty then) is not held against the header, which still verifies.
    ///
    /// # Errors
    /// [`Distrust`] says what does not hold.
    pub fn check(&self, changeset: &Changeset) -> Result<(), Distrust> {
        let header = &changeset.header;
        let is_theirs = self
            .person
            .as_ref()
            .is_none_or(|person| *person == header.person);
        if header.device != self.device || !is_theirs {
            return Err(Distrust::Author);
        }
        if !changeset.header_is_signed_by(&self.key) {
            return Err(Distrust::Changeset);
        }
        if !changeset.body.is_empty() && !changeset.body_matches() {
            return Err(Distrust::Body);
        }
        Ok(())
    }
}

fn signed_bytes(statement: &Statement) -> Vec<u8> {
    let mut message = b"gongdan device certificate v1\n".to_vec();
    message.extend_from_slice(&codec::encode(statement));
    message
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn key(seed: u8) -> DeviceKey {
        DeviceKey::from_bytes(&[seed; 32])
    }

    fn statement(person: Option<&str>) -> Statement {
        Statement {
            version: VERSION,
            serial: 7,
            device: DeviceId::from_bytes([8; 16]),
            algorithm: Algorithm::Ed25519,
            key: *key(3).public().as_bytes(),
            issued_at: Timestamp(1_795_305_660),
            person: person.map(|person| person.parse().unwrap()),
            origin: None,
        }
    }

    #[test]
    fn what_the_organisation_signed_holds_and_nothing_else() {
        let certificate = DeviceCertificate::issue(&key(1), statement(Some("W001")));
        let device = certificate.verify(&key(1).public()).unwrap();
        assert_eq!(device.key(), &key(3).public());
        assert_eq!(device.person().unwrap().as_str(), "W001");
        assert_eq!(
            certificate.verify(&key(2).public()),
            Err(Distrust::Certificate)
        );
        for change in [
            |s: &mut Statement| s.serial += 1,
            |s: &mut Statement| s.device = DeviceId::from_bytes([9; 16]),
            |s: &mut Statement| s.key = *key(4).public().as_bytes(),
            |s: &mut Statement| s.issued_at = Timestamp(0),
            |s: &mut Statement| s.person = None,
            |s: &mut Statement| s.origin = Some(DeviceId::from_bytes([9; 16])),
        ] {
            let mut forged = certificate.clone();
            change(&mut forged.statement);
            assert_eq!(forged.verify(&key(1).public()), Err(Distrust::Certificate));
        }
        let mut newer = certificate.clone();
        newer.statement.version = 2;
        assert_eq!(newer.verify(&key(1).public()), Err(Distrust::Version));
    }

    #[test]
    fn a_certificate_has_one_encoding() {
        for person in [Some("W001"), None] {
            let certificate = DeviceCertificate::issue(&key(1), statement(person));
            let bytes = certificate.to_bytes();
            assert_eq!(DeviceCertificate::from_bytes(&bytes), Ok(certificate));
            assert!(DeviceCertificate::from_bytes(&bytes[..bytes.len() - 1]).is_err());
            assert!(DeviceCertificate::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        }
        let statement = codec::encode(&statement(Some("W001")));
        let written: String = statement.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            written,
            "87010750080808080808080808080808080808080058\
             20ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1\
             1a6b0230bc6457303031"
        );
    }
}
