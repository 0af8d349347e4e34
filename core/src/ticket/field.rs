//! The typed facts of a ticket: one table says where each lies, what it may hold and how long it may be.
//!
//! Invariant: a value that is in a document under a field's place has passed [`Field::check`].

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::Part;
use crate::limits::{LONG_TEXT_CHARS_MAX, SHORT_TEXT_CHARS_MAX};

/// A scalar of a document. JSON: a string, a number, or an RFC 3339 string; `null` is an empty field.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(untagged)]
#[cbor(flat)]
pub enum Value {
    /// Text, a choice's code, or a date as `YYYY-MM-DD`.
    #[n(0)]
    Text(#[n(0)] String),
    /// A whole number; money is in fen.
    #[n(1)]
    Integer(#[n(0)] i64),
    /// An instant.
    #[n(2)]
    Instant(#[n(0)] Timestamp),
    /// Nothing: the field was emptied.
    #[n(3)]
    Empty,
}

impl Value {
    /// The text of a text value, or nothing.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
    /// The instant of an instant value, or nothing.
    pub fn as_instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(*at),
            _ => None,
        }
    }
    /// The number of an integer value, or nothing.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Instant(at)
    }
}

/// What a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up to [`SHORT_TEXT_CHARS_MAX`] characters on one line.
    Short,
    /// Up to [`LONG_TEXT_CHARS_MAX`] characters.
    Long,
    /// One of these codes.
    Choice(&'static [&'static str]),
    /// A date, `YYYY-MM-DD`.
    Date,
    /// An instant.
    Instant,
    /// A number from 0.
    Count,
}

/// Why a value does not fit its field.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Misfit {
    /// Another type of value.
    #[error("value of another type")]
    #[n(0)]
    Type,
    /// More characters than the limit.
    #[error("text too long")]
    #[n(1)]
    TooLong,
    /// Not among the codes of the choice.
    #[error("not one of the choices")]
    #[n(2)]
    Choice,
    /// Not a date.
    #[error("not a date")]
    #[n(3)]
    Date,
    /// Outside the range.
    #[error("number out of range")]
    #[n(4)]
    Range,
    /// Control characters, or a line break in a short text.
    #[error("characters that cannot stand here")]
    #[n(5)]
    Characters,
    /// Nothing where something is needed.
    #[error("empty")]
    #[n(6)]
    Empty,
}

macro_rules! fields {
    ($($code:literal $name:ident $part:ident $section:literal $key:literal $kind:expr, $doc:literal;)*) => {
        /// A typed fact of a ticket. The discriminant is its code on the wire, for ever.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode)]
        #[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "snake_case")]
        #[cbor(index_only)]
        pub enum Field {
            $(#[doc = $doc] #[n($code)] $name,)*
        }

        impl Field {
            /// All fields, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The part, the map within its document, and the key in that map.
            pub const fn place(self) -> (Part, &'static str, &'static str) {
                match self { $(Self::$name => (Part::$part, $section, $key),)* }
            }

            /// What it may hold.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$name => $kind,)* }
            }
        }
    };
}

/// Ticket types (R146).
pub const TICKET_TYPES: &[&str] = &["repair", "support", "maintenance", "consulting"];
/// Channels of intake (R15).
pub const CHANNELS: &[&str] = &[
    "phone",
    "email",
    "online",
    "on_site",
    "chat",
    "questionnaire",
];
/// Grades of urgency (R31–R33).
pub const GRADES: &[&str] = &["A", "B", "C"];
/// Root causes (R57).
pub const CAUSES: &[&str] = &["hardware", "software", "operation", "environment"];
/// Routes of a solution (R58).
pub const ROUTES: &[&str] = &["remote", "on_site", "return_to_factory"];

fields! {
    0  TicketType Service "intake" "ticket_type" Kind::Choice(TICKET_TYPES), "Repair, support, maintenance or consulting (R146).";
    1  Channel Service "intake" "channel" Kind::Choice(CHANNELS), "How the request came (R15).";
    2  ReportedAt Service "intake" "reported_at" Kind::Instant, "Receipt of the feedback, where the arrival clock starts (R37, X15).";
    3  ExternalRef Service "intake" "external_ref" Kind::Short, "The request's name in the system it was imported from.";
    4  Region Service "intake" "region" Kind::Short, "Code of the service region (R43).";
    5  District Service "intake" "district" Kind::Short, "Town or district, without the address.";
    6  WishedTime Service "intake" "wished_time" Kind::Short, "When the customer wishes service (R26).";
    7  WishedMode Service "intake" "wished_mode" Kind::Choice(ROUTES), "How the customer wishes service (R26).";
    8  Tried Service "intake" "tried" Kind::Long, "What the customer already tried (R25).";
    9  OccurredAt Service "intake" "occurred_at" Kind::Short, "When the problem occurred (R24).";
    10 Frequency Service "intake" "frequency" Kind::Choice(&["once", "intermittent", "constant"]), "How often it occurs (R24).";
    11 ProductLine Service "product" "product_line" Kind::Short, "Code of the product line (R1, R43).";
    12 Model Service "product" "model" Kind::Short, "Model (R22).";
    13 Serial Service "product" "serial" Kind::Short, "Serial number (R22).";
    14 PurchaseDate Service "product" "purchase_date" Kind::Date, "Date of purchase (R22).";
    15 PurchaseRecord Service "product" "purchase_record" Kind::Choice(&["matched", "mismatched", "unknown"]), "Whether model and serial match the purchase record (R23).";
    16 Warranty Service "product" "warranty" Kind::Choice(&["inside", "outside", "unknown"]), "Whether the after-sales period runs (R3).";
    17 Batch Service "product" "batch" Kind::Short, "Batch number (R75).";
    18 ProductionSite Service "product" "production_site" Kind::Short, "Where it was made (R75).";
    19 ProductionDate Service "product" "production_date" Kind::Date, "When it was made (R75).";
    20 QuantityBought Service "product" "quantity_bought" Kind::Count, "Pieces bought (R75).";
    21 QuantityUsed Service "product" "quantity_used" Kind::Count, "Pieces used (R75).";
    22 Grade Service "grading" "grade" Kind::Choice(GRADES), "A 2 h, B 4 h, C 12 h to respond (R31–R33).";
    23 GradeReasons Service "grading" "grade_reasons" Kind::Long, "Why this grade, one reason a line (R34).";
    24 Impact Service "grading" "impact" Kind::Choice(&["unusable", "safety", "core_business", "degraded", "slight"]), "Impact range (R34).";
    25 Lead Service "assignment" "lead" Kind::Short, "Employee number of the crew's lead (R12, R36).";
    26 Group Service "assignment" "group" Kind::Short, "Code of the service group (R43).";
    27 AppointedFrom Service "appointment" "appointed_from" Kind::Instant, "Start of the appointment, to the hour (R62).";
    28 AppointedUntil Service "appointment" "appointed_until" Kind::Instant, "End of the appointment.";
    29 AppointmentRemark Service "appointment" "appointment_remark" Kind::Short, "What was agreed with it (gate, lift, parking).";
    30 Cause Service "diagnosis" "cause" Kind::Choice(CAUSES), "Root cause (R57).";
    31 Route Service "diagnosis" "route" Kind::Choice(ROUTES), "How it is solved (R58).";
    32 Conclusion Service "diagnosis" "conclusion" Kind::Long, "Conclusion of the diagnosis.";
    33 Solution Service "diagnosis" "solution" Kind::Long, "What was done or is proposed (R71).";
    34 CompletionSummary Service "diagnosis" "completion_summary" Kind::Long, "What was done, as the customer is told.";
    35 Suggestion Service "diagnosis" "suggestion" Kind::Long, "The customer's suggestion for the product (R143).";
    36 CustomerKind Customer "customer" "customer_kind" Kind::Choice(&["individual", "enterprise"]), "Kind of customer (R2).";
    37 CustomerName Customer "customer" "customer_name" Kind::Short, "Name (R21).";
    38 CustomerPhone Customer "customer" "customer_phone" Kind::Short, "Telephone (R21).";
    39 Organisation Customer "customer" "organisation" Kind::Short, "Organisation (R21).";
    40 Address Customer "customer" "address" Kind::Short, "Where the visit goes.";
    41 Email Customer "customer" "email" Kind::Short, "Mail address.";
    42 ContactName Customer "customer" "contact_name" Kind::Short, "Contact on site (R2).";
    43 ContactPhone Customer "customer" "contact_phone" Kind::Short, "The contact's telephone (R64).";
    44 RepresentativeName Customer "customer" "representative_name" Kind::Short, "Authorised representative (R2).";
    45 ProofOfPurchase Customer "customer" "proof_of_purchase" Kind::Short, "Number of the proof of purchase (R21).";
    46 HandlingOpinion Office "handling" "handling_opinion" Kind::Long, "The office's opinion how to proceed (R107).";
    47 HandoverNote Office "handling" "handover_note" Kind::Long, "What the next shift must know (R28).";
}

impl Field {
    /// The part whose document holds it.
    pub const fn part(self) -> Part {
        self.place().0
    }

    /// Its name in JSON, in the document and on the screen's keys.
    pub const fn name(self) -> &'static str {
        self.place().2
    }

    /// The field of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The value as this field keeps it: an RFC 3339 text becomes an instant where the field is one.
    pub fn coerce(self, value: Value) -> Value {
        match (self.kind(), value) {
            (Kind::Instant, Value::Text(text)) => {
                match chrono::DateTime::parse_from_rfc3339(&text) {
                    Ok(at) => Value::Instant(at.to_utc().into()),
                    Err(_) => Value::Text(text),
                }
            }
            (Kind::Date | Kind::Short | Kind::Long, Value::Instant(at)) => {
                Value::Text(at.to_string())
            }
            (_, value) => value,
        }
    }

    /// Whether `value` may stand here; [`Value::Empty`] always may.
    pub fn check(self, value: &Value) -> Result<(), Misfit> {
        match (self.kind(), value) {
            (_, Value::Empty) => Ok(()),
            (Kind::Short, Value::Text(text)) => check_short(text),
            (Kind::Long, Value::Text(text)) => check_long(text),
            (Kind::Choice(codes), Value::Text(text)) => {
                if codes.contains(&text.as_str()) {
                    Ok(())
                } else {
                    Err(Misfit::Choice)
                }
            }
            (Kind::Date, Value::Text(text)) => {
                let canonical = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d")
                    .is_ok_and(|date| date.to_string() == *text);
                if canonical { Ok(()) } else { Err(Misfit::Date) }
            }
            (Kind::Instant, Value::Instant(at)) => check_instant(*at),
            (Kind::Count, Value::Integer(n)) => {
                if (0..=1_000_000_000).contains(n) {
                    Ok(())
                } else {
                    Err(Misfit::Range)
                }
            }
            _ => Err(Misfit::Type),
        }
    }
}

/// An instant between 1970 and 9999.
pub(crate) fn check_instant(at: Timestamp) -> Result<(), Misfit> {
    if (0..253_402_300_800).contains(&at.seconds()) {
        Ok(())
    } else {
        Err(Misfit::Range)
    }
}

/// A text on one line, not empty, of at most [`SHORT_TEXT_CHARS_MAX`] characters.
pub(crate) fn check_short(text: &str) -> Result<(), Misfit> {
    check_text(text, SHORT_TEXT_CHARS_MAX)?;
    if text.contains(['\n', '\t']) {
        Err(Misfit::Characters)
    } else {
        Ok(())
    }
}

/// A text, not empty, of at most [`LONG_TEXT_CHARS_MAX`] characters.
pub(crate) fn check_long(text: &str) -> Result<(), Misfit> {
    check_text(text, LONG_TEXT_CHARS_MAX)
}

fn check_text(text: &str, chars_max: usize) -> Result<(), Misfit> {
    if text.trim().is_empty() {
        return Err(Misfit::Empty);
    }
    // A character has at most four bytes: no need to count those of a giant text.
    if text.len() > 4 * chars_max || text.chars().count() > chars_max {
        return Err(Misfit::TooLong);
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return Err(Misfit::Characters);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_used_once_and_codes_are_in_order() {
        let mut places = std::collections::HashSet::new();
        for (code, field) in Field::ALL.iter().enumerate() {
            assert!(places.insert(field.place()), "{field:?} shares its place");
            assert_eq!(*field as usize, code);
            assert_eq!(Field::by_name(field.name()), Some(*field));
        }
    }

    #[test]
    fn a_text_at_the_limit_fits_and_one_past_it_does_not() {
        let at = "工".repeat(SHORT_TEXT_CHARS_MAX);
        assert_eq!(check_short(&at), Ok(()));
        assert_eq!(check_short(&format!("{at}单")), Err(Misfit::TooLong));
        let at = "工".repeat(LONG_TEXT_CHARS_MAX);
        assert_eq!(check_long(&at), Ok(()));
        assert_eq!(check_long(&format!("{at}单")), Err(Misfit::TooLong));
    }

    #[test]
    fn values_of_another_type_or_form_are_refused() {
        let text = |t: &str| Value::Text(t.to_owned());
        assert_eq!(Field::Grade.check(&text("D")), Err(Misfit::Choice));
        assert_eq!(
            Field::PurchaseDate.check(&text("2026-02-30")),
            Err(Misfit::Date)
        );
        assert_eq!(
            Field::PurchaseDate.check(&text("2026-2-3")),
            Err(Misfit::Date)
        );
        assert_eq!(Field::Model.check(&Value::Integer(3)), Err(Misfit::Type));
        assert_eq!(Field::Model.check(&text("a\nb")), Err(Misfit::Characters));
        assert_eq!(
            Field::QuantityUsed.check(&Value::Integer(-1)),
            Err(Misfit::Range)
        );
        assert_eq!(Field::Model.check(&text("  ")), Err(Misfit::Empty));
        assert_eq!(
            Field::ReportedAt.coerce(text("2026-11-22T08:00:00+08:00")),
            Value::Instant(Timestamp(1_795_305_600))
        );
    }
}
