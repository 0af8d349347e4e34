//! A disk for SQLite that is in memory, knows which writes were synced, and at a chosen write fails, is full, or
//! loses power.
//!
//! [`install`] makes it the default of this process, so that the product's own code opens its databases on it. Each
//! folder is a disk of its own ([`Disk`]); folders that nobody asked for are disks that never fail.
//!
//! Invariant: what was synced is there after a power cut, what was not may be there, in part, or not at all, decided
//! by a seed; bytes beside a write never change (what SQLite calls powersafe overwrite and takes for granted).

mod locks;
mod state;
mod vfs;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use state::State;
pub use state::{Fault, Points};
pub use vfs::install;

type Shared = Arc<Mutex<State>>;

/// Folders and their disks.
static DISKS: Mutex<BTreeMap<String, Shared>> = Mutex::new(BTreeMap::new());

/// A panic while somebody held it is a test's that fails anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk of the folder that `path` lies in.
fn disk_of(path: &str) -> Shared {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    Arc::clone(lock(&DISKS).entry(folder.to_owned()).or_default())
}

/// The disk that a folder is; with this handle its files are gone.
pub struct Disk {
    folder: String,
    state: Shared,
}

impl Disk {
    /// The disk at `folder`.
    pub fn at(folder: &Path) -> Self {
        let folder = folder.display().to_string();
        let state = disk_of(&format!("{folder}/"));
        Self { folder, state }
    }

    /// A disk at `folder` with the files of this one as they are now, all of it durable. Nobody has one open there.
    pub fn copied_to(&self, folder: &Path) -> Self {
        let copy = Self::at(folder);
        *lock(&copy.state) = lock(&self.state).copied(&self.folder, &copy.folder);
        copy
    }

    /// Counts points anew, and at the `at`-th from now, counted from 1, lets this happen.
    pub fn arm(&self, at: u64, fault: Fault) {
        lock(&self.state).arm(at, fault);
    }

    /// Nothing happens any more; the points since [`Disk::arm`].
    pub fn disarm(&self) -> Points {
        lock(&self.state).disarm()
    }

    /// Whether what was armed has happened.
    pub fn has_struck(&self) -> bool {
        lock(&self.state).has_struck()
    }

    /// Whether the power is gone.
    pub fn is_off(&self) -> bool {
        lock(&self.state).is_off()
    }

    /// Power comes back: files are what survived, and what was open before stays broken.
    pub fn restore_power(&self) {
        lock(&self.state).restore_power();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        lock(&DISKS).remove(&self.folder);
    }
}
