//! One's own account: password and sessions; beside it the second factors.
//!
//! Invariant: what changes how somebody signs in asks for a recent proof, ends the session it came by, and
//! opens a new one.

pub(super) mod passkeys;
pub(super) mod totp;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, ApiPath, Problem};
use super::session::{self, session_cookie_of};
use crate::AppState;
use crate::auth::client::Client;
use crate::auth::extract::{AccountAuth, OfficeAuth};
use crate::auth::password::{self, Weakness};
use crate::auth::sessions::{self, Lack, Listed, Opening, Proof, SessionId};
use crate::auth::{second_factor, sign_in, users};
use crate::host::Host;
use crate::store::{StoreError, blocking};

/// One's own account.
#[derive(Serialize, ToSchema)]
#[schema(title = "Account")]
pub(super) struct AccountBody {
    person: PersonId,
    name: String,
    roles: Vec<gongdan_core::policy::Role>,
    /// What the account lacks.
    lacks: Option<Lack>,
    /// An authenticator app is set up.
    totp: bool,
    passkeys: Vec<passkeys::PasskeyBody>,
    /// Whether this server can have passkeys: it needs a domain name.
    passkeys_available: bool,
    /// Recovery codes left.
    recovery_codes: u32,
}

/// The own account.
#[utoipa::path(
    get, path = "/v1/account", tag = "account", security(("session" = [])),
    responses((status = 200, body = AccountBody), (status = 401, body = Problem))
)]
pub(super) async fn show(
    State(state): State<AppState>,
    account: AccountAuth,
) -> Result<ApiJson<AccountBody>, ApiError> {
    let person = account.office.person.clone();
    let (factors, keys) = state
        .db
        .read_async(move |c| {
            Ok::<_, StoreError>((
                second_factor::factors(c, &person)?,
                crate::auth::passkeys::list(c, &person)?,
            ))
        })
        .await?;
    Ok(ApiJson(AccountBody {
        person: account.office.person,
        name: account.office.name,
        roles: account.office.roles,
        lacks: account.lacks,
        totp: factors.totp,
        passkeys: keys.into_iter().map(Into::into).collect(),
        passkeys_available: state.passkeys.are_available(),
        recovery_codes: factors.recovery_codes,
    }))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct PasswordChange {
    /// The password until now.
    current: String,
    /// 15 characters or more; from 8 where the account has a second factor.
    new: String,
}

/// Changes the own password. Every other session of the person ends, this one is replaced.
#[utoipa::path(
    put, path = "/v1/account/password", tag = "account", security(("session" = [])), request_body = PasswordChange,
    responses(
        (status = 204, description = "Changed; the cookie is set"),
        (status = 400, body = Problem, description = "`malformed_body`; `password_length`: under 8 characters or \
            over 256 bytes; `password_needs_second_factor`: under 15 characters without one; `password_common`: \
            among the first that would be guessed; `password_unchanged`"),
        (status = 401, body = Problem, description = "`unauthenticated`"),
        (status = 403, body = Problem, description = "`foreign_request`, `invalid_password`: not the current one"),
        (status = 429, body = Problem, description = "`too_many_attempts`; `Retry-After` says when"),
    )
)]
pub(super) async fn change_password(
    State(state): State<AppState>,
    account: AccountAuth,
    client: Client,
    ApiJson(change): ApiJson<PasswordChange>,
) -> Result<Response, ApiError> {
    let bad = |code| ApiError::new(StatusCode::BAD_REQUEST, code);
    let AccountAuth { office, .. } = account;
    if change.new == change.current {
        return Err(bad("password_unchanged"));
    }
    let own = [office.person.as_str(), office.name.as_str()];
    match password::weakness(&change.new, &own) {
        None => {}
        Some(Weakness::Length) => return Err(bad("password_length")),
        Some(Weakness::Common) => return Err(bad("password_common")),
    }
    let person = office.person.clone();
    let factors = state
        .db
        .read_async(move |c| second_factor::factors(c, &person))
        .await?;
    if !factors.any() && !password::serves_alone(&change.new) {
        return Err(bad("password_needs_second_factor"));
    }
    let counted = client.counted(office.person.as_str(), &state.keys);
    session::check(&state, office.person.as_str(), change.current, &counted)
        .await
        .map_err(|error| match error.code() {
            // The console takes a 401 for the end of the session.
            "invalid_credentials" => ApiError::new(StatusCode::FORBIDDEN, "invalid_password"),
            _ => error,
        })?;
    let host = state.host.clone();
    let hash = blocking({
        let host = host.clone();
        move || password::hash(&host, &change.new)
    })
    .await;
    let secret = state
        .db
        .write_async(move |tx| {
            sign_in::clear(tx, &counted)?;
            users::set_password(tx, &office.person, &hash, false)?;
            let opening = Opening {
                proof: office.proof,
                lacks: None,
                agent: client.agent,
            };
            sessions::reopen(tx, &office.person, &opening, &host)
        })
        .await?;
    Ok(no_content(&state, &secret))
}

/// A session of a person.
#[derive(Serialize, ToSchema)]
#[schema(title = "SessionEntry")]
pub(super) struct SessionEntry {
    id: String,
    /// The one that asks.
    current: bool,
    proof: Proof,
    /// What the browser calls itself.
    agent: String,
    created_at: Timestamp,
    /// To the minute.
    last_seen: Timestamp,
    expires_at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SessionList {
    sessions: Vec<SessionEntry>,
}

impl SessionList {
    pub(super) fn new(listed: Vec<Listed>, current: &SessionId) -> Self {
        let entry = |session: Listed| SessionEntry {
            id: base64url(&session.id),
            current: session.id == *current,
            proof: session.proof,
            agent: session.agent,
            created_at: session.created_at,
            last_seen: session.seen_at,
            expires_at: session.expires_at,
        };
        Self {
            sessions: listed.into_iter().map(entry).collect(),
        }
    }
}

/// The own sessions, the last used first.
#[utoipa::path(
    get, path = "/v1/account/sessions", tag = "account", security(("session" = [])),
    responses((status = 200, body = SessionList), (status = 401, body = Problem))
)]
pub(super) async fn list_sessions(
    State(state): State<AppState>,
    account: AccountAuth,
) -> Result<ApiJson<SessionList>, ApiError> {
    let (person, now) = (account.office.person, state.host.now());
    let listed = state
        .db
        .read_async(move |c| sessions::list(c, &person, now))
        .await?;
    Ok(ApiJson(SessionList::new(listed, &account.office.session)))
}

/// Ends one of the own sessions.
#[utoipa::path(
    delete, path = "/v1/account/sessions/{id}", tag = "account", security(("session" = [])),
    params(("id" = String, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "Ended"), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem),
    )
)]
pub(super) async fn revoke_session(
    State(state): State<AppState>,
    account: AccountAuth,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let (person, id) = (account.office.person, parse_session(&id)?);
    let ended = state
        .db
        .write_async(move |tx| sessions::revoke(tx, &person, &id))
        .await?;
    if ended {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::not_found())
    }
}

/// Recovery codes, shown this once; empty where the person still has some.
#[derive(Serialize, ToSchema)]
pub(super) struct RecoveryCodes {
    pub(super) recovery_codes: Vec<String>,
}

/// Draws ten recovery codes in place of those before. Asks for a step-up.
#[utoipa::path(
    post, path = "/v1/account/recovery-codes", tag = "account", security(("session" = [])),
    responses(
        (status = 200, body = RecoveryCodes), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`step_up_required`, `account_incomplete`, `foreign_request`"),
        (status = 409, body = Problem, description = "`no_second_factor`: there is nothing to recover"),
    )
)]
pub(super) async fn draw_recovery_codes(
    State(state): State<AppState>,
    office: OfficeAuth,
) -> Result<ApiJson<RecoveryCodes>, ApiError> {
    office.require_recent(state.host.now())?;
    let (host, person) = (state.host.clone(), office.person);
    let drawn = state
        .db
        .write_async(move |tx| {
            if !second_factor::factors(tx, &person)?.any() {
                return Ok(None);
            }
            second_factor::draw_recovery_codes(tx, &person, &host).map(Some)
        })
        .await?;
    let recovery_codes = drawn.ok_or(ApiError::new(StatusCode::CONFLICT, "no_second_factor"))?;
    Ok(ApiJson(RecoveryCodes { recovery_codes }))
}

pub(super) fn parse_session(id: &str) -> Result<SessionId, ApiError> {
    unbase64url(id)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(ApiError::not_found)
}

/// A new session in place of the one that a change of the account came by; `gained` says that there is a
/// second factor now.
fn renewed(
    tx: &Transaction<'_>,
    account: &AccountAuth,
    client: &Client,
    gained: bool,
    host: &Host,
) -> Result<String, StoreError> {
    let lacks = account
        .lacks
        .filter(|lack| !(gained && *lack == Lack::SecondFactor));
    let opening = Opening {
        proof: account.office.proof,
        lacks,
        agent: client.agent.clone(),
    };
    if let Some(before) = client.session.as_deref() {
        sessions::close(tx, before)?;
    }
    sessions::reopen(tx, &account.office.person, &opening, host)
}

fn no_content(state: &AppState, secret: &str) -> Response {
    let cookie = [(header::SET_COOKIE, session_cookie_of(state, secret))];
    (StatusCode::NO_CONTENT, cookie).into_response()
}
