//! Photos and other attachments that this phone keeps until the server has them.

use gongdan_core::ids::{BlobHash, TicketId};
use gongdan_core::store::BlobRow;

use crate::error::PhoneError;
use crate::phone::Phone;

#[uniffi::export]
impl Phone {
    /// Keeps an attachment of a ticket, encrypted like everything else; it is in the store when this
    /// returns. Its SHA-256, which `AttachPhoto` names. The same bytes again change nothing.
    ///
    /// # Errors
    /// [`PhoneError::Unfit`] with `too_large`, [`PhoneError::Store`].
    pub fn add_blob(
        &self,
        ticket: TicketId,
        media_type: String,
        bytes: Vec<u8>,
    ) -> Result<BlobHash, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.add_blob(ticket, &media_type, &bytes)?))
    }

    /// Attachments whose bytes the server does not have yet, oldest first.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn unsent_blobs(&self) -> Result<Vec<BlobRow>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.unsent_blobs()?))
    }

    /// Bytes of an attachment from `offset`, at most `length` of them; nothing where it is not here.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn read_blob(
        &self,
        hash: BlobHash,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.read_blob(hash, offset, length)?))
    }

    /// The server said that it has all bytes: the attachment may be dropped from now on.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn mark_blob_sent(&self, hash: BlobHash) -> Result<(), PhoneError> {
        self.with(|exchange| Ok(exchange.replica.mark_blob_sent(hash)?))
    }

    /// Drops a sent attachment to make room. `false` where there is none that was sent.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn drop_blob(&self, hash: BlobHash) -> Result<bool, PhoneError> {
        self.with(|exchange| Ok(exchange.replica.drop_blob(hash)?))
    }
}
