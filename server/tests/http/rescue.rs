//! A rescue file brought in by the office.

use gongdan_core::ids::Part;
use gongdan_core::ticket::Command;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::TestServer;
use crate::phone::Phone;

const PASSPHRASE: &str = "twelve characters or more";

#[tokio::test]
async fn the_office_brings_in_a_rescue_file_with_its_photos_and_twice_adds_nothing() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let (id, _) = desk.open("east", "空调不制冷").await;
    let assign = json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
    desk.execute(&id, &json!({}), assign).await;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    let ticket = id.parse().unwrap();
    phone.execute(&server, ticket, Command::Accept);
    let text = "压缩机有异响".to_owned();
    let part = Part::Service;
    phone.execute(&server, ticket, Command::WriteNote { part, text });
    let photo = [0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
    let blob = phone.replica.add_blob(ticket, "image/jpeg", &photo);
    let blob = blob.unwrap();
    assert_eq!(blob.0[..], Sha256::digest(photo)[..]);
    let now = server.running.state.host.now();
    let bytes = phone.replica.write_rescue(now, PASSPHRASE, Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("phone.rescue"), bytes.unwrap()).unwrap();
    std::fs::write(at("right"), format!("{PASSPHRASE}\n")).unwrap();
    std::fs::write(at("wrong"), "another passphrase").unwrap();

    let import = |file: &str, passphrase: &str| {
        server.gongdan(&[
            "rescue",
            "import",
            &at(file),
            "--passphrase-file",
            &at(passphrase),
        ])
    };
    for (file, passphrase, said) in [
        ("phone.rescue", "wrong", "another passphrase, or damaged"),
        ("right", "right", "no rescue file"),
        ("nothing", "right", "cannot be read"),
    ] {
        let refused = import(file, passphrase);
        assert_eq!(refused.status.code(), Some(1));
        let error = String::from_utf8(refused.stderr).unwrap();
        assert!(error.contains(said), "{error}");
    }
    let view = desk.ticket(&id).await;
    assert_eq!(view["ticket"]["notes"], json!([]), "nothing came in");

    let first = import("phone.rescue", "right");
    let said = String::from_utf8(first.stdout).unwrap();
    assert!(first.status.success(), "{said}");
    assert!(
        said.contains(TECHNICIAN) && said.contains("admitted: 1"),
        "{said}"
    );
    assert!(!said.contains("异响"), "no personal data in the report");
    let view = desk.ticket(&id).await;
    assert_eq!(view["ticket"]["status"], "accepted");
    assert_eq!(view["ticket"]["notes"].as_array().unwrap().len(), 1);
    let state = &server.running.state;
    assert_eq!(std::fs::read(state.blobs.path(blob)).unwrap(), photo);
    let second = import("phone.rescue", "right");
    assert!(second.status.success());
    // The phone comes back after all.
    phone.sync(&server).await;
    assert_eq!(phone.replica.outbox().unwrap(), []);
    let view = desk.ticket(&id).await;
    assert_eq!(view["ticket"]["notes"].as_array().unwrap().len(), 1);
}
