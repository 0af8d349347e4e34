//! Draws tickets from a seed.
//!
//! Every ticket and every side's edits have a generator of their own (a stream of ChaCha8), so that nothing depends
//! on how many tickets there are. Receipt times follow from the index alone: numbers and times rise together, as
//! they do in a real service.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Act, Commit, TicketWork,
    names::{Keys, number, uuid_v7},
    text,
    ticket::{
        Appointment, Assignment, CHECKLIST, ChecklistAnswer, Customer, GRADE_REASON_CHARACTERS,
        Grading, Instant, Intake, NOTE_CHARACTERS, Note, PROBLEM_CHARACTERS, Person, Product,
        StandardTicket, StatusEvent, TRIED_CHARACTERS, UnixSeconds, WISH_CHARACTERS,
    },
    vocabulary::*,
};

/// 2025-03-01T00:00:00Z; the first ticket of the work comes in on this day.
const FIRST_DAY: UnixSeconds = 1_740_787_200;
pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 60 * MINUTE;
pub(super) const DAY: i64 = 24 * HOUR;
const TICKETS_A_DAY: usize = 20;

/// The generator of one purpose.
pub(super) fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

fn one_of<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    *choices.choose(rng).expect("vocabularies are not empty")
}

/// The ticket with this index, and its history.
pub(super) fn ticket(seed: u64, index: usize) -> TicketWork {
    let rng = &mut stream(seed, index as u64);
    let day = (index / TICKETS_A_DAY) as i64;
    let of_day = index % TICKETS_A_DAY;
    let reported_at =
        FIRST_DAY + day * DAY + 30 * MINUTE * of_day as i64 + rng.random_range(0..30 * MINUTE);
    let history = history(rng, reported_at);
    let lead = Person::Technician.id().to_owned();
    TicketWork {
        ticket: StandardTicket {
            id: uuid_v7(rng, history[0].at),
            number: number(reported_at, of_day),
            intake: intake(rng, reported_at),
            problem: text::mixed(rng, PROBLEM_CHARACTERS),
            product: product(rng),
            grading: Grading {
                grade: one_of(rng, &GRADES),
                grade_reasons: text::mixed(rng, GRADE_REASON_CHARACTERS),
                impact: one_of(rng, &IMPACTS),
            },
            assignment: Assignment {
                lead: lead.clone(),
                group: one_of(rng, &GROUPS),
            },
            // Numbers from u100: nobody is in a crew twice.
            crew: [lead, format!("u{}", rng.random_range(100..160))],
            appointment: appointment(rng, reported_at),
            customer: customer(rng),
            checklist: CHECKLIST.map(|item| ChecklistAnswer {
                item,
                answer: answer(rng),
            }),
            notes: notes(rng, &history),
            events: events(&history),
            visits: 1,
        },
        history,
    }
}

/// The order of a day: who acts, what, and the longest time since the act before.
fn history(rng: &mut ChaCha8Rng, reported_at: UnixSeconds) -> [Commit; super::COMMITS] {
    let mut at = reported_at;
    [
        (Person::Office, Act::Open, 10 * MINUTE),
        (Person::Office, Act::Assign, HOUR),
        (Person::Office, Act::AddNote(0), 10 * MINUTE),
        (Person::Technician, Act::Accept, HOUR),
        (Person::Technician, Act::Appoint, HOUR),
        (Person::Technician, Act::AddNote(1), 10 * MINUTE),
        (Person::Technician, Act::Depart, 12 * HOUR),
        (Person::Technician, Act::Arrive, 3 * HOUR),
        (Person::Technician, Act::AddNote(2), HOUR),
        (Person::Technician, Act::AnswerChecklist, 2 * HOUR),
        (Person::Technician, Act::AddNote(3), 20 * MINUTE),
        (Person::Office, Act::AddNote(4), 5 * HOUR),
    ]
    .map(|(by, act, longest)| {
        at += rng.random_range(MINUTE..longest);
        Commit { by, at, act }
    })
}

fn intake(rng: &mut ChaCha8Rng, reported_at: UnixSeconds) -> Intake {
    Intake {
        ticket_type: one_of(rng, &TICKET_TYPES),
        channel: one_of(rng, &CHANNELS),
        reported_at: Instant(reported_at),
        external_ref: format!("CRM-{:010}", rng.random_range(0..10_000_000_000_u64)),
        region: one_of(rng, &REGIONS),
        district: one_of(rng, &DISTRICTS),
        wished_time: text::mixed(rng, WISH_CHARACTERS),
        wished_mode: one_of(rng, &MODES),
        tried: text::mixed(rng, TRIED_CHARACTERS),
        occurred_at: text::mixed(rng, WISH_CHARACTERS),
        frequency: one_of(rng, &FREQUENCIES),
    }
}

fn product(rng: &mut ChaCha8Rng) -> Product {
    let product_line = one_of(rng, &LINES);
    let produced_in = rng.random_range(2019..2024_i64);
    let (month, week) = (rng.random_range(1..=12), rng.random_range(1..53));
    let quantity_bought = rng.random_range(1..20);
    Product {
        product_line,
        model: format!(
            "{}-{}",
            product_line[..2].to_uppercase(),
            rng.random_range(1..40) * 50
        ),
        serial: (0..12)
            .map(|_| char::from(one_of(rng, SERIAL_CHARACTERS)))
            .collect(),
        purchase_date: format!(
            "{}-{:02}-{:02}",
            produced_in + 1,
            rng.random_range(1..=12),
            rng.random_range(1..=28)
        ),
        purchase_record: one_of(rng, &RECORDS),
        warranty: one_of(rng, &WARRANTIES),
        batch: format!(
            "{}{week:02}-{:03}",
            produced_in % 100,
            rng.random_range(0..1_000)
        ),
        production_site: one_of(rng, &SITES),
        production_date: format!("{produced_in}-{month:02}-{:02}", rng.random_range(1..=28)),
        quantity_bought,
        quantity_used: rng.random_range(1..=quantity_bought),
    }
}

fn appointment(rng: &mut ChaCha8Rng, reported_at: UnixSeconds) -> Appointment {
    let from = (reported_at / HOUR + rng.random_range(20..60)) * HOUR;
    Appointment {
        appointed_from: Instant(from),
        appointed_until: Instant(from + rng.random_range(1..5) * HOUR),
    }
}

fn notes(rng: &mut ChaCha8Rng, history: &[Commit]) -> [Note; super::NOTES] {
    let mut keys = Keys::default();
    let notes: Vec<Note> = history
        .iter()
        .filter(|commit| matches!(commit.act, Act::AddNote(_)))
        .map(|commit| Note {
            key: keys.next(commit.by),
            by: commit.by,
            at: commit.at,
            text: text::mixed(rng, NOTE_CHARACTERS),
        })
        .collect();
    notes
        .try_into()
        .expect("the history holds one commit a note")
}

fn events(history: &[Commit]) -> [StatusEvent; super::STATUS_EVENTS] {
    let mut keys = Keys::default();
    let events: Vec<StatusEvent> = history
        .iter()
        .filter_map(|commit| {
            let kind = match commit.act {
                Act::Open => "opened",
                Act::Assign => "assigned",
                Act::Accept => "accepted",
                Act::Appoint => "appointed",
                Act::Depart => "departed",
                Act::Arrive => "arrived",
                Act::AnswerChecklist | Act::AddNote(_) => return None,
            };
            Some(StatusEvent {
                key: keys.next(commit.by),
                kind,
                by: commit.by,
                at: commit.at,
                suspension: None,
            })
        })
        .collect();
    events
        .try_into()
        .expect("the history holds six status events")
}

fn customer(rng: &mut ChaCha8Rng) -> Customer {
    let city = one_of(rng, &CITIES);
    let mailbox: String = (0..rng.random_range(5..10))
        .map(|_| rng.random_range('a'..='z'))
        .collect();
    Customer {
        customer_kind: one_of(rng, &KINDS),
        customer_name: person_name(rng),
        customer_phone: phone(rng),
        organisation: format!(
            "{city}{}{}{}有限公司",
            text::character(rng),
            text::character(rng),
            one_of(rng, &TRADES)
        ),
        address: format!(
            "山东省{city}{}{}{}号{}{}小区{}号楼{}室",
            one_of(rng, &DISTRICTS),
            one_of(rng, &ROADS),
            rng.random_range(1..400),
            text::character(rng),
            text::character(rng),
            rng.random_range(1..30),
            rng.random_range(1..30) * 100 + rng.random_range(1..5)
        ),
        email: format!("{mailbox}@{}", one_of(rng, &MAIL_DOMAINS)),
        contact_name: person_name(rng),
        contact_phone: phone(rng),
        representative_name: person_name(rng),
        proof_of_purchase: format!("{:012}", rng.random_range(0..1_000_000_000_000_u64)),
    }
}

fn phone(rng: &mut ChaCha8Rng) -> String {
    format!(
        "1{}{:09}",
        rng.random_range(3..10),
        rng.random_range(0..1_000_000_000_u32)
    )
}

fn person_name(rng: &mut ChaCha8Rng) -> String {
    let mut name = one_of(rng, &SURNAMES).to_string();
    (0..rng.random_range(1..=2)).for_each(|_| name.push(text::character(rng)));
    name
}

fn answer(rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..100) {
        0..80 => "done".to_owned(),
        80..90 => "n/a".to_owned(),
        _ => format!(
            "reading:{}.{}",
            rng.random_range(0..100),
            rng.random_range(0..10)
        ),
    }
}
