//! One writer per upload. Invariant: at most one request works on an upload, and the newest wins: a client
//! that comes back does not wait for its own dead connection to time out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedMutexGuard, watch};

use super::UploadId;

/// The uploads that are being worked on.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    entries: Arc<Mutex<HashMap<UploadId, Entry>>>,
}

struct Entry {
    newest: watch::Sender<u64>,
    work: Arc<tokio::sync::Mutex<()>>,
}

/// The right to work on an upload, until dropped.
pub(crate) struct Slot {
    slots: Slots,
    upload: UploadId,
    turn: u64,
    newest: watch::Receiver<u64>,
    work: Option<OwnedMutexGuard<()>>,
}

impl Slots {
    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whoever works on `upload` to stop, waits for it, and takes its place.
    pub(crate) async fn take(&self, upload: UploadId) -> Slot {
        let (turn, newest, work) = {
            let mut entries = self.lock();
            let entry = entries.entry(upload).or_insert_with(|| Entry {
                newest: watch::Sender::new(0),
                work: Arc::default(),
            });
            entry.newest.send_modify(|turn| *turn += 1);
            let newest = entry.newest.subscribe();
            let turn = *newest.borrow();
            (turn, newest, Arc::clone(&entry.work))
        };
        let mut slot = Slot {
            slots: self.clone(),
            upload,
            turn,
            newest,
            work: None,
        };
        slot.work = Some(work.lock_owned().await);
        slot
    }
}

impl Slot {
    /// Resolves when a newer request wants the place.
    pub(crate) async fn superseded(&mut self) {
        let turn = self.turn;
        // The sender lives in the entry, which lives while any slot of it does.
        let _ = self.newest.wait_for(|newest| *newest > turn).await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.work = None;
        let mut entries = self.slots.lock();
        // Who works and who waits holds the lock's other references, taken under `entries`.
        if entries
            .get(&self.upload)
            .is_some_and(|entry| Arc::strong_count(&entry.work) == 1)
        {
            entries.remove(&self.upload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_takes_over_and_nothing_is_left() {
        let slots = Slots::default();
        let id = UploadId([1; 16]);
        let mut first = slots.take(id).await;
        let second = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take(id).await }
        });
        first.superseded().await;
        drop(first);
        drop(second.await.expect("the second has its turn"));
        assert!(slots.lock().is_empty());
    }
}
