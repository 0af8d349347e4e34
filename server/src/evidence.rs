//! What stands behind a ticket: its signed changesets, and the certificates of the devices that signed them.
//!
//! Invariant: whoever has the organisation's public key can check who wrote what with this alone
//! (`gongdan verify evidence`).

pub(crate) mod log;
pub mod sheet_file;
pub mod timestamps;
pub(crate) mod worker;

use std::collections::BTreeSet;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::ChangesetHash;
use gongdan_core::sync::keys::PublicKey;
use gongdan_core::sync::request_auth::base64url;
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::certificates;
use crate::store::StoreError;

/// What was signed, by whom, and who vouches for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// Ed25519, base64url.
    pub organisation_key: String,
    /// CBOR of each device's certificate (`core/docs/sync-protocol.md`), base64url.
    pub certificates: Vec<String>,
    /// The admitted changesets in the log's order.
    pub changesets: Vec<Signed>,
}

/// A changeset as it was signed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "SignedChangeset")]
pub struct Signed {
    /// Its place in the log.
    pub seq: i64,
    /// In hexadecimal.
    pub hash: String,
    /// When the server received it.
    pub received_at: Timestamp,
    /// CBOR of the changeset (`core/docs/sync-protocol.md`), base64url.
    pub changeset: String,
}

/// What stands behind the ticket of an index.
///
/// # Errors
/// The database fails.
pub fn of_ticket(
    connection: &Connection,
    ticket_index: u64,
    organisation: &PublicKey,
) -> Result<Evidence, StoreError> {
    let index = i64::try_from(ticket_index).map_err(|_| StoreError::Malformed {
        what: "a ticket's index",
    })?;
    let mut statement = connection.prepare(
        "SELECT l.seq, l.changeset, l.received_at, i.changeset, l.device_idx FROM log l
         JOIN inbox i ON i.hash = l.changeset WHERE l.ticket_index = ?1 ORDER BY l.seq",
    )?;
    let mut rows = statement.query([index])?;
    let (mut changesets, mut devices) = (Vec::new(), BTreeSet::new());
    while let Some(row) = rows.next()? {
        let changeset: Vec<u8> = row.get(3)?;
        changesets.push(Signed {
            seq: row.get(0)?,
            hash: ChangesetHash(row.get(1)?).to_string(),
            received_at: Timestamp(row.get(2)?),
            changeset: base64url(&changeset),
        });
        devices.insert(row.get::<_, i64>(4)?);
    }
    let mut issued = Vec::new();
    for device in devices {
        issued.extend(certificates::find(connection, device)?);
    }
    Ok(Evidence {
        organisation_key: base64url(organisation.as_bytes()),
        certificates: issued
            .iter()
            .map(|certificate| base64url(&certificate.to_bytes()))
            .collect(),
        changesets,
    })
}
