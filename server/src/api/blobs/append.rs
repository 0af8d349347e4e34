//! Bytes into an upload. Invariant: it runs in a task of its own, so that a request that is cut off still
//! has what arrived of it written and synced before anybody asks how far the upload is.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use crate::AppState;
use crate::api::problem::ApiError;
use crate::blobs::{self, Slot, Upload};
use crate::store::blocking;

/// Appends `body` from `from` on; the offset after it. When the upload is whole it is verified and stored.
pub(super) async fn run(
    state: AppState,
    upload: Upload,
    from: u64,
    body: Body,
) -> Result<u64, ApiError> {
    match tokio::spawn(work(state, upload, from, body)).await {
        Ok(result) => result,
        Err(error) => Err(ApiError::internal(&error)),
    }
}

async fn work(state: AppState, upload: Upload, from: u64, body: Body) -> Result<u64, ApiError> {
    let mut slot = state.blobs.slots.take(upload.id).await;
    // Somebody may have finished or dropped it while this waited.
    let id = upload.id;
    let upload = state
        .db
        .read_async(move |c| blobs::upload(c, id))
        .await?
        .ok_or_else(ApiError::not_found)?;
    let here = if upload.finished {
        upload.bytes
    } else {
        state.blobs.offset(id)?
    };
    if from != here {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "upload_offset_mismatch",
        ));
    }
    if upload.finished {
        return Ok(here);
    }
    let path = state.blobs.partial(id);
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .await?;
    let (end, outcome) = receive(&state, &mut slot, &mut file, &upload, from, body).await;
    file.flush().await?;
    file.sync_data().await?;
    outcome?;
    if end < upload.bytes {
        return Ok(end);
    }
    finish(&state, upload).await?;
    Ok(end)
}

/// Writes what comes; where it ended and whether it ended well.
async fn receive(
    state: &AppState,
    slot: &mut Slot,
    file: &mut File,
    upload: &Upload,
    from: u64,
    mut body: Body,
) -> (u64, Result<(), ApiError>) {
    let mut end = from;
    loop {
        let next = tokio::select! {
            next = tokio::time::timeout(state.config.upload_silence_max, chunk(&mut body)) => next,
            () = slot.superseded() => return (end, Err(ApiError::new(StatusCode::LOCKED, "upload_superseded"))),
            () = state.shutdown.cancelled() => {
                return (end, Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down")));
            }
        };
        let bytes = match next {
            Err(_) => return (end, Err(ApiError::timeout())),
            Ok(Err(_)) => return (end, Err(ApiError::malformed_body("the body broke off"))),
            Ok(Ok(None)) => return (end, Ok(())),
            Ok(Ok(Some(bytes))) => bytes,
        };
        if end + bytes.len() as u64 > upload.bytes {
            return (end, Err(ApiError::body_too_large()));
        }
        if let Err(error) = file.write_all(&bytes).await {
            return (end, Err(error.into()));
        }
        end += bytes.len() as u64;
    }
}

async fn chunk(body: &mut Body) -> Result<Option<Bytes>, axum::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(bytes) = frame?.into_data() {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

async fn finish(state: &AppState, upload: Upload) -> Result<(), ApiError> {
    let (store, now) = (state.blobs.clone(), state.host.now());
    let (id, hash) = (upload.id, upload.hash);
    if blocking(move || store.promote(id, hash)).await? {
        return Ok(state
            .db
            .write_async(move |tx| blobs::finish(tx, &upload, now))
            .await?);
    }
    tracing::warn!(blob.hash = %hash, "an upload has another hash than it named");
    state
        .db
        .write_async(move |tx| blobs::delete_upload(tx, id))
        .await?;
    state.blobs.discard(id)?;
    Err(ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "blob_hash_mismatch",
    ))
}
