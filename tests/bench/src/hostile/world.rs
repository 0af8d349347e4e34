//! The data folder that the server runs on: an organisation, people, tickets, devices. Written by the server's own
//! functions while its process is not there.

use std::path::Path;

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{DeviceId, Part, PersonId, TicketId};
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use gongdan_server::auth::devices;
use gongdan_server::auth::enrolment::{self, Enrolment};
use gongdan_server::config::Config;
use gongdan_server::host::Host;
use gongdan_server::relay::{Sender, documents, tickets};
use gongdan_server::store::StoreError;
use gongdan_server::{AppState, organisation};

use super::Failure;
use super::honest::Phone;

const ORGANISATION: &str = include_str!("../../../../server/sample/organisation.toml");
const DISPATCHER: &str = "G2003";
/// Whose device is the honest one.
const HONEST: &str = "G4001";
/// Whose device attacks; a technician as well.
pub(super) const HOSTILE: &str = "G4002";

/// The folder; gone with this value.
pub(super) struct World {
    folder: tempfile::TempDir,
    devices: u8,
}

impl World {
    pub(super) fn new() -> Result<Self, Failure> {
        let world = Self {
            folder: tempfile::tempdir()?,
            devices: 0,
        };
        world.with(|state| {
            let loaded = organisation::parse(ORGANISATION)?;
            let now = state.host.now();
            state
                .db
                .write(|tx| organisation::load(tx, &loaded, now).map(drop))?;
            Ok(())
        })?;
        Ok(world)
    }

    pub(super) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Works on what the server would have, in this process.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&AppState) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        work(&AppState::open(Config::new(self.data()), Host::system())?)
    }

    /// A device of `person` by a key of its own.
    pub(super) fn enrol(&mut self, person: &str) -> Result<(Identity, DeviceKey), Failure> {
        self.devices += 1;
        let key = DeviceKey::from_bytes(&[self.devices; 32]);
        let identity = self.with(|state| {
            let person: PersonId = person.parse()?;
            let enrolled = state.db.write(|tx| {
                let (code, _) = enrolment::invite(tx, &person, 1, &state.host)?
                    .expect("a person of the organisation");
                enrolment::enrol(tx, &code, &key.public(), "bench", &state.host)
            })?;
            let Enrolment::Enrolled { device, person } = enrolled else {
                return Err("the device was not enrolled".into());
            };
            Ok(Identity {
                device,
                person,
                server_key: *state.keys.public().as_bytes(),
            })
        })?;
        Ok((identity, key))
    }

    /// A number that no other device of this world has.
    pub(super) fn last_device(&self) -> u8 {
        self.devices
    }

    /// A ticket that is `person`'s.
    pub(super) fn assigned(&self, person: &str) -> Result<TicketId, Failure> {
        let person: PersonId = person.parse()?;
        self.with(|state| {
            let execute = |ticket, command: Command| {
                let (now, desk) = (state.host.now(), DISPATCHER.parse()?);
                let act = command.into();
                let done = state
                    .relay
                    .execute(now, &desk, ticket, &Seen::new(), &act)?;
                Ok::<_, Failure>(done.ticket)
            };
            let ticket = execute(None, testing::open())?;
            let assign = Command::Assign {
                crew: vec![person.clone()],
                lead: person.clone(),
                group: None,
            };
            execute(Some(ticket), assign)
        })
    }

    /// An honest device that holds a ticket of its own.
    pub(super) fn phone(&mut self) -> Result<Phone, Failure> {
        let ticket = self.assigned(HONEST)?;
        let (identity, key) = self.enrol(HONEST)?;
        let mut store = MemoryStore::default();
        Replica::enrol(&mut store, &identity)?;
        let replica = Replica::open(Box::new(store), key.clone(), [self.devices; 32])?;
        Ok(Phone::new(replica, identity.device, key, ticket))
    }
}

/// The service part of a ticket as the server has it.
pub(super) fn document(state: &AppState, ticket: TicketId) -> Result<TicketDoc, Failure> {
    let found = state.db.read(|c| {
        let Some(row) = tickets::by_id(c, ticket)? else {
            return Ok(None);
        };
        documents::load(c, row.index, Part::Service)
    });
    Ok(found
        .map_err(|error: StoreError| error)?
        .ok_or("no such ticket")?)
}

/// What the server answers this device to this request.
pub(super) fn sync(
    state: &AppState,
    device: DeviceId,
    person: &PersonId,
    body: &[u8],
) -> Result<Vec<u8>, Failure> {
    let found = state.db.read(|c| devices::find(c, device))?;
    let sender = Sender {
        index: found.ok_or("no such device")?.index,
        device,
        person: person.clone(),
        revoked: false,
    };
    Ok(state.relay.sync(state.host.now(), &sender, body)?)
}
