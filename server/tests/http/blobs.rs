//! Attachments: tus upload, cut and resumed; download.

use gongdan_core::limits;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use serde_json::json;

use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::{TestDevice, TestServer, assert_problem};

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Base64 with padding, as tus clients write it.
pub(crate) fn base64(text: &str) -> String {
    let mut out = gongdan_core::sync::request_auth::base64url(text.as_bytes())
        .replace('-', "+")
        .replace('_', "/");
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}

fn number(headers: &HeaderMap, name: &str) -> u64 {
    headers[name].to_str().unwrap().parse().unwrap()
}

pub(crate) struct Uploader<'a> {
    server: &'a TestServer,
    pub(crate) token: String,
}

impl Uploader<'_> {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.server.client.request(method, self.server.url(path));
        request
            .bearer_auth(&self.token)
            .header("tus-resumable", "1.0.0")
    }

    fn creation(&self, hash: &str, length: u64) -> RequestBuilder {
        self.creation_of(hash, length, "image/jpeg")
    }

    fn creation_of(&self, hash: &str, length: u64, media_type: &str) -> RequestBuilder {
        let metadata = format!("sha256 {},filetype {}", base64(hash), base64(media_type));
        self.request(Method::POST, "/v1/blobs")
            .header("upload-length", length)
            .header("upload-metadata", metadata)
    }

    pub(crate) async fn create(&self, hash: &str, length: u64) -> String {
        let response = self.creation(hash, length).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["tus-resumable"], "1.0.0");
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Brings an attachment whole.
    pub(crate) async fn bring(&self, bytes: &[u8], media_type: &str) {
        let creation = self.creation_of(&hex(bytes), bytes.len() as u64, media_type);
        let created = creation.send().await.unwrap();
        assert_eq!(created.status(), StatusCode::CREATED);
        let path = created.headers()["location"].to_str().unwrap().to_owned();
        let done = self.patch(&path, 0, bytes).send().await.unwrap();
        assert_eq!(done.status(), StatusCode::NO_CONTENT);
    }

    pub(crate) fn patch(&self, path: &str, offset: u64, body: &[u8]) -> RequestBuilder {
        let request = self
            .request(Method::PATCH, path)
            .header("upload-offset", offset);
        request
            .header("content-type", "application/offset+octet-stream")
            .body(body.to_vec())
    }

    pub(crate) async fn offset(&self, path: &str) -> u64 {
        let response = self.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        number(response.headers(), "upload-offset")
    }
}

pub(crate) async fn uploader(server: &TestServer, seed: u8) -> Uploader<'_> {
    let device = server.device(seed).await;
    uploader_of(server, &device).await
}

pub(crate) async fn uploader_of<'a>(server: &'a TestServer, device: &TestDevice) -> Uploader<'a> {
    Uploader {
        server,
        token: server.token(device).await,
    }
}

fn photo() -> Vec<u8> {
    (0..300_000u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

#[tokio::test]
async fn an_upload_that_is_cut_off_goes_on_where_it_was() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let (bytes, third) = (photo(), 400_000);
    let hash = hex(&bytes);
    let path = client.create(&hash, bytes.len() as u64).await;
    let first = client
        .patch(&path, 0, &bytes[..third])
        .send()
        .await
        .unwrap();
    assert_eq!(
        (first.status(), number(first.headers(), "upload-offset")),
        (StatusCode::NO_CONTENT, third as u64)
    );

    // A request that announces the rest, brings some of it, and loses its connection.
    let mut connection = tokio::net::TcpStream::connect(server.running.address())
        .await
        .unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: {third}\r\n\
         Content-Type: application/offset+octet-stream\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        client.token,
        bytes.len() - third
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The server says this when it begins to read the body, so the request is at work when it is cut.
    let mut go_on = [0; 12];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");
    connection
        .write_all(&bytes[third..2 * third])
        .await
        .unwrap();
    connection.flush().await.unwrap();
    drop(connection);

    let offset = client.offset(&path).await;
    assert!(
        (third as u64..=2 * third as u64).contains(&offset),
        "{offset}"
    );
    let rest = &bytes[usize::try_from(offset).unwrap()..];
    let last = client.patch(&path, offset, rest).send().await.unwrap();
    assert_eq!(
        (last.status(), number(last.headers(), "upload-offset")),
        (StatusCode::NO_CONTENT, bytes.len() as u64)
    );
    // A client that missed the last answer finds the upload whole.
    assert_eq!(client.offset(&path).await, bytes.len() as u64);

    let get = || client.request(Method::GET, &format!("/v1/blobs/{hash}"));
    let whole = get().send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "image/jpeg");
    assert_eq!(whole.headers()["content-disposition"], "attachment");
    assert_eq!(whole.headers()["x-content-type-options"], "nosniff");
    assert!(whole.bytes().await.unwrap() == bytes, "the bytes come back");
    let part = get().header("range", "bytes=5-9").send().await.unwrap();
    assert_eq!(
        (
            part.status(),
            part.headers()["content-range"].to_str().unwrap()
        ),
        (StatusCode::PARTIAL_CONTENT, "bytes 5-9/1200000")
    );
    assert_eq!(part.bytes().await.unwrap(), &bytes[5..10]);
    assert_problem(
        get()
            .header("range", "bytes=1200000-")
            .send()
            .await
            .unwrap(),
        416,
        "range_not_satisfiable",
    )
    .await;
}

#[tokio::test]
async fn bytes_with_another_hash_are_refused_and_leave_nothing() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let hash = hex(b"what was promised");
    let path = client.create(&hash, 5).await;
    assert_problem(
        client.patch(&path, 0, b"other").send().await.unwrap(),
        422,
        "blob_hash_mismatch",
    )
    .await;
    assert_eq!(
        client
            .request(Method::HEAD, &path)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NOT_FOUND
    );
    let read = client
        .request(Method::GET, &format!("/v1/blobs/{hash}"))
        .send()
        .await
        .unwrap();
    assert_problem(read, 404, "not_found").await;
}

#[tokio::test]
async fn what_is_here_needs_no_upload() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let hash = hex(b"hello");
    // Creation with upload: everything in one request.
    let creation = client
        .creation(&hash, 5)
        .header("content-type", "application/offset+octet-stream")
        .body("hello");
    let response = creation.send().await.unwrap();
    assert_eq!(
        (
            response.status(),
            number(response.headers(), "upload-offset")
        ),
        (StatusCode::CREATED, 5)
    );
    let other = uploader(&server, 2).await;
    let again = other.creation(&hash, 5).send().await.unwrap();
    assert_eq!(
        (again.status(), number(again.headers(), "upload-offset")),
        (StatusCode::CREATED, 5)
    );
    let path = again.headers()["location"].to_str().unwrap().to_owned();
    assert_problem(
        other.patch(&path, 0, b"hello").send().await.unwrap(),
        409,
        "upload_offset_mismatch",
    )
    .await;
    assert_eq!(other.offset(&path).await, 5);
    assert_problem(
        other.creation(&hash, 6).send().await.unwrap(),
        409,
        "blob_length_mismatch",
    )
    .await;
    // Nothing at all is an attachment too.
    let empty = client.creation(&hex(b""), 0).send().await.unwrap();
    assert_eq!(empty.status(), StatusCode::CREATED);
    let read = client
        .request(Method::GET, &format!("/v1/blobs/{}", hex(b"")))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (read.status(), read.bytes().await.unwrap().len()),
        (StatusCode::OK, 0)
    );
}

#[tokio::test]
async fn only_its_uploader_goes_on_and_may_give_it_up() {
    let server = TestServer::start().await;
    let (client, other) = (uploader(&server, 1).await, uploader(&server, 2).await);
    let path = client.create(&hex(b"hello"), 5).await;
    assert_problem(
        other.patch(&path, 0, b"hello").send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
    assert_problem(
        other.request(Method::DELETE, &path).send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
    assert_eq!(
        client
            .request(Method::DELETE, &path)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NO_CONTENT
    );
    assert_problem(
        client.patch(&path, 0, b"hello").send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn uploads_are_held_to_their_limits() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let hash = hex(b"hello");
    assert_eq!(
        client
            .creation(&hash, limits::BLOB_BYTES_MAX)
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::CREATED
    );
    let over = client
        .creation(&hash, limits::BLOB_BYTES_MAX + 1)
        .send()
        .await
        .unwrap();
    assert_problem(over, 413, "blob_too_large").await;
    let path = client.create(&hash, 5).await;
    assert_problem(
        client.patch(&path, 0, b"hello!").send().await.unwrap(),
        413,
        "body_too_large",
    )
    .await;
    assert_problem(
        client.patch(&path, 1, b"ello").send().await.unwrap(),
        409,
        "upload_offset_mismatch",
    )
    .await;
    let plain = client
        .request(Method::PATCH, &path)
        .header("upload-offset", 0)
        .body("hello");
    assert_problem(plain.send().await.unwrap(), 415, "unsupported_media_type").await;
    let old = server
        .client
        .post(server.url("/v1/blobs"))
        .bearer_auth(&client.token)
        .header("tus-resumable", "0.2.2");
    assert_problem(old.send().await.unwrap(), 412, "unsupported_tus_version").await;
    let unnamed = client
        .request(Method::POST, "/v1/blobs")
        .header("upload-length", 5);
    assert_problem(unnamed.send().await.unwrap(), 400, "malformed_request").await;
    // After a week an unfinished upload is gone.
    server.clock.advance(7 * 24 * 3600);
    let renewed = uploader(&server, 3).await;
    renewed.create(&hash, 5).await;
    let left: i64 = server
        .running
        .state
        .db
        .read(|c| {
            Ok::<_, gongdan_server::store::StoreError>(c.query_row(
                "SELECT count(*) FROM blob_uploads",
                [],
                |row| row.get(0),
            )?)
        })
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_revoked_device_still_uploads() {
    let server = TestServer::start().await;
    let device = server.device(1).await;
    server.revoke(&device);
    let client = Uploader {
        server: &server,
        token: server.token(&device).await,
    };
    let path = client.create(&hex(b"hello"), 5).await;
    assert_eq!(
        client
            .patch(&path, 0, b"hello")
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NO_CONTENT
    );
    let read = client
        .request(Method::GET, &format!("/v1/blobs/{}", hex(b"hello")))
        .send()
        .await
        .unwrap();
    assert_problem(read, 403, "device_revoked").await;
}

#[tokio::test]
async fn a_photo_is_read_by_the_phone_that_brought_it_and_by_those_who_may_read_its_ticket() {
    let server = TestServer::start().await;
    let (author, other) = (uploader(&server, 1).await, uploader(&server, 2).await);
    let hash = hex(b"hello");
    let path = author.create(&hash, 5).await;
    author.patch(&path, 0, b"hello").send().await.unwrap();
    let status = async |client: &Uploader<'_>| {
        let request = client.request(Method::GET, &format!("/v1/blobs/{hash}"));
        request.send().await.unwrap().status()
    };
    assert_eq!(status(&author).await, StatusCode::OK);
    assert_eq!(
        status(&other).await,
        StatusCode::NOT_FOUND,
        "nothing names it"
    );

    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let photo = json!([{ "attach_photo": { "blob": hash, "media_type": "image/jpeg", "bytes": 5, "caption": "铭牌" } }]);
    desk.execute(&id, &json!({}), photo).await;
    assert_eq!(
        status(&other).await,
        StatusCode::OK,
        "in the pool of his group"
    );
    let assign = |to: &str| json!([{ "assign": { "crew": [to], "lead": to, "group": null } }]);
    desk.execute(&id, &json!({}), assign("G4002")).await;
    assert_eq!(
        status(&other).await,
        StatusCode::NOT_FOUND,
        "of another's ticket"
    );
    desk.execute(&id, &json!({}), assign(TECHNICIAN)).await;
    assert_eq!(status(&other).await, StatusCode::OK);
    desk.execute(&id, &json!({}), assign("G4002")).await;
    assert_eq!(
        status(&other).await,
        StatusCode::NOT_FOUND,
        "not his any more"
    );
    assert_eq!(status(&author).await, StatusCode::OK, "its own bytes");
    server.assert_rebuilt_the_same();
}

#[tokio::test]
async fn one_device_may_have_so_many_uploads_on_their_way_and_no_more() {
    let server = TestServer::start().await;
    let device = server.device(3).await;
    let token = server.token(&device).await;
    let uploader = Uploader {
        server: &server,
        token,
    };
    for n in 0_u32..200 {
        uploader.create(&hex(&n.to_be_bytes()), 4).await;
    }
    let hash = hex(b"one more");
    let past = uploader.creation(&hash, 8).send().await.unwrap();
    assert_problem(past, 429, "too_many_uploads").await;
}
