//! Checks an evidence file without network or database.
//!
//! Invariant: every check is named, has a stable code, and is told whatever the others came to. Nothing is taken
//! from the file on trust but what the organisation's key, asked for from elsewhere, bears out; where it is not
//! asked for, the report says so.

mod chain;
mod parts;
mod sections;
mod words;

use serde::Serialize;

use super::addendum::{Addendum, AddendumKind};
use super::answers::SheetKind;
use super::file::EvidenceFile;
use super::receipt;
use super::seal::SignedSheet;
use crate::clock::Timestamp;
use crate::ids::{DeviceId, PersonId, SheetHash, TicketId};
use crate::sync::certificate::{CertifiedDevice, DeviceCertificate};
use crate::sync::keys::PublicKey;

pub use chain::{ChainFault, chain};
pub use words::{chain_words, words};

/// The checks, in the order in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The file decodes, in its one encoding.
    File,
    /// The sheet in it decodes, and its header is consistent.
    Sheet,
    /// No path twice, and every block where it belongs.
    Paths,
    /// The root over what was shown is the one signed.
    Content,
    /// The root over everything is the one signed.
    Root,
    /// The device's signature over the header.
    Signature,
    /// The file's organisation is the one asked for.
    Organisation,
    /// The organisation signed every certificate in the file.
    Certificate,
    /// One of them is that of the sheet's device, key and person.
    Device,
    /// Labels and texts are what the form makes of the values.
    Form,
    /// What a sheet of its kind needs is on it.
    Complete,
    /// The attachments are those that the sheet names, byte for byte.
    Attachments,
    /// The addenda are about this sheet and signed by devices of the organisation.
    Addenda,
    /// The file has no section but those known here, each once and in order.
    Sections,
    /// The server's countersignature is on this sheet.
    Countersignature,
    /// The sheet is in the server's log, up to a signed checkpoint.
    Log,
    /// An authority's time-stamp (RFC 3161) is over this sheet.
    Timestamp,
    /// The authority is one of those asked for.
    Authority,
    /// It is about the ticket asked for.
    Ticket,
    /// Its code is the one on the customer's receipt.
    Receipt,
}

impl Check {
    /// All, in order.
    pub const ALL: [Self; 20] = [
        Self::File,
        Self::Sheet,
        Self::Paths,
        Self::Content,
        Self::Root,
        Self::Signature,
        Self::Organisation,
        Self::Certificate,
        Self::Device,
        Self::Form,
        Self::Complete,
        Self::Attachments,
        Self::Addenda,
        Self::Sections,
        Self::Countersignature,
        Self::Log,
        Self::Timestamp,
        Self::Authority,
        Self::Ticket,
        Self::Receipt,
    ];

    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Sheet => "sheet",
            Self::Paths => "paths",
            Self::Content => "content",
            Self::Root => "root",
            Self::Signature => "signature",
            Self::Organisation => "organisation",
            Self::Certificate => "certificate",
            Self::Device => "device",
            Self::Form => "form",
            Self::Complete => "complete",
            Self::Attachments => "attachments",
            Self::Addenda => "addenda",
            Self::Sections => "sections",
            Self::Countersignature => "countersignature",
            Self::Log => "log",
            Self::Timestamp => "timestamp",
            Self::Authority => "authority",
            Self::Ticket => "ticket",
            Self::Receipt => "receipt",
        }
    }
}

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It needs something from elsewhere that was not given.
    NotAsked,
    /// What it looks at could not be read.
    NotReached,
    /// What it looks at may be in a file, and is not in this one.
    NotThere,
}

impl Outcome {
    const fn of(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }

    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::NotAsked => "not_asked",
            Self::NotReached => "not_reached",
            Self::NotThere => "not_there",
        }
    }
}

/// What is known from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The organisation's public key.
    pub organisation: Option<PublicKey>,
    /// The ticket's number or id.
    pub ticket: Option<String>,
    /// The code on the receipt, as it was typed.
    pub receipt: Option<String>,
    /// Certificates of time-stamp authorities, or of those who certify them, in DER.
    pub authorities: Vec<Vec<u8>>,
}

/// How far the sheet proves anything, told plainly. A later level is added, never put in place of one below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A check fails: it proves nothing.
    None,
    /// The device records that the customer was absent or did not sign: no confirmation.
    Unsigned,
    /// The device records the signature or the reply.
    Witnessed,
    /// And that the customer took the receipt, by which nobody can exchange the sheet afterwards.
    ReceiptTaken,
}

impl Level {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unsigned => "unsigned",
            Self::Witnessed => "witnessed",
            Self::ReceiptTaken => "receipt_taken",
        }
    }
}

/// What the sheet says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its name.
    pub sheet: SheetHash,
    /// The code of its receipt.
    pub code: String,
    /// The ticket.
    pub ticket: TicketId,
    /// The ticket's number on it; nothing where that was erased.
    pub number: Option<String>,
    /// In which way it came about.
    pub kind: SheetKind,
    /// Counted along the corrections.
    pub edition: u32,
    /// The sheet it corrects.
    pub corrects: Option<SheetHash>,
    /// The device.
    pub device: DeviceId,
    /// Who let sign.
    pub person: PersonId,
    /// When, by the phone's clock.
    pub at: Timestamp,
    /// The zone.
    pub zone: String,
    /// How much that is worth.
    pub clock: &'static str,
    /// The device's running number.
    pub running: u64,
    /// The device's sheet before.
    pub previous: SheetHash,
    /// How many blocks were erased.
    pub erased: usize,
    /// How many addenda hold.
    pub addenda: usize,
    /// How many attachments are named, and not in the file.
    pub attachments_elsewhere: usize,
    /// The server's word that it took the sheet in, where it holds.
    pub countersigned: Option<Countersigned>,
    /// How many sheets were in the log that it is in, where it is.
    pub log_size: Option<u64>,
    /// What the time-stamp says, where it holds.
    pub stamped: Option<TimeStamped>,
}

/// What a time-stamp says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimeStamped {
    /// The authority's time.
    pub at: Timestamp,
    /// The subject of its certificate.
    pub authority: String,
}

/// What a countersignature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Countersigned {
    /// Its number in the log.
    pub serial: u64,
    /// The server's time.
    pub at: Timestamp,
}

/// What the checks came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// No check fails.
    pub good: bool,
    /// How far it proves anything.
    pub level: Level,
    /// What the sheet says of itself, where it could be read.
    pub told: Option<Told>,
    /// Every check with what it came to, in order.
    pub checks: Vec<(Check, Outcome)>,
    /// What is not proven, by code.
    pub not_proven: Vec<&'static str>,
}

impl Report {
    /// What a check came to.
    pub fn outcome(&self, check: Check) -> Outcome {
        let found = self.checks.iter().find(|(of, _)| *of == check);
        found.map_or(Outcome::NotReached, |(_, outcome)| *outcome)
    }

    /// The report for programs.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The checks that fail.
    pub fn failing(&self) -> Vec<Check> {
        let failing = self.checks.iter().filter(|(_, o)| *o == Outcome::Fails);
        failing.map(|(check, _)| *check).collect()
    }
}

/// Checks an evidence file.
pub fn verify(bytes: &[u8], asked: &Asked) -> Report {
    let mut outcomes = [Outcome::NotReached; Check::ALL.len()];
    let mut set = |check: Check, outcome| outcomes[check as usize] = outcome;
    let file = EvidenceFile::from_bytes(bytes).ok();
    set(Check::File, Outcome::of(file.is_some()));
    let mut told = None;
    let mut receipt_taken = false;
    if let Some(file) = file {
        let of_file = PublicKey::from_bytes(file.organisation_key);
        let organisation = match asked.organisation {
            Some(key) => Outcome::of(Some(key) == of_file),
            None => Outcome::NotAsked,
        };
        set(Check::Organisation, organisation);
        let devices = certified(&file, asked.organisation.or(of_file).as_ref());
        set(Check::Certificate, Outcome::of(devices.is_some()));
        let devices = devices.unwrap_or_default();
        let sheet = SignedSheet::from_bytes(&file.sheet).ok();
        let sheet = sheet.filter(parts::is_consistent);
        set(Check::Sheet, Outcome::of(sheet.is_some()));
        if let Some(sheet) = sheet {
            let (content, root) = sheet.roots();
            set(Check::Paths, Outcome::of(parts::are_paths_in_place(&sheet)));
            set(Check::Content, Outcome::of(content == sheet.header.content));
            set(Check::Root, Outcome::of(root == sheet.header.root));
            set(Check::Signature, Outcome::of(sheet.is_signed()));
            let is_known = devices.iter().any(|device| is_of(device, &sheet));
            set(Check::Device, Outcome::of(is_known));
            set(Check::Form, parts::form(&sheet));
            set(Check::Complete, Outcome::of(parts::is_complete(&sheet)));
            let enclosed = parts::are_attachments(&sheet, &file.attachments);
            set(Check::Attachments, Outcome::of(enclosed));
            let addenda = addenda(&file, &sheet, &devices);
            set(Check::Addenda, Outcome::of(addenda.is_some()));
            let addenda = addenda.unwrap_or_default();
            receipt_taken = addenda
                .iter()
                .any(|addendum| addendum.note.kind == AddendumKind::ReceiptTaken);
            let sections = sections::Sections::of(&file.sections);
            set(Check::Sections, Outcome::of(sections.is_some()));
            let added = sections.unwrap_or_default().check(
                sheet.hash(),
                &devices,
                &asked.authorities,
                &mut set,
            );
            let said = tell(&file, &sheet, addenda.len(), added);
            let ticket = asked.ticket.as_deref().map(|asked| {
                asked == said.ticket.to_string() || Some(asked) == said.number.as_deref()
            });
            set(Check::Ticket, ticket.map_or(Outcome::NotAsked, Outcome::of));
            let code = asked
                .receipt
                .as_deref()
                .map(|typed| receipt::normalise(typed).is_some_and(|code| code == said.code));
            set(Check::Receipt, code.map_or(Outcome::NotAsked, Outcome::of));
            told = Some(said);
        }
    }
    let checks: Vec<(Check, Outcome)> = Check::ALL.into_iter().zip(outcomes).collect();
    let good = checks.iter().all(|(check, outcome)| match outcome {
        Outcome::Holds | Outcome::NotAsked | Outcome::NotThere => true,
        // A form that came later than this verifier: the values are bound all the same. And a verifier built
        // without time-stamps leaves them unread.
        Outcome::NotReached => matches!(check, Check::Form | Check::Timestamp | Check::Authority),
        Outcome::Fails => false,
    });
    let level = match told.as_ref().map(|told| told.kind) {
        Some(SheetKind::Absent | SheetKind::Refused) if good => Level::Unsigned,
        Some(_) if good && receipt_taken => Level::ReceiptTaken,
        Some(_) if good => Level::Witnessed,
        _ => Level::None,
    };
    let not_proven = words::not_proven(good, told.as_ref(), &checks);
    Report {
        good,
        level,
        told,
        checks,
        not_proven,
    }
}

/// The devices that the organisation vouches for; nothing where one certificate does not hold, or there is none.
fn certified(file: &EvidenceFile, key: Option<&PublicKey>) -> Option<Vec<CertifiedDevice>> {
    let devices: Option<Vec<CertifiedDevice>> = file
        .certificates
        .iter()
        .map(|bytes| {
            let certificate = DeviceCertificate::from_bytes(bytes).ok()?;
            certificate.verify(key?).ok()
        })
        .collect();
    devices.filter(|devices| !devices.is_empty())
}

/// Whether the sheet says that it is this device's.
fn is_of(device: &CertifiedDevice, sheet: &SignedSheet) -> bool {
    let header = &sheet.header;
    device.device() == header.device
        && *device.key().as_bytes() == header.key
        && device
            .person()
            .is_none_or(|person| *person == header.person)
}

/// The addenda, if every one holds.
fn addenda(
    file: &EvidenceFile,
    sheet: &SignedSheet,
    devices: &[CertifiedDevice],
) -> Option<Vec<Addendum>> {
    let name = sheet.hash();
    let hold = |addendum: &Addendum| {
        let note = &addendum.note;
        let of_device = |device: &CertifiedDevice| {
            device.device() == note.device
                && device.person().is_none_or(|person| *person == note.person)
                && addendum.is_signed_by(device.key())
        };
        note.sheet == name && devices.iter().any(of_device)
    };
    file.addenda
        .iter()
        .map(|bytes| Addendum::from_bytes(bytes).ok().filter(hold))
        .collect()
}

fn tell(file: &EvidenceFile, sheet: &SignedSheet, addenda: usize, added: sections::Added) -> Told {
    let header = &sheet.header;
    let hash = sheet.hash();
    Told {
        sheet: hash,
        code: receipt::code(hash),
        ticket: header.ticket,
        number: sheet
            .block("content/number")
            .map(|block| block.text.clone()),
        kind: header.kind,
        edition: header.edition,
        corrects: header.corrects,
        device: header.device,
        person: header.person.clone(),
        at: header.at,
        zone: header.zone.clone(),
        clock: header.clock_trust().code(),
        running: header.running,
        previous: header.previous,
        erased: sheet.leaves.iter().filter(|l| l.block().is_none()).count(),
        addenda,
        attachments_elsewhere: file.attachments.iter().filter(|a| !a.is_here).count(),
        countersigned: added.countersigned,
        log_size: added.log_size,
        stamped: added.stamped,
    }
}
