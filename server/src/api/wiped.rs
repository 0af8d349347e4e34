//! A device says that it has destroyed what it held.

use axum::extract::State;
use axum::http::StatusCode;

use super::problem::{ApiError, Problem};
use crate::AppState;
use crate::auth::devices;
use crate::auth::extract::DeviceRequest;

/// Notes that the device has destroyed its database's key. It is revoked from then on.
#[utoipa::path(
    post, path = "/v1/wiped", tag = "devices", security(("device" = [])),
    responses(
        (status = 204),
        (status = 401, body = Problem, description = "`unauthenticated`, `unknown_device`, `invalid_signature`"),
    )
)]
pub(super) async fn report(
    State(state): State<AppState>,
    request: DeviceRequest,
) -> Result<StatusCode, ApiError> {
    let (now, device) = (state.host.now(), request.auth);
    state
        .db
        .write_async(move |tx| devices::wiped(tx, device.index, now))
        .await?;
    tracing::info!(device.id = %device.device, "a device has wiped itself");
    Ok(StatusCode::NO_CONTENT)
}
