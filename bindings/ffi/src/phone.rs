//! The object that a phone's screens hold: a replica on its own database file.
//!
//! Invariant: each call is one of core's; calls from several threads wait for one another.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use gongdan_core::catalogue::Catalogue;
use gongdan_core::clock::Timestamp;
use gongdan_core::enrolment;
use gongdan_core::exchange::Exchange;
use gongdan_core::ids::{ChangeHash, DeviceId, Part, PersonId, TicketId};
use gongdan_core::replica::{Lock, OutboxCounts, Replica};
use gongdan_core::store::Filter;
use gongdan_core::store::sqlite::{FileState, SqliteStore, StoreKey, file_state};
use gongdan_core::ticket::command::{Act, Command};
use gongdan_core::ticket::summary::Summary;

use crate::enrol::Enrolment;
use crate::error::PhoneError;
use crate::host::{Changes, KeyStore, Observer, Secret, device_key, now, random, secret};
use crate::record::{OutboxItem, TicketView};
use crate::wipe;

/// A phone: its tickets, its outbox, its side of the sync. One at a time on a file.
#[derive(uniffi::Object)]
pub struct Phone {
    /// Nothing once the phone is wiped.
    exchange: Mutex<Option<Exchange>>,
    path: String,
    key_store: Arc<dyn KeyStore>,
    changes: Changes,
    observer: Option<Arc<dyn Observer>>,
    /// Held over a whole sync.
    pub(crate) syncing: futures_util::lock::Mutex<()>,
}

impl Phone {
    /// Does `work` alone, then tells the observer what changed.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&mut Exchange) -> Result<T, PhoneError>,
    ) -> Result<T, PhoneError> {
        let done = {
            // What is in memory cannot be trusted after a failure in the middle; what is in the store can.
            let mut exchange = self
                .exchange
                .lock()
                .map_err(|_| PhoneError::store("reopen"))?;
            let exchange = exchange.as_mut();
            work(exchange.ok_or_else(|| PhoneError::store("wiped"))?)
        };
        self.changes.tell(self.observer.as_ref());
        done
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn key_store(&self) -> &dyn KeyStore {
        &*self.key_store
    }

    pub(crate) fn shared_key_store(&self) -> Arc<dyn KeyStore> {
        self.key_store.clone()
    }

    /// Closes the database; nothing can be asked of this phone any more.
    pub(crate) fn close_for_good(&self) -> Result<(), PhoneError> {
        let mut exchange = self
            .exchange
            .lock()
            .map_err(|_| PhoneError::store("reopen"))?;
        *exchange = None;
        Ok(())
    }
}

/// Why the screens, or those of a ticket whose visit is not in progress, are locked.
pub(crate) fn locked(lock: Option<Lock>) -> Result<(), PhoneError> {
    match lock {
        None => Ok(()),
        Some(Lock::Lease) => Err(PhoneError::store("lease_over")),
        Some(Lock::Wipe) => Err(PhoneError::store("wipe_ordered")),
    }
}

/// The store at `path`, under the key that the host keeps; made where there is nothing to be opened by it.
fn open_store(path: &str, key_store: &dyn KeyStore) -> Result<SqliteStore, PhoneError> {
    let make = file_state(Path::new(path))? != FileState::Encrypted;
    let key = secret(key_store, Secret::DatabaseKey, make)?;
    Ok(SqliteStore::open(path, &StoreKey::from_bytes(key))?)
}

#[uniffi::export]
impl Phone {
    /// Opens the phone that lives at `path`. A database of an earlier version, which is not encrypted, is
    /// encrypted first, by a key that is made and saved for it.
    ///
    /// # Errors
    /// [`PhoneError::Store`] (`not_enrolled` where there is none yet, `wrong_key`, `wiped` where the office is
    /// still to hear of it: `report_wipe`), [`PhoneError::Key`].
    #[uniffi::constructor(default(observer = None))]
    pub fn open(
        path: String,
        key_store: Arc<dyn KeyStore>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, PhoneError> {
        if wipe::go_on(&path, &*key_store)? {
            return Err(PhoneError::store("wiped"));
        }
        if file_state(Path::new(&path))? == FileState::Absent {
            return Err(PhoneError::store("not_enrolled"));
        }
        let store = open_store(&path, &*key_store)?;
        let key = device_key(&*key_store, false)?;
        let mut replica = Replica::open(Box::new(store), key, random()?)?;
        let changes = Changes::default();
        replica.observe(Box::new(changes.clone()));
        Ok(Self {
            exchange: Mutex::new(Some(Exchange::new(replica))),
            path,
            key_store,
            changes,
            observer,
            syncing: futures_util::lock::Mutex::new(()),
        })
    }

    /// Makes the phone at `path` out of what the server told at enrolment, and opens it. The same
    /// enrolment again changes nothing.
    ///
    /// # Errors
    /// As [`Phone::open`]; `already_enrolled` where another device lives at `path`.
    #[uniffi::constructor(default(observer = None))]
    pub fn enrol(
        path: String,
        enrolment: Enrolment,
        key_store: Arc<dyn KeyStore>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Result<Self, PhoneError> {
        let (identity, certificate) = enrolment::Enrolment::from(enrolment).identity()?;
        match Self::open(path.clone(), key_store.clone(), observer.clone()) {
            Ok(phone) => {
                let same = phone.with(|exchange| Ok(*exchange.replica.identity() == identity))?;
                same.then_some(phone)
                    .ok_or_else(|| PhoneError::store("already_enrolled"))
            }
            Err(PhoneError::Store { code }) if code == "not_enrolled" => {
                let mut store = open_store(&path, &*key_store)?;
                Replica::enrol(&mut store, &identity)?;
                if let Some(certificate) = certificate {
                    Replica::keep_certificate(&mut store, &certificate)?;
                }
                drop(store);
                Self::open(path, key_store, observer)
            }
            Err(error) => Err(error),
        }
    }

    /// Whose phone it is.
    ///
    /// # Errors
    /// [`PhoneError::Store`] with `reopen`.
    pub fn person(&self) -> Result<PersonId, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.identity().person.clone()))
    }

    /// Which device it is.
    ///
    /// # Errors
    /// [`PhoneError::Store`] with `reopen`.
    pub fn device(&self) -> Result<DeviceId, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.identity().device))
    }

    /// Why the screens are locked: `lease_over` (too long without contact; a sync opens them), or
    /// `wipe_ordered`; nothing where they are not.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn lock(&self) -> Result<Option<String>, PhoneError> {
        self.with(|exchange| {
            Ok(match locked(exchange.replica.lock(now())?) {
                Err(PhoneError::Store { code }) => Some(code),
                _ => None,
            })
        })
    }

    /// Rows of the tickets here, soonest appointment first. A query finds by two characters. While the lease
    /// is over, those whose visit is in progress.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn list(&self, filter: Filter) -> Result<Vec<Summary>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.list_unlocked(now(), &filter)?))
    }

    /// A ticket as this phone has it, with what waits in the outbox; nothing where it is not here.
    ///
    /// # Errors
    /// [`PhoneError::Store`] (`lease_over`, `wipe_ordered`).
    pub fn ticket(&self, id: TicketId) -> Result<Option<TicketView>, PhoneError> {
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), id)?)?;
            Ok(exchange.replica.ticket(id)?.map(TicketView::from))
        })
    }

    /// The organisation's configuration; nothing before the first sync.
    ///
    /// # Errors
    /// [`PhoneError::Store`] with `reopen`.
    pub fn catalogue(&self) -> Result<Option<Catalogue>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.catalogue().cloned()))
    }

    /// Opens a ticket: `Open`, with `RecordCustomer` beside it where the customer is known. It is in the
    /// store and has its id when this returns; its number comes with a sync.
    ///
    /// # Errors
    /// As [`Phone::execute`].
    pub fn open_ticket(&self, commands: Vec<Command>) -> Result<TicketId, PhoneError> {
        self.with(|exchange| {
            locked(exchange.replica.lock(now())?)?;
            Ok(exchange.replica.open_ticket(now(), Act(commands))?)
        })
    }

    /// Does what a person meant; it is in the store when this returns. `seen` are the `heads` of the view
    /// that the form showed. Several commands make one act: one a part, admitted together or not at all.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchTicket`], [`PhoneError::Denied`], [`PhoneError::NotLawful`],
    /// [`PhoneError::Unfit`], [`PhoneError::Stale`], [`PhoneError::Store`].
    pub fn execute(
        &self,
        ticket: TicketId,
        seen: HashMap<Part, Vec<ChangeHash>>,
        commands: Vec<Command>,
    ) -> Result<(), PhoneError> {
        let seen = seen.into_iter().collect();
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), ticket)?)?;
            Ok(exchange
                .replica
                .execute(now(), ticket, &seen, Act(commands))?)
        })
    }

    /// What the server has not admitted yet, oldest first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn outbox(&self) -> Result<Vec<OutboxItem>, PhoneError> {
        self.with(|exchange| {
            Ok(exchange
                .replica
                .outbox()?
                .into_iter()
                .map(OutboxItem::from)
                .collect())
        })
    }

    /// How much waits, by state.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn outbox_counts(&self) -> Result<OutboxCounts, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.outbox_counts()?))
    }

    /// Takes a refused command off the outbox, at its author's word. `false` where there is no such one.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn dismiss(&self, id: u64) -> Result<bool, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.dismiss(id)?))
    }

    /// Newest time that the server signed for this phone; nothing before the first sync.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn server_time(&self) -> Result<Option<Timestamp>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.anchor()?))
    }
}
