//! The schema's history. Invariant: append-only; a migration that was released is never changed, and a
//! column never changes what it means (expand, then contract).

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// All migrations, oldest first. The database counts in `user_version` how many it has had.
pub const MIGRATIONS: &[(&str, &str)] = &[
    ("001_accounts", include_str!("schema/001_accounts.sql")),
    ("002_blobs", include_str!("schema/002_blobs.sql")),
    ("003_relay", include_str!("schema/003_relay.sql")),
    ("004_read_model", include_str!("schema/004_read_model.sql")),
    ("005_held", include_str!("schema/005_held.sql")),
    (
        "006_ticket_photos",
        include_str!("schema/006_ticket_photos.sql"),
    ),
    (
        "007_device_days",
        include_str!("schema/007_device_days.sql"),
    ),
    (
        "008_device_keeping",
        include_str!("schema/008_device_keeping.sql"),
    ),
    ("009_backups", include_str!("schema/009_backups.sql")),
    ("010_units", include_str!("schema/010_units.sql")),
    (
        "011_visibility_changes",
        include_str!("schema/011_visibility_changes.sql"),
    ),
    (
        "012_read_model_version",
        include_str!("schema/012_read_model_version.sql"),
    ),
    ("013_epochs", include_str!("schema/013_epochs.sql")),
    ("014_audit", include_str!("schema/014_audit.sql")),
    (
        "015_second_factors",
        include_str!("schema/015_second_factors.sql"),
    ),
    (
        "016_certificates",
        include_str!("schema/016_certificates.sql"),
    ),
    (
        "017_damaged_documents",
        include_str!("schema/017_damaged_documents.sql"),
    ),
    (
        "018_incarnations",
        include_str!("schema/018_incarnations.sql"),
    ),
    (
        "019_unsent_work",
        include_str!("schema/019_unsent_work.sql"),
    ),
    ("020_wiped", include_str!("schema/020_wiped.sql")),
    ("021_pool", include_str!("schema/021_pool.sql")),
    (
        "022_attachments_by_part",
        include_str!("schema/022_attachments_by_part.sql"),
    ),
    (
        "023_list_clocks",
        include_str!("schema/023_list_clocks.sql"),
    ),
    ("024_sheet_log", include_str!("schema/024_sheet_log.sql")),
    (
        "025_sheet_timestamps",
        include_str!("schema/025_sheet_timestamps.sql"),
    ),
    ("026_quarantine", include_str!("schema/026_quarantine.sql")),
    ("027_origins", include_str!("schema/027_origins.sql")),
    ("028_strangers", include_str!("schema/028_strangers.sql")),
];

/// Applies what is missing, each in a transaction of its own.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    loop {
        // The count is read under the write lock: two processes may open a new file at once.
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let had: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let had = usize::try_from(had).map_err(|_| StoreError::Malformed {
            what: "user_version",
        })?;
        if had > MIGRATIONS.len() {
            return Err(StoreError::Newer {
                found: had,
                known: MIGRATIONS.len(),
            });
        }
        let Some((name, sql)) = MIGRATIONS.get(had).copied() else {
            return Ok(());
        };
        let step = tx
            .execute_batch(sql)
            .and_then(|()| tx.pragma_update(None, "user_version", had as i64 + 1));
        step.and_then(|()| tx.commit())
            .map_err(|source| StoreError::Migration { name, source })?;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn migrations_are_numbered_in_order_and_every_table_is_strict() {
        for (index, (name, sql)) in MIGRATIONS.iter().enumerate() {
            assert!(name.starts_with(&format!("{:03}_", index + 1)), "{name}");
            assert!(sql.starts_with("--"), "{name} says what it is for");
        }
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        let loose: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND type = 'table' AND name NOT LIKE 'sqlite_%'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(loose, Vec::<String>::new());
        run(&mut connection).unwrap();
    }

    #[test]
    fn a_database_of_a_newer_program_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .pragma_update(None, "user_version", 9_999)
            .unwrap();
        assert!(matches!(
            run(&mut connection),
            Err(StoreError::Newer { found: 9_999, .. })
        ));
    }
}
