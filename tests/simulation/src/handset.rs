//! A phone: the real replica on a disk that fails on order, with a clock of its own.
//!
//! Invariant: every start of the app gets entropy of its own; an app that died is started again from what
//! its disk holds and nothing else.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::replica::{Identity, OwnCertificate, Replica, Seen};
use gongdan_core::store::StoreError;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::testing;
use gongdan_tests::random::Random;

use crate::disk::{Disk, Image, Outbox};
use crate::server::OLDER_KNOWS;

/// A form that is still open.
#[derive(Debug, Clone)]
pub struct Form {
    /// Of this ticket.
    pub ticket: TicketId,
    /// What it showed.
    pub seen: Seen,
}

/// A phone.
pub struct Handset {
    /// Who it is.
    pub identity: Identity,
    /// Its disk.
    pub disk: Disk,
    /// Its clock against the true time, in seconds.
    pub clock_offset: i64,
    /// No link before this.
    pub offline_until: i64,
    /// May only upload.
    pub revoked: bool,
    /// Of an older version than the server.
    pub older: bool,
    /// A backup.
    pub backup: Option<Image>,
    /// When it was enrolled, or copied.
    pub born: i64,
    /// Forms that are still open.
    pub forms: Vec<Form>,
    /// The outbox when the simulation last looked.
    pub outbox_before: Outbox,
    key: DeviceKey,
    random: Random,
    replica: Option<Replica>,
}

impl Handset {
    /// A fresh phone.
    ///
    /// # Errors
    /// Its store does.
    pub fn new(
        identity: Identity,
        certificate: &OwnCertificate,
        key: DeviceKey,
        random: Random,
        born: i64,
    ) -> Result<Self, StoreError> {
        let disk = Disk::default();
        Replica::enrol(&mut disk.clone(), &identity)?;
        Replica::keep_certificate(&mut disk.clone(), certificate)?;
        Ok(Self {
            identity,
            disk,
            clock_offset: 0,
            offline_until: 0,
            revoked: false,
            older: false,
            backup: None,
            born,
            forms: Vec::new(),
            outbox_before: Outbox::new(),
            key,
            random,
            replica: None,
        })
    }

    /// Another phone with everything that is on this one, made now.
    pub fn copied(&mut self, random: Random, born: i64) -> Self {
        let disk = Disk::default();
        disk.restore(self.disk.image());
        Self {
            identity: self.identity.clone(),
            disk,
            clock_offset: self.clock_offset,
            offline_until: 0,
            revoked: self.revoked,
            older: self.older,
            backup: None,
            born,
            forms: Vec::new(),
            outbox_before: self.outbox_before.clone(),
            key: self.key.clone(),
            random,
            replica: None,
        }
    }

    /// What its clock shows at the true time `now`.
    pub const fn shows(&self, now: i64) -> Timestamp {
        Timestamp(now + self.clock_offset)
    }

    /// The app ends; the disk stays.
    pub fn close(&mut self) {
        self.replica = None;
        self.disk.calm();
    }

    /// The app, started if it does not run.
    ///
    /// # Errors
    /// Its store does.
    pub fn app(&mut self) -> Result<&mut Replica, StoreError> {
        testing::know_commands(self.older.then_some(OLDER_KNOWS));
        if self.disk.died() {
            self.close();
        }
        let replica = match self.replica.take() {
            Some(replica) => replica,
            None => Replica::open(
                Box::new(self.disk.clone()),
                self.key.clone(),
                self.random.bytes(),
            )?,
        };
        Ok(self.replica.insert(replica))
    }

    /// Whether what just failed was made to.
    pub fn was_made_to_fail(&self, error: &StoreError) -> bool {
        match error {
            StoreError::RolledBack => self.disk.died(),
            StoreError::Full => self.disk.is_full(),
            _ => false,
        }
    }
}
