//! The wake stream: server-sent events that say no more than that something changed.
//!
//! Invariant: an event carries a counter and nothing else; a client that misses events loses nothing.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use tokio::sync::broadcast::error::RecvError;

use super::problem::{ApiError, Problem};
use crate::AppState;
use crate::auth::extract::Caller;

/// A comment after this long without events, in seconds, so that proxies keep the connection.
const KEEP_ALIVE_SECONDS: u64 = 20;
/// The longest stream, in seconds; clients connect again by themselves.
const STREAM_SECONDS_MAX: i64 = 3600;

/// Hints: one event `changed` at the start and one after every change, its data a counter that starts
/// anew with the server. `Last-Event-ID` is accepted and not needed.
#[utoipa::path(
    get, path = "/v1/events", tag = "sync", security(("session" = []), ("bearer" = []), ("device" = [])),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem, description = "`device_revoked`"),
    )
)]
pub(super) async fn events(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    caller.require_unrevoked()?;
    let left = caller.expires_at().map_or(STREAM_SECONDS_MAX, |end| {
        end.seconds() - state.host.now().seconds()
    });
    let left = u64::try_from(left.clamp(1, STREAM_SECONDS_MAX)).unwrap_or(1);
    let end = tokio::time::Instant::now() + Duration::from_secs(left);
    // Listen before the first hint goes out: nothing falls between.
    let (receiver, first) = (state.wake.listen(), state.wake.count());
    let stream =
        futures_util::stream::unfold((receiver, Some(first)), move |(mut receiver, first)| {
            let (wake, shutdown) = (state.wake.clone(), state.shutdown.clone());
            async move {
                let count = match first {
                    Some(count) => count,
                    None => tokio::select! {
                        heard = receiver.recv() => match heard {
                            Ok(count) => count,
                            // One hint stands for all that were missed.
                            Err(RecvError::Lagged(_)) => wake.count(),
                            Err(RecvError::Closed) => return None,
                        },
                        () = tokio::time::sleep_until(end) => return None,
                        () = shutdown.cancelled() => return None,
                    },
                };
                let event = Event::default()
                    .event("changed")
                    .id(count.to_string())
                    .data(count.to_string());
                Some((Ok(event), (receiver, None)))
            }
        });
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(KEEP_ALIVE_SECONDS))))
}
