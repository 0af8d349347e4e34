//! The evidence file (`.gds`): one file that holds a sheet and all that is needed to check it.
//!
//! Invariant: every byte of it is bound by a signature or by a signed hash, or decides whether it decodes at all:
//! there is nothing in it that can be changed unseen.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::addendum::Addendum;
use super::seal::SignedSheet;
use crate::ids::BlobHash;
use crate::limits;
use crate::sync::certificate::DeviceCertificate;
use crate::sync::codec::{self, Malformed};

/// Kinds of sections. A verifier refuses one that it does not know: it could not say what the file proves.
pub mod section {
    /// A [`Countersignature`](crate::evidence::log::Countersignature).
    pub const COUNTERSIGNATURE: u32 = 1;
    /// An [`Inclusion`](crate::evidence::log::Inclusion).
    pub const INCLUSION: u32 = 2;
    /// A time-stamp of an authority over the sheet's name (RFC 3161), with the number of its request.
    pub const TIMESTAMP: u32 = 3;
}

/// What every evidence file begins with.
pub const MAGIC: &str = "gongdan evidence";
/// The version of [`EvidenceFile`].
pub const VERSION: u32 = 1;

/// An attachment that the sheet names, with its bytes or without.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enclosed {
    /// SHA-256 of the bytes.
    #[n(0)]
    pub hash: BlobHash,
    /// Whether the bytes are here.
    #[n(1)]
    pub is_here: bool,
    /// The bytes; empty where they are not here.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// What the server added once it had the sheet. Kinds are of [`section`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Section {
    /// What it is.
    #[n(0)]
    pub kind: u32,
    /// Its bytes.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

/// An evidence file, taken apart once; what is in it has forms of its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EvidenceFile {
    /// [`MAGIC`].
    #[n(0)]
    pub magic: String,
    /// [`VERSION`].
    #[n(1)]
    pub version: u32,
    /// The organisation's public key. Counts for nothing unless it is known from elsewhere.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub organisation_key: [u8; 32],
    /// Certificates of the devices whose signatures are in it, each encoded.
    #[n(3)]
    pub certificates: Vec<ByteVec>,
    /// The sheet, encoded.
    #[n(4)]
    pub sheet: ByteVec,
    /// The attachments that the sheet names, in its order.
    #[n(5)]
    pub attachments: Vec<Enclosed>,
    /// Addenda, each encoded, in the order in which they came.
    #[n(6)]
    pub addenda: Vec<ByteVec>,
    /// What the server added, none of a kind twice, in the order of kinds.
    #[n(7)]
    pub sections: Vec<Section>,
}

impl EvidenceFile {
    /// Puts a file together. `bytes_of` gives the bytes of an attachment that is to be enclosed.
    pub fn new(
        organisation_key: [u8; 32],
        certificates: &[DeviceCertificate],
        sheet: &SignedSheet,
        addenda: &[Addendum],
        mut bytes_of: impl FnMut(BlobHash) -> Option<Vec<u8>>,
    ) -> Self {
        let named = sheet.attachments();
        let enclosed = named.into_iter().map(|(hash, _)| {
            let bytes = bytes_of(hash);
            Enclosed {
                hash,
                is_here: bytes.is_some(),
                bytes: bytes.unwrap_or_default(),
            }
        });
        Self {
            magic: MAGIC.to_owned(),
            version: VERSION,
            organisation_key,
            certificates: certificates
                .iter()
                .map(|certificate| certificate.to_bytes().into())
                .collect(),
            sheet: sheet.to_bytes().into(),
            attachments: enclosed.collect(),
            addenda: addenda.iter().map(|a| a.to_bytes().into()).collect(),
            sections: Vec::new(),
        }
    }

    /// Adds what the server has to say of the sheet.
    pub fn add_section(&mut self, kind: u32, bytes: Vec<u8>) {
        let place = self.sections.partition_point(|before| before.kind < kind);
        self.sections.insert(place, Section { kind, bytes });
    }

    /// As it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of an evidence file of this version, or past a limit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > limits::EVIDENCE_FILE_BYTES_MAX {
            return Err(Malformed::TooLarge);
        }
        let file: Self = codec::decode(bytes)?;
        if file.magic == MAGIC && file.version == VERSION {
            Ok(file)
        } else {
            Err(Malformed::Frame)
        }
    }
}
