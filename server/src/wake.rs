//! The wake: a hint without data that something was committed. Invariant: losing hints loses nothing,
//! because whoever hears one (or connects anew) asks for what is new from its own cursor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;

/// Hints that wait for one slow listener; past that it hears one for all.
const WAITING_MAX: usize = 16;

/// Rings after commits and is listened to by event streams; clones share it.
#[derive(Clone)]
pub struct Wake {
    counter: Arc<AtomicU64>,
    sender: broadcast::Sender<u64>,
}

impl Default for Wake {
    fn default() -> Self {
        Self {
            counter: Arc::default(),
            sender: broadcast::channel(WAITING_MAX).0,
        }
    }
}

impl Wake {
    /// Tells every listener that something changed. Call it after the commit, never within.
    pub fn ring(&self) {
        let count = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        // Without listeners there is nobody to tell.
        let _ = self.sender.send(count);
    }

    /// How often it rang since the server started.
    pub fn count(&self) -> u64 {
        self.counter.load(Ordering::Relaxed)
    }

    /// Hears every ring from now on.
    pub fn listen(&self) -> broadcast::Receiver<u64> {
        self.sender.subscribe()
    }
}
