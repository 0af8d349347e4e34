//! What a sheet says, one fact a block, and the leaf of the tree that commits to it.
//!
//! Invariant: a leaf's hash depends on the block's value through a salted commitment alone, so that an erased
//! block leaves its path and its hash behind, and nothing to guess the value by.

use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::tree::Hash;
use crate::sync::codec;

/// What makes a block's commitment unguessable.
pub type Salt = [u8; 16];

/// A value as machines read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// Nothing but what is shown.
    Nothing,
    /// Yes or no.
    Flag(bool),
    /// A count, an amount in fen, seconds since 1970.
    Number(i64),
    /// A text or a code.
    Text(String),
    /// Hashes, drawings, ciphertexts.
    Bytes(Vec<u8>),
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => s.serialize_none(),
            Self::Flag(flag) => s.serialize_bool(*flag),
            Self::Number(number) => s.serialize_i64(*number),
            Self::Text(text) => s.serialize_str(text),
            Self::Bytes(bytes) => s.collect_str(&hex(bytes)),
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<C> Encode<C> for Scalar {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Nothing => e.null()?,
            Self::Flag(flag) => e.bool(*flag)?,
            Self::Number(number) => e.i64(*number)?,
            Self::Text(text) => e.str(text)?,
            Self::Bytes(bytes) => e.bytes(bytes)?,
        }
        .ok()
    }
}

impl<'b, C> Decode<'b, C> for Scalar {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(match d.datatype()? {
            Type::Null => {
                d.null()?;
                Self::Nothing
            }
            Type::Bool => Self::Flag(d.bool()?),
            Type::String => Self::Text(d.str()?.to_owned()),
            Type::Bytes => Self::Bytes(d.bytes()?.to_vec()),
            _ => Self::Number(d.i64()?),
        })
    }
}

/// One fact: where it belongs, its value, and what the customer read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Block {
    /// Its place, such as `content/serial`; unique within a sheet.
    pub path: String,
    /// As machines read it.
    pub value: Scalar,
    /// What stands before it; empty where it is not shown.
    pub label: String,
    /// What is shown; empty where it is not shown.
    pub text: String,
}

/// The value of a leaf, as it is committed to.
struct Committed<'a>(&'a Block);

impl<C> Encode<C> for Committed<'_> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(3)?;
        self.0.value.encode(e, ctx)?;
        e.str(&self.0.label)?.str(&self.0.text)?.ok()
    }
}

/// A leaf as it is kept: whole, or erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// The block with its salt.
    Open {
        /// What it says.
        block: Block,
        /// What it is salted with.
        salt: Salt,
    },
    /// What is left of an erased block.
    Erased {
        /// Where it belonged.
        path: String,
        /// What commits to the value.
        commitment: Hash,
    },
}

impl Leaf {
    /// Its place.
    pub fn path(&self) -> &str {
        match self {
            Self::Open { block, .. } => &block.path,
            Self::Erased { path, .. } => path,
        }
    }

    /// The block, where it was not erased.
    pub const fn block(&self) -> Option<&Block> {
        match self {
            Self::Open { block, .. } => Some(block),
            Self::Erased { .. } => None,
        }
    }

    /// SHA-256 of `02`, salt and `[value, label, text]`.
    pub fn commitment(&self) -> Hash {
        match self {
            Self::Open { block, salt } => Sha256::new()
                .chain_update([2])
                .chain_update(salt)
                .chain_update(codec::encode(&Committed(block)))
                .finalize()
                .into(),
            Self::Erased { commitment, .. } => *commitment,
        }
    }

    /// SHA-256 of `00` and `[path, commitment]`: a leaf of RFC 6962's tree (§2.1).
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::with_capacity(80);
        let mut e = Encoder::new(&mut bytes);
        let commitment = self.commitment();
        e.array(2)
            .and_then(|e| e.str(self.path()))
            .and_then(|e| e.bytes(&commitment))
            .expect("writing to memory does not fail");
        Sha256::new()
            .chain_update([0])
            .chain_update(bytes)
            .finalize()
            .into()
    }
}

/// The salt of the `n`th leaf, out of 32 random bytes that are not kept.
pub fn salt(seed: &[u8; 32], n: u32) -> Salt {
    let hash: Hash = Sha256::new()
        .chain_update(b"gongdan sheet salt v1\n")
        .chain_update(seed)
        .chain_update(n.to_be_bytes())
        .finalize()
        .into();
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    salt
}

impl<C> Encode<C> for Leaf {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Open { block, salt } => {
                e.array(5)?.str(&block.path)?.bytes(salt)?;
                block.value.encode(e, ctx)?;
                e.str(&block.label)?.str(&block.text)?.ok()
            }
            Self::Erased { path, commitment } => e.array(2)?.str(path)?.bytes(commitment)?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Leaf {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let bad = |what| minicbor::decode::Error::message(what).at(at);
        let fields = d.array()?.ok_or_else(|| bad("indefinite length"))?;
        let path = d.str()?.to_owned();
        match fields {
            5 => {
                let salt = d.bytes()?.try_into().map_err(|_| bad("another salt"))?;
                let value = Scalar::decode(d, ctx)?;
                let (label, text) = (d.str()?.to_owned(), d.str()?.to_owned());
                let block = Block {
                    path,
                    value,
                    label,
                    text,
                };
                Ok(Self::Open { block, salt })
            }
            2 => Ok(Self::Erased {
                path,
                commitment: d.bytes()?.try_into().map_err(|_| bad("another hash"))?,
            }),
            _ => Err(bad("a leaf of another form")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_leaf_has_one_encoding_whatever_its_value() {
        let values = [
            Scalar::Nothing,
            Scalar::Flag(true),
            Scalar::Number(-7),
            Scalar::Number(i64::MAX),
            Scalar::Text("喆".to_owned()),
            Scalar::Bytes(vec![0, 255]),
        ];
        let mut hashes = std::collections::BTreeSet::new();
        for value in values {
            let block = Block {
                path: "content/x".to_owned(),
                value,
                label: "标".to_owned(),
                text: "文".to_owned(),
            };
            let leaf = Leaf::Open {
                block,
                salt: [9; 16],
            };
            let bytes = codec::encode(&leaf);
            assert_eq!(codec::decode::<Leaf>(&bytes).unwrap(), leaf);
            assert!(
                hashes.insert(leaf.hash()),
                "a value of another kind is another leaf"
            );
            let erased = Leaf::Erased {
                path: leaf.path().to_owned(),
                commitment: leaf.commitment(),
            };
            assert_eq!(erased.hash(), leaf.hash());
            assert_eq!(
                codec::decode::<Leaf>(&codec::encode(&erased)).unwrap(),
                erased
            );
        }
    }

    #[test]
    fn salts_of_one_seed_differ() {
        assert_ne!(salt(&[1; 32], 0), salt(&[1; 32], 1));
        assert_ne!(salt(&[1; 32], 0), salt(&[2; 32], 0));
    }
}
