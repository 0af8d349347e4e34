//! Identities. Invariant: an id is parsed once, at the boundary, and is valid from then on.
//!
//! Nothing here makes randomness or reads a clock: both are arguments.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::limits;

/// An id's text or bytes were not of its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse {kind}: not of the form {form}")]
pub struct InvalidId {
    /// What was to be read.
    pub kind: &'static str,
    /// What it should look like.
    pub form: &'static str,
}

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A UUIDv7 of `now` with ten random bytes of the caller's.
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
            /// The id of these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            /// Its 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| InvalidId { kind: $kind, form: "a UUID" })
            }
        }
        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(self.as_bytes())?.ok()
            }
        }
        impl<'b, C> Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                fixed::<16>(d).map(Self::from_bytes)
            }
        }
    };
}

fn fixed<const N: usize>(
    d: &mut minicbor::Decoder<'_>,
) -> Result<[u8; N], minicbor::decode::Error> {
    let at = d.position();
    <[u8; N]>::try_from(d.bytes()?)
        .map_err(|_| minicbor::decode::Error::message("byte string of another length").at(at))
}

uuid_id!(
    /// A ticket, made on any device; the key everywhere (R30).
    TicketId, "ticket id"
);
uuid_id!(
    /// An enrolled device.
    DeviceId, "device id"
);

macro_rules! bytes_id {
    ($(#[$meta:meta])* $name:ident, $len:literal, $kind:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                unhex::<$len>(text).map(Self).ok_or(InvalidId {
                    kind: $kind,
                    form: concat!("hexadecimal digits of ", $len, " bytes"),
                })
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
        impl<C> Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }
        impl<'b, C> Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                fixed::<$len>(d).map(Self)
            }
        }
    };
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut out = [0; N];
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

bytes_id!(
    /// Who writes in a document, in Automerge's sense; random per opening of a store, never used for people.
    ActorId, 16, "actor id"
);
bytes_id!(
    /// Hash of one change, in Automerge's sense.
    ChangeHash, 32, "change hash"
);
bytes_id!(
    /// SHA-256 of a signed changeset header with its signature: the changeset's name.
    ChangesetHash, 32, "changeset hash"
);
bytes_id!(
    /// SHA-256 of a sheet's signed header with its signature: the sheet's name, erased or not.
    SheetHash, 32, "sheet hash"
);
bytes_id!(
    /// SHA-256 of an attachment's bytes.
    BlobHash, 32, "blob hash"
);

/// A person of the organisation, by employee number (工号, R5).
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(try_from = "String", into = "String")]
#[cbor(transparent)]
pub struct PersonId(#[n(0)] String);

impl PersonId {
    /// The employee number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = !text.is_empty() && text.len() <= limits::PERSON_ID_BYTES_MAX;
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                kind: "employee number",
                form: "1 to 32 of A-Z a-z 0-9 -",
            })
        }
    }
}

impl TryFrom<String> for PersonId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<PersonId> for String {
    fn from(id: PersonId) -> Self {
        id.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Key of an item in a collection of a document: a prefix of the first actor and a counter,
/// carried in the command and kept through re-authoring.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(try_from = "String", into = "String")]
#[cbor(transparent)]
pub struct ItemKey(#[n(0)] String);

impl ItemKey {
    /// The `ordinal`th key of `actor`: five base-32 digits of the actor, then the ordinal.
    pub fn new(actor: ActorId, ordinal: u32) -> Self {
        Self(format!("{}{ordinal}", Self::prefix(actor)))
    }

    /// The five digits that all keys of `actor` begin with.
    pub fn prefix(actor: ActorId) -> String {
        const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyzABCDEF";
        let mut bits = u32::from_be_bytes([0, actor.0[0], actor.0[1], actor.0[2]]) << 8
            | u32::from(actor.0[3]);
        let mut out = String::with_capacity(8);
        for _ in 0..5 {
            out.push(char::from(DIGITS[(bits & 31) as usize]));
            bits >>= 5;
        }
        out
    }

    /// The key as it stands in the document.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ItemKey {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let fits = !text.is_empty() && text.len() <= limits::ITEM_KEY_BYTES_MAX;
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId {
                kind: "item key",
                form: "1 to 16 of A-Z a-z 0-9",
            })
        }
    }
}

impl TryFrom<String> for ItemKey {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ItemKey> for String {
    fn from(key: ItemKey) -> Self {
        key.0
    }
}

/// One of a ticket's documents, by audience: the unit of reading rights.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Part {
    /// Field, office and partner on the job; holds all that lifecycle and rights need.
    #[n(0)]
    Service,
    /// Personal data of the customer.
    #[n(1)]
    Customer,
    /// Approvals, compensation, investigation: the office alone.
    #[n(2)]
    Office,
}

impl Part {
    /// All parts, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Service, Self::Customer, Self::Office];

    /// Its code on the wire and in SQL.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The part of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its name in SQL, JSON and file names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Customer => "customer",
            Self::Office => "office",
        }
    }
}

/// One document: a part of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct PartRef {
    /// The ticket.
    pub ticket: TicketId,
    /// Its part.
    pub part: Part,
}

/// What a command is called for ever, whatever hash it gets: its first actor and that actor's ordinal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct CommandId {
    /// The actor that executed it first.
    #[n(0)]
    pub actor: ActorId,
    /// That actor's sequence number in the document then, from 1: unique within the part.
    #[n(1)]
    pub ordinal: u32,
}

/// `FW` + YYYYMMDD + at least four digits (R29), given by the server at first admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketNumber {
    date: chrono::NaiveDate,
    sequence: u32,
}

impl TicketNumber {
    /// The `sequence`th number (from 1) of the intake's local date; past 9,999 a fifth digit (X14).
    pub fn new(date: chrono::NaiveDate, sequence: u32) -> Self {
        Self { date, sequence }
    }
    /// Local date of the intake.
    pub fn date(&self) -> chrono::NaiveDate {
        self.date
    }
    /// Running number within the date, from 1.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FW{}{:04}", self.date.format("%Y%m%d"), self.sequence)
    }
}

impl FromStr for TicketNumber {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bad = InvalidId {
            kind: "ticket number",
            form: "FW, YYYYMMDD, at least 4 digits",
        };
        let digits = text.strip_prefix("FW").ok_or(bad.clone())?;
        if !(12..=17).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad);
        }
        let (day, sequence) = digits.split_at(8);
        let date = chrono::NaiveDate::parse_from_str(day, "%Y%m%d").map_err(|_| bad.clone())?;
        let sequence: u32 = sequence.parse().map_err(|_| bad.clone())?;
        let number = Self { date, sequence };
        if sequence > 0 && number.to_string() == text {
            Ok(number)
        } else {
            Err(bad)
        }
    }
}

impl TryFrom<String> for TicketNumber {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<TicketNumber> for String {
    fn from(number: TicketNumber) -> Self {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn ticket_numbers_read_back_and_refuse_other_forms() {
        for good in ["FW202611220001", "FW202611229999", "FW2026112210000"] {
            assert_eq!(good.parse::<TicketNumber>().unwrap().to_string(), good);
        }
        for bad in [
            "FW202611220000",
            "FW2026112200001",
            "FW20261322 0001",
            "fw202611220001",
            "FW20261122001",
            "",
        ] {
            assert!(bad.parse::<TicketNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn item_keys_of_two_actors_differ() {
        let (a, b) = (ActorId([1; 16]), ActorId([2; 16]));
        assert_ne!(ItemKey::new(a, 1), ItemKey::new(b, 1));
        assert!(
            ItemKey::new(a, u32::MAX)
                .as_str()
                .parse::<ItemKey>()
                .is_ok()
        );
    }
}
