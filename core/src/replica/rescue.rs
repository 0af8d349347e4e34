//! What leaving this phone would lose, and the file that keeps it.
//!
//! Invariant: what waits is sealed as if it were sent, so the file holds exactly what the phone itself would
//! bring; making a file changes nothing else, and the phone goes on.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use minicbor::{Decode, Encode};

use super::{Replica, get, meta, put, recovery};
use crate::clock::Timestamp;
use crate::ids::{BlobHash, ChangesetHash};
use crate::rescue::{FileEntropy, Manifest, Reader, RescueError, RescuedBlob, Writer};
use crate::store::{BlobRow, BlobState, Origin, OutboxState, StoreError, StoreTxn};
use crate::sync::changeset::Changeset;

/// Bytes of an attachment copied at a time.
const COPIED_AT_ONCE: u64 = 256 * 1024;

/// What only this phone has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct Unsent {
    /// Commands without a verdict.
    pub commands: u32,
    /// Changesets of other devices that are still to be handed over.
    pub carried: u32,
    /// Attachments whose bytes the server does not have.
    pub blobs: u32,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Tickets that all these belong to.
    pub tickets: u32,
}

impl Unsent {
    /// Nothing would be lost.
    pub const fn is_empty(&self) -> bool {
        self.commands == 0 && self.carried == 0 && self.blobs == 0
    }
}

/// What is in a rescue file that was read back.
#[derive(Debug, Default, Encode, Decode)]
struct Rescued {
    #[n(0)]
    changesets: Vec<ChangesetHash>,
    #[n(1)]
    blobs: Vec<BlobHash>,
}

impl Replica {
    /// What would be lost if this phone were emptied now: commands that wait, what it carries and attachments
    /// that were not sent, but not what is in a rescue file.
    ///
    /// # Errors
    /// The store fails.
    pub fn unsent(&mut self) -> Result<Unsent, StoreError> {
        let mut unsent = Unsent::default();
        self.store.read(&mut |txn| {
            let rescued: Rescued = get::<Option<Rescued>>(txn, meta::RESCUED)?
                .flatten()
                .unwrap_or_default();
            let kept: BTreeSet<ChangesetHash> = rescued.changesets.into_iter().collect();
            let mut sealed = BTreeSet::new();
            for row in txn.all_sealed()? {
                if kept.contains(&recovery::decode(&row.changeset)?.hash()) {
                    sealed.extend(row.entries);
                }
            }
            let mut tickets = BTreeSet::new();
            unsent = Unsent::default();
            for state in [
                OutboxState::Pending,
                OutboxState::InFlight,
                OutboxState::Held,
            ] {
                for entry in txn.entries_in(state)? {
                    // Authored anew since, it is not what the file holds.
                    let in_file = state != OutboxState::Pending && sealed.contains(&entry.id);
                    if !in_file {
                        unsent.commands += 1;
                        tickets.insert(entry.ticket);
                    }
                }
            }
            for row in txn.kept(Origin::Carried, 0, usize::MAX)? {
                if !kept.contains(&recovery::decode(&row.changeset)?.hash()) {
                    unsent.carried += 1;
                    tickets.insert(row.part.ticket);
                }
            }
            for blob in txn.blobs_in(BlobState::Unsent)? {
                if !rescued.blobs.contains(&blob.hash) {
                    unsent.blobs += 1;
                    unsent.blob_bytes += blob.bytes;
                    tickets.insert(blob.ticket);
                }
            }
            unsent.tickets = u32::try_from(tickets.len()).unwrap_or(u32::MAX);
            Ok(())
        })?;
        Ok(unsent)
    }

    /// Writes everything that only this phone has into a rescue file, sealing what is pending.
    ///
    /// # Errors
    /// [`RescueError::WeakPassphrase`], [`RescueError::TooLarge`], [`RescueError::Io`], [`RescueError::Store`].
    pub fn write_rescue<W: Write>(
        &mut self,
        now: Timestamp,
        passphrase: &str,
        out: W,
    ) -> Result<W, RescueError> {
        let manifest = self.rescue_manifest(now)?;
        let entropy = FileEntropy {
            salt: self.entropy.bytes(),
            nonce: self.entropy.bytes(),
        };
        let mut writer = Writer::new(out, passphrase, entropy, &manifest)?;
        for blob in &manifest.blobs {
            let mut offset = 0;
            while offset < blob.bytes {
                let bytes = self
                    .read_blob(blob.hash, offset, COPIED_AT_ONCE)?
                    .filter(|bytes| !bytes.is_empty())
                    .ok_or(StoreError::Malformed {
                        what: "an attachment",
                    })?;
                writer.blob_bytes(&bytes)?;
                offset += bytes.len() as u64;
            }
        }
        writer.finish()
    }

    fn rescue_manifest(&mut self, now: Timestamp) -> Result<Manifest, StoreError> {
        let mut changesets = self.courier_load()?;
        let mut blobs = Vec::new();
        self.store.read(&mut |txn| {
            for row in txn.kept(Origin::Carried, 0, usize::MAX)? {
                changesets.push(recovery::decode(&row.changeset)?);
            }
            blobs = txn.blobs_in(BlobState::Unsent)?;
            Ok(())
        })?;
        let blobs = blobs.into_iter().map(|row| RescuedBlob {
            hash: row.hash,
            ticket: row.ticket,
            media_type: row.media_type,
            bytes: row.bytes,
        });
        Ok(Manifest {
            device: self.identity.device,
            person: self.identity.person.clone(),
            at: now,
            changesets,
            blobs: blobs.collect(),
        })
    }

    /// Reads a file back and, where it is whole, notes what is in it: [`Replica::unsent`] counts that no more.
    ///
    /// # Errors
    /// As [`Reader::open`]; [`RescueError::Malformed`] for another device's file.
    pub fn confirm_rescue(
        &mut self,
        input: impl Read,
        passphrase: &str,
    ) -> Result<(), RescueError> {
        let mut reader = Reader::open(input, passphrase)?;
        while reader.next_blob()?.is_some() {}
        let manifest = reader.manifest();
        if manifest.device != self.identity.device {
            return Err(RescueError::Malformed);
        }
        let rescued = Rescued {
            changesets: manifest.changesets.iter().map(Changeset::hash).collect(),
            blobs: manifest.blobs.iter().map(|blob| blob.hash).collect(),
        };
        Ok(self
            .store
            .write(&mut |txn| put(txn, meta::RESCUED, &Some(&rescued)))?)
    }

    /// Takes another phone's rescue file along, to be handed over by the next syncs: what it holds.
    ///
    /// # Errors
    /// As [`Reader::open`]; attachments that were read before stay, which harms nobody.
    pub fn bring_rescue(
        &mut self,
        input: impl Read,
        passphrase: &str,
    ) -> Result<Manifest, RescueError> {
        let mut reader = Reader::open(input, passphrase)?;
        while let Some((blob, bytes)) = reader.next_blob()? {
            let row = BlobRow {
                hash: blob.hash,
                ticket: blob.ticket,
                media_type: blob.media_type,
                bytes: blob.bytes,
                state: BlobState::Unsent,
            };
            self.store
                .write(&mut |txn: &mut dyn StoreTxn| txn.put_blob(&row, &bytes))?;
        }
        // Whole, down to its authenticated end.
        let manifest = reader.manifest().clone();
        self.carry(manifest.changesets.clone())?;
        Ok(manifest)
    }
}
