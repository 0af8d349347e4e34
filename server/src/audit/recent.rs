//! Pages that refresh themselves read the same thing again and again: one entry tells of ten minutes.
//!
//! Invariant: bounded; what is forgotten early is only told of once more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use gongdan_core::clock::Timestamp;

use super::{Action, Actor};

/// Seconds that one entry of a read stands for.
const WINDOW_SECONDS: i64 = 600;
/// Reads remembered.
const READS_MAX: usize = 20_000;

type Read = (Actor, Action, String);

/// The reads of the last ten minutes; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recent(Arc<Mutex<HashMap<Read, Timestamp>>>);

impl Recent {
    /// Whether this read is told of already.
    pub(crate) fn is_told(&self, read: &Read, now: Timestamp) -> bool {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(read).is_some_and(|at| is_recent(*at, now))
    }

    /// Remembers that it is.
    pub(crate) fn tell(&self, read: Read, now: Timestamp) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= READS_MAX {
            told.retain(|_, at| is_recent(*at, now));
        }
        if told.len() >= READS_MAX {
            told.clear();
        }
        told.insert(read, now);
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    // A clock that was put back makes nothing recent.
    (0..WINDOW_SECONDS).contains(&now.seconds().saturating_sub(at.seconds()))
}
