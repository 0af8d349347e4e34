//! Trouble on the way: silence, a second request, a server that ends, a disk that is full, a database that
//! fails. Each has its code, and what was stored before stays.

use std::time::Duration;

use gongdan_core::ticket::Command;
use gongdan_server::store::StoreError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::blobs::{hex, uploader};
use crate::desk::{DISPATCHER, TECHNICIAN, opening};
use crate::harness::{TestServer, assert_problem};
use crate::phone::Phone;

const SHORT: Duration = Duration::from_millis(200);

/// A request that announces `length` bytes, brings `body`, and then nothing.
async fn stalled(server: &TestServer, head: &str, length: usize, body: &[u8]) -> TcpStream {
    let mut connection = TcpStream::connect(server.running.address()).await.unwrap();
    let head =
        format!("{head}\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    // The server says this when it begins to read the body.
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(body).await.unwrap();
    connection.flush().await.unwrap();
    connection
}

/// Status and problem document of what comes back.
async fn answer(mut connection: TcpStream) -> (u16, Value) {
    let mut all = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = connection.read(&mut piece).await.unwrap();
        all.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(problem) = serde_json::from_str(body)
        {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            assert!(head.to_lowercase().contains("application/problem+json"));
            return (status, problem);
        }
        assert!(read > 0, "the connection ended after {text:?}");
    }
}

fn is(answer: &(u16, Value), status: u16, code: &str) {
    assert_eq!(
        (answer.0, answer.1["code"].as_str(), &answer.1["status"]),
        (status, Some(code), &json!(status))
    );
}

fn appending(path: &str, token: &str) -> String {
    format!(
        "PATCH {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream"
    )
}

#[tokio::test]
async fn an_upload_that_falls_silent_is_given_up_and_keeps_what_came() {
    let server = TestServer::start_with(|config| config.upload_silence_max = SHORT).await;
    let client = uploader(&server, 1).await;
    let path = client.create(&hex(b"hello"), 5).await;
    let connection = stalled(&server, &appending(&path, &client.token), 5, b"hel").await;
    is(&answer(connection).await, 408, "request_timeout");
    assert_eq!(client.offset(&path).await, 3);
    let rest = client.patch(&path, 3, b"lo").send().await.unwrap();
    assert_eq!(rest.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_device_whose_body_does_not_come_in_time_is_told() {
    let server = TestServer::start_with(|config| config.body_time_max = SHORT).await;
    let device = server.device(1).await;
    let authorization = device.header(&Method::POST, "/v1/token", b"hello");
    let head = format!("POST /v1/token HTTP/1.1\r\nAuthorization: {authorization}");
    let connection = stalled(&server, &head, 5, b"hel").await;
    is(&answer(connection).await, 408, "request_timeout");
}

#[tokio::test]
async fn a_second_request_for_an_upload_takes_over_and_the_first_is_told() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let path = client.create(&hex(b"hello"), 5).await;
    let first = stalled(&server, &appending(&path, &client.token), 5, b"hel").await;
    let (offset, first) = tokio::join!(client.offset(&path), answer(first));
    is(&first, 423, "upload_superseded");
    assert!(offset <= 3, "{offset}");
    let from = usize::try_from(offset).unwrap();
    let rest = client.patch(&path, offset, &b"hello"[from..]).send();
    assert_eq!(rest.await.unwrap().status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_upload_is_told_when_the_server_ends() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let path = client.create(&hex(b"hello"), 5).await;
    let upload = stalled(&server, &appending(&path, &client.token), 5, b"hel").await;
    let (ended, upload) = tokio::join!(server.running.stop(), answer(upload));
    ended.unwrap();
    is(&upload, 503, "shutting_down");
}

/// Lets the database grow by no page any more, or again.
fn fill(server: &TestServer, full: bool) {
    let set = |tx: &rusqlite::Transaction<'_>| {
        let pages: i64 = tx.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        let most = if full { pages } else { 1 << 30 };
        tx.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?;
        Ok::<_, StoreError>(())
    };
    server.running.state.db.write(set).unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let assign = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    desk.execute(&id, &json!({}), assign).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    fill(&server, true);

    // What is free within the file is used up first.
    let mut taken = 0;
    let refused = loop {
        let opened = desk
            .post("/v1/tickets", opening("east", &"冷".repeat(2000)))
            .await;
        if opened.status() != StatusCode::CREATED {
            break opened;
        }
        taken += 1;
        assert!(taken < 200, "it never is full");
    };
    assert_problem(refused, 507, "storage_full").await;
    let held = server.rows();
    let text = "记一笔".repeat(600);
    let part = gongdan_core::ids::Part::Service;
    for _ in 0..40 {
        let text = text.clone();
        phone.execute(
            &server,
            id.parse().unwrap(),
            Command::WriteNote { part, text },
        );
    }
    let body = phone.replica.next_request().unwrap();
    assert_problem(phone.post(&server, body).await, 507, "storage_full").await;
    assert_eq!(server.rows(), held, "nothing of it was stored");

    fill(&server, false);
    phone.sync(&server).await;
    let notes = desk.ticket(&id).await["ticket"]["notes"].clone();
    assert_eq!(notes.as_array().unwrap().len(), 40);
    desk.open("east", "空调漏水").await;
    server.assert_rebuilt_the_same();
}

#[cfg(unix)]
#[tokio::test]
async fn an_upload_to_a_full_disk_is_told_and_goes_on_later() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let path = client.create(&hex(b"hello"), 5).await;
    let name = path.rsplit('/').next().unwrap();
    let partial = server.running.state.config.data.join("uploads").join(name);
    let _ = std::fs::remove_file(&partial);
    std::os::unix::fs::symlink("/dev/full", &partial).unwrap();
    let full = client.patch(&path, 0, b"hello").send().await.unwrap();
    assert_problem(full, 507, "storage_full").await;
    std::fs::remove_file(&partial).unwrap();
    assert_eq!(client.offset(&path).await, 0);
    let again = client.patch(&path, 0, b"hello").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_goes_wrong_inside_is_told_without_a_word_of_what_it_was() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let broken = |sql: &'static str| {
        let db = &server.running.state.db;
        db.write(|tx| Ok::<_, StoreError>(tx.execute_batch(sql)?))
            .unwrap();
    };
    broken("ALTER TABLE ticket_rows RENAME TO ticket_rows_gone");
    let list = desk.send(Method::GET, "/v1/tickets", None).await;
    let (status, body): (_, Value) = (list.status(), list.json().await.unwrap());
    let expected = json!({ "type": "about:blank", "title": "Internal Server Error", "status": 500, "code": "internal" });
    assert_eq!((status.as_u16(), body), (500, expected));
    broken("ALTER TABLE identity RENAME TO identity_gone");
    let ready = server
        .client
        .get(server.url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_problem(ready, 503, "not_ready").await;
    let lives = server
        .client
        .get(server.url("/livez"))
        .send()
        .await
        .unwrap();
    assert_eq!(lives.status(), StatusCode::OK);
}
