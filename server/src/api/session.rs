//! Signing in at the console into a cookie: by name and password, with a code where the account has a second
//! factor, or by a passkey. Signing in again is the step-up: it opens a new session in place of the old one.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::{Capability, Role, holds};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use webauthn_rs::prelude::PublicKeyCredential;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::auth::client::{self, Client, KNOWN_COOKIE, KNOWN_SECONDS};
use crate::auth::extract::{AccountAuth, SESSION_COOKIE, session_cookie};
use crate::auth::password::{self, PASSWORD_BYTES_MAX};
use crate::auth::sessions::{self, Lack, Opening, Proof};
use crate::auth::sign_in::{self, Attempt, Counted};
use crate::auth::users::User;
use crate::auth::{passkeys, second_factor, users};
use crate::store::StoreError;

/// Bytes of a code, so that nobody makes the server hash a book.
const CODE_BYTES_MAX: usize = 64;

#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    /// Employee number (工号).
    username: String,
    password: String,
    /// Six digits of the authenticator app, or a recovery code, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(title = "Session")]
pub(super) struct SessionBody {
    /// Employee number.
    person: PersonId,
    name: String,
    roles: Vec<Role>,
    /// What these roles hold, on whatever tickets.
    capabilities: Vec<Capability>,
    /// What the account lacks: until it is there, only the own account answers (`account_incomplete`).
    lacks: Option<Lack>,
    proof: Proof,
    /// When the person proved to be it; what asks for a step-up wants this within ten minutes.
    proved_at: Timestamp,
    /// When the session ends at the latest; unused it ends after an hour.
    expires_at: Timestamp,
}

/// Signs in. A wrong name and a wrong password get the same answer in the same time; after failures the
/// next attempt has to wait. The session that the browser had before ends.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", request_body = Credentials,
    responses(
        (status = 200, body = SessionBody, description = "Signed in; the cookie is set"),
        (status = 401, body = Problem, description = "`invalid_credentials`; `second_factor_required`: send the \
            same with a code, or use a passkey; `invalid_second_factor`: wrong or used"),
        (status = 403, body = Problem, description = "`no_office_role`: the person works in the field only"),
        (status = 429, body = Problem, description = "`too_many_attempts`; `Retry-After` says when"),
    )
)]
pub(super) async fn sign_in(
    State(state): State<AppState>,
    client: Client,
    ApiJson(credentials): ApiJson<Credentials>,
) -> Result<Response, ApiError> {
    let Credentials {
        username,
        password,
        code,
    } = credentials;
    let username = username.trim().to_owned();
    let code = code.filter(|code| !code.trim().is_empty());
    let too_long = |code: &String| code.len() > CODE_BYTES_MAX;
    if password.len() > PASSWORD_BYTES_MAX || code.as_ref().is_some_and(too_long) {
        return Err(invalid());
    }
    let counted = client.counted(&username, &state.keys);
    let (user, serves_alone) = check(&state, &username, password, &counted).await?;
    if !user.person.roles.iter().any(|role| role.is_office()) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "no_office_role"));
    }
    let host = state.host.clone();
    let (agent, before) = (client.agent, client.session);
    let person = user.person.id.clone();
    let opened = state
        .db
        .write_async(move |tx| {
            let factors = second_factor::factors(tx, &person)?;
            let proof = match (factors.any(), code) {
                (false, _) => Proof::Password,
                (true, None) => return Ok(Err("second_factor_required")),
                (true, Some(code)) => {
                    match second_factor::use_code(tx, &person, &code, host.now())? {
                        Some(proof) => proof,
                        None => return Ok(Err("invalid_second_factor")),
                    }
                }
            };
            let lacks = if user.password_temporary {
                Some(Lack::NewPassword)
            } else {
                (!factors.any() && !serves_alone).then_some(Lack::SecondFactor)
            };
            sign_in::clear(tx, &counted)?;
            let opening = Opening {
                proof,
                lacks,
                agent,
            };
            renew(tx, before.as_deref(), &person, &opening, &host).map(Ok)
        })
        .await?;
    let secret = opened.map_err(|code| ApiError::new(StatusCode::UNAUTHORIZED, code))?;
    answer(&state, &username, secret).await
}

/// Checks a password for a name, after counting the attempt; whether it is long enough to serve alone.
///
/// # Errors
/// 429 too soon after failures; 401 where either is wrong.
pub(super) async fn check(
    state: &AppState,
    name: &str,
    password: String,
    counted: &[Counted],
) -> Result<(User, bool), ApiError> {
    let (now, counted) = (state.host.now(), counted.to_vec());
    if let Attempt::Wait { seconds } = state
        .db
        .write_async(move |tx| sign_in::begin(tx, &counted, now))
        .await?
    {
        let problem = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts");
        return Err(problem.header(header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    let user = match name.parse::<PersonId>() {
        Ok(person) => {
            state
                .db
                .read_async(move |c| users::find(c, &person))
                .await?
        }
        Err(_) => None,
    };
    let user = user.filter(|user| user.active);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let serves_alone = password::serves_alone(&password);
    let right = state.passwords.check(hash, password).await;
    let Some(user) = user.filter(|_| right) else {
        tracing::info!("a sign-in failed");
        return Err(invalid());
    };
    Ok((user, serves_alone))
}

/// What a browser is to ask an authenticator, and the name to answer under.
#[derive(Serialize, ToSchema)]
pub(super) struct PasskeyCeremony {
    pub(super) ceremony: String,
    /// Options for `navigator.credentials` (WebAuthn), its bytes in base64url.
    #[schema(value_type = Object)]
    pub(super) options: serde_json::Value,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct PasskeyAnswer {
    ceremony: String,
    /// What `navigator.credentials.get` gave, its bytes in base64url.
    #[schema(value_type = Object)]
    credential: serde_json::Value,
}

/// Begins a sign-in by passkey. It names nobody and tells nothing of anybody.
#[utoipa::path(
    post, path = "/v1/session/passkey/options", tag = "session",
    responses(
        (status = 200, body = PasskeyCeremony),
        (status = 409, body = Problem, description = "`passkeys_unavailable`: the server has no domain name"),
    )
)]
pub(super) async fn passkey_options(
    State(state): State<AppState>,
) -> Result<ApiJson<PasskeyCeremony>, ApiError> {
    let (ceremony, options) = state
        .passkeys
        .begin_sign_in(&state.host)
        .ok_or(ApiError::new(StatusCode::CONFLICT, "passkeys_unavailable"))?;
    Ok(ApiJson(PasskeyCeremony {
        ceremony,
        options: serde_json::to_value(options.public_key).expect("options are JSON"),
    }))
}

/// Signs in by passkey. The session that the browser had before ends.
#[utoipa::path(
    post, path = "/v1/session/passkey", tag = "session", request_body = PasskeyAnswer,
    responses(
        (status = 200, body = SessionBody, description = "Signed in; the cookie is set"),
        (status = 401, body = Problem, description = "`invalid_credentials`"),
        (status = 403, body = Problem, description = "`no_office_role`: the person works in the field only"),
    )
)]
pub(super) async fn passkey_sign_in(
    State(state): State<AppState>,
    client: Client,
    ApiJson(answered): ApiJson<PasskeyAnswer>,
) -> Result<Response, ApiError> {
    let credential: PublicKeyCredential =
        serde_json::from_value(answered.credential).map_err(|_| invalid())?;
    let (registered, credential) = state
        .db
        .read_async(move |c| {
            Ok::<_, StoreError>((passkeys::registered(c, &credential)?, credential))
        })
        .await?;
    let now = state.host.now();
    let registered = state
        .passkeys
        .end_sign_in(&answered.ceremony, &credential, registered, now)
        .ok_or_else(|| {
            tracing::info!("a sign-in by passkey failed");
            invalid()
        })?;
    let host = state.host.clone();
    let (agent, before) = (client.agent, client.session);
    let opened = state
        .db
        .write_async(move |tx| {
            let person = registered.person.clone();
            let Some(user) = users::find(tx, &person)?.filter(|user| user.active) else {
                return Ok(Err(invalid()));
            };
            if !user.person.roles.iter().any(|role| role.is_office()) {
                return Ok(Err(ApiError::new(StatusCode::FORBIDDEN, "no_office_role")));
            }
            passkeys::used(tx, &registered, now)?;
            let opening = Opening {
                proof: Proof::Passkey,
                lacks: user.password_temporary.then_some(Lack::NewPassword),
                agent,
            };
            let secret = renew(tx, before.as_deref(), &person, &opening, &host)?;
            Ok::<_, ApiError>(Ok((person, secret)))
        })
        .await?;
    let (person, secret) = opened?;
    answer(&state, person.as_str(), secret).await
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/v1/session", tag = "session", security(("session" = [])),
    responses((status = 200, body = SessionBody), (status = 401, body = Problem, description = "`unauthenticated`"))
)]
pub(super) async fn show(account: AccountAuth) -> ApiJson<SessionBody> {
    ApiJson(SessionBody {
        person: account.office.person,
        name: account.office.name,
        capabilities: held(&account.office.roles),
        roles: account.office.roles,
        lacks: account.lacks,
        proof: account.office.proof,
        proved_at: account.office.proved_at,
        expires_at: account.office.expires_at,
    })
}

/// Signs out.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session", security(("session" = [])),
    responses(
        (status = 204, description = "Signed out"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`foreign_request`"),
    )
)]
pub(super) async fn sign_out(
    State(state): State<AppState>,
    _account: AccountAuth,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = session_cookie(&headers).map(str::to_owned) {
        state
            .db
            .write_async(move |tx| sessions::close(tx, &secret))
            .await?;
    }
    let gone = set_cookie(&state, SESSION_COOKIE, "", 0);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

/// Signs in with a session in place of the one that the browser had.
fn renew(
    tx: &Transaction<'_>,
    before: Option<&str>,
    person: &PersonId,
    opening: &Opening,
    host: &crate::host::Host,
) -> Result<String, StoreError> {
    if let Some(before) = before {
        sessions::close(tx, before)?;
    }
    sessions::open(tx, person, opening, host)
}

/// The answer to a sign-in: the session's cookie, and the mark of a known browser.
async fn answer(state: &AppState, name: &str, secret: String) -> Result<Response, ApiError> {
    let now = state.host.now();
    let mark = client::mark(name, &state.keys, &state.host);
    let cookies = AppendHeaders([
        (header::SET_COOKIE, session_cookie_of(state, &secret)),
        (
            header::SET_COOKIE,
            set_cookie(state, KNOWN_COOKIE, &mark, KNOWN_SECONDS),
        ),
    ]);
    let session = state
        .db
        .read_async(move |c| sessions::find(c, &secret, now))
        .await?
        .ok_or_else(ApiError::unauthenticated)?;
    let body = SessionBody {
        person: session.person,
        name: session.name,
        capabilities: held(&session.roles),
        roles: session.roles,
        lacks: session.lacks,
        proof: session.proof,
        proved_at: session.created_at,
        expires_at: session.expires_at,
    };
    Ok((cookies, ApiJson(body)).into_response())
}

fn held(roles: &[Role]) -> Vec<Capability> {
    let mut all = Capability::ALL.to_vec();
    all.retain(|capability| holds(roles, *capability));
    all
}

/// The cookie of a session.
pub(super) fn session_cookie_of(state: &AppState, secret: &str) -> HeaderValue {
    set_cookie(state, SESSION_COOKIE, secret, sessions::SESSION_SECONDS)
}

pub(super) fn invalid() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials")
}

fn set_cookie(state: &AppState, name: &str, secret: &str, seconds: i64) -> HeaderValue {
    let secure = if state.config.is_secure() {
        "; Secure"
    } else {
        ""
    };
    let text =
        format!("{name}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).expect("a base64url secret fits a header")
}
