//! The plain values of one standard ticket: about 60 fields of an after-sales service request, free of any
//! synchronisation library, so that every contender starts from the same facts.
//!
//! Sections, names and codes are those of the product's own document, so that it can carry the work as it is.
//! Instants are seconds since the Unix epoch, dates `YYYY-MM-DD`.

use serde::Serialize;

use super::writes::{Value, Write, field};

/// Seconds since 1970-01-01T00:00:00Z.
pub type UnixSeconds = i64;

/// An instant that is the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Instant(pub UnixSeconds);

/// Number of checklist items of a ticket.
pub const CHECKLIST_ITEMS: usize = 8;
/// Number of notes of a ticket before the two sides part.
pub const NOTES: usize = 5;
/// Number of status events of a ticket before the two sides part.
pub const STATUS_EVENTS: usize = 6;
/// Length of the problem description in characters.
pub const PROBLEM_CHARACTERS: usize = 200;
/// Length of a note in characters.
pub const NOTE_CHARACTERS: usize = 40;
// The description of the work leaves the texts below open. They are as long as makes the whole weigh what the work of
// the quoted measurements weighed (bare Automerge documents of 500 tickets in one zstd stream: 587 kB).
/// Length of what the customer tried, in characters.
pub const TRIED_CHARACTERS: usize = 80;
/// Length of the reasons of the grade in characters.
pub const GRADE_REASON_CHARACTERS: usize = 40;
/// Length of a time in the customer's words, in characters.
pub const WISH_CHARACTERS: usize = 10;
/// Length of the reason of a suspension in characters.
pub const REASON_CHARACTERS: usize = 10;

/// The codes of the checklist items, in the order of the form (R68–R73, R79–R81).
pub const CHECKLIST: [&str; CHECKLIST_ITEMS] = [
    "identity_shown",
    "safety_explained",
    "power_isolated",
    "fault_reproduced",
    "cause_explained",
    "repaired_to_specification",
    "function_tested",
    "site_cleaned",
];

/// One of the two people who write a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Person {
    /// The dispatcher at the desk, who took the request in.
    Office,
    /// The technician with the phone, who leads the crew of every ticket of the work.
    Technician,
}

impl Person {
    /// The employee number.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Office => "u003",
            Self::Technician => "u017",
        }
    }
}

impl Serialize for Person {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A struct of named fields, and each of them as a write.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident $section:literal { $($(#[$fm:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub struct $name {
            $($(#[$fm])* pub $field: $ty,)*
        }

        impl $name {
            /// One write a field, in the order of the struct.
            pub fn writes(&self) -> Vec<Write> {
                vec![$(field($section, stringify!($field), Value::from(&self.$field)),)*]
            }
        }
    };
}

/// One ticket as it stands when both sides know the same.
///
/// Audience: [`StandardTicket::customer`] is the part `customer`; all the rest is the part `service`. A technician
/// may read both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandardTicket {
    /// Sixteen bytes in the layout of a UUID of version 7. Addresses the ticket, is not a field of it.
    #[serde(skip)]
    pub id: [u8; 16],
    /// `FW`, the date and four digits (R29). An attribute that the server gives, not a field of the document.
    #[serde(skip)]
    pub number: String,
    pub intake: Intake,
    /// The concrete manifestation (R24), [`PROBLEM_CHARACTERS`] long.
    pub problem: String,
    pub product: Product,
    pub grading: Grading,
    pub assignment: Assignment,
    /// Employee numbers of the crew, the lead first.
    pub crew: [String; 2],
    pub appointment: Appointment,
    pub customer: Customer,
    pub checklist: [ChecklistAnswer; CHECKLIST_ITEMS],
    pub notes: [Note; NOTES],
    pub events: [StatusEvent; STATUS_EVENTS],
    /// Counted visits on site.
    pub visits: i64,
}

section! {
    /// How the request came in, and what the customer told (R15, R24–R26, R146).
    Intake "intake" {
        ticket_type: &'static str,
        channel: &'static str,
        reported_at: Instant,
        /// The request's name in the system it came from.
        external_ref: String,
        region: &'static str,
        district: &'static str,
        /// In the customer's words, [`WISH_CHARACTERS`] long.
        wished_time: String,
        wished_mode: &'static str,
        /// In the customer's words, [`TRIED_CHARACTERS`] long.
        tried: String,
        /// In the customer's words, [`WISH_CHARACTERS`] long.
        occurred_at: String,
        frequency: &'static str,
    }
}

section! {
    /// The product concerned (R22, R23, R75).
    Product "product" {
        product_line: &'static str,
        model: String,
        serial: String,
        purchase_date: String,
        purchase_record: &'static str,
        warranty: &'static str,
        batch: String,
        production_site: &'static str,
        production_date: String,
        quantity_bought: i64,
        quantity_used: i64,
    }
}

section! {
    /// How urgent it is (R31–R34).
    Grading "grading" {
        grade: &'static str,
        /// [`GRADE_REASON_CHARACTERS`] long.
        grade_reasons: String,
        impact: &'static str,
    }
}

section! {
    /// Who answers for it (R12, R36, R43).
    Assignment "assignment" {
        lead: String,
        group: &'static str,
    }
}

section! {
    /// When it will be done, to the hour (R62).
    Appointment "appointment" {
        appointed_from: Instant,
        appointed_until: Instant,
    }
}

section! {
    /// Personal data, the part `customer` (R2, R21, R64).
    Customer "customer" {
        customer_kind: &'static str,
        customer_name: String,
        customer_phone: String,
        organisation: String,
        address: String,
        email: String,
        contact_name: String,
        contact_phone: String,
        representative_name: String,
        proof_of_purchase: String,
    }
}

/// The answer to one checklist item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChecklistAnswer {
    /// One of [`CHECKLIST`].
    pub item: &'static str,
    /// `done`, `n/a` or `reading:` with what was read.
    pub answer: String,
}

/// A remark of [`NOTE_CHARACTERS`] characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Letter of the author and a counter; unique within the ticket.
    pub key: String,
    pub by: Person,
    pub at: UnixSeconds,
    pub text: String,
}

/// A step in the life of the ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusEvent {
    /// Letter of the author and a counter; unique within the ticket.
    pub key: String,
    pub kind: &'static str,
    pub by: Person,
    pub at: UnixSeconds,
    /// Of a suspension: what it waits for, and why.
    #[serde(flatten)]
    pub suspension: Option<Suspension>,
}

/// What a suspended ticket waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suspension {
    /// `parts`.
    pub waiting_for: &'static str,
    /// [`REASON_CHARACTERS`] long.
    pub reason: String,
}

impl StandardTicket {
    /// The number of its fields: the named ones, every member of the crew, checklist answer, note and
    /// status event, the problem and the counter.
    pub fn field_count(&self) -> usize {
        let value = serde_json::to_value(self).expect("plain values serialise");
        let sections = value.as_object().expect("a ticket is an object");
        sections
            .values()
            .map(|section| match section {
                serde_json::Value::Object(fields) => fields.len(),
                serde_json::Value::Array(items) => items.len(),
                _ => 1,
            })
            .sum()
    }
}
