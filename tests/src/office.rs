//! The office with its server: a relay over a database of its own, and the people at the desk.
//!
//! Invariant: it is the real relay on the real store; only time and randomness are given.

use std::sync::Arc;

use gongdan_core::catalogue::{Catalogue, Person};
use gongdan_core::clock::Timestamp;
use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{ActorId, ChangeHash, ChangesetHash, DeviceId, Part, PersonId, TicketId};
use gongdan_core::policy::{self, Relation, Role, Standing};
use gongdan_core::replica::{Identity, OwnCertificate, Seen};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use gongdan_core::sync::keys::{DeviceKey, PublicKey};
use gongdan_core::sync::verdict::Verdict;
use gongdan_core::testing::person;
use gongdan_core::ticket::{Act, EventKind, Ticket};
use gongdan_server::auth::certificates::{self, Return};
use gongdan_server::auth::enrolment::{self, Enrolment};
use gongdan_server::auth::identity::{self, ServerKeys};
use gongdan_server::auth::incarnation::{self, Incarnation};
use gongdan_server::auth::{devices, users};
use gongdan_server::host::{Clock, Host};
use gongdan_server::relay::{
    DecideError, Decision, DeskError, DeskOutcome, Relay, Sender, SyncError,
};
use gongdan_server::relay::{documents, tickets};
use gongdan_server::store::restores::{self, BackupRow};
use gongdan_server::store::{Database, StoreError};
use gongdan_server::wake::Wake;
use gongdan_server::{organisation, read_model, relay};

use crate::host::{self, VirtualClock};

/// The dispatcher of every world.
pub const DISPATCHER: &str = "D001";
/// The supervisor of every world.
pub const SUPERVISOR: &str = "S001";
/// The follow-up clerk of every world.
pub const FOLLOW_UP: &str = "F001";
/// The technicians of every world.
pub const TECHNICIANS: [&str; 4] = ["W001", "W002", "W003", "W004"];

const SAMPLE: &str = include_str!("../../server/sample/organisation.toml");

/// An organisation with the sample's vocabulary and the people of tests.
pub fn organisation() -> Catalogue {
    let worker = |id: &str, roles: &[Role]| Person {
        id: person(id),
        name: format!("测试{id}"),
        roles: roles.to_vec(),
        group: None,
        skills: Vec::new(),
        unit: None,
    };
    let mut people = vec![
        worker(DISPATCHER, &[Role::Dispatcher, Role::IntakeClerk]),
        worker(SUPERVISOR, &[Role::Supervisor]),
        worker(FOLLOW_UP, &[Role::FollowUpClerk]),
    ];
    people.extend(TECHNICIANS.map(|id| worker(id, &[Role::Technician])));
    // Two of them pick from the pool of a group.
    for person in people.iter_mut().rev().take(2) {
        person.group = Some("home".to_owned());
    }
    Catalogue {
        people,
        ..organisation::parse(SAMPLE).expect("the sample is sound")
    }
}

/// A ticket as the server has it.
#[derive(Debug, Clone)]
pub struct ServerTicket {
    /// Its running number.
    pub index: u64,
    /// What its documents say.
    pub ticket: Ticket,
    /// Their heads.
    pub heads: Seen,
}

/// The office.
pub struct Office {
    host: Host,
    clock: VirtualClock,
    keys: Arc<ServerKeys>,
    relay: Relay,
    wake: Wake,
    db: Database,
    folder: tempfile::TempDir,
}

impl Office {
    /// A new server with the organisation of tests.
    pub fn new(clock: &VirtualClock, seed: u64) -> Self {
        Self::within(
            clock,
            seed,
            tempfile::tempdir().expect("a folder for the database"),
        )
    }

    /// The same with its database in this folder.
    pub fn within(clock: &VirtualClock, seed: u64, folder: tempfile::TempDir) -> Self {
        let db = Database::open(folder.path().join("gongdan.db")).expect("a new database");
        let host = host::host(clock, seed);
        db.write(|tx| organisation::load(tx, &organisation(), host.now()))
            .expect("a database that was just made");
        Self::over(db, clock, host, folder).expect("a relay over a new database")
    }

    /// The server on the database of a folder that [`Office::closed`] gave. `seed` is another than before: a program
    /// that starts again draws other numbers.
    ///
    /// # Errors
    /// The database fails; the folder is given back.
    pub fn reopened(
        clock: &VirtualClock,
        seed: u64,
        folder: tempfile::TempDir,
    ) -> Result<Self, (tempfile::TempDir, StoreError)> {
        match Database::open(folder.path().join("gongdan.db")) {
            Ok(db) => Self::over(db, clock, host::host(clock, seed), folder),
            Err(error) => Err((folder, error)),
        }
    }

    /// Ends the server, with all its connections.
    pub fn closed(self) -> tempfile::TempDir {
        self.folder
    }

    fn over(
        db: Database,
        clock: &VirtualClock,
        host: Host,
        folder: tempfile::TempDir,
    ) -> Result<Self, (tempfile::TempDir, StoreError)> {
        let started = db
            .write(|tx| identity::load_or_create(tx, &host))
            .and_then(|keys| {
                let keys = Arc::new(keys);
                let (db, of, wake) = (db.clone(), Arc::clone(&keys), Wake::default());
                let relay = Relay::start(db, of, host.clone(), wake.clone())?;
                Ok((keys, relay, wake))
            });
        match started {
            Ok((keys, relay, wake)) => Ok(Self {
                wake,
                host,
                clock: clock.clone(),
                keys,
                relay,
                db,
                folder,
            }),
            Err(error) => Err((folder, error)),
        }
    }

    /// Starts the relay anew over the same database, as after a crash or an upgrade.
    pub fn restart(&mut self) {
        self.try_restart().expect("the database is there");
    }

    /// The same where the database may fail.
    ///
    /// # Errors
    /// It did; the relay of before is still there.
    pub fn try_restart(&mut self) -> Result<(), StoreError> {
        let (db, keys) = (self.db.clone(), Arc::clone(&self.keys));
        self.relay = Relay::start(db, keys, self.host.clone(), self.wake.clone())?;
        Ok(())
    }

    /// Gives the log another epoch, as a restore from a backup of this moment does.
    pub fn new_epoch(&mut self) {
        let backup = self.backup();
        self.restore(backup);
    }

    /// Asks a device to wipe itself, or takes that back.
    pub fn order_wipe(&self, device: DeviceId, ordered: bool) {
        let now = ordered.then(|| self.now());
        let found = self.db.write(|tx| devices::request_wipe(tx, device, now));
        assert!(found.expect("the server's database works"));
    }

    /// Sets the days of the offline lease.
    pub fn set_lease(&self, days: u32) {
        let organisation = Catalogue {
            offline_lease_days: Some(days),
            ..organisation()
        };
        let loaded = self
            .db
            .write(|tx| organisation::load(tx, &organisation, self.now()));
        loaded.expect("the server's database works");
    }

    /// A backup of the server as it stands; when it was taken, and its folder. Nothing else writes meanwhile.
    pub fn backup(&self) -> (Timestamp, tempfile::TempDir) {
        self.backup_to(tempfile::tempdir().expect("a folder for the backup"))
    }

    /// The same into this folder.
    pub fn backup_to(&self, folder: tempfile::TempDir) -> (Timestamp, tempfile::TempDir) {
        for file in ["gongdan.db", "gongdan.db-wal"] {
            let from = self.folder.path().join(file);
            std::fs::copy(from, folder.path().join(file)).expect("a database in use");
        }
        (self.now(), folder)
    }

    /// Notes that a backup was verified, so that phones may forget what it holds.
    pub fn record_backup(&self, backup: &(Timestamp, tempfile::TempDir)) {
        let copy = Database::open(backup.1.path().join("gongdan.db")).expect("a backup");
        let number = |sql: &'static str| {
            let found = copy
                .read(|c| Ok::<_, StoreError>(c.query_row(sql, [], |row| row.get::<_, i64>(0))?));
            found.expect("a backup").cast_unsigned()
        };
        let row = BackupRow {
            taken_at: backup.0,
            epoch: 0,
            log_end: number("SELECT coalesce(max(seq), 0) FROM log"),
            inbox_end: number("SELECT coalesce(max(id), 0) FROM inbox"),
            sha256: [0; 32],
        };
        self.db
            .write(|tx| restores::record_backup(tx, &row))
            .expect("the database is there");
    }

    /// Puts a backup back: everything since is lost here.
    pub fn restore(&mut self, backup: (Timestamp, tempfile::TempDir)) {
        let (taken_at, folder) = backup;
        let db = Database::open(folder.path().join("gongdan.db")).expect("a backup");
        db.write(|tx| restores::mark_restored(tx, taken_at))
            .expect("a restored database");
        (self.db, self.folder) = (db, folder);
        self.restart();
    }

    /// A changeset of the inbox.
    pub fn changeset(&self, hash: ChangesetHash) -> Changeset {
        let found: Result<Vec<u8>, StoreError> = self.db.read(|c| {
            let sql = "SELECT changeset FROM inbox WHERE hash = ?1";
            Ok(c.query_row(sql, [hash.0], |row| row.get(0))?)
        });
        codec::decode(&found.expect("a hash of the inbox")).expect("a stored changeset")
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.db
    }

    /// What rings after commits.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// The relay.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Enrols a device by a code, as the command line and the phone do it.
    pub fn enrol(&self, who: &str, key: &DeviceKey) -> Identity {
        let who = person(who);
        let enrolled = self.db.write(|tx| {
            let (code, _) =
                enrolment::invite(tx, &who, 1, &self.host)?.expect("a person of the organisation");
            enrolment::enrol(tx, &code, &key.public(), "test", &self.host)
        });
        match enrolled.expect("the database is there") {
            Enrolment::Enrolled { device, person } => Identity {
                device,
                person,
                server_key: *self.keys.public().as_bytes(),
            },
            other => panic!("enrolment: {other:?}"),
        }
    }

    /// Makes a device go on as another one with this key, as the server's handler does it.
    pub fn incarnate(&self, device: DeviceId, key: &PublicKey) -> DeviceId {
        let begun = self.db.write(|tx| {
            let found = devices::find(tx, device)?.expect("an enrolled device");
            let person = found.person.expect("a person's device");
            incarnation::begin(tx, found.index, &person, key, &self.host)
        });
        match begun.expect("the database is there") {
            Incarnation::Begun(device) => device,
            other => panic!("incarnation: {other:?}"),
        }
    }

    /// Whether a device is known; one that was enrolled after a backup that was put back is not.
    pub fn knows(&self, device: DeviceId) -> bool {
        self.device(device).is_some()
    }

    /// Whether a device may do nothing but upload.
    pub fn is_revoked(&self, device: DeviceId) -> bool {
        self.device(device).is_some_and(|found| found.is_revoked())
    }

    fn device(&self, device: DeviceId) -> Option<devices::Device> {
        let found = self.db.read(|c| devices::find(c, device));
        found.expect("the database is there")
    }

    /// A device's certificate, with the key that it verifies by.
    pub fn certificate(&self, device: DeviceId) -> OwnCertificate {
        let issued = self.db.write(|tx| {
            let key = certificates::load_or_create(tx, &self.host)?;
            let found = devices::find(tx, device)?.expect("an enrolled device");
            Ok::<_, StoreError>(OwnCertificate {
                organisation_key: *key.public().as_bytes(),
                certificate: certificates::of(tx, &key, found.index, &self.host)?,
            })
        });
        issued.expect("the database is there")
    }

    /// Takes a device back by its certificate, as the server's handler does it.
    pub fn take_back(&self, shown: &OwnCertificate) {
        let taken = self.db.write(|tx| {
            let key = certificates::load_or_create(tx, &self.host)?.public();
            let certified = shown.certificate.verify(&key).expect("its own certificate");
            let person = certified.person().expect("a person's device");
            certificates::take_back(tx, &shown.certificate, &certified, person, &self.host)
        });
        assert_eq!(taken.expect("the database is there"), Return::Known);
        let device = shown.certificate.statement.device;
        let returned = self.relay.returned(self.now(), device);
        returned.expect("the database is there");
    }

    /// One request of a device, as the server's handler does it once the device has proved itself.
    ///
    /// # Errors
    /// The relay's.
    pub fn sync(&self, device: DeviceId, body: &[u8]) -> Result<Vec<u8>, SyncError> {
        let found = self
            .db
            .read(|c| devices::find(c, device))?
            .expect("an enrolled device");
        let sender = Sender {
            index: found.index,
            device,
            revoked: found.is_revoked(),
            person: found.person.expect("a person's device"),
        };
        self.relay.sync(self.now(), &sender, body)
    }

    /// Revokes a device.
    pub fn revoke(&self, device: DeviceId) {
        let now = self.now();
        let found = self
            .db
            .write(|tx| devices::revoke(tx, device, None, now))
            .expect("the database is there");
        assert!(found, "an enrolled device");
    }

    /// Loads the organisation with other service groups, as an operator does: a new version of the catalogue.
    pub fn reload(&self) {
        let now = self.now();
        let mut changed = organisation();
        let version = self
            .db
            .read(organisation::current_version)
            .expect("the database is there");
        if version % 2 == 1 {
            changed.checklists.clear();
        }
        self.db
            .write(|tx| organisation::load(tx, &changed, now).map(drop))
            .expect("the database is there");
    }

    /// Gives a person other roles from now on.
    pub fn set_roles(&self, who: &str, roles: &[Role]) {
        self.change(who, |person| person.roles = roles.to_vec());
    }

    /// Puts a person into a group, or into none, from now on.
    pub fn set_group(&self, who: &str, group: Option<&str>) {
        self.change(who, |person| person.group = group.map(str::to_owned));
    }

    fn change(&self, who: &str, how: impl FnOnce(&mut Person)) {
        let now = self.now();
        let mut changed = organisation()
            .person(&person(who))
            .expect("a person of the organisation")
            .clone();
        how(&mut changed);
        self.db
            .write(|tx| {
                users::upsert(tx, &changed, now)?;
                organisation::refresh(tx, now).map(drop)
            })
            .expect("the database is there");
    }

    /// An act at the desk, with the heads that the page showed.
    ///
    /// # Errors
    /// The desk's.
    pub fn try_execute(
        &self,
        who: &str,
        ticket: TicketId,
        seen: &Seen,
        act: impl Into<Act>,
    ) -> Result<DeskOutcome, DeskError> {
        self.relay
            .execute(self.now(), &person(who), Some(ticket), seen, &act.into())
    }

    /// The same at the tip, which must be admitted.
    pub fn execute(&self, who: &str, ticket: TicketId, act: impl Into<Act>) {
        self.execute_seeing(who, ticket, &Seen::new(), act);
    }

    /// The same with the heads that the page showed.
    pub fn execute_seeing(&self, who: &str, ticket: TicketId, seen: &Seen, act: impl Into<Act>) {
        self.try_execute(who, ticket, seen, act)
            .expect("an act that the desk may do");
    }

    /// Opens a ticket at the desk.
    pub fn open(&self, who: &str, act: impl Into<Act>) -> TicketId {
        let act = act.into();
        let opened = self
            .relay
            .execute(self.now(), &person(who), None, &Seen::new(), &act);
        opened.expect("an act that the desk may do").ticket
    }

    /// Decides what is in quarantine.
    ///
    /// # Errors
    /// The relay's.
    pub fn decide(&self, hash: ChangesetHash, decision: Decision) -> Result<Verdict, DecideError> {
        self.relay
            .decide(self.now(), &person(SUPERVISOR), hash, decision)
    }

    /// Hashes of what is in the inbox in this state, in the order they came; what was superseded is left out.
    pub fn inbox(&self, state: &str) -> Vec<ChangesetHash> {
        let found: Result<Vec<[u8; 32]>, StoreError> = self.db.read(|c| {
            let sql =
                "SELECT hash FROM inbox WHERE state = ?1 AND superseded_by IS NULL ORDER BY id";
            let mut statement = c.prepare(sql)?;
            let rows = statement.query_map([state], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        found
            .expect("the database is there")
            .into_iter()
            .map(ChangesetHash)
            .collect()
    }

    /// What waits at the server, and what for: device, its number, whether its place in the sequence is taken, verdict.
    pub fn waiting(&self) -> Vec<String> {
        let found: Result<Vec<String>, StoreError> = self.db.read(|c| {
            let mut statement = c.prepare(
                "SELECT device_idx, device_sequence, chained, verdict, verdict_seq, hex(hash) FROM inbox
                 WHERE state IN ('held', 'received') AND superseded_by IS NULL ORDER BY id",
            )?;
            let rows = statement.query_map([], |row| {
                let verdict: Option<Vec<u8>> = row.get(3)?;
                let verdict = verdict.and_then(|bytes| codec::decode::<Verdict>(&bytes).ok());
                let (device, number): (i64, i64) = (row.get(0)?, row.get(1)?);
                let (chained, told): (bool, i64) = (row.get(2)?, row.get(4)?);
                let hash: String = row.get(5)?;
                Ok(format!("{}: device {device} number {number}, chained {chained}, {verdict:?} at {told}", &hash[..12]))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        found.expect("the database is there")
    }

    /// How many changesets were ever received.
    pub fn received(&self) -> u64 {
        self.number("SELECT count(*) FROM inbox")
    }

    fn number(&self, sql: &str) -> u64 {
        let found: Result<i64, StoreError> = self
            .db
            .read(|c| Ok(c.query_row(sql, [], |row| row.get(0))?));
        found.expect("the database is there").cast_unsigned()
    }

    /// The person who writes as `actor`.
    pub fn person_behind(&self, actor: ActorId) -> Option<PersonId> {
        let found: Result<Option<String>, StoreError> = self.db.read(|c| {
            let mut statement = c.prepare_cached("SELECT person FROM actors WHERE actor = ?1")?;
            let mut rows = statement.query([actor.0])?;
            Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
        });
        found.expect("the database is there").map(|id| person(&id))
    }

    /// Whether `actor` writes at the desk.
    pub fn wrote_at_desk(&self, actor: ActorId) -> bool {
        let found: Result<bool, StoreError> = self.db.read(|c| {
            let sql = "SELECT 1 FROM actors JOIN devices ON idx = device_idx
                       WHERE actor = ?1 AND devices.person IS NULL";
            Ok(c.prepare_cached(sql)?.exists([actor.0])?)
        });
        found.expect("the database is there")
    }

    /// Where a person stands now.
    pub fn standing(&self, who: &PersonId) -> Standing {
        let catalogue = self.db.read(organisation::current);
        let catalogue = catalogue.expect("the database is there");
        Standing::of(&catalogue.expect("an organisation"), who)
    }

    /// The log's length.
    pub fn log_end(&self) -> u64 {
        self.number("SELECT coalesce(max(seq), 0) FROM log")
    }

    /// Whether the log's last entry was marked as coming from somebody reassigned meanwhile, and how it merged.
    pub fn last_entry(&self) -> (bool, String) {
        let found: Result<(bool, String), StoreError> = self.db.read(|c| {
            let sql = "SELECT marked, merged FROM log ORDER BY seq DESC LIMIT 1";
            Ok(c.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
        });
        found.expect("a log that is not empty")
    }

    /// All tickets.
    pub fn ticket_ids(&self) -> Vec<TicketId> {
        let found: Result<Vec<[u8; 16]>, StoreError> = self.db.read(|c| {
            let mut statement = c.prepare("SELECT id FROM tickets ORDER BY ticket_index")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        found
            .expect("the database is there")
            .into_iter()
            .map(TicketId::from_bytes)
            .collect()
    }

    /// A ticket with all its parts.
    pub fn try_ticket(&self, id: TicketId) -> Option<ServerTicket> {
        let found = self.db.read(|c| {
            let Some(row) = tickets::by_id(c, id)? else {
                return Ok(None);
            };
            let mut docs = Vec::new();
            for part in Part::ALL {
                docs.extend(documents::load(c, row.index, part)?);
            }
            let refs: Vec<&TicketDoc> = docs.iter().collect();
            let heads = docs.iter().map(|doc| (doc.part(), doc.heads())).collect();
            let ticket = gongdan_core::document::hydrate(id, row.number, &refs);
            Ok::<_, StoreError>(ticket.map(|ticket| ServerTicket {
                index: row.index,
                ticket,
                heads,
            }))
        });
        found.expect("the database is there")
    }

    /// A ticket that is there.
    pub fn ticket(&self, id: TicketId) -> Ticket {
        self.try_ticket(id)
            .expect("a ticket that the server has")
            .ticket
    }

    /// Its heads.
    pub fn heads(&self, id: TicketId) -> Seen {
        self.try_ticket(id)
            .expect("a ticket that the server has")
            .heads
    }

    /// The document of one part.
    pub fn document(&self, id: TicketId, part: Part) -> TicketDoc {
        let index = self
            .try_ticket(id)
            .expect("a ticket that the server has")
            .index;
        let found = self
            .db
            .read(|c| documents::load(c, index, part))
            .expect("the database is there");
        found.expect("a part that something was admitted to")
    }

    /// The heads of one part.
    pub fn heads_of(&self, id: TicketId, part: Part) -> Vec<ChangeHash> {
        self.heads(id).remove(&part).unwrap_or_default()
    }

    /// What a phone of `who` is to hold of a ticket: its heads, of the parts that the person may have.
    pub fn readable(&self, who: &PersonId, id: TicketId, server: &ServerTicket) -> Seen {
        let standing = self.standing(who);
        let opening = server
            .ticket
            .events
            .iter()
            .find(|event| event.kind == EventKind::Opened);
        // What the desk opened makes nobody's phone hold it.
        let opener = opening
            .filter(|event| !self.wrote_at_desk(event.actor))
            .and_then(|event| self.person_behind(event.actor));
        let facts = self.document(id, Part::Service).facts();
        let relation = Relation::of(&standing, opener.as_ref(), facts.as_ref());
        let heads = server.heads.iter();
        heads
            .filter(|(part, _)| policy::may_hold(&standing.roles, relation, **part))
            .map(|(part, heads)| (*part, heads.clone()))
            .collect()
    }

    /// Makes documents, read model and what else is derived anew from the signed changesets alone, and
    /// compares what comes out with what had grown.
    ///
    /// # Panics
    /// They differ.
    pub fn assert_equals_rebuild(&self) {
        if let Some(differs) = self.differs_from_rebuild() {
            panic!("{differs}");
        }
    }

    /// How a rebuild differs from what had grown.
    pub fn differs_from_rebuild(&self) -> Option<String> {
        let state = || {
            let rows = self
                .db
                .read(read_model::dump)
                .expect("the database is there");
            let heads: Vec<_> = self
                .ticket_ids()
                .into_iter()
                .map(|id| self.heads(id))
                .collect();
            (rows, heads)
        };
        let grown = state();
        let rebuilt = relay::rebuild(&self.db).expect("the database is there");
        if rebuilt.different != 0 || rebuilt.entries != self.number("SELECT count(*) FROM log") {
            return Some(format!("log entries come out otherwise: {rebuilt:?}"));
        }
        let made = state();
        if grown.0 != made.0 {
            let mut lines = grown.0.lines().zip(made.0.lines());
            let first = lines.find(|(grown, made)| grown != made);
            return Some(format!("the read model differs from a rebuild: {first:?}"));
        }
        (grown.1 != made.1).then(|| "heads of documents differ from a rebuild".to_owned())
    }
}
