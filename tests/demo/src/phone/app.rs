//! What the phone's screens do: each tap is one call of the replica.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use gongdan_core::replica::{Identity, Outcome, Replica};
use gongdan_core::store::Filter;
use gongdan_core::store::sqlite::{SqliteStore, StoreKey};
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::request_auth::{base64url, unbase64url};
use serde_json::json;

use super::link::{Link, Reply};
use super::protocol::{Answer, Ask, Cut, Traffic, Verdicts};

/// Round trips of one sync; more would mean that it never ends.
const ROUND_TRIPS_MAX: u64 = 64;

pub(super) struct App {
    store: PathBuf,
    store_key: StoreKey,
    key: DeviceKey,
    link: Link,
    /// There after enrolment.
    replica: Option<Replica>,
}

impl App {
    /// Opens the phone; a store that is there already is an enrolled phone's.
    pub(super) fn open(store: &Path, server: &str) -> Result<Self> {
        let key = DeviceKey::from_bytes(&secret(&store.with_extension("key"))?);
        let store_key = StoreKey::from_bytes(secret(&store.with_extension("store-key"))?);
        let mut app = Self {
            store: store.to_owned(),
            store_key,
            key,
            link: Link::new(server)?,
            replica: None,
        };
        if store.exists() {
            app.open_replica()?;
        }
        Ok(app)
    }

    fn open_replica(&mut self) -> Result<()> {
        let store =
            SqliteStore::open(&self.store, &self.store_key).context("open the phone's store")?;
        let replica = Replica::open(Box::new(store), self.key.clone(), random()?);
        self.replica = Some(replica.context("open the replica")?);
        Ok(())
    }

    pub(super) fn answer(&mut self, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Enrol { code, device_name } => self.enrol(&code, &device_name),
            Ask::Sync => self.sync(),
            Ask::SyncCut { cut } => self.sync_cut(cut),
            Ask::Open { now, commands } => {
                let act = gongdan_core::ticket::Act(commands);
                let ticket = self.replica()?.open_ticket(now, act)?;
                Ok(Answer::Opened { ticket })
            }
            Ask::Execute {
                now,
                ticket,
                seen,
                commands,
            } => {
                let act = gongdan_core::ticket::Act(commands);
                self.replica()?.execute(now, ticket, &seen, act)?;
                Ok(Answer::Done)
            }
            Ask::List => {
                let rows = self.replica()?.list(&Filter::default())?;
                Ok(Answer::Tickets { rows })
            }
            Ask::Show { ticket } => {
                let view = self.replica()?.ticket(ticket)?.map(Box::new);
                Ok(Answer::Ticket { view })
            }
            Ask::Catalogue => {
                let catalogue = self.replica()?.catalogue().cloned().map(Box::new);
                Ok(Answer::Catalogue { catalogue })
            }
            Ask::Outbox => {
                let counts = self.replica()?.outbox_counts()?;
                Ok(Answer::Outbox { counts })
            }
            Ask::Quit => Ok(Answer::Done),
        }
    }

    fn replica(&mut self) -> Result<&mut Replica> {
        self.replica.as_mut().context("the phone is not enrolled")
    }

    fn enrol(&mut self, code: &str, device_name: &str) -> Result<Answer> {
        let public_key = base64url(self.key.public().as_bytes());
        let enrolled = self.link.enrol(&json!({
            "code": code, "public_key": public_key, "device_name": device_name,
        }))?;
        let server_key = unbase64url(&enrolled.server_key)
            .and_then(|bytes| bytes.try_into().ok())
            .context("the server's key is not one")?;
        let identity = Identity {
            device: enrolled.device,
            person: enrolled.person,
            server_key,
        };
        let mut store =
            SqliteStore::open(&self.store, &self.store_key).context("make the phone's store")?;
        Replica::enrol(&mut store, &identity)?;
        drop(store);
        self.open_replica()?;
        Ok(Answer::Done)
    }

    fn sync(&mut self) -> Result<Answer> {
        let (mut traffic, mut verdicts) = (Traffic::default(), Verdicts::default());
        let mut spelled_out = false;
        let (link, key) = (&self.link, &self.key);
        let replica = self.replica.as_mut().context("the phone is not enrolled")?;
        loop {
            if traffic.round_trips == ROUND_TRIPS_MAX {
                bail!("sync: no end after {ROUND_TRIPS_MAX} round trips");
            }
            let request = replica.next_request()?;
            let reply = link.sync(replica.identity().device, key, &request)?;
            traffic.round_trips += 1;
            traffic.bytes_up += request.len() as u64;
            match reply {
                Reply::SpellOut if !spelled_out => {
                    spelled_out = true;
                    replica.spell_out();
                }
                Reply::SpellOut => return Err(anyhow!("sync: references unresolved twice")),
                Reply::Ok(answer) => {
                    traffic.bytes_down += answer.len() as u64;
                    let outcome = replica.receive(&answer)?;
                    count(&mut verdicts, &outcome);
                    if !outcome.more {
                        return Ok(Answer::Synced { traffic, verdicts });
                    }
                }
            }
        }
    }

    fn sync_cut(&mut self, cut: Cut) -> Result<Answer> {
        let (link, key) = (&self.link, &self.key);
        let replica = self.replica.as_mut().context("the phone is not enrolled")?;
        let request = replica.next_request()?;
        let sent = link.sync_cut(replica.identity().device, key, &request, cut)?;
        let traffic = Traffic {
            bytes_up: sent as u64,
            cut: 1,
            ..Traffic::default()
        };
        Ok(Answer::Synced {
            traffic,
            verdicts: Verdicts::default(),
        })
    }
}

fn count(verdicts: &mut Verdicts, outcome: &Outcome) {
    let told = &outcome.verdicts;
    *verdicts += Verdicts {
        admitted: told.admitted.into(),
        duplicate: told.duplicate.into(),
        held: told.held.into(),
        quarantined: told.quarantined.into(),
        refused: told.refused.into(),
    };
}

/// The device's key: a phone keeps it in its key store, this one in a file beside the database.
fn secret(path: &Path) -> Result<[u8; 32]> {
    if let Ok(bytes) = std::fs::read(path) {
        return bytes
            .try_into()
            .map_err(|_| anyhow!("{}: not a key", path.display()));
    }
    let secret: [u8; 32] = random()?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("make {}", path.display()))?;
    std::io::Write::write_all(&mut file, &secret)?;
    Ok(secret)
}

fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("draw random bytes: {error}"))?;
    Ok(bytes)
}
