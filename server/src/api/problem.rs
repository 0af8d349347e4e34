//! What a request is told when it does not succeed: one error, one problem document (RFC 9457).
//!
//! Invariant: the code is stable and texts for people are chosen by it; neither it nor the detail holds
//! personal data; what went wrong inside is logged, not told.

mod codes;

use std::borrow::Cow;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

pub use codes::CODES;

use crate::store::StoreError;

/// A problem document; `type` is always `about:blank`, the `code` says which problem it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub struct Problem {
    /// `about:blank`: the title is the status's.
    #[serde(rename = "type")]
    #[schema(rename = "type", example = "about:blank")]
    kind: &'static str,
    /// The status's phrase.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    #[schema(schema_with = code_schema)]
    code: &'static str,
    /// For developers, in English, without personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'static, str>>,
    /// JSON pointer (RFC 6901) to what in the body it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/commands/0/grade/reasons")]
    pointer: Option<String>,
}

fn code_schema() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .description(Some("Which problem it is; stable."))
        .enum_values(Some(CODES.iter().copied()))
        .build()
}

/// Why a request did not succeed.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: Option<Cow<'static, str>>,
    pointer: Option<String>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl ApiError {
    /// A problem of a status with a stable code.
    pub const fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            status,
            code,
            detail: None,
            pointer: None,
            header: None,
        }
    }

    /// With a sentence for developers; never with personal data.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// With a JSON pointer to what in the body it is about.
    #[must_use]
    pub fn pointer(mut self, pointer: String) -> Self {
        self.pointer = Some(pointer);
        self
    }

    /// With a header that tells more.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// Its JSON pointer, where it has one.
    pub fn pointer_text(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// 400: the request is not of its form.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_request").detail(detail)
    }

    /// 400: the body is not of its form.
    pub fn malformed_body(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_body").detail(detail)
    }

    /// 401: nobody is signed in, or what says so does not hold any more.
    pub const fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated")
    }

    /// 403: not with these roles.
    pub const fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden")
    }

    /// 404: no such route, or nothing there (or nothing the asker may know of).
    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found")
    }

    /// 405.
    pub const fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    }

    /// 408: the body did not come in time.
    pub const fn timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout")
    }

    /// 413: longer than the limit of this route.
    pub const fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
    }

    /// 500: the cause goes to the log and nowhere else.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(cause), "a request failed inside");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }
}

/// An error with its sources.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        debug_assert!(
            codes::is_registered(self.code),
            "{} is not registered",
            self.code
        );
        let problem = Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            pointer: self.pointer,
        };
        let body = serde_json::to_vec(&problem).expect("a problem is JSON");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(header) = self.header {
            let (name, value) = *header;
            headers.insert(name, value);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) = &error
            && failure.code == rusqlite::ErrorCode::DiskFull
        {
            tracing::error!(error = %Chain(&error), "the disk is full");
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full");
        }
        if matches!(error, StoreError::Damaged { .. }) {
            tracing::error!(error = %Chain(&error), "a ticket cannot be read");
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ticket_damaged");
        }
        Self::internal(&error)
    }
}

impl From<rusqlite::Error> for ApiError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<std::io::Error> for ApiError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            tracing::error!(error = %Chain(&error), "the disk is full");
            return Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage_full");
        }
        Self::internal(&error)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::body_too_large(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
                    .detail("the body must be application/json")
            }
            // serde's message may quote what was sent, which may be a password.
            _ => Self::malformed_body("the body is not JSON of the shape described for this route"),
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::not_found()
    }
}

impl From<QueryRejection> for ApiError {
    fn from(_: QueryRejection) -> Self {
        Self::malformed("the query is not of the shape described for this route")
    }
}

/// JSON in a request or an answer; what is wrong with it is a problem document like everything else.
#[derive(Debug, axum::extract::FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub struct ApiJson<T>(pub T);

impl<T: Serialize> IntoResponse for ApiJson<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parts of the path, parsed; a path that does not parse leads nowhere (404).
#[derive(Debug, axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct ApiPath<T>(pub T);

/// The query, parsed.
#[derive(Debug, axum::extract::FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct ApiQuery<T>(pub T);
