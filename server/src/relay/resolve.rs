//! What a request leaves out is filled in from the log. Invariant: nothing is stored of a request that
//! cannot be filled in; the signatures prove that it was filled in as it was meant.

use gongdan_core::ids::{ChangeHash, PartRef, TicketId};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::sync::wire::{Incoming, Resolver, Unresolved};
use rusqlite::{Connection, OptionalExtension, params};

use super::cursor::Cursor;
use super::documents::split_heads;
use super::{Relay, Sender, SyncError, epoch_number, log_end, sql_index, tickets, visibility};
use crate::store::StoreError;

struct Look<'a> {
    connection: &'a Connection,
    seq: u64,
}

impl Resolver for Look<'_> {
    type Error = StoreError;

    fn ticket(&self, index: u64) -> Result<Option<TicketId>, StoreError> {
        Ok(tickets::by_index(self.connection, index)?.map(|row| row.id))
    }

    fn heads_at(
        &self,
        part: PartRef,
        seq: Option<u64>,
    ) -> Result<Option<Vec<ChangeHash>>, StoreError> {
        let Some(ticket) = tickets::by_id(self.connection, part.ticket)? else {
            return Ok(None);
        };
        let heads: Option<Vec<u8>> = self
            .connection
            .prepare_cached(
                "SELECT heads_after FROM log WHERE ticket_index = ?1 AND part = ?2 AND seq <= ?3
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(
                params![
                    sql_index(ticket.index),
                    part.part.code(),
                    sql_index(seq.unwrap_or(self.seq))
                ],
                |row| row.get(0),
            )
            .optional()?;
        Ok(heads.map(|bytes| split_heads(&bytes)))
    }
}

impl Relay {
    /// The request's cursor, and its changesets put together.
    pub(super) fn resolve(
        &self,
        sender: &Sender,
        cursor: Vec<u8>,
        incoming: Incoming,
    ) -> Result<(Cursor, Vec<Changeset>), SyncError> {
        let cursor = Cursor::read(&cursor)?;
        self.db.read(|c| {
            let epoch = epoch_number(c)?;
            let cursor = cursor.unwrap_or(Cursor {
                epoch,
                ..Cursor::default()
            });
            let (end, changes) = (log_end(c)?, visibility::newest_change(c)?);
            if cursor.epoch != epoch || cursor.seq > end || cursor.visible > changes {
                return Err(SyncError::OtherEpoch);
            }
            let look = Look {
                connection: c,
                seq: cursor.seq,
            };
            let changesets = incoming
                .resolve(sender.device, &sender.person, &look)
                .map_err(|why| match why {
                    Unresolved::Reference => SyncError::UnresolvedReference,
                    Unresolved::Malformed(malformed) => SyncError::Malformed(malformed),
                    Unresolved::Lookup(error) => SyncError::Store(error),
                })?;
            Ok((cursor, changesets))
        })
    }
}
