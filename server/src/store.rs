//! The server's database: one SQLite file, one writer, a few readers.
//!
//! Invariant: everything written goes through [`Database::write`], which is one immediate transaction,
//! durable when it returns; a function that must be in a transaction takes the [`Transaction`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use gongdan_core::ids::Part;
use parking_lot::FairMutex;
use prometheus_client::metrics::histogram::Histogram;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

mod migrate;
pub mod restores;

pub use migrate::MIGRATIONS;

/// Readers kept open between uses; more are opened while more are needed.
const IDLE_READERS_MAX: usize = 4;
/// How long a connection waits for another process's lock (a command beside the running server), in ms.
const BUSY_MILLISECONDS_MAX: u64 = 10_000;
/// Prepared statements kept per connection.
const STATEMENTS_CACHED: usize = 128;

/// The database could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused or failed.
    #[error("use the database")]
    Sqlite(#[from] rusqlite::Error),
    /// A newer version of the program has been here.
    #[error("open the database: its schema is {found}, this program knows {known}")]
    Newer {
        /// Migrations the file has had.
        found: usize,
        /// Migrations this program has.
        known: usize,
    },
    /// A migration failed; the file is as it was before it.
    #[error("migrate the database: {name}")]
    Migration {
        /// Which one.
        name: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A part's stored document does not load and cannot be made anew from the log: of this part alone.
    #[error("read the database: the document of part {part:?} of ticket {ticket_index} is damaged")]
    Damaged {
        /// The ticket's running number.
        ticket_index: u64,
        /// Which part.
        part: Part,
    },
    /// A stored value is not of its form: the file was changed by something else.
    #[error("read the database: {what} is malformed")]
    Malformed {
        /// Which column or row.
        what: &'static str,
    },
}

/// A write that changes nothing: it takes the write lock and touches the log. How many rows it met: one.
pub fn try_write(tx: &Transaction<'_>) -> Result<usize, StoreError> {
    Ok(tx.execute("UPDATE identity SET only = only", [])?)
}

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    /// Whoever comes first goes first: another lock would let one in who writes again and again.
    writer: FairMutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    commits: Histogram,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.inner.path)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Opens the file, makes it if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// The file cannot be opened or is not a database, is of a newer program, or a migration fails.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let mut writer = Connection::open(&path)?;
        configure(&writer)?;
        migrate::run(&mut writer)?;
        let inner = Inner {
            path,
            writer: FairMutex::new(writer),
            readers: Mutex::new(Vec::new()),
            commits: crate::metrics::seconds(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Runs `work` in one immediate transaction, in the order of calls: all of it is durable when this returns
    /// `Ok`, none of it was done when it returns `Err` or panics. Blocks; from async code go through
    /// [`Database::write_async`].
    ///
    /// # Errors
    /// What `work` returns, or that the transaction could not begin or commit.
    pub fn write<T, E>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let mut writer = self.inner.writer.lock();
        let tx = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let value = work(&tx)?;
        let started = Instant::now();
        tx.commit().map_err(StoreError::from)?;
        self.inner.commits.observe(started.elapsed().as_secs_f64());
        Ok(value)
    }

    /// How long commits took, in seconds.
    pub(crate) fn commits(&self) -> &Histogram {
        &self.inner.commits
    }

    /// Runs `work` on one snapshot of the database, beside the writer. Blocks; from async code go through
    /// [`Database::read_async`].
    ///
    /// # Errors
    /// What `work` returns, or that no reader could be opened.
    pub fn read<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let idle = lock(&self.inner.readers).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.reader()?,
        };
        let tx = reader.transaction().map_err(StoreError::from)?;
        let value = work(&tx);
        tx.finish().map_err(StoreError::from)?;
        let mut idle = lock(&self.inner.readers);
        if idle.len() < IDLE_READERS_MAX {
            idle.push(reader);
        }
        value
    }

    /// [`Database::write`] on a thread where blocking is allowed.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn write_async<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let database = self.clone();
        blocking(move || database.write(work)).await
    }

    /// [`Database::read`] on a thread where blocking is allowed.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_async<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let database = self.clone();
        blocking(move || database.read(work)).await
    }

    /// Hands out the writing connection outside any transaction, for tests that make it fail.
    #[cfg(feature = "testing")]
    pub fn with_writer<T>(&self, work: impl FnOnce(&mut Connection) -> T) -> T {
        work(&mut self.inner.writer.lock())
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.inner.path, flags)?;
        configure(&reader)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(reader)
    }
}

/// Runs `work` on a thread where blocking is allowed and carries its panic over.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down cancels; nobody is left to be answered then.
            Err(_) => std::future::pending().await,
        },
    }
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS_MAX))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(())
}

/// A panic inside the lock has rolled its transaction back, so what is behind it is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn open() -> (tempfile::TempDir, Database) {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path().join("gongdan.db")).unwrap();
        (dir, database)
    }

    fn add(tx: &Transaction<'_>, person: &str) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO users (person, name, roles, skills, active, created_at) VALUES (?1, 'n', '[]', '[]', 1, 0)",
            [person],
        )?;
        Ok(())
    }

    fn count(database: &Database) -> i64 {
        database
            .read(|c| {
                Ok::<_, StoreError>(
                    c.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?,
                )
            })
            .unwrap()
    }

    #[test]
    fn a_failed_or_panicking_write_leaves_nothing_and_the_database_goes_on() {
        let (_dir, database) = open();
        let failed = database.write(|tx| {
            add(tx, "a")?;
            Err::<(), _>(StoreError::Malformed { what: "test" })
        });
        assert!(failed.is_err());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.write(|tx| -> Result<(), StoreError> {
                add(tx, "b")?;
                panic!("in the middle")
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(count(&database), 0);
        database.write(|tx| add(tx, "c")).unwrap();
        assert_eq!(count(&database), 1);
    }

    #[test]
    fn readers_cannot_write_and_commits_are_synchronous() {
        let (_dir, database) = open();
        let refused = database.read(|c| Ok::<_, StoreError>(c.execute("DELETE FROM users", [])?));
        assert!(refused.is_err());
        let mode: (String, i64, i64) = database
            .write(|tx| {
                let get = |name| tx.pragma_query_value(None, name, |row| row.get(0));
                let journal = tx.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
                Ok::<_, StoreError>((journal, get("synchronous")?, get("foreign_keys")?))
            })
            .unwrap();
        assert_eq!(mode, ("wal".into(), 2, 1));
    }
}
