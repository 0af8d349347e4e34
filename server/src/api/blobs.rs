//! Attachments over HTTP: upload by the tus protocol 1.0 (core, creation, creation-with-upload,
//! expiration, termination), download by hash.
//!
//! Invariant: an upload names its SHA-256 at the start (`Upload-Metadata: sha256 …`) and becomes an
//! attachment only if its bytes have it; only its uploader may go on with it.

mod append;
mod download;
mod head;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::limits;

use super::problem::{ApiError, ApiPath, Problem};
use crate::AppState;
use crate::auth::extract::Caller;
use crate::blobs::{self, Upload, UploadId};
use crate::store::blocking;

pub(super) use download::{__path_download, download};
pub(super) use head::MEDIA_TYPES;
pub(crate) use head::{TUS_RESUMABLE, served_as};
use head::{Tus, UPLOAD_LENGTH, UPLOAD_OFFSET};

/// An upload that is not finished by then is dropped, in seconds.
const UPLOAD_SECONDS: i64 = 7 * 24 * 3600;
/// Unfinished uploads of one uploader.
const OPEN_UPLOADS_MAX: u32 = 200;

const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");

/// What the server can do, for tus clients.
#[utoipa::path(options, path = "/v1/blobs", tag = "blobs", responses((status = 204)))]
pub(super) async fn options() -> Response {
    let head = [
        (TUS_VERSION, HeaderValue::from_static("1.0.0")),
        (
            TUS_EXTENSION,
            HeaderValue::from_static("creation,creation-with-upload,expiration,termination"),
        ),
        (TUS_MAX_SIZE, HeaderValue::from(limits::BLOB_BYTES_MAX)),
    ];
    (StatusCode::NO_CONTENT, head).into_response()
}

/// What the server can do, for tus clients.
#[utoipa::path(
    options, path = "/v1/blobs/uploads/{id}", tag = "blobs", responses((status = 204)),
    params(("id" = String, Path, description = "Name of the upload"))
)]
pub(super) async fn upload_options() -> Response {
    options().await
}

/// Begins an upload (tus creation). Where the attachment is here already, the answer's `Upload-Offset` is
/// its length and nothing needs to be sent.
#[utoipa::path(
    post, path = "/v1/blobs", tag = "blobs", security(("session" = []), ("bearer" = [])),
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "Bytes of the whole"),
        ("Upload-Metadata" = String, Header, description = "`sha256` (hexadecimal) and `filetype`, values in base64"),
    ),
    responses(
        (status = 201, description = "`Location` is the upload's address"),
        (status = 400, body = Problem, description = "`malformed_request`"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`foreign_request`, `account_incomplete`"),
        (status = 408, body = Problem, description = "`request_timeout`: nothing came for a minute; what did is kept"),
        (status = 409, body = Problem, description = "`blob_length_mismatch`: that hash is here with another length"),
        (status = 412, body = Problem, description = "`unsupported_tus_version`"),
        (status = 413, body = Problem, description = "`blob_too_large`"),
        (status = 422, body = Problem, description = "`blob_hash_mismatch`: the upload is dropped, begin anew"),
        (status = 423, body = Problem, description = "`upload_superseded`: another request goes on with it; what came is kept"),
        (status = 429, body = Problem, description = "`too_many_uploads`"),
        (status = 503, body = Problem, description = "`shutting_down`: what came is kept; go on when the server is back"),
    )
)]
pub(super) async fn create(
    State(state): State<AppState>,
    _tus: Tus,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let bytes = head::number(&headers, &UPLOAD_LENGTH)?;
    if bytes > limits::BLOB_BYTES_MAX {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "blob_too_large",
        ));
    }
    let (hash, media_type) = head::metadata(&headers)?;
    let now = state.host.now();
    let mut upload = Upload {
        id: UploadId(state.host.random()),
        hash,
        bytes,
        media_type,
        uploaded_by: caller.label(),
        expires_at: now.plus(UPLOAD_SECONDS),
        finished: false,
    };
    drop_expired(&state).await?;
    upload = state
        .db
        .write_async(move |tx| {
            if let Some(stored) = blobs::stored(tx, upload.hash)? {
                if stored.bytes != upload.bytes {
                    return Err(ApiError::new(StatusCode::CONFLICT, "blob_length_mismatch"));
                }
                upload.finished = true;
            } else if blobs::open_uploads(tx, &upload.uploaded_by)? >= OPEN_UPLOADS_MAX {
                return Err(ApiError::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_uploads",
                ));
            }
            blobs::create(tx, &upload, now)?;
            Ok(upload)
        })
        .await?;
    let brings_bytes = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind == head::OFFSET_OCTET_STREAM);
    let mut offset = if upload.finished { upload.bytes } else { 0 };
    if !upload.finished && (brings_bytes || upload.bytes == 0) {
        let body = if brings_bytes { body } else { Body::empty() };
        offset = append::run(state.clone(), upload.clone(), 0, body).await?;
    }
    let location = format!("/v1/blobs/uploads/{}", upload.id);
    let head = [
        (
            header::LOCATION,
            HeaderValue::from_str(&location).expect("hexadecimal digits fit a header"),
        ),
        (UPLOAD_OFFSET, HeaderValue::from(offset)),
        (UPLOAD_EXPIRES, head::http_date(upload.expires_at)),
    ];
    Ok((StatusCode::CREATED, head).into_response())
}

/// How far an upload is (tus core).
#[utoipa::path(
    head, path = "/v1/blobs/uploads/{id}", tag = "blobs", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "Name of the upload")),
    responses(
        (status = 200, description = "`Upload-Offset`, `Upload-Length`, `Upload-Expires`"), (status = 401), (status = 403),
        (status = 404, description = "No such upload, or somebody else's"),
        (status = 412, description = "Another version of tus"),
    )
)]
pub(super) async fn offset(
    State(state): State<AppState>,
    _tus: Tus,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
) -> Result<Response, ApiError> {
    let id = parse(&id)?;
    // Whoever asks has lost the connection that was writing: its end decides where to go on.
    let _slot = state.blobs.slots.take(id).await;
    let upload = find(&state, &caller, id).await?;
    let offset = if upload.finished {
        upload.bytes
    } else {
        state.blobs.offset(id)?
    };
    let head = [
        (UPLOAD_OFFSET, HeaderValue::from(offset)),
        (UPLOAD_LENGTH, HeaderValue::from(upload.bytes)),
        (UPLOAD_EXPIRES, head::http_date(upload.expires_at)),
    ];
    Ok((StatusCode::OK, head).into_response())
}

/// Goes on with an upload (tus core); what arrived of a request that breaks off is kept.
#[utoipa::path(
    patch, path = "/v1/blobs/uploads/{id}", tag = "blobs", security(("session" = []), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "Name of the upload"),
        ("Upload-Offset" = u64, Header, description = "Where these bytes begin"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "`Upload-Offset` is where the next bytes begin"),
        (status = 400, body = Problem, description = "`malformed_request`"), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`foreign_request`, `account_incomplete`"),
        (status = 404, body = Problem),
        (status = 408, body = Problem, description = "`request_timeout`: nothing came for a minute; what did is kept"),
        (status = 409, body = Problem, description = "`upload_offset_mismatch`: ask by HEAD"),
        (status = 413, body = Problem, description = "`body_too_large`: past `Upload-Length`"),
        (status = 415, body = Problem, description = "`unsupported_media_type`"),
        (status = 412, body = Problem, description = "`unsupported_tus_version`"),
        (status = 422, body = Problem, description = "`blob_hash_mismatch`: the upload is dropped, begin anew"),
        (status = 423, body = Problem, description = "`upload_superseded`: another request goes on with it; what came is kept"),
        (status = 503, body = Problem, description = "`shutting_down`: what came is kept; go on when the server is back"),
    )
)]
pub(super) async fn append(
    State(state): State<AppState>,
    _tus: Tus,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|kind| kind != head::OFFSET_OCTET_STREAM)
    {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
        ));
    }
    let from = head::number(&headers, &UPLOAD_OFFSET)?;
    let upload = find(&state, &caller, parse(&id)?).await?;
    let coming = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if coming.is_some_and(|coming| from.saturating_add(coming) > upload.bytes) {
        return Err(ApiError::body_too_large());
    }
    let expires = head::http_date(upload.expires_at);
    let offset = append::run(state, upload, from, body).await?;
    let head = [
        (UPLOAD_OFFSET, HeaderValue::from(offset)),
        (UPLOAD_EXPIRES, expires),
    ];
    Ok((StatusCode::NO_CONTENT, head).into_response())
}

/// Gives an upload up (tus termination); a finished attachment stays.
#[utoipa::path(
    delete, path = "/v1/blobs/uploads/{id}", tag = "blobs", security(("session" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "Name of the upload")),
    responses(
        (status = 204), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`foreign_request`, `account_incomplete`"),
        (status = 404, body = Problem), (status = 412, body = Problem, description = "`unsupported_tus_version`"),
    )
)]
pub(super) async fn terminate(
    State(state): State<AppState>,
    _tus: Tus,
    caller: Caller,
    ApiPath(id): ApiPath<String>,
) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    let _slot = state.blobs.slots.take(id).await;
    find(&state, &caller, id).await?;
    state
        .db
        .write_async(move |tx| blobs::delete_upload(tx, id))
        .await?;
    state.blobs.discard(id)?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(id: &str) -> Result<UploadId, ApiError> {
    id.parse().map_err(|_| ApiError::not_found())
}

/// The upload, if it is the caller's and its time is not over.
async fn find(state: &AppState, caller: &Caller, id: UploadId) -> Result<Upload, ApiError> {
    let found = state.db.read_async(move |c| blobs::upload(c, id)).await?;
    let (label, now) = (caller.label(), state.host.now());
    found
        .filter(|upload| upload.uploaded_by == label && upload.expires_at > now)
        .ok_or_else(ApiError::not_found)
}

async fn drop_expired(state: &AppState) -> Result<(), ApiError> {
    let now = state.host.now();
    let expired = state.db.read_async(move |c| blobs::expired(c, now)).await?;
    for id in expired {
        let _slot = state.blobs.slots.take(id).await;
        state
            .db
            .write_async(move |tx| blobs::delete_upload(tx, id))
            .await?;
        let store = state.blobs.clone();
        blocking(move || store.discard(id)).await?;
    }
    Ok(())
}
