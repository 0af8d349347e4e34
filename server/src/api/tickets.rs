//! The desk's tickets: lists, one ticket, its timeline, and commands.
//!
//! Invariant: nothing here writes a table. A write is an act that goes through [`crate::relay::desk`], the
//! same way as a technician's: command, execution at the heads that were seen, gate, log.

mod evidence;
mod export;
mod list;
mod reading;
mod refusal;
mod show;
mod spreadsheet;
mod timeline;
mod write;

use axum::http::StatusCode;
use rusqlite::Connection;

use super::problem::ApiError;
use crate::read_model;

pub(super) use evidence::*;
pub(super) use export::*;
pub(super) use list::*;
pub(super) use reading::readable;
pub(super) use show::*;
pub(super) use spreadsheet::*;
pub(super) use timeline::*;
pub(super) use write::*;

/// 404: no ticket of this id or number.
pub(super) const fn unknown_ticket() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "unknown_ticket")
}

/// The index of the ticket of an id or number.
fn index_of(connection: &Connection, name: &str) -> Result<u64, ApiError> {
    read_model::find(connection, name)?.ok_or(unknown_ticket())
}
