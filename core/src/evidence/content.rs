//! The frozen sheet 《现场服务确认单》: every thing that the customer is shown, from the ticket at its heads.
//!
//! Invariant: pure: the same ticket, catalogue, language and offset give the same blocks in the same order on
//! every platform. What may move the ticket afterwards (events after completion, notes, follow-ups) is not in it.

use std::collections::BTreeMap;

use super::form::{Composer, Form, Language};
use super::leaf::{self, Block, Leaf, Scalar};
use super::tree::{self, Hash};
use crate::catalogue::{Catalogue, Label};
use crate::clock::Timestamp;
use crate::ids::{ChangeHash, CommandId, Part, PersonId, TicketId};
use crate::ticket::{EventKind, Field, Ticket, Value};

/// When it is, as the host's clocks say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Moment {
    /// The clock on the wall.
    pub at: Timestamp,
    /// IANA name of the phone's zone.
    pub zone: String,
    /// Its offset from UTC then, in minutes.
    pub offset_minutes: i32,
    /// A clock that nobody sets, in milliseconds since the phone started; 0 where there is none.
    pub monotonic_millis: u64,
}

/// A sheet that the customer may read and sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frozen {
    /// The ticket.
    pub ticket: TicketId,
    /// The heads it shows, by part: a command on this sheet is executed there.
    pub heads: BTreeMap<Part, Vec<ChangeHash>>,
    /// In which language.
    pub language: Language,
    /// What stands on it, in order; the blocks of the form and of the basis are not shown.
    pub blocks: Vec<Block>,
    /// What the salts come from: 32 fresh random bytes, never kept.
    pub seed: [u8; 32],
}

impl Frozen {
    /// The leaves of the frozen blocks.
    pub(super) fn leaves(&self) -> Vec<Leaf> {
        let salted = |(n, block): (u32, &Block)| Leaf::Open {
            block: block.clone(),
            salt: leaf::salt(&self.seed, n),
        };
        (0..).zip(&self.blocks).map(salted).collect()
    }

    /// The hash of what is shown: the root over the frozen blocks' leaves.
    pub fn content_hash(&self) -> Hash {
        let hashes: Vec<Hash> = self.leaves().iter().map(Leaf::hash).collect();
        tree::root(&hashes)
    }

    /// What is read, in order: every block with a label.
    pub fn shown(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| !block.label.is_empty())
    }

    /// The heading over it.
    pub fn title(&self) -> &'static str {
        Form::current().title(self.language)
    }
}

/// What a sheet is made from.
pub struct Source<'a> {
    /// The ticket.
    pub ticket: &'a Ticket,
    /// The heads it is shown at.
    pub heads: &'a BTreeMap<Part, Vec<ChangeHash>>,
    /// Commands of this device in it that the server has not admitted yet, by part.
    pub waiting: &'a [(Part, CommandId)],
    /// The configuration held.
    pub catalogue: Option<&'a Catalogue>,
    /// Who lets sign.
    pub person: &'a PersonId,
    /// In which language.
    pub language: Language,
    /// Offset of the wall's clock from UTC, in minutes.
    pub offset_minutes: i32,
}

/// Freezes a ticket. `seed` are 32 fresh random bytes.
pub fn freeze(source: &Source<'_>, seed: [u8; 32]) -> Frozen {
    Frozen {
        ticket: source.ticket.id,
        heads: source.heads.clone(),
        language: source.language,
        blocks: blocks(source),
        seed,
    }
}

/// What stands on the sheet, in order.
pub fn blocks(source: &Source<'_>) -> Vec<Block> {
    let form = Form::current();
    let mut sheet = Sheet {
        composer: Composer::new(form, source.language, source.offset_minutes),
        out: Vec::with_capacity(96),
        source,
    };
    sheet.text("form/template", form.template());
    sheet.put("form/version", Scalar::Number(form.version()));
    sheet.text("form/language", source.language.code());
    let offset = Scalar::Number(source.offset_minutes.into());
    sheet.put("form/offset_minutes", offset);
    sheet.head();
    sheet.visit();
    sheet.work();
    sheet.costs();
    sheet.photos();
    sheet.field(Field::Suggestion);
    sheet.consent();
    sheet.basis();
    sheet.out
}

struct Sheet<'a> {
    composer: Composer<'static>,
    out: Vec<Block>,
    source: &'a Source<'a>,
}

/// Facts in the order of the sheet: who, and what.
const HEAD: [Field; 17] = [
    Field::CustomerName,
    Field::Organisation,
    Field::CustomerPhone,
    Field::Address,
    Field::ContactName,
    Field::ContactPhone,
    Field::RepresentativeName,
    Field::ProductLine,
    Field::Model,
    Field::Serial,
    Field::Batch,
    Field::ProductionSite,
    Field::ProductionDate,
    Field::PurchaseDate,
    Field::QuantityBought,
    Field::QuantityUsed,
    Field::Warranty,
];

impl Sheet<'_> {
    fn put(&mut self, path: impl Into<String>, value: Scalar) {
        let block = self.composer.block(path.into(), value);
        self.out.push(block);
    }

    fn text(&mut self, path: impl Into<String>, text: &str) {
        self.put(path, Scalar::Text(text.to_owned()));
    }

    fn label(&self, label: &Label) -> String {
        match self.source.language {
            Language::Zh => label.zh.clone(),
            Language::En => label.en.clone(),
        }
    }

    /// A fact of the ticket, where it is there.
    fn field(&mut self, field: Field) {
        // The ticket has two fields of this name in people's mouths.
        let name = match field {
            Field::Organisation => "customer_organisation",
            field => field.name(),
        };
        let path = format!("content/{name}");
        match self.source.ticket.fields.get(&field) {
            Some(Value::Text(code)) if field == Field::ProductLine => {
                let known = self.source.catalogue.and_then(|catalogue| {
                    let mut lines = catalogue.product_lines.iter();
                    lines.find(|line| line.code == *code)
                });
                let text = known.map_or_else(|| code.clone(), |line| self.label(&line.label));
                let mut block = self.composer.block(path, Scalar::Text(code.clone()));
                block.text = text;
                self.out.push(block);
            }
            Some(Value::Text(text)) => self.text(path, text),
            Some(Value::Integer(number)) => self.put(path, Scalar::Number(*number)),
            Some(Value::Instant(at)) => self.put(path, Scalar::Number(at.seconds())),
            Some(Value::Empty) | None => {}
        }
    }

    fn head(&mut self) {
        let source = self.source;
        if let Some(catalogue) = source.catalogue {
            self.text("content/service_organisation", &catalogue.organisation);
        }
        self.text("content/number", &source.ticket.label());
        self.field(Field::TicketType);
        for field in HEAD {
            self.field(field);
        }
        if !source.ticket.problem.is_empty() {
            self.text("content/problem", &source.ticket.problem);
        }
    }

    fn name_of(&self, person: &PersonId) -> String {
        let known = self.source.catalogue.and_then(|c| c.person(person));
        known.map_or_else(
            || person.to_string(),
            |known| format!("{}（{person}）", known.name),
        )
    }

    fn visit(&mut self) {
        let source = self.source;
        self.field(Field::AppointedFrom);
        self.field(Field::AppointedUntil);
        let technician = self.name_of(source.person);
        self.text("content/technician", &technician);
        for person in &source.ticket.crew {
            let name = self.name_of(person);
            self.text(format!("content/crew/{person}/name"), &name);
        }
        self.put("content/visits", Scalar::Number(source.ticket.visits));
        for (path, kind) in [
            ("content/arrived_at", EventKind::Arrived),
            ("content/completed_at", EventKind::Completed),
        ] {
            let mut events = source.ticket.events.iter();
            if let Some(last) = events.rfind(|event| event.kind == kind) {
                self.put(path, Scalar::Number(last.at.seconds()));
            }
        }
    }

    fn work(&mut self) {
        let ticket = self.source.ticket;
        for answer in &ticket.checklist {
            let path = format!("content/checklist/{}/answer", segment(&answer.item));
            let mut block = self
                .composer
                .block(path, Scalar::Text(answer.answer.code()));
            block.label = self.checklist_label(&answer.item);
            self.out.push(block);
        }
        for step in &ticket.steps {
            let path = format!("content/steps/{}", step.key.as_str());
            self.text(format!("{path}/operation"), &step.operation);
            self.text(format!("{path}/result"), &step.result);
        }
        for field in [
            Field::Cause,
            Field::Route,
            Field::Conclusion,
            Field::Solution,
            Field::CompletionSummary,
        ] {
            self.field(field);
        }
        for part in ticket.parts_used.iter().filter(|part| !part.struck_out) {
            let path = format!("content/parts_used/{}", part.key.as_str());
            self.text(format!("{path}/part_number"), &part.part_number);
            self.text(format!("{path}/name"), &part.name);
            let quantity = Scalar::Number(part.quantity.into());
            self.put(format!("{path}/quantity"), quantity);
        }
    }

    fn checklist_label(&self, item: &str) -> String {
        let checklists = self.source.catalogue.map(|c| c.checklists.as_slice());
        let mut items = checklists.unwrap_or_default().iter().flat_map(|c| &c.items);
        let known = items.find(|entry| entry.code == item);
        known.map_or_else(|| item.to_owned(), |entry| self.label(&entry.label))
    }

    fn costs(&mut self) {
        let quotes = &self.source.ticket.quotes;
        let mut agreed: i64 = 0;
        for quote in quotes {
            let path = format!("content/quotes/{}", quote.key.as_str());
            let amount = Scalar::Number(quote.amount_fen);
            self.put(format!("{path}/amount_fen"), amount);
            self.text(format!("{path}/explanation"), &quote.explanation);
            let consent = quote.consent.as_deref().unwrap_or("open");
            self.text(format!("{path}/consent"), consent);
            if consent == "agreed" {
                agreed = agreed.saturating_add(quote.amount_fen);
            }
        }
        if !quotes.is_empty() {
            self.put("content/agreed_fen", Scalar::Number(agreed));
        }
    }

    fn photos(&mut self) {
        for photo in self.source.ticket.photos.iter().filter(|p| !p.struck_out) {
            let path = format!("content/photos/{}", photo.key.as_str());
            self.text(format!("{path}/caption"), &photo.caption);
            let hash = Scalar::Bytes(photo.blob.0.to_vec());
            self.put(format!("{path}/hash"), hash);
            self.text(format!("{path}/media_type"), &photo.media_type);
            let bytes = i64::try_from(photo.bytes).unwrap_or(i64::MAX);
            self.put(format!("{path}/bytes"), Scalar::Number(bytes));
        }
    }

    fn consent(&mut self) {
        if let Some(catalogue) = self.source.catalogue {
            let sentence = self.label(&catalogue.consent);
            self.text("consent/sentence", &sentence);
            let version = Scalar::Number(catalogue.version.into());
            self.put("consent/catalogue", version);
        }
    }

    /// Heads are information; the commands that wait are what may still be refused.
    fn basis(&mut self) {
        for (part, heads) in self.source.heads {
            let bytes = heads.iter().flat_map(|head| head.0).collect();
            self.put(format!("basis/heads/{}", part.name()), Scalar::Bytes(bytes));
        }
        for part in Part::ALL {
            let of = self.source.waiting.iter().filter(|(p, _)| *p == part);
            let bytes: Vec<u8> = of.flat_map(|(_, id)| command_id(*id)).collect();
            if !bytes.is_empty() {
                let path = format!("basis/commands/{}", part.name());
                self.put(path, Scalar::Bytes(bytes));
            }
        }
    }
}

/// A command's name in 20 bytes: actor, then ordinal, big-endian.
fn command_id(id: CommandId) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..16].copy_from_slice(&id.actor.0);
    bytes[16..].copy_from_slice(&id.ordinal.to_be_bytes());
    bytes
}

/// A code as a segment of a path (the escapes of RFC 6901).
fn segment(code: &str) -> String {
    code.replace('~', "~0").replace('/', "~1")
}
