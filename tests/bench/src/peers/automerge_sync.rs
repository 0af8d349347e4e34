//! Automerge's own sync protocol: one document a ticket, one sync state a document and side, kept (encoded) from the
//! session before.

use automerge::{
    Automerge,
    sync::{Message, State, SyncDoc},
};

use super::automerge_document;
use crate::{
    contender::{BenchError, Contender, Situation, Traffic},
    standard_work::StandardWork,
};

/// More rounds than any exchange of two documents needs.
const ROUNDS_MAX: u64 = 64;

/// Automerge's sync protocol, message by message.
#[derive(Default)]
pub struct AutomergeSync {
    prepared: Option<Prepared>,
}

struct Prepared {
    work: StandardWork,
    /// What the first sync took.
    first_sync: Traffic,
    /// Both sides after it, as they are when they part.
    pairs: Vec<Pair>,
}

/// One ticket on both sides.
#[derive(Clone)]
struct Pair {
    phone: Side,
    office: Side,
}

#[derive(Clone)]
struct Side {
    doc: Automerge,
    state: State,
}

impl Side {
    /// A side in a new session: of the sync state only what its encoding keeps.
    fn reopened(&self) -> Result<Self, BenchError> {
        let state = State::decode(&self.state.encode())
            .map_err(BenchError::library("reopen a sync state"))?;
        Ok(Self {
            doc: self.doc.clone(),
            state,
        })
    }

    fn next_message(&mut self) -> Option<Vec<u8>> {
        self.doc
            .generate_sync_message(&mut self.state)
            .map(Message::encode)
    }

    fn receive(&mut self, body: &[u8]) -> Result<(), BenchError> {
        let message =
            Message::decode(body).map_err(BenchError::library("decode a sync message"))?;
        self.doc
            .receive_sync_message(&mut self.state, message)
            .map_err(BenchError::library("receive a sync message"))
    }
}

impl AutomergeSync {
    fn reopened(&self) -> Result<(Vec<Pair>, &StandardWork), BenchError> {
        let prepared = self.prepared.as_ref().ok_or(BenchError::Unprepared)?;
        let pairs = prepared
            .pairs
            .iter()
            .map(|pair| {
                Ok(Pair {
                    phone: pair.phone.reopened()?,
                    office: pair.office.reopened()?,
                })
            })
            .collect::<Result<_, BenchError>>()?;
        Ok((pairs, &prepared.work))
    }
}

impl Contender for AutomergeSync {
    fn name(&self) -> &'static str {
        "automerge sync"
    }

    fn conditions(&self, _: Situation) -> String {
        "automerge 0.12 sync protocol, one document a ticket (service and customer together), sync states kept between \
         sessions, two actors in all, phone speaks first, uncompressed as the protocol has it, without the ids that \
         would say which document a message is for"
            .to_owned()
    }

    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError> {
        let documents = automerge_document::documents(work)
            .map_err(BenchError::library("build automerge documents"))?;
        let mut pairs: Vec<Pair> = documents
            .into_iter()
            .map(|doc| Pair {
                phone: Side {
                    doc: automerge_document::empty(),
                    state: State::new(),
                },
                office: Side {
                    doc,
                    state: State::new(),
                },
            })
            .collect();
        let first_sync = exchange(Situation::FirstSync, &mut pairs)?;
        self.prepared = Some(Prepared {
            work: work.clone(),
            first_sync,
            pairs,
        });
        Ok(())
    }

    fn idle(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (mut pairs, _) = self.reopened()?;
        exchange(Situation::Idle, &mut pairs).map(Some)
    }

    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (mut pairs, work) = self.reopened()?;
        let edit = BenchError::library("edit an automerge document");
        work.phone_edits
            .iter()
            .try_for_each(|edits| {
                automerge_document::apply_edits(&mut pairs[edits.ticket].phone.doc, edits)
            })
            .and_then(|()| {
                work.office_edits.iter().try_for_each(|edits| {
                    automerge_document::apply_edits(&mut pairs[edits.ticket].office.doc, edits)
                })
            })
            .map_err(edit)?;
        exchange(Situation::Reconnect, &mut pairs).map(Some)
    }

    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError> {
        Ok(Some(
            self.prepared
                .as_ref()
                .ok_or(BenchError::Unprepared)?
                .first_sync,
        ))
    }
}

/// Lets all pairs speak side by side until none has anything to say.
fn exchange(situation: Situation, pairs: &mut [Pair]) -> Result<Traffic, BenchError> {
    let mut traffic = Traffic {
        pages: pairs.len() as u64,
        ..Traffic::default()
    };
    for round in 1.. {
        if round > ROUNDS_MAX {
            return Err(BenchError::Restless {
                situation,
                rounds: ROUNDS_MAX,
            });
        }
        let quiet_before = traffic.messages;
        for Pair { phone, office } in pairs.iter_mut() {
            if let Some(body) = phone.next_message() {
                traffic.sent_up(&body);
                office.receive(&body)?;
            }
            if let Some(body) = office.next_message() {
                traffic.sent_down(&body);
                phone.receive(&body)?;
            }
        }
        if traffic.messages == quiet_before {
            break;
        }
        traffic.round_trips = round;
    }
    match pairs
        .iter()
        .position(|pair| pair.phone.doc.get_heads() != pair.office.doc.get_heads())
    {
        Some(ticket) => Err(BenchError::Diverged { situation, ticket }),
        None => Ok(traffic),
    }
}
