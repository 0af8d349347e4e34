//! What the tests over core, server and bindings stand on: a world of phones, office, relay and links.
//!
//! Invariant: nothing here reads a clock, draws randomness that no seed gives, sleeps, or opens a network
//! connection. What a seed did once it does again.

pub mod aborting;
pub mod commands;
pub mod device;
pub mod diagnostic;
pub mod expect;
pub mod forensic;
pub mod golden;
pub mod host;
pub mod link;
pub mod node;
pub mod office;
pub mod phone;
pub mod random;
pub mod whole;
pub mod world;

pub use office::Office;
pub use phone::Phone;
pub use world::World;
