//! Signing in at the console, by name and password, into a cookie.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::ids::PersonId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{ApiError, ApiJson, Problem};
use crate::AppState;
use crate::auth::extract::{OfficeAuth, SESSION_COOKIE, session_cookie};
use crate::auth::password::PASSWORD_BYTES_MAX;
use crate::auth::sign_in::{self, Attempt};
use crate::auth::{sessions, users};

#[derive(Deserialize, ToSchema)]
pub(super) struct Credentials {
    /// Employee number (工号).
    username: String,
    password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
#[schema(title = "Session")]
pub(super) struct SessionBody {
    /// Employee number.
    person: PersonId,
    name: String,
    roles: Vec<gongdan_core::policy::Role>,
}

/// Signs in. A wrong name and a wrong password get the same answer in the same time; after failures the
/// next attempt has to wait.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", request_body = Credentials,
    responses(
        (status = 200, body = SessionBody, description = "Signed in; the cookie is set"),
        (status = 401, body = Problem, description = "`invalid_credentials`"),
        (status = 403, body = Problem, description = "`no_office_role`: the person works in the field only"),
        (status = 429, body = Problem, description = "`too_many_attempts`; `Retry-After` says when"),
    )
)]
pub(super) async fn sign_in(
    State(state): State<AppState>,
    ApiJson(credentials): ApiJson<Credentials>,
) -> Result<Response, ApiError> {
    let Credentials { username, password } = credentials;
    let username = username.trim().to_owned();
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(invalid());
    }
    let (name, now) = (username.clone(), state.host.now());
    if let Attempt::Wait { seconds } = state
        .db
        .write_async(move |tx| sign_in::begin(tx, &name, now))
        .await?
    {
        let problem = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts");
        return Err(problem.header(header::RETRY_AFTER, HeaderValue::from(seconds)));
    }
    let user = match username.parse::<PersonId>() {
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
    let right = state.passwords.check(hash, password).await;
    let Some(user) = user.filter(|_| right) else {
        tracing::info!("a sign-in failed");
        return Err(invalid());
    };
    let person = user.person;
    if !person.roles.iter().any(|role| role.is_office()) {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "no_office_role"));
    }
    let (host, id) = (state.host.clone(), person.id.clone());
    let secret = state
        .db
        .write_async(move |tx| {
            sign_in::clear(tx, &username)?;
            sessions::open(tx, &id, &host)
        })
        .await?;
    let body = SessionBody {
        person: person.id,
        name: person.name,
        roles: person.roles,
    };
    let cookie = set_cookie(&state, &secret, sessions::SESSION_SECONDS);
    Ok(([(header::SET_COOKIE, cookie)], ApiJson(body)).into_response())
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/v1/session", tag = "session", security(("session" = [])),
    responses((status = 200, body = SessionBody), (status = 401, body = Problem, description = "`unauthenticated`"))
)]
pub(super) async fn show(office: OfficeAuth) -> ApiJson<SessionBody> {
    ApiJson(SessionBody {
        person: office.person,
        name: office.name,
        roles: office.roles,
    })
}

/// Signs out.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session", security(("session" = [])),
    responses((status = 204, description = "Signed out"), (status = 401, body = Problem))
)]
pub(super) async fn sign_out(
    State(state): State<AppState>,
    _office: OfficeAuth,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = session_cookie(&headers).map(str::to_owned) {
        state
            .db
            .write_async(move |tx| sessions::close(tx, &secret))
            .await?;
    }
    Ok((
        StatusCode::NO_CONTENT,
        [(header::SET_COOKIE, set_cookie(&state, "", 0))],
    )
        .into_response())
}

fn invalid() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials")
}

fn set_cookie(state: &AppState, secret: &str, seconds: i64) -> HeaderValue {
    let secure = if state.config.is_secure() {
        "; Secure"
    } else {
        ""
    };
    let text = format!(
        "{SESSION_COOKIE}={secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}"
    );
    HeaderValue::from_str(&text).expect("a base64url secret fits a header")
}
