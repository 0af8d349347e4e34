//! Sessions of office users, by cookie. Invariant: a session names its person and ends at its time, at
//! sign-out, at a new password, or when its person becomes inactive.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Role;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{hash_secret, new_secret, users};
use crate::audit::{self, Action, Actor};
use crate::host::Host;
use crate::store::StoreError;

/// How long a session lasts: a working day, in seconds.
pub const SESSION_SECONDS: i64 = 12 * 3600;

/// Somebody signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub person: PersonId,
    /// Name, for the console's corner.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Until when.
    pub expires_at: Timestamp,
}

/// Opens a session; the answer is the cookie's value.
pub fn open(tx: &Transaction<'_>, person: &PersonId, host: &Host) -> Result<String, StoreError> {
    let now = host.now();
    tx.execute(
        "DELETE FROM sessions WHERE expires_at <= ?1",
        [now.seconds()],
    )?;
    let secret = new_secret(host);
    tx.execute(
        "INSERT INTO sessions (token_hash, person, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![
            hash_secret(&secret),
            person.as_str(),
            now.seconds(),
            now.plus(SESSION_SECONDS).seconds()
        ],
    )?;
    let actor = Actor::Person(person.clone());
    audit::append(tx, now, &actor, Action::SignedIn, audit::Detail::new())?;
    Ok(secret)
}

/// The session of a cookie, if it still is one.
pub fn find(
    connection: &Connection,
    secret: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let row: Option<(String, String, String, i64)> = connection
        .prepare_cached(
            "SELECT u.person, u.name, u.roles, s.expires_at FROM sessions s JOIN users u USING (person)
             WHERE s.token_hash = ?1 AND s.expires_at > ?2 AND u.active = 1",
        )?
        .query_row(params![hash_secret(secret), now.seconds()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((person, name, roles, expires_at)) = row else {
        return Ok(None);
    };
    Ok(Some(Session {
        person: person.parse().map_err(|_| StoreError::Malformed {
            what: "sessions.person",
        })?,
        name,
        roles: users::parse_roles(&roles)?,
        expires_at: Timestamp(expires_at),
    }))
}

/// Ends the session of a cookie.
pub fn close(tx: &Transaction<'_>, secret: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM sessions WHERE token_hash = ?1",
        [hash_secret(secret)],
    )?;
    Ok(())
}
