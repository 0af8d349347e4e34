//! Which projection made the rows. Invariant: rows of another one are made anew before anybody reads them.

use rusqlite::{Connection, Transaction};

use crate::store::StoreError;

/// Raised whenever the same ticket gives other rows, or rows in another table, than before, or other phones
/// may hold it.
const VERSION: i64 = 3;

/// Whether this program's projection made the rows.
///
/// # Errors
/// The database fails.
pub fn is_current(connection: &Connection) -> Result<bool, StoreError> {
    let version: i64 =
        connection.query_row("SELECT version FROM read_model_state", [], |row| row.get(0))?;
    Ok(version == VERSION)
}

/// Notes that all rows are of this program's projection.
///
/// # Errors
/// The database fails.
pub fn note_current(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute("UPDATE read_model_state SET version = ?1", [VERSION])?;
    Ok(())
}
