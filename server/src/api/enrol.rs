//! A device enrols: its one-time code for a place among the devices.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::audit::{self, Action, Actor};
use crate::auth::enrolment::{self, Enrolment};
use crate::auth::{certificates, devices};
use crate::organisation;
use crate::store::StoreError;

#[derive(Deserialize, ToSchema)]
pub(super) struct EnrolmentRequest {
    /// The one-time code; case and dashes do not count.
    code: String,
    /// The device's Ed25519 public key, 32 bytes in base64url without padding.
    public_key: String,
    /// What the owner calls the device, 1 to 60 characters.
    device_name: String,
}

/// The device's place.
#[derive(Serialize, ToSchema)]
pub(super) struct EnrolmentBody {
    /// Id of the device.
    device: DeviceId,
    /// Employee number of its person.
    person: PersonId,
    /// The server's Ed25519 public key, base64url: what it signs verifies by this.
    server_key: String,
    /// The server's own device, on which the console's users write.
    server_device: DeviceId,
    /// The organisation's Ed25519 public key, base64url: certificates of devices verify by this.
    organisation_key: String,
    /// The device's certificate (`core/docs/sync-protocol.md`), base64url.
    certificate: String,
    /// Name of the organisation; `null` while none is loaded.
    organisation: Option<String>,
}

/// Enrols a device. The same code with the same key again gives the same answer; with another key it is
/// refused like a code that never was.
#[utoipa::path(
    post, path = "/v1/enrol", tag = "devices", request_body = EnrolmentRequest,
    responses(
        (status = 200, body = EnrolmentBody),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_public_key`, `invalid_device_name`"),
        (status = 403, body = Problem, description = "`invalid_enrolment_code`: unknown, used, or too old"),
        (status = 409, body = Problem, description = "`key_already_enrolled`"),
    )
)]
pub(super) async fn enrol(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<EnrolmentRequest>,
) -> Result<ApiJson<EnrolmentBody>, ApiError> {
    let key = unbase64url(&request.public_key)
        .and_then(|bytes| PublicKey::from_bytes(bytes.try_into().ok()?))
        .ok_or(ApiError::new(StatusCode::BAD_REQUEST, "invalid_public_key"))?;
    let name = devices::parse_name(&request.device_name)
        .ok_or(ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_device_name",
        ))?
        .to_owned();
    let (host, organisation_key) = (state.host.clone(), Arc::clone(&state.organisation_key));
    let (outcome, certificate, organisation) = state
        .db
        .write_async(move |tx| {
            let outcome = enrolment::enrol(tx, &request.code, &key, &name, &host)?;
            if let Enrolment::Enrolled { device, person } = &outcome {
                let detail = audit::about("person", person.as_str());
                let actor = Actor::Device(*device);
                audit::append(tx, host.now(), &actor, Action::DeviceEnrolled, detail)?;
            }
            let certificate = match &outcome {
                Enrolment::Enrolled { device, .. } => match devices::find(tx, *device)? {
                    Some(device) => {
                        certificates::of(tx, &organisation_key, device.index, &host)?.to_bytes()
                    }
                    None => Vec::new(),
                },
                _ => Vec::new(),
            };
            let organisation = organisation::current(tx)?.map(|catalogue| catalogue.organisation);
            Ok::<_, StoreError>((outcome, certificate, organisation))
        })
        .await?;
    match outcome {
        Enrolment::Enrolled { device, person } => {
            tracing::info!(device.id = %device, "a device enrolled");
            Ok(ApiJson(EnrolmentBody {
                device,
                person,
                server_key: base64url(state.keys.public().as_bytes()),
                server_device: state.keys.device,
                organisation_key: base64url(state.organisation_key.public().as_bytes()),
                certificate: base64url(&certificate),
                organisation,
            }))
        }
        Enrolment::InvalidCode => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "invalid_enrolment_code",
        )),
        Enrolment::KeyTaken => Err(ApiError::new(StatusCode::CONFLICT, "key_already_enrolled")),
    }
}
