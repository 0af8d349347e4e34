//! The versioned configuration that phones hold: organisation, people, regions, groups, products, checklists.
//!
//! Invariant: a catalogue never decides how a command executes; it only decides who may and what is offered.

mod codes;

use serde::{Deserialize, Serialize};

pub use codes::names_codes;

use crate::ids::PersonId;
use crate::policy::Role;
use crate::service_clock::ServiceClocks;
use crate::sync::request_auth::unbase64url;

/// Texts in the languages of the product: Chinese first, English second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Label {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// A code with its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// The code that stands in documents.
    pub code: String,
    /// What people read.
    pub label: Label,
}

/// A service group: by region and product line (R43).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// The code that stands in documents.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// Codes of the regions it serves.
    pub regions: Vec<String>,
    /// Codes of the product lines it serves.
    pub product_lines: Vec<String>,
    /// Code of the partner or branch whose group it is; the organisation's own without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A product line (R1) with what it may need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProductLine {
    /// The code that stands in documents.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// Code of its on-site checklist.
    pub checklist: String,
    /// Spare parts by part number.
    pub parts: Vec<Entry>,
}

/// A checklist (R68–R73, R79–R81).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Checklist {
    /// Its code.
    pub code: String,
    /// What people read.
    pub label: Label,
    /// Items in the order of the procedure; the code stands in documents.
    pub items: Vec<Entry>,
}

/// A person as others see them (R5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Employee number.
    pub id: PersonId,
    /// Name.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Code of the service group, if any.
    #[serde(default)]
    pub group: Option<String>,
    /// Codes of product lines they are skilled in (R44).
    #[serde(default)]
    pub skills: Vec<String>,
    /// Code of the partner or branch they work for; the organisation itself without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Everything configured, at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Catalogue {
    /// Counted up by the server at every change; 0 before the first.
    #[serde(default)]
    pub version: u32,
    /// Name of the organisation.
    pub organisation: String,
    /// IANA name of its zone.
    pub zone: String,
    /// Service regions.
    pub regions: Vec<Entry>,
    /// Partners and branches (R8, R9, R49).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<Entry>,
    /// Service groups.
    pub groups: Vec<Group>,
    /// Product lines.
    pub product_lines: Vec<ProductLine>,
    /// Checklists.
    pub checklists: Vec<Checklist>,
    /// People.
    #[serde(default)]
    pub people: Vec<Person>,
    /// What the customer consents to in signing.
    pub consent: Label,
    /// Days without contact after which a phone locks its screens; [`LEASE_DAYS`] unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_lease_days: Option<u32>,
    /// The X25519 key that the movement of a signing hand is sealed to, base64url; without one it is not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_key: Option<String>,
    /// Calendars, clocks and goals (X1); the response within 2, 4 and 12 hours where none is given (R31–R33).
    #[serde(default, skip_serializing_if = "ServiceClocks::is_empty")]
    pub service: ServiceClocks,
}

/// Days of the offline lease where the organisation gives none.
pub const LEASE_DAYS: u32 = 90;
/// Days of the longest lease that an organisation may give.
pub const LEASE_DAYS_MAX: u32 = 3_650;

impl Catalogue {
    /// What the server sent, as a device reads it. A server is upgraded before its phones: a role that only a
    /// later version knows is left out, and gives no right here; the phone syncs on.
    ///
    /// # Errors
    /// It is not a catalogue.
    pub fn received(json: &[u8]) -> serde_json::Result<Self> {
        let mut value: serde_json::Value = serde_json::from_slice(json)?;
        let people = value
            .get_mut("people")
            .and_then(|people| people.as_array_mut());
        for person in people.into_iter().flatten() {
            if let Some(roles) = person
                .get_mut("roles")
                .and_then(|roles| roles.as_array_mut())
            {
                roles.retain(|role| serde_json::from_value::<Role>(role.clone()).is_ok());
            }
        }
        serde_json::from_value(value)
    }

    /// Days without contact after which a phone locks its screens.
    pub fn lease_days(&self) -> u32 {
        self.offline_lease_days.unwrap_or(LEASE_DAYS)
    }

    /// The organisation's evidence key; nothing where there is none, or it is no key.
    pub fn evidence_key(&self) -> Option<[u8; 32]> {
        unbase64url(self.evidence_key.as_deref()?)?.try_into().ok()
    }

    /// The person of an employee number.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.iter().find(|person| person.id == *id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_role_of_a_later_version_is_left_out_and_the_rest_is_read() {
        let label = r#"{"zh":"同意","en":"I agree."}"#;
        let json = format!(
            r#"{{"version":3,"organisation":"o","zone":"Asia/Shanghai","regions":[],"groups":[],"product_lines":[],
                "checklists":[],"consent":{label},"later":1,
                "people":[{{"id":"G1","name":"甲","roles":["technician","astronaut"]}}]}}"#
        );
        assert!(
            serde_json::from_str::<Catalogue>(&json).is_err(),
            "an operator is told"
        );
        let catalogue = Catalogue::received(json.as_bytes()).unwrap();
        assert_eq!(catalogue.people[0].roles, [Role::Technician]);
        assert_eq!(catalogue.version, 3);
        assert!(Catalogue::received(b"{}").is_err());
    }
}
