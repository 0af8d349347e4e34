//! A device asks for its certificate: it enrolled before there were any, or lost it. Or it shows it: the server
//! was restored from a backup and does not know the device.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::http::request::Parts;
use gongdan_core::ids::PersonId;
use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::audit::{self, Action, Actor};
use crate::auth::certificates::{self, Return};
use crate::auth::extract::{DeviceRequest, SignedBy};
use crate::store::{StoreError, blocking};

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

#[derive(Deserialize, ToSchema)]
pub(super) struct Shown {
    /// The device's certificate (`core/docs/sync-protocol.md`), base64url.
    certificate: String,
}

/// Takes a device back that the server does not know: it was enrolled after the backup from which the server was
/// restored. The request is signed by the key that the certificate names. A person who is not known either
/// comes back inactive and without a role, so that the device may upload and nothing else.
#[utoipa::path(
    put, path = "/v1/certificate", tag = "devices", security(("device" = [])), request_body = Shown,
    responses(
        (status = 204, description = "Known, now or before"),
        (status = 400, body = Problem, description = "`malformed_body`"),
        (status = 401, body = Problem, description = "`unauthenticated`, `invalid_signature`"),
        (status = 403, body = Problem, description = "`invalid_certificate`: not of this organisation, or of another device"),
        (status = 409, body = Problem, description = "`key_already_enrolled`"),
        (status = 413, body = Problem, description = "`body_too_large`"),
    )
)]
pub(super) async fn take_back(
    State(state): State<AppState>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    const INVALID: ApiError = ApiError::new(StatusCode::FORBIDDEN, "invalid_certificate");
    let signed = SignedBy::of(&parts)?;
    let body = body.map_err(|_| ApiError::body_too_large())?;
    let shown: Shown = serde_json::from_slice(&body)
        .map_err(|_| ApiError::malformed_body("the body is not JSON of the shape described"))?;
    let certificate = unbase64url(&shown.certificate)
        .and_then(|bytes| DeviceCertificate::from_bytes(&bytes).ok())
        .ok_or(INVALID)?;
    let certified = certificate
        .verify(&state.organisation_key.public())
        .map_err(|_| INVALID)?;
    let person: PersonId = certified.person().cloned().ok_or(INVALID)?;
    if certified.device() != signed.device() {
        return Err(INVALID);
    }
    signed.verify(certified.key(), &body)?;
    let host = state.host.clone();
    let device = certified.device();
    let outcome = state
        .db
        .write_async(move |tx| {
            let outcome = certificates::take_back(tx, &certificate, &certified, &person, &host)?;
            if outcome == Return::Known {
                let detail = audit::about("person", person.as_str());
                let actor = Actor::Device(device);
                audit::append(tx, host.now(), &actor, Action::DeviceEnrolled, detail)?;
            }
            Ok::<_, StoreError>(outcome)
        })
        .await?;
    match outcome {
        Return::Known => {
            tracing::info!(device.id = %device, "a device came back by its certificate");
            let now = state.host.now();
            blocking(move || state.relay.returned(now, device)).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Return::KeyTaken => Err(ApiError::new(StatusCode::CONFLICT, "key_already_enrolled")),
    }
}
