//! Messages as bytes: the structured section in CBOR, what does not compress in the raw section.
//!
//! Invariant: `decode` of `encode` gives the message again, up to what only an execution can tell.

mod request;
mod response;

use minicbor::{Decode, Encode};

pub use request::{Incoming, Received, Resolver, Unresolved, decode_request, encode_request};
pub use response::{
    decode_response, encode_response, encoded_length_estimate, open_response, unpack_response,
};

use super::changeset::{ActLink, Link, Salt};
use super::codec::Malformed;
use super::keys::Signature;
use super::protocol::BaseHint;
use crate::ids::{ChangesetHash, PersonId, TicketNumber};

/// A changeset's structured part, both ways. What is the same as in the message before it, or can be
/// counted on, is left out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct WireChangeset {
    /// Up: `4 × index + part`, or negative for the message's table of tickets. Down: always an index.
    #[n(0)]
    part: i64,
    #[n(1)]
    base: BaseHint,
    /// Place in the message's table of actors.
    #[n(2)]
    actor: u32,
    #[n(3)]
    first_sequence: u32,
    /// Seconds since the changeset before it in the message.
    #[n(4)]
    seconds: i64,
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    body: Vec<u8>,
    #[n(6)]
    rest: Option<WireRest>,
}

/// What is seldom there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
struct WireRest {
    /// Where it is not the message's.
    #[n(0)]
    catalogue: Option<u32>,
    /// Where it is not the message's.
    #[n(1)]
    anchor: Option<i64>,
    #[n(2)]
    act: Option<ActLink>,
    #[n(3)]
    replaces: Option<ChangesetHash>,
    /// Up: where it does not follow the changeset before it. Down: always counted from the device's last.
    #[n(4)]
    device_sequence: Option<u32>,
    /// Down: where it is not the device's person.
    #[n(5)]
    person: Option<PersonId>,
}

impl WireRest {
    fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

struct RawUp {
    signature: Signature,
    salt: Salt,
    pin: super::changeset::Pin,
}

struct RawDown {
    signature: Signature,
    salt: Salt,
    previous: Link,
}

/// A ticket's number.
#[derive(Debug, PartialEq, Eq, Encode, Decode)]
struct WireNumber {
    /// Days since 1970-01-01.
    #[n(0)]
    day: i32,
    #[n(1)]
    sequence: u32,
}

/// 1970-01-01, counted from the first day of the common era.
const UNIX_DAY: i32 = 719_163;

impl From<TicketNumber> for WireNumber {
    fn from(number: TicketNumber) -> Self {
        use chrono::Datelike;
        Self {
            day: number.date().num_days_from_ce() - UNIX_DAY,
            sequence: number.sequence(),
        }
    }
}

impl TryFrom<WireNumber> for TicketNumber {
    type Error = Malformed;

    fn try_from(wire: WireNumber) -> Result<Self, Malformed> {
        let day = wire.day.checked_add(UNIX_DAY);
        let day = day.and_then(chrono::NaiveDate::from_num_days_from_ce_opt);
        Ok(Self::new(day.ok_or(Malformed::Form)?, wire.sequence))
    }
}
