//! The server over real HTTP on a free port of this machine, with a clock that the test sets.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod account;
mod audit;
mod authenticator;
mod away;
mod backup;
mod blobs;
mod cli;
mod cut;
mod described;
mod desk;
mod devices;
mod export;
mod harness;
mod killed;
mod matrix;
mod metrics;
mod names;
mod openapi;
mod phone;
mod problems;
mod quarantine;
mod refusals;
mod registry;
mod rescue;
mod session;
mod sheets;
mod sync;
mod tickets;
mod timestamps;
mod tls;
mod trouble;
mod users;
mod wake;
