//! Sheets on a device: frozen when the customer takes the phone, sealed when he has signed.
//!
//! Invariant: nothing of a sheet is stored before it is sealed; sealed, its bytes, its place in the device's chain
//! and the commands that name it are in the store in one transaction, or none of them is.

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::{ExecuteError, Replica, get, lock, meta, put};
use crate::clock::Timestamp;
use crate::document::Inexecutable;
use crate::evidence::addendum::{Addendum, AddendumKind, Note};
use crate::evidence::content::{self, Frozen, Moment, Source};
use crate::evidence::file::EvidenceFile;
use crate::evidence::form::Language;
use crate::evidence::receipt::{self, Receipt};
use crate::evidence::seal::{self, Anchor, MEDIA_TYPE, Sealer, SignedSheet};
use crate::evidence::{Difference, Signing, Unfit, compare};
use crate::ids::{BlobHash, ChangeHash, CommandId, Part, PartRef, SheetHash, TicketId};
use crate::store::{BlobRow, BlobState, StoreError, StoreTxn};
use crate::sync::certificate::DeviceCertificate;
use crate::ticket::Ticket;
use crate::ticket::command::Command;

/// Why there is no sheet. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// No such ticket on this device.
    #[error("make sheet: no such ticket here")]
    NoSuchTicket,
    /// What was done with the sheet does not make one.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The sheet that it corrects is not among the ticket's.
    #[error("make sheet: no sheet here to correct")]
    NothingToCorrect,
    /// The commands that name it cannot be executed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The device has no certificate to prove whose it is.
    #[error("make evidence file: the device has no certificate")]
    NoCertificate,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A sheet that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The sheet.
    pub sheet: SignedSheet,
    /// Its name.
    pub hash: SheetHash,
    /// SHA-256 of its bytes: the attachment.
    pub blob: BlobHash,
    /// What the customer takes with him.
    pub receipt: Receipt,
}

/// The end of the device's chain of sheets.
#[derive(Debug, Clone, Copy, Encode, Decode)]
struct SheetChain {
    #[n(0)]
    running: u64,
    #[n(1)]
    last: SheetHash,
}

fn chain(txn: &mut dyn StoreTxn) -> Result<SheetChain, StoreError> {
    let found = get::<Option<SheetChain>>(txn, meta::SHEETS)?.flatten();
    Ok(found.unwrap_or(SheetChain {
        running: 0,
        last: SheetHash([0; 32]),
    }))
}

/// Where the addenda of a sheet are kept.
fn addenda_key(sheet: SheetHash) -> String {
    format!("addenda {sheet}")
}

impl Replica {
    /// Freezes a ticket as this device has it now: the sheet that the customer reads, in his language.
    ///
    /// # Errors
    /// [`SheetError::NoSuchTicket`], [`SheetError::Store`].
    pub fn freeze(
        &mut self,
        ticket: TicketId,
        language: Language,
        offset_minutes: i32,
    ) -> Result<Frozen, SheetError> {
        let view = self.ticket(ticket)?.ok_or(SheetError::NoSuchTicket)?;
        let mut waiting: Vec<(Part, CommandId)> = Vec::new();
        self.store.read(&mut |txn| {
            waiting.clear();
            for part in Part::ALL {
                let entries = txn.entries_of(PartRef { ticket, part })?;
                let entries = entries.iter().filter(|entry| entry.state.is_waiting());
                waiting.extend(entries.map(|entry| (part, entry.command_id)));
            }
            Ok(())
        })?;
        let source = Source {
            ticket: &view.ticket,
            heads: &view.heads,
            waiting: &waiting,
            catalogue: self.catalogue.as_ref(),
            person: &self.identity.person,
            language,
            offset_minutes,
        };
        let seed = self.entropy.bytes();
        Ok(content::freeze(&source, seed))
    }

    /// Seals a frozen sheet with what was done with it; it is in the store, with the commands that name it,
    /// when this returns. The commands are executed on the heads that the sheet shows.
    ///
    /// # Errors
    /// [`SheetError`] says why; nothing was written then.
    pub fn seal(
        &mut self,
        frozen: &Frozen,
        signing: &Signing,
        moment: &Moment,
    ) -> Result<Sealed, SheetError> {
        let view = self
            .ticket(frozen.ticket)?
            .ok_or(SheetError::NoSuchTicket)?;
        let edition = edition(&view.ticket, signing.corrects)?;
        let (mut end, mut anchor) = (None, None);
        self.store.read(&mut |txn| {
            end = Some(chain(txn)?);
            let server = get::<Timestamp>(txn, meta::ANCHOR)?.unwrap_or_default();
            let contact = lock::last_contact(txn)?;
            anchor = contact
                .filter(|_| server > Timestamp::default())
                .map(|contact| Anchor { server, contact });
            Ok(())
        })?;
        let end = end.ok_or(StoreError::Malformed { what: "sheets" })?;
        let random = self.entropy.bytes();
        let sealer = Sealer {
            device: self.identity.device,
            person: &self.identity.person,
            key: &self.key,
            moment,
            anchor,
            running: end.running + 1,
            previous: end.last,
            edition,
            evidence_key: self.catalogue.as_ref().and_then(|c| c.evidence_key()),
            random,
        };
        let sheet = seal::seal(frozen, signing, &sealer)?;
        let bytes = sheet.to_bytes();
        let hash = sheet.hash();
        let row = BlobRow {
            hash: BlobHash(Sha256::digest(&bytes).into()),
            ticket: frozen.ticket,
            media_type: MEDIA_TYPE.to_owned(),
            bytes: bytes.len() as u64,
            state: BlobState::Unsent,
        };
        let next = SheetChain {
            running: end.running + 1,
            last: hash,
        };
        let acts = acts(&sheet, signing, hash, &row);
        let seen = frozen.heads.clone();
        self.execute_all(moment.at, frozen.ticket, &seen, acts, &mut |txn| {
            txn.put_blob(&row, &bytes)?;
            put(txn, meta::SHEETS, &Some(next))
        })?;
        Ok(Sealed {
            receipt: receipt::receipt(hash),
            hash,
            blob: row.hash,
            sheet,
        })
    }

    /// A sheet by its attachment's hash, where its bytes are on this device.
    ///
    /// # Errors
    /// The store fails, or what it has is no sheet.
    pub fn sheet(&mut self, blob: BlobHash) -> Result<Option<SignedSheet>, StoreError> {
        let bytes = self.read_blob(blob, 0, u64::MAX)?;
        bytes
            .map(|bytes| SignedSheet::from_bytes(&bytes))
            .transpose()
            .map_err(|_| StoreError::Malformed { what: "a sheet" })
    }

    /// What the ticket says otherwise now than a sheet of it, field by field.
    ///
    /// # Errors
    /// [`SheetError::NoSuchTicket`], [`SheetError::Store`].
    pub fn differences(&mut self, sheet: &SignedSheet) -> Result<Vec<Difference>, SheetError> {
        let language = sheet.language().unwrap_or(Language::Zh);
        let offset = sheet.offset_minutes().unwrap_or(0);
        let now = self.freeze(sheet.header.ticket, language, offset)?;
        Ok(compare(sheet, &now.blocks))
    }

    /// Adds to a sheet, outside what was signed: that the receipt was taken, a remark. Durable when it returns.
    ///
    /// # Errors
    /// The store fails.
    pub fn add_to_sheet(
        &mut self,
        sheet: SheetHash,
        kind: AddendumKind,
        text: &str,
        now: Timestamp,
    ) -> Result<Addendum, StoreError> {
        let note = Note {
            version: 1,
            sheet,
            kind,
            text: text.to_owned(),
            device: self.identity.device,
            person: self.identity.person.clone(),
            at: now,
        };
        let addendum = Addendum::sign(&self.key, note);
        let key = addenda_key(sheet);
        self.store.write(&mut |txn| {
            let mut all = addenda(txn, &key)?;
            all.push(addendum.clone());
            put(txn, &key, &all)
        })?;
        Ok(addendum)
    }

    /// The evidence file of a sheet, with every attachment that is here and no larger than `enclosed_bytes_max`.
    /// `None` where the sheet's bytes are not on this device.
    ///
    /// # Errors
    /// [`SheetError::NoCertificate`], [`SheetError::Store`].
    pub fn evidence_file(
        &mut self,
        blob: BlobHash,
        enclosed_bytes_max: u64,
    ) -> Result<Option<EvidenceFile>, SheetError> {
        let Some(sheet) = self.sheet(blob)? else {
            return Ok(None);
        };
        let own = self.certificate()?.ok_or(SheetError::NoCertificate)?;
        let certificates: [DeviceCertificate; 1] = [own.certificate];
        let key = addenda_key(sheet.hash());
        let mut all = Vec::new();
        self.store.read(&mut |txn| {
            all = addenda(txn, &key)?;
            Ok(())
        })?;
        let mut enclosed = std::collections::BTreeMap::new();
        for (hash, bytes) in sheet.attachments() {
            if bytes <= enclosed_bytes_max
                && let Some(found) = self.read_blob(hash, 0, u64::MAX)?
            {
                enclosed.insert(hash, found);
            }
        }
        let organisation = own.organisation_key;
        Ok(Some(EvidenceFile::new(
            organisation,
            &certificates,
            &sheet,
            &all,
            |hash| enclosed.get(&hash).cloned(),
        )))
    }
}

fn addenda(txn: &mut dyn StoreTxn, key: &str) -> Result<Vec<Addendum>, StoreError> {
    let bytes = txn.meta(key)?;
    let decoded = bytes.map(|bytes| minicbor::decode(&bytes)).transpose();
    Ok(decoded
        .map_err(|_| StoreError::Malformed { what: "addenda" })?
        .unwrap_or_default())
}

/// Which edition it is: one more than what it corrects.
fn edition(ticket: &Ticket, corrects: Option<SheetHash>) -> Result<u32, SheetError> {
    let Some(corrects) = corrects else {
        return Ok(1);
    };
    let mut sheets = ticket.sheets.iter();
    let before = sheets.find(|sheet| sheet.named.sheet == corrects);
    let before = before.ok_or(SheetError::NothingToCorrect)?;
    Ok(before.named.edition.saturating_add(1))
}

/// The reference first, which stands whatever becomes of the confirmation.
fn acts(
    sheet: &SignedSheet,
    signing: &Signing,
    hash: SheetHash,
    row: &BlobRow,
) -> Vec<Vec<Command>> {
    let header = &sheet.header;
    let shown = ChangeHash(header.content);
    let mut acts = vec![vec![Command::KeepSheet {
        sheet: hash,
        kind: header.kind,
        edition: header.edition,
        shown,
        blob: row.hash,
        bytes: row.bytes,
        corrects: header.corrects,
    }]];
    if let Some(answers) = &signing.answers {
        acts.push(vec![Command::ConfirmOnSheet {
            kind: header.kind,
            answers: answers.clone(),
            shown,
            sheet: hash,
            edition: header.edition,
            corrects: header.corrects,
        }]);
    }
    acts
}

impl From<Inexecutable> for SheetError {
    fn from(why: Inexecutable) -> Self {
        Self::Execute(why.into())
    }
}
