//! The status of a ticket, folded by one pure function from its event map.
//!
//! Invariant: equal event maps give equal results, whatever order the events arrived in. A clash of
//! concurrent events is a value, not a lost event: it stays until an event that saw both sides
//! decides, and a completion the customer confirmed outranks a cancellation beside it.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{ActorId, ItemKey};

/// Where a ticket stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Status {
    /// Taken in, nobody assigned (接收).
    #[n(0)]
    Received,
    /// A crew is named (派单).
    #[n(1)]
    Assigned,
    /// The crew took it (响应).
    #[n(2)]
    Accepted,
    /// A visit is agreed (预约).
    #[n(3)]
    Appointed,
    /// On the way.
    #[n(4)]
    Departed,
    /// At work on site (到场).
    #[n(5)]
    Arrived,
    /// Waiting for parts, the customer or the leader.
    #[n(6)]
    Suspended,
    /// The work is done, the customer has not confirmed.
    #[n(7)]
    Completed,
    /// The customer confirmed (签字).
    #[n(8)]
    Confirmed,
    /// Closed (闭环).
    #[n(9)]
    Closed,
    /// Called off.
    #[n(10)]
    Cancelled,
}

impl Status {
    /// All, in the order of their codes.
    pub const ALL: [Self; 11] = [
        Self::Received,
        Self::Assigned,
        Self::Accepted,
        Self::Appointed,
        Self::Departed,
        Self::Arrived,
        Self::Suspended,
        Self::Completed,
        Self::Confirmed,
        Self::Closed,
        Self::Cancelled,
    ];

    /// Name in SQL, JSON and the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Appointed => "appointed",
            Self::Departed => "departed",
            Self::Arrived => "arrived",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Confirmed => "confirmed",
            Self::Closed => "closed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Nothing is left to do.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Cancelled)
    }
}

/// What happened. Past tense; each moves the status as [`fold`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is its command's past tense")]
pub enum EventKind {
    Opened,
    Graded,
    Assigned,
    Accepted,
    Declined,
    Appointed,
    Departed,
    Arrived,
    Suspended,
    Resumed,
    Completed,
    Confirmed,
    Cancelled,
    Reopened,
    FollowedUp,
    Closed,
    Settled,
}

impl EventKind {
    /// All, in an order that nothing depends on but [`EventKind::by_name`].
    pub const ALL: [Self; 17] = [
        Self::Opened,
        Self::Graded,
        Self::Assigned,
        Self::Accepted,
        Self::Declined,
        Self::Appointed,
        Self::Departed,
        Self::Arrived,
        Self::Suspended,
        Self::Resumed,
        Self::Completed,
        Self::Confirmed,
        Self::Cancelled,
        Self::Reopened,
        Self::FollowedUp,
        Self::Closed,
        Self::Settled,
    ];

    /// Name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Graded => "graded",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Appointed => "appointed",
            Self::Departed => "departed",
            Self::Arrived => "arrived",
            Self::Suspended => "suspended",
            Self::Resumed => "resumed",
            Self::Completed => "completed",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Reopened => "reopened",
            Self::FollowedUp => "followed_up",
            Self::Closed => "closed",
            Self::Settled => "settled",
        }
    }

    /// The event of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// A person's decision about where the ticket stands, made with all that is behind it in view:
    /// it ends every clash among the events that it saw.
    const fn decides(self) -> bool {
        matches!(self, Self::Settled | Self::Reopened | Self::Closed)
    }

    /// Work that a cancellation beside it would make pointless.
    const fn is_progress(self) -> bool {
        matches!(
            self,
            Self::Accepted
                | Self::Appointed
                | Self::Departed
                | Self::Arrived
                | Self::Suspended
                | Self::Resumed
                | Self::Completed
                | Self::Confirmed
                | Self::Closed
        )
    }
}

/// An entry of the event map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its key.
    pub key: ItemKey,
    /// What happened.
    pub kind: EventKind,
    /// The newest events its author saw: what this one follows.
    pub after: Vec<ItemKey>,
    /// Why, in words; for a suspension what it waits for is in `detail`.
    pub reason: Option<String>,
    /// A code that belongs to the kind: the status settled on, what is waited for, a grade.
    pub detail: Option<String>,
    /// Claimed time.
    pub at: Timestamp,
    /// Who wrote it.
    pub actor: ActorId,
}

/// Two events that neither author saw of the other, and that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Clash {
    /// The cancellation.
    pub cancelled: ItemKey,
    /// The work that went on beside it.
    pub progress: ItemKey,
}

/// What the event map comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The status; the better founded side of a clash.
    pub status: Status,
    /// Unsettled clashes.
    pub clashes: Vec<Clash>,
    /// Events that no other follows: what the next event comes after.
    pub tips: Vec<ItemKey>,
}

/// Folds events into the status.
///
/// ```text
/// order: by generation (one more than the newest event seen), then rank, then claimed time, then key
/// rank within a generation: everything else < Cancelled < Completed < Confirmed < deciding events
/// ```
/// A cancellation ends what it saw; of events that ran beside it only a confirmed completion holds
/// against it. An event about a ticket that was over for its author too (none is lawful) changes nothing.
pub fn fold(events: &[Event]) -> Folded {
    let by_key: BTreeMap<&ItemKey, &Event> = events.iter().map(|e| (&e.key, e)).collect();
    let ancestors = ancestors(&by_key);
    let mut order: Vec<&Event> = by_key.values().copied().collect();
    let generation = |e: &Event| ancestors[&e.key].1;
    order.sort_by_key(|e| (generation(e), rank(e.kind), e.at, &e.key));

    let saw = |later: &Event, earlier: &ItemKey| ancestors[&later.key].0.contains(earlier);
    let confirmed_beside = |cancel: &Event| {
        order
            .iter()
            .any(|e| e.kind == EventKind::Confirmed && !saw(e, &cancel.key) && !saw(cancel, &e.key))
    };
    let mut status = Status::Received;
    let mut assigned = false;
    // The cancellation in force: events that did not see it, nor were decided after it, do not move the status.
    let mut cancel: Option<&Event> = None;
    for event in &order {
        if let Some(cancelled) = cancel
            && !saw(event, &cancelled.key)
            && event.kind != EventKind::Settled
        {
            continue;
        }
        match event.kind {
            EventKind::Opened | EventKind::Graded | EventKind::FollowedUp => {}
            EventKind::Assigned => {
                assigned = true;
                status = Status::Assigned;
            }
            EventKind::Accepted => status = Status::Accepted,
            EventKind::Declined => {
                assigned = false;
                status = Status::Received;
            }
            EventKind::Appointed => status = Status::Appointed,
            EventKind::Departed => status = Status::Departed,
            EventKind::Arrived | EventKind::Resumed => status = Status::Arrived,
            EventKind::Suspended => status = Status::Suspended,
            EventKind::Completed => status = Status::Completed,
            EventKind::Confirmed => status = Status::Confirmed,
            EventKind::Closed => status = Status::Closed,
            EventKind::Reopened => {
                cancel = None;
                status = if assigned {
                    Status::Assigned
                } else {
                    Status::Received
                };
            }
            EventKind::Settled => {
                let decided = event.detail.as_deref().and_then(Status::by_name);
                status = decided.unwrap_or(status);
                cancel = (status == Status::Cancelled).then_some(*event);
            }
            EventKind::Cancelled if confirmed_beside(event) => {}
            EventKind::Cancelled => {
                status = Status::Cancelled;
                cancel = Some(*event);
            }
        }
    }
    Folded {
        status,
        clashes: clashes(&order, &ancestors),
        tips: tips(&by_key),
    }
}

const fn rank(kind: EventKind) -> u8 {
    match kind {
        EventKind::Cancelled => 1,
        EventKind::Completed => 2,
        EventKind::Confirmed => 3,
        kind if kind.decides() => 4,
        _ => 0,
    }
}

/// Everything each event saw, and its generation. References to absent events count for nothing.
fn ancestors<'a>(
    by_key: &BTreeMap<&'a ItemKey, &'a Event>,
) -> BTreeMap<&'a ItemKey, (BTreeSet<&'a ItemKey>, usize)> {
    let mut done: BTreeMap<&ItemKey, (BTreeSet<&ItemKey>, usize)> = BTreeMap::new();
    // References only point at events that existed before, so that some event is always ready;
    // what a damaged document might hold in a circle is taken as having seen nothing.
    while done.len() < by_key.len() {
        let before = done.len();
        for (key, event) in by_key {
            if done.contains_key(key) {
                continue;
            }
            let known: Vec<&ItemKey> = event
                .after
                .iter()
                .filter_map(|k| by_key.get_key_value(k).map(|(k, _)| *k))
                .collect();
            if known.iter().all(|k| done.contains_key(k)) {
                let mut seen = BTreeSet::new();
                let mut generation = 0;
                for k in known {
                    let (theirs, theirs_generation) = &done[k];
                    seen.extend(theirs.iter().copied());
                    seen.insert(k);
                    generation = generation.max(theirs_generation + 1);
                }
                done.insert(key, (seen, generation));
            }
        }
        if done.len() == before {
            for key in by_key.keys() {
                done.entry(key).or_default();
            }
        }
    }
    done
}

fn clashes(
    order: &[&Event],
    ancestors: &BTreeMap<&ItemKey, (BTreeSet<&ItemKey>, usize)>,
) -> Vec<Clash> {
    let saw = |later: &Event, earlier: &Event| ancestors[&later.key].0.contains(&earlier.key);
    let mut found = Vec::new();
    for cancelled in order.iter().filter(|e| e.kind == EventKind::Cancelled) {
        for progress in order.iter().filter(|e| e.kind.is_progress()) {
            let beside = !saw(progress, cancelled) && !saw(cancelled, progress);
            let decided = order
                .iter()
                .any(|e| e.kind.decides() && saw(e, cancelled) && saw(e, progress));
            if beside && !decided {
                found.push(Clash {
                    cancelled: cancelled.key.clone(),
                    progress: progress.key.clone(),
                });
            }
        }
    }
    found.sort();
    found
}

fn tips(by_key: &BTreeMap<&ItemKey, &Event>) -> Vec<ItemKey> {
    let followed: BTreeSet<&ItemKey> = by_key.values().flat_map(|e| &e.after).collect();
    by_key
        .keys()
        .filter(|key| !followed.contains(*key))
        .map(|key| (*key).clone())
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn event(key: &str, kind: EventKind, after: &[&str]) -> Event {
        Event {
            key: key.parse().unwrap(),
            kind,
            after: after.iter().map(|k| k.parse().unwrap()).collect(),
            reason: None,
            detail: None,
            at: Timestamp(0),
            actor: ActorId([0; 16]),
        }
    }

    fn until_arrival() -> Vec<Event> {
        vec![
            event("o", EventKind::Opened, &[]),
            event("a", EventKind::Assigned, &["o"]),
            event("c", EventKind::Accepted, &["a"]),
            event("r", EventKind::Arrived, &["c"]),
        ]
    }

    fn folded(more: Vec<Event>) -> Folded {
        let mut events = until_arrival();
        events.extend(more);
        let there = fold(&events);
        events.reverse();
        assert_eq!(there, fold(&events), "the order of arrival does not matter");
        there
    }

    #[test]
    fn a_chain_gives_its_last_state() {
        let f = folded(vec![]);
        assert_eq!(
            (f.status, f.clashes.len(), f.tips),
            (Status::Arrived, 0, vec!["r".parse().unwrap()])
        );
    }

    #[test]
    fn a_cancellation_beside_a_completion_is_a_clash_and_holds_until_settled() {
        let beside = vec![
            event("x", EventKind::Cancelled, &["r"]),
            event("d", EventKind::Completed, &["r"]),
        ];
        let f = folded(beside.clone());
        assert_eq!(f.status, Status::Cancelled);
        assert_eq!(
            f.clashes,
            [Clash {
                cancelled: "x".parse().unwrap(),
                progress: "d".parse().unwrap()
            }]
        );

        let mut settled = beside;
        let mut decision = event("s", EventKind::Settled, &["x", "d"]);
        decision.detail = Some("completed".to_owned());
        settled.push(decision);
        let f = folded(settled);
        assert_eq!((f.status, f.clashes.len()), (Status::Completed, 0));
    }

    #[test]
    fn a_confirmed_completion_outranks_a_cancellation_beside_it() {
        let f = folded(vec![
            event("x", EventKind::Cancelled, &["r"]),
            event("d", EventKind::Completed, &["r"]),
            event("f", EventKind::Confirmed, &["d"]),
        ]);
        assert_eq!(f.status, Status::Confirmed);
        assert_eq!(f.clashes.len(), 2, "the desk is told all the same");
    }

    #[test]
    fn work_that_saw_a_cancellation_reopened_goes_on() {
        let f = folded(vec![
            event("x", EventKind::Cancelled, &["r"]),
            event("y", EventKind::Reopened, &["x"]),
            event("z", EventKind::Accepted, &["y"]),
        ]);
        assert_eq!((f.status, f.clashes.len()), (Status::Accepted, 0));
    }

    #[test]
    fn a_circle_in_a_damaged_map_ends() {
        let f = fold(&[
            event("a", EventKind::Opened, &["b"]),
            event("b", EventKind::Assigned, &["a"]),
        ]);
        assert_eq!(f.status, Status::Assigned);
    }
}
