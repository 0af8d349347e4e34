//! The console's files, embedded in the binary as Vite built them.
//!
//! Invariant: no page may load or run anything that is not in the binary, nothing inline, and text becomes
//! markup nowhere but in Vue's own templates (content security policy, trusted types). Without a build the
//! server still works and says so.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "console/dist"]
#[allow_missing = true]
struct Files;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types vue";

const NOT_BUILT: &str = "控制台尚未构建。 The console is not built.\n\n\
    在 server/console 中运行 npm ci 和 npm run build，然后重新编译服务器。\n\
    Run `npm ci` and `npm run build` in server/console, then build the server again.\n";

/// Whether the console is in this binary.
pub fn is_embedded() -> bool {
    Files::get("index.html").is_some()
}

/// The file of a path; the page itself for every path that names no file, because the page's own router
/// knows it.
pub(crate) fn serve(path: &str) -> Response {
    let path = path.trim_start_matches('/');
    if let Some(file) = Files::get(path).filter(|_| !path.is_empty()) {
        return answer(path, file.data.into_owned());
    }
    // A missing script must not come as a page.
    if path.starts_with("assets/") {
        return crate::api::problem::ApiError::not_found().into_response();
    }
    match Files::get("index.html") {
        Some(page) => answer("index.html", page.data.into_owned()),
        None => {
            let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
            (StatusCode::OK, kind, NOT_BUILT).into_response()
        }
    }
}

fn answer(path: &str, bytes: Vec<u8>) -> Response {
    // Vite names what is under assets/ by its content.
    let kept = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let head: [(HeaderName, &'static str); 3] = [
        (header::CONTENT_TYPE, media_type(path)),
        (header::CACHE_CONTROL, kept),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let head: HeaderMap = head
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    (head, bytes).into_response()
}

pub(crate) fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
