//! Virtual time and seeded randomness, for the server as for the phones.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use gongdan_core::clock::Timestamp;
use gongdan_server::host::{Clock, Host, Random as HostRandom};

use crate::random::Random;

/// A clock that only moves when it is told to.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// Begins at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.seconds())))
    }

    /// Moves on.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

/// A host of this clock and the numbers of a seed.
pub fn host(clock: &VirtualClock, seed: u64) -> Host {
    Host {
        clock: Arc::new(clock.clone()),
        random: Arc::new(Seeded(Mutex::new(Random::new(seed)))),
    }
}

struct Seeded(Mutex<Random>);

impl HostRandom for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0
            .lock()
            .expect("nobody panics while filling bytes")
            .fill(bytes);
    }
}
