//! The console's page of devices: who has which, inviting one, naming one, revoking one, asking one to wipe
//! itself.

use axum::extract::State;
use axum::http::StatusCode;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::policy::Capability;
use gongdan_core::sync::protocol::Unsent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, ApiPath, Problem};
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::auth::{devices, enrolment, users};
use crate::store::StoreError;

/// A device as the console shows it.
#[derive(Serialize, ToSchema)]
#[schema(title = "Device")]
pub(super) struct DeviceBody {
    id: DeviceId,
    name: String,
    /// Employee number.
    person: PersonId,
    person_name: String,
    enrolled_at: Timestamp,
    /// To the minute.
    last_seen: Timestamp,
    revoked_at: Option<Timestamp>,
    revoked_reason: Option<String>,
    /// The device that it goes on from: a phone that was put back to a backup, or copied.
    continues: Option<DeviceId>,
    /// What it had not sent at its last exchange, beyond what came with it; nothing where all came.
    unsent: Option<UnsentBody>,
    /// Since when it is to destroy what it holds, at its next contact and after its outbox went out.
    wipe_requested_at: Option<Timestamp>,
    /// When it said that it has.
    wiped_at: Option<Timestamp>,
}

/// What a device has not sent, as it said itself.
#[derive(Serialize, ToSchema)]
#[schema(title = "UnsentWork")]
pub(super) struct UnsentBody {
    commands: u32,
    /// Claimed time of the oldest of them.
    oldest: Option<Timestamp>,
    /// Attachments whose bytes are not here whole.
    attachments: u32,
}

impl From<Unsent> for UnsentBody {
    fn from(unsent: Unsent) -> Self {
        Self {
            commands: unsent.commands,
            oldest: unsent.oldest,
            attachments: unsent.attachments,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeviceList {
    devices: Vec<DeviceBody>,
}

/// All enrolled devices, the newest first.
#[utoipa::path(
    get, path = "/v1/devices", tag = "devices", security(("session" = [])),
    responses((status = 200, body = DeviceList), (status = 401, body = Problem), (status = 403, body = Problem))
)]
pub(super) async fn list(
    State(state): State<AppState>,
    office: OfficeAuth,
) -> Result<ApiJson<DeviceList>, ApiError> {
    office.require_capability(Capability::SeeDevices)?;
    let (devices, users) = state
        .db
        .read_async(|c| Ok::<_, StoreError>((devices::list(c)?, users::list(c)?)))
        .await?;
    let name = |id: &PersonId| {
        users
            .iter()
            .find(|user| user.person.id == *id)
            .map(|user| user.person.name.clone())
            .unwrap_or_default()
    };
    let ids: std::collections::HashMap<i64, DeviceId> = devices
        .iter()
        .map(|device| (device.index, device.device))
        .collect();
    let bodies = devices.into_iter().filter_map(|device| {
        let person = device.person?;
        Some(DeviceBody {
            id: device.device,
            name: device.name,
            person_name: name(&person),
            person,
            enrolled_at: device.enrolled_at,
            last_seen: device.seen_at,
            revoked_at: device.revoked_at,
            revoked_reason: device.revoked_reason,
            continues: device.continues.and_then(|index| ids.get(&index).copied()),
            unsent: device.unsent.map(Into::into),
            wipe_requested_at: device.wipe_requested_at,
            wiped_at: device.wiped_at,
        })
    });
    Ok(ApiJson(DeviceList {
        devices: bodies.collect(),
    }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct InvitationRequest {
    /// Employee number of whose device it will be.
    person: String,
    /// How long the code serves, 1 to 30; 7 unless given.
    #[serde(default)]
    days: Option<u16>,
}

/// A one-time code; shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct Invitation {
    code: String,
    /// What the phone reads from a QR code.
    uri: String,
    expires_at: Timestamp,
}

/// Makes a one-time code for a new device of a person: whoever has it acts as that person, so it asks for a
/// step-up. For administrators and supervisors.
#[utoipa::path(
    post, path = "/v1/devices/invitations", tag = "devices", security(("session" = [])),
    request_body = InvitationRequest,
    responses(
        (status = 201, body = Invitation), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`forbidden`, `step_up_required`"),
        (status = 404, body = Problem, description = "`unknown_person`"),
    )
)]
pub(super) async fn invite(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiJson(request): ApiJson<InvitationRequest>,
) -> Result<(StatusCode, ApiJson<Invitation>), ApiError> {
    office.require_capability(Capability::KeepDevices)?;
    office.require_recent(state.host.now())?;
    const UNKNOWN: ApiError = ApiError::new(StatusCode::NOT_FOUND, "unknown_person");
    let person: PersonId = request.person.parse().map_err(|_| UNKNOWN)?;
    let days = request.days.unwrap_or(enrolment::INVITATION_DAYS);
    let host = state.host.clone();
    let invited = state
        .db
        .write_async(move |tx| enrolment::invite(tx, &person, days, &host))
        .await?;
    let (code, expires_at) = invited.ok_or(UNKNOWN)?;
    let uri = enrolment::uri(&state.config.url(), &code);
    Ok((
        StatusCode::CREATED,
        ApiJson(Invitation {
            code,
            uri,
            expires_at,
        }),
    ))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Naming {
    /// 1 to 60 characters.
    name: String,
}

/// Names a device. For administrators and supervisors.
#[utoipa::path(
    patch, path = "/v1/devices/{id}", tag = "devices", security(("session" = [])), request_body = Naming,
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Named"),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_device_name`"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    )
)]
pub(super) async fn rename(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<Naming>,
) -> Result<StatusCode, ApiError> {
    office.require_capability(Capability::KeepDevices)?;
    let device = parse_id(&id)?;
    let name = devices::parse_name(&request.name)
        .ok_or(ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_device_name",
        ))?
        .to_owned();
    let named = state
        .db
        .write_async(move |tx| devices::rename(tx, device, &name))
        .await?;
    found(named)
}

#[derive(Deserialize, ToSchema)]
pub(super) struct Revocation {
    /// Why, for the office: 1 to 200 characters.
    reason: String,
}

/// Revokes a device, and the ones that it goes on from: from now on they may upload what they hold and nothing
/// else. For administrators and supervisors; twice is as good as once.
#[utoipa::path(
    post, path = "/v1/devices/{id}/revocation", tag = "devices", security(("session" = [])),
    request_body = Revocation,
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_reason`"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
    )
)]
pub(super) async fn revoke(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
    ApiJson(request): ApiJson<Revocation>,
) -> Result<StatusCode, ApiError> {
    office.require_capability(Capability::KeepDevices)?;
    let device = parse_id(&id)?;
    let reason = request.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > devices::REASON_CHARS_MAX {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_reason"));
    }
    let now = state.host.now();
    let revoked = state
        .db
        .write_async(move |tx| devices::revoke(tx, device, Some(&reason), now))
        .await?;
    found(revoked)?;
    tracing::info!(device.id = %device, "a device was revoked");
    state.wake.ring();
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a device to destroy what it holds, at its next contact and after everything it has written arrived;
/// it is revoked as well where it was not. For administrators and supervisors; twice is as good as once.
#[utoipa::path(
    post, path = "/v1/devices/{id}/wipe", tag = "devices", security(("session" = [])),
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Asked for"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn request_wipe(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    office.require_capability(Capability::KeepDevices)?;
    let device = parse_id(&id)?;
    let now = state.host.now();
    let asked = state
        .db
        .write_async(move |tx| {
            devices::revoke(tx, device, None, now)?;
            devices::request_wipe(tx, device, Some(now))
        })
        .await?;
    found(asked)?;
    tracing::info!(device.id = %device, "a device is to be wiped");
    state.wake.ring();
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the request to wipe back; the device stays revoked. What was destroyed before stays destroyed.
#[utoipa::path(
    delete, path = "/v1/devices/{id}/wipe", tag = "devices", security(("session" = [])),
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Taken back"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn withdraw_wipe(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    office.require_capability(Capability::KeepDevices)?;
    let device = parse_id(&id)?;
    let withdrawn = state
        .db
        .write_async(move |tx| devices::request_wipe(tx, device, None))
        .await?;
    found(withdrawn)
}

fn parse_id(id: &str) -> Result<DeviceId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

fn found(found: bool) -> Result<StatusCode, ApiError> {
    if found {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}
