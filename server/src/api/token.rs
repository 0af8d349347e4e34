//! A device's bearer token for attachments and the wake stream.

use axum::extract::State;
use gongdan_core::clock::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::auth::extract::DeviceRequest;
use crate::auth::tokens;

/// A token and its end.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenBody {
    /// For `Authorization: Bearer …`.
    token: String,
    /// After this it serves no more.
    expires_at: Timestamp,
}

/// Gives a token for an hour. A revoked device's token serves for uploads only.
#[utoipa::path(
    post, path = "/v1/token", tag = "devices", security(("device" = [])),
    responses(
        (status = 200, body = TokenBody),
        (status = 401, body = Problem, description = "`unauthenticated`, `unknown_device`, `invalid_signature`"),
    )
)]
pub(super) async fn issue(
    State(state): State<AppState>,
    request: DeviceRequest,
) -> Result<ApiJson<TokenBody>, ApiError> {
    let (host, index) = (state.host.clone(), request.auth.index);
    let (token, expires_at) = state
        .db
        .write_async(move |tx| tokens::issue(tx, index, &host))
        .await?;
    Ok(ApiJson(TokenBody { token, expires_at }))
}
