//! When a phone's screens are locked: by the offline lease, which counts from the last contact, and by the
//! office's order to wipe the phone.
//!
//! ```text
//! contact ──lease_days──▶ locked ──contact──▶ open         nothing is deleted, everything is sent all the same
//! order to wipe ──▶ locked ──nothing left to send──▶ due: the host destroys the database's key
//! ```
//! Invariant: a lock deletes nothing and stands in the way of no upload; the lease leaves a visit in progress
//! alone, whatever the clock says.

use super::{Replica, get, meta, put};
use crate::clock::Timestamp;
use crate::ids::TicketId;
use crate::store::{BlobState, Filter, Origin, OutboxState, StoreError, StoreTxn};
use crate::sync::protocol::{Response, wipe_message};
use crate::ticket::Status;
use crate::ticket::summary::Summary;

const DAY_SECONDS: i64 = 86_400;

/// Why the screens are locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// The phone was without contact for as long as the organisation allows.
    Lease,
    /// The office ordered the phone to be wiped, and something of it is still to be sent.
    Wipe,
}

/// An order to wipe this phone, and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
pub struct WipeOrder {
    /// When the office asked for it.
    pub requested_at: Timestamp,
    /// Commands that the server does not have yet.
    pub commands: u32,
    /// Attachments whose bytes the server does not have yet.
    pub blobs: u32,
}

impl WipeOrder {
    /// Everything is with the server: the key may go.
    pub const fn is_due(&self) -> bool {
        self.commands == 0 && self.blobs == 0
    }
}

/// Seconds that have passed by the phone's own clock since it was looked at last: a clock that is always wrong
/// by the same measures as well as a right one, and one that was put back takes nothing away.
const fn passed(seen: Timestamp, now: Timestamp) -> i64 {
    let seconds = now.seconds().saturating_sub(seen.seconds());
    if seconds < 0 { 0 } else { seconds }
}

/// Whether a lease of `days` is over after so many seconds without contact.
const fn lease_is_over(elapsed_seconds: i64, days: u32) -> bool {
    elapsed_seconds >= days as i64 * DAY_SECONDS
}

/// Whether somebody may be standing at the customer's door: on the way, there, or done and not confirmed yet.
pub const fn is_visit(status: Status) -> bool {
    matches!(
        status,
        Status::Departed | Status::Arrived | Status::Completed
    )
}

/// Takes over what a response says of an order to wipe, which its caller has verified.
pub(super) fn heard(txn: &mut dyn StoreTxn, response: &Response) -> Result<(), StoreError> {
    let told = response.wipe.as_ref().map(|order| order.requested_at);
    if ordered(txn)? != told {
        put(txn, meta::WIPE, &told)?;
    }
    Ok(())
}

fn ordered(txn: &mut dyn StoreTxn) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<Timestamp>>(txn, meta::WIPE)?.flatten())
}

/// Where the lease stands, in the phone's clock.
#[derive(Debug, Clone, Copy, minicbor::Encode, minicbor::Decode)]
struct Lease {
    /// When the clock was looked at last; at first, at the last contact.
    #[n(0)]
    seen: Timestamp,
    /// It was over once: a clock put back does not begin it again, a contact does.
    #[n(1)]
    over: bool,
    /// How much of it had passed by then.
    #[n(2)]
    #[cbor(default)]
    elapsed_seconds: i64,
}

/// When the phone was last in contact, by its own clock then.
pub(super) fn last_contact(txn: &mut dyn StoreTxn) -> Result<Option<Timestamp>, StoreError> {
    Ok(get::<Option<Timestamp>>(txn, meta::CONTACT)?.flatten())
}

/// A longer time is noted, so that asking again and again writes nothing.
const NOTED_SECONDS: i64 = 3_600;

impl Replica {
    /// The server answered, and the answer was taken over: the lease begins anew. `now` is the phone's clock.
    ///
    /// # Errors
    /// The store fails.
    pub fn contacted(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let lease = Lease {
            seen: now,
            over: false,
            elapsed_seconds: 0,
        };
        self.store.write(&mut |txn| {
            put(txn, meta::LEASE, &Some(lease))?;
            put(txn, meta::CONTACT, &Some(now))
        })
    }

    /// Whether the screens are locked, and why.
    ///
    /// # Errors
    /// The store fails.
    pub fn lock(&mut self, now: Timestamp) -> Result<Option<Lock>, StoreError> {
        let (mut wipe, mut lease) = (None, None);
        self.store.read(&mut |txn| {
            wipe = ordered(txn)?;
            lease = get::<Option<Lease>>(txn, meta::LEASE)?.flatten();
            Ok(())
        })?;
        if wipe.is_some() {
            return Ok(Some(Lock::Wipe));
        }
        let days = self
            .catalogue
            .as_ref()
            .map_or(crate::catalogue::LEASE_DAYS, |c| c.lease_days());
        let before = lease.unwrap_or(Lease {
            seen: now,
            over: false,
            elapsed_seconds: 0,
        });
        let passed = passed(before.seen, now);
        let elapsed_seconds = before.elapsed_seconds.saturating_add(passed);
        let over = before.over || lease_is_over(elapsed_seconds, days);
        let is_worth_noting = passed >= NOTED_SECONDS || now < before.seen;
        if lease.is_none() || over != before.over || is_worth_noting {
            let lease = Lease {
                seen: now,
                over,
                elapsed_seconds,
            };
            self.store
                .write(&mut |txn| put(txn, meta::LEASE, &Some(lease)))?;
        }
        Ok(over.then_some(Lock::Lease))
    }

    /// Whether a ticket is locked: one whose visit is in progress is not, by the lease.
    ///
    /// # Errors
    /// The store fails.
    pub fn lock_of(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
    ) -> Result<Option<Lock>, StoreError> {
        let lock = self.lock(now)?;
        if lock != Some(Lock::Lease) {
            return Ok(lock);
        }
        let mut visit = false;
        self.store.read(&mut |txn| {
            visit = txn
                .ticket(ticket)?
                .is_some_and(|row| is_visit(row.summary.status));
            Ok(())
        })?;
        Ok(lock.filter(|_| !visit))
    }

    /// Rows of tickets that are not locked.
    ///
    /// # Errors
    /// The store fails.
    pub fn list_unlocked(
        &mut self,
        now: Timestamp,
        filter: &Filter,
    ) -> Result<Vec<Summary>, StoreError> {
        let lock = self.lock(now)?;
        let mut rows = match lock {
            Some(Lock::Wipe) => Vec::new(),
            Some(Lock::Lease) | None => self.list(filter)?,
        };
        if lock.is_some() {
            rows.retain(|row| is_visit(row.status));
        }
        Ok(rows)
    }

    /// The office's order to wipe this phone, with what it still waits for; nothing where there is none.
    ///
    /// What is held, quarantined or refused is with the server, so it is not waited for.
    ///
    /// # Errors
    /// The store fails.
    pub fn wipe_order(&mut self) -> Result<Option<WipeOrder>, StoreError> {
        let mut order = None;
        self.store.read(&mut |txn| {
            let Some(requested_at) = ordered(txn)? else {
                return Ok(());
            };
            let mut commands = 0;
            for state in [OutboxState::Pending, OutboxState::InFlight] {
                commands += txn.entries_in(state)?.len();
            }
            // A colleague's, which this phone was given to bring.
            commands += txn.kept(Origin::Carried, 0, usize::MAX)?.len();
            let blobs = txn.blobs_in(BlobState::Unsent)?.len();
            let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
            order = Some(WipeOrder {
                requested_at,
                commands: count(commands),
                blobs: count(blobs),
            });
            Ok(())
        })?;
        Ok(order)
    }

    /// Whether an order to wipe in a response is the server's, for this device and the request it answers.
    pub(super) fn is_wipe_signed(&self, response: &Response, asked: &[u8]) -> bool {
        response.wipe.as_ref().is_none_or(|order| {
            let message = wipe_message(order.requested_at, self.identity.device, asked);
            self.server_key()
                .is_some_and(|key| key.verifies(&message, &order.signature))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_over_at_its_last_second_and_not_before_it() {
        let seen = Timestamp(1_000);
        let end = seen.plus(90 * DAY_SECONDS);
        assert!(!lease_is_over(passed(seen, end.plus(-1)), 90));
        assert!(lease_is_over(passed(seen, end), 90));
        assert_eq!(passed(seen, Timestamp(i64::MIN)), 0);
        assert!(lease_is_over(passed(seen, Timestamp(i64::MAX)), u32::MAX));
    }
}
