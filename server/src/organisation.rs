//! The organisation and the catalogue that phones hold.
//!
//! Invariant: the effective catalogue is the organisation with the active users as its people; its version
//! counts up exactly when its content changes, and every version stays readable, because changesets name one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gongdan_core::catalogue::{Catalogue, Group, LEASE_DAYS_MAX, Person};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Role;
use gongdan_core::service_clock::{self, Finding, Severity};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::auth::users;
use crate::relay::visibility;
use crate::store::StoreError;

/// Bytes of an organisation file.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// An organisation's file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum InvalidOrganisation {
    /// Not TOML of the catalogue's shape; TOML's message names line and column.
    #[error("read the organisation: {0}")]
    Form(#[from] toml::de::Error),
    /// The zone is not in the IANA database.
    #[error("read the organisation: zone {0:?} is not known")]
    Zone(String),
    /// The offline lease is no number of days that a phone can keep.
    #[error("read the organisation: an offline lease of {0} days; 1 to {LEASE_DAYS_MAX} can be")]
    Lease(u32),
    /// The evidence key is no X25519 key in base64url.
    #[error("read the organisation: the evidence key is none")]
    EvidenceKey,
    /// A calendar, a clock or a goal is wrong; `gongdan policy check` says where and what.
    #[error("read the organisation: {0}; `gongdan policy check` says more")]
    Clocks(&'static str),
    /// Two of a kind have one code.
    #[error("read the organisation: {kind} {code:?} is there twice")]
    Twice {
        /// What kind of thing.
        kind: &'static str,
        /// Its code.
        code: String,
    },
    /// A code refers to nothing.
    #[error("read the organisation: {of} names {kind} {code:?}, which is not there")]
    Unknown {
        /// Who refers.
        of: String,
        /// To what kind of thing.
        kind: &'static str,
        /// By which code.
        code: String,
    },
}

/// Reads an organisation's file (TOML of [`Catalogue`]'s shape without `version`) and checks its codes.
///
/// # Errors
/// It is malformed or contradicts itself.
pub fn parse(text: &str) -> Result<Catalogue, InvalidOrganisation> {
    let organisation: Catalogue = toml::from_str(text)?;
    check(&organisation)?;
    Ok(Catalogue {
        version: 0,
        ..organisation
    })
}

fn check(organisation: &Catalogue) -> Result<(), InvalidOrganisation> {
    if organisation.zone.parse::<chrono_tz::Tz>().is_err() {
        return Err(InvalidOrganisation::Zone(organisation.zone.clone()));
    }
    let o = organisation;
    let days = o.lease_days();
    if !(1..=LEASE_DAYS_MAX).contains(&days) {
        return Err(InvalidOrganisation::Lease(days));
    }
    if o.evidence_key.is_some() && o.evidence_key().is_none() {
        return Err(InvalidOrganisation::EvidenceKey);
    }
    // The year concerns warnings alone.
    let findings = service_clock::lint(o, 0);
    let error = |f: &&Finding| f.problem.severity() == Severity::Error;
    if let Some(finding) = findings.iter().find(error) {
        return Err(InvalidOrganisation::Clocks(finding.problem.code()));
    }
    let regions = codes("region", o.regions.iter().map(|r| r.code.as_str()))?;
    let groups = codes("group", o.groups.iter().map(|g| g.code.as_str()))?;
    let lines = codes(
        "product line",
        o.product_lines.iter().map(|l| l.code.as_str()),
    )?;
    let checklists = codes("checklist", o.checklists.iter().map(|c| c.code.as_str()))?;
    codes("person", o.people.iter().map(|p| p.id.as_str()))?;
    let units = codes("unit", o.units.iter().map(|u| u.code.as_str()))?;
    for group in &o.groups {
        refer(&group.code, "unit", &units, group.unit.iter())?;
        refer(&group.code, "region", &regions, group.regions.iter())?;
        refer(
            &group.code,
            "product line",
            &lines,
            group.product_lines.iter(),
        )?;
    }
    for line in &o.product_lines {
        refer(
            &line.code,
            "checklist",
            &checklists,
            std::iter::once(&line.checklist),
        )?;
        codes("part", line.parts.iter().map(|p| p.code.as_str()))?;
    }
    for checklist in &o.checklists {
        codes(
            "checklist item",
            checklist.items.iter().map(|i| i.code.as_str()),
        )?;
    }
    for person in &o.people {
        refer(person.id.as_str(), "group", &groups, person.group.iter())?;
        refer(person.id.as_str(), "unit", &units, person.unit.iter())?;
        refer(
            person.id.as_str(),
            "product line",
            &lines,
            person.skills.iter(),
        )?;
    }
    Ok(())
}

fn codes<'a>(
    kind: &'static str,
    all: impl Iterator<Item = &'a str>,
) -> Result<HashSet<&'a str>, InvalidOrganisation> {
    let mut seen = HashSet::new();
    for code in all {
        if !seen.insert(code) {
            return Err(InvalidOrganisation::Twice {
                kind,
                code: code.to_owned(),
            });
        }
    }
    Ok(seen)
}

fn refer<'a>(
    of: &str,
    kind: &'static str,
    known: &HashSet<&str>,
    named: impl Iterator<Item = &'a String>,
) -> Result<(), InvalidOrganisation> {
    for code in named {
        if !known.contains(code.as_str()) {
            return Err(InvalidOrganisation::Unknown {
                of: of.to_owned(),
                kind,
                code: code.clone(),
            });
        }
    }
    Ok(())
}

/// Stores the organisation and takes its people over as users. The catalogue's version after it.
///
/// People who are not in the file stay as they are: a file that forgot somebody locks nobody out.
pub fn load(
    tx: &Transaction<'_>,
    organisation: &Catalogue,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let bare = Catalogue {
        version: 0,
        people: Vec::new(),
        ..organisation.clone()
    };
    tx.execute(
        "INSERT INTO organisation (only, json, loaded_at) VALUES (1, ?1, ?2)
         ON CONFLICT (only) DO UPDATE SET json = excluded.json, loaded_at = excluded.loaded_at",
        params![to_json(&bare), now.seconds()],
    )?;
    for person in &organisation.people {
        users::upsert(tx, person, now)?;
    }
    refresh(tx, now).map(|version| version.unwrap_or(0))
}

/// Writes a new catalogue version if its content changed; the version then current, `None` before an
/// organisation is loaded. Call it in every transaction that changes the organisation or its people.
pub fn refresh(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<u32>, StoreError> {
    let Some(bare): Option<String> = tx
        .query_row("SELECT json FROM organisation", [], |row| row.get(0))
        .optional()?
    else {
        return Ok(None);
    };
    let people: Vec<Person> = users::list(tx)?
        .into_iter()
        .filter(|user| user.active)
        .map(|user| user.person)
        .collect();
    let effective = Catalogue {
        people,
        ..from_json(&bare)?
    };
    let latest = current(tx)?;
    let version = latest.as_ref().map_or(0, |catalogue| catalogue.version);
    let before = latest.clone();
    if latest.is_some_and(|latest| {
        Catalogue {
            version: 0,
            ..latest
        } == effective
    }) {
        return Ok(Some(version));
    }
    let next = Catalogue {
        version: version + 1,
        ..effective
    };
    tx.execute(
        "INSERT INTO catalogues (version, json, created_at) VALUES (?1, ?2, ?3)",
        params![next.version, to_json(&next), now.seconds()],
    )?;
    // Who stands elsewhere now may hold other documents.
    if let Some(latest) = before {
        let (old, new) = (places(&latest), places(&next));
        let people: BTreeSet<&PersonId> = old.keys().chain(new.keys()).copied().collect();
        for person in people {
            if old.get(person) != new.get(person) {
                visibility::person_moved(tx, person)?;
            }
        }
    }
    Ok(Some(next.version))
}

/// Goes on with a version `block` past the newest, of the same content: versions in between may have been
/// given before a restore, to other content.
pub(crate) fn skip_versions(
    tx: &Transaction<'_>,
    now: Timestamp,
    block: u32,
) -> Result<(), StoreError> {
    let Some(newest) = current(tx)? else {
        return Ok(());
    };
    let next = Catalogue {
        version: newest.version + block,
        ..newest
    };
    tx.execute(
        "INSERT INTO catalogues (version, json, created_at) VALUES (?1, ?2, ?3)",
        params![next.version, to_json(&next), now.seconds()],
    )?;
    Ok(())
}

/// The newest version of the catalogue; `None` before an organisation is loaded.
pub fn current(connection: &Connection) -> Result<Option<Catalogue>, StoreError> {
    read(
        connection,
        "SELECT json FROM catalogues ORDER BY version DESC LIMIT 1",
        [],
    )
}

/// What of a person decides about what their phone may hold: roles, group with what it serves, unit.
type Place<'a> = (&'a [Role], Option<&'a Group>, Option<&'a String>);

fn places(catalogue: &Catalogue) -> BTreeMap<&PersonId, Place<'_>> {
    let groups = catalogue.groups.iter();
    let groups: BTreeMap<&String, &Group> = groups.map(|group| (&group.code, group)).collect();
    let people = catalogue.people.iter();
    people
        .map(|person| {
            let group = person.group.as_ref();
            let group = group.and_then(|code| groups.get(code).copied());
            (
                &person.id,
                (person.roles.as_slice(), group, person.unit.as_ref()),
            )
        })
        .collect()
}

/// One version of the catalogue.
pub fn at_version(connection: &Connection, version: u32) -> Result<Option<Catalogue>, StoreError> {
    read(
        connection,
        "SELECT json FROM catalogues WHERE version = ?1",
        [version],
    )
}

/// Number of the version that was in force at an instant; before the first, the first.
pub fn version_at(connection: &Connection, at: Timestamp) -> Result<Option<u32>, StoreError> {
    let version = connection
        .prepare_cached(
            "SELECT coalesce((SELECT max(version) FROM catalogues WHERE created_at <= ?1), min(version))
             FROM catalogues",
        )?
        .query_row([at.seconds()], |row| row.get(0))?;
    Ok(version)
}

/// Number of the newest version, 0 before an organisation is loaded.
pub fn current_version(connection: &Connection) -> Result<u32, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(max(version), 0) FROM catalogues")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn read(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Option<Catalogue>, StoreError> {
    let json: Option<String> = connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| row.get(0))
        .optional()?;
    json.map(|json| from_json(&json)).transpose()
}

fn to_json(catalogue: &Catalogue) -> String {
    serde_json::to_string(catalogue).expect("a catalogue is JSON")
}

fn from_json(json: &str) -> Result<Catalogue, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Malformed { what: "catalogue" })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::store::Database;

    const SAMPLE: &str = include_str!("../sample/organisation.toml");

    #[test]
    fn the_sample_organisation_is_sound() {
        let organisation = parse(SAMPLE).unwrap();
        assert!(organisation.groups.len() >= 2 && !organisation.people.is_empty());
    }

    #[test]
    fn a_file_that_contradicts_itself_is_refused() {
        let good = parse(SAMPLE).unwrap();
        let mut zone = good.clone();
        zone.zone = "Asia/Nowhere".into();
        assert!(matches!(check(&zone), Err(InvalidOrganisation::Zone(_))));
        let mut twice = good.clone();
        twice.regions.push(twice.regions[0].clone());
        assert!(matches!(
            check(&twice),
            Err(InvalidOrganisation::Twice { kind: "region", .. })
        ));
        let mut unknown = good.clone();
        unknown.people[0].skills.push("nothing".into());
        assert!(matches!(
            check(&unknown),
            Err(InvalidOrganisation::Unknown {
                kind: "product line",
                ..
            })
        ));
    }

    #[test]
    fn the_version_counts_changes_only_and_old_versions_stay() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path().join("gongdan.db")).unwrap();
        let organisation = parse(SAMPLE).unwrap();
        let load = |at| {
            database
                .write(|tx| load(tx, &organisation, Timestamp(at)))
                .unwrap()
        };
        assert_eq!((load(1), load(2)), (1, 1));
        let first = organisation.people[0].id.clone();
        let after = database
            .write(|tx| {
                users::set_active(tx, &first, false)?;
                refresh(tx, Timestamp(3))
            })
            .unwrap();
        assert_eq!(after, Some(2));
        let (old, new) = database
            .read(|c| Ok::<_, StoreError>((at_version(c, 1)?.unwrap(), current(c)?.unwrap())))
            .unwrap();
        assert!(old.person(&first).is_some() && new.person(&first).is_none());
        assert_eq!((old.version, new.version), (1, 2));
    }
}
