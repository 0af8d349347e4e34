//! The log of sheets: one list of every sheet that the server took in, as a Merkle tree (RFC 6962) that only
//! grows, with the server's countersignature on each of them and on the tree's heads.
//!
//! ```text
//! sheet's name, serial, server's time ──▶ countersignature = leaf ──▶ tree ──root──▶ checkpoint
//! ```
//! Invariant: a leaf is what was countersigned, so that neither sheet nor time can be given another place later
//! without every checkpoint after it telling.

pub mod proof;

use minicbor::{Decode, Encode};

use super::tree::Hash;
use crate::clock::Timestamp;
use crate::ids::SheetHash;
use crate::sync::codec::{self, Malformed};
use crate::sync::keys::{DeviceKey, PublicKey, Signature};

/// The version of [`Receival`] and [`Head`].
pub const VERSION: u32 = 1;
const COUNTERSIGNATURE: &[u8] = b"gongdan countersignature v1\n";
const CHECKPOINT: &[u8] = b"gongdan log checkpoint v1\n";

/// That the server took a sheet in: what it countersigns, and the leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Receival {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// The server's epoch then: a server restored from a backup begins another, and its serials may be those of
    /// sheets that it lost.
    #[n(1)]
    pub epoch: u32,
    /// Counted from 1 along the log.
    #[n(2)]
    pub serial: u64,
    /// The sheet.
    #[n(3)]
    pub sheet: SheetHash,
    /// The server's time.
    #[n(4)]
    pub at: Timestamp,
}

impl Receival {
    /// The hash of the leaf (RFC 6962 §2.1: `H(00 ‖ leaf)`).
    pub fn leaf(&self) -> Hash {
        proof::leaf(&codec::encode(self))
    }
}

/// A receival under the server's signature. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Countersignature {
    /// What is signed.
    #[n(0)]
    pub receival: Receival,
    /// The server's.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

impl Countersignature {
    /// Signs. The same is signed alike every time, so a signature need not be kept.
    pub fn sign(key: &DeviceKey, receival: Receival) -> Self {
        let signature = key.sign(&message(COUNTERSIGNATURE, &receival));
        Self {
            receival,
            signature,
        }
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.receival.version == VERSION
            && key.verifies(&message(COUNTERSIGNATURE, &self.receival), &self.signature)
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a countersignature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

/// The head of the log's tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Head {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// The server's epoch.
    #[n(1)]
    pub epoch: u32,
    /// How many sheets are in it.
    #[n(2)]
    pub size: u64,
    /// The root over them.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
    /// When the last of them was taken in.
    #[n(4)]
    pub at: Timestamp,
}

/// A head under the server's signature. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Checkpoint {
    /// What is signed.
    #[n(0)]
    pub head: Head,
    /// The server's.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
}

impl Checkpoint {
    /// Signs.
    pub fn sign(key: &DeviceKey, head: Head) -> Self {
        let signature = key.sign(&message(CHECKPOINT, &head));
        Self { head, signature }
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.head.version == VERSION
            && key.verifies(&message(CHECKPOINT, &self.head), &self.signature)
    }
}

/// A hash of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Step(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub Hash,
);

/// That a sheet is in the log: its path to the root of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Inclusion {
    /// The audit path (RFC 6962 §2.1.1), from the leaf up.
    #[n(0)]
    pub path: Vec<Step>,
    /// The head that it leads to.
    #[n(1)]
    pub checkpoint: Checkpoint,
}

impl Inclusion {
    /// Whether the path leads from what was countersigned to the checkpoint's root. Signatures are not looked at.
    pub fn includes(&self, receival: &Receival) -> bool {
        let head = &self.checkpoint.head;
        let Some(index) = receival.serial.checked_sub(1) else {
            return false;
        };
        head.at >= receival.at
            && proof::root_by_path(receival.leaf(), index, head.size, &self.path) == Some(head.root)
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a proof.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        codec::decode(bytes)
    }
}

/// A newer head, with the proof that the log only grew since an older one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct News {
    /// The newer.
    #[n(0)]
    pub checkpoint: Checkpoint,
    /// The consistency proof (RFC 6962 §2.1.2) from the size that the reader has.
    #[n(1)]
    pub proof: Vec<Step>,
}

/// What a newer head is to somebody who keeps an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// The log only grew.
    Grown,
    /// The server was restored from a backup, and what it had taken in since is not in its log any more.
    Restored,
    /// Two histories: one of them was changed.
    Contradicts,
}

impl News {
    /// Whether it follows from what is kept. Signatures are not looked at.
    pub fn growth(&self, kept: Option<&Head>) -> Growth {
        let Some(kept) = kept else {
            return Growth::Grown;
        };
        let head = &self.checkpoint.head;
        let consistent =
            proof::is_consistent(kept.size, kept.root, head.size, head.root, &self.proof);
        if consistent && head.at >= kept.at {
            Growth::Grown
        } else if head.epoch == kept.epoch {
            Growth::Contradicts
        } else {
            Growth::Restored
        }
    }
}

fn message<T: Encode<()>>(domain: &[u8], value: &T) -> Vec<u8> {
    let mut message = domain.to_vec();
    message.extend_from_slice(&codec::encode(value));
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(epoch: u32, leaves: u8, from: u64) -> News {
        let tree = proof::Leaves((0..leaves).map(|n| proof::leaf(&[n])).collect());
        let (size, at) = (u64::from(leaves), Timestamp(i64::from(leaves)));
        let head = Head {
            version: VERSION,
            epoch,
            size,
            root: proof::root(&tree, size).0,
            at,
        };
        News {
            checkpoint: Checkpoint::sign(&DeviceKey::from_bytes(&[1; 32]), head),
            proof: proof::consistency(&tree, from, size),
        }
    }

    #[test]
    fn a_log_that_grew_is_told_from_one_that_was_changed_or_put_back() {
        let kept = news(1, 5, 0).checkpoint.head;
        assert_eq!(news(1, 9, 5).growth(None), Growth::Grown);
        assert_eq!(news(1, 9, 5).growth(Some(&kept)), Growth::Grown);
        assert_eq!(news(1, 5, 5).growth(Some(&kept)), Growth::Grown);
        assert_eq!(news(2, 9, 5).growth(Some(&kept)), Growth::Grown);
        assert_eq!(news(1, 4, 4).growth(Some(&kept)), Growth::Contradicts);
        assert_eq!(news(2, 4, 4).growth(Some(&kept)), Growth::Restored);
        let mut other = kept.clone();
        other.root[0] ^= 1;
        assert_eq!(news(1, 9, 5).growth(Some(&other)), Growth::Contradicts);
        assert_eq!(news(1, 5, 5).growth(Some(&other)), Growth::Contradicts);
        assert_eq!(news(2, 9, 5).growth(Some(&other)), Growth::Restored);
    }

    #[test]
    fn every_field_is_under_the_signature() {
        let key = DeviceKey::from_bytes(&[1; 32]);
        let checkpoint = news(1, 5, 0).checkpoint;
        assert!(checkpoint.is_signed_by(&key.public()));
        let changes: [fn(&mut Head); 5] = [
            |h| h.version += 1,
            |h| h.epoch += 1,
            |h| h.size += 1,
            |h| h.root[0] ^= 1,
            |h| h.at = h.at.plus(1),
        ];
        for change in changes {
            let mut changed = checkpoint.clone();
            change(&mut changed.head);
            assert!(!changed.is_signed_by(&key.public()));
        }
        let receival = Receival {
            version: VERSION,
            epoch: 1,
            serial: 1,
            sheet: SheetHash([7; 32]),
            at: Timestamp(1),
        };
        let own = Countersignature::sign(&key, receival);
        assert!(own.is_signed_by(&key.public()));
        let changes: [fn(&mut Receival); 5] = [
            |r| r.version += 1,
            |r| r.epoch += 1,
            |r| r.serial += 1,
            |r| r.sheet.0[0] ^= 1,
            |r| r.at = r.at.plus(1),
        ];
        for change in changes {
            let mut changed = own.clone();
            change(&mut changed.receival);
            assert!(!changed.is_signed_by(&key.public()));
            assert_ne!(changed.receival.leaf(), own.receival.leaf());
        }
    }
}
