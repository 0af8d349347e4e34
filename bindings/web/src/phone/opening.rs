//! Opening a phone, and making one of what the server told at enrolment.

use std::cell::RefCell;

use gongdan_core::enrolment::{self, Enrolment};
use gongdan_core::exchange::Exchange;
use gongdan_core::fault::Fault;
use gongdan_core::replica::Replica;
use wasm_bindgen::prelude::wasm_bindgen;

use super::host::{
    DATABASE_KEY, KeyStore, Observer, Transport, device_key, random, secret, send, wipe_report,
};
use super::{Changes, Phone, Thrown, from_json, leaving, pool, thrown, to_json};

fn opened(key_store: KeyStore, observer: Option<Observer>) -> Result<Phone, Fault> {
    if wipe_report(&key_store)?.is_some() {
        leaving::destroy(&key_store)?;
        return Err(Fault::store("wiped"));
    }
    if !pool::has_database()? {
        return Err(Fault::store("not_enrolled"));
    }
    let store = pool::open(secret(&key_store, DATABASE_KEY, false)?)?;
    let key = device_key(&key_store, false)?;
    let mut replica = Replica::open(Box::new(store), key, random()?)?;
    let changes = Changes::default();
    replica.observe(Box::new(changes.clone()));
    Ok(Phone {
        exchange: RefCell::new(Some(Exchange::new(replica))),
        key_store,
        observer,
        changes,
    })
}

#[wasm_bindgen]
impl Phone {
    /// Opens the phone that lives at `path`, a folder of the browser's private file system.
    ///
    /// # Errors
    /// `Store` (`not_enrolled`, `wrong_key`, `wiped`, `unusable`), `Key`.
    pub async fn open(
        path: String,
        key_store: KeyStore,
        observer: Option<Observer>,
    ) -> Result<Phone, Thrown> {
        pool::take(&path).await.map_err(thrown)?;
        opened(key_store, observer).map_err(thrown)
    }

    /// Makes the phone at `path` out of what the server told (JSON), and opens it. The same enrolment again
    /// changes nothing.
    ///
    /// # Errors
    /// As [`Phone::open`]; `already_enrolled` where another device lives at `path`.
    pub async fn enrol(
        path: String,
        enrolment: String,
        key_store: KeyStore,
        observer: Option<Observer>,
    ) -> Result<Phone, Thrown> {
        pool::take(&path).await.map_err(thrown)?;
        let enrolment: Enrolment = from_json(&enrolment)?;
        enrolled(&enrolment, key_store, observer).map_err(thrown)
    }

    /// Enrols this device with a one-time code and opens the phone at `path`.
    ///
    /// # Errors
    /// As [`request_enrolment`] and [`Phone::enrol`].
    #[wasm_bindgen(js_name = enrolWith)]
    pub async fn enrol_with(
        path: String,
        transport: Transport,
        code: String,
        device_name: String,
        key_store: KeyStore,
        observer: Option<Observer>,
    ) -> Result<Phone, Thrown> {
        pool::take(&path).await.map_err(thrown)?;
        let told = told(&transport, &code, &device_name, &key_store).await;
        enrolled(&told.map_err(thrown)?, key_store, observer).map_err(thrown)
    }
}

fn enrolled(
    enrolment: &Enrolment,
    key_store: KeyStore,
    observer: Option<Observer>,
) -> Result<Phone, Fault> {
    let (identity, certificate) = enrolment.identity()?;
    let make = !pool::has_database()?;
    let mut store = pool::open(secret(&key_store, DATABASE_KEY, make)?)?;
    Replica::enrol(&mut store, &identity)?;
    if let Some(certificate) = certificate {
        Replica::keep_certificate(&mut store, &certificate)?;
    }
    drop(store);
    opened(key_store, observer)
}

async fn told(
    transport: &Transport,
    code: &str,
    device_name: &str,
    key_store: &KeyStore,
) -> Result<Enrolment, Fault> {
    let key = device_key(key_store, true)?;
    let request = enrolment::application(code, &key.public(), device_name)?;
    Enrolment::from_json(&send(transport, request).await?.success()?)
}

/// Asks the server to enrol this device; JSON of what it told. The same code with the same key again gives the
/// same answer.
///
/// # Errors
/// `Server`, `Network`, `Key`, `Answer`.
#[wasm_bindgen(js_name = requestEnrolment)]
pub async fn request_enrolment(
    transport: Transport,
    code: String,
    device_name: String,
    key_store: KeyStore,
) -> Result<String, Thrown> {
    let told = told(&transport, &code, &device_name, &key_store).await;
    to_json(&told.map_err(thrown)?)
}

/// Reads what a QR code says; JSON of `server` and `code`.
///
/// # Errors
/// `Unfit` with `invalid_id` where it is no invitation.
#[wasm_bindgen(js_name = parseInvitation)]
pub fn parse_invitation(uri: &str) -> Result<String, Thrown> {
    to_json(&enrolment::parse_invitation(uri).map_err(thrown)?)
}
