//! People with an account. Invariant: the employee number is the key; nobody is deleted, only made inactive.

use gongdan_core::catalogue::Person;
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Role;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::sessions;
use crate::store::StoreError;

/// A person with what the server keeps beside the catalogue's view.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// As others see them.
    pub person: Person,
    /// Argon2id in PHC form; `None`: may not sign in.
    pub password_hash: Option<String>,
    /// May do anything at all.
    pub active: bool,
    /// The password was drawn by somebody else and is to be changed.
    pub password_temporary: bool,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("person", &self.person.id)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "person, name, roles, service_group, skills, password_hash, active, unit, \
    password_temporary";

/// The person of an employee number, active or not.
pub fn find(connection: &Connection, person: &PersonId) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE person = ?1");
    connection
        .prepare_cached(&sql)?
        .query_row([person.as_str()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Everybody, by employee number.
pub fn list(connection: &Connection) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM users ORDER BY person");
    let mut statement = connection.prepare_cached(&sql)?;
    statement
        .query_map([], |row| Ok(read(row)))?
        .map(|user| user?)
        .collect()
}

/// Adds a person or takes over name, roles, group, skills and unit; password and activity stay as they are,
/// a new person is active and has no password.
pub fn upsert(tx: &Transaction<'_>, person: &Person, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO users (person, name, roles, service_group, skills, password_hash, active, created_at, unit)
         VALUES (?1, ?2, ?3, ?4, ?5, NULL, 1, ?6, ?7)
         ON CONFLICT (person) DO UPDATE SET
           name = excluded.name, roles = excluded.roles,
           service_group = excluded.service_group, skills = excluded.skills, unit = excluded.unit",
        params![
            person.id.as_str(),
            person.name,
            json(&person.roles),
            person.group,
            json(&person.skills),
            now.seconds(),
            person.unit,
        ],
    )?;
    Ok(())
}

/// Sets the password; everybody signed in under the old one is signed out. A `temporary` one, which somebody
/// else has seen, is to be changed at the first sign-in.
pub fn set_password(
    tx: &Transaction<'_>,
    person: &PersonId,
    hash: &str,
    temporary: bool,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET password_hash = ?2, password_temporary = ?3 WHERE person = ?1",
        params![person.as_str(), hash, temporary],
    )?;
    sessions::revoke_all(tx, person)
}

/// Makes a person active or inactive; `false` if there is none. Inactive people are signed out.
pub fn set_active(
    tx: &Transaction<'_>,
    person: &PersonId,
    active: bool,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE users SET active = ?2 WHERE person = ?1",
        params![person.as_str(), active],
    )?;
    if !active {
        sessions::revoke_all(tx, person)?;
    }
    Ok(changed > 0)
}

fn read(row: &Row<'_>) -> Result<User, StoreError> {
    let id: String = row.get(0)?;
    let roles: String = row.get(2)?;
    let skills: String = row.get(4)?;
    let malformed = |what| StoreError::Malformed { what };
    Ok(User {
        person: Person {
            id: id.parse().map_err(|_| malformed("users.person"))?,
            name: row.get(1)?,
            roles: serde_json::from_str(&roles).map_err(|_| malformed("users.roles"))?,
            group: row.get(3)?,
            skills: serde_json::from_str(&skills).map_err(|_| malformed("users.skills"))?,
            unit: row.get(7)?,
        },
        password_hash: row.get(5)?,
        active: row.get(6)?,
        password_temporary: row.get(8)?,
    })
}

fn json<T: serde::Serialize>(value: &[T]) -> String {
    serde_json::to_string(value).expect("names and codes are JSON")
}

/// Reads roles from their JSON list.
pub(crate) fn parse_roles(text: &str) -> Result<Vec<Role>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Malformed {
        what: "users.roles",
    })
}
