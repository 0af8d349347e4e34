//! The seal: leaves under one root, the root in a header, the header under the device's signature.
//!
//! Invariant: a header names one ticket, one device, that device's running number and the hash of its sheet
//! before, so that a sheet cannot be moved to another ticket, left out, repeated or exchanged unseen.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::answers::{self, SheetKind, Signing, Unfit};
use super::content::{Frozen, Moment};
use super::form::{Composer, Form};
use super::leaf::{self, Block, Leaf, Scalar};
use super::tree::{self, Hash};
use super::{dynamics, ink};
use crate::clock::Timestamp;
use crate::ids::{DeviceId, PersonId, TicketId};
use crate::limits;
use crate::sync::codec::{self, Malformed};
use crate::sync::keys::{DeviceKey, PublicKey, Signature};

pub use crate::ids::SheetHash;

/// The version of [`Header`].
pub const VERSION: u32 = 1;
/// What the device's signature begins with.
const DOMAIN: &[u8] = b"gongdan sheet v1\n";
/// What a sheet is as an attachment.
pub const MEDIA_TYPE: &str = "application/vnd.gongdan.sheet";

/// What is known of the phone's clock: what the server signed last, and when that came by the phone's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Anchor {
    /// Newest time that the server signed.
    #[n(0)]
    pub server: Timestamp,
    /// The clock on the wall when the phone was last in contact.
    #[n(1)]
    pub contact: Timestamp,
}

/// How much a claimed time is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockTrust {
    /// The server never signed a time for this phone, or it is not known when.
    Unproven,
    /// The phone's clock was off the server's by more than five minutes at the last contact, or it runs behind it.
    Wrong,
    /// Right at the last contact, more than a week before.
    Old,
    /// Right at the last contact, within the week before.
    Recent,
    /// Right at the last contact, within the day before.
    Fresh,
}

impl ClockTrust {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unproven => "clock_unproven",
            Self::Wrong => "clock_wrong",
            Self::Old => "clock_old",
            Self::Recent => "clock_recent",
            Self::Fresh => "clock_fresh",
        }
    }

    /// The grade of a time claimed after a contact.
    pub const fn of(at: Timestamp, anchor: Option<Anchor>) -> Self {
        let Some(anchor) = anchor else {
            return Self::Unproven;
        };
        let skew = anchor.contact.0.saturating_sub(anchor.server.0);
        let age = at.0.saturating_sub(anchor.contact.0);
        if skew > 300 || skew < -300 || age < 0 {
            Self::Wrong
        } else if age > 7 * 86_400 {
            Self::Old
        } else if age > 86_400 {
            Self::Recent
        } else {
            Self::Fresh
        }
    }
}

/// What is signed. Fields are in the order of their codes; the encoding is a CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// Version of this layout: 1.
    #[n(0)]
    pub version: u32,
    /// The ticket.
    #[n(1)]
    pub ticket: TicketId,
    /// In which way it came about.
    #[n(2)]
    pub kind: SheetKind,
    /// Counted from 1 along the sheets that each corrects the one before.
    #[n(3)]
    pub edition: u32,
    /// The sheet that this one corrects.
    #[n(4)]
    pub corrects: Option<SheetHash>,
    /// The device; an incarnation is a device of its own.
    #[n(5)]
    pub device: DeviceId,
    /// Its public key.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// Whose device it is: who let sign.
    #[n(7)]
    pub person: PersonId,
    /// The clock on the wall.
    #[n(8)]
    pub at: Timestamp,
    /// IANA name of the zone.
    #[n(9)]
    pub zone: String,
    /// Milliseconds since the phone started; 0 where that is not known.
    #[n(10)]
    pub monotonic_millis: u64,
    /// What is known of the clock.
    #[n(11)]
    pub anchor: Option<Anchor>,
    /// Counted from 1 over all sheets of the device.
    #[n(12)]
    pub running: u64,
    /// The device's sheet before; zeros for its first.
    #[n(13)]
    pub previous: SheetHash,
    /// How many of the leaves were frozen before the customer answered.
    #[n(14)]
    pub content_leaves: u32,
    /// The root over those: the hash of what was shown.
    #[n(15)]
    #[cbor(with = "minicbor::bytes")]
    pub content: Hash,
    /// How many leaves there are.
    #[n(16)]
    pub leaves: u32,
    /// The root over all.
    #[n(17)]
    #[cbor(with = "minicbor::bytes")]
    pub root: Hash,
}

impl Header {
    fn signed_bytes(&self) -> Vec<u8> {
        let mut message = DOMAIN.to_vec();
        message.extend_from_slice(&codec::encode(self));
        message
    }

    /// How much its time is worth.
    pub const fn clock_trust(&self) -> ClockTrust {
        ClockTrust::of(self.at, self.anchor)
    }
}

/// A sheet as it is kept: header, signature, leaves. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedSheet {
    /// What is signed.
    #[n(0)]
    pub header: Header,
    /// The device's, over `gongdan sheet v1` and the header.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub signature: Signature,
    /// What it says, leaf by leaf.
    #[n(2)]
    pub leaves: Vec<Leaf>,
}

impl SignedSheet {
    /// As it is kept and travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads it back; nothing is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a sheet, or past a limit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > limits::SHEET_BYTES_MAX {
            return Err(Malformed::TooLarge);
        }
        codec::decode(bytes)
    }

    /// Its name for ever, erased or not: SHA-256 over what was signed, and the signature.
    pub fn hash(&self) -> SheetHash {
        let hash = Sha256::new()
            .chain_update(self.header.signed_bytes())
            .chain_update(self.signature)
            .finalize();
        SheetHash(hash.into())
    }

    /// Whether the key that the header names signed it.
    pub fn is_signed(&self) -> bool {
        PublicKey::from_bytes(self.header.key)
            .is_some_and(|key| key.verifies(&self.header.signed_bytes(), &self.signature))
    }

    /// The roots over the frozen leaves and over all, made again.
    pub(super) fn roots(&self) -> (Hash, Hash) {
        let hashes: Vec<Hash> = self.leaves.iter().map(Leaf::hash).collect();
        let frozen = (self.header.content_leaves as usize).min(hashes.len());
        (tree::root(&hashes[..frozen]), tree::root(&hashes))
    }

    /// The block at a path, where it is there and was not erased.
    pub fn block(&self, path: &str) -> Option<&Block> {
        let mut leaves = self.leaves.iter();
        leaves.find(|leaf| leaf.path() == path)?.block()
    }

    /// The blocks that are shown, in order.
    pub fn shown(&self) -> impl Iterator<Item = &Block> {
        let blocks = self.leaves.iter().filter_map(Leaf::block);
        blocks.filter(|block| !block.label.is_empty())
    }
}

/// Who seals, and when.
#[derive(Debug, Clone)]
pub struct Sealer<'a> {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub person: &'a PersonId,
    /// What it signs with.
    pub key: &'a DeviceKey,
    /// The clocks.
    pub moment: &'a Moment,
    /// What is known of them.
    pub anchor: Option<Anchor>,
    /// The device's running number for this sheet.
    pub running: u64,
    /// The device's sheet before.
    pub previous: SheetHash,
    /// Counted along the corrections.
    pub edition: u32,
    /// The organisation's evidence key, where it has one: without it the hand's movement is not kept.
    pub evidence_key: Option<[u8; 32]>,
    /// 32 fresh random bytes.
    pub random: [u8; 32],
}

/// Seals a frozen sheet with what was done with it.
///
/// # Errors
/// [`Unfit`] says why there is nothing to seal.
pub fn seal(frozen: &Frozen, signing: &Signing, by: &Sealer<'_>) -> Result<SignedSheet, Unfit> {
    answers::check(signing)?;
    let mut leaves = frozen.leaves();
    let content_leaves = leaves.len();
    let blocks = signed_blocks(frozen, signing, by)?;
    for block in blocks {
        let n = u32::try_from(leaves.len()).map_err(|_| Unfit::TooLarge)?;
        let salt = leaf::salt(&frozen.seed, n);
        leaves.push(Leaf::Open { block, salt });
    }
    let hashes: Vec<Hash> = leaves.iter().map(Leaf::hash).collect();
    let count = |n: usize| u32::try_from(n).map_err(|_| Unfit::TooLarge);
    let header = Header {
        version: VERSION,
        ticket: frozen.ticket,
        kind: signing.kind,
        edition: by.edition,
        corrects: signing.corrects,
        device: by.device,
        key: *by.key.public().as_bytes(),
        person: by.person.clone(),
        at: by.moment.at,
        zone: by.moment.zone.clone(),
        monotonic_millis: by.moment.monotonic_millis,
        anchor: by.anchor,
        running: by.running,
        previous: by.previous,
        content_leaves: count(content_leaves)?,
        content: tree::root(&hashes[..content_leaves]),
        leaves: count(leaves.len())?,
        root: tree::root(&hashes),
    };
    let signature = by.key.sign(&header.signed_bytes());
    let sheet = SignedSheet {
        header,
        signature,
        leaves,
    };
    if sheet.to_bytes().len() > limits::SHEET_BYTES_MAX {
        return Err(Unfit::TooLarge);
    }
    Ok(sheet)
}

/// The blocks that come after the frozen ones.
fn signed_blocks(frozen: &Frozen, signing: &Signing, by: &Sealer<'_>) -> Result<Vec<Block>, Unfit> {
    let offset_minutes = by.moment.offset_minutes;
    let mut composer = Composer::new(Form::current(), frozen.language, offset_minutes);
    let mut out = Vec::new();
    let text = |text: &str| Scalar::Text(text.to_owned());
    let mut put = |path: String, value: Scalar| out.push(composer.block(path, value));
    if let Some(answers) = &signing.answers {
        put("answers/solved".to_owned(), Scalar::Flag(answers.solved));
        put(
            "answers/satisfied".to_owned(),
            Scalar::Flag(answers.satisfied),
        );
        let rating = Scalar::Number(answers.professionalism.into());
        put("answers/professionalism".to_owned(), rating);
        if let Some(remarks) = &answers.comments {
            put("answers/remarks".to_owned(), text(remarks));
        }
    }
    if let Some(reason) = &signing.reason {
        put("refusal/reason".to_owned(), text(reason));
    }
    if let Some(witness) = &signing.witness {
        put("refusal/witness".to_owned(), text(witness.as_str()));
    }
    for (n, signer) in (1u8..).zip(&signing.signers) {
        let path = |name: &str| format!("signer/{n}/{name}");
        put(path("name"), text(&signer.name));
        put(path("capacity"), text(signer.capacity.name()));
        if let Some(title) = &signer.title {
            put(path("title"), text(title));
        }
        put(path("identified"), text(signer.identified.code()));
        if let Some(drawn) = &signer.ink {
            let picture = codec::encode(&ink::picture(drawn));
            if let Some(key) = &by.evidence_key {
                let random: [u8; 32] = Sha256::new()
                    .chain_update(by.random)
                    .chain_update([n])
                    .finalize()
                    .into();
                let sealed = dynamics::seal(key, drawn, &picture, random);
                let sealed = sealed.ok_or(Unfit::EvidenceKey)?;
                put(path("picture"), Scalar::Bytes(picture));
                put(path("dynamics"), Scalar::Bytes(sealed));
            } else {
                put(path("picture"), Scalar::Bytes(picture));
            }
        }
    }
    for (n, attachment) in (1u8..).zip(&signing.attachments) {
        let path = |name: &str| format!("attachment/{n}/{name}");
        put(path("role"), text(attachment.role.code()));
        put(path("hash"), Scalar::Bytes(attachment.hash.0.to_vec()));
        put(path("media_type"), text(&attachment.media_type));
        let bytes = i64::try_from(attachment.bytes).map_err(|_| Unfit::Value)?;
        put(path("bytes"), Scalar::Number(bytes));
    }
    if let Some(place) = &signing.place {
        put("place/point".to_owned(), text(&point(place)));
    }
    Ok(out)
}

/// `latitude, longitude, accuracy`, in degrees and metres.
fn point(place: &answers::Place) -> String {
    let degrees = |e7: i32| {
        let sign = if e7 < 0 { "-" } else { "" };
        let e7 = e7.unsigned_abs();
        format!("{sign}{}.{:07}", e7 / 10_000_000, e7 % 10_000_000)
    };
    format!(
        "{}, {}, {}",
        degrees(place.latitude_e7),
        degrees(place.longitude_e7),
        place.accuracy_metres
    )
}
