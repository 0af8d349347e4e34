//! Loro with a version vector a document: the phone sends the vector of every document, the server answers with its
//! own and the updates that the phone lacks, and the phone then pushes what the server lacks.
//!
//! Loro has no protocol of its own; this is the exchange its documentation describes.

use loro::{ExportMode, LoroDoc, LoroError, LoroMap, LoroText, PeerID, VersionVector};

use super::one_stream;
use crate::{
    contender::{
        BenchError, Contender, FIRST_SYNC_ZSTD_LEVEL, RECONNECT_ZSTD_LEVEL, Situation, Traffic,
    },
    standard_work::{ApartEdits, Person, StandardWork, TicketWork, UnixSeconds, Value, Write},
};

/// Whether every document is a body of its own or all go in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoroBodies {
    /// One body a document, uncompressed.
    OneADocument,
    /// All documents of a direction in one zstd stream.
    OneStream,
}

/// Loro, a version vector a document.
pub struct LoroVersions {
    bodies: LoroBodies,
    prepared: Option<(StandardWork, Vec<LoroDoc>)>,
}

impl LoroVersions {
    /// Nothing prepared yet.
    pub fn new(bodies: LoroBodies) -> Self {
        Self {
            bodies,
            prepared: None,
        }
    }

    fn prepared(&self) -> Result<(&StandardWork, &[LoroDoc]), BenchError> {
        let (work, documents) = self.prepared.as_ref().ok_or(BenchError::Unprepared)?;
        Ok((work, documents))
    }

    fn count(&self, bodies: Vec<Vec<u8>>, level: i32, mut sent: impl FnMut(&[u8])) {
        match self.bodies {
            LoroBodies::OneADocument => bodies.iter().for_each(|body| sent(body)),
            LoroBodies::OneStream if bodies.is_empty() => (),
            LoroBodies::OneStream => sent(&one_stream(bodies.iter().map(Vec::as_slice), level)),
        }
    }

    /// Version vectors up, version vectors and updates down, updates up.
    fn exchange(
        &self,
        situation: Situation,
        phone: &[LoroDoc],
        office: &[LoroDoc],
        level: i32,
    ) -> Result<Traffic, BenchError> {
        let mut traffic = Traffic {
            round_trips: 1,
            ..Traffic::default()
        };
        let asked: Vec<VersionVector> = phone.iter().map(LoroDoc::oplog_vv).collect();
        self.count(
            asked.iter().map(VersionVector::encode).collect(),
            level,
            |body| traffic.sent_up(body),
        );

        let mut answers = Vec::new();
        let mut pushes = Vec::new();
        for ((phone, office), phone_has) in phone.iter().zip(office).zip(&asked) {
            let office_has = office.oplog_vv();
            let mut answer = office_has.encode();
            if !phone_has.includes_vv(&office_has) {
                let updates = updates(office, phone_has)?;
                answer.extend(&updates);
                import(phone, &updates)?;
            }
            answers.push(answer);
            if !office_has.includes_vv(phone_has) {
                let updates = updates(phone, &office_has)?;
                import(office, &updates)?;
                pushes.push(updates);
            }
        }
        self.count(answers, level, |body| traffic.sent_down(body));
        traffic.round_trips += u64::from(!pushes.is_empty());
        self.count(pushes, level, |body| traffic.sent_up(body));
        traffic.pages = match self.bodies {
            LoroBodies::OneADocument => phone.len() as u64,
            LoroBodies::OneStream => 1,
        };
        match phone
            .iter()
            .zip(office)
            .position(|(phone, office)| phone.oplog_vv() != office.oplog_vv())
        {
            Some(ticket) => Err(BenchError::Diverged { situation, ticket }),
            None => Ok(traffic),
        }
    }
}

impl Contender for LoroVersions {
    fn name(&self) -> &'static str {
        match self.bodies {
            LoroBodies::OneADocument => "loro",
            LoroBodies::OneStream => "loro, one zstd stream",
        }
    }

    fn conditions(&self, situation: Situation) -> String {
        let bodies = match (self.bodies, situation) {
            (LoroBodies::OneADocument, _) => "one body a document, uncompressed".to_owned(),
            (LoroBodies::OneStream, Situation::FirstSync) => {
                format!("all in one zstd stream, level {FIRST_SYNC_ZSTD_LEVEL}")
            }
            (LoroBodies::OneStream, Situation::Idle | Situation::Reconnect) => {
                format!("one zstd stream each way and turn, level {RECONNECT_ZSTD_LEVEL}")
            }
        };
        let exchanged = match situation {
            Situation::FirstSync => "all updates of every document exported",
            Situation::Idle | Situation::Reconnect => "a version vector a document each way",
        };
        format!(
            "loro 1.17, one document a ticket (service and customer together), two peer ids in all (1 and 2; random ones \
             would be ten bytes each), {exchanged}, {bodies}; no document ids, unsigned"
        )
    }

    fn prepare(&mut self, work: &StandardWork) -> Result<(), BenchError> {
        let documents = work.tickets.iter().map(document).collect::<Result<_, _>>();
        self.prepared = Some((
            work.clone(),
            documents.map_err(BenchError::library("build loro documents"))?,
        ));
        Ok(())
    }

    fn idle(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (_, documents) = self.prepared()?;
        self.exchange(Situation::Idle, documents, documents, RECONNECT_ZSTD_LEVEL)
            .map(Some)
    }

    fn reconnect(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (work, documents) = self.prepared()?;
        let edited = |edits: &[ApartEdits]| -> Result<Vec<LoroDoc>, BenchError> {
            let side: Vec<LoroDoc> = documents.iter().map(LoroDoc::fork).collect();
            for edits in edits {
                apply_edits(&side[edits.ticket], edits)
                    .map_err(BenchError::library("edit a loro document"))?;
            }
            Ok(side)
        };
        let (phone, office) = (edited(&work.phone_edits)?, edited(&work.office_edits)?);
        self.exchange(Situation::Reconnect, &phone, &office, RECONNECT_ZSTD_LEVEL)
            .map(Some)
    }

    fn first_sync(&mut self) -> Result<Option<Traffic>, BenchError> {
        let (_, documents) = self.prepared()?;
        let mut bodies = Vec::new();
        for (ticket, office) in documents.iter().enumerate() {
            let body = office
                .export(ExportMode::all_updates())
                .map_err(BenchError::library("export a document"))?;
            let phone = LoroDoc::new();
            import(&phone, &body)?;
            if phone.oplog_vv() != office.oplog_vv() {
                return Err(BenchError::Diverged {
                    situation: Situation::FirstSync,
                    ticket,
                });
            }
            bodies.push(body);
        }
        let mut traffic = Traffic {
            round_trips: 1,
            pages: bodies.len() as u64,
            ..Traffic::default()
        };
        if self.bodies == LoroBodies::OneStream {
            traffic.pages = 1;
        }
        self.count(bodies, FIRST_SYNC_ZSTD_LEVEL, |body| {
            traffic.sent_down(body)
        });
        Ok(Some(traffic))
    }
}

fn updates(of: &LoroDoc, since: &VersionVector) -> Result<Vec<u8>, BenchError> {
    of.export(ExportMode::updates(since))
        .map_err(BenchError::library("export loro updates"))
}

fn import(into: &LoroDoc, body: &[u8]) -> Result<(), BenchError> {
    into.import(body)
        .map(drop)
        .map_err(BenchError::library("import loro updates"))
}

fn peer(person: Person) -> PeerID {
    match person {
        Person::Office => 1,
        Person::Technician => 2,
    }
}

fn document(work: &TicketWork) -> Result<LoroDoc, LoroError> {
    let doc = LoroDoc::new();
    for commit in &work.history {
        change(&doc, commit.by, commit.at, &work.ticket.writes(commit.act))?;
    }
    Ok(doc)
}

fn apply_edits(doc: &LoroDoc, edits: &ApartEdits) -> Result<(), LoroError> {
    edits
        .edits
        .iter()
        .try_for_each(|edit| change(doc, edits.by, edit.at, &edit.edit.writes()))
}

/// One commit with its author's peer id and its time.
fn change(doc: &LoroDoc, by: Person, at: UnixSeconds, writes: &[Write]) -> Result<(), LoroError> {
    doc.set_peer_id(peer(by))?;
    writes.iter().try_for_each(|write| write_one(doc, write))?;
    doc.set_next_commit_timestamp(at);
    doc.commit();
    Ok(())
}

fn write_one(doc: &LoroDoc, write: &Write) -> Result<(), LoroError> {
    match write {
        Write::Field {
            section,
            field,
            value,
        } => put(&doc.get_map(*section), field, value),
        Write::Item {
            collection,
            key,
            fields,
        } => {
            let items = doc.get_map(*collection);
            let item = items.insert_container(key, LoroMap::new())?;
            fields
                .iter()
                .try_for_each(|(field, value)| put(&item, field, value))
        }
        Write::Count { counter, by } => doc.get_counter(*counter).increment(*by as f64),
    }
}

fn put(map: &LoroMap, key: &str, value: &Value) -> Result<(), LoroError> {
    match value {
        Value::Str(text) => map.insert(key, text.as_str()),
        Value::Int(number) | Value::Instant(number) => map.insert(key, *number),
        Value::Text(text) => map.insert_container(key, LoroText::new())?.insert(0, text),
    }
}
