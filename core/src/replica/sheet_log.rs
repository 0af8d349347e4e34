//! What this device keeps of the server's log of sheets: the newest head that follows from the one before.
//!
//! Invariant: a head that contradicts the one kept is never taken over, and is kept beside it: both are signed,
//! and together they prove that the log was changed.

use minicbor::{Decode, Encode};

use super::{Replica, get, meta, put};
use crate::evidence::log::{Checkpoint, Growth};
use crate::store::{StoreError, StoreTxn};
use crate::sync::protocol::Response;

/// Heads of the log of sheets, each signed by the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct SheetLog {
    /// The newest.
    #[n(0)]
    pub kept: Option<Checkpoint>,
    /// The first that contradicted the one kept then.
    #[n(1)]
    pub contradicting: Option<Checkpoint>,
    /// The newest from before a restore of the server, after which the log went on without what this one holds.
    #[n(2)]
    pub before_restore: Option<Checkpoint>,
}

/// Takes a head over if it follows; whether it contradicts the one kept. Its signature was verified.
pub(super) fn heard(txn: &mut dyn StoreTxn, response: &Response) -> Result<bool, StoreError> {
    let Some(news) = &response.sheet_log else {
        return Ok(false);
    };
    let mut log = stored(txn)?;
    let growth = news.growth(log.kept.as_ref().map(|kept| &kept.head));
    match growth {
        Growth::Grown => log.kept = Some(news.checkpoint.clone()),
        Growth::Restored => log.before_restore = log.kept.replace(news.checkpoint.clone()),
        Growth::Contradicts => {
            let first = log.contradicting.take();
            log.contradicting = first.or_else(|| Some(news.checkpoint.clone()));
        }
    }
    put(txn, meta::SHEET_LOG, &log)?;
    Ok(growth == Growth::Contradicts)
}

/// How many sheets the head that is kept is over.
pub(super) fn kept_size(txn: &mut dyn StoreTxn) -> Result<Option<u64>, StoreError> {
    Ok(stored(txn)?.kept.map(|kept| kept.head.size))
}

fn stored(txn: &mut dyn StoreTxn) -> Result<SheetLog, StoreError> {
    Ok(get(txn, meta::SHEET_LOG)?.unwrap_or_default())
}

impl Replica {
    /// What this device keeps of the server's log of sheets.
    ///
    /// # Errors
    /// The store fails.
    pub fn sheet_log(&mut self) -> Result<SheetLog, StoreError> {
        let mut log = SheetLog::default();
        self.store.read(&mut |txn| {
            log = stored(txn)?;
            Ok(())
        })?;
        Ok(log)
    }
}
