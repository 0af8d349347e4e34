//! Backups of a running server, restored and tried out by the commands an operator has.

use std::path::{Path, PathBuf};

use gongdan_core::catalogue::Person;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::BlobHash;
use gongdan_core::policy::Role;
use gongdan_core::sync::certificate::{Algorithm, DeviceCertificate, Statement, VERSION};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::request_auth::base64url;
use gongdan_server::auth::{devices, enrolment, users};
use gongdan_server::backup::{Manifest, UNFINISHED, newest};
use gongdan_server::blobs::{self, Upload, UploadId};
use gongdan_server::config::Config;
use gongdan_server::store::{Database, StoreError, restores};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cli::gongdan;
use crate::desk::{DISPATCHER, OTHER_DISPATCHER, correct};
use crate::harness::{ADMINISTRATOR, TestDevice, TestServer, assert_problem};

/// A server with two tickets, a conflict and an attachment, and folders beside it.
struct Site {
    server: TestServer,
    folder: tempfile::TempDir,
    attachment: BlobHash,
}

impl Site {
    async fn new() -> Self {
        let server = TestServer::start().await;
        {
            let (desk, other) = (server.desk(DISPATCHER), server.desk(OTHER_DISPATCHER));
            let (id, _) = desk.open("east", "空调不制冷").await;
            desk.open("north", "热水器漏水").await;
            let opened = desk.ticket(&id).await["heads"].clone();
            desk.execute(&id, &opened, correct("model", "KFR-50")).await;
            other
                .execute(&id, &opened, correct("model", "KFR-72"))
                .await;
        }
        let attachment = attach(&server, b"a photo");
        Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            attachment,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn backups(&self) -> String {
        self.path("backups").to_str().unwrap().to_owned()
    }

    fn back_up(&self) -> PathBuf {
        self.server.said(&["backup", &self.backups()]);
        newest(Path::new(&self.backups())).unwrap()
    }

    fn tamper(&self, sql: &str) {
        let changed = self
            .server
            .running
            .state
            .db
            .write(|tx| Ok::<_, StoreError>(tx.execute(sql, [])?))
            .unwrap();
        assert!(changed > 0, "{sql}");
    }

    /// Exit code and words of a drill.
    fn drill(&self) -> (Option<i32>, String) {
        let output = self.server.gongdan(&["drill", &self.backups()]);
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text)
    }

    fn blob(&self, root: &Path) -> PathBuf {
        let name = self.attachment.to_string();
        root.join("blobs").join(&name[..2]).join(&name[2..])
    }
}

fn attach(server: &TestServer, bytes: &[u8]) -> BlobHash {
    let state = &server.running.state;
    let hash = BlobHash(Sha256::digest(bytes).into());
    let path = state.blobs.path(hash);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
    let upload = Upload {
        id: UploadId([1; 16]),
        hash,
        bytes: bytes.len() as u64,
        media_type: "image/jpeg".into(),
        uploaded_by: format!("person:{DISPATCHER}"),
        expires_at: state.host.now().plus(60),
        finished: false,
    };
    let now = state.host.now();
    state
        .db
        .write(|tx| {
            blobs::create(tx, &upload, now)?;
            blobs::finish(tx, &upload, now)
        })
        .unwrap();
    hash
}

fn figure(text: &str, label: &str) -> String {
    let line = text.lines().find(|line| line.contains(label));
    let line = line.unwrap_or_else(|| panic!("{label} in {text}"));
    line.rsplit(": ").next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_writers_is_one_moment_and_restores_by_one_command() {
    let site = Site::new().await;
    let desk = site.server.desk(DISPATCHER);
    let writes = async {
        for n in 0..30 {
            desk.open("east", &format!("噪音 {n}")).await;
        }
    };
    let backups = site.backups();
    let data = site.server.running.state.config.data.clone();
    let taken = tokio::task::spawn_blocking(move || {
        gongdan_server::backup::take(&data, Path::new(&backups), Timestamp(1_795_000_100)).unwrap()
    });
    let (taken, ()) = tokio::join!(taken, writes);
    let taken = taken.unwrap();
    let manifest = Manifest::read(&taken.folder).unwrap();
    assert_eq!(manifest, taken.manifest);
    assert_eq!((manifest.blobs.count, manifest.blobs.bytes), (1, 7));

    let restored = site.path("restored");
    let output = gongdan(&restored, &["restore", taken.folder.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let database = Database::open(restored.join("gongdan.db")).unwrap();
    let ends = |database: &Database| {
        database
            .read(|c| {
                let row = c.query_row(
                    "SELECT (SELECT max(seq) FROM log), (SELECT max(id) FROM inbox), (SELECT count(*) FROM tickets)",
                    [],
                    |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]),
                )?;
                Ok::<_, StoreError>(row)
            })
            .unwrap()
            .map(i64::cast_unsigned)
    };
    let kept = [manifest.log_end, manifest.inbox_end, manifest.tickets];
    assert_eq!(ends(&database), kept);
    let live = &site.server.running.state.db;
    assert!(ends(live) >= kept && live.read(restores::pending).unwrap().is_none());
    let pending = database.read(restores::pending).unwrap().unwrap();
    assert_eq!(
        (pending.taken_at, pending.log_end),
        (manifest.taken_at, manifest.log_end)
    );
    let (_, known) = live.read(restores::newest_backup).unwrap().unwrap();
    assert_eq!(
        (known.log_end, known.taken_at),
        (manifest.log_end, manifest.taken_at)
    );
    drop(database);

    // A server on it answers with the tickets of that moment, and the attachment is there.
    let mut config = Config::new(&restored);
    config.listen = "127.0.0.1:0".parse().unwrap();
    let running = gongdan_server::start(config, site.server.running.state.host.clone())
        .await
        .unwrap();
    let tickets = running
        .state
        .db
        .read(|c| {
            Ok::<_, StoreError>(c.query_row("SELECT count(*) FROM ticket_rows", [], |row| {
                row.get::<_, i64>(0)
            })?)
        })
        .unwrap();
    assert_eq!(tickets.cast_unsigned(), manifest.tickets);
    assert_eq!(
        std::fs::read(running.state.blobs.path(site.attachment)).unwrap(),
        b"a photo"
    );
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_restore_goes_into_an_empty_folder_only_and_an_interrupted_one_can_be_repeated() {
    let site = Site::new().await;
    let backup = site.back_up();
    let backup = backup.to_str().unwrap();
    let restore = |data: &Path| {
        let output = gongdan(data, &["restore", backup]);
        output.status.code()
    };
    let full = site.path("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("other"), b"precious").unwrap();
    assert_eq!(restore(&full), Some(1));
    assert_eq!(std::fs::read_dir(&full).unwrap().count(), 1);
    let live = site.server.running.state.config.data.clone();
    assert_eq!(restore(&live), Some(1), "the data folder of a server");

    // As a restore leaves it that was cut in the middle: nothing opens it but another restore.
    let cut = site.path("cut");
    std::fs::create_dir(&cut).unwrap();
    std::fs::write(cut.join(UNFINISHED), b"").unwrap();
    std::fs::write(cut.join("gongdan.db"), b"half").unwrap();
    let opened = gongdan(&cut, &["init"]);
    assert_eq!(opened.status.code(), Some(1));
    assert_eq!(restore(&cut), Some(0));
    let opened = gongdan(&cut, &["init"]);
    assert_eq!(opened.status.code(), Some(0), "{opened:?}");
}

#[tokio::test]
async fn a_drill_of_a_sound_backup_passes_and_says_what_would_be_lost() {
    let site = Site::new().await;
    site.back_up();
    site.server.desk(DISPATCHER).open("east", "又一张").await;
    let (code, text) = site.drill();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(figure(&text, "log entries since then"), "2");
    for zero in [
        "came out differently",
        "does not bear out",
        "differ from the rebuild",
        "faults",
    ] {
        assert_eq!(figure(&text, zero), "0", "{text}");
    }
    let (all, right) = (
        figure(&text, "· changesets:"),
        figure(&text, "signatures that hold"),
    );
    assert!(all == right && all != "0", "{text}");
    assert_eq!(figure(&text, "· tickets"), "2");
    let left = std::fs::read_dir(site.backups()).unwrap().flatten();
    let left: Vec<_> = left.filter(|entry| entry.path().is_dir()).collect();
    assert_eq!(left.len(), 1, "what was restored aside is gone: {left:?}");
}

#[tokio::test]
async fn a_drill_tells_every_kind_of_damage() {
    let damages = [
        (
            "UPDATE inbox SET changeset = CAST(substr(changeset, 1, length(changeset) - 1) || x'ff' AS BLOB) WHERE id = 2",
            "a signature or body",
        ),
        (
            "UPDATE inbox SET device_sequence = 70 WHERE id = 2",
            "signed header",
        ),
        (
            "UPDATE device_chains SET sequence = sequence + 1",
            "ends elsewhere",
        ),
        (
            "UPDATE log SET person = 'G9999' WHERE seq = 2",
            "does not bear out",
        ),
        ("UPDATE ticket_rows SET model = 'KFR-99'", "  ticket_rows"),
        (
            "UPDATE documents SET bytes = x'00' WHERE ticket_index = 1",
            "documents that the log does not bear out: 2",
        ),
    ];
    for (sql, word) in damages {
        let site = Site::new().await;
        site.tamper(sql);
        site.back_up();
        let (code, text) = site.drill();
        assert_eq!(code, Some(2), "{sql}: {text}");
        assert!(text.contains(word), "{sql}: {text}");
    }
}

#[tokio::test]
async fn a_backup_whose_files_rot_is_told() {
    let site = Site::new().await;
    let backup = site.back_up();
    std::fs::write(site.blob(&backup), b"other").unwrap();
    let (code, text) = site.drill();
    assert_eq!(
        (code, figure(&text, "missing or damaged")),
        (Some(2), "1".into())
    );

    let path = backup.join("gongdan.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(site.drill().0, Some(1), "not what its manifest says");
}

#[tokio::test]
async fn an_attachment_that_is_gone_is_told_unless_an_earlier_backup_has_it() {
    let site = Site::new().await;
    let first = site.back_up();
    std::fs::remove_file(site.blob(&site.server.running.state.config.data)).unwrap();
    let data = &site.server.running.state.config.data;
    let take = |folder: &str, at| {
        gongdan_server::backup::take(data, &site.path(folder), Timestamp(at)).unwrap()
    };
    let later = take("backups", 4_000_000_000);
    assert_eq!((later.linked, later.manifest.blobs.missing), (1, vec![]));
    assert_eq!(std::fs::read(site.blob(&first)).unwrap(), b"a photo");
    let elsewhere = take("elsewhere", 4_000_000_000);
    assert_eq!(elsewhere.manifest.blobs.missing, [site.attachment]);
    let output = site
        .server
        .gongdan(&["backup", site.path("third").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));

    assert_eq!(
        gongdan_server::backup::prune(&site.path("backups"), 1).unwrap(),
        1
    );
    assert!(!first.exists() && later.folder.exists());
    assert_eq!(std::fs::read(site.blob(&later.folder)).unwrap(), b"a photo");
}

#[tokio::test]
async fn what_is_no_backup_and_where_there_is_none_is_told_by_exit_code() {
    let site = Site::new().await;
    let (empty, nothing) = (site.path("empty"), site.path("nothing"));
    std::fs::create_dir(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    for arguments in [["drill", empty], ["backup", empty], ["restore", empty]] {
        let output = gongdan(&nothing, &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.is_ascii(), "{said}");
    }
    assert!(!nothing.join("gongdan.db").exists());
    let unknown = json!({ "format": 9 }).to_string();
    std::fs::write(Path::new(empty).join("manifest.json"), unknown).unwrap();
    let output = gongdan(&nothing, &["restore", empty]);
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_enrolled_after_the_backup_comes_back_by_its_certificate_and_a_forged_one_does_not()
{
    let site = Site::new().await;
    let backup = site.back_up();
    let phone = site.server.device(41).await;
    // A person who came after the backup, with a phone of their own.
    let state = &site.server.running.state;
    let newcomer = Person {
        id: "G9001".parse().unwrap(),
        name: "新来的".into(),
        roles: vec![Role::Technician],
        group: None,
        skills: Vec::new(),
        unit: None,
    };
    let code = state
        .db
        .write(|tx| {
            users::upsert(tx, &newcomer, state.host.now())?;
            enrolment::invite(tx, &newcomer.id, 7, &state.host)
        })
        .unwrap()
        .unwrap()
        .0;
    let key = DeviceKey::from_bytes(&[42; 32]);
    let enrolled: Value = site.server.enrol(&code, &key).await.json().await.unwrap();
    let theirs = TestDevice {
        id: enrolled["device"].as_str().unwrap().parse().unwrap(),
        key,
    };
    let certificate = async |device: &TestDevice| -> Value {
        let sent = device.send(&site.server, Method::POST, "/v1/certificate", Vec::new());
        sent.await.json().await.unwrap()
    };
    let (of_phone, of_theirs) = (certificate(&phone).await, certificate(&theirs).await);

    let data = site.path("restored");
    let output = gongdan(&data, &["restore", backup.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let restored = TestServer::on(&data).await;
    let shown = |of: &Value| {
        json!({ "certificate": of["certificate"] })
            .to_string()
            .into_bytes()
    };
    let show = async |device: &TestDevice, body: Vec<u8>| {
        device
            .send(&restored, Method::PUT, "/v1/certificate", body)
            .await
    };
    let forgotten = phone
        .send(&restored, Method::POST, "/v1/token", Vec::new())
        .await;
    assert_problem(forgotten, 401, "unknown_device").await;
    // Another's certificate, one that somebody else signed, and one shown without its key.
    assert_problem(
        show(&phone, shown(&of_theirs)).await,
        403,
        "invalid_certificate",
    )
    .await;
    let statement = Statement {
        version: VERSION,
        serial: 9,
        device: phone.id,
        algorithm: Algorithm::Ed25519,
        key: *phone.key.public().as_bytes(),
        issued_at: Timestamp(1_795_000_000),
        person: Some(ADMINISTRATOR.parse().unwrap()),
        origin: None,
    };
    let forged = DeviceCertificate::issue(&DeviceKey::from_bytes(&[66; 32]), statement);
    let body = json!({ "certificate": base64url(&forged.to_bytes()) });
    let body = body.to_string().into_bytes();
    assert_problem(show(&phone, body).await, 403, "invalid_certificate").await;
    let thief = TestDevice {
        id: phone.id,
        key: DeviceKey::from_bytes(&[43; 32]),
    };
    assert_problem(
        show(&thief, shown(&of_phone)).await,
        401,
        "invalid_signature",
    )
    .await;

    for _ in 0..2 {
        assert_eq!(show(&phone, shown(&of_phone)).await.status(), 204);
    }
    restored.token(&phone).await;
    let again = phone
        .send(&restored, Method::POST, "/v1/certificate", Vec::new())
        .await;
    assert_eq!(again.json::<Value>().await.unwrap(), of_phone);
    // Nobody gets a right by it: an unknown person's phone may upload and nothing else.
    assert_eq!(show(&theirs, shown(&of_theirs)).await.status(), 204);
    let found = restored
        .running
        .state
        .db
        .read(|c| users::find(c, &newcomer.id))
        .unwrap()
        .unwrap();
    assert!(!found.active && found.person.roles.is_empty());
    let device = restored
        .running
        .state
        .db
        .read(|c| devices::find(c, theirs.id))
        .unwrap()
        .unwrap();
    assert!(device.is_revoked());
}
