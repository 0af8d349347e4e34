//! Gongdan's core: ticket documents, commands, rights, sync and the replica of a device.
//!
//! Invariant: nothing here does input or output on its own, reads a clock or makes randomness; time,
//! random numbers and identity come in as arguments, and what is to be sent or stored goes out as data.
#![warn(missing_docs)]

#[cfg(feature = "uniffi")]
uniffi::setup_scaffolding!();

pub mod catalogue;
pub mod clock;
pub mod document;
pub mod enrolment;
pub mod evidence;
pub mod exchange;
pub mod fault;
#[cfg(feature = "uniffi")]
mod foreign;
pub mod ids;
pub mod limits;
#[cfg(feature = "openapi")]
mod openapi;
#[doc(hidden)]
pub mod planted;
pub mod policy;
pub mod replica;
#[cfg(feature = "rescue")]
pub mod rescue;
pub mod service_clock;
pub mod store;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod ticket;
