//! What somebody at the console may read: by role everywhere, or of one ticket for what they have to do with it.
//!
//! Invariant: the same table decides as for phones (`gongdan_core::policy`).

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::Part;
use gongdan_core::policy::{Relation, Standing, may_read};
use rusqlite::Connection;

use super::super::problem::ApiError;
use super::unknown_ticket;
use crate::auth::extract::OfficeAuth;
use crate::organisation;
use crate::relay::{documents, tickets};

/// The parts that somebody may read of every ticket; 403 if there are none.
pub(in crate::api) fn readable(office: &OfficeAuth) -> Result<Vec<Part>, ApiError> {
    some(parts(office, Relation::OTHER))
}

/// 403 for those who work on phones alone.
pub(super) fn at_console(office: &OfficeAuth) -> Result<(), ApiError> {
    if office.roles.iter().any(|role| role.is_office()) {
        Ok(())
    } else {
        Err(ApiError::forbidden())
    }
}

/// What somebody has to do with one ticket.
pub(super) struct Reader {
    /// The parts they may read of it.
    pub(super) parts: Vec<Part>,
    /// Their relation to it.
    pub(super) relation: Relation,
}

/// The same of the ticket of an index; 403 if it is not theirs to read.
pub(super) fn reader(
    connection: &Connection,
    office: &OfficeAuth,
    index: u64,
) -> Result<Reader, ApiError> {
    at_console(office)?;
    let row = tickets::by_index(connection, index)?.ok_or(unknown_ticket())?;
    let facts = documents::load(connection, index, Part::Service)?
        .as_ref()
        .and_then(TicketDoc::facts);
    let standing = match organisation::current(connection)? {
        Some(catalogue) => Standing::of(&catalogue, &office.person),
        None => Standing::bare(office.person.clone(), office.roles.clone()),
    };
    let relation = Relation::of(&standing, Some(&row.opener), facts.as_ref());
    let parts = some(parts(office, relation))?;
    Ok(Reader { parts, relation })
}

fn parts(office: &OfficeAuth, relation: Relation) -> Vec<Part> {
    Part::ALL
        .into_iter()
        .filter(|part| may_read(&office.roles, relation, *part))
        .collect()
}

fn some(parts: Vec<Part>) -> Result<Vec<Part>, ApiError> {
    if parts.is_empty() {
        Err(ApiError::forbidden())
    } else {
        Ok(parts)
    }
}
