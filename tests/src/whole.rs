//! What a phone's store must be at any moment, whatever happened to it.
//!
//! Invariant: it asks the tables themselves, not the replica over them.

use std::collections::BTreeMap;

use gongdan_core::document::TicketDoc;
use gongdan_core::ids::{Part, PartRef, TicketId};
use gongdan_core::store::{OutboxState, Store};
use gongdan_core::sync::changeset::Changeset;
use gongdan_core::ticket::summary::summarize;

/// Everything that this store says of a ticket is the same in all its tables, and the notes that were written
/// are in it once each.
///
/// # Panics
/// It is not.
pub fn assert_whole(store: &mut dyn Store, ticket: TicketId, notes_done: &[String]) {
    store
        .read(&mut |txn| {
            let mut sealed_entries = Vec::new();
            for sealed in txn.all_sealed()? {
                let changeset: Changeset =
                    minicbor::decode(&sealed.changeset).expect("a sound store");
                assert_eq!(
                    changeset.commands().expect("a sound store").len(),
                    sealed.entries.len()
                );
                for id in sealed.entries {
                    let entry = txn.entry(id)?.expect("an entry of a sealed changeset");
                    assert_eq!(entry.device_sequence, Some(sealed.device_sequence));
                    sealed_entries.push(id);
                }
            }
            for entry in txn.entries_in(OutboxState::InFlight)? {
                assert!(
                    sealed_entries.contains(&entry.id),
                    "in flight, and in no sealed changeset"
                );
            }
            for entry in txn.entries_in(OutboxState::Pending)? {
                assert_eq!(entry.device_sequence, None);
            }
            let part = PartRef {
                ticket,
                part: Part::Service,
            };
            let mirror = txn.mirror(part)?.expect("the ticket's mirror");
            let mut local = TicketDoc::load(part.part, &mirror.document).expect("a sound store");
            assert_eq!(local.heads(), mirror.heads);
            for entry in txn.entries_of(part)? {
                let mut fork = local
                    .fork_at(&entry.base)
                    .expect("an entry's base is there");
                let authored = gongdan_core::ticket::Authored {
                    id: entry.command_id,
                    at: entry.at,
                    command: entry.command,
                };
                assert_eq!(
                    fork.execute(entry.actor, &authored)
                        .expect("a sound store")
                        .hash,
                    entry.hash
                );
                local.merge(&mut fork);
            }
            let number = txn.ticket(ticket)?.expect("a sound store").summary.number;
            let said =
                gongdan_core::document::hydrate(ticket, number, &[&local]).expect("a sound store");
            assert_eq!(
                txn.ticket(ticket)?.expect("a sound store").summary,
                summarize(&said),
                "the list's row"
            );
            let mut notes: BTreeMap<&str, u32> = BTreeMap::new();
            for note in &said.notes {
                *notes.entry(&note.text).or_default() += 1;
            }
            for text in notes_done {
                assert_eq!(notes.get(text.as_str()), Some(&1), "{text} was done");
            }
            Ok(())
        })
        .expect("a sound store");
}
