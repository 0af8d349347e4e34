//! Photos and other attachments that this phone keeps until the server has them.

use gongdan_core::fault::Fault;
use gongdan_core::ids::BlobHash;
use wasm_bindgen::prelude::wasm_bindgen;

use super::host::whole;
use super::{Phone, Thrown, thrown, ticket_id, to_json};

pub(super) fn blob_hash(text: &str) -> Result<BlobHash, Thrown> {
    text.parse().map_err(|_| thrown(Fault::unfit("invalid_id")))
}

#[wasm_bindgen]
impl Phone {
    /// Keeps an attachment of a ticket, encrypted like everything else; its SHA-256.
    ///
    /// # Errors
    /// `Unfit` with `too_large`, `Store`.
    #[wasm_bindgen(js_name = addBlob)]
    pub fn add_blob(&self, ticket: &str, media_type: &str, bytes: &[u8]) -> Result<String, Thrown> {
        let ticket = ticket_id(ticket)?;
        self.with(|exchange| {
            let hash = exchange.replica.add_blob(ticket, media_type, bytes)?;
            Ok(hash.to_string())
        })
    }

    /// Attachments whose bytes the server does not have yet, oldest first.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = unsentBlobs)]
    pub fn unsent_blobs(&self) -> Result<String, Thrown> {
        to_json(&self.with(|exchange| Ok(exchange.replica.unsent_blobs()?))?)
    }

    /// Bytes of an attachment from `offset`, at most `length` of them; nothing where it is not here.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = readBlob)]
    pub fn read_blob(
        &self,
        hash: &str,
        offset: f64,
        length: f64,
    ) -> Result<Option<Vec<u8>>, Thrown> {
        let hash = blob_hash(hash)?;
        let (offset, length) = (whole(offset), whole(length));
        self.with(|exchange| Ok(exchange.replica.read_blob(hash, offset, length)?))
    }

    /// The server said that it has all bytes.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = markBlobSent)]
    pub fn mark_blob_sent(&self, hash: &str) -> Result<(), Thrown> {
        let hash = blob_hash(hash)?;
        self.with(|exchange| Ok(exchange.replica.mark_blob_sent(hash)?))
    }

    /// Drops a sent attachment to make room. `false` where there is none that was sent.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = dropBlob)]
    pub fn drop_blob(&self, hash: &str) -> Result<bool, Thrown> {
        let hash = blob_hash(hash)?;
        self.with(|exchange| Ok(exchange.replica.drop_blob(hash)?))
    }
}
