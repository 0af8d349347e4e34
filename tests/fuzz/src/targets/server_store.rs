//! A server's database file that was damaged: it opens or says that it cannot; a ticket that cannot be read
//! keeps no other from being read.
//!
//! Promises: no panic, no abort.

use std::sync::{Arc, OnceLock};

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{DeviceId, Part};
use gongdan_core::replica::Seen;
use gongdan_core::sync::protocol::{GivenBack, Request};
use gongdan_core::sync::wire::encode_request;
use gongdan_core::testing;
use gongdan_server::auth::identity;
use gongdan_server::read_model;
use gongdan_server::relay::{Relay, Sender, documents};
use gongdan_server::store::{Database, StoreError};
use gongdan_server::wake::Wake;
use gongdan_tests::World;
use gongdan_tests::host::{VirtualClock, host};
use gongdan_tests::office::DISPATCHER;
use gongdan_tests::world::{On, note};

use crate::damage::damaged;

/// A server's file with two tickets and something in quarantine, and a device of it.
fn sound() -> &'static (Vec<u8>, DeviceId) {
    static MADE: OnceLock<(Vec<u8>, DeviceId)> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut world = World::new(9);
        let phone = world.phone("W001", On::Memory);
        world.run_until_quiescent();
        let ticket = world.accepted(phone, &["W001"]);
        world.act(phone, ticket, note("门口停车"));
        world.assigned(&["W001"]);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("copy.db");
        let from = world
            .office
            .database()
            .read(|c| Ok::<_, StoreError>(c.path().map(ToOwned::to_owned)));
        let from = from.expect("the database is there").expect("in a file");
        // Its log included, which a copy of the file alone would not be.
        rusqlite::Connection::open(from)
            .and_then(|c| c.execute("VACUUM INTO ?1", [path.to_string_lossy()]))
            .expect("a copy of the database");
        let device = world.phones[phone].device();
        world.finish();
        (std::fs::read(&path).expect("the copy"), device)
    })
}

/// Runs it once.
pub fn run(data: &[u8]) {
    crate::leave_panics_of("automerge");
    let (sound, device) = sound();
    let (bytes, log) = damaged(sound, data);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gongdan.db");
    std::fs::write(&path, bytes).expect("write the damaged file");
    if let Some(log) = log {
        std::fs::write(folder.path().join("gongdan.db-wal"), log).expect("write the log");
    }
    let Ok(db) = Database::open(&path) else {
        return;
    };
    let host = host(&VirtualClock::new(testing::at(50_000)), 3);
    let Ok(keys) = db.write(|tx| identity::load_or_create(tx, &host)) else {
        return;
    };
    let Ok(relay) = Relay::start(db.clone(), Arc::new(keys), host, Wake::default()) else {
        return;
    };
    let sender = Sender {
        index: 2,
        device: *device,
        person: testing::person("W001"),
        revoked: false,
    };
    let request = encode_request(&Request {
        cursor: Vec::new(),
        catalogue: 0,
        directory: 0,
        want: Vec::new(),
        changesets: Vec::new(),
        given_back: GivenBack::default(),
        unsent: None,
        sheet_log: None,
    });
    let _whatever = relay.sync(testing::at(50_000), &sender, &request);
    for index in 1..=2 {
        for part in Part::ALL {
            let found = db.read(|c| documents::load(c, index, part));
            if let Ok(Some(document)) = found {
                // What loads is whole.
                assert!(document.contains(&TicketDoc::genesis(part).heads()));
            }
        }
        let id = db.read(|c| gongdan_server::relay::tickets::by_index(c, index));
        if let Ok(Some(row)) = id {
            let at = testing::at(50_000);
            let act = gongdan_core::ticket::Act::from(note("又一条"));
            let desk = testing::person(DISPATCHER);
            let _whatever = relay.execute(at, &desk, Some(row.id), &Seen::new(), &act);
        }
    }
    let _whatever = db.read(read_model::dump);
}
