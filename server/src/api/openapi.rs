//! The OpenAPI document, made from the handlers.
//!
//! Invariant: what is served at `/v1/openapi.json` is what `server/openapi.json` holds; a test compares.
//! The schemas here describe types of core, which knows nothing of OpenAPI.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi as _, ToSchema};

use crate::auth::extract::SESSION_COOKIE;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Gongdan",
        description = "Sync of devices, attachments and the desk's console. Every failure is a problem document \
                       (RFC 9457, `application/problem+json`) with a stable `code`. Writes with the session \
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
    let (_, document) = super::described().split_for_parts();
    let mut text = document.to_pretty_json().expect("the document is JSON");
    text.push('\n');
    text
}

/// Serves the document.
pub(super) async fn serve() -> impl IntoResponse {
    static DOCUMENT: std::sync::LazyLock<String> = std::sync::LazyLock::new(document);
    (
        [(header::CONTENT_TYPE, "application/json")],
        DOCUMENT.as_str(),
    )
}

/// A role's name.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum RoleName {
    IntakeClerk,
    Dispatcher,
    Supervisor,
    Technician,
    FollowUpClerk,
    Administrator,
    Auditor,
}

/// A status's name.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) enum StatusName {
    Received,
    Assigned,
    Accepted,
    Appointed,
    Departed,
    Arrived,
    Suspended,
    Completed,
    Confirmed,
    Closed,
    Cancelled,
}

macro_rules! described {
    ($($(#[$meta:meta])* $title:literal $name:ident { $($field:ident: $type:ty),* $(,)? })*) => { $(
        $(#[$meta])*
        #[derive(ToSchema)]
        #[schema(title = $title)]
        #[expect(dead_code, reason = "only its description is used")]
        pub(crate) struct $name { $($field: $type),* }
    )* };
}

described! {
    /// Chinese first, English second.
    "Label" LabelSchema { zh: String, en: String }
    /// A code and what people read for it.
    "Entry" EntrySchema { code: String, label: LabelSchema }
    /// A service group.
    "Group" GroupSchema { code: String, label: LabelSchema, regions: Vec<String>, product_lines: Vec<String> }
    /// A product line.
    "ProductLine" ProductLineSchema { code: String, label: LabelSchema, checklist: String, parts: Vec<EntrySchema> }
    /// A checklist.
    "Checklist" ChecklistSchema { code: String, label: LabelSchema, items: Vec<EntrySchema> }
    /// A person.
    "Person" PersonSchema {
        id: String, name: String, roles: Vec<RoleName>, group: Option<String>, skills: Vec<String>,
    }
    /// A ticket in a list.
    "Summary" SummarySchema {
        id: String, number: Option<String>, label: String, status: StatusName, grade: Option<String>,
        region: Option<String>, product_line: Option<String>, model: Option<String>, problem: String,
        customer_name: Option<String>, lead: Option<String>, appointed_from: Option<String>, conflicts: u32,
        clashes: u32, opened_at: Option<String>, updated_at: String,
    }
    /// Everything configured, at one version.
    "Catalogue" CatalogueSchema {
        version: u32, organisation: String, zone: String, regions: Vec<EntrySchema>, groups: Vec<GroupSchema>,
        product_lines: Vec<ProductLineSchema>, checklists: Vec<ChecklistSchema>, people: Vec<PersonSchema>,
        consent: LabelSchema,
    }
}
