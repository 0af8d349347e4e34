//! The commands on a data folder, beside the running server.

use std::path::Path;
use std::process::{Command, Output};

use gongdan_core::document::{TicketDoc, hydrate};
use gongdan_core::ids::Part;
use gongdan_core::sync::certificate::{CertifiedDevice, DeviceCertificate, Distrust};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec::{decode, encode};
use gongdan_core::sync::keys::{DeviceKey, PublicKey};
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde_json::{Value, json};

use crate::desk::{CLERK, DISPATCHER, OTHER_DISPATCHER, correct};
use crate::harness::TestServer;

const REQUESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample/requests.csv");

/// A command on a data folder.
pub(crate) fn gongdan(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gongdan"));
    command
        .arg("--data")
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

impl TestServer {
    pub(crate) fn gongdan(&self, arguments: &[&str]) -> Output {
        gongdan(&self.running.state.config.data, arguments)
    }

    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.gongdan(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn an_import_goes_through_the_gate_and_twice_adds_nothing() {
    let server = TestServer::start().await;
    let first = server.said(&["import", REQUESTS]);
    let desk = server.desk(DISPATCHER);
    let total = desk.get("/v1/tickets").await["total"].as_u64().unwrap();
    assert!(
        total >= 60 && first.starts_with(&format!("新增 {total} 条，已存在 0 条，有误 0 处。")),
        "{first}"
    );
    let rows = server.rows();
    let second = server.said(&["import", REQUESTS, "--lang", "en"]);
    assert!(
        second.starts_with(&format!("0 added, {total} already there, 0 errors.")),
        "{second}"
    );
    assert_eq!(server.rows(), rows);

    let found = desk.get("/v1/tickets?q=YQ-2026-0001").await;
    let name = found["items"][0]["number"].as_str().unwrap();
    let entries = desk.get(&format!("/v1/tickets/{name}/timeline")).await["entries"].clone();
    assert_eq!(
        (&entries[0]["person"], entries.as_array().unwrap().len()),
        (&json!(CLERK), 2)
    );
}

#[tokio::test]
async fn bad_rows_are_told_by_line_column_and_reason_and_the_good_ones_go_in() {
    let server = TestServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.csv");
    let csv = "外部编号,客户姓名,联系电话,地区,产品线,故障描述\n\
               A-1,周牧云,13800001037,东部大区,家用空调,不制冷\n\
               A-2,郑栖迟,13800001074,月球大区,家用空调,漏水\n\
               A-3,,13800001074,东部大区,家用空调,漏水\n";
    std::fs::write(&file, csv).unwrap();
    let output = server.gongdan(&["import", file.to_str().unwrap(), "--as", OTHER_DISPATCHER]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("新增 1 条"), "{said}");
    assert!(
        said.contains("第 3 行，地区：没有这个地区")
            && said.contains("第 4 行，客户姓名：缺少必填内容"),
        "{said}"
    );
    assert!(!said.contains("郑栖迟"), "no personal data in the report");
    let found = server.desk(DISPATCHER).get("/v1/tickets").await;
    assert_eq!(found["total"], 1);

    for arguments in [
        &["import", "nothing.csv"][..],
        &["import", file.to_str().unwrap(), "--as", "G9999"],
    ] {
        assert_eq!(
            server.gongdan(arguments).status.code(),
            Some(1),
            "{arguments:?}"
        );
    }
    // Somebody without the right opens nothing: the gate is the same.
    let refused = server.gongdan(&["import", REQUESTS, "--as", "G1002"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(server.desk(DISPATCHER).get("/v1/tickets").await["total"], 1);
}

#[tokio::test]
async fn a_ticket_is_shown_and_listed() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, number) = desk.open("east", "空调不制冷").await;
    let (_, other) = desk.open("north", "热水器漏水").await;
    let opened = desk.ticket(&id).await["heads"].clone();
    desk.execute(&id, &opened, correct("model", "KFR-50")).await;
    server
        .desk(OTHER_DISPATCHER)
        .execute(&id, &opened, correct("model", "KFR-72"))
        .await;

    let shown: Value =
        serde_json::from_str(&server.said(&["ticket", "show", &number, "--json"])).unwrap();
    assert_eq!(shown, desk.ticket(&id).await["ticket"]);
    let text = server.said(&["ticket", "show", &id]);
    for expected in [
        number.as_str(),
        "空调不制冷",
        "customer_name: 周牧云",
        "KFR-50",
        "KFR-72",
        "conflict:",
        DISPATCHER,
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let listed = server.said(&["ticket", "list"]);
    assert!(
        listed.find(&other).unwrap() < listed.find(&number).unwrap(),
        "{listed}"
    );
    assert!(
        listed.contains(&format!("{number}!")) && listed.contains("total: 2"),
        "{listed}"
    );
    let listed = server.said(&["ticket", "list", "--query", "漏水", "--limit", "1"]);
    assert!(
        listed.contains(&other) && listed.contains("total: 1"),
        "{listed}"
    );
    assert_eq!(
        server
            .gongdan(&["ticket", "show", "FW202601010001"])
            .status
            .code(),
        Some(1)
    );
}

fn loaded(folder: &Path, part: Part) -> TicketDoc {
    let bytes = std::fs::read(folder.join(format!("{}.automerge", part.name()))).unwrap();
    TicketDoc::load(part, &bytes).unwrap()
}

#[tokio::test]
async fn exported_files_load_again_with_the_same_values() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, number) = desk.open("east", "空调不制冷").await;
    desk.execute(
        &id,
        &json!({}),
        json!([{ "write_note": { "part": "office", "text": "客户不满" } }]),
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    server.said(&["export", &number, "--out", out.to_str().unwrap()]);

    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(out.join(name)).unwrap()).unwrap()
    };
    let docs = Part::ALL.map(|part| loaded(&out, part));
    let again = hydrate(
        id.parse().unwrap(),
        Some(number.parse().unwrap()),
        &docs.iter().collect::<Vec<_>>(),
    )
    .unwrap();
    let again = serde_json::to_value(again).unwrap();
    let detail = desk.ticket(&id).await;
    assert_eq!(
        (&again, &read("ticket.json")),
        (&detail["ticket"], &detail["ticket"])
    );

    let manifest = read("manifest.json");
    assert_eq!(
        (&manifest["ticket"], &manifest["number"]),
        (&json!(id), &json!(number))
    );
    for document in manifest["documents"].as_array().unwrap() {
        assert_eq!(
            document["heads"],
            detail["heads"][document["part"].as_str().unwrap()]
        );
        let bytes = std::fs::read(out.join(document["file"].as_str().unwrap())).unwrap();
        assert_eq!(document["bytes"], bytes.len());
        use sha2::Digest;
        let sha256: String = sha2::Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(document["sha256"], sha256);
    }
    assert_eq!(manifest["documents"].as_array().unwrap().len(), 3);
    assert_evidence(
        &read("evidence.json"),
        &server.said(&["org", "key"]),
        &read("ticket.json"),
    );
}

#[test]
fn evidence_is_checked_without_a_database_and_a_forged_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (data, nowhere) = (folder.path().join("data"), folder.path().join("nowhere"));
    let said = |args: &[&str]| {
        let output = gongdan(&data, args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/sample");
    said(&["org", "load", &format!("{sample}/organisation.toml")]);
    said(&["import", &format!("{sample}/requests.csv")]);
    let list = said(&["ticket", "list"]);
    let number = list.split_whitespace().find(|word| word.starts_with("FW"));
    let out = folder.path().join("export");
    said(&["export", number.unwrap(), "--out", out.to_str().unwrap()]);
    let key = said(&["org", "key"]);
    let file = out.join("evidence.json");
    let check = |key: &str| {
        let args = [
            "verify",
            "evidence",
            file.to_str().unwrap(),
            "--organisation-key",
            key,
        ];
        let output = gongdan(&nowhere, &args);
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (code, text) = check(key.trim());
    assert_eq!(code, Some(0), "{text}");
    assert!(!nowhere.exists(), "it opens no database");
    let (code, text) = check(&base64url(
        DeviceKey::from_bytes(&[9; 32]).public().as_bytes(),
    ));
    assert_eq!(code, Some(2), "another organisation's key");
    assert!(
        text.contains("a certificate that this organisation did not sign"),
        "{text}"
    );
    // A changeset whose body says something else, under the same signature.
    let mut evidence: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let first = &mut evidence["changesets"][0]["changeset"];
    let bytes = unbase64url(first.as_str().unwrap()).unwrap();
    let mut changeset: Changeset = decode(&bytes).unwrap();
    *changeset.body.last_mut().unwrap() ^= 1;
    *first = json!(base64url(&encode(&changeset)));
    std::fs::write(&file, evidence.to_string()).unwrap();
    let (code, text) = check(key.trim());
    assert_eq!(code, Some(2));
    assert!(
        text.contains("a signature or body that does not hold"),
        "{text}"
    );
}

/// Checks every signature with nothing but the files and the organisation's public key.
fn assert_evidence(evidence: &Value, organisation: &str, ticket: &Value) {
    let bytes = |text: &Value| unbase64url(text.as_str().unwrap()).unwrap();
    assert_eq!(evidence["organisation_key"], organisation.trim());
    let organisation = bytes(&evidence["organisation_key"]).try_into().unwrap();
    let organisation = PublicKey::from_bytes(organisation).unwrap();
    let certified: Vec<CertifiedDevice> = evidence["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| {
            let certificate = DeviceCertificate::from_bytes(&bytes(text)).unwrap();
            certificate.verify(&organisation).unwrap()
        })
        .collect();
    let changesets = evidence["changesets"].as_array().unwrap();
    assert_eq!((certified.len(), changesets.len()), (1, 3), "the desk's");
    for signed in changesets {
        let mut changeset: Changeset = decode(&bytes(&signed["changeset"])).unwrap();
        assert_eq!(changeset.hash().to_string(), signed["hash"]);
        assert_eq!(json!(changeset.header.ticket), ticket["id"]);
        assert_eq!(certified[0].check(&changeset), Ok(()));
        changeset.body.clear();
        assert_eq!(certified[0].check(&changeset), Ok(()), "erased");
        changeset.body.push(0);
        assert_eq!(certified[0].check(&changeset), Err(Distrust::Body));
        changeset.header.person = "G9999".parse().unwrap();
        assert_eq!(certified[0].check(&changeset), Err(Distrust::Changeset));
    }
}
