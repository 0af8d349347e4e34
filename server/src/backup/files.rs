//! Files that are copied while they are hashed. Invariant: what is written is synced before it is said to be
//! there; folders and files are their owner's alone, for they hold personal data and the server's key.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use gongdan_core::ids::BlobHash;
use sha2::{Digest, Sha256};

use super::BackupError;

const BUFFER_BYTES: usize = 256 * 1024;

/// Makes a folder and those above it.
pub(super) fn make_folder(path: &Path) -> Result<(), BackupError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(BackupError::io("make", path))
}

/// Makes a file that is not there yet.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Syncs a file or folder.
pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(BackupError::io("sync", path))
}

/// Where an attachment lies below a folder.
pub(super) fn blob_path(root: &Path, hash: BlobHash) -> PathBuf {
    let name = hash.to_string();
    let (folder, file) = name.split_at(2);
    root.join(super::BLOBS).join(folder).join(file)
}

/// Hash and length of a file.
pub(super) fn hash(path: &Path) -> Result<([u8; 32], u64), BackupError> {
    let file = File::open(path).map_err(BackupError::io("read", path))?;
    pass(file, |_| Ok(())).map_err(BackupError::io("read", path))
}

/// Copies a file to where none is, synced; hash and length of what was copied.
pub(super) fn copy(from: &Path, to: &Path) -> Result<([u8; 32], u64), BackupError> {
    let source = File::open(from).map_err(BackupError::io("read", from))?;
    let mut target = create(to).map_err(BackupError::io("make", to))?;
    let found = pass(source, |bytes| target.write_all(bytes))
        .and_then(|found| target.sync_all().map(|()| found));
    found.map_err(BackupError::io("copy", from))
}

fn pass(
    mut file: File,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<([u8; 32], u64)> {
    let (mut hasher, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hasher.finalize().into(), length)),
            read => {
                hasher.update(&buffer[..read]);
                each(&buffer[..read])?;
                length += read as u64;
            }
        }
    }
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
