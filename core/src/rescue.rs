//! The rescue file: what a phone has not brought to the server, encrypted under a passphrase, for another
//! phone or the office to bring in. Its form is `core/docs/rescue.md`.
//!
//! Invariant: what is in it is what the device signed, byte for byte, so it is judged as if the device had
//! sent it, and a `CommandId` takes effect once whoever brings it. Nothing is given out that was not
//! authenticated; a file that was cut off is refused as a whole.

mod stream;

use std::io::{self, Read, Write};

use minicbor::{Decode, Encode};

use crate::clock::Timestamp;
use crate::ids::{BlobHash, DeviceId, PersonId, TicketId};
use crate::store::StoreError;
use crate::sync::changeset::Changeset;
use crate::sync::codec;
use stream::{Opener, Sealer};

/// Characters that a passphrase has at least: the file is copied, and can be tried out for ever.
pub const PASSPHRASE_CHARS_MIN: usize = 12;
/// Bytes of the manifest at most.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Data items of the manifest at most: some hundred thousand changesets.
pub const MANIFEST_ITEMS_MAX: usize = 4_000_000;

/// Why a rescue file was not written or not read.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    /// The file could not be written or read.
    #[error("use the rescue file: {0}")]
    Io(#[from] io::Error),
    /// Not a rescue file.
    #[error("read the rescue file: it is none")]
    NotOne,
    /// One of a later version.
    #[error("read the rescue file: version {0} is not known")]
    Version(u8),
    /// The passphrase is another one, or the file was changed or cut off.
    #[error("read the rescue file: another passphrase, or damaged")]
    WrongPassphrase,
    /// The passphrase is too short.
    #[error("write the rescue file: the passphrase is too short")]
    WeakPassphrase,
    /// Past a limit.
    #[error("use the rescue file: too large")]
    TooLarge,
    /// Authenticated, and not of its form.
    #[error("read the rescue file: not of its form")]
    Malformed,
    /// The phone's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a rescue file holds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The device that it comes from.
    #[n(0)]
    pub device: DeviceId,
    /// Whose it is.
    #[n(1)]
    pub person: PersonId,
    /// When it was made, by the phone's clock.
    #[n(2)]
    pub at: Timestamp,
    /// Sealed changesets without a final verdict, in the device's sequence; after them what it carried for
    /// others.
    #[n(3)]
    pub changesets: Vec<Changeset>,
    /// Attachments whose bytes follow, in this order.
    #[n(4)]
    pub blobs: Vec<RescuedBlob>,
}

/// An attachment in a rescue file.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RescuedBlob {
    /// SHA-256 of its bytes.
    #[n(0)]
    pub hash: BlobHash,
    /// The ticket it was taken for.
    #[n(1)]
    pub ticket: TicketId,
    /// Such as `image/jpeg`.
    #[n(2)]
    pub media_type: String,
    /// How many.
    #[n(3)]
    pub bytes: u64,
}

/// Random bytes of one file: never to be used again.
#[derive(Debug, Clone, Copy)]
pub struct FileEntropy {
    /// Of the key's derivation.
    pub salt: [u8; 16],
    /// Of the cipher.
    pub nonce: [u8; 19],
}

/// Writes the beginning of a file; what follows are the attachments' bytes.
pub struct Writer<W: Write> {
    out: Sealer<W>,
    /// Bytes of attachments that are still to come.
    left: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`RescueError::WeakPassphrase`], [`RescueError::TooLarge`], [`RescueError::Io`].
    pub fn new(
        out: W,
        passphrase: &str,
        entropy: FileEntropy,
        manifest: &Manifest,
    ) -> Result<Self, RescueError> {
        if passphrase.chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(RescueError::WeakPassphrase);
        }
        let bytes = codec::encode(manifest);
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(RescueError::TooLarge);
        }
        let mut out = Sealer::new(out, passphrase, entropy)?;
        let length = u32::try_from(bytes.len()).map_err(|_| RescueError::TooLarge)?;
        out.write_all(&length.to_be_bytes())?;
        out.write_all(&bytes)?;
        let left = manifest.blobs.iter().map(|blob| blob.bytes).sum();
        Ok(Self { out, left })
    }

    /// The next bytes of the attachments, in the manifest's order.
    ///
    /// # Errors
    /// [`RescueError::TooLarge`] for more than the manifest says, [`RescueError::Io`].
    pub fn blob_bytes(&mut self, bytes: &[u8]) -> Result<(), RescueError> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or(RescueError::TooLarge)?;
        Ok(self.out.write_all(bytes)?)
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`RescueError::Malformed`] where attachments' bytes are missing, [`RescueError::Io`].
    pub fn finish(self) -> Result<W, RescueError> {
        if self.left > 0 {
            return Err(RescueError::Malformed);
        }
        Ok(self.out.finish()?)
    }
}

/// Reads a file.
pub struct Reader<R: Read> {
    input: Opener<R>,
    manifest: Manifest,
    /// Attachments given out.
    given: usize,
}

impl<R: Read> Reader<R> {
    /// Opens a file. Takes a second or so on purpose: the key is derived from the passphrase.
    ///
    /// # Errors
    /// All but [`RescueError::WeakPassphrase`] and [`RescueError::Store`].
    pub fn open(input: R, passphrase: &str) -> Result<Self, RescueError> {
        let mut input = Opener::new(input, passphrase)?;
        let mut length = [0; 4];
        input.take_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MANIFEST_BYTES_MAX {
            return Err(RescueError::TooLarge);
        }
        let mut bytes = vec![0; length];
        input.take_exact(&mut bytes)?;
        let manifest: Manifest =
            codec::decode_within(&bytes, MANIFEST_ITEMS_MAX).map_err(|_| RescueError::Malformed)?;
        for changeset in &manifest.changesets {
            changeset.check_form().map_err(|_| RescueError::Malformed)?;
        }
        Ok(Self {
            input,
            manifest,
            given: 0,
        })
    }

    /// What the file holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The next attachment with its bytes; nothing after the last, once the file's end was authenticated.
    ///
    /// # Errors
    /// As [`Reader::open`]; [`RescueError::Malformed`] where the bytes are not those that the hash names.
    pub fn next_blob(&mut self) -> Result<Option<(RescuedBlob, Vec<u8>)>, RescueError> {
        use sha2::Digest;
        let Some(blob) = self.manifest.blobs.get(self.given).cloned() else {
            return self.input.expect_end().map(|()| None);
        };
        if blob.bytes > crate::limits::BLOB_BYTES_MAX {
            return Err(RescueError::TooLarge);
        }
        let mut bytes = vec![0; usize::try_from(blob.bytes).map_err(|_| RescueError::TooLarge)?];
        self.input.take_exact(&mut bytes)?;
        if BlobHash(sha2::Sha256::digest(&bytes).into()) != blob.hash {
            return Err(RescueError::Malformed);
        }
        self.given += 1;
        Ok(Some((blob, bytes)))
    }
}

#[cfg(test)]
mod tests;
