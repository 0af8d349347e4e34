//! Whether the server runs and whether it can work.

use axum::extract::State;
use axum::http::StatusCode;

use super::problem::{ApiError, Problem};
use crate::AppState;
use crate::store;

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It runs")))]
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// The database answers and takes writes.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses((status = 200, description = "It can work"), (status = 503, body = Problem, description = "`not_ready`"))
)]
pub(super) async fn readyz(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    let tried = state.db.write_async(store::try_write).await;
    match tried {
        Ok(1) if !state.shutdown.is_cancelled() => Ok("ok\n"),
        Ok(_) => Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready")),
        Err(error) => {
            tracing::error!(error = %super::problem::Chain(&error), "not ready");
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "not_ready"))
        }
    }
}
