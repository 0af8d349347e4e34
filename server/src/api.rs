//! The HTTP surface. Invariant: a handler parses, asks one function, and answers; every failure is an
//! [`problem::ApiError`].

mod account;
mod audit;
pub mod blobs;
mod catalogue;
mod certificate;
mod devices;
mod enrol;
mod health;
mod incarnation;
mod layers;
mod openapi;
mod overview;
pub mod problem;
mod quarantine;
mod session;
mod sheet_log;
mod sync;
mod tickets;
mod token;
pub(crate) mod trail;
mod users;
mod wake;
mod wiped;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::AppState;
use problem::ApiError;

pub(crate) use blobs::served_as;
pub use openapi::document;

/// Bytes of a JSON body.
const JSON_BYTES_MAX: usize = 256 * 1024;

/// The routes that the OpenAPI document describes, with their description.
///
/// A new module of handlers adds its `routes!(…)` line here and appears in both.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(session::sign_in, session::show, session::sign_out))
        .routes(routes!(session::passkey_options))
        .routes(routes!(session::passkey_sign_in))
        .routes(routes!(account::show))
        .routes(routes!(account::change_password))
        .routes(routes!(account::list_sessions))
        .routes(routes!(account::revoke_session))
        .routes(routes!(account::draw_recovery_codes))
        .routes(routes!(
            account::totp::begin,
            account::totp::confirm,
            account::totp::remove
        ))
        .routes(routes!(account::passkeys::options))
        .routes(routes!(account::passkeys::register))
        .routes(routes!(account::passkeys::remove))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::change))
        .routes(routes!(users::draw_password))
        .routes(routes!(users::reset_second_factors))
        .routes(routes!(users::list_sessions))
        .routes(routes!(users::revoke_session))
        .routes(routes!(enrol::enrol))
        .routes(routes!(token::issue))
        .routes(routes!(certificate::show, certificate::take_back))
        .routes(routes!(incarnation::begin))
        .routes(routes!(wiped::report))
        .routes(routes!(catalogue::show))
        .routes(routes!(wake::events))
        .routes(routes!(sync::sync))
        .routes(routes!(overview::show))
        .routes(routes!(tickets::list, tickets::open))
        .routes(routes!(tickets::export_list))
        .routes(routes!(tickets::show))
        .routes(routes!(tickets::export))
        .routes(routes!(tickets::timeline))
        .routes(routes!(tickets::execute))
        .routes(routes!(tickets::evidence))
        .routes(routes!(sheet_log::checkpoint))
        .routes(routes!(sheet_log::logged))
        .routes(routes!(sheet_log::consistency))
        .routes(routes!(quarantine::list))
        .routes(routes!(quarantine::decide))
        .routes(routes!(devices::list))
        .routes(routes!(devices::invite))
        .routes(routes!(devices::rename))
        .routes(routes!(devices::revoke))
        .routes(routes!(devices::request_wipe, devices::withdraw_wipe))
        .routes(routes!(blobs::create, blobs::options))
        .routes(routes!(
            blobs::offset,
            blobs::append,
            blobs::terminate,
            blobs::upload_options
        ))
        .routes(routes!(blobs::download))
        .routes(routes!(audit::list))
}

/// Everything the server answers.
pub(crate) fn router(state: AppState) -> Router {
    let (described, _) = described().split_for_parts();
    described
        .route("/v1/openapi.json", axum::routing::get(openapi::serve))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
        .fallback(fallback)
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            trail::tell,
        ))
        .layer(DefaultBodyLimit::max(JSON_BYTES_MAX))
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            layers::headers,
        ))
        .layer(axum::middleware::from_fn_with_state(
            state.clone(),
            layers::trace,
        ))
        .with_state(state)
}

/// Unknown paths of the API are problems; pages under `/phone` are the app's, all others the console's.
async fn fallback(
    method: axum::http::Method,
    uri: Uri,
    headers: axum::http::HeaderMap,
) -> axum::response::Response {
    let path = uri.path();
    if path == "/v1" || path.starts_with("/v1/") {
        return ApiError::not_found().into_response();
    }
    if !matches!(method, axum::http::Method::GET | axum::http::Method::HEAD) {
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").into_response();
    }
    if crate::phone::is_path(path) {
        return crate::phone::serve(path, &headers);
    }
    crate::console::serve(path)
}
