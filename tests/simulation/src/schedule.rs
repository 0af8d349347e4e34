//! The one scheduler: what happens when, in virtual time.
//!
//! Invariant: what falls on one second happens in the order that the seed draws, never in one that a map or
//! a thread gives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gongdan_core::ids::DeviceId;
use gongdan_tests::random::Random;

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The person of a phone does something.
    Works(usize),
    /// A phone syncs.
    Syncs(usize),
    /// Somebody at the desk does something.
    DeskWorks,
    /// Somebody at the desk decides what waits in quarantine.
    DeskDecides,
    /// A request that was under way arrives; its answer goes to this phone, if to any.
    RequestArrives(DeviceId, Vec<u8>, Option<usize>),
    /// An answer that was under way arrives.
    AnswerArrives(usize, Vec<u8>),
    /// A phone has room again.
    PhoneHasRoom(usize),
    /// The server has room again.
    ServerHasRoom,
    /// Something befalls a phone.
    Befalls(usize),
    /// Something befalls the server or the organisation.
    BefallsOffice,
}

/// What is to happen.
#[derive(Default)]
pub struct Schedule {
    queue: BinaryHeap<Reverse<(i64, u64, usize)>>,
    events: Vec<Option<Event>>,
}

impl Schedule {
    /// Lets `event` happen at `at`, seconds since 1970.
    pub fn put(&mut self, random: &mut Random, at: i64, event: Event) {
        self.queue
            .push(Reverse((at, random.number(), self.events.len())));
        self.events.push(Some(event));
    }

    /// The next event up to `until`, with its time.
    pub fn next(&mut self, until: i64) -> Option<(i64, Event)> {
        let Reverse((at, _, place)) = *self.queue.peek()?;
        if at > until {
            return None;
        }
        self.queue.pop();
        self.events[place].take().map(|event| (at, event))
    }
}
