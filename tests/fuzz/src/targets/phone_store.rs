//! A phone's database file that was damaged: it opens or says that it cannot, and so does everything read
//! from it.
//!
//! Promises: no panic, no abort; an error is an error of the store; what the key does not fit is as it was.

use std::path::Path;
use std::sync::OnceLock;

use gongdan_core::replica::{Replica, Seen};
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::store::{Filter, StoreError};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use gongdan_tests::World;
use gongdan_tests::world::{On, note};

use crate::damage::damaged;

/// A phone's file with a ticket from the server, one of its own, and edits that wait.
struct Sound {
    /// As it lies on the disk.
    encrypted: Vec<u8>,
    /// What is in it, as earlier versions wrote it.
    plain: Vec<u8>,
    /// The bytes of its keys.
    secret: [u8; 32],
}

fn sound() -> &'static Sound {
    static MADE: OnceLock<Sound> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut world = World::new(7);
        let phone = world.phone("W001", On::Sqlite);
        world.run_until_quiescent();
        let ticket = world.accepted(phone, &["W001"]);
        world.cut(phone, true);
        world.act(phone, ticket, note("门口停车"));
        world.act(phone, ticket, Command::CountVisit);
        world.open_on(phone);
        world.phones[phone].close();
        let path = world.phones[phone].path();
        let encrypted = std::fs::read(path).expect("the phone's file");
        let secret = world.phones[phone].secret;
        let plain = plain(path, &secret).expect("the file's key");
        world.phones[phone].reopen();
        world.finish();
        Sound {
            encrypted,
            plain,
            secret,
        }
    })
}

fn plain(path: &Path, secret: &[u8; 32]) -> rusqlite::Result<Vec<u8>> {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("plain.db");
    let digits: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let from = rusqlite::Connection::open(path)?;
    from.pragma_update(None, "key", format!("x'{digits}'"))?;
    from.execute(
        "ATTACH DATABASE ?1 AS plain KEY ''",
        [copy.to_string_lossy()],
    )?;
    from.query_row("SELECT sqlcipher_export('plain')", [], |_| Ok(()))?;
    let version: u32 = from.pragma_query_value(None, "user_version", |row| row.get(0))?;
    from.pragma_update(Some("plain"), "user_version", version)?;
    from.execute("DETACH DATABASE plain", [])?;
    Ok(std::fs::read(&copy).expect("the copy"))
}

/// Runs it once. The first byte says what is damaged: the file, or what is beneath its encryption, which a
/// defective memory or program reaches; or a file of an earlier version, which is encrypted on opening.
pub fn run(data: &[u8]) {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let sound = sound();
    let (encrypted, converted) = (how % 4 == 2, how % 4 == 3);
    let whole = if encrypted {
        &sound.encrypted
    } else {
        &sound.plain
    };
    let (bytes, log) = damaged(whole, data);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("phone.db");
    std::fs::write(&path, &bytes).expect("write the damaged file");
    if let Some(log) = log {
        std::fs::write(folder.path().join("phone.db-wal"), log).expect("write the log");
    }
    let opened = if encrypted || converted {
        SqliteStore::open(&path, &StoreKey::from_bytes(sound.secret))
    } else {
        SqliteStore::open_unencrypted(&path)
    };
    let store = match opened {
        Ok(store) => store,
        Err(StoreError::WrongKey) => {
            let after = std::fs::read(&path).expect("the file is there still");
            assert_eq!(
                after, bytes,
                "a file that its key does not fit is as it was"
            );
            return;
        }
        Err(_) => return,
    };
    let key = DeviceKey::from_bytes(&sound.secret);
    let Ok(mut replica) = Replica::open(Box::new(store), key, [5; 32]) else {
        return;
    };
    let tickets = replica.list(&Filter::default()).unwrap_or_default();
    for row in &tickets {
        let _whatever = replica.ticket(row.id);
        let _whatever = replica.execute(testing::at(9_000), row.id, &Seen::new(), note("又一条"));
    }
    let _whatever = replica.outbox();
    let _whatever = replica.outbox_counts();
    let _whatever = replica.next_request();
}
