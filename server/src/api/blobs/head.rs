//! The headers of tus, parsed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::BlobHash;

use crate::AppState;
use crate::api::problem::ApiError;

pub(crate) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

/// Media types that are served as they are; whatever else is `application/octet-stream`.
pub(in crate::api) const MEDIA_TYPES: [&str; 10] = [
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "video/mp4",
    "audio/mp4",
    "audio/mpeg",
    "audio/aac",
    "application/pdf",
    gongdan_core::evidence::seal::MEDIA_TYPE,
];

/// The client speaks our version of tus.
pub(in crate::api) struct Tus;

impl FromRequestParts<AppState> for Tus {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        if parts
            .headers
            .get(TUS_RESUMABLE)
            .is_some_and(|version| version == "1.0.0")
        {
            return Ok(Self);
        }
        let problem = ApiError::new(StatusCode::PRECONDITION_FAILED, "unsupported_tus_version");
        Err(problem.header(super::TUS_VERSION, HeaderValue::from_static("1.0.0")))
    }
}

/// A header that is a number.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let text = headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { text.parse().ok() } else { None };
    value.ok_or_else(|| ApiError::malformed(format!("the header {name} must be a whole number")))
}

/// `sha256` and `filetype` of `Upload-Metadata`: pairs of a key and a base64 value, separated by commas.
pub(super) fn metadata(headers: &HeaderMap) -> Result<(BlobHash, String), ApiError> {
    let text = headers
        .get(UPLOAD_METADATA)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let value = |key: &str| {
        let pair = text
            .split(',')
            .map(str::trim)
            .find(|pair| pair.split(' ').next() == Some(key))?;
        let encoded = pair.split(' ').nth(1)?;
        String::from_utf8(unbase64(encoded)?).ok()
    };
    let hash = value("sha256")
        .and_then(|hash| hash.parse().ok())
        .ok_or_else(|| {
            ApiError::malformed("Upload-Metadata must name the sha256 in hexadecimal")
        })?;
    let claimed = value("filetype").unwrap_or_default();
    Ok((hash, served_as(&claimed).to_owned()))
}

/// The media type that an attachment is served as, whatever its bringer claims.
pub(crate) fn served_as(claimed: &str) -> &'static str {
    MEDIA_TYPES
        .into_iter()
        .find(|known| *known == claimed)
        .unwrap_or("application/octet-stream")
}

/// Base64 with padding (RFC 4648 §4), by way of core's form for addresses.
fn unbase64(text: &str) -> Option<Vec<u8>> {
    let url: String = text
        .trim_end_matches('=')
        .chars()
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    gongdan_core::sync::request_auth::unbase64url(&url)
}

/// A time as HTTP writes it (RFC 9110 §5.6.7).
pub(super) fn http_date(at: Timestamp) -> HeaderValue {
    let text = at.to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).expect("a date fits a header")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn with(metadata: &str) -> HeaderMap {
        HeaderMap::from_iter([(UPLOAD_METADATA, HeaderValue::from_str(metadata).unwrap())])
    }

    #[test]
    fn metadata_names_the_hash_and_unknown_types_become_bytes() {
        let hash = "YmE3ODE2YmY4ZjAxY2ZlYTQxNDE0MGRlNWRhZTIyMjNiMDAzNjFhMzk2MTc3YTljYjQxMGZmNjFmMjAwMTVhZA==";
        let (parsed, kind) = metadata(&with(&format!(
            "filename eA==, sha256 {hash},filetype aW1hZ2UvanBlZw=="
        )))
        .unwrap();
        assert!(parsed.to_string().starts_with("ba7816bf"));
        assert_eq!(kind, "image/jpeg");
        // text/html
        let (_, kind) = metadata(&with(&format!("sha256 {hash},filetype dGV4dC9odG1s"))).unwrap();
        assert_eq!(kind, "application/octet-stream");
        for bad in ["", "sha256", "sha256 eA==", &format!("sha2567 {hash}")] {
            assert_eq!(
                metadata(&with(bad)).unwrap_err().code(),
                "malformed_request",
                "{bad}"
            );
        }
    }

    #[test]
    fn numbers_are_digits_only() {
        for (text, good) in [
            ("0", true),
            ("12", true),
            ("", false),
            ("+1", false),
            ("-1", false),
            ("99999999999999999999", false),
        ] {
            let headers =
                HeaderMap::from_iter([(UPLOAD_LENGTH, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(number(&headers, &UPLOAD_LENGTH).is_ok(), good, "{text}");
        }
    }
}
