//! What lies on a phone's disk: an encrypted file that opens by its key alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use gongdan_core::store::sqlite::{FileState, SqliteStore, StoreKey, file_state};
use gongdan_core::store::{OutboxEntry, OutboxState, Settled, Store, StoreError};
use gongdan_core::testing;
use gongdan_core::ticket::command::Command;
use tempfile::TempDir;

const RIGHT: StoreKey = StoreKey::from_bytes([7; 32]);
const WRONG: StoreKey = StoreKey::from_bytes([8; 32]);

fn entry(n: u64) -> OutboxEntry {
    OutboxEntry {
        command: Command::WriteNote {
            part: gongdan_core::ids::Part::Service,
            text: format!("第{n}条"),
        },
        ..testing::entry(OutboxState::Pending)
    }
}

fn add(store: &mut dyn Store, n: u64) -> u64 {
    let mut id = 0;
    store
        .write(&mut |txn| {
            id = txn.put_entry(&entry(n))?;
            txn.put_meta("n", &n.to_be_bytes())
        })
        .unwrap();
    id
}

fn entries(store: &mut dyn Store) -> Vec<OutboxEntry> {
    let mut found = Vec::new();
    store
        .read(&mut |txn| {
            found = txn.entries_in(OutboxState::Pending)?;
            Ok(())
        })
        .unwrap();
    found
}

/// The files of a store as a killed process leaves them: the log is not carried over.
fn left_by_a_killed(store: SqliteStore, from: &Path, folder: &TempDir) -> PathBuf {
    let to = folder.path().join("killed.db");
    for suffix in ["", "-wal", "-shm"] {
        fs::copy(with(from, suffix), with(&to, suffix)).unwrap();
    }
    drop(store);
    assert!(fs::metadata(with(&to, "-wal")).unwrap().len() > 0);
    to
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[test]
fn a_wrong_key_opens_nothing_and_changes_no_byte() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("phone.db");
    let mut store = SqliteStore::open(&path, &RIGHT).unwrap();
    let ids: Vec<u64> = (0..50).map(|n| add(&mut store, n)).collect();
    let killed = left_by_a_killed(store, &path, &folder);
    for path in [path, killed] {
        assert_eq!(file_state(&path).unwrap(), FileState::Encrypted);
        let bytes = || (fs::read(&path).unwrap(), fs::read(with(&path, "-wal")).ok());
        let before = bytes();
        assert!(before.0.len() + before.1.as_ref().map_or(0, Vec::len) > 50_000);
        for _ in 0..3 {
            let opened = SqliteStore::open(&path, &WRONG);
            assert!(matches!(opened, Err(StoreError::WrongKey)));
            assert!(
                bytes() == before,
                "a byte of the file or its log is another"
            );
        }
        let mut store = SqliteStore::open(&path, &RIGHT).unwrap();
        let found: Vec<u64> = entries(&mut store).iter().map(|e| e.id).collect();
        assert_eq!(found, ids);
    }
}

#[test]
fn a_file_that_was_not_encrypted_is_encrypted_with_everything_in_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("phone.db");
    let mut store = SqliteStore::open_unencrypted(&path).unwrap();
    let mut last = 0;
    for n in 0..50 {
        last = add(&mut store, n);
    }
    // The newest id is not the highest that was given.
    store
        .write(&mut |txn| txn.settle_entry(last, Settled::Admitted))
        .unwrap();
    let expected = entries(&mut store);
    let path = left_by_a_killed(store, &path, &folder);
    assert_eq!(file_state(&path).unwrap(), FileState::Plain);
    // What a conversion that was cut off left behind.
    fs::write(with(&path, ".encrypting"), b"half a file").unwrap();

    let mut store = SqliteStore::open(&path, &RIGHT).unwrap();
    assert_eq!(entries(&mut store), expected);
    assert!(add(&mut store, 50) > last, "an id never serves twice");
    drop(store);
    assert_eq!(file_state(&path).unwrap(), FileState::Encrypted);
    let files: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("killed"))
        .collect();
    assert_eq!(files, ["killed.db"]);
    assert!(matches!(
        SqliteStore::open(&path, &WRONG),
        Err(StoreError::WrongKey)
    ));
    let mut store = SqliteStore::open(&path, &RIGHT).unwrap();
    assert_eq!(entries(&mut store).len(), expected.len() + 1);
}

#[test]
fn a_file_that_another_program_has_open_is_not_converted_under_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("phone.db");
    let mut store = SqliteStore::open_unencrypted(&path).unwrap();
    add(&mut store, 1);
    assert!(SqliteStore::open(&path, &RIGHT).is_err());
    assert_eq!(file_state(&path).unwrap(), FileState::Plain);
    assert_eq!(entries(&mut store).len(), 1);
    drop(store);
    assert!(SqliteStore::open(&path, &RIGHT).is_ok());
}

/// As a browser keeps it: on a file system that the host names, without shared memory.
#[test]
fn a_store_on_a_named_file_system_conforms_and_keeps_no_log_beside_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("phone.db");
    let name = path.to_str().unwrap();
    let mut store = SqliteStore::open_on(c"unix", name, &RIGHT).unwrap();
    gongdan_core::store::conformance::check(&mut store);
    assert!(!with(&path, "-wal").exists());
    drop(store);
    let wrong = SqliteStore::open_on(c"unix", name, &WRONG);
    assert!(matches!(wrong, Err(StoreError::WrongKey)));
    assert_eq!(file_state(&path).unwrap(), FileState::Encrypted);
}
