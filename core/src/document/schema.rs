//! Names in the document. Each is written down once; a name's meaning never changes.

/// Map of checklist answers, by item code.
pub(super) const CHECKLIST: &str = "checklist";
/// Map of people, by employee number, to whether they are in the crew.
pub(super) const CREW: &str = "crew";
/// Map of status events.
pub(super) const EVENTS: &str = "events";
/// Map of diagnosis steps.
pub(super) const STEPS: &str = "steps";
/// Map of notes; in `service` and `office`.
pub(super) const NOTES: &str = "notes";
/// Map of parts used.
pub(super) const PARTS_USED: &str = "parts_used";
/// Map of quotes.
pub(super) const QUOTES: &str = "quotes";
/// Map of photos.
pub(super) const PHOTOS: &str = "photos";
/// Map of confirmations.
pub(super) const CONFIRMATIONS: &str = "confirmations";
/// Map of follow-up calls.
pub(super) const FOLLOW_UPS: &str = "follow_ups";
/// Map of signatures; in `customer`.
pub(super) const SIGNATURES: &str = "signatures";
/// The problem text, at the root.
pub(super) const PROBLEM: &str = "problem";
/// The counter of visits, at the root.
pub(super) const VISITS: &str = "visits";
/// Tombstone of an item that was struck out.
pub(super) const STRUCK_OUT: &str = "struck_out";

use crate::ids::Part;

/// The maps at the root of a part's document, in the order the genesis makes them.
pub(super) const fn maps(part: Part) -> &'static [&'static str] {
    match part {
        Part::Service => &[
            "intake",
            "product",
            "grading",
            "assignment",
            CREW,
            "appointment",
            "diagnosis",
            CHECKLIST,
            EVENTS,
            STEPS,
            NOTES,
            PARTS_USED,
            QUOTES,
            PHOTOS,
            CONFIRMATIONS,
            FOLLOW_UPS,
        ],
        Part::Customer => &["customer", SIGNATURES],
        Part::Office => &["handling", NOTES],
    }
}
