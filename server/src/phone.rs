//! The phone app's files under `/phone`, embedded in the binary as Vite built them.
//!
//! Invariant: no page may load or run anything that is not in the binary, nothing inline; WebAssembly runs here and
//! nowhere else of the server, and scripts are started by address through the app's one trusted-types policy.
//! What Vite compressed beforehand is sent compressed.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use rust_embed::RustEmbed;

use crate::console::media_type;

#[derive(RustEmbed)]
#[folder = "../bindings/web/app/dist"]
#[allow_missing = true]
struct Files;

const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
    style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types vue gongdan";

const NOT_BUILT: &str = "手机应用尚未构建。 The phone app is not built.\n\n\
    请运行 cargo xtask phone，然后重新编译服务器。\n\
    Run `cargo xtask phone`, then build the server again.\n";

/// Whether a path is the app's.
pub(crate) fn is_path(path: &str) -> bool {
    path == "/phone" || path.starts_with("/phone/")
}

/// The file of a path; the page itself for every path that names no file, because the page's own router knows it.
pub(crate) fn serve(path: &str, asked: &HeaderMap) -> Response {
    let Some(path) = path.strip_prefix("/phone/") else {
        // The service worker's scope ends with a slash.
        return Redirect::permanent("/phone/").into_response();
    };
    if let Some(answer) = file(path, asked) {
        return answer;
    }
    // A missing script must not come as a page.
    if path.starts_with("assets/") {
        return crate::api::problem::ApiError::not_found().into_response();
    }
    file("index.html", asked).unwrap_or_else(|| {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        (StatusCode::OK, kind, NOT_BUILT).into_response()
    })
}

fn file(path: &str, asked: &HeaderMap) -> Option<Response> {
    let takes_brotli = asked
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|each| each.trim().starts_with("br")));
    let compressed = takes_brotli
        .then(|| Files::get(&format!("{path}.br")))
        .flatten();
    let encoding = compressed.is_some().then_some("br");
    let found = compressed.or_else(|| Files::get(path))?;
    // Vite names what is under assets/ by its content.
    let kept = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let head: [(HeaderName, &'static str); 4] = [
        (header::CONTENT_TYPE, media_type(path)),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let mut head: HeaderMap = head
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
    if let Some(encoding) = encoding {
        head.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some((head, found.data.into_owned()).into_response())
}
