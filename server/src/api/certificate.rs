//! A device asks for its certificate: it enrolled before there were any, or lost it.

use std::sync::Arc;

use axum::extract::State;
use gongdan_core::sync::request_auth::base64url;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::auth::certificates;
use crate::auth::extract::DeviceRequest;

/// A device's certificate and what it verifies by.
#[derive(Serialize, ToSchema)]
#[schema(title = "Certificate")]
pub(super) struct CertificateBody {
    /// The organisation's Ed25519 public key, base64url.
    organisation_key: String,
    /// The certificate (`core/docs/sync-protocol.md`), base64url.
    certificate: String,
}

/// The certificate of the device that asks. A revoked device has one as well: what it signed stays signed.
#[utoipa::path(
    post, path = "/v1/certificate", tag = "devices", security(("device" = [])),
    responses(
        (status = 200, body = CertificateBody),
        (status = 401, body = Problem, description = "`unauthenticated`, `unknown_device`, `invalid_signature`"),
    )
)]
pub(super) async fn show(
    State(state): State<AppState>,
    request: DeviceRequest,
) -> Result<ApiJson<CertificateBody>, ApiError> {
    let (host, key) = (state.host.clone(), Arc::clone(&state.organisation_key));
    let certificate = state
        .db
        .write_async(move |tx| certificates::of(tx, &key, request.auth.index, &host))
        .await?;
    Ok(ApiJson(CertificateBody {
        organisation_key: base64url(state.organisation_key.public().as_bytes()),
        certificate: base64url(&certificate.to_bytes()),
    }))
}
