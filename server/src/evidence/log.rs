//! The log of sheets in the database (`gongdan_core::evidence::log`).
//!
//! Invariant: a sheet comes in with the transaction that admits its reference, so that nobody can be shown a
//! ticket's sheet that the log does not have. Signatures are not kept: the same is signed alike every time.

use gongdan_core::clock::Timestamp;
use gongdan_core::evidence::log::proof::{self, Nodes};
use gongdan_core::evidence::log::{
    Checkpoint, Countersignature, Head, Inclusion, Receival, Step, VERSION,
};
use gongdan_core::ids::SheetHash;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::auth::identity::ServerKeys;
use crate::relay::epoch_number;
use crate::store::StoreError;

/// A sheet that came in.
pub(crate) struct Arrival {
    pub(crate) sheet: SheetHash,
    pub(crate) ticket_index: i64,
    pub(crate) device_index: i64,
    /// When the server received it.
    pub(crate) at: Timestamp,
}

/// The nodes that are kept.
struct Kept<'a>(&'a Connection);

impl Nodes for Kept<'_> {
    type Found = Result<Step, StoreError>;

    fn node(&self, level: u32, index: u64) -> Self::Found {
        let sql = "SELECT hash FROM sheet_log_nodes WHERE level = ?1 AND place = ?2";
        let hash = self
            .0
            .prepare_cached(sql)?
            .query_row(params![level, index.cast_signed()], |row| row.get(0))
            .optional()?;
        hash.map(Step).ok_or(StoreError::Malformed {
            what: "sheet_log_nodes",
        })
    }

    fn join(left: Self::Found, right: Self::Found) -> Self::Found {
        Ok(Step(proof::join(&left?.0, &right?.0)))
    }

    fn empty() -> Self::Found {
        Err(StoreError::Malformed { what: "sheet_log" })
    }
}

/// How many sheets are in it.
pub(crate) fn size(connection: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(serial), 0) FROM sheet_log";
    let size: i64 = connection
        .prepare_cached(sql)?
        .query_row([], |row| row.get(0))?;
    Ok(size.cast_unsigned())
}

/// Adds a sheet; one that is there already stays where it is.
pub(crate) fn append(tx: &Transaction<'_>, epoch: u32, sheet: &Arrival) -> Result<(), StoreError> {
    if receival(tx, sheet.sheet)?.is_some() {
        return Ok(());
    }
    let index = size(tx)?;
    let received = Receival {
        version: VERSION,
        epoch,
        serial: index + 1,
        sheet: sheet.sheet,
        at: sheet.at,
    };
    tx.prepare_cached(
        "INSERT INTO sheet_log (serial, sheet, epoch, at, newest_at, ticket_index, device_idx)
         VALUES (?1, ?2, ?3, ?4, max(?4, coalesce((SELECT newest_at FROM sheet_log WHERE serial = ?1 - 1), ?4)),
                 ?5, ?6)",
    )?
    .execute(params![
        received.serial.cast_signed(),
        sheet.sheet.0,
        epoch,
        sheet.at.seconds(),
        sheet.ticket_index,
        sheet.device_index,
    ])?;
    super::timestamps::want(tx, sheet.sheet, sheet.at)?;
    let mut insert =
        tx.prepare_cached("INSERT INTO sheet_log_nodes (level, place, hash) VALUES (?1, ?2, ?3)")?;
    let mut hash = received.leaf();
    insert.execute(params![0, index.cast_signed(), hash])?;
    for (level, place) in proof::filled(index) {
        // The node beside it has been full for long.
        let left = Kept(tx).node(level - 1, 2 * place)?;
        hash = proof::join(&left.0, &hash);
        insert.execute(params![level, place.cast_signed(), hash])?;
    }
    Ok(())
}

/// What was written of a sheet when it came in.
pub(crate) fn receival(
    connection: &Connection,
    sheet: SheetHash,
) -> Result<Option<Receival>, StoreError> {
    let sql = "SELECT serial, epoch, at FROM sheet_log WHERE sheet = ?1";
    let found = connection.prepare_cached(sql)?.query_row([sheet.0], |row| {
        Ok(Receival {
            version: VERSION,
            serial: row.get::<_, i64>(0)?.cast_unsigned(),
            epoch: row.get(1)?,
            sheet,
            at: Timestamp(row.get(2)?),
        })
    });
    Ok(found.optional()?)
}

/// The head of the log, signed; nothing while it is empty.
pub(crate) fn checkpoint(
    connection: &Connection,
    keys: &ServerKeys,
) -> Result<Option<Checkpoint>, StoreError> {
    let size = size(connection)?;
    if size == 0 {
        return Ok(None);
    }
    let at = connection
        .prepare_cached("SELECT newest_at FROM sheet_log WHERE serial = ?1")?
        .query_row([size.cast_signed()], |row| row.get(0).map(Timestamp))?;
    let head = Head {
        version: VERSION,
        epoch: epoch_number(connection)?,
        size,
        root: proof::root(&Kept(connection), size)?.0,
        at,
    };
    Ok(Some(Checkpoint::sign(&keys.key, head)))
}

/// The countersignature of a sheet, and its place in the log as it is now.
pub(crate) fn received(
    connection: &Connection,
    keys: &ServerKeys,
    sheet: SheetHash,
) -> Result<Option<(Countersignature, Inclusion)>, StoreError> {
    let (Some(receival), Some(checkpoint)) =
        (receival(connection, sheet)?, checkpoint(connection, keys)?)
    else {
        return Ok(None);
    };
    let path = proof::inclusion(&Kept(connection), receival.serial - 1, checkpoint.head.size);
    let inclusion = Inclusion {
        path: path.into_iter().collect::<Result<_, _>>()?,
        checkpoint,
    };
    Ok(Some((
        Countersignature::sign(&keys.key, receival),
        inclusion,
    )))
}

/// The proof that the log of `from` sheets is the beginning of that of `to`; empty where there is nothing to
/// prove, or it cannot be.
pub(crate) fn consistency(
    connection: &Connection,
    from: u64,
    to: u64,
) -> Result<Vec<Step>, StoreError> {
    if to > size(connection)? {
        return Ok(Vec::new());
    }
    let proof = proof::consistency(&Kept(connection), from, to);
    proof.into_iter().collect()
}

/// Whether a device brought a sheet after the first `size`.
pub(crate) fn has_of_device_after(
    connection: &Connection,
    device_index: i64,
    size: u64,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM sheet_log WHERE device_idx = ?1 AND serial > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.exists(params![device_index, size.cast_signed()])?)
}
