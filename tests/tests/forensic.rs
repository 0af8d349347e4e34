//! Nothing that was on a phone's screen is found on its disk by somebody without the key.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the figures are the result")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use gongdan_core::sync::codec;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::command::FieldValue;
use gongdan_core::ticket::{Act, Command, Field};
use gongdan_tests::forensic::{ENCODINGS, MARKERS, Search, marker, search};
use gongdan_tests::office::DISPATCHER;
use gongdan_tests::world::{World, assign};
use gongdan_web::golden::{hex, unhex};
use tempfile::TempDir;

const SECRET: [u8; 32] = [5; 32];

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Closed,
    Crashed,
}

/// Ten tickets, each with a problem, a name, a telephone number and an address.
fn office() -> World {
    let mut world = World::default();
    for n in (0..40).step_by(4) {
        world.wait(60);
        let mut open = testing::open();
        if let Command::Open { problem, .. } = &mut open {
            *problem = marker(n);
        }
        let field = |field, n: usize| FieldValue {
            field,
            value: marker(n).as_str().into(),
        };
        let customer = Command::RecordCustomer {
            fields: vec![
                field(Field::CustomerName, n + 1),
                field(Field::CustomerPhone, n + 2),
                field(Field::Address, n + 3),
            ],
        };
        let id = world.office.open(DISPATCHER, Act(vec![open, customer]));
        world.desk(id, assign(&["W001"]));
    }
    world
}

/// Lets a phone live in a folder that is its current one, its home and its place for temporary files, and
/// holds its log; what lies there while it runs, and after its end.
fn lived(kind: &str, end: End) -> [Search; 2] {
    let world = office();
    let identity = world.office.enrol("W001", &DeviceKey::from_bytes(&SECRET));
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let temporary = at.join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut process = Process::new(env!("CARGO_BIN_EXE_gongdan-scribe"))
        .args([at.join("phone.db").to_str().unwrap(), kind])
        .args([hex(&SECRET), hex(&codec::encode(&identity))])
        .arg(world.now().seconds().to_string())
        .current_dir(at)
        .env("TMPDIR", &temporary)
        .env("SQLITE_TMPDIR", &temporary)
        .env("HOME", at)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(at.join("stderr.log")).unwrap())
        .spawn()
        .unwrap();
    let mut to = process.stdin.take().unwrap();
    for line in BufReader::new(process.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some(request) = line.strip_prefix("ask ") else {
            assert_eq!(line, "ready");
            break;
        };
        let answer = world.office.sync(identity.device, &unhex(request).unwrap());
        writeln!(to, "{}", hex(&answer.unwrap())).unwrap();
    }
    let running = search(at);
    writeln!(to, "{}", if end == End::Closed { "end" } else { "crash" }).unwrap();
    let status = process.wait().unwrap();
    assert_eq!(status.success(), end == End::Closed, "{}", log(at));
    assert!(log(at).contains("outbox: OutboxCounts"), "{}", log(at));
    assert!(!log(at).contains("past its end"), "{}", log(at));
    assert!(world.office.inbox("admitted").len() > 40);
    world.abandon();
    [running, search(at)]
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("stderr.log")).unwrap()
}

#[test]
fn no_marker_lies_on_the_disk_while_a_phone_runs_nor_after_it_was_closed_or_crashed() {
    for end in [End::Closed, End::Crashed] {
        let [running, after] = lived("encrypted", end);
        for seen in [&running, &after] {
            println!("{end:?}: {} bytes in {:?}", seen.bytes, seen.files);
            assert!(seen.bytes > 1_000_000, "{seen:?}");
            assert!(seen.files.contains(&"phone.db".to_owned()));
            assert!(seen.files.contains(&"stderr.log".to_owned()));
            assert!(seen.found.is_empty(), "{:?}", seen.found);
        }
        let hot = |seen: &Search| seen.files.contains(&"phone.db-wal".to_owned());
        assert!(hot(&running) && hot(&after) == (end == End::Crashed));
        if end == End::Crashed {
            assert!(after.bytes > running.bytes + 1_000_000, "it was written");
        }
    }
}

/// The search can fail: the same days on a file that is not encrypted give everything away.
#[test]
fn on_a_file_that_is_not_encrypted_the_same_search_finds_the_markers() {
    for end in [End::Closed, End::Crashed] {
        let [running, after] = lived("plain", end);
        let desk = running.count(0, 0..40);
        let commands = running.count(0, 40..110);
        let photos = running.count(0, 110..190);
        println!("{end:?}: {desk} of 40, {commands} of 70, {photos} of 80");
        assert!(desk >= 30 && commands >= 60 && photos == 80);
        for (encoding, name) in ENCODINGS.iter().enumerate().skip(1) {
            // A dropped photo's pages are overwritten; the log still has most of them.
            let found = running.count(encoding, 110..190);
            assert!(found >= 60, "{name}: {found}");
            let uncommitted = after.count(encoding, 190..MARKERS);
            let expected = if end == End::Crashed { 10 } else { 0 };
            assert_eq!(uncommitted, expected, "{name}");
        }
    }
}
