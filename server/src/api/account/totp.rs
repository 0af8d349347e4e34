//! The own authenticator app: a secret that is shown once, and its first code.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{RecoveryCodes, no_content, renewed};
use crate::AppState;
use crate::api::problem::{ApiError, ApiJson, Problem};
use crate::api::session::session_cookie_of;
use crate::auth::client::Client;
use crate::auth::extract::AccountAuth;
use crate::auth::second_factor;

/// A secret for an authenticator app; shown this once.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct TotpSecret {
    /// To be typed: base 32.
    secret: String,
    /// To be scanned: `otpauth://totp/…`.
    uri: String,
}

/// Draws a secret for an authenticator app. It counts once its first code was sent. Asks for a step-up.
#[utoipa::path(
    post, path = "/v1/account/totp", tag = "account", security(("session" = [])),
    responses(
        (status = 200, body = TotpSecret), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
        (status = 409, body = Problem, description = "`totp_exists`: take the old one away first"),
    )
)]
pub(in crate::api) async fn begin(
    State(state): State<AppState>,
    account: AccountAuth,
) -> Result<ApiJson<TotpSecret>, ApiError> {
    account.office.require_recent(state.host.now())?;
    let (host, person) = (state.host.clone(), account.office.person);
    let secret = state
        .db
        .write_async(move |tx| second_factor::begin_totp(tx, &person, &host))
        .await?
        .ok_or(ApiError::new(StatusCode::CONFLICT, "totp_exists"))?;
    Ok(ApiJson(TotpSecret {
        secret: secret.base32,
        uri: secret.uri,
    }))
}

#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct TotpCode {
    /// Six digits.
    code: String,
}

/// Sends the first code: from now on a sign-in asks for one. Asks for a step-up.
#[utoipa::path(
    put, path = "/v1/account/totp", tag = "account", security(("session" = [])), request_body = TotpCode,
    responses(
        (status = 200, body = RecoveryCodes, description = "Set up; the cookie is set"),
        (status = 400, body = Problem, description = "`malformed_body`, `invalid_second_factor`"),
        (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
    )
)]
pub(in crate::api) async fn confirm(
    State(state): State<AppState>,
    account: AccountAuth,
    client: Client,
    ApiJson(request): ApiJson<TotpCode>,
) -> Result<Response, ApiError> {
    let now = state.host.now();
    account.office.require_recent(now)?;
    let host = state.host.clone();
    let confirmed = state
        .db
        .write_async(move |tx| {
            let person = &account.office.person;
            if !second_factor::confirm_totp(tx, person, &request.code, now)? {
                return Ok(None);
            }
            let codes = second_factor::first_recovery_codes(tx, person, &host)?;
            renewed(tx, &account, &client, true, &host).map(|secret| Some((codes, secret)))
        })
        .await?;
    let (recovery_codes, secret) = confirmed.ok_or(ApiError::new(
        StatusCode::BAD_REQUEST,
        "invalid_second_factor",
    ))?;
    let cookie = [(header::SET_COOKIE, session_cookie_of(&state, &secret))];
    Ok((cookie, ApiJson(RecoveryCodes { recovery_codes })).into_response())
}

/// Takes the authenticator app away. Asks for a step-up.
#[utoipa::path(
    delete, path = "/v1/account/totp", tag = "account", security(("session" = [])),
    responses(
        (status = 204, description = "Taken away; the cookie is set"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `foreign_request`"),
    )
)]
pub(in crate::api) async fn remove(
    State(state): State<AppState>,
    account: AccountAuth,
    client: Client,
) -> Result<Response, ApiError> {
    account.office.require_recent(state.host.now())?;
    let host = state.host.clone();
    let secret = state
        .db
        .write_async(move |tx| {
            second_factor::remove_totp(tx, &account.office.person)?;
            renewed(tx, &account, &client, false, &host)
        })
        .await?;
    Ok(no_content(&state, &secret))
}
