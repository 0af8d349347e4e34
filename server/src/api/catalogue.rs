//! The catalogue: organisation, people, groups, products, checklists, at one version.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::{ApiError, ApiJson, ApiQuery, Problem};
use crate::AppState;
use crate::auth::extract::Caller;
use crate::organisation;
use gongdan_core::catalogue::Catalogue;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct CatalogueQuery {
    /// An older version; the newest unless given.
    version: Option<u32>,
}

/// The catalogue. Its `ETag` is its version, so that asking again costs nothing while nothing changed.
#[utoipa::path(
    get, path = "/v1/catalogue", tag = "catalogue", params(CatalogueQuery),
    security(("session" = []), ("bearer" = []), ("device" = [])),
    responses(
        (status = 200, body = Catalogue), (status = 304, description = "`If-None-Match` still holds"),
        (status = 401, body = Problem), (status = 403, body = Problem, description = "`device_revoked`"),
        (status = 404, body = Problem, description = "`no_catalogue`: no such version, or no organisation loaded"),
    )
)]
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<CatalogueQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require_unrevoked()?;
    let catalogue = state
        .db
        .read_async(move |c| match query.version {
            Some(version) => organisation::at_version(c, version),
            None => organisation::current(c),
        })
        .await?
        .ok_or(ApiError::new(StatusCode::NOT_FOUND, "no_catalogue"))?;
    let tag = format!("\"{}\"", catalogue.version);
    let same = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let tag = HeaderValue::from_str(&tag).expect("a quoted number fits a header");
    let head = [
        (header::ETAG, tag),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, no-cache"),
        ),
    ];
    if same {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, ApiJson(catalogue)).into_response())
}
