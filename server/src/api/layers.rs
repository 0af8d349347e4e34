//! What happens to every request: a name, a line in the log, headers that browsers heed.
//!
//! Invariant: the log holds the route's pattern, never the path or query as sent, which may hold what
//! people searched for.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use gongdan_core::sync::request_auth::base64url;
use tracing::Instrument;

use crate::AppState;

/// A year, as preload lists ask at least; subdomains are not ours to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// No other site's page holds a handle on ours, embeds what we answer, or is lent the machine's devices.
const ISOLATION: [(HeaderName, &str); 3] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names the request, logs its end, and tells the client the name.
pub(super) async fn trace(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = base64url(&state.host.random::<9>());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("(console)", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method(), http.route = %route);
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, millis) = (
        response.status().as_u16(),
        started.elapsed().as_millis() as u64,
    );
    span.in_scope(|| tracing::info!(http.status = status, duration_ms = millis, "answered"));
    state.metrics.answered(method.as_str(), &route, status);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Headers of every answer.
pub(super) async fn headers(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let speaks_tus = request.uri().path().starts_with("/v1/blobs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if speaks_tus {
        headers.insert(
            super::blobs::TUS_RESUMABLE,
            HeaderValue::from_static("1.0.0"),
        );
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    for (name, value) in ISOLATION {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if state.config.is_secure() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    // What is no page may do nothing, even if a browser is led to show it as one.
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ));
    response
}
