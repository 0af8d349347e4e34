//! Names that a device gives to what it uploads lead nowhere: not to a path, not to a header, not to a page.

use std::path::{Path, PathBuf};

use reqwest::{Method, StatusCode};

use crate::blobs::{base64, hex, uploader};
use crate::harness::TestServer;

fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "../../../../etc/passwd",
        "..\\..\\windows\\system32\\x.dll",
        "/etc/passwd",
        "C:\\x.exe",
        "\\\\host\\share\\x",
        "file:///etc/passwd",
        "....//....//x",
        "..%2f..%2fx",
        "%2e%2e/x",
        "uploads/../../gongdan.db",
        ".",
        "..",
        "",
        " ",
        ".htaccess",
        "CON",
        "NUL",
        "NUL.txt",
        "aux.jpg",
        "COM1",
        "LPT9.png",
        "photo.jpg ",
        "photo.jpg.",
        "photo.jpg::$DATA",
        "photo.jpg\0.exe",
        "\u{202e}gpj.exe",
        "a\u{200b}b.jpg",
        "photo.html",
        "photo.svg",
        "a\"; filename=\"evil.exe",
        "a\r\nSet-Cookie: gongdan_session=x",
        "a\nContent-Type: text/html\n\n<script>",
        "=cmd|' /C calc'!A0",
        "-rf",
        "$(reboot)",
        "`reboot`",
        "|reboot",
        "*",
        "?",
        "铭牌 照片.jpg",
        "🔧.jpg",
    ]
    .map(str::to_owned)
    .into();
    names.push("长".repeat(4_000));
    names.push("../".repeat(1_333));
    names
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn names_of_files_never_become_paths_or_headers() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let names = names();
    for name in &names {
        let bytes = format!("bytes of {name}").into_bytes();
        let hash = hex(&bytes);
        // As the file's name, as its type, and as a key of its own.
        let metadata = format!(
            "sha256 {},filename {},filetype {},name {}",
            base64(&hash),
            base64(name),
            base64(name),
            base64(name)
        );
        let creation = client
            .request(Method::POST, "/v1/blobs")
            .header("upload-length", bytes.len())
            .header("upload-metadata", metadata)
            .header("content-type", "application/offset+octet-stream")
            .body(bytes.clone());
        let created = creation.send().await.unwrap();
        assert_eq!(created.status(), StatusCode::CREATED, "{name:?}");
        let location = created.headers()["location"].to_str().unwrap();
        let id = location.strip_prefix("/v1/blobs/uploads/").unwrap();
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");

        let read = client.request(Method::GET, &format!("/v1/blobs/{hash}"));
        let read = read.send().await.unwrap();
        assert_eq!(read.status(), StatusCode::OK);
        let head = |name: &str| read.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(head("content-disposition"), "attachment", "{name:?}");
        assert_eq!(head("content-type"), "application/octet-stream", "{name:?}");
        assert_eq!(head("x-content-type-options"), "nosniff");
        assert!(head("content-security-policy").contains("sandbox"));
        assert!(!read.headers().contains_key("set-cookie"));
        assert_eq!(read.bytes().await.unwrap(), bytes);
    }
    let data = &server.running.state.config.data;
    let (mut attachments, mut others) = (0, Vec::new());
    for path in files(data) {
        let within = path.strip_prefix(data).unwrap().to_str().unwrap();
        let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'/');
        match within.strip_prefix("blobs/") {
            Some(name) if hexadecimal(name) => attachments += 1,
            _ if within.starts_with("gongdan.db") => {}
            _ => others.push(within.to_owned()),
        }
    }
    assert_eq!((attachments, others), (names.len(), Vec::<String>::new()));
}

#[tokio::test]
async fn addresses_lead_to_no_file_of_the_server() {
    let server = TestServer::start().await;
    let client = uploader(&server, 1).await;
    let desk = server.desk(crate::harness::ADMINISTRATOR);
    for name in [
        "..%2fgongdan.db",
        "..%2f..%2fgongdan.db",
        "%2e%2e%2fgongdan.db",
        "..%5cgongdan.db",
        "gongdan.db",
        "%00",
        "%2fetc%2fpasswd",
    ] {
        for path in [
            format!("/v1/blobs/{name}"),
            format!("/v1/tickets/{name}"),
            format!("/v1/tickets/{name}/export"),
        ] {
            assert_eq!(
                desk.fetch(&path).await.status(),
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
        let upload = client.request(Method::HEAD, &format!("/v1/blobs/uploads/{name}"));
        assert_eq!(
            upload.send().await.unwrap().status(),
            StatusCode::NOT_FOUND,
            "{name}"
        );
        let page = server.client.get(server.url(&format!("/assets/{name}")));
        let page = page.send().await.unwrap().bytes().await.unwrap();
        assert!(
            !page.starts_with(b"SQLite") && !page.starts_with(b"root:"),
            "{name}"
        );
    }
}
