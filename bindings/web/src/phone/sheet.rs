//! The signed sheet: frozen for the customer to read, sealed when he has signed, its receipt, and the verifier.

use gongdan_core::evidence::addendum::AddendumKind;
use gongdan_core::evidence::receipt::receipt;
use gongdan_core::evidence::verify::{Asked, verify, words};
use gongdan_core::evidence::{Frozen, Language, Moment, Signing, ink};
use gongdan_core::fault::Fault;
use gongdan_core::ids::SheetHash;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::ticket::Ink;
use serde::Deserialize;
use serde_json::json;
use wasm_bindgen::prelude::wasm_bindgen;

use super::attachments::blob_hash;
use super::host::{now, whole};
use super::{Phone, Thrown, from_json, locked, thrown, ticket_id, to_json};

/// A sheet that the customer may read. Nothing of it is stored.
#[wasm_bindgen]
pub struct FrozenSheet {
    frozen: Frozen,
}

#[wasm_bindgen]
impl FrozenSheet {
    /// Its heading.
    pub fn title(&self) -> String {
        self.frozen.title().to_owned()
    }

    /// What stands on it, in order, in JSON: `label` and `text`. All of it is to be shown.
    ///
    /// # Errors
    /// None that core gives.
    pub fn lines(&self) -> Result<String, Thrown> {
        let line = |block: &gongdan_core::evidence::Block| json!({ "label": block.label, "text": block.text });
        to_json(&self.frozen.shown().map(line).collect::<Vec<_>>())
    }

    /// The hash of what is shown.
    pub fn shown(&self) -> String {
        gongdan_core::ids::ChangeHash(self.frozen.content_hash()).to_string()
    }
}

/// The phone's zone and its clock that nobody sets.
#[derive(Deserialize)]
struct PhoneClock {
    zone: String,
    offset_minutes: i32,
    monotonic_millis: u64,
}

fn sheet_hash(text: &str) -> Result<SheetHash, Thrown> {
    text.parse().map_err(|_| thrown(Fault::unfit("invalid_id")))
}

fn language(code: &str) -> Result<Language, Thrown> {
    Language::by_code(code).ok_or_else(|| thrown(Fault::unfit("misfit")))
}

#[wasm_bindgen]
impl Phone {
    /// Freezes a ticket for the customer to read, in his language (`zh`, `en`).
    ///
    /// # Errors
    /// `NoSuchTicket`, `Store`.
    pub fn freeze(
        &self,
        ticket: &str,
        language_code: &str,
        offset_minutes: i32,
    ) -> Result<FrozenSheet, Thrown> {
        let (ticket, language) = (ticket_id(ticket)?, language(language_code)?);
        self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), ticket)?)?;
            let frozen = exchange.replica.freeze(ticket, language, offset_minutes)?;
            Ok(FrozenSheet { frozen })
        })
    }

    /// Seals a frozen sheet: stored, with the commands that name it, when this returns, or nothing is. `signing`
    /// and `clock` (`zone`, `offset_minutes`, `monotonic_millis`) are JSON; so is what comes back.
    ///
    /// # Errors
    /// `Unfit`, else as `execute`.
    pub fn seal(&self, frozen: &FrozenSheet, signing: &str, clock: &str) -> Result<String, Thrown> {
        let signing: Signing = from_json(signing)?;
        let clock: PhoneClock = from_json(clock)?;
        let moment = Moment {
            at: now(),
            zone: clock.zone,
            offset_minutes: clock.offset_minutes,
            monotonic_millis: clock.monotonic_millis,
        };
        let frozen = &frozen.frozen;
        let sealed = self.with(|exchange| {
            locked(exchange.replica.lock_of(now(), frozen.ticket)?)?;
            Ok(exchange.replica.seal(frozen, &signing, &moment)?)
        })?;
        to_json(&json!({ "sheet": sealed.hash, "blob": sealed.blob, "receipt": sealed.receipt }))
    }

    /// What the ticket says otherwise now than a sheet whose bytes are here, in JSON; `null` where they are not.
    ///
    /// # Errors
    /// `NoSuchTicket`, `Store`.
    #[wasm_bindgen(js_name = sheetDifferences)]
    pub fn sheet_differences(&self, blob: &str) -> Result<String, Thrown> {
        let blob = blob_hash(blob)?;
        to_json(&self.with(|exchange| match exchange.replica.sheet(blob)? {
            Some(sheet) => Ok(Some(exchange.replica.differences(&sheet)?)),
            None => Ok(None),
        })?)
    }

    /// The customer photographed the receipt, or wrote its code down.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = receiptTaken)]
    pub fn receipt_taken(&self, sheet: &str) -> Result<(), Thrown> {
        let sheet = sheet_hash(sheet)?;
        self.with(|exchange| {
            let kind = AddendumKind::ReceiptTaken;
            exchange.replica.add_to_sheet(sheet, kind, "", now())?;
            Ok(())
        })
    }

    /// The evidence file (`.gds`) of a sheet whose bytes are here, with attachments up to so many bytes each.
    ///
    /// # Errors
    /// `Key` with `no_certificate`, `Store`.
    #[wasm_bindgen(js_name = evidenceFile)]
    pub fn evidence_file(
        &self,
        blob: &str,
        enclosed_bytes_max: f64,
    ) -> Result<Option<Vec<u8>>, Thrown> {
        let (blob, most) = (blob_hash(blob)?, whole(enclosed_bytes_max));
        self.with(|exchange| {
            let file = exchange.replica.evidence_file(blob, most)?;
            Ok(file.map(|file| file.to_bytes()))
        })
    }
}

/// Why ink (JSON) is no signature; nothing where it can be one.
///
/// # Errors
/// `Unfit`: it is not of ink's form.
#[wasm_bindgen(js_name = inkFault)]
pub fn ink_fault(drawn: &str) -> Result<Option<String>, Thrown> {
    let drawn: Ink = from_json(drawn)?;
    Ok(ink::check(&drawn)
        .err()
        .map(|fault| fault.code().to_owned()))
}

/// The receipt of a sheet, to be shown again; JSON with `code`, `content` and `svg`.
///
/// # Errors
/// `Unfit` with `invalid_id`.
#[wasm_bindgen(js_name = sheetReceipt)]
pub fn sheet_receipt(sheet: &str) -> Result<String, Thrown> {
    to_json(&receipt(sheet_hash(sheet)?))
}

/// Checks an evidence file; JSON with `good`, `level`, `words` and the `report`.
///
/// # Errors
/// `Key` with `not_32_bytes`.
#[wasm_bindgen(js_name = verifyEvidence)]
pub fn verify_evidence(
    file: &[u8],
    organisation_key: Option<Vec<u8>>,
    ticket: Option<String>,
    receipt: Option<String>,
    language_code: &str,
) -> Result<String, Thrown> {
    let language = language(language_code)?;
    let organisation = match organisation_key {
        Some(bytes) => {
            let bytes = bytes.try_into().ok();
            let key = bytes.and_then(PublicKey::from_bytes);
            Some(key.ok_or_else(|| thrown(Fault::key("not_32_bytes")))?)
        }
        None => None,
    };
    let asked = Asked {
        organisation,
        ticket,
        receipt,
        // A phone is told of no authority: a time-stamp counts as not checked against one.
        ..Asked::default()
    };
    let report = verify(file, &asked);
    to_json(&json!({
        "good": report.good, "level": report.level.code(), "words": words(&report, language), "report": report,
    }))
}
