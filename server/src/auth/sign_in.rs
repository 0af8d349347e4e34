//! Signing in with a growing delay after failures.
//!
//! Invariant: an attempt is counted before its password is checked (attempts at once cannot slip through),
//! and a name that nobody has is treated in every way like one that somebody has.

use gongdan_core::clock::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::hash_secret;
use crate::store::StoreError;

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 3;
/// The longest delay, in seconds.
const DELAY_SECONDS_MAX: i64 = 15 * 60;
/// Failures are forgotten after this, in seconds.
const FORGET_SECONDS: i64 = 24 * 3600;

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The password may be checked; the attempt counts as failed until [`clear`].
    Allowed,
    /// Too soon after failures.
    Wait {
        /// Until it is not, in seconds.
        seconds: i64,
    },
}

/// Seconds after the last of `failures` before the next attempt.
fn delay_seconds(failures: u32) -> i64 {
    match failures.checked_sub(FREE_FAILURES) {
        None | Some(0) => 0,
        Some(over) => 2i64
            .checked_pow(over)
            .unwrap_or(DELAY_SECONDS_MAX)
            .min(DELAY_SECONDS_MAX),
    }
}

/// Counts an attempt under `name`, or says how long to wait.
pub fn begin(tx: &Transaction<'_>, name: &str, now: Timestamp) -> Result<Attempt, StoreError> {
    tx.execute(
        "DELETE FROM sign_in_failures WHERE failed_at < ?1",
        [now.plus(-FORGET_SECONDS).seconds()],
    )?;
    let name = hash_secret(name);
    let before: Option<(u32, i64)> = tx
        .query_row(
            "SELECT failures, failed_at FROM sign_in_failures WHERE name_hash = ?1",
            [name],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((failures, failed_at)) = before {
        let seconds = failed_at + delay_seconds(failures) - now.seconds();
        if seconds > 0 {
            return Ok(Attempt::Wait { seconds });
        }
    }
    tx.execute(
        "INSERT INTO sign_in_failures (name_hash, failures, failed_at) VALUES (?1, 1, ?2)
         ON CONFLICT (name_hash) DO UPDATE SET failures = min(failures + 1, 1000), failed_at = excluded.failed_at",
        params![name, now.seconds()],
    )?;
    Ok(Attempt::Allowed)
}

/// Forgets the failures of `name` after a success.
pub fn clear(tx: &Transaction<'_>, name: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM sign_in_failures WHERE name_hash = ?1",
        [hash_secret(name)],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_after_three_failures_and_has_an_end() {
        let delays: Vec<i64> = (0..8).map(delay_seconds).collect();
        assert_eq!(delays, [0, 0, 0, 0, 2, 4, 8, 16]);
        assert_eq!(delay_seconds(1000), DELAY_SECONDS_MAX);
    }
}
