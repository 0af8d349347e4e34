//! Gongdan's phone replica for Kotlin, Swift and Python.
//!
//! Invariant: nothing is decided here. What a command means, who may and what a ticket is, is core's;
//! this crate is the edge where time is read, randomness is drawn, and the host is called back.
#![warn(missing_docs)]

mod blobs;
mod enrol;
mod error;
mod exchange;
mod host;
mod phone;
mod record;
mod rescue;
mod sheet;
mod wipe;

pub use enrol::{Enrolment, Invitation, parse_invitation, request_enrolment};
pub use error::{HostError, PhoneError};
pub use exchange::{Request, Response, SyncReport};
pub use host::{KeyStore, Observer, Secret, Transport};
pub use phone::Phone;
pub use record::{OutboxItem, Ticket, TicketView};
pub use rescue::{Logout, Rescued};
pub use sheet::{
    EvidenceReport, FrozenSheet, PhoneClock, SealedSheet, SheetLine, ink_fault, sheet_receipt,
    verify_evidence,
};
pub use wipe::report_wipe;

uniffi::setup_scaffolding!();

/// Checks a ticket id that came from outside, such as a scanned label or a link.
///
/// # Errors
/// [`PhoneError::Unfit`] with `invalid_id`.
#[uniffi::export]
pub fn parse_ticket_id(text: String) -> Result<gongdan_core::ids::TicketId, PhoneError> {
    text.trim().parse().map_err(|_| PhoneError::invalid_id())
}

/// Checks an employee number that somebody typed.
///
/// # Errors
/// [`PhoneError::Unfit`] with `invalid_id`.
#[uniffi::export]
pub fn parse_person_id(text: String) -> Result<gongdan_core::ids::PersonId, PhoneError> {
    text.trim().parse().map_err(|_| PhoneError::invalid_id())
}
