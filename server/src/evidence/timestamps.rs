//! Time-stamps of an authority over sheets (RFC 3161), asked for in the background.
//!
//! Invariant: what is kept was checked; a sheet without a time-stamp stays due, however often the authority could
//! not be reached, and nothing waits for it.

use std::io::Read;
use std::time::Duration;

use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::timestamp::{self, Fault, Kept, RESPONSE_BYTES_MAX};
use gongdan_core::ids::SheetHash;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::worker::backoff_seconds;
use crate::AppState;
use crate::store::StoreError;

/// How long the authority may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// Sheets asked for in one go.
const AT_ONCE: i64 = 100;

/// Why there is no time-stamp yet.
#[derive(Debug, thiserror::Error)]
enum NoStamp {
    #[error("ask for a time-stamp: the authority did not answer")]
    NoAnswer(#[source] Box<ureq::Error>),
    #[error("ask for a time-stamp: the answer could not be read")]
    Read(#[from] std::io::Error),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl NoStamp {
    const fn code(&self) -> &'static str {
        match self {
            Self::NoAnswer(_) => "no_answer",
            Self::Read(_) => "not_read",
            Self::Fault(fault) => fault.code(),
        }
    }
}

/// Puts a sheet down for a time-stamp, in the transaction that takes it in.
pub(super) fn want(
    tx: &Transaction<'_>,
    sheet: SheetHash,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT OR IGNORE INTO sheet_timestamps (sheet, due_at) VALUES (?1, ?2)")?
        .execute(params![sheet.0, now.seconds()])?;
    Ok(())
}

/// The time-stamp of a sheet as it is kept, where there is one.
pub(super) fn kept(
    connection: &Connection,
    sheet: SheetHash,
) -> Result<Option<Vec<u8>>, StoreError> {
    let found: Option<Option<Vec<u8>>> = connection
        .prepare_cached("SELECT kept FROM sheet_timestamps WHERE sheet = ?1")?
        .query_row([sheet.0], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

/// Asks for the time-stamps that are due; how many came. Blocks.
///
/// # Errors
/// The database fails. That the authority cannot be reached is none: the sheets stay due.
pub fn run_due(state: &AppState) -> Result<usize, StoreError> {
    let Some(url) = &state.config.time_stamp_url else {
        return Ok(0);
    };
    let mut came = 0;
    for (sheet, attempts) in due(state)? {
        let nonce = u64::from_be_bytes(state.host.random());
        let outcome = ask(url, sheet, nonce);
        let now = state.host.now();
        if let Err(why) = &outcome {
            let error = crate::api::problem::Chain(why);
            tracing::warn!(attempts, code = why.code(), %error, "no time-stamp yet");
        }
        came += usize::from(outcome.is_ok());
        state
            .db
            .write(|tx| note(tx, sheet, attempts, now, &outcome))?;
        if matches!(outcome, Err(NoStamp::NoAnswer(_))) {
            break;
        }
    }
    Ok(came)
}

fn due(state: &AppState) -> Result<Vec<(SheetHash, u32)>, StoreError> {
    let now = state.host.now();
    state.db.read(|c| {
        let mut statement = c.prepare_cached(
            "SELECT sheet, attempts FROM sheet_timestamps WHERE kept IS NULL AND due_at <= ?1
             ORDER BY due_at LIMIT ?2",
        )?;
        let rows = statement.query_map(params![now.seconds(), AT_ONCE], |row| {
            Ok((SheetHash(row.get(0)?), row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    })
}

fn note(
    tx: &Transaction<'_>,
    sheet: SheetHash,
    attempts: u32,
    now: Timestamp,
    outcome: &Result<Kept, NoStamp>,
) -> Result<(), StoreError> {
    match outcome {
        Ok(kept) => tx.execute(
            "UPDATE sheet_timestamps SET kept = ?2, fault = NULL WHERE sheet = ?1 AND kept IS NULL",
            params![sheet.0, kept.to_bytes()],
        )?,
        Err(why) => tx.execute(
            "UPDATE sheet_timestamps SET attempts = ?2, due_at = ?3, fault = ?4 WHERE sheet = ?1",
            params![
                sheet.0,
                attempts + 1,
                now.seconds() + backoff_seconds(attempts),
                why.code()
            ],
        )?,
    };
    Ok(())
}

/// One request and its answer (RFC 3161 section 3.4).
fn ask(url: &str, sheet: SheetHash, nonce: u64) -> Result<Kept, NoStamp> {
    let request = timestamp::request(&sheet.0, nonce)?;
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_TIME_MAX))
        .build()
        .new_agent();
    let answer = agent
        .post(url)
        .content_type("application/timestamp-query")
        .send(&request[..]);
    let answer = answer.map_err(|error| NoStamp::NoAnswer(Box::new(error)))?;
    let mut bytes = Vec::new();
    answer
        .into_body()
        .into_reader()
        .take(RESPONSE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(timestamp::accept(&bytes, &sheet.0, nonce)?)
}
