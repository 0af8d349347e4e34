//! The signed sheet: what the customer was shown, what he answered and his ink, bound together on the device.
//!
//! Invariant: a sheet is made once and never changes but by erasure, which leaves everything that was signed
//! verifiable. Nothing here reads a clock or draws a random number: salts, times and keys are arguments. The
//! format is described in `core/docs/evidence.md`; where this and that differ, that is right.
//!
//! ```text
//! ticket ──content──▶ blocks ──form──▶ what is read        frozen
//!    answers, signer, ink, attachments ──▶ more blocks
//!    every block ──salt──▶ leaf ──tree──▶ root ──header──▶ device's signature     sealed
//! ```

pub mod addendum;
pub mod answers;
pub mod compare;
pub mod content;
pub mod dynamics;
pub mod erase;
pub mod file;
pub mod form;
pub mod ink;
pub mod leaf;
pub mod log;
pub mod receipt;
#[cfg(any(test, feature = "testing"))]
pub mod samples;
pub mod seal;
#[cfg(test)]
mod tests;
#[cfg(feature = "timestamp")]
pub mod timestamp;
pub mod tree;
pub mod verify;

pub use answers::{Attachment, Identified, Place, SheetKind, Signer, Signing, Unfit};
pub use compare::{Difference, compare};
pub use content::{Frozen, Moment};
pub use form::Language;
pub use leaf::{Block, Leaf, Scalar};
pub use receipt::Receipt;
pub use seal::{Header, SheetHash, SignedSheet};
