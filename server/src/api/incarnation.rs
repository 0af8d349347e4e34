//! A device that was put back to a backup, or copied, asks to go on as another one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::ids::DeviceId;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::audit::{self, Action, Actor};
use crate::auth::extract::DeviceRequest;
use crate::auth::incarnation::{self, Incarnation};
use crate::auth::{certificates, devices};
use crate::store::StoreError;

#[derive(Deserialize, ToSchema)]
pub(super) struct IncarnationRequest {
    /// The next incarnation's Ed25519 public key, 32 bytes in base64url without padding.
    public_key: String,
}

/// The next incarnation's place.
#[derive(Serialize, ToSchema)]
#[schema(title = "Incarnation")]
pub(super) struct IncarnationBody {
    /// Id of the device as which it goes on.
    device: DeviceId,
    /// The organisation's Ed25519 public key, base64url.
    organisation_key: String,
    /// The new device's certificate, base64url.
    certificate: String,
}

/// Makes the device that asks go on as another one of the same person: it has heard that a copy of it writes
/// under the same name. The same key again gives the same answer.
#[utoipa::path(
    post, path = "/v1/incarnation", tag = "devices", security(("device" = [])), request_body = IncarnationRequest,
    responses(
        (status = 200, body = IncarnationBody),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_public_key`"),
        (status = 401, body = Problem, description = "`unauthenticated`, `unknown_device`, `invalid_signature`"),
        (status = 403, body = Problem, description = "`device_revoked`"),
        (status = 409, body = Problem, description = "`key_already_enrolled`, `too_many_incarnations`"),
    )
)]
pub(super) async fn begin(
    State(state): State<AppState>,
    request: DeviceRequest,
) -> Result<ApiJson<IncarnationBody>, ApiError> {
    request.auth.require_unrevoked()?;
    let asked: IncarnationRequest = serde_json::from_slice(&request.body)
        .map_err(|_| ApiError::malformed_body("the body is not JSON of the shape described"))?;
    let key = unbase64url(&asked.public_key)
        .and_then(|bytes| PublicKey::from_bytes(bytes.try_into().ok()?))
        .ok_or(ApiError::new(StatusCode::BAD_REQUEST, "invalid_public_key"))?;
    let (host, organisation_key) = (state.host.clone(), Arc::clone(&state.organisation_key));
    let (outcome, certificate) = state
        .db
        .write_async(move |tx| {
            let auth = &request.auth;
            let outcome = incarnation::begin(tx, auth.index, &auth.person, &key, &host)?;
            let mut certificate = Vec::new();
            if let Incarnation::Begun(device) = outcome
                && let Some(device) = devices::find(tx, device)?
            {
                let detail = audit::about("person", auth.person.as_str());
                let actor = Actor::Device(device.device);
                audit::append(tx, host.now(), &actor, Action::DeviceEnrolled, detail)?;
                certificate =
                    certificates::of(tx, &organisation_key, device.index, &host)?.to_bytes();
            }
            Ok::<_, StoreError>((outcome, certificate))
        })
        .await?;
    match outcome {
        Incarnation::Begun(device) => {
            tracing::info!(device.id = %device, "a copied device goes on as another one");
            Ok(ApiJson(IncarnationBody {
                device,
                organisation_key: base64url(state.organisation_key.public().as_bytes()),
                certificate: base64url(&certificate),
            }))
        }
        Incarnation::KeyTaken => Err(ApiError::new(StatusCode::CONFLICT, "key_already_enrolled")),
        Incarnation::TooMany => Err(ApiError::new(StatusCode::CONFLICT, "too_many_incarnations")),
    }
}
