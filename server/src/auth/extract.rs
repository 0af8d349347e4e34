//! Who is asking, as types: a handler that takes one of these runs only for whom it names.
//!
//! | type          | proves itself by                            | for                              |
//! |---------------|---------------------------------------------|----------------------------------|
//! | OfficeAuth    | session cookie (and, writing, no foreign page) | console                       |
//! | AccountAuth   | the same, even where the account lacks something | one's own account            |
//! | DeviceRequest | signature over request and body             | sync, token                      |
//! | Caller        | cookie, bearer token, or signature of a bodiless request | attachments, events, catalogue |

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::limits;
use gongdan_core::policy::{Capability, Role, holds};
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::{Authorization, signing_input};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::devices::{self, Device};
use super::sessions::{self, Lack, Proof, RECENT_SECONDS, SessionId};
use super::tokens;
use crate::AppState;
use crate::api::problem::ApiError;
use crate::api::trail::Asker;
use crate::audit::Actor;

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "gongdan_session";
/// Header that a page of another site cannot send without our leave, which nobody gets.
pub const REQUEST_HEADER: &str = "x-gongdan-request";

/// Somebody of the office, signed in at the console.
#[derive(Clone)]
pub struct OfficeAuth {
    /// Who.
    pub person: PersonId,
    /// Name, for the console's corner.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// The session's name.
    pub session: SessionId,
    /// How they proved to be it.
    pub proof: Proof,
    /// When they did.
    pub proved_at: Timestamp,
    /// When the session ends.
    pub expires_at: Timestamp,
}

/// Somebody of the office at their own account, which may lack what the rest of the console asks for.
pub struct AccountAuth {
    /// Who.
    pub office: OfficeAuth,
    /// What the account lacks.
    pub lacks: Option<Lack>,
}

impl OfficeAuth {
    /// Goes on only with a role that holds `capability`.
    ///
    /// # Errors
    /// 403 otherwise.
    pub fn require_capability(&self, capability: Capability) -> Result<(), ApiError> {
        if holds(&self.roles, capability) {
            Ok(())
        } else {
            Err(ApiError::forbidden())
        }
    }

    /// Goes on only where the proof of who this is is recent: a session left open on a desk is not enough to
    /// take data out or to change accounts.
    ///
    /// # Errors
    /// 403 `step_up_required`: the person is to sign in again, which opens a new session in place of this one.
    pub fn require_recent(&self, now: Timestamp) -> Result<(), ApiError> {
        if now.seconds() - self.proved_at.seconds() <= RECENT_SECONDS {
            Ok(())
        } else {
            Err(ApiError::new(
                axum::http::StatusCode::FORBIDDEN,
                "step_up_required",
            ))
        }
    }

    /// Goes on only with one of `roles`.
    ///
    /// # Errors
    /// 403 without any of them.
    pub fn require(&self, roles: &[Role]) -> Result<(), ApiError> {
        if roles.iter().any(|role| self.roles.contains(role)) {
            Ok(())
        } else {
            Err(ApiError::forbidden())
        }
    }
}

/// A device that has proved to be itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceAuth {
    /// Its short name in the database.
    pub index: i64,
    /// Its id.
    pub device: DeviceId,
    /// Whose it is.
    pub person: PersonId,
    /// It may still upload and nothing else.
    pub revoked: bool,
}

impl DeviceAuth {
    fn of(device: &Device) -> Option<Self> {
        Some(Self {
            index: device.index,
            device: device.device,
            person: device.person.clone()?,
            revoked: device.is_revoked(),
        })
    }

    /// Goes on only unrevoked.
    ///
    /// # Errors
    /// 403 `device_revoked`.
    pub fn require_unrevoked(&self) -> Result<(), ApiError> {
        if self.revoked {
            Err(ApiError::new(
                axum::http::StatusCode::FORBIDDEN,
                "device_revoked",
            ))
        } else {
            Ok(())
        }
    }
}

/// A request that a device signed, with its body.
pub struct DeviceRequest {
    /// Who.
    pub auth: DeviceAuth,
    /// What it sent, at most [`limits::REQUEST_BYTES_MAX`].
    pub body: Bytes,
}

/// Anybody known: the office or a device.
#[derive(Clone)]
pub enum Caller {
    /// By cookie.
    Office(OfficeAuth),
    /// By token or signature.
    Device {
        /// Who.
        auth: DeviceAuth,
        /// When the token ends; `None` for a signature.
        expires_at: Option<Timestamp>,
    },
}

impl Caller {
    /// Goes on unless this is a revoked device.
    ///
    /// # Errors
    /// 403 `device_revoked`.
    pub fn require_unrevoked(&self) -> Result<(), ApiError> {
        match self {
            Self::Office(_) => Ok(()),
            Self::Device { auth, .. } => auth.require_unrevoked(),
        }
    }

    /// As it stands in the database beside what it brought.
    pub fn label(&self) -> String {
        match self {
            Self::Office(office) => format!("person:{}", office.person),
            Self::Device { auth, .. } => format!("device:{}", auth.index),
        }
    }

    /// When its proof ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Office(office) => Some(office.expires_at),
            Self::Device { expires_at, .. } => *expires_at,
        }
    }
}

/// The value of the session cookie.
pub(crate) fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SESSION_COOKIE)
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Whether a request that writes comes from our own page or from no page at all.
///
/// The cookie is `SameSite=Strict` already; this holds where a neighbour on the same site is not trusted.
fn is_own_request(parts: &Parts, public_url: &str) -> bool {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
        || parts.headers.contains_key(REQUEST_HEADER)
    {
        return true;
    }
    let text = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let Some(origin) = text(header::ORIGIN) else {
        return false;
    };
    let host = text(header::HOST).unwrap_or_default();
    origin == public_url
        || origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority == host)
}

impl FromRequestParts<AppState> for OfficeAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let account = AccountAuth::from_request_parts(parts, state).await?;
        if account.lacks.is_some() {
            return Err(ApiError::new(
                axum::http::StatusCode::FORBIDDEN,
                "account_incomplete",
            ));
        }
        Ok(account.office)
    }
}

impl FromRequestParts<AppState> for AccountAuth {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let cookie = session_cookie(&parts.headers)
            .ok_or_else(ApiError::unauthenticated)?
            .to_owned();
        if !is_own_request(parts, &state.config.url()) {
            return Err(
                ApiError::new(axum::http::StatusCode::FORBIDDEN, "foreign_request").detail(
                    "send the header X-Gongdan-Request, or an Origin that is this server's",
                ),
            );
        }
        let now = state.host.now();
        let session = state
            .db
            .read_async(move |c| sessions::find(c, &cookie, now))
            .await?;
        let session = session.ok_or_else(ApiError::unauthenticated)?;
        Asker::is(&parts.extensions, Actor::Person(session.person.clone()));
        if now.seconds() - session.seen_at.seconds() >= sessions::SEEN_SECONDS {
            let id = session.id;
            state
                .db
                .write_async(move |tx| sessions::touch(tx, &id, now))
                .await?;
        }
        Ok(Self {
            lacks: session.lacks,
            office: OfficeAuth {
                person: session.person,
                name: session.name,
                roles: session.roles,
                session: session.id,
                proof: session.proof,
                proved_at: session.created_at,
                expires_at: session.expires_at,
            },
        })
    }
}

impl FromRequest<AppState> for DeviceRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let header = authorization(&parts.headers)?;
        // The device first: whoever is not known gets no body read.
        let device = known(state, &header).await?;
        let too_large = parts
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
            .is_some_and(|length| length > limits::REQUEST_BYTES_MAX as u64);
        if too_large {
            return Err(ApiError::body_too_large());
        }
        let read = Limited::new(body, limits::REQUEST_BYTES_MAX).collect();
        let body = match tokio::time::timeout(state.config.body_time_max, read).await {
            Err(_) => return Err(ApiError::timeout()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(ApiError::body_too_large());
            }
            Ok(Err(_)) => return Err(ApiError::malformed_body("the body broke off")),
            Ok(Ok(body)) => body.to_bytes(),
        };
        let auth = verify(state, &device, &header, &parts, &body).await?;
        Ok(Self { auth, body })
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return OfficeAuth::from_request_parts(parts, state)
                .await
                .map(Self::Office);
        };
        let value = value.to_str().map_err(|_| ApiError::unauthenticated())?;
        if let Some((scheme, token)) = value.split_once(' ')
            && scheme.eq_ignore_ascii_case("bearer")
        {
            let (token, now) = (token.to_owned(), state.host.now());
            let found = state
                .db
                .read_async(move |c| tokens::find(c, &token, now))
                .await?;
            let (device, expires_at) = found.ok_or_else(ApiError::unauthenticated)?;
            let auth = DeviceAuth::of(&device).ok_or_else(ApiError::unauthenticated)?;
            Asker::is(&parts.extensions, Actor::Device(auth.device));
            return Ok(Self::Device {
                auth,
                expires_at: Some(expires_at),
            });
        }
        // The signature covers the body, which is not read here: only requests that have none.
        if !matches!(parts.method, Method::GET | Method::HEAD | Method::DELETE) {
            return Err(ApiError::unauthenticated());
        }
        let header = authorization(&parts.headers)?;
        let device = known(state, &header).await?;
        let auth = verify(state, &device, &header, parts, b"").await?;
        Ok(Self::Device {
            auth,
            expires_at: None,
        })
    }
}

/// A request that some device signed, which the server may not know: to be verified by a key found elsewhere.
pub struct SignedBy {
    header: Authorization,
    method: Method,
    path: String,
}

impl SignedBy {
    /// Reads who says to have signed.
    ///
    /// # Errors
    /// 401 without a device's header.
    pub fn of(parts: &Parts) -> Result<Self, ApiError> {
        let original = parts
            .extensions
            .get::<OriginalUri>()
            .map_or(&parts.uri, |uri| &uri.0);
        Ok(Self {
            header: authorization(&parts.headers)?,
            method: parts.method.clone(),
            path: original
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
        })
    }

    /// The device that says so.
    pub fn device(&self) -> DeviceId {
        self.header.device
    }

    /// Goes on only where the device of `key` signed this request with `body`.
    ///
    /// # Errors
    /// 401 `invalid_signature`.
    pub fn verify(&self, key: &PublicKey, body: &[u8]) -> Result<(), ApiError> {
        let Authorization {
            device,
            at,
            signature,
        } = &self.header;
        let signed = signing_input(self.method.as_str(), &self.path, *device, *at, body);
        if key.verifies(&signed, signature) {
            Ok(())
        } else {
            Err(ApiError::new(
                axum::http::StatusCode::UNAUTHORIZED,
                "invalid_signature",
            ))
        }
    }
}

fn authorization(headers: &HeaderMap) -> Result<Authorization, ApiError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(ApiError::unauthenticated)
}

async fn known(state: &AppState, header: &Authorization) -> Result<Device, ApiError> {
    let device = header.device;
    let found = state
        .db
        .read_async(move |c| devices::find(c, device))
        .await?;
    // The desk writes inside the server only.
    found
        .filter(|device| device.person.is_some())
        .ok_or(ApiError::new(
            axum::http::StatusCode::UNAUTHORIZED,
            "unknown_device",
        ))
}

async fn verify(
    state: &AppState,
    device: &Device,
    header: &Authorization,
    parts: &Parts,
    body: &[u8],
) -> Result<DeviceAuth, ApiError> {
    SignedBy::of(parts)?.verify(&device.public_key, body)?;
    Asker::is(&parts.extensions, Actor::Device(device.device));
    let now = state.host.now();
    state
        .metrics
        .skewed(now.seconds().abs_diff(header.at.seconds()));
    if now.seconds() - device.seen_at.seconds() >= devices::SEEN_SECONDS {
        let index = device.index;
        state
            .db
            .write_async(move |tx| devices::touch(tx, index, now))
            .await?;
    }
    DeviceAuth::of(device).ok_or_else(ApiError::unauthenticated)
}
