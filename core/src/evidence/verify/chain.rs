//! Sheets of one device, one after the other: nothing left out, repeated, exchanged or put elsewhere.

use serde::Serialize;

use crate::evidence::seal::SignedSheet;

/// What is wrong between a sheet and the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainFault {
    /// It is another device's.
    OtherDevice,
    /// The same number again: the same sheet, or another in its place.
    Repeated,
    /// It came earlier than the one before it.
    Order,
    /// Some are missing between.
    Gap,
    /// The numbers follow, but it was made after another sheet than this.
    Exchanged,
}

impl ChainFault {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherDevice => "chain_other_device",
            Self::Repeated => "chain_repeated",
            Self::Order => "chain_order",
            Self::Gap => "chain_gap",
            Self::Exchanged => "chain_exchanged",
        }
    }
}

/// What is wrong, by the place of the later sheet (from 1 for the second). Signatures are not looked at.
pub fn chain(sheets: &[SignedSheet]) -> Vec<(usize, ChainFault)> {
    let pairs = sheets.windows(2).enumerate();
    pairs
        .filter_map(|(place, pair)| {
            let (before, after) = (&pair[0], &pair[1]);
            let (from, to) = (before.header.running, after.header.running);
            let fault = if before.header.device != after.header.device {
                ChainFault::OtherDevice
            } else if to == from {
                ChainFault::Repeated
            } else if to < from {
                ChainFault::Order
            } else if to - from > 1 {
                ChainFault::Gap
            } else if after.header.previous != before.hash() {
                ChainFault::Exchanged
            } else {
                return None;
            };
            Some((place + 1, fault))
        })
        .collect()
}
