//! What the database knows.

use gongdan_core::clock::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use rusqlite::Connection;

use crate::store::StoreError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    verdict: String,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// A gauge each of one number.
const COUNTS: [(&str, &str, &str); 7] = [
    (
        "quarantine_changesets",
        "Changesets that wait for a person's decision",
        "SELECT count(*) FROM inbox WHERE state = 'quarantined' AND superseded_by IS NULL",
    ),
    (
        "held_changesets",
        "Changesets that wait for what they build on",
        "SELECT count(*) FROM inbox WHERE state = 'held' AND superseded_by IS NULL",
    ),
    (
        "disputed_tickets",
        "Tickets with something that a person has to settle",
        "SELECT count(*) FROM ticket_rows WHERE disputed = 1",
    ),
    (
        "conflicts",
        "Rival values that a person has to settle",
        "SELECT coalesce(sum(conflicts), 0) FROM ticket_rows WHERE disputed = 1",
    ),
    (
        "unsent_commands",
        "Commands that devices had not sent when they were last heard of",
        "SELECT coalesce(sum(unsent_commands), 0) FROM devices WHERE person IS NOT NULL",
    ),
    (
        "log_end",
        "Number of the log's last entry",
        "SELECT coalesce(max(seq), 0) FROM log",
    ),
    (
        "open_tickets",
        "Tickets neither closed nor cancelled",
        "SELECT count(*) FROM ticket_rows WHERE is_over = 0",
    ),
];

/// A gauge each of how long ago something was; absent where there is nothing.
const AGES: [(&str, &str, &str); 4] = [
    (
        "quarantine_oldest",
        "Age of the oldest changeset that waits for a decision",
        "SELECT min(received_at) FROM inbox WHERE state = 'quarantined' AND superseded_by IS NULL",
    ),
    (
        "device_silent_longest",
        "Since the longest silent device that may sync was heard of",
        "SELECT min(seen_at) FROM devices d JOIN users u USING (person) WHERE revoked_at IS NULL AND u.active = 1",
    ),
    (
        // By the phone's clock; a revoked device's work is still to come.
        "unsent_oldest",
        "Age of the oldest command that a device had not sent when it was last heard of",
        "SELECT min(unsent_oldest) FROM devices WHERE person IS NOT NULL AND unsent_commands > 0",
    ),
    (
        "backup",
        "Since the newest verified backup was taken",
        "SELECT max(taken_at) FROM backups",
    ),
];

pub(super) fn register(
    registry: &mut Registry,
    connection: &Connection,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (name, help, sql) in COUNTS {
        let count: i64 = connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?;
        registry.register(name, help, ConstGauge::new(count));
    }
    for (name, help, sql) in AGES {
        let since: Option<i64> = connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?;
        if let Some(since) = since {
            let age = ConstGauge::new(now.seconds().saturating_sub(since).max(0));
            registry.register_with_unit(format!("{name}_age"), help, Unit::Seconds, age);
        }
    }
    let audit: i64 = connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM audit")?
        .query_row([], |row| row.get(0))?;
    registry.register(
        "audit_entries",
        "Entries of the audit chain",
        ConstCounter::new(audit.cast_unsigned()),
    );
    registry.register(
        "verdicts",
        "Verdicts on changesets, by reason",
        verdicts(connection)?,
    );
    registry.register("devices", "Enrolled devices", devices(connection)?);
    Ok(())
}

fn verdicts(connection: &Connection) -> Result<Family<Judged, Counter>, StoreError> {
    let family = Family::<Judged, Counter>::default();
    let mut statement =
        connection.prepare_cached("SELECT verdict, reason, count FROM verdict_counts")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let labels = Judged {
            verdict: row.get(0)?,
            reason: row.get(1)?,
        };
        let count: i64 = row.get(2)?;
        family.get_or_create(&labels).inc_by(count.cast_unsigned());
    }
    Ok(family)
}

fn devices(connection: &Connection) -> Result<Family<State, Gauge>, StoreError> {
    let (active, revoked): (i64, i64) = connection
        .prepare_cached(
            "SELECT coalesce(sum(revoked_at IS NULL AND u.active = 1), 0), coalesce(sum(revoked_at IS NOT NULL OR u.active = 0), 0)
             FROM devices JOIN users u USING (person)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let family = Family::<State, Gauge>::default();
    for (state, count) in [("active", active), ("revoked", revoked)] {
        family.get_or_create(&State { state }).set(count);
    }
    Ok(family)
}
