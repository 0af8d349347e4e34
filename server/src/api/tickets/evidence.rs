//! `GET /v1/tickets/{id}/sheets/{sheet}/evidence`: a signed sheet to take away.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::ids::{Part, SheetHash};

use super::super::problem::{ApiError, ApiPath, Problem};
use super::index_of;
use super::reading::reader;
use crate::AppState;
use crate::auth::extract::OfficeAuth;
use crate::evidence::sheet_file::{NoFile, evidence_file};

impl From<NoFile> for ApiError {
    fn from(why: NoFile) -> Self {
        match why {
            NoFile::UnknownSheet => Self::new(StatusCode::NOT_FOUND, "unknown_sheet"),
            NoFile::NotHere => Self::new(StatusCode::CONFLICT, "sheet_not_here"),
            NoFile::Store(error) => error.into(),
            NoFile::Io(error) => error.into(),
        }
    }
}

/// The evidence file of a sheet (`core/docs/evidence.md`), which `gongdan verify` checks: for those who may read
/// the ticket with its customer.
#[utoipa::path(
    get, path = "/v1/tickets/{id}/sheets/{sheet}/evidence", tag = "sheets", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Id or number of the ticket"),
        ("sheet" = String, Path, description = "The sheet's hash in hexadecimal"),
    ),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem, description = "`unknown_ticket`, `unknown_sheet`"),
        (status = 409, body = Problem, description = "`sheet_not_here`: its phone has not sent its bytes yet"),
    )
)]
pub(in crate::api) async fn evidence(
    State(state): State<AppState>,
    office: OfficeAuth,
    ApiPath((id, sheet)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    let hash: SheetHash = sheet.parse().map_err(|_| NoFile::UnknownSheet)?;
    let of = state.clone();
    let file = state
        .db
        .read_async(move |c| {
            let index = index_of(c, &id)?;
            if !reader(c, &office, index)?.parts.contains(&Part::Customer) {
                return Err(ApiError::forbidden());
            }
            Ok(evidence_file(&of, c, index, hash)?)
        })
        .await?;
    let name = format!("attachment; filename=\"{hash}.gds\"");
    let name = HeaderValue::from_str(&name).expect("hexadecimal digits fit a header");
    let head = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((head, file.to_bytes()).into_response())
}
