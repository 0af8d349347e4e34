//! What both sides do while apart: which tickets, and the five small edits on each.

use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    APART_ONE_IN, ApartEdits, Edit, TicketWork, TimedEdit,
    generate::{DAY, HOUR, MINUTE, stream},
    names::Keys,
    text,
    ticket::{
        ChecklistAnswer, NOTE_CHARACTERS, Note, Person, REASON_CHARACTERS, StatusEvent, Suspension,
    },
};

/// Streams below this one are tickets; the ones from here on are choices over the whole work.
const APART_STREAM: u64 = 1 << 40;

/// The edits of both sides: (phone, office).
pub(super) fn apart(seed: u64, tickets: &[TicketWork]) -> (Vec<ApartEdits>, Vec<ApartEdits>) {
    let each = tickets.len() / APART_ONE_IN;
    let mut order: Vec<usize> = (0..tickets.len()).collect();
    order.shuffle(&mut stream(seed, APART_STREAM));
    // The phone has the first tenth of a shuffled deck, the office a tenth that starts in the middle of it.
    let sorted = |chosen: &[usize]| {
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        chosen
    };
    let phone = sorted(&order[..each]);
    let office = sorted(&order[each - each / 2..2 * each - each / 2]);
    let edits = |chosen: Vec<usize>, by: Person| {
        chosen
            .into_iter()
            .map(|ticket| edits_of(seed, ticket, &tickets[ticket], by))
            .collect()
    };
    (
        edits(phone, Person::Technician),
        edits(office, Person::Office),
    )
}

fn edits_of(seed: u64, ticket: usize, work: &TicketWork, by: Person) -> ApartEdits {
    let side = match by {
        Person::Technician => 1,
        Person::Office => 2,
    };
    let rng = &mut stream(seed, APART_STREAM * (1 + side) + ticket as u64);
    let before = &work.ticket;
    let last_at = work.history.last().expect("a history is not empty").at;
    let mut at = last_at + DAY;
    let mut later = |rng: &mut ChaCha8Rng| {
        at += rng.random_range(MINUTE..HOUR);
        at
    };

    let changed_at = later(rng);
    // Earlier, so that it stays before the end that was agreed.
    let from = before.appointment.appointed_from.0 - rng.random_range(1..48) * HOUR;
    let noted_at = later(rng);
    let note = Note {
        key: Keys::after(before.notes.iter().map(|note| note.by)).next(by),
        by,
        at: noted_at,
        text: text::mixed(rng, NOTE_CHARACTERS),
    };
    let answered_at = later(rng);
    let answered = &before.checklist[rng.random_range(0..before.checklist.len())];
    let other = if answered.answer == "done" {
        "n/a"
    } else {
        "done"
    };
    let answer = ChecklistAnswer {
        item: answered.item,
        answer: other.to_owned(),
    };
    let suspended_at = later(rng);
    let event = StatusEvent {
        key: Keys::after(before.events.iter().map(|event| event.by)).next(by),
        kind: "suspended",
        by,
        at: suspended_at,
        suspension: Some(Suspension {
            waiting_for: "parts",
            reason: text::mixed(rng, REASON_CHARACTERS),
        }),
    };
    let visited_at = later(rng);
    ApartEdits {
        ticket,
        by,
        edits: [
            TimedEdit {
                at: changed_at,
                edit: Edit::ChangeAppointment { from },
            },
            TimedEdit {
                at: noted_at,
                edit: Edit::AddNote(note),
            },
            TimedEdit {
                at: answered_at,
                edit: Edit::AnswerItem(answer),
            },
            TimedEdit {
                at: suspended_at,
                edit: Edit::Suspend(event),
            },
            TimedEdit {
                at: visited_at,
                edit: Edit::CountVisit,
            },
        ],
    }
}
