//! Signing in with a growing delay after failures.
//!
//! Invariant: an attempt is counted before anything is checked (attempts at once cannot slip through); a name
//! that nobody has is treated in every way like one that somebody has; nobody is locked out for good, and a
//! browser that signed somebody in before is counted by itself, so that strangers' failures do not delay it.

use gongdan_core::clock::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::hash_secret;
use crate::store::StoreError;

/// Names, browsers and addresses that failures are kept of; the oldest make room.
const ROWS_MAX: i64 = 20_000;

/// What failures are counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// The name that was typed, from a browser that never signed it in.
    Account(String),
    /// The name that was typed, from a browser that did; which one.
    Browser(String, [u8; 16]),
    /// Where the attempt comes from.
    Address(String),
}

/// How failures are answered.
struct Rule {
    /// Failures that cost nothing: people mistype, and share addresses.
    free: u32,
    /// The longest delay, in seconds.
    delay_seconds_max: i64,
    /// Failures are forgotten this long after the last of them, in seconds.
    forget_seconds: i64,
}

impl Counted {
    fn rule(&self) -> Rule {
        match self {
            Self::Account(_) | Self::Browser(..) => Rule {
                free: 3,
                delay_seconds_max: 15 * 60,
                forget_seconds: 24 * 3600,
            },
            Self::Address(_) => Rule {
                free: 20,
                delay_seconds_max: 60,
                forget_seconds: 3600,
            },
        }
    }

    fn key(&self) -> [u8; 32] {
        hash_secret(&match self {
            Self::Account(name) => format!("account\n{name}"),
            Self::Browser(name, browser) => format!("browser\n{name}\n{browser:02x?}"),
            Self::Address(address) => format!("address\n{address}"),
        })
    }
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It may be checked; it counts as failed until [`clear`].
    Allowed,
    /// Too soon after failures.
    Wait {
        /// Until it is not, in seconds.
        seconds: i64,
    },
}

/// Seconds after the last of `failures` before the next attempt.
fn delay_seconds(rule: &Rule, failures: u32) -> i64 {
    match failures.checked_sub(rule.free) {
        None | Some(0) => 0,
        Some(over) => 2i64
            .checked_pow(over)
            .unwrap_or(rule.delay_seconds_max)
            .min(rule.delay_seconds_max),
    }
}

/// Counts an attempt, or says how long to wait for the longest of its delays.
pub fn begin(
    tx: &Transaction<'_>,
    counted: &[Counted],
    now: Timestamp,
) -> Result<Attempt, StoreError> {
    let mut wait = 0;
    let mut failures = Vec::with_capacity(counted.len());
    for each in counted {
        let before: Option<(u32, i64)> = tx
            .query_row(
                "SELECT failures, failed_at FROM sign_in_failures WHERE name_hash = ?1",
                [each.key()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let rule = each.rule();
        let before = before.filter(|(_, at)| at + rule.forget_seconds > now.seconds());
        if let Some((failures, failed_at)) = before {
            let delay = delay_seconds(&rule, failures);
            // A clock that was set back makes nobody wait longer than the delay itself.
            wait = wait.max((failed_at + delay - now.seconds()).min(delay));
        }
        failures.push(before.map_or(1, |(failures, _)| failures.saturating_add(1).min(1000)));
    }
    if wait > 0 {
        return Ok(Attempt::Wait { seconds: wait });
    }
    for (each, failures) in counted.iter().zip(failures) {
        tx.execute(
            "INSERT INTO sign_in_failures (name_hash, failures, failed_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (name_hash) DO UPDATE SET failures = excluded.failures, failed_at = excluded.failed_at",
            params![each.key(), failures, now.seconds()],
        )?;
    }
    tx.execute(
        "DELETE FROM sign_in_failures WHERE name_hash IN
         (SELECT name_hash FROM sign_in_failures ORDER BY failed_at DESC LIMIT -1 OFFSET ?1)",
        [ROWS_MAX],
    )?;
    Ok(Attempt::Allowed)
}

/// After a success: forgets the failures of the name. Of an address only this attempt is taken back, or
/// somebody with an account could guess at others' for ever.
pub fn clear(tx: &Transaction<'_>, counted: &[Counted]) -> Result<(), StoreError> {
    for each in counted {
        let kept = matches!(each, Counted::Address(_));
        if kept {
            tx.execute(
                "UPDATE sign_in_failures SET failures = failures - 1 WHERE name_hash = ?1 AND failures > 1",
                [each.key()],
            )?;
        } else {
            tx.execute(
                "DELETE FROM sign_in_failures WHERE name_hash = ?1",
                [each.key()],
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::store::Database;

    #[test]
    fn the_delay_grows_after_three_failures_and_has_an_end() {
        let rule = Counted::Account(String::new()).rule();
        let delays: Vec<i64> = (0..8).map(|n| delay_seconds(&rule, n)).collect();
        assert_eq!(delays, [0, 0, 0, 0, 2, 4, 8, 16]);
        assert_eq!(delay_seconds(&rule, 1000), 15 * 60);
    }

    #[test]
    fn accounts_browsers_and_addresses_are_counted_apart_and_what_is_kept_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path().join("gongdan.db")).unwrap();
        let now = Timestamp(1_795_000_000);
        let here = Counted::Address("192.0.2.1".into());
        let stranger = [Counted::Account("G1".into()), here.clone()];
        let known = [Counted::Browser("G1".into(), [1; 16]), here.clone()];
        let from_here = std::slice::from_ref(&here);
        let attempt =
            |counted: &[Counted], now| database.write(|tx| begin(tx, counted, now)).unwrap();
        for _ in 0..4 {
            assert_eq!(attempt(&stranger, now), Attempt::Allowed);
        }
        assert_eq!(attempt(&stranger, now), Attempt::Wait { seconds: 2 });
        assert_eq!(attempt(&known, now), Attempt::Allowed);
        // Somebody's success does not wash the address clean.
        for _ in 0..15 {
            attempt(from_here, now);
        }
        database.write(|tx| clear(tx, &known)).unwrap();
        assert_eq!(attempt(from_here, now), Attempt::Allowed);
        assert_eq!(attempt(from_here, now), Attempt::Allowed);
        assert_eq!(attempt(&known, now), Attempt::Wait { seconds: 2 });
        // An hour after the last of them they are forgotten.
        assert_eq!(attempt(&known, now.plus(3600)), Attempt::Allowed);

        let rows = || -> i64 {
            database
                .read(|c| {
                    Ok::<_, StoreError>(c.query_row(
                        "SELECT count(*) FROM sign_in_failures",
                        [],
                        |row| row.get(0),
                    )?)
                })
                .unwrap()
        };
        database
            .write(|tx| {
                tx.execute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)
                     INSERT INTO sign_in_failures SELECT CAST(printf('%032d', i) AS BLOB), 1, 5 FROM n",
                    [],
                )?;
                Ok::<_, StoreError>(())
            })
            .unwrap();
        // An hour back, as a clock may be set: the delay is no longer for it.
        assert_eq!(attempt(&stranger, now.plus(10)), Attempt::Allowed);
        assert_eq!(rows(), ROWS_MAX);
    }
}
