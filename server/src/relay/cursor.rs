//! Where a device stands, opaque to it. Invariant: what a cursor says was delivered, was in answers that the
//! device has taken over, because it sends a cursor back only then.

use gongdan_core::clock::Timestamp;
use gongdan_core::sync::codec::{self, Malformed};
use minicbor::{Decode, Encode};

/// A place in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub(super) struct Cursor {
    /// The log's epoch.
    #[n(0)]
    pub(super) epoch: u32,
    /// Entries up to here were delivered, of the documents that were visible at `visible`.
    #[n(1)]
    pub(super) seq: u64,
    /// Documents that became visible or invisible up to here were delivered.
    #[n(2)]
    pub(super) visible: u64,
    /// Verdicts up to here were delivered.
    #[n(3)]
    pub(super) verdict_seq: u64,
    /// Snapshots still to come.
    #[n(4)]
    pub(super) plan: Option<PlanPlace>,
    /// The newest backup that the device was told of.
    #[n(5)]
    pub(super) backup: Option<u64>,
    /// The head of the log of sheets that the device was told of.
    #[n(6)]
    pub(super) sheet_log: Option<LogPlace>,
}

/// A head that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct LogPlace {
    /// How many sheets it is over.
    #[n(0)]
    pub(super) size: u64,
    /// When it was told.
    #[n(1)]
    pub(super) told_at: Timestamp,
}

/// A place in a plan of snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct PlanPlace {
    /// The plan.
    #[n(0)]
    pub(super) plan: u64,
    /// The next of its items.
    #[n(1)]
    pub(super) ordinal: u32,
}

impl Cursor {
    /// The cursor of a request; `None` for the beginning.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        if bytes.is_empty() {
            Ok(None)
        } else {
            codec::decode(bytes).map(Some)
        }
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        codec::encode(&self)
    }
}
