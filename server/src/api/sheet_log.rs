//! The log of sheets, for anybody: it names sheets by their hashes, which only those who have one know, and says
//! nothing else.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::log::{Checkpoint, Step};
use gongdan_core::ids::SheetHash;
use gongdan_core::sync::request_auth::base64url;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{ApiError, ApiJson, ApiPath, ApiQuery, Problem};
use crate::AppState;
use crate::auth::certificates;
use crate::auth::identity::DESK_INDEX;
use crate::evidence::log;
use crate::store::StoreError;

/// A head of the log under the server's signature (`core/docs/evidence.md`).
#[derive(Serialize, ToSchema)]
#[schema(title = "SheetLogCheckpoint")]
pub(super) struct CheckpointBody {
    /// The server's epoch.
    epoch: u32,
    /// How many sheets it is over.
    size: u64,
    /// Their root, in hexadecimal.
    root: String,
    /// When the last of them came in.
    at: Timestamp,
    /// CBOR of the signed checkpoint, base64url.
    checkpoint: String,
    /// CBOR of the server's certificate, base64url.
    certificate: String,
}

/// A sheet's place in the log.
#[derive(Serialize, ToSchema)]
#[schema(title = "SheetLogged")]
pub(super) struct LoggedBody {
    /// Counted from 1 along the log.
    serial: u64,
    /// The server's time when it came in.
    at: Timestamp,
    /// CBOR of the countersignature (`core/docs/evidence.md`), base64url.
    countersignature: String,
    /// The audit path to the checkpoint, from the leaf up, in hexadecimal.
    path: Vec<String>,
    checkpoint: CheckpointBody,
}

/// A consistency proof.
#[derive(Serialize, ToSchema)]
#[schema(title = "SheetLogConsistency")]
pub(super) struct ConsistencyBody {
    /// In hexadecimal; empty where there is nothing to prove.
    proof: Vec<String>,
}

/// Between which sizes of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ConsistencyQuery {
    /// The older.
    from: u64,
    /// The newer.
    to: u64,
}

fn written(steps: &[Step]) -> Vec<String> {
    let one = |step: &Step| SheetHash(step.0).to_string();
    steps.iter().map(one).collect()
}

fn told(
    connection: &rusqlite::Connection,
    checkpoint: &Checkpoint,
) -> Result<CheckpointBody, StoreError> {
    let certificate = certificates::find(connection, DESK_INDEX)?;
    let certificate = certificate.ok_or(StoreError::Malformed {
        what: "the server's certificate",
    })?;
    let head = &checkpoint.head;
    Ok(CheckpointBody {
        epoch: head.epoch,
        size: head.size,
        root: SheetHash(head.root).to_string(),
        at: head.at,
        checkpoint: base64url(&minicbor::to_vec(checkpoint).expect("memory takes it")),
        certificate: base64url(&certificate.to_bytes()),
    })
}

const NEW_EVERY_TIME: [(header::HeaderName, &str); 1] = [(header::CACHE_CONTROL, "no-store")];

/// The newest head. Asks for no session.
#[utoipa::path(
    get, path = "/v1/sheet-log/checkpoint", tag = "sheets",
    responses(
        (status = 200, body = CheckpointBody),
        (status = 404, body = Problem, description = "`not_found`: no sheet came in yet"),
    )
)]
pub(super) async fn checkpoint(
    State(state): State<AppState>,
) -> Result<impl IntoResponse, ApiError> {
    let keys = state.keys.clone();
    let body = state
        .db
        .read_async(move |c| {
            let checkpoint = log::checkpoint(c, &keys)?.ok_or_else(ApiError::not_found)?;
            Ok::<_, ApiError>(told(c, &checkpoint)?)
        })
        .await?;
    Ok((NEW_EVERY_TIME, ApiJson(body)))
}

/// The countersignature of a sheet and its place in the log. Asks for no session.
#[utoipa::path(
    get, path = "/v1/sheet-log/sheets/{hash}", tag = "sheets",
    params(("hash" = String, Path, description = "The sheet's hash in hexadecimal")),
    responses((status = 200, body = LoggedBody), (status = 404, body = Problem))
)]
pub(super) async fn logged(
    State(state): State<AppState>,
    ApiPath(hash): ApiPath<String>,
) -> Result<impl IntoResponse, ApiError> {
    let sheet: SheetHash = hash.parse().map_err(|_| ApiError::not_found())?;
    let keys = state.keys.clone();
    let body = state
        .db
        .read_async(move |c| {
            let found = log::received(c, &keys, sheet)?.ok_or_else(ApiError::not_found)?;
            let (countersignature, inclusion) = found;
            Ok::<_, ApiError>(LoggedBody {
                serial: countersignature.receival.serial,
                at: countersignature.receival.at,
                countersignature: base64url(&countersignature.to_bytes()),
                path: written(&inclusion.path),
                checkpoint: told(c, &inclusion.checkpoint)?,
            })
        })
        .await?;
    Ok((NEW_EVERY_TIME, ApiJson(body)))
}

/// The proof that the log of `from` sheets is the beginning of that of `to`. Asks for no session.
#[utoipa::path(
    get, path = "/v1/sheet-log/consistency", tag = "sheets", params(ConsistencyQuery),
    responses(
        (status = 200, body = ConsistencyBody),
        (status = 400, body = Problem, description = "`malformed_request`: not two sizes that it had, in order"),
    )
)]
pub(super) async fn consistency(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<ConsistencyQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let body = state
        .db
        .read_async(move |c| {
            if query.from > query.to || query.to > log::size(c)? {
                return Err(ApiError::malformed("the log never had these sizes"));
            }
            let proof = log::consistency(c, query.from, query.to)?;
            Ok(ConsistencyBody {
                proof: written(&proof),
            })
        })
        .await?;
    Ok((NEW_EVERY_TIME, ApiJson(body)))
}
