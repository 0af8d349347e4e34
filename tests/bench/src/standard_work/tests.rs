//! The work is what its description says, and the same for ever.

use std::collections::{BTreeMap, HashSet};

use super::*;

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[test]
fn the_same_seed_gives_the_same_work_and_another_gives_another() {
    assert_eq!(StandardWork::generate(7, 60), StandardWork::generate(7, 60));
    assert_ne!(
        StandardWork::generate(7, 60).tickets,
        StandardWork::generate(8, 60).tickets
    );
}

#[test]
fn the_published_work_never_changes() {
    let work = StandardWork::generate(STANDARD_SEED, 500);
    let (phone, office) = work.edits_as_json();
    assert_eq!(
        (work.tickets_as_json().len(), phone.len(), office.len()),
        (1_878_082, 29_870, 29_876)
    );
    // The last characters drawn for the last ticket: a change anywhere in the drawing shows here.
    assert_eq!(
        work.tickets[499].ticket.notes[4].text,
        "巩生写浪邑饥含硕温度过高报警剥镀菱勇温度过高报警娟边锌瑞杖有焦糊谢额汐亢撑附照片"
    );
}

#[test]
fn a_ticket_does_not_depend_on_how_many_there_are() {
    assert_eq!(
        StandardWork::generate(7, 30).tickets,
        StandardWork::generate(7, 60).tickets[..30]
    );
}

#[test]
fn a_ticket_has_about_sixty_fields_of_the_lengths_described() {
    for TicketWork { ticket, history } in &StandardWork::generate(7, 40).tickets {
        assert_eq!(ticket.field_count(), 62);
        assert_eq!(characters(&ticket.problem), 200);
        assert_eq!(ticket.checklist.len(), 8);
        assert_eq!(
            ticket.notes.each_ref().map(|note| characters(&note.text)),
            [40; 5]
        );
        let kinds = ticket.events.each_ref().map(|event| event.kind);
        assert_eq!(
            kinds,
            [
                "opened",
                "assigned",
                "accepted",
                "appointed",
                "departed",
                "arrived"
            ]
        );
        assert_eq!(history.len(), 12);
        assert!(history.is_sorted_by(|earlier, later| earlier.at < later.at));
        assert_eq!(
            history
                .iter()
                .map(|commit| commit.by)
                .collect::<HashSet<_>>()
                .len(),
            2
        );
    }
}

#[test]
fn the_history_writes_every_field_once() {
    let TicketWork { ticket, history } = &StandardWork::generate(7, 1).tickets[0];
    let mut written: BTreeMap<String, usize> = BTreeMap::new();
    for write in history.iter().flat_map(|commit| ticket.writes(commit.act)) {
        let name = match write {
            Write::Field { section, field, .. } => format!("{section}.{field}"),
            Write::Item {
                collection, key, ..
            } => format!("{collection}.{key}"),
            Write::Count { counter, .. } => counter.to_owned(),
        };
        *written.entry(name).or_default() += 1;
    }
    assert_eq!(written.len(), ticket.field_count());
    // The counter is created when the ticket is opened and counts one visit on arrival.
    assert!(
        written
            .iter()
            .all(|(name, times)| *times == if name == "visits" { 2 } else { 1 })
    );
}

#[test]
fn each_side_edits_a_tenth_and_half_of_those_are_the_same_tickets() {
    let work = StandardWork::generate(7, 500);
    let of = |edits: &[ApartEdits]| {
        edits
            .iter()
            .map(|edits| edits.ticket)
            .collect::<HashSet<_>>()
    };
    let (phone, office) = (of(&work.phone_edits), of(&work.office_edits));
    assert_eq!(
        (
            phone.len(),
            office.len(),
            phone.intersection(&office).count()
        ),
        (50, 50, 25)
    );
    assert_eq!((work.phone_edits.len(), work.office_edits.len()), (50, 50));
}

#[test]
fn a_side_makes_five_small_edits_on_a_ticket() {
    let work = StandardWork::generate(7, 100);
    for edits in work.phone_edits.iter().chain(&work.office_edits) {
        let TicketWork { ticket, history } = &work.tickets[edits.ticket];
        assert!(edits.edits[0].at > history[COMMITS - 1].at);
        assert!(
            edits
                .edits
                .is_sorted_by(|earlier, later| earlier.at < later.at)
        );
        let [changed, noted, answered, suspended, counted] =
            edits.edits.each_ref().map(|timed| &timed.edit);
        assert!(
            matches!(changed, Edit::ChangeAppointment { from } if *from != ticket.appointment.appointed_from.0)
        );
        let Edit::AddNote(note) = noted else {
            panic!("the second edit is a note")
        };
        assert_eq!(characters(&note.text), 40);
        assert!(ticket.notes.iter().all(|known| known.key != note.key));
        assert!(matches!(answered, Edit::AnswerItem(answer)
            if ticket.checklist.iter().any(|known| known.item == answer.item && known.answer != answer.answer)));
        let Edit::Suspend(event) = suspended else {
            panic!("the fourth edit is a status event")
        };
        assert_eq!(
            (
                event.kind,
                event.suspension.as_ref().map(|why| characters(&why.reason))
            ),
            ("suspended", Some(10))
        );
        assert!(ticket.events.iter().all(|known| known.key != event.key));
        assert_eq!(counted, &Edit::CountVisit);
    }
}

#[test]
fn texts_carry_the_share_of_stock_phrases_described() {
    let work = StandardWork::generate(7, 100);
    let common: HashSet<char> = common_characters().iter().copied().collect();
    // Whole phrases found in the texts: a little under the share, as the last one of a text is cut.
    let (mut covered, mut all) = (0, 0);
    for TicketWork { ticket, .. } in &work.tickets {
        let text = &ticket.problem;
        assert!(
            text.chars()
                .all(|c| common.contains(&c)
                    || STOCK_PHRASES.iter().any(|phrase| phrase.contains(c)))
        );
        all += characters(text);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let longest = STOCK_PHRASES
                .iter()
                .filter(|phrase| rest.starts_with(**phrase))
                .max_by_key(|p| p.len());
            covered += longest.map_or(0, |phrase| characters(phrase));
            let skipped = longest.map_or_else(
                || rest.chars().next().map_or(0, char::len_utf8),
                |phrase| phrase.len(),
            );
            rest = &rest[skipped..];
        }
    }
    let percent = covered * 100 / all;
    assert!(
        (STOCK_SHARE_PERCENT - 4..=STOCK_SHARE_PERCENT + 1).contains(&percent),
        "{percent} %"
    );
}

#[test]
fn ids_are_of_version_seven_and_numbers_rise_with_the_day() {
    let work = StandardWork::generate(7, 45);
    assert!(
        work.tickets
            .iter()
            .all(|work| work.ticket.id[6] >> 4 == 7 && work.ticket.id[8] >> 6 == 0b10)
    );
    let number = |index: usize| work.tickets[index].ticket.number.as_str();
    assert_eq!(
        (number(0), number(19), number(20)),
        ("FW202503010001", "FW202503010020", "FW202503020001")
    );
    assert_eq!(
        work.tickets
            .iter()
            .map(|work| work.ticket.id)
            .collect::<HashSet<_>>()
            .len(),
        45
    );
}
