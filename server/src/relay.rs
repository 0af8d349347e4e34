//! The relay: what devices and desk send is stored, judged, admitted to one log, and told to everybody
//! who may know.
//!
//! ```text
//! receive: signature → inbox (durable) → chain of the device → gate → admit: log, document, read model
//! pull:    cursor → verdicts, entries, snapshots, evictions → the next cursor
//! desk:    a changeset by the server's own key → the same inbox, gate and log
//! ```
//! Invariant: nothing is written to a document but by an [`Admitted`](crate::gate::Admitted), and nothing
//! that was received with a right signature is ever lost.

mod acts;
mod admit;
mod cursor;
pub mod damage;
mod decide;
pub mod desk;
pub mod documents;
pub mod epoch;
pub mod given_back;
mod inbox;
mod never;
mod page;
mod pull;
mod quota;
mod rebuild;
mod receive;
mod refresh;
mod rescue;
mod resolve;
mod sheet_log;
mod strangers;
#[cfg(test)]
mod tests;
pub mod tickets;
pub(crate) mod visibility;
mod work;

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::sync::codec::Malformed;
use gongdan_core::sync::protocol::Unsent;
use rusqlite::{Connection, OptionalExtension};

pub use decide::{DecideError, Decision};
pub use desk::{DeskError, DeskOutcome};
pub use rebuild::{Rebuilt, rebuild};
pub use rescue::BroughtIn;

use crate::auth::devices;
use crate::auth::identity::ServerKeys;
use crate::host::Host;
use crate::store::{Database, StoreError, restores};
use crate::wake::Wake;

/// Who sends: an enrolled device that proved itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// Its short name in the database.
    pub index: i64,
    /// Its id.
    pub device: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// It may upload and nothing else.
    pub revoked: bool,
}

/// Why a sync request is answered by a problem. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Not of its form, or past a limit.
    #[error("read the sync request: {0}")]
    Malformed(#[from] Malformed),
    /// A changeset's signature does not hold.
    #[error("read the sync request: a signature does not hold")]
    BadSignature,
    /// The cursor is of another epoch: the phone is to start from the beginning.
    #[error("read the sync request: a cursor of another epoch")]
    OtherEpoch,
    /// It refers to what is not here: the phone is to spell everything out.
    #[error("read the sync request: a reference that cannot be resolved")]
    UnresolvedReference,
    /// The device has brought more than it may in a day.
    #[error("receive changesets: past the device's quota of the day")]
    OverQuota {
        /// Until it may bring more.
        seconds_left: u64,
    },
    /// The database.
    #[error("sync")]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for SyncError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The relay over a database; clones share it.
#[derive(Clone)]
pub struct Relay {
    db: Database,
    keys: Arc<ServerKeys>,
    host: Host,
    wake: Wake,
    desk: Arc<Mutex<desk::Actors>>,
    /// Seconds since 1970.
    looked_for_long_held: Arc<AtomicI64>,
}

impl Relay {
    /// Starts the relay: gives the database its epoch if it has none or was restored from a backup, makes a
    /// read model of another version anew, and judges what waits for a newer program or was received but not
    /// judged when the last one ended. Blocks.
    ///
    /// # Errors
    /// The database fails.
    pub fn start(
        db: Database,
        keys: Arc<ServerKeys>,
        host: Host,
        wake: Wake,
    ) -> Result<Self, StoreError> {
        let epoch = u32::from_be_bytes(host.random());
        db.write(|tx| {
            tx.execute(
                "INSERT OR IGNORE INTO relay_state (only, epoch, verdict_seq) VALUES (1, ?1, 0)",
                [epoch],
            )?;
            if let Some(pending) = restores::pending(tx)? {
                epoch::begin(tx, host.now(), pending.taken_at, epoch)?;
                restores::begun(tx, host.now())?;
            }
            Ok::<_, StoreError>(())
        })?;
        if let Some(tickets) = refresh::refresh(&db)? {
            tracing::info!(tickets, "the read model was made anew");
        }
        let relay = Self {
            db,
            keys,
            host,
            wake,
            desk: Arc::default(),
            looked_for_long_held: Arc::new(AtomicI64::new(i64::MIN)),
        };
        relay.judge_waiting()?;
        Ok(relay)
    }

    /// One request of a device: takes its changesets in, and answers. The answer's bytes.
    ///
    /// # Errors
    /// The request is not of its form, is not its sender's, or the database fails.
    pub fn sync(&self, now: Timestamp, sender: &Sender, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        let received = gongdan_core::sync::wire::decode_request(body)?;
        let from_the_start = received.cursor.is_empty();
        let spelled_out = received.incoming.is_spelled_out();
        let (cursor, changesets) = self.resolve(sender, received.cursor, received.incoming)?;
        let end_before = self.db.read(log_end)?;
        self.take_back(now, sender, &received.given_back)?;
        let hashes = self
            .receive(now, sender, changesets)
            .map_err(|error| match error {
                // What it refers to is not here what it is there: a revoked phone, say, holds own changes
                // without others' before them. Spelled out it can be told from a forgery.
                SyncError::BadSignature if !spelled_out => SyncError::UnresolvedReference,
                error => error,
            })?;
        self.note_unsent(sender, received.unsent)?;
        if hashes.is_empty() && received.want.is_empty() {
            self.quarantine_never_complete(sender.index, cursor.verdict_seq)?;
            self.quarantine_long_held(now)?;
        }
        let asked = pull::Asked {
            cursor,
            catalogue: received.catalogue,
            directory: received.directory,
            want: received.want,
            hashes,
            end_before,
            missing: received
                .given_back
                .missing
                .into_iter()
                .map(|(part, _)| part)
                .collect(),
            from_the_start,
            sheet_log: received.sheet_log,
        };
        let answer = self.pull(now, sender, &asked, body);
        if let Err(error) = self.mend() {
            // The next one tries again; who asked has his answer.
            tracing::error!(?error, "a document made anew could not be written back");
        }
        answer
    }

    /// Not every request is a commit: only a change is written.
    fn note_unsent(&self, sender: &Sender, told: Option<Unsent>) -> Result<(), StoreError> {
        let known = self.db.read(|c| devices::by_index(c, sender.index))?;
        if known.is_some_and(|device| device.unsent != told) {
            self.db
                .write(|tx| devices::note_unsent(tx, sender.index, told))?;
        }
        Ok(())
    }

    /// The database it works on.
    pub fn database(&self) -> &Database {
        &self.db
    }
}

/// The epoch of the log.
pub(crate) fn epoch_number(connection: &Connection) -> Result<u32, StoreError> {
    let found = connection
        .prepare_cached("SELECT epoch FROM relay_state")?
        .query_row([], |row| row.get(0))
        .optional()?;
    found.ok_or(StoreError::Malformed {
        what: "relay_state",
    })
}

/// The log's end: its last entry, or the end of the block passed over by a restore; 0 while it is empty.
pub(crate) fn log_end(connection: &Connection) -> Result<u64, StoreError> {
    let end: i64 = connection
        .prepare_cached(
            "SELECT max(coalesce((SELECT max(seq) FROM log), 0),
                        coalesce((SELECT max(log_floor) FROM epochs), 0))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(end.cast_unsigned())
}

/// A running number as SQLite keeps it; one past its range is no row's.
pub(crate) fn sql_index(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
