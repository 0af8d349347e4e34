//! The ways of synchronising that Gongdan is compared with, each carrying the same work.
//!
//! Where a choice is open it favours the peer: one document a ticket instead of one a part, actors that stay the same
//! for ever, no signatures, no verdicts, no ids of documents where the peer itself does not send them.

mod automerge_document;
mod automerge_sync;
mod bare_changes;
mod loro;
mod samod;

pub use automerge_sync::AutomergeSync;
pub use bare_changes::{BareChanges, Saving};
pub use loro::{LoroBodies, LoroVersions};
pub use samod::Samod;

use crate::contender::Contender;

/// All peers, in the order they are reported in.
pub fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(AutomergeSync::default()),
        Box::new(Samod::default()),
        Box::new(LoroVersions::new(LoroBodies::OneADocument)),
        Box::new(LoroVersions::new(LoroBodies::OneStream)),
        Box::new(BareChanges::new(Saving::Deflated)),
        Box::new(BareChanges::new(Saving::Plain)),
    ]
}

/// One zstd frame over all the pieces, one after the other.
fn one_stream<'a>(pieces: impl Iterator<Item = &'a [u8]>, level: i32) -> Vec<u8> {
    let joined: Vec<u8> = pieces.flatten().copied().collect();
    zstd::bulk::compress(&joined, level).expect("compressing into memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contender::{Situation, Traffic},
        standard_work::{STANDARD_SEED, StandardWork},
    };

    const TICKETS: usize = 40;

    /// Measured twice and out of order: a contender that keeps something from one situation to the next shows.
    fn traffic_of(mut contender: impl Contender) -> [Option<Traffic>; 3] {
        contender
            .prepare(&StandardWork::generate(STANDARD_SEED, TICKETS))
            .expect("both sides are built");
        let mut backwards = Situation::ALL;
        backwards.reverse();
        let mut first =
            backwards.map(|situation| contender.measure(situation).expect("both sides converge"));
        first.reverse();
        let second = Situation::ALL
            .map(|situation| contender.measure(situation).expect("both sides converge"));
        assert_eq!(first.map(messages), second.map(messages));
        second
    }

    /// Messages and not bytes: samod draws its document ids at random, and their length varies by a character.
    fn messages(traffic: Option<Traffic>) -> Option<u64> {
        traffic.map(|traffic| traffic.messages)
    }

    #[test]
    fn automerge_sync_takes_two_messages_a_document_even_when_idle() {
        let [idle, reconnect, first] = traffic_of(AutomergeSync::default()).map(Option::unwrap);
        assert_eq!(
            (idle.messages, idle.bytes()),
            (2 * TICKETS as u64, 148 * TICKETS as u64)
        );
        assert!(reconnect.messages > idle.messages && reconnect.bytes() > idle.bytes());
        assert!(first.bytes_down > first.bytes_up);
    }

    #[test]
    fn samod_converges_with_at_least_two_messages_a_document() {
        let [idle, reconnect, first] = traffic_of(Samod::default()).map(Option::unwrap);
        // The two more are the join and its answer.
        assert_eq!(idle.messages, 2 * TICKETS as u64 + 2);
        assert!(reconnect.messages > idle.messages && reconnect.bytes() > idle.bytes());
        assert!(first.bytes_down > first.bytes_up);
    }

    #[test]
    fn loro_sends_version_vectors_both_ways_and_pushes_what_the_phone_edited() {
        let [idle, reconnect, first] =
            traffic_of(LoroVersions::new(LoroBodies::OneADocument)).map(Option::unwrap);
        assert_eq!(idle.messages, 2 * TICKETS as u64);
        assert_eq!(reconnect.messages, idle.messages + TICKETS as u64 / 10);
        assert_eq!(first.messages, TICKETS as u64);
    }

    #[test]
    fn loro_in_one_stream_is_smaller_than_loro_a_document_at_a_time() {
        let raw = traffic_of(LoroVersions::new(LoroBodies::OneADocument)).map(Option::unwrap);
        let stream = traffic_of(LoroVersions::new(LoroBodies::OneStream)).map(Option::unwrap);
        assert!(
            raw.iter()
                .zip(&stream)
                .all(|(raw, stream)| stream.bytes() < raw.bytes())
        );
    }

    #[test]
    fn bare_changes_have_no_idle_exchange_and_deflated_documents_are_larger_in_a_stream() {
        let [idle, _, deflated] = traffic_of(BareChanges::new(Saving::Deflated));
        let [_, reconnect, plain] = traffic_of(BareChanges::new(Saving::Plain));
        assert_eq!(idle, None);
        assert_eq!(reconnect.expect("changes are measured").messages, 2);
        assert!(
            deflated.expect("documents are measured").bytes()
                > plain.expect("documents are measured").bytes()
        );
    }
}
