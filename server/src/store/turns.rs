//! Turns: who comes first goes first.
//!
//! Invariant: a turn ends with its value, whatever ended it, and the next begins.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// Numbers given out.
    given: AtomicU64,
    /// Whose turn it is.
    at: Mutex<u64>,
    moved: Condvar,
}

/// Somebody's turn.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for the turn of who calls now.
    pub(super) fn take(&self) -> Turn<'_> {
        let mine = self.given.fetch_add(1, Ordering::Relaxed);
        let at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let _mine = self
            .moved
            .wait_while(at, |at| *at != mine)
            .unwrap_or_else(PoisonError::into_inner);
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn who_comes_first_goes_first_and_a_panic_ends_a_turn() {
        let turns = Turns::default();
        let order = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            let first = turns.take();
            for n in 1..=8 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    let work = || {
                        let _turn = turns.take();
                        order.lock().unwrap().push(n);
                        assert_ne!(n, 4, "a panic in the middle of a turn");
                    };
                    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
                    assert_eq!(ended.is_err(), n == 4);
                });
                // It has its number before the next one comes.
                while turns.given.load(Ordering::Relaxed) <= n {
                    std::thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(order.into_inner().unwrap(), (1..=8).collect::<Vec<_>>());
    }
}
