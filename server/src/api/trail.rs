//! Telling the audit chain of requests, by route, so that a new route cannot be forgotten: a test asks for
//! every route of the OpenAPI document.
//!
//! Invariant: what was read or exported is told of before it is answered: where that fails, nothing is answered.
//! An act is told of after it was done; what was refused for want of rights is told of too.

use std::sync::{Arc, OnceLock};

use axum::RequestExt;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::ApiError;
use crate::AppState;
use crate::audit::{self, Action, Actor, Detail};

/// Who asks, once an extractor has found out. In the request's extensions.
#[derive(Clone, Default)]
pub(crate) struct Asker(Arc<OnceLock<Actor>>);

impl Asker {
    /// Says who it is.
    pub(crate) fn is(extensions: &axum::http::Extensions, actor: Actor) {
        if let Some(asker) = extensions.get::<Self>() {
            let _ = asker.0.set(actor);
        }
    }
}

/// What the chain is told of a route.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trail {
    /// Nothing: it gives nothing of tickets or people away and changes nothing of the office's, or another
    /// entry tells of it (what is written to tickets is bound to the chain by `changes_admitted`, what a phone
    /// is given by `parts_given`).
    Nothing,
    /// Somebody read: pages that refresh themselves are told of once in a while.
    Read(Action),
    /// Somebody took data out: each time is told of.
    Export(Action),
    /// Somebody acted.
    Act(Action),
}

use Trail::{Act, Export, Nothing, Read};

const ROUTES: &[(&str, &str, Trail)] = &[
    ("GET", "/livez", Nothing),
    ("GET", "/readyz", Nothing),
    ("POST", "/v1/session", Nothing),
    ("GET", "/v1/session", Nothing),
    ("DELETE", "/v1/session", Act(Action::SignedOut)),
    // Signing in is told of with the session, by whichever way it came.
    ("POST", "/v1/session/passkey/options", Nothing),
    ("POST", "/v1/session/passkey", Nothing),
    ("GET", "/v1/account", Nothing),
    ("PUT", "/v1/account/password", Act(Action::PasswordChanged)),
    ("GET", "/v1/account/sessions", Nothing),
    (
        "DELETE",
        "/v1/account/sessions/{id}",
        Act(Action::SessionEnded),
    ),
    (
        "POST",
        "/v1/account/recovery-codes",
        Act(Action::FactorChanged),
    ),
    // A secret that waits for its first code, and a ceremony that waits for its answer, change nothing yet.
    ("POST", "/v1/account/totp", Nothing),
    ("PUT", "/v1/account/totp", Act(Action::FactorChanged)),
    ("DELETE", "/v1/account/totp", Act(Action::FactorChanged)),
    ("POST", "/v1/account/passkeys/options", Nothing),
    ("POST", "/v1/account/passkeys", Act(Action::FactorChanged)),
    (
        "DELETE",
        "/v1/account/passkeys/{id}",
        Act(Action::FactorChanged),
    ),
    ("GET", "/v1/users", Read(Action::PeopleRead)),
    // Told of where its number is known.
    ("POST", "/v1/users", Nothing),
    ("PATCH", "/v1/users/{id}", Act(Action::PersonChanged)),
    (
        "POST",
        "/v1/users/{id}/password",
        Act(Action::PasswordDrawn),
    ),
    (
        "DELETE",
        "/v1/users/{id}/second-factors",
        Act(Action::FactorsReset),
    ),
    ("GET", "/v1/users/{id}/sessions", Read(Action::PeopleRead)),
    (
        "DELETE",
        "/v1/users/{id}/sessions/{session}",
        Act(Action::SessionEnded),
    ),
    ("POST", "/v1/certificate", Nothing),
    ("PUT", "/v1/certificate", Nothing),
    ("POST", "/v1/incarnation", Nothing),
    ("POST", "/v1/enrol", Nothing),
    ("POST", "/v1/token", Nothing),
    ("POST", "/v1/wiped", Act(Action::DeviceWiped)),
    ("GET", "/v1/catalogue", Nothing),
    ("GET", "/v1/events", Nothing),
    ("POST", "/v1/sync", Nothing),
    ("GET", "/v1/overview", Nothing),
    ("GET", "/v1/tickets", Read(Action::TicketsListed)),
    ("POST", "/v1/tickets", Nothing),
    ("GET", "/v1/tickets/export", Export(Action::TicketsExported)),
    ("GET", "/v1/tickets/{id}", Read(Action::TicketRead)),
    (
        "GET",
        "/v1/tickets/{id}/export",
        Export(Action::TicketExported),
    ),
    (
        "GET",
        "/v1/tickets/{id}/timeline",
        Read(Action::TimelineRead),
    ),
    ("POST", "/v1/tickets/{id}/commands", Nothing),
    (
        "GET",
        "/v1/tickets/{id}/sheets/{sheet}/evidence",
        Read(Action::TicketExported),
    ),
    ("GET", "/v1/sheet-log/checkpoint", Nothing),
    ("GET", "/v1/sheet-log/sheets/{hash}", Nothing),
    ("GET", "/v1/sheet-log/consistency", Nothing),
    ("GET", "/v1/quarantine", Read(Action::QuarantineRead)),
    (
        "POST",
        "/v1/quarantine/{changeset}",
        Act(Action::QuarantineDecided),
    ),
    ("GET", "/v1/devices", Read(Action::DevicesRead)),
    (
        "POST",
        "/v1/devices/invitations",
        Act(Action::DeviceInvited),
    ),
    ("PATCH", "/v1/devices/{id}", Act(Action::DeviceRenamed)),
    (
        "POST",
        "/v1/devices/{id}/revocation",
        Act(Action::DeviceRevoked),
    ),
    ("POST", "/v1/devices/{id}/wipe", Act(Action::WipeRequested)),
    (
        "DELETE",
        "/v1/devices/{id}/wipe",
        Act(Action::WipeWithdrawn),
    ),
    ("OPTIONS", "/v1/blobs", Nothing),
    ("POST", "/v1/blobs", Nothing),
    ("HEAD", "/v1/blobs/uploads/{id}", Nothing),
    ("PATCH", "/v1/blobs/uploads/{id}", Nothing),
    ("DELETE", "/v1/blobs/uploads/{id}", Nothing),
    ("OPTIONS", "/v1/blobs/uploads/{id}", Nothing),
    ("GET", "/v1/blobs/{hash}", Read(Action::AttachmentRead)),
    ("GET", "/v1/audit", Read(Action::AuditRead)),
];

fn trail(method: &Method, route: &str) -> Option<Trail> {
    ROUTES
        .iter()
        .find(|(verb, pattern, _)| *verb == method.as_str() && *pattern == route)
        .map(|(_, _, trail)| *trail)
}

/// Runs a request and tells of it.
pub(super) async fn tell(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let trail = route.and_then(|route| trail(request.method(), route.as_str()));
    let trail = match trail {
        Some(Nothing) | None => return next.run(request).await,
        Some(trail) => trail,
    };
    let mut detail = subject(&mut request).await;
    let asker = Asker::default();
    request.extensions_mut().insert(asker.clone());
    let response = next.run(request).await;
    let (Some(actor), true) = (asker.0.get().cloned(), is_told(response.status())) else {
        return response;
    };
    if !response.status().is_success() {
        detail.insert("status".to_owned(), response.status().as_u16().into());
    }
    match write(&state, actor, trail, detail).await {
        Ok(()) => response,
        // It is done all the same; the log has why it is not told of.
        Err(_) if matches!(trail, Act(_)) => response,
        Err(error) => error.into_response(),
    }
}

/// What was answered, and what was refused for want of rights. An address of something that is not there may
/// be anything.
fn is_told(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::FORBIDDEN
}

/// What the address names, and which filters a list was asked with: their names, not what was searched for.
async fn subject(request: &mut Request) -> Detail {
    let mut detail = Detail::new();
    if let Ok(params) = request.extract_parts::<RawPathParams>().await {
        for (name, value) in &params {
            detail.insert(name.to_owned(), value.into());
        }
    }
    let query = request.uri().query().unwrap_or_default();
    let mut filters: Vec<&str> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, value)| !value.is_empty() && FILTERS.contains(name))
        .map(|(name, _)| name)
        .collect();
    filters.dedup();
    if !filters.is_empty() {
        detail.insert("filters".to_owned(), filters.into());
    }
    detail
}

/// Filters of lists; other names in a query are whatever somebody typed.
const FILTERS: [&str; 8] = [
    "q",
    "status",
    "grade",
    "region",
    "lead",
    "conflicts",
    "person",
    "action",
];

async fn write(
    state: &AppState,
    actor: Actor,
    trail: Trail,
    detail: Detail,
) -> Result<(), ApiError> {
    let (action, is_folded) = match trail {
        Nothing => return Ok(()),
        Read(action) => (action, true),
        Export(action) | Act(action) => (action, false),
    };
    let now = state.host.now();
    let read = (
        actor,
        action,
        serde_json::Value::from(detail.clone()).to_string(),
    );
    if is_folded && state.recent.is_told(&read, now) {
        return Ok(());
    }
    let actor = read.0.clone();
    state
        .db
        .write_async(move |tx| audit::append(tx, now, &actor, action, detail))
        .await
        .map_err(|error| ApiError::internal(&error))?;
    if is_folded {
        state.recent.tell(read, now);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_of_the_api_is_told_of_or_said_not_to_be() {
        let document: serde_json::Value =
            serde_json::from_str(&crate::api::openapi::document()).unwrap();
        let verbs = ["get", "post", "put", "patch", "delete", "head", "options"];
        let described: BTreeSet<(String, &str)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                let operations = item.as_object().unwrap().keys();
                operations
                    .filter(|verb| verbs.contains(&verb.as_str()))
                    .map(|verb| (verb.to_uppercase(), path.as_str()))
            })
            .collect();
        let here: BTreeSet<(String, &str)> = ROUTES
            .iter()
            .map(|(verb, path, _)| ((*verb).to_owned(), *path))
            .collect();
        assert_eq!(described, here);
        assert_eq!(here.len(), ROUTES.len(), "none twice");
    }

    #[test]
    fn a_search_is_told_of_without_what_was_searched_for() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let mut request = Request::builder()
            .uri("/v1/tickets?q=%E7%8E%8B&grade=A&limit=3&%E5%BC%A0=1")
            .body(axum::body::Body::empty())
            .unwrap();
        let detail = runtime.block_on(subject(&mut request));
        assert_eq!(
            serde_json::Value::from(detail),
            serde_json::json!({ "filters": ["q", "grade"] })
        );
    }
}
