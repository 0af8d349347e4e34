//! An attachment's bytes. Invariant: never shown as a page of ours, whatever they are.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gongdan_core::ids::{BlobHash, Part};
use gongdan_core::policy::{Relation, may_read};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use crate::AppState;
use crate::api::problem::{ApiError, ApiPath, Problem};
use crate::auth::extract::Caller;
use crate::blobs;

/// An attachment by its hash: for the office, for the phone that brought it, and for the phones of those who
/// may read a ticket that names it.
#[utoipa::path(
    get, path = "/v1/blobs/{hash}", tag = "blobs", security(("session" = []), ("bearer" = []), ("device" = [])),
    params(("hash" = String, Path, description = "SHA-256 in hexadecimal")),
    responses(
        (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
        (status = 206, description = "The part that `Range` asks for"), (status = 304), (status = 401, body = Problem),
        (status = 403, body = Problem, description = "`device_revoked`"), (status = 404, body = Problem),
        (status = 416, body = Problem, description = "`range_not_satisfiable`"),
    )
)]
pub(in crate::api) async fn download(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(hash): ApiPath<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require_unrevoked()?;
    let hash: BlobHash = hash.parse().map_err(|_| ApiError::not_found())?;
    let stored = state
        .db
        .read_async(move |c| {
            let readable = match &caller {
                Caller::Office(office) => {
                    may_read(&office.roles, Relation::OTHER, Part::Service)
                        || blobs::is_readable(c, hash, &caller.label(), &office.person)?
                }
                Caller::Device { auth, .. } => {
                    blobs::is_readable(c, hash, &caller.label(), &auth.person)?
                }
            };
            if readable {
                blobs::stored(c, hash)
            } else {
                Ok(None)
            }
        })
        .await?
        .ok_or_else(ApiError::not_found)?;
    let tag =
        HeaderValue::from_str(&format!("\"{hash}\"")).expect("hexadecimal digits fit a header");
    let mut response = Response::new(Body::empty());
    let head = response.headers_mut();
    head.insert(header::ETAG, tag.clone());
    head.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=31536000, immutable"),
    );
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let wanted = headers.get(header::RANGE).filter(|_| {
        headers
            .get(header::IF_RANGE)
            .is_none_or(|held| *held == tag)
    });
    let (first, length) = match range(wanted, stored.bytes) {
        Wanted::All => (0, stored.bytes),
        Wanted::Part { first, last } => {
            let value = format!("bytes {first}-{last}/{}", stored.bytes);
            head.insert(
                header::CONTENT_RANGE,
                HeaderValue::from_str(&value).expect("numbers fit a header"),
            );
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            (first, last - first + 1)
        }
        Wanted::Outside => {
            let value = format!("bytes */{}", stored.bytes);
            let problem = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable");
            let value = HeaderValue::from_str(&value).expect("numbers fit a header");
            return Ok(problem.header(header::CONTENT_RANGE, value).into_response());
        }
    };
    let head = response.headers_mut();
    let media_type =
        HeaderValue::from_str(&stored.media_type).expect("media types come from our list");
    head.insert(header::CONTENT_TYPE, media_type);
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    head.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    let mut file = tokio::fs::File::open(state.blobs.path(hash)).await?;
    file.seek(std::io::SeekFrom::Start(first)).await?;
    *response.body_mut() =
        Body::from_stream(ReaderStream::with_capacity(file.take(length), 64 * 1024));
    Ok(response)
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Part { first: u64, last: u64 },
    Outside,
}

/// What a `Range` header asks for; several ranges, and what is no range, ask for all (RFC 9110 §14.2).
fn range(header: Option<&HeaderValue>, bytes: u64) -> Wanted {
    let spec = header.and_then(|value| value.to_str().ok()?.strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| {
        if text.is_empty() {
            Some(None)
        } else {
            text.parse::<u64>().ok().map(Some)
        }
    };
    match (number(first), number(last)) {
        (Some(Some(first)), Some(last)) => {
            if last.is_some_and(|last| last < first) {
                return Wanted::All;
            }
            if first >= bytes {
                return Wanted::Outside;
            }
            Wanted::Part {
                first,
                last: last.unwrap_or(u64::MAX).min(bytes - 1),
            }
        }
        (Some(None), Some(Some(suffix))) => {
            if suffix == 0 || bytes == 0 {
                return Wanted::Outside;
            }
            Wanted::Part {
                first: bytes.saturating_sub(suffix),
                last: bytes - 1,
            }
        }
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_at_the_edges() {
        let of = |text: &'static str| range(Some(&HeaderValue::from_static(text)), 10);
        assert_eq!(of("bytes=0-0"), Wanted::Part { first: 0, last: 0 });
        assert_eq!(of("bytes=9-"), Wanted::Part { first: 9, last: 9 });
        assert_eq!(of("bytes=5-99"), Wanted::Part { first: 5, last: 9 });
        assert_eq!(of("bytes=-3"), Wanted::Part { first: 7, last: 9 });
        assert_eq!(of("bytes=-99"), Wanted::Part { first: 0, last: 9 });
        assert_eq!(of("bytes=10-"), Wanted::Outside);
        assert_eq!(of("bytes=-0"), Wanted::Outside);
        for all in [
            "bytes=3-1",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=-",
            "bytes=x-1",
        ] {
            assert_eq!(of(all), Wanted::All, "{all}");
        }
        assert_eq!(range(None, 10), Wanted::All);
    }
}
