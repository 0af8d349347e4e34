//! Digests of what is derived, to compare what grew with what a rebuild makes.

use std::collections::BTreeMap;

use gongdan_core::ids::Part;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};

use crate::relay::damage;
use crate::store::StoreError;

/// What of the derived tables is compared, in an order that depends on content alone. Documents are compared
/// by their heads: their bytes may differ in the order that changes came in.
const TABLES: [(&str, &str, &str); 8] = [
    ("ticket_rows", "*", "ticket_index"),
    ("ticket_grams", "*", "gram, ticket_index"),
    ("ticket_conflicts", "*", "ticket_index, part, place"),
    ("ticket_photos", "*", "ticket_index, blob"),
    ("visibility", "*", "person, ticket_index, part"),
    ("actors", "*", "actor"),
    ("command_ids", "*", "ticket_index, part, actor, ordinal"),
    (
        "tickets",
        "ticket_index, appointed_from, grade",
        "ticket_index",
    ),
];

/// By table: SHA-256 over its rows.
pub type Digests = BTreeMap<&'static str, [u8; 32]>;

/// The digests of the derived tables as they are now.
///
/// # Errors
/// The database fails.
pub fn digests(connection: &Connection) -> Result<Digests, StoreError> {
    let mut digests = Digests::new();
    for (table, columns, order) in TABLES {
        let mut statement =
            connection.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {order}"))?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        let mut hasher = Sha256::new();
        while let Some(row) = rows.next()? {
            for at in 0..width {
                add(&mut hasher, row.get_ref(at)?);
            }
        }
        digests.insert(table, hasher.finalize().into());
    }
    Ok(digests)
}

/// Adds a value with its kind and length, so that no two rows read alike.
fn add(hasher: &mut Sha256, value: ValueRef<'_>) {
    let mut whole = |kind: u8, bytes: &[u8]| {
        hasher.update([kind]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    match value {
        ValueRef::Null => whole(0, b""),
        ValueRef::Integer(n) => whole(1, &n.to_be_bytes()),
        ValueRef::Real(n) => whole(2, &n.to_be_bytes()),
        ValueRef::Text(text) => whole(3, text),
        ValueRef::Blob(bytes) => whole(4, bytes),
    }
}

/// How many stored documents do not load, are missing, or have other heads than the log says.
///
/// # Errors
/// The database fails.
pub fn different_documents(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(
        "SELECT ticket_index, part, heads_after, max(seq) FROM log GROUP BY ticket_index, part",
    )?;
    let mut rows = statement.query([])?;
    let mut different = 0;
    while let Some(row) = rows.next()? {
        let (index, part, heads): (i64, u8, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let part = Part::from_code(part).ok_or(StoreError::Malformed { what: "log.part" })?;
        let sound = damage::is_sound(connection, index.cast_unsigned(), part, &heads)?;
        different += u64::from(!sound);
    }
    Ok(different)
}
