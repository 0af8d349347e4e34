//! The OpenAPI document, made from the handlers.
//!
//! Invariant: what is served at `/v1/openapi.json` is what `server/openapi.json` holds; a test compares.
//! Types of core describe themselves (its feature `openapi`); those of the API stand beside their handlers.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi as _};

use super::blobs::MEDIA_TYPES;
use crate::auth::extract::SESSION_COOKIE;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Gongdan",
        description = "Sync of devices, attachments and the desk's console. Every failure is a problem document \
                       (RFC 9457, `application/problem+json`) with a stable `code`; what has no code described \
                       with a status has that status's: 401 `unauthenticated`, 403 `forbidden`, 404 `not_found`, and \
                       405 `method_not_allowed` where a path does not take a method. Writes with the session \
                       cookie need the header `X-Gongdan-Request: 1` or an `Origin` that is the server's own.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&Security)
)]
struct Head;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            SESSION_COOKIE,
            "Set by `POST /v1/session`",
        )));
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let device = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
            "Authorization",
            "`Gongdan-Device <device>:<unix seconds>:<base64url signature>`, see core/docs/sync-protocol.md",
        )));
        for (name, scheme) in [("session", cookie), ("bearer", bearer), ("device", device)] {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// The document without paths.
pub(super) fn head() -> OpenApi {
    Head::openapi()
}

/// The whole document as JSON, ending in a newline.
pub fn document() -> String {
    let (_, mut document) = super::described().split_for_parts();
    complete(&mut document);
    let mut text = document.to_pretty_json().expect("the document is JSON");
    text.push('\n');
    text
}

/// What every route may answer beside what its handler says.
const ANYWHERE: [(&str, &str); 2] = [
    (
        "500",
        "`internal`: something went wrong here; the log says what. `ticket_damaged`: this ticket cannot be read, and its log does not give it either",
    ),
    (
        "507",
        "`storage_full`: nothing was stored; send the same again later",
    ),
];

/// What every route that takes a JSON body may answer.
const WITH_A_BODY: [(&str, &str); 4] = [
    ("400", "`malformed_body`, `malformed_request`"),
    ("408", "`request_timeout`: the body did not come in time"),
    ("413", "`body_too_large`"),
    ("415", "`unsupported_media_type`"),
];

/// What every route that reads its query may answer.
const WITH_A_QUERY: [(&str, &str); 1] = [("400", "`malformed_request`")];

/// Completes what is made from the handlers: the answers that come before and around them, what every status
/// means (OpenAPI wants a sentence), the media type of problems (RFC 9457), which a handler's description has
/// as JSON, and bodies that are bytes.
fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if path == BLOB_PATH
            && let Some(get) = &mut item.get
        {
            for status in ["200", "206"] {
                if let Some(RefOr::T(response)) = get.responses.responses.get_mut(status) {
                    let content = served_types().map(|kind| (kind.to_owned(), RefOr::T(bytes())));
                    response.content = content.collect();
                }
            }
        }
        let all = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in all.into_iter().flatten() {
            add_common(operation);
            complete_operation(operation);
        }
        // They answer without a body.
        let bare = [&mut item.options, &mut item.head];
        bare.into_iter().flatten().for_each(complete_operation);
    }
}

fn add_common(operation: &mut Operation) {
    let body = operation.request_body.as_ref();
    let takes_json = body.is_some_and(
        |body| matches!(body, RefOr::T(body) if body.content.contains_key("application/json")),
    );
    let mut parameters = operation.parameters.iter().flatten();
    let reads_query = parameters.any(
        |parameter| matches!(parameter, RefOr::T(of) if of.parameter_in == ParameterIn::Query),
    );
    let common = ANYWHERE
        .iter()
        .chain(WITH_A_BODY.iter().filter(|_| takes_json))
        .chain(WITH_A_QUERY.iter().filter(|_| reads_query));
    for (status, description) in common {
        let responses = &mut operation.responses.responses;
        responses
            .entry((*status).to_owned())
            .or_insert_with(|| problem(description).into());
    }
}

fn complete_operation(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        for (kind, content) in &mut body.content {
            if !is_text(kind) {
                *content = RefOr::T(bytes());
            }
        }
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else {
            continue;
        };
        let code = status
            .parse()
            .ok()
            .and_then(|n| StatusCode::from_u16(n).ok());
        if response.description.is_empty()
            && let Some(phrase) = code.and_then(|code| code.canonical_reason())
        {
            phrase.clone_into(&mut response.description);
        }
        if status.starts_with(['4', '5'])
            && let Some(content) = response.content.swap_remove("application/json")
        {
            response
                .content
                .insert("application/problem+json".to_owned(), content);
        }
        for (kind, content) in &mut response.content {
            if !is_text(kind) {
                *content = RefOr::T(bytes());
            }
        }
    }
}

/// Where attachments are read.
const BLOB_PATH: &str = "/v1/blobs/{hash}";

fn served_types() -> impl Iterator<Item = &'static str> {
    MEDIA_TYPES
        .into_iter()
        .chain(std::iter::once("application/octet-stream"))
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || media_type.ends_with("json")
}

/// A body that is bytes, and not the array of numbers that a handler's type would make of it: binary content
/// has no schema (OpenAPI 3.1, "Considerations for File Uploads").
fn bytes() -> Content {
    Content::new(None::<Ref>)
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(description);
    response
        .content("application/problem+json", content)
        .build()
}

/// Serves the document.
pub(super) async fn serve() -> impl IntoResponse {
    static DOCUMENT: std::sync::LazyLock<String> = std::sync::LazyLock::new(document);
    (
        [(header::CONTENT_TYPE, "application/json")],
        DOCUMENT.as_str(),
    )
}
