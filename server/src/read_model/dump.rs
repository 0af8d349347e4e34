//! The whole read model as text, to compare a rebuilt one with the one that grew.

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::store::StoreError;

/// The tables with the columns that order their rows.
const TABLES: [(&str, &str); 4] = [
    ("ticket_rows", "ticket_index"),
    ("ticket_grams", "gram, ticket_index"),
    ("ticket_conflicts", "ticket_index, part, place"),
    ("ticket_photos", "ticket_index, blob"),
];

/// Every row of every table, one a line, in an order that depends on their content alone.
///
/// # Errors
/// The database fails.
pub fn dump(connection: &Connection) -> Result<String, StoreError> {
    let mut out = String::new();
    for (table, order) in TABLES {
        let mut statement =
            connection.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
        // Asked of the statement, a name that rotted on the disk would be a panic of the library.
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_xinfo(?1) ORDER BY cid")?
            .query_map([table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            out.push_str(table);
            for (at, column) in columns.iter().enumerate() {
                out.push_str(&format!(" {column}={}", shown(row.get_ref(at)?)));
            }
            out.push('\n');
        }
    }
    Ok(out)
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".to_owned(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(n) => n.to_string(),
        // Quoted, so that no text can look like the start of another column or line.
        ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
