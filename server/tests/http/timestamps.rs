//! Time-stamps by an authority that OpenSSL runs, and OpenSSL's word on what is ours.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::http::StatusCode as Status;
use axum::response::IntoResponse;
use gongdan_core::evidence::file::{EvidenceFile, section};
use gongdan_core::evidence::timestamp::Kept;
use gongdan_core::evidence::verify::{Asked, Check, Outcome, verify};
use gongdan_core::evidence::{SheetKind, SignedSheet};
use gongdan_core::sync::codec;
use gongdan_server::evidence::timestamps;

use crate::desk::DISPATCHER;
use crate::harness::TestServer;
use crate::phone::Phone;
use crate::sheets::{bring, completed, sealed};

const CONFIGURATION: &str = "[tsa]
default_tsa = here
[here]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
";

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    let output = command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// Keys and certificates of an authority and of who certifies it.
fn found(folder: &Path, key: &[&str]) {
    let subject = ["-nodes", "-subj", "/CN=Test time-stamp CA"];
    let own = [
        "req", "-x509", "-days", "30000", "-keyout", "ca.key", "-out", "ca.pem",
    ];
    openssl(folder, &[&own[..], &subject, key].concat());
    let own = ["req", "-new", "-keyout", "tsa.key", "-out", "tsa.csr"];
    let subject = ["-nodes", "-subj", "/O=Example/CN=Time-stamps"];
    openssl(folder, &[&own[..], &subject, key].concat());
    let usage = "extendedKeyUsage=critical,timeStamping";
    std::fs::write(folder.join("usage"), usage).unwrap();
    std::fs::write(folder.join("serial"), "01").unwrap();
    std::fs::write(folder.join("tsa.cnf"), CONFIGURATION).unwrap();
    let by = [
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-extfile",
        "usage",
    ];
    let of = [
        "x509", "-req", "-in", "tsa.csr", "-out", "tsa.pem", "-days", "30000",
    ];
    openssl(folder, &[&of[..], &by].concat());
}

/// What `openssl ts` answers; 503 while it is not `up`.
async fn reply(folder: &Path, up: &AtomicBool, query: Bytes) -> axum::response::Response {
    if !up.load(Ordering::SeqCst) {
        return Status::SERVICE_UNAVAILABLE.into_response();
    }
    let name = |kind: &str| format!("{:x}.{kind}", query[query.len() - 12]);
    std::fs::write(folder.join(name("tsq")), &query).unwrap();
    let by = [
        "-signer", "tsa.pem", "-inkey", "tsa.key", "-chain", "ca.pem", "-config", "tsa.cnf",
    ];
    let (query, answer) = (name("tsq"), name("tsr"));
    let of = ["ts", "-reply", "-queryfile", &query, "-out", &answer];
    openssl(folder, &[&of[..], &by].concat());
    let answer = std::fs::read(folder.join(answer)).unwrap();
    ([("content-type", "application/timestamp-reply")], answer).into_response()
}

/// The authority behind HTTP; its address.
async fn listen(folder: &Path, up: &Arc<AtomicBool>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (folder, up) = (folder.to_owned(), Arc::clone(up));
    let answer = move |query: Bytes| {
        let (folder, up) = (folder.clone(), Arc::clone(&up));
        async move { reply(&folder, &up, query).await }
    };
    let app = axum::Router::new().route("/", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

async fn run_due(server: &TestServer) {
    let state = server.running.state.clone();
    let run = tokio::task::spawn_blocking(move || timestamps::run_due(&state));
    run.await.unwrap().unwrap();
}

fn attempts(server: &TestServer) -> (u32, bool) {
    let sql = "SELECT attempts, kept IS NOT NULL FROM sheet_timestamps";
    let row = server.running.state.db.read(|c| {
        Ok::<_, gongdan_server::store::StoreError>(
            c.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?,
        )
    });
    row.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_openssl_stamps_a_sheet_and_openssl_verifies_ours() {
    let keys: [&[&str]; 2] = [
        &["-newkey", "rsa:2048"],
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ];
    for key in keys {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        found(folder, key);
        let up = Arc::new(AtomicBool::new(false));
        let url = listen(folder, &up).await;
        let server = TestServer::start_with(|config| config.time_stamp_url = Some(url)).await;
        // The certificates are of today: so is the server.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = i64::try_from(now.unwrap().as_secs()).unwrap();
        server
            .clock
            .advance(now - server.running.state.host.now().seconds());
        let mut phone = Phone::enrolled(&server).await;
        let ticket = completed(&server, &mut phone).await;
        let own = sealed(&server, &mut phone, ticket, SheetKind::Ink).await;
        bring(&server, &phone, &own).await;
        let path = format!("/v1/tickets/{ticket}/sheets/{}/evidence", own.hash);
        let desk = server.desk(DISPATCHER);
        // It does not answer: the sheet stays due and its file is whole without.
        run_due(&server).await;
        assert!(attempts(&server).0 >= 1 && !attempts(&server).1);
        let file = desk.fetch(&path).await.bytes().await.unwrap();
        let bare = EvidenceFile::from_bytes(&file).unwrap();
        assert!(bare.sections.iter().all(|of| of.kind != section::TIMESTAMP));
        up.store(true, Ordering::SeqCst);
        run_due(&server).await;
        assert!(!attempts(&server).1, "not before a minute is over");
        server.clock.advance(120);
        run_due(&server).await;
        assert!(attempts(&server).1);

        let file = desk.fetch(&path).await.bytes().await.unwrap();
        let asked = Asked {
            organisation: Some(server.running.state.organisation_key.public()),
            ..Asked::default()
        };
        let report = verify(&file, &asked);
        assert!(report.good, "{:?}", report.failing());
        assert_eq!(report.outcome(Check::Timestamp), Outcome::Holds);
        let stamped = report.told.unwrap().stamped.unwrap();
        assert_eq!(stamped.authority, "CN=Time-stamps,O=Example");
        // By the command line, with the certificate of who certified the authority, and of another.
        let to = folder.join("sheet.gds");
        std::fs::write(&to, &file).unwrap();
        let (to, ca) = (to.to_str().unwrap(), folder.join("ca.pem"));
        let verify = ["verify", to, "--language", "en", "--authority"];
        let said = server.said(&[&verify[..], &[ca.to_str().unwrap()]].concat());
        assert!(
            said.contains("[holds] The time-stamp's authority is the one given"),
            "{said}"
        );
        openssl_agrees(&file, folder);
        found(folder, key);
        let said = server.gongdan(&[&verify[..], &[ca.to_str().unwrap()]].concat());
        assert_eq!(said.status.code(), Some(2));
    }
}

/// OpenSSL on the device's signature and on the token.
fn openssl_agrees(file: &[u8], folder: &Path) {
    let file = EvidenceFile::from_bytes(file).unwrap();
    let sheet = SignedSheet::from_bytes(&file.sheet).unwrap();
    let message = [&b"gongdan sheet v1\n"[..], &codec::encode(&sheet.header)].concat();
    // RFC 8410: the head of an Ed25519 SubjectPublicKeyInfo.
    let head = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    for (name, bytes) in [
        ("key", &[&head[..], &sheet.header.key].concat()),
        ("message", &message),
        ("signature", &sheet.signature.to_vec()),
    ] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let verify = [
        "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-rawin",
    ];
    let said = openssl(
        folder,
        &[&verify[..], &["-in", "message", "-sigfile", "signature"]].concat(),
    );
    assert!(said.contains("Verified Successfully"), "{said}");
    let token = file
        .sections
        .iter()
        .find(|of| of.kind == section::TIMESTAMP);
    let kept = Kept::from_bytes(&token.unwrap().bytes).unwrap();
    std::fs::write(folder.join("token"), kept.token).unwrap();
    let digest = sheet.hash().to_string();
    let verify = [
        "ts",
        "-verify",
        "-token_in",
        "-in",
        "token",
        "-CAfile",
        "ca.pem",
    ];
    let said = openssl(folder, &[&verify[..], &["-digest", &digest]].concat());
    assert!(said.contains("Verification: OK"), "{said}");
    // And it takes no other sheet for this one.
    let other = digest.replace(&digest[..2], "00");
    let mut command = Command::new("openssl");
    let refused = command
        .args(verify)
        .args(["-digest", &other])
        .current_dir(folder);
    assert!(!refused.output().unwrap().status.success());
}
