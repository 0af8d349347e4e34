//! Sync: signed changesets up, verdicts and log entries down, in one round trip.
//!
//! Invariant: commands travel, never Automerge's bytes from a device. `core/docs/sync-protocol.md`
//! describes every message.

pub mod certificate;
pub mod changeset;
pub mod codec;
pub mod hanzi;
pub mod keys;
pub mod protocol;
pub mod request_auth;
pub mod strict;
pub mod verdict;
pub mod wire;
