//! A phone that is to hold nothing any more, and what is saved before: rescue files, a colleague's load.
//!
//! ```text
//! the report kept ──▶ the database's key destroyed ──▶ database deleted ──▶ reported ──▶ report forgotten
//! ```
//! Invariant: cut off at any point it goes on at the next opening, and the key is gone before the office hears
//! that it is. Nothing that is on no server is emptied unless a rescue file was read back.

use gongdan_core::clock::Timestamp;
use gongdan_core::exchange::{Request, WIPED_PATH};
use gongdan_core::fault::Fault;
use gongdan_core::ids::PersonId;
use gongdan_core::replica::Unsent;
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::codec;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use super::host::{
    DATABASE_KEY, DEVICE_KEY, KeyStore, Transport, forget_wipe_report, keep_wipe_report, now, send,
    wipe_report,
};
use super::{Phone, Thrown, host, pool, thrown, to_json};

/// What a rescue file held.
#[derive(Serialize)]
struct Rescued {
    person: PersonId,
    at: Timestamp,
    changesets: usize,
    blobs: usize,
}

/// How a logout ended.
#[derive(Serialize)]
enum Logout {
    Done,
    Unsent { unsent: Unsent },
}

pub(super) fn destroy(key_store: &KeyStore) -> Result<(), Fault> {
    host::destroy(key_store, DATABASE_KEY)?;
    pool::clear()
}

pub(super) async fn report(transport: &Transport, key_store: &KeyStore) -> Result<(), Fault> {
    let report = wipe_report(key_store)?.ok_or_else(|| Fault::store("not_enrolled"))?;
    destroy(key_store)?;
    let request = Request {
        method: "POST".to_owned(),
        path: WIPED_PATH.to_owned(),
        authorization: Some(report),
        content_type: "application/octet-stream".to_owned(),
        body: Vec::new(),
    };
    send(transport, request).await?.success()?;
    host::destroy(key_store, DEVICE_KEY)?;
    forget_wipe_report(key_store)
}

#[wasm_bindgen]
impl Phone {
    /// What would be lost if the phone were emptied now.
    ///
    /// # Errors
    /// `Store`.
    pub fn unsent(&self) -> Result<String, Thrown> {
        to_json(&self.with(|exchange| Ok(exchange.replica.unsent()?))?)
    }

    /// The bytes of a rescue file under a passphrase of 12 characters or more. A browser cannot tell whether a
    /// person's download was kept: what is in it counts as safe only after [`Phone::confirm_rescue`].
    ///
    /// # Errors
    /// `Unfit` (`weak_passphrase`, `too_large`), `Store`.
    #[wasm_bindgen(js_name = writeRescue)]
    pub fn write_rescue(&self, passphrase: &str) -> Result<Vec<u8>, Thrown> {
        self.with(|exchange| {
            Ok(exchange
                .replica
                .write_rescue(now(), passphrase, Vec::new())?)
        })
    }

    /// Reads a rescue file of this phone back, as it was kept; from then on what is in it counts as safe.
    ///
    /// # Errors
    /// `Unfit` (`wrong_passphrase`, `not_a_rescue_file`, `later_version`), `Store`.
    #[wasm_bindgen(js_name = confirmRescue)]
    pub fn confirm_rescue(&self, file: &[u8], passphrase: &str) -> Result<(), Thrown> {
        self.with(|exchange| Ok(exchange.replica.confirm_rescue(file, passphrase)?))
    }

    /// Takes another phone's rescue file along; JSON of what it held.
    ///
    /// # Errors
    /// `Unfit` (`wrong_passphrase`, `not_a_rescue_file`, `later_version`, `too_large`), `Store`.
    #[wasm_bindgen(js_name = bringRescue)]
    pub fn bring_rescue(&self, file: &[u8], passphrase: &str) -> Result<String, Thrown> {
        let manifest =
            self.with(|exchange| Ok(exchange.replica.bring_rescue(file, passphrase)?))?;
        to_json(&Rescued {
            person: manifest.person,
            at: manifest.at,
            changesets: manifest.changesets.len(),
            blobs: manifest.blobs.len(),
        })
    }

    /// Everything of this phone that has no final verdict, for a colleague's phone to carry.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = courierLoad)]
    pub fn courier_load(&self) -> Result<Vec<js_sys::Uint8Array>, Thrown> {
        let load = self.with(|exchange| Ok(exchange.replica.courier_load()?))?;
        let bytes = |changeset| js_sys::Uint8Array::from(codec::encode(changeset).as_slice());
        Ok(load.iter().map(bytes).collect())
    }

    /// Takes a colleague's load along; the next syncs hand it over.
    ///
    /// # Errors
    /// `Answer` with `malformed`: then nothing was taken; `Store`.
    pub fn carry(&self, load: Vec<js_sys::Uint8Array>) -> Result<(), Thrown> {
        let read = |bytes: &js_sys::Uint8Array| {
            let changeset = codec::decode::<Changeset>(&bytes.to_vec());
            changeset.and_then(|changeset| changeset.check_form().map(|()| changeset))
        };
        let load: Result<Vec<Changeset>, _> = load.iter().map(read).collect();
        let load = load.map_err(|_| thrown(Fault::answer("malformed")))?;
        self.with(|exchange| Ok(exchange.replica.carry(load)?))
    }

    /// Empties the phone, or says what would be lost (JSON) and does nothing.
    ///
    /// # Errors
    /// `Store`, `Key` with `failed`: call it again.
    pub fn logout(&self) -> Result<String, Thrown> {
        let unsent = self.with(|exchange| Ok(exchange.replica.unsent()?))?;
        if !unsent.is_empty() {
            return to_json(&Logout::Unsent { unsent });
        }
        *self.exchange.borrow_mut() = None;
        destroy(&self.key_store).map_err(thrown)?;
        host::destroy(&self.key_store, DEVICE_KEY).map_err(thrown)?;
        to_json(&Logout::Done)
    }

    /// The office's order to wipe this phone, with what it still waits for; `null` where there is none.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = wipeOrder)]
    pub fn wipe_order(&self) -> Result<String, Thrown> {
        to_json(&self.with(|exchange| Ok(exchange.replica.wipe_order()?))?)
    }

    /// Carries out an order to wipe that waits for nothing any more. `false` where there is no such order.
    ///
    /// # Errors
    /// `Store`, `Key` with `failed`: call it again, or open the phone.
    #[wasm_bindgen(js_name = carryOutWipe)]
    pub fn carry_out_wipe(&self) -> Result<bool, Thrown> {
        let order = self.with(|exchange| Ok(exchange.replica.wipe_order()?))?;
        let due = order.is_some_and(|order| order.is_due());
        if due {
            let report = self.with(|exchange| Ok(exchange.sign("POST", WIPED_PATH, now(), &[])))?;
            keep_wipe_report(&self.key_store, &report).map_err(thrown)?;
            *self.exchange.borrow_mut() = None;
            destroy(&self.key_store).map_err(thrown)?;
        }
        Ok(due)
    }
}

/// Tells the office that the phone which lived at `path` is wiped, and destroys the device's key after it.
///
/// # Errors
/// `Network`, `Server`: call it again later. `Store` with `not_enrolled` where nothing was wiped, `Key`.
#[wasm_bindgen(js_name = reportWipe)]
pub async fn report_wipe(
    path: String,
    transport: Transport,
    key_store: KeyStore,
) -> Result<(), Thrown> {
    pool::take(&path).await.map_err(thrown)?;
    report(&transport, &key_store).await.map_err(thrown)
}
