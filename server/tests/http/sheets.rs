//! Signed sheets at the server: countersigned, in the log, taken away as evidence files.

use gongdan_core::evidence::file::EvidenceFile;
use gongdan_core::evidence::log::{Checkpoint, Countersignature, Step, proof};
use gongdan_core::evidence::samples::{PHOTO, moment, signing};
use gongdan_core::evidence::seal::MEDIA_TYPE;
use gongdan_core::evidence::verify::{Asked, Check, Outcome, Report, verify};
use gongdan_core::evidence::{Language, SheetKind};
use gongdan_core::ids::{BlobHash, TicketId};
use gongdan_core::replica::Sealed;
use gongdan_core::sync::certificate::DeviceCertificate;
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::unbase64url;
use gongdan_core::ticket::Command;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::blobs::uploader_of;
use crate::desk::{AUDITOR, DISPATCHER, TECHNICIAN};
use crate::harness::{TestServer, assert_problem};
use crate::phone::Phone;

/// A ticket that the technician's phone has completed and has a photo on.
pub(crate) async fn completed(server: &TestServer, phone: &mut Phone) -> TicketId {
    let (id, _) = server.desk(DISPATCHER).open("east", "空调不制冷").await;
    let crew = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    server.desk(DISPATCHER).execute(&id, &json!({}), crew).await;
    phone.sync(server).await;
    let ticket = id.parse().unwrap();
    let photo = Command::AttachPhoto {
        blob: BlobHash(Sha256::digest(PHOTO).into()),
        media_type: "image/jpeg".to_owned(),
        bytes: PHOTO.len() as u64,
        caption: "更换后".to_owned(),
    };
    let complete = Command::Complete {
        summary: "更换风扇电机，试机正常".to_owned(),
    };
    for command in [Command::Accept, Command::Arrive, photo, complete] {
        phone.execute(server, ticket, command);
    }
    phone.sync(server).await;
    ticket
}

pub(crate) async fn sealed(
    server: &TestServer,
    phone: &mut Phone,
    ticket: TicketId,
    kind: SheetKind,
) -> Sealed {
    server.clock.advance(60);
    let now = server.running.state.host.now();
    phone.replica.contacted(now).unwrap();
    let frozen = phone.replica.freeze(ticket, Language::Zh, 480).unwrap();
    let sealed = phone.replica.seal(&frozen, &signing(kind), &moment(now));
    let sealed = sealed.unwrap();
    phone.sync(server).await;
    sealed
}

pub(crate) async fn bring(server: &TestServer, phone: &Phone, sealed: &Sealed) {
    let uploader = uploader_of(server, &phone.device).await;
    uploader.bring(&sealed.sheet.to_bytes(), MEDIA_TYPE).await;
}

fn checked(server: &TestServer, bytes: &[u8]) -> Report {
    let asked = Asked {
        organisation: Some(server.running.state.organisation_key.public()),
        ..Asked::default()
    };
    verify(bytes, &asked)
}

fn bytes(value: &Value) -> Vec<u8> {
    unbase64url(value.as_str().unwrap()).unwrap()
}

async fn public(server: &TestServer, path: &str) -> Value {
    let answer = server.client.get(server.url(path)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

/// The signed head, verified by nothing but the organisation's key.
async fn checkpoint(server: &TestServer) -> (Checkpoint, PublicKey) {
    let body = public(server, "/v1/sheet-log/checkpoint").await;
    let certificate = DeviceCertificate::from_bytes(&bytes(&body["certificate"])).unwrap();
    let organisation = server.running.state.organisation_key.public();
    let own = certificate.verify(&organisation).unwrap();
    let checkpoint: Checkpoint = codec::decode(&bytes(&body["checkpoint"])).unwrap();
    assert!(own.person().is_none() && checkpoint.is_signed_by(own.key()));
    assert_eq!(body["size"], checkpoint.head.size);
    (checkpoint, *own.key())
}

fn steps(value: &Value) -> Vec<Step> {
    let steps = value.as_array().unwrap().iter();
    steps
        .map(|step| {
            let hash: BlobHash = step.as_str().unwrap().parse().unwrap();
            Step(hash.0)
        })
        .collect()
}

#[tokio::test]
async fn a_sheet_that_comes_by_sync_is_countersigned_logged_and_taken_away() {
    let server = TestServer::start().await;
    let empty = server.client.get(server.url("/v1/sheet-log/checkpoint"));
    assert_problem(empty.send().await.unwrap(), 404, "not_found").await;
    let mut phone = Phone::enrolled(&server).await;
    let ticket = completed(&server, &mut phone).await;
    let own = sealed(&server, &mut phone, ticket, SheetKind::Ink).await;
    let came_at = server.running.state.host.now();
    let desk = server.desk(DISPATCHER);
    let path = format!("/v1/tickets/{ticket}/sheets/{}/evidence", own.hash);
    // The reference is here, the bytes are not: its time is on record all the same.
    assert_problem(desk.fetch(&path).await, 409, "sheet_not_here").await;
    let logged = public(&server, &format!("/v1/sheet-log/sheets/{}", own.hash)).await;
    let countersignature =
        Countersignature::from_bytes(&bytes(&logged["countersignature"])).unwrap();
    assert_eq!(countersignature.receival.sheet, own.hash);
    assert_eq!(countersignature.receival.at, came_at);
    bring(&server, &phone, &own).await;
    let answer = desk.fetch(&path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let file = answer.bytes().await.unwrap();
    let report = checked(&server, &file);
    assert!(report.good, "{:?}", report.failing());
    assert_eq!(report.outcome(Check::Countersignature), Outcome::Holds);
    assert_eq!(report.outcome(Check::Log), Outcome::Holds);
    let told = report.told.unwrap();
    assert_eq!(told.countersigned.unwrap().at, came_at);
    assert_eq!((told.log_size, told.attachments_elsewhere), (Some(1), 1));
    // With the photo, and by the command line.
    let uploader = uploader_of(&server, &phone.device).await;
    uploader.bring(PHOTO, "image/jpeg").await;
    let to = tempfile::tempdir().unwrap();
    let to = to.path().join("sheet.gds");
    let (named, number) = (to.to_str().unwrap(), told.number.unwrap());
    server.said(&["evidence", &number, "-o", named]);
    let written = std::fs::read(&to).unwrap();
    let report = checked(&server, &written);
    assert!(report.good && report.told.unwrap().attachments_elsewhere == 0);
    let key = server.said(&["org", "key"]);
    let said = server.said(&["verify", named, "--org-key", key.trim(), "--language", "en"]);
    assert!(said.contains("[holds] The server's countersignature on this sheet holds"));
    let several = EvidenceFile::from_bytes(&written).unwrap();
    assert_eq!(several.sections.len(), 2);

    let unknown = path.replace(&own.hash.to_string(), &"0".repeat(64));
    assert_problem(desk.fetch(&unknown).await, 404, "unknown_sheet").await;
    assert_problem(
        server
            .desk(AUDITOR)
            .fetch("/v1/tickets/x/sheets/y/evidence")
            .await,
        404,
        "unknown_sheet",
    )
    .await;
    let nobody = server.client.get(server.url(&path)).send().await.unwrap();
    assert_problem(nobody, 401, "unauthenticated").await;
}

#[tokio::test]
async fn anybody_can_see_that_the_log_only_grew_and_phones_keep_its_head() {
    let server = TestServer::start().await;
    let mut phone = Phone::enrolled(&server).await;
    let ticket = completed(&server, &mut phone).await;
    let mut heads = Vec::new();
    for n in 1..=5u64 {
        let own = sealed(&server, &mut phone, ticket, SheetKind::Ink).await;
        let (checkpoint, key) = checkpoint(&server).await;
        assert_eq!(checkpoint.head.size, n);
        // The phone was told with the answer that told it of its own sheet.
        let kept = phone.replica.sheet_log().unwrap().kept.unwrap();
        assert!(kept == checkpoint && kept.is_signed_by(&key));
        let logged = public(&server, &format!("/v1/sheet-log/sheets/{}", own.hash)).await;
        let receival = Countersignature::from_bytes(&bytes(&logged["countersignature"])).unwrap();
        let leaf = receival.receival.leaf();
        let path = steps(&logged["path"]);
        let root = proof::root_by_path(leaf, n - 1, n, &path);
        assert_eq!(root, Some(checkpoint.head.root));
        heads.push(checkpoint.head);
    }
    for (from, older) in heads.iter().enumerate() {
        for newer in &heads[from..] {
            let path = format!(
                "/v1/sheet-log/consistency?from={}&to={}",
                older.size, newer.size
            );
            let proof = steps(&public(&server, &path).await["proof"]);
            assert!(proof::is_consistent(
                older.size, older.root, newer.size, newer.root, &proof
            ));
        }
    }
    for wrong in ["from=3&to=2", "from=1&to=6", "from=1", "from=-1&to=2"] {
        let path = format!("/v1/sheet-log/consistency?{wrong}");
        let answer = server.client.get(server.url(&path)).send().await.unwrap();
        assert_problem(answer, 400, "malformed_request").await;
    }
    let root = heads[4].root.iter().map(|byte| format!("{byte:02x}"));
    let said = server.said(&["verify", "log"]);
    assert!(said.contains(&root.collect::<String>()), "{said}");
    // With nothing new an answer is as short as before.
    let idle = phone.send(&server).await;
    assert!(idle.len() < 120, "{} bytes", idle.len());
    phone.replica.receive(&idle).unwrap();
}

#[tokio::test]
async fn a_log_that_was_changed_is_not_taken_over_and_both_heads_are_kept() {
    let server = TestServer::start().await;
    let mut phone = Phone::enrolled(&server).await;
    let ticket = completed(&server, &mut phone).await;
    for _ in 0..3 {
        sealed(&server, &mut phone, ticket, SheetKind::Ink).await;
    }
    let kept = phone.replica.sheet_log().unwrap().kept.unwrap();
    // Somebody at the server exchanges a leaf that devices have seen, and all nodes over it.
    server
        .running
        .state
        .db
        .write(|tx| {
            let other = proof::leaf(b"another sheet");
            let beside: [u8; 32] = tx.query_row(
                "SELECT hash FROM sheet_log_nodes WHERE level = 0 AND place = 0",
                [],
                |row| row.get(0),
            )?;
            tx.execute(
                "UPDATE sheet_log_nodes SET hash = ?1 WHERE level = 0 AND place = 1",
                [other],
            )?;
            tx.execute(
                "UPDATE sheet_log_nodes SET hash = ?1 WHERE level = 1 AND place = 0",
                [proof::join(&beside, &other)],
            )?;
            Ok::<_, gongdan_server::store::StoreError>(())
        })
        .unwrap();
    server.clock.advance(60);
    let now = server.running.state.host.now();
    let frozen = phone.replica.freeze(ticket, Language::Zh, 480).unwrap();
    let how = signing(SheetKind::Ink);
    phone.replica.seal(&frozen, &how, &moment(now)).unwrap();
    let answer = phone.send(&server).await;
    let outcome = phone.replica.receive(&answer).unwrap();
    assert!(outcome.sheet_log_contradicts);
    assert_eq!(outcome.verdicts.admitted, 2, "all else is taken over");
    let log = phone.replica.sheet_log().unwrap();
    assert_eq!(log.kept.as_ref(), Some(&kept));
    let contradicting = log.contradicting.unwrap();
    assert_eq!(contradicting.head.size, 4);
    let key = server.running.state.keys.public();
    assert!(contradicting.is_signed_by(&key) && kept.is_signed_by(&key));
    // The operator sees it too: the tree is not the one over the sheets.
    let checked = server.gongdan(&["verify", "log"]);
    let said = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(2), "{said}");
    assert!(
        said.contains("sheet 2: ") && !said.contains("sheet 1: "),
        "{said}"
    );
}
