//! What is added after the signing, outside the signed bytes: the receipt was taken, the follow-up's result in
//! the 备注 box (X8), with its own author and time.
//!
//! Invariant: an addendum names one sheet and bears its device's own signature; it can neither change the sheet
//! nor be moved to another.

use minicbor::{Decode, Encode};

use crate::clock::Timestamp;
use crate::ids::{DeviceId, PersonId, SheetHash};
use crate::sync::codec::{self, Malformed};
use crate::sync::keys::{DeviceKey, PublicKey, Signature};

const DOMAIN: &[u8] = b"gongdan addendum v1\n";

/// What an addendum says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cbor(index_only)]
pub enum AddendumKind {
    /// A remark, such as the follow-up's result (R96).
    #[n(0)]
    Remark,
    /// The customer photographed the QR code or wrote the code down.
    #[n(1)]
    ReceiptTaken,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Note {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// The sheet it is about.
    #[n(1)]
    pub sheet: SheetHash,
    /// What it says.
    #[n(2)]
    pub kind: AddendumKind,
    /// In words; empty where the kind says it all.
    #[n(3)]
    pub text: String,
    /// On which device.
    #[n(4)]
    pub device: DeviceId,
    /// Who.
    #[n(5)]
    pub person: PersonId,
    /// When, by that device's clock.
    #[n(6)]
    pub at: Timestamp,
}

/// A note with its device's signature. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Addendum {
    /// What is signed.
    #[n(0)]
    pub note: Note,
    /// The device's, over `gongdan addendum v1` and the note.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

impl Addendum {
    /// Signs a note.
    pub fn sign(key: &DeviceKey, note: Note) -> Self {
        let signature = key.sign(&signed_bytes(&note));
        Self { note, signature }
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.note.version == 1 && key.verifies(&signed_bytes(&self.note), &self.signature)
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of an addendum.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

fn signed_bytes(note: &Note) -> Vec<u8> {
    let mut message = DOMAIN.to_vec();
    message.extend_from_slice(&codec::encode(note));
    message
}
