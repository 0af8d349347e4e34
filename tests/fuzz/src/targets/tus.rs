//! The endpoint of attachments under requests of every kind, by a device with a token, through the real
//! router over a real database and real files.
//!
//! Promises: no 5xx; every error is a problem document; nothing is written outside `blobs/` and `uploads/`,
//! and there only under names of hexadecimal digits; an attachment has the hash of its name.

use std::path::Path;
use std::sync::{Mutex, OnceLock};

use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing::{self, person};
use gongdan_server::auth::enrolment::{self, Enrolment};
use gongdan_server::auth::{devices, tokens};
use gongdan_server::config::Config;
use gongdan_server::store::StoreError;
use gongdan_server::{AppState, organisation};
use gongdan_tests::host::{VirtualClock, host};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

struct Server {
    state: AppState,
    router: Router,
    token: String,
    runtime: tokio::runtime::Runtime,
    folder: tempfile::TempDir,
}

fn server() -> &'static Mutex<Server> {
    static STARTED: OnceLock<Mutex<Server>> = OnceLock::new();
    STARTED.get_or_init(|| Mutex::new(start()))
}

fn start() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let host = host(&VirtualClock::new(testing::at(0)), 11);
    let state = AppState::open(Config::new(folder.path()), host.clone()).expect("a new server");
    let token = state.db.write(|tx| {
        organisation::load(tx, &gongdan_tests::office::organisation(), host.now())?;
        let who = person("W001");
        let (code, _) = enrolment::invite(tx, &who, 1, &host)?.expect("a person");
        let key = DeviceKey::from_bytes(&[4; 32]).public();
        let Enrolment::Enrolled { device, .. } = enrolment::enrol(tx, &code, &key, "fuzz", &host)?
        else {
            panic!("an enrolment");
        };
        let device = devices::find(tx, device)?.expect("an enrolled device");
        Ok::<_, StoreError>(tokens::issue(tx, device.index, &host)?.0)
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    Server {
        router: gongdan_server::router(state.clone()),
        state,
        token: token.expect("a new database"),
        runtime,
        folder,
    }
}

/// Runs it once.
pub fn run(data: &[u8]) {
    let server = server()
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut u = Unstructured::new(data);
    let mut uploads = Vec::new();
    for _ in 0..8 {
        if u.is_empty() {
            break;
        }
        let Ok(request) = request(&mut u, &server.token, &uploads) else {
            break;
        };
        let response = server.runtime.block_on(answered(&server.router, request));
        if let Some(location) = response.headers().get(header::LOCATION) {
            uploads.push(location.to_str().expect("an address").to_owned());
        }
    }
    checked(&server);
}

async fn answered(router: &Router, request: Request<Body>) -> Response<()> {
    let is_head = request.method() == axum::http::Method::HEAD;
    let Ok(response) = router.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("an answer that ends");
    let status = parts.status;
    assert!(!status.is_server_error(), "{status}");
    if status.is_client_error() && !is_head {
        let kind = parts.headers.get(header::CONTENT_TYPE);
        assert!(
            kind.is_some_and(|kind| kind == "application/problem+json"),
            "{status} is no problem document"
        );
        let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert!(problem["code"].is_string());
    }
    Response::from_parts(parts, ())
}

fn request(u: &mut Unstructured<'_>, token: &str, uploads: &[String]) -> Result<Request<Body>> {
    let methods = ["POST", "PATCH", "HEAD", "DELETE", "GET", "OPTIONS", "PUT"];
    let method = *u.choose(&methods)?;
    let path = path(u, method, uploads)?;
    let length = u.int_in_range(0..=u.len().min(512))?;
    let body = u.bytes(length.min(u.len()))?.to_vec();
    let mut request = Request::builder().method(method).uri(path);
    if u.ratio(31, 32)? {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if u.ratio(15, 16)? {
        request = request.header("tus-resumable", "1.0.0");
    }
    let number = |u: &mut Unstructured<'_>, right: usize| -> Result<String> {
        Ok(match u.int_in_range(0..=7u8)? {
            0 => u.arbitrary::<u64>()?.to_string(),
            1 => u.int_in_range(0..=600u32)?.to_string(),
            2 => header_text(u)?,
            _ => right.to_string(),
        })
    };
    let offset = number(u, 0)?;
    request = request
        .header("upload-length", number(u, body.len())?)
        .header("upload-offset", offset)
        .header("upload-metadata", metadata(u, &body)?);
    if u.ratio(7, 8)? {
        request = request.header("content-type", "application/offset+octet-stream");
    }
    if u.ratio(1, 16)? {
        request = request.header("content-length", number(u, body.len())?);
    }
    request
        .body(Body::from(body))
        .map_err(|_| arbitrary::Error::IncorrectFormat)
}

fn path(u: &mut Unstructured<'_>, method: &str, uploads: &[String]) -> Result<String> {
    if method == "POST" || u.ratio(1, 16)? {
        return Ok("/v1/blobs".to_owned());
    }
    if !uploads.is_empty() && u.ratio(7, 8)? {
        return Ok(u.choose(uploads)?.clone());
    }
    let tail: String = u
        .arbitrary::<&str>()?
        .chars()
        .take(80)
        .map(|c| match c {
            'a'..='z' | '0'..='9' | '.' | '/' => c.to_string(),
            c => format!("%{:02X}", u32::from(c) & 0xff),
        })
        .collect();
    let lane = if method == "GET" { "" } else { "uploads/" };
    Ok(format!("/v1/blobs/{lane}{tail}"))
}

/// Names of files that would be paths somewhere.
const NAMES: [&str; 5] = [
    "../../../etc/passwd",
    "C:\\x",
    "a/../../b",
    "\0",
    "照片.jpg",
];

fn metadata(u: &mut Unstructured<'_>, body: &[u8]) -> Result<String> {
    if u.ratio(1, 8)? {
        return header_text(u);
    }
    let hash = if u.ratio(7, 8)? {
        hex(&Sha256::digest(body))
    } else {
        u.choose(&NAMES)?.to_string()
    };
    let name = base64(u.choose(&NAMES)?.as_bytes());
    let kind = base64(u.choose(&["image/jpeg", "text/html", ""])?.as_bytes());
    Ok(format!(
        "filename {name},sha256 {},filetype {kind}",
        base64(hash.as_bytes())
    ))
}

fn header_text(u: &mut Unstructured<'_>) -> Result<String> {
    let text = u.arbitrary::<&str>()?;
    Ok(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    let mut out = gongdan_core::sync::request_auth::base64url(bytes)
        .replace('-', "+")
        .replace('_', "/");
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

/// What lies in the data folder is what may lie there; then it is taken away again.
fn checked(server: &Server) {
    let database = |name: &str| name.starts_with("gongdan.db");
    for name in names(server.folder.path()) {
        assert!(
            database(&name) || ["blobs", "uploads"].contains(&name.as_str()),
            "{name} in the data folder"
        );
    }
    let is_hex =
        |name: &str, length| name.len() == length && name.bytes().all(|b| b.is_ascii_hexdigit());
    let uploads = server.folder.path().join("uploads");
    for name in names(&uploads) {
        assert!(is_hex(&name, 32), "{name} in uploads");
        std::fs::remove_file(uploads.join(&name)).expect("an upload");
    }
    let blobs = server.folder.path().join("blobs");
    for folder in names(&blobs) {
        assert!(is_hex(&folder, 2), "{folder} in blobs");
        for name in names(&blobs.join(&folder)) {
            assert!(is_hex(&name, 62), "{name} in blobs");
            let path = blobs.join(&folder).join(&name);
            let bytes = std::fs::read(&path).expect("an attachment");
            assert_eq!(hex(&Sha256::digest(&bytes)), format!("{folder}{name}"));
            std::fs::remove_file(&path).expect("an attachment");
        }
    }
    let cleaned = server.state.db.write(|tx| {
        Ok::<_, StoreError>(tx.execute_batch("DELETE FROM blob_uploads; DELETE FROM blobs;")?)
    });
    cleaned.expect("the database is there");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder of the server");
    entries
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect()
}
