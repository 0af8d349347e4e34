//! A deterministic simulation over the sans-IO core and the real relay: virtual time, one seeded scheduler,
//! phones, an office, links and disks, and everything that can go wrong with them.
//!
//! Invariant: a seed does the same on every machine and every time. Nothing here reads a clock, draws
//! randomness that no seed gives, sleeps, or opens a network connection.

pub mod canary;
pub mod contents;
pub mod disk;
pub mod faults;
pub mod handset;
pub mod ledger;
pub mod planted;
pub mod prove;
pub mod run;
pub mod schedule;
pub mod server;
pub mod simulation;
pub mod violation;
