//! Attachments on this device: kept with the tickets until the server has their bytes.
//!
//! Invariant: what was not sent is not dropped, and keeps its ticket from being evicted.

use sha2::{Digest, Sha256};

use super::Replica;
use crate::ids::{BlobHash, TicketId};
use crate::limits;
use crate::store::{BlobRow, BlobState, StoreError};

/// Why an attachment was not kept.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// Past the limit of an attachment.
    #[error("keep an attachment: too large")]
    TooLarge,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Replica {
    /// Keeps an attachment of a ticket, durably when it returns: its name. Goes before the command that
    /// refers to it.
    pub fn add_blob(
        &mut self,
        ticket: TicketId,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<BlobHash, BlobError> {
        if bytes.len() as u64 > limits::BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge);
        }
        let row = BlobRow {
            hash: BlobHash(Sha256::digest(bytes).into()),
            ticket,
            media_type: media_type.to_owned(),
            bytes: bytes.len() as u64,
            state: BlobState::Unsent,
        };
        self.store.write(&mut |txn| txn.put_blob(&row, bytes))?;
        Ok(row.hash)
    }

    /// What the server has not all bytes of, oldest first.
    pub fn unsent_blobs(&mut self) -> Result<Vec<BlobRow>, StoreError> {
        let mut rows = Vec::new();
        self.store.read(&mut |txn| {
            rows = txn.blobs_in(BlobState::Unsent)?;
            Ok(())
        })?;
        Ok(rows)
    }

    /// Bytes of an attachment from `offset`, at most `length`; nothing where it is not here.
    pub fn read_blob(
        &mut self,
        hash: BlobHash,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = None;
        self.store.read(&mut |txn| {
            if let Some(row) = txn.blob(hash)? {
                let start = offset.min(row.bytes);
                let end = offset.saturating_add(length).min(row.bytes);
                bytes = Some(txn.read_blob(hash, start..end)?);
            }
            Ok(())
        })?;
        Ok(bytes)
    }

    /// The server has all bytes of it: it may be dropped from now on.
    pub fn mark_blob_sent(&mut self, hash: BlobHash) -> Result<(), StoreError> {
        self.store.write(&mut |txn| txn.mark_blob_sent(hash))
    }

    /// Drops a sent attachment to make room. `false` where there is none that was sent.
    pub fn drop_blob(&mut self, hash: BlobHash) -> Result<bool, StoreError> {
        let mut dropped = false;
        self.store.write(&mut |txn| {
            dropped = txn
                .blob(hash)?
                .is_some_and(|row| row.state == BlobState::Sent);
            if dropped {
                txn.delete_blob(hash)
            } else {
                Ok(())
            }
        })?;
        Ok(dropped)
    }
}
