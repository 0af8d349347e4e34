//! Attachments: files named by the SHA-256 of their bytes, and the uploads on their way to become one.
//!
//! Invariant: a file under `blobs/` has the bytes its name says, whole and synced, before its row exists;
//! paths are made from hashes and random names only, never from what a client wrote. How far an upload is,
//! is the length of its partial file and stands nowhere else.
//!
//! ```text
//! DATA/uploads/<random>        grows by PATCH    ──verified──▶    DATA/blobs/ab/cdef…
//! ```

mod rows;
mod slots;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use gongdan_core::ids::BlobHash;
use sha2::{Digest, Sha256};

pub use rows::{
    Stored, Upload, UploadId, create, delete_upload, expired, finish, is_readable, open_uploads,
    stored, upload,
};
pub(crate) use slots::{Slot, Slots};

/// The folder of attachments and uploads; clones share the uploads' locks.
#[derive(Clone)]
pub struct BlobStore {
    root: PathBuf,
    pub(crate) slots: Slots,
}

impl BlobStore {
    /// The store below a data folder; makes its folders.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(data.join("blobs"))?;
        std::fs::create_dir_all(data.join("uploads"))?;
        Ok(Self {
            root: data.to_owned(),
            slots: Slots::default(),
        })
    }

    /// Where the attachment of a hash is, if it is there.
    pub fn path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        let (folder, file) = name.split_at(2);
        self.root.join("blobs").join(folder).join(file)
    }

    /// The bytes of an attachment that is here and no longer than `bytes_max`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, hash: BlobHash, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.path(hash)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() > bytes_max as u64 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Where an upload grows.
    pub(crate) fn partial(&self, upload: UploadId) -> PathBuf {
        self.root.join("uploads").join(upload.to_string())
    }

    /// Bytes of an upload that are here; 0 before the first.
    pub(crate) fn offset(&self, upload: UploadId) -> io::Result<u64> {
        match std::fs::metadata(self.partial(upload)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Drops what has come of an upload.
    pub(crate) fn discard(&self, upload: UploadId) -> io::Result<()> {
        match std::fs::remove_file(self.partial(upload)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes an attachment of bytes that came otherwise than by an upload; says whether they hash to `hash`.
    pub(crate) fn put(&self, upload: UploadId, hash: BlobHash, bytes: &[u8]) -> io::Result<bool> {
        std::fs::write(self.partial(upload), bytes)?;
        let whole = self.promote(upload, hash)?;
        if !whole {
            self.discard(upload)?;
        }
        Ok(whole)
    }

    /// Makes the attachment of a complete upload, if its bytes hash to `hash`; says whether they do.
    /// The file is durable when this returns.
    pub(crate) fn promote(&self, upload: UploadId, hash: BlobHash) -> io::Result<bool> {
        let partial = self.partial(upload);
        let file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(&partial)?;
        file.sync_all()?;
        if hash_of(file)? != hash {
            return Ok(false);
        }
        let path = self.path(hash);
        let folder = path.parent().expect("an attachment lies in a folder");
        std::fs::create_dir_all(folder)?;
        std::fs::rename(&partial, &path)?;
        File::open(folder)?.sync_all()?;
        File::open(self.root.join("blobs"))?.sync_all()?;
        Ok(true)
    }
}

fn hash_of(mut file: File) -> io::Result<BlobHash> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(BlobHash(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
