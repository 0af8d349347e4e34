//! The rows of attachments and uploads.

use std::fmt;
use std::str::FromStr;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{ActorId, BlobHash, InvalidId, PersonId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::store::StoreError;

/// Random name of an upload; who knows it and is its uploader may go on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(pub [u8; 16]);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for UploadId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // The same form as an actor's: 16 bytes in hexadecimal.
        text.parse::<ActorId>().map(|id| Self(id.0))
    }
}

/// An attachment that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its length.
    pub bytes: u64,
    /// What its uploader said it is, one of a short list.
    pub media_type: String,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub id: UploadId,
    /// What its bytes are said to hash to.
    pub hash: BlobHash,
    /// How many they will be.
    pub bytes: u64,
    /// What they are said to be.
    pub media_type: String,
    /// Who brings them.
    pub uploaded_by: String,
    /// Until when.
    pub expires_at: Timestamp,
    /// The attachment is there.
    pub finished: bool,
}

/// Whether a person's phone may read an attachment: it brought the bytes itself, or the person may read a
/// ticket that names them.
pub fn is_readable(
    connection: &Connection,
    hash: BlobHash,
    uploader: &str,
    person: &PersonId,
) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM blobs WHERE hash = ?1 AND uploaded_by = ?2
         UNION ALL
         SELECT 1 FROM ticket_photos p JOIN visibility v USING (ticket_index)
         WHERE p.blob = ?1 AND v.person = ?3 AND v.part = p.part AND v.visible = 1",
    )?;
    let key = params![hash.0, uploader, person.as_str()];
    Ok(statement.exists(key)?)
}

/// The attachment of a hash.
pub fn stored(connection: &Connection, hash: BlobHash) -> Result<Option<Stored>, StoreError> {
    let row: Option<(i64, String)> = connection
        .prepare_cached("SELECT bytes, media_type FROM blobs WHERE hash = ?1")?
        .query_row([hash.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    row.map(|(bytes, media_type)| {
        Ok(Stored {
            bytes: unsigned(bytes)?,
            media_type,
        })
    })
    .transpose()
}

/// How many uploads of somebody are on their way.
pub fn open_uploads(connection: &Connection, uploaded_by: &str) -> Result<u32, StoreError> {
    let sql = "SELECT count(*) FROM blob_uploads WHERE uploaded_by = ?1 AND finished_at IS NULL";
    Ok(connection
        .prepare_cached(sql)?
        .query_row([uploaded_by], |row| row.get(0))?)
}

/// Begins an upload.
pub fn create(tx: &Transaction<'_>, upload: &Upload, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO blob_uploads (upload, hash, bytes, media_type, uploaded_by, created_at, expires_at, finished_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            upload.id.0,
            upload.hash.0,
            signed(upload.bytes),
            upload.media_type,
            upload.uploaded_by,
            now.seconds(),
            upload.expires_at.seconds(),
            upload.finished.then_some(now.seconds()),
        ],
    )?;
    Ok(())
}

/// The upload of a name.
pub fn upload(connection: &Connection, id: UploadId) -> Result<Option<Upload>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT hash, bytes, media_type, uploaded_by, expires_at, finished_at IS NOT NULL
         FROM blob_uploads WHERE upload = ?1",
    )?;
    let row = statement
        .query_row([id.0], |row| {
            let (hash, bytes): ([u8; 32], i64) = (row.get(0)?, row.get(1)?);
            Ok((
                hash,
                bytes,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .optional()?;
    row.map(
        |(hash, bytes, media_type, uploaded_by, expires_at, finished)| {
            let expires_at = Timestamp(expires_at);
            Ok(Upload {
                id,
                hash: BlobHash(hash),
                bytes: unsigned(bytes)?,
                media_type,
                uploaded_by,
                expires_at,
                finished,
            })
        },
    )
    .transpose()
}

/// Records that an upload has become an attachment.
pub fn finish(tx: &Transaction<'_>, upload: &Upload, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO blobs (hash, bytes, media_type, uploaded_by, stored_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (hash) DO NOTHING",
        params![upload.hash.0, signed(upload.bytes), upload.media_type, upload.uploaded_by, now.seconds()],
    )?;
    tx.execute(
        "UPDATE blob_uploads SET finished_at = ?2 WHERE upload = ?1",
        params![upload.id.0, now.seconds()],
    )?;
    Ok(())
}

/// Forgets an upload.
pub fn delete_upload(tx: &Transaction<'_>, id: UploadId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM blob_uploads WHERE upload = ?1", [id.0])?;
    Ok(())
}

/// Uploads whose time is over, at most a hundred.
pub fn expired(connection: &Connection, now: Timestamp) -> Result<Vec<UploadId>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT upload FROM blob_uploads WHERE expires_at <= ?1 LIMIT 100")?;
    let ids = statement
        .query_map([now.seconds()], |row| row.get(0).map(UploadId))?
        .collect::<Result<_, _>>()?;
    Ok(ids)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("lengths are limited far below this")
}

fn unsigned(bytes: i64) -> Result<u64, StoreError> {
    u64::try_from(bytes).map_err(|_| StoreError::Malformed {
        what: "blobs.bytes",
    })
}
