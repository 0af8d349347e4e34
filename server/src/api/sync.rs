//! The sync of devices: one request carries what a device has, and brings what is new to it.

use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::sync::codec::Malformed;

use super::problem::{ApiError, Problem};
use crate::AppState;
use crate::auth::extract::{DeviceAuth, DeviceRequest};
use crate::relay::{Sender, SyncError};
use crate::store::blocking;

/// Type of request and answer; `core/docs/sync-protocol.md` describes both.
pub(super) const MEDIA_TYPE: &str = "application/vnd.gongdan.sync";

impl From<DeviceAuth> for Sender {
    fn from(auth: DeviceAuth) -> Self {
        Self {
            index: auth.index,
            device: auth.device,
            person: auth.person,
            revoked: auth.revoked,
        }
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Malformed(Malformed::TooLarge) => Self::body_too_large(),
            SyncError::Malformed(why) => {
                Self::new(StatusCode::BAD_REQUEST, "malformed_sync").detail(why.to_string())
            }
            SyncError::BadSignature => Self::new(StatusCode::BAD_REQUEST, "bad_signature"),
            SyncError::OtherEpoch => Self::new(StatusCode::CONFLICT, "other_epoch"),
            SyncError::UnresolvedReference => {
                Self::new(StatusCode::CONFLICT, "unresolved_reference")
            }
            SyncError::OverQuota { seconds_left } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "device_quota")
                    .header(header::RETRY_AFTER, HeaderValue::from(seconds_left))
            }
            SyncError::Store(error) => error.into(),
        }
    }
}

/// One exchange. A revoked device may upload here and hears verdicts, nothing else.
#[utoipa::path(
    post, path = "/v1/sync", tag = "sync", security(("device" = [])),
    request_body(content_type = "application/vnd.gongdan.sync", content = Vec<u8>),
    responses(
        (status = 200, content_type = "application/vnd.gongdan.sync", body = Vec<u8>),
        (status = 400, body = Problem, description = "`malformed_sync`, `bad_signature`: nothing was stored"),
        (status = 401, body = Problem, description = "`unauthenticated`, `unknown_device`, `invalid_signature`"),
        (status = 408, body = Problem, description = "`request_timeout`: the body did not come in time; nothing was stored"),
        (status = 409, body = Problem, description = "`other_epoch`: begin anew; `unresolved_reference`: spell everything out"),
        (status = 413, body = Problem, description = "`body_too_large`"),
        (status = 415, body = Problem, description = "`unsupported_media_type`"),
        (status = 429, body = Problem, description = "`device_quota`: nothing was stored; `Retry-After` says when it will be"),
    )
)]
pub(super) async fn sync(
    State(state): State<AppState>,
    headers: HeaderMap,
    request: DeviceRequest,
) -> Result<Response, ApiError> {
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value.as_bytes() != MEDIA_TYPE.as_bytes())
    {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
        ));
    }
    let (now, sender, body) = (state.host.now(), Sender::from(request.auth), request.body);
    let (metrics, started) = (state.metrics.clone(), Instant::now());
    let answer = blocking(move || state.relay.sync(now, &sender, &body)).await;
    metrics.synced(answer.is_ok(), started.elapsed());
    let answer = answer?;
    Ok((
        [(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))],
        answer,
    )
        .into_response())
}
