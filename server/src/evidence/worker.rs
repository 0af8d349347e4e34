//! What the server does for sheets in the background, by asking others.
//!
//! Invariant: what is to be done stands in the database; the worker may end at any moment and go on after.

use std::time::Duration;

use super::timestamps;
use crate::AppState;
use crate::api::problem::Chain;
use crate::store::blocking;

/// How often it looks for what is due, beside every time that something was committed.
const LOOKS_EVERY: Duration = Duration::from_secs(20);

/// How long to wait after a failure: a minute, twice as long every time, a day at most.
pub(crate) const fn backoff_seconds(attempts: u32) -> i64 {
    const DAY_SECONDS: i64 = 86_400;
    let seconds = 60_i64 << if attempts < 11 { attempts } else { 11 };
    if seconds < DAY_SECONDS {
        seconds
    } else {
        DAY_SECONDS
    }
}

/// Runs until the server ends.
pub(crate) async fn run(state: AppState) {
    let mut rings = state.wake.listen();
    loop {
        let of = state.clone();
        let outcome = blocking(move || timestamps::run_due(&of)).await;
        if let Err(error) = outcome {
            tracing::error!(error = %Chain(&error), "what is due for sheets could not be done");
        }
        tokio::select! {
            () = state.shutdown.cancelled() => return,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
            rung = rings.recv() => {
                if matches!(rung, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_put_off_longer_and_longer_and_never_for_more_than_a_day() {
        let waits: Vec<i64> = (0..5).map(backoff_seconds).collect();
        assert_eq!(waits, [60, 120, 240, 480, 960]);
        assert_eq!(backoff_seconds(40), 86_400);
        assert_eq!(backoff_seconds(u32::MAX), 86_400);
    }
}
