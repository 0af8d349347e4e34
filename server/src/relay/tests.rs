//! The relay on real databases, with changesets sealed by real keys.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acts;
mod damaged;
mod harness;
mod never;
mod numbers;
mod pages;
mod quarantine;
mod rebuilding;
mod verdicts;
