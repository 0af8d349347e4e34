//! What Automerge's own encodings come to under one zstd stream, without any protocol around them: the changes that
//! each side lacks, and whole saved documents for a first sync.
//!
//! A lower bound for anything that ships automerge bytes: who needs what is taken as known, nothing says which
//! document a change belongs to, nothing is signed.

use automerge::Automerge;

use super::{automerge_document, one_stream};
use crate::{
    contender::{
        BenchError, Contender, FIRST_SYNC_ZSTD_LEVEL, RECONNECT_ZSTD_LEVEL, Situation, Traffic,
    },
    standard_work::{ApartEdits, StandardWork},
};

/// How documents are saved before the stream compresses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saving {
    /// `save`: every column of 256 bytes or more is deflated by itself.
    Deflated,
    /// `save_nocompress`: columns as they are.
    Plain,
}

/// Bare automerge changes and documents.
pub struct BareChanges {
    saving: Saving,
    prepared: Option<(StandardWork, Vec<Automerge>)>,
}

impl BareChanges {
    /// Nothing prepared yet.
    pub fn new(saving: Saving) -> Self {
        Self {
            saving,
            prepared: None,
        }
    }
}

impl Contender for BareChanges {
    fn name(&self) -> &'static str {
        match self.saving {
            Saving::Deflated => "bare automerge",
            Saving::Plain => "bare automerge, not deflated",
        }
    }

    fn conditions(&self, situation: Situation) -> String {
        let bodies = match (situation, self.saving) {
            (Situation::Idle, _) => "no protocol, so nothing to measure".to_owned(),
            (Situation::Reconnect, Saving::Deflated) => {
                format!(
                    "changes as the library hands them out, one zstd stream each way, level {RECONNECT_ZSTD_LEVEL}"
                )
            }
            (Situation::Reconnect, Saving::Plain) => {
                format!(
                    "changes never deflated, one zstd stream each way, level {RECONNECT_ZSTD_LEVEL}"
                )
            }
            (Situation::FirstSync, Saving::Deflated) => {
                format!(
                    "documents saved with deflated columns, one zstd stream, level {FIRST_SYNC_ZSTD_LEVEL}"
                )
            }
            (Situation::FirstSync, Saving::Plain) => {
                format!(
                    "documents saved without deflate, one zstd stream, level {FIRST_SYNC_ZSTD_LEVEL}"
                )
            }
        };
        format!(
            "automerge 0.12, one document a ticket, two actors in all, one change an edit; {bodies}; an encoding, not a \
             protocol: no heads exchanged, no document ids, unsigned"
        )
    }

    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError> {
        let documents = automerge_document::documents(work)
            .map_err(BenchError::library("build automerge documents"))?;
        self.prepared = Some((work.clone(), documents));
        Ok(())
    }

    fn idle(&mut self) -> Result<Option<Traffic>, BenchError> {
        Ok(None)
    }

    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (work, documents) = self.prepared.as_ref().ok_or(BenchError::Unprepared)?;
        let up = self.changes(documents, &work.phone_edits)?;
        let down = self.changes(documents, &work.office_edits)?;
        converge(documents, &up, &down)?;
        let mut traffic = Traffic {
            round_trips: 1,
            pages: 1,
            ..Traffic::default()
        };
        traffic.sent_up(&stream_of(&up, RECONNECT_ZSTD_LEVEL));
        traffic.sent_down(&stream_of(&down, RECONNECT_ZSTD_LEVEL));
        Ok(Some(traffic))
    }

    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (_, documents) = self.prepared.as_ref().ok_or(BenchError::Unprepared)?;
        let mut saved = Vec::new();
        for (ticket, doc) in documents.iter().enumerate() {
            let bytes = match self.saving {
                Saving::Deflated => doc.save(),
                Saving::Plain => doc.save_nocompress(),
            };
            let loaded =
                Automerge::load(&bytes).map_err(BenchError::library("load a saved document"))?;
            if loaded.get_heads() != doc.get_heads() {
                return Err(BenchError::Diverged {
                    situation: Situation::FirstSync,
                    ticket,
                });
            }
            saved.push(bytes);
        }
        let mut traffic = Traffic {
            round_trips: 1,
            pages: 1,
            ..Traffic::default()
        };
        traffic.sent_down(&one_stream(
            saved.iter().map(Vec::as_slice),
            FIRST_SYNC_ZSTD_LEVEL,
        ));
        Ok(Some(traffic))
    }
}

/// The encoded changes of one side on one ticket.
struct Encoded {
    ticket: usize,
    changes: Vec<Vec<u8>>,
}

impl BareChanges {
    fn changes(
        &self,
        documents: &[Automerge],
        edits: &[ApartEdits],
    ) -> Result<Vec<Encoded>, BenchError> {
        edits
            .iter()
            .map(|edits| {
                let mut doc = documents[edits.ticket].clone();
                let base = doc.get_heads();
                automerge_document::apply_edits(&mut doc, edits)
                    .map_err(BenchError::library("edit an automerge document"))?;
                let changes = doc
                    .get_changes(&base)
                    .into_iter()
                    .map(|mut change| match self.saving {
                        Saving::Deflated => change.bytes().into_owned(),
                        Saving::Plain => change.raw_bytes().to_vec(),
                    })
                    .collect();
                Ok(Encoded {
                    ticket: edits.ticket,
                    changes,
                })
            })
            .collect()
    }
}

fn stream_of(encoded: &[Encoded], level: i32) -> Vec<u8> {
    one_stream(
        encoded
            .iter()
            .flat_map(|side| &side.changes)
            .map(Vec::as_slice),
        level,
    )
}

/// Checks that the changes suffice: both orders of applying them end in the same heads.
fn converge(documents: &[Automerge], up: &[Encoded], down: &[Encoded]) -> Result<(), BenchError> {
    let after = |first: &[Encoded], second: &[Encoded]| {
        let mut documents = documents.to_vec();
        for side in first.iter().chain(second) {
            for change in &side.changes {
                documents[side.ticket]
                    .load_incremental(change)
                    .map_err(BenchError::library("apply a bare change"))?;
            }
        }
        Ok::<_, BenchError>(documents)
    };
    let (phone, office) = (after(up, down)?, after(down, up)?);
    match phone
        .iter()
        .zip(&office)
        .position(|(phone, office)| phone.get_heads() != office.get_heads())
    {
        Some(ticket) => Err(BenchError::Diverged {
            situation: Situation::Reconnect,
            ticket,
        }),
        None => Ok(()),
    }
}
