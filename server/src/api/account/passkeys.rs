//! The own passkeys: registering one, taking one away.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::clock::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::{RecoveryCodes, no_content, renewed};
use crate::AppState;
use crate::api::problem::{ApiError, ApiJson, ApiPath, Problem};
use crate::api::session::{PasskeyCeremony, session_cookie_of};
use crate::auth::client::Client;
use crate::auth::extract::AccountAuth;
use crate::auth::passkeys::{self, Listed, NAME_CHARS_MAX};
use crate::auth::second_factor;
use crate::store::StoreError;

/// A passkey as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(title = "Passkey")]
pub(in crate::api) struct PasskeyBody {
    id: i64,
    name: String,
    created_at: Timestamp,
    used_at: Option<Timestamp>,
}

impl From<Listed> for PasskeyBody {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.index,
            name: listed.name,
            created_at: listed.created_at,
            used_at: listed.used_at,
        }
    }
}

/// Begins to register a passkey. Asks for a step-up.
#[utoipa::path(
    post, path = "/v1/account/passkeys/options", tag = "account", security(("session" = [])),
    responses(
        (status = 200, body = PasskeyCeremony), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
        (status = 409, body = Problem, description = "`passkeys_unavailable`: the server has no domain name"),
    )
)]
pub(in crate::api) async fn options(
    State(state): State<AppState>,
    account: AccountAuth,
) -> Result<ApiJson<PasskeyCeremony>, ApiError> {
    account.office.require_recent(state.host.now())?;
    let (host, person) = (state.host.clone(), account.office.person.clone());
    let (handle, held) = state
        .db
        .write_async(move |tx| {
            Ok::<_, StoreError>((
                passkeys::handle(tx, &person, &host)?,
                passkeys::keys(tx, &person)?,
            ))
        })
        .await?;
    let office = &account.office;
    let (ceremony, options) = state
        .passkeys
        .begin_registration(&office.person, &office.name, handle, &held, &state.host)
        .ok_or(ApiError::new(StatusCode::CONFLICT, "passkeys_unavailable"))?;
    Ok(ApiJson(PasskeyCeremony {
        ceremony,
        options: serde_json::to_value(options.public_key).expect("options are JSON"),
    }))
}

#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct NewPasskey {
    ceremony: String,
    /// What its owner calls it, 1 to 60 characters.
    name: String,
    /// What `navigator.credentials.create` gave, its bytes in base64url.
    #[schema(value_type = Object)]
    credential: serde_json::Value,
}

/// Registers a passkey: from now on it signs in by itself, and a password needs a code beside it. Asks for a
/// step-up.
#[utoipa::path(
    post, path = "/v1/account/passkeys", tag = "account", security(("session" = [])), request_body = NewPasskey,
    responses(
        (status = 201, body = RecoveryCodes, description = "Registered; the cookie is set"),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_passkey_name`, `passkey_refused`: \
            the answer does not hold, came too late, is registered already, or there are twenty"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
    )
)]
pub(in crate::api) async fn register(
    State(state): State<AppState>,
    account: AccountAuth,
    client: Client,
    ApiJson(request): ApiJson<NewPasskey>,
) -> Result<Response, ApiError> {
    const REFUSED: ApiError = ApiError::new(StatusCode::BAD_REQUEST, "passkey_refused");
    let now = state.host.now();
    account.office.require_recent(now)?;
    let name = request.name.trim().to_owned();
    let chars = name.chars().count();
    if chars == 0 || chars > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_passkey_name",
        ));
    }
    let answer: RegisterPublicKeyCredential =
        serde_json::from_value(request.credential).map_err(|_| REFUSED)?;
    let key = state
        .passkeys
        .end_registration(&request.ceremony, &account.office.person, &answer, now)
        .ok_or(REFUSED)?;
    let host = state.host.clone();
    let added = state
        .db
        .write_async(move |tx| {
            let person = &account.office.person;
            if !passkeys::add(tx, person, &name, &key, now)? {
                return Ok(None);
            }
            let codes = second_factor::first_recovery_codes(tx, person, &host)?;
            renewed(tx, &account, &client, true, &host).map(|secret| Some((codes, secret)))
        })
        .await?;
    let (recovery_codes, secret) = added.ok_or(REFUSED)?;
    let cookie = [(header::SET_COOKIE, session_cookie_of(&state, &secret))];
    let body = ApiJson(RecoveryCodes { recovery_codes });
    Ok((StatusCode::CREATED, cookie, body).into_response())
}

/// Takes a passkey away. Asks for a step-up.
#[utoipa::path(
    delete, path = "/v1/account/passkeys/{id}", tag = "account", security(("session" = [])),
    params(("id" = i64, Path, description = "Id of the passkey")),
    responses(
        (status = 204, description = "Taken away; the cookie is set"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
        (status = 404, body = Problem),
    )
)]
pub(in crate::api) async fn remove(
    State(state): State<AppState>,
    account: AccountAuth,
    client: Client,
    ApiPath(id): ApiPath<i64>,
) -> Result<Response, ApiError> {
    account.office.require_recent(state.host.now())?;
    let host = state.host.clone();
    let secret = state
        .db
        .write_async(move |tx| {
            if !passkeys::remove(tx, &account.office.person, id)? {
                return Ok(None);
            }
            renewed(tx, &account, &client, false, &host).map(Some)
        })
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(no_content(&state, &secret))
}
