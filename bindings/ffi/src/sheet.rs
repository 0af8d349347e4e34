//! The signed sheet: frozen for the customer to read, sealed when he has signed, its receipt, and the verifier.

use std::sync::Arc;

use gongdan_core::evidence::addendum::AddendumKind;
use gongdan_core::evidence::ink::{self, InkFault};
use gongdan_core::evidence::receipt::receipt;
use gongdan_core::evidence::verify::{Asked, verify, words};
use gongdan_core::evidence::{Difference, Frozen, Language, Moment, Receipt, Signing};
use gongdan_core::ids::{BlobHash, ChangeHash, SheetHash, TicketId};
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::ticket::Ink;

use crate::error::PhoneError;
use crate::host::now;
use crate::phone::{Phone, locked};

/// A line of a sheet, as the customer reads it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SheetLine {
    /// What stands before it.
    pub label: String,
    /// What it says.
    pub text: String,
}

/// A sheet that the customer may read. It lives as long as the host holds it; nothing of it is stored.
#[derive(uniffi::Object)]
pub struct FrozenSheet(Frozen);

#[uniffi::export]
impl FrozenSheet {
    /// Its heading.
    pub fn title(&self) -> String {
        self.0.title().to_owned()
    }

    /// What stands on it, in order: all of it is to be shown.
    pub fn lines(&self) -> Vec<SheetLine> {
        let line = |block: &gongdan_core::evidence::Block| SheetLine {
            label: block.label.clone(),
            text: block.text.clone(),
        };
        self.0.shown().map(line).collect()
    }

    /// The hash of what is shown.
    pub fn shown(&self) -> ChangeHash {
        ChangeHash(self.0.content_hash())
    }
}

/// The phone's zone and its clock that nobody sets.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct PhoneClock {
    /// IANA name of the zone.
    pub zone: String,
    /// Its offset from UTC now, in minutes.
    pub offset_minutes: i32,
    /// Milliseconds since the phone started; 0 where that is not known.
    pub monotonic_millis: u64,
}

/// A sheet that is in the store.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SealedSheet {
    /// Its name.
    pub sheet: SheetHash,
    /// SHA-256 of its bytes: an attachment, sent like the others.
    pub blob: BlobHash,
    /// What the customer takes with him.
    pub receipt: Receipt,
}

/// What the verifier says of an evidence file.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EvidenceReport {
    /// No check fails.
    pub good: bool,
    /// How far it proves anything: `none`, `unsigned`, `witnessed`, `receipt_taken`.
    pub level: String,
    /// For people.
    pub words: String,
    /// Every check with what it came to, and what is not proven.
    pub json: String,
}

#[uniffi::export]
impl Phone {
    /// Freezes a ticket for the customer to read, in his language.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchTicket`], [`PhoneError::Store`].
    pub fn freeze(
        &self,
        ticket: TicketId,
        language: Language,
        offset_minutes: i32,
    ) -> Result<Arc<FrozenSheet>, PhoneError> {
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), ticket)?)?;
            let frozen = exchange.replica.freeze(ticket, language, offset_minutes)?;
            Ok(Arc::new(FrozenSheet(frozen)))
        })
    }

    /// Seals a frozen sheet with what was done with it: stored, with the commands that name it, when this
    /// returns, or nothing is.
    ///
    /// # Errors
    /// [`PhoneError::Unfit`] (`ink_empty`, `ink_dot`, `ink_too_short`, `ink_outside`, `ink_backwards`,
    /// `ink_too_much`, `sheet_answers`, `sheet_signers`, `sheet_attachment`, `sheet_reason`, `sheet_value`,
    /// `sheet_evidence_key`, `sheet_too_large`, `nothing_to_correct`), else as [`Phone::execute`].
    pub fn seal(
        &self,
        frozen: Arc<FrozenSheet>,
        signing: Signing,
        clock: PhoneClock,
    ) -> Result<SealedSheet, PhoneError> {
        let moment = Moment {
            at: now(),
            zone: clock.zone,
            offset_minutes: clock.offset_minutes,
            monotonic_millis: clock.monotonic_millis,
        };
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), frozen.0.ticket)?)?;
            let sealed = exchange.replica.seal(&frozen.0, &signing, &moment)?;
            Ok(SealedSheet {
                sheet: sealed.hash,
                blob: sealed.blob,
                receipt: sealed.receipt,
            })
        })
    }

    /// What the ticket says otherwise now than a sheet whose bytes are here; nothing where they are not.
    ///
    /// # Errors
    /// [`PhoneError::NoSuchTicket`], [`PhoneError::Store`].
    pub fn sheet_differences(&self, blob: BlobHash) -> Result<Option<Vec<Difference>>, PhoneError> {
        self.with(|exchange| match exchange.replica.sheet(blob)? {
            Some(sheet) => Ok(Some(exchange.replica.differences(&sheet)?)),
            None => Ok(None),
        })
    }

    /// The customer photographed the receipt, or wrote its code down.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn receipt_taken(&self, sheet: SheetHash) -> Result<(), PhoneError> {
        self.with(|exchange| {
            let kind = AddendumKind::ReceiptTaken;
            exchange.replica.add_to_sheet(sheet, kind, "", now())?;
            Ok(())
        })
    }

    /// The evidence file (`.gds`) of a sheet whose bytes are here, with attachments up to so many bytes each.
    ///
    /// # Errors
    /// [`PhoneError::Key`] with `no_certificate`, [`PhoneError::Store`].
    pub fn evidence_file(
        &self,
        blob: BlobHash,
        enclosed_bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, PhoneError> {
        self.with(|exchange| {
            let file = exchange.replica.evidence_file(blob, enclosed_bytes_max)?;
            Ok(file.map(|file| file.to_bytes()))
        })
    }
}

/// Why ink is no signature; nothing where it can be one. Asked while the customer draws.
#[uniffi::export]
pub fn ink_fault(ink: Ink) -> Option<InkFault> {
    ink::check(&ink).err()
}

/// The receipt of a sheet, to be shown again.
#[uniffi::export]
pub fn sheet_receipt(sheet: SheetHash) -> Receipt {
    receipt(sheet)
}

/// Checks an evidence file. The organisation's key is 32 bytes, got from elsewhere.
///
/// # Errors
/// [`PhoneError::Key`] with `not_32_bytes`.
#[uniffi::export]
pub fn verify_evidence(
    file: Vec<u8>,
    organisation_key: Option<Vec<u8>>,
    ticket: Option<String>,
    receipt: Option<String>,
    language: Language,
) -> Result<EvidenceReport, PhoneError> {
    let organisation = organisation_key
        .map(|bytes| {
            let bytes = bytes.try_into().ok();
            bytes
                .and_then(PublicKey::from_bytes)
                .ok_or_else(|| PhoneError::key("not_32_bytes"))
        })
        .transpose()?;
    let asked = Asked {
        organisation,
        ticket,
        receipt,
        // A phone is told of no authority: a time-stamp counts as not checked against one.
        ..Asked::default()
    };
    let report = verify(&file, &asked);
    Ok(EvidenceReport {
        good: report.good,
        level: report.level.code().to_owned(),
        words: words(&report, language),
        json: report.json(),
    })
}
