//! samod, the Rust implementation of automerge-repo: two repositories with storage, joined by a wire in memory that
//! is counted and delivers in turns, so that the exchange ends when nobody has anything left to say and not after
//! some time.

mod memory;

use std::sync::Arc;

use automerge::ChangeHash;
use futures::{FutureExt, executor::LocalPool, future, task::LocalSpawnExt};
use samod::{BackoffConfig, DocHandle, DocumentId, Repo, Url};

use self::memory::{MemoryStorage, Wire};
use super::automerge_document;
use crate::{
    contender::{BenchError, Contender, Situation, Traffic},
    standard_work::{ApartEdits, StandardWork},
};

/// More turns than any exchange needs.
const ROUNDS_MAX: u64 = 64;

/// samod on both sides.
#[derive(Default)]
pub struct Samod {
    prepared: Option<Prepared>,
}

struct Prepared {
    work: StandardWork,
    /// One document a ticket, in the order of the tickets.
    documents: Vec<DocumentId>,
    first_sync: Traffic,
    /// What both have stored after the first sync.
    phone: MemoryStorage,
    office: MemoryStorage,
}

impl Contender for Samod {
    fn name(&self) -> &'static str {
        "samod"
    }

    fn conditions(&self, situation: Situation) -> String {
        let found = match situation {
            Situation::FirstSync => "the phone asks for every document by its id",
            Situation::Idle | Situation::Reconnect => {
                "both start from storage, the phone has every document open when it connects"
            }
        };
        format!(
            "samod 0.16, one document a ticket (service and customer together), two actors in all, peer ids `phone` and \
             `office`, everyone may read and write; {found}; join messages counted, WebSocket framing not"
        )
    }

    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError> {
        let built = automerge_document::documents(work)
            .map_err(BenchError::library("build automerge documents"))?;
        let (phone, office) = (MemoryStorage::default(), MemoryStorage::default());
        let mut world = World::open(&phone, &office);
        let mut documents = Vec::new();
        for doc in built {
            let created = world.pool.run_until(world.office.create(doc));
            documents.push(
                created
                    .map_err(BenchError::library("create a samod document"))?
                    .document_id()
                    .clone(),
            );
        }
        // Reopened, so that the office announces nothing that it merely happens to have in memory.
        world.close();
        let mut world = World::open(&phone, &office);
        let mut wire = world.connect()?;
        world.open_on_phone(&documents);
        let first_sync = world.run(Situation::FirstSync, documents.len() as u64, &mut wire)?;
        world.check_equal(Situation::FirstSync, &documents)?;
        world.close();
        self.prepared = Some(Prepared {
            work: work.clone(),
            documents,
            first_sync,
            phone,
            office,
        });
        Ok(())
    }

    fn idle(&mut self) -> Result<Option<Traffic>, BenchError> {
        self.prepared()?
            .session(Situation::Idle, &[], &[])
            .map(Some)
    }

    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError> {
        let prepared = self.prepared()?;
        prepared
            .session(
                Situation::Reconnect,
                &prepared.work.phone_edits,
                &prepared.work.office_edits,
            )
            .map(Some)
    }

    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError> {
        Ok(Some(self.prepared()?.first_sync))
    }
}

impl Samod {
    fn prepared(&self) -> Result<&Prepared, BenchError> {
        self.prepared.as_ref().ok_or(BenchError::Unprepared)
    }
}

impl Prepared {
    /// A session of phone and office on copies of what they have stored, after these edits.
    fn session(
        &self,
        situation: Situation,
        phone_edits: &[ApartEdits],
        office_edits: &[ApartEdits],
    ) -> Result<Traffic, BenchError> {
        let (phone, office) = (self.phone.copied(), self.office.copied());
        let mut world = World::open(&phone, &office);
        for edits in phone_edits {
            let handle = world.find(Side::Phone, situation, edits.ticket, &self.documents)?;
            edit(&handle, edits)?;
        }
        for edits in office_edits {
            let handle = world.find(Side::Office, situation, edits.ticket, &self.documents)?;
            edit(&handle, edits)?;
        }
        world.close();

        let mut world = World::open(&phone, &office);
        world.open_on_phone(&self.documents);
        world.pool.run_until_stalled();
        let mut wire = world.connect()?;
        let traffic = world.run(situation, self.documents.len() as u64, &mut wire)?;
        world.check_equal(situation, &self.documents)?;
        world.close();
        Ok(traffic)
    }
}

fn edit(handle: &DocHandle, edits: &ApartEdits) -> Result<(), BenchError> {
    handle
        .with_document(|doc| automerge_document::apply_edits(doc, edits))
        .map_err(BenchError::library("edit a samod document"))
}

#[derive(Clone, Copy)]
enum Side {
    Phone,
    Office,
}

/// Two repositories on one executor, which runs only when told to.
struct World {
    pool: LocalPool,
    phone: Repo,
    office: Repo,
}

impl World {
    fn open(phone: &MemoryStorage, office: &MemoryStorage) -> Self {
        let mut pool = LocalPool::new();
        let mut open = |peer: &str, storage: &MemoryStorage| {
            let repo = Repo::build_localpool(pool.spawner())
                .with_peer_id(peer.into())
                .with_storage(storage.clone());
            pool.run_until(repo.load_local())
        };
        let (phone, office) = (open("phone", phone), open("office", office));
        Self {
            pool,
            phone,
            office,
        }
    }

    /// Stops both once all is stored.
    fn close(mut self) {
        self.pool.run_until_stalled();
        self.pool
            .run_until(future::join(self.phone.stop(), self.office.stop()));
    }

    /// Joins the two by a wire that delivers nothing by itself.
    fn connect(&mut self) -> Result<Wire, BenchError> {
        let url = Url::parse("memory://office").map_err(BenchError::library("name the wire"))?;
        let acceptor = self
            .office
            .make_acceptor(url.clone())
            .map_err(BenchError::library("accept connections with samod"))?;
        let (wire, dialer) = memory::wire(url, acceptor);
        self.phone
            .dial(BackoffConfig::default(), Arc::new(dialer))
            .map_err(BenchError::library("connect with samod"))?;
        Ok(wire)
    }

    /// Has the phone want all these documents.
    fn open_on_phone(&self, documents: &[DocumentId]) {
        for id in documents {
            let found = self.phone.find(id.clone());
            self.pool
                .spawner()
                .spawn_local(found.map(drop))
                .expect("the executor is not shut down");
        }
    }

    /// Delivers in turns, counting, until neither side has anything left to say.
    fn run(
        &mut self,
        situation: Situation,
        pages: u64,
        wire: &mut Wire,
    ) -> Result<Traffic, BenchError> {
        let mut traffic = Traffic {
            pages,
            ..Traffic::default()
        };
        for round in 1..=ROUNDS_MAX {
            let before = traffic.messages;
            self.pool.run_until_stalled();
            while let Ok(body) = wire.from_phone.try_recv() {
                traffic.sent_up(&body);
                // A side that has hung up shows as a difference in the end.
                let _ = wire.to_office.unbounded_send(body);
            }
            self.pool.run_until_stalled();
            while let Ok(body) = wire.from_office.try_recv() {
                traffic.sent_down(&body);
                let _ = wire.to_phone.unbounded_send(body);
            }
            if traffic.messages == before {
                return Ok(traffic);
            }
            traffic.round_trips = round;
        }
        Err(BenchError::Restless {
            situation,
            rounds: ROUNDS_MAX,
        })
    }

    fn find(
        &mut self,
        side: Side,
        situation: Situation,
        ticket: usize,
        documents: &[DocumentId],
    ) -> Result<DocHandle, BenchError> {
        let repo = match side {
            Side::Phone => &self.phone,
            Side::Office => &self.office,
        };
        let found = repo.find(documents[ticket].clone());
        self.pool
            .run_until(found)
            .map_err(BenchError::library("find a samod document"))?
            .ok_or(BenchError::Diverged { situation, ticket })
    }

    fn check_equal(
        &mut self,
        situation: Situation,
        documents: &[DocumentId],
    ) -> Result<(), BenchError> {
        for ticket in 0..documents.len() {
            let mut heads = |side| -> Result<Vec<ChangeHash>, BenchError> {
                Ok(self
                    .find(side, situation, ticket, documents)?
                    .with_document(|doc| doc.get_heads()))
            };
            if heads(Side::Phone)? != heads(Side::Office)? {
                return Err(BenchError::Diverged { situation, ticket });
            }
        }
        Ok(())
    }
}
