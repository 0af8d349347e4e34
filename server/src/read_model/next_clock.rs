//! The one clock of a ticket that a list shows and is filtered by.
//!
//! Invariant: pure; of the clocks that have not stopped it is the one that is over first, of two that are over at once
//! the one that comes first in the work, and one that stands still only where no other runs.

use gongdan_core::clock::Timestamp;
use gongdan_core::service_clock::{Clock, Reading, State};
use gongdan_core::ticket::Status;
use serde::Serialize;
use utoipa::ToSchema;

/// What a list says of a ticket's clocks (X1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct NextClock {
    /// Which.
    pub clock: Clock,
    /// When its time is over, or was; nothing while it stands still.
    pub due_at: Option<Timestamp>,
    /// When a quarter of its time is left, by the wall clock.
    pub soon_at: Option<Timestamp>,
    /// The status that makes it stand still.
    pub paused_by: Option<Status>,
}

/// The clock that wants attention first; none where all have stopped.
pub fn next_clock(readings: &[Reading]) -> Option<NextClock> {
    let open = readings
        .iter()
        .filter(|reading| reading.stopped_at.is_none() && reading.state != State::CalledOff);
    open.map(NextClock::of)
        .min_by_key(|next| (next.due_at.is_none(), next.due_at, next.clock))
}

impl NextClock {
    fn of(reading: &Reading) -> Self {
        // Over is over, though it may stand still since.
        let runs = reading.state != State::Paused;
        let due_at = reading.due_at.filter(|_| runs);
        Self {
            clock: reading.clock,
            due_at,
            soon_at: due_at.map(|due| Timestamp(due.0 - reading.allowed_seconds / 4)),
            paused_by: reading.paused_by.filter(|_| !runs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(clock: Clock, state: State, due: i64) -> Reading {
        Reading {
            clock,
            state,
            started_at: Timestamp(0),
            due_at: Some(Timestamp(due)),
            stopped_at: (state == State::Met).then_some(Timestamp(1)),
            paused_by: (state == State::Paused).then_some(Status::Suspended),
            allowed_seconds: 400,
            elapsed_seconds: 0,
            is_proven: true,
        }
    }

    #[test]
    fn the_first_that_is_over_is_shown_and_one_that_stands_still_comes_last() {
        let met = reading(Clock::Dispatch, State::Met, 10);
        let called_off = reading(Clock::SheetReturn, State::CalledOff, 11);
        let paused = reading(Clock::Completion, State::Paused, 20);
        let late = reading(Clock::Arrival, State::Overdue, 900);
        let running = reading(Clock::FirstResponse, State::Running, 1_000);
        let shown =
            |readings: &[Reading]| next_clock(readings).map(|next| (next.clock, next.due_at));
        assert_eq!(shown(&[met.clone(), called_off.clone()]), None);
        let all = [met, called_off, paused.clone(), running, late];
        assert_eq!(shown(&all), Some((Clock::Arrival, Some(Timestamp(900)))));
        assert_eq!(
            shown(&all[..4]),
            Some((Clock::FirstResponse, Some(Timestamp(1_000))))
        );
        let at_once = reading(Clock::FirstResponse, State::Running, 900);
        let at_once = shown(&[all[4].clone(), at_once]);
        assert_eq!(at_once.map(|(clock, _)| clock), Some(Clock::FirstResponse));
        let still = next_clock(&[paused]).expect("it has not stopped");
        assert_eq!(
            (still.due_at, still.paused_by),
            (None, Some(Status::Suspended))
        );
        let soon = next_clock(&all).and_then(|next| next.soon_at);
        assert_eq!(soon, Some(Timestamp(800)));
    }
}
