//! Sessions of office users, by cookie.
//!
//! Invariant: a session names its person and what was proved; it ends at its time, when it is left alone, at
//! sign-out, when somebody revokes it, at a new password, or when its person becomes inactive. Every proof
//! opens a new one: no cookie that was known before a sign-in serves after it.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::policy::Role;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{hash_secret, new_secret, users};
use crate::audit::{self, Action, Actor};
use crate::host::Host;
use crate::store::StoreError;

/// How long a session lasts: a working day, in seconds.
pub const SESSION_SECONDS: i64 = 12 * 3600;
/// How long it lasts unused, in seconds (NIST SP 800-63B-4 section 2.2.3: an hour).
pub const IDLE_SECONDS: i64 = 3600;
/// How long a proof counts as recent, in seconds: exports and the keeping of accounts want one.
pub const RECENT_SECONDS: i64 = 10 * 60;
/// Use is noted to this many seconds: not every request is a commit.
pub(crate) const SEEN_SECONDS: i64 = 60;
/// Sessions of one person; the oldest make room.
const SESSIONS_MAX: i64 = 50;
/// Characters kept of what a browser calls itself.
const AGENT_CHARS_MAX: usize = 200;

/// How a person proved to be it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Password alone.
    Password,
    /// Password and a code of an authenticator app.
    Totp,
    /// Password and a recovery code.
    RecoveryCode,
    /// A passkey, which verified its user.
    Passkey,
}

/// What an account lacks before its sessions serve for more than the account itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// The password was drawn by somebody else.
    NewPassword,
    /// The password is too short to serve alone.
    SecondFactor,
}

/// What a session is opened with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How its person proved to be it.
    pub proof: Proof,
    /// What the account lacks.
    pub lacks: Option<Lack>,
    /// What the browser calls itself.
    pub agent: String,
}

/// Name of a session in lists; it is no secret.
pub type SessionId = [u8; 16];

/// Somebody signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Who.
    pub person: PersonId,
    /// Name, for the console's corner.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// What the account lacks.
    pub lacks: Option<Lack>,
    /// How they proved to be it.
    pub proof: Proof,
    /// When they did.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub seen_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// A session as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: SessionId,
    /// How its person proved to be it.
    pub proof: Proof,
    /// What the browser calls itself.
    pub agent: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Last use, to the minute.
    pub seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Signs somebody in: opens a session, and tells the audit chain. The answer is the cookie's value.
pub fn open(
    tx: &Transaction<'_>,
    person: &PersonId,
    opening: &Opening,
    host: &Host,
) -> Result<String, StoreError> {
    let secret = reopen(tx, person, opening, host)?;
    let actor = Actor::Person(person.clone());
    audit::append(
        tx,
        host.now(),
        &actor,
        Action::SignedIn,
        audit::Detail::new(),
    )?;
    Ok(secret)
}

/// Opens a session for somebody who is signed in, in place of the one they had.
pub fn reopen(
    tx: &Transaction<'_>,
    person: &PersonId,
    opening: &Opening,
    host: &Host,
) -> Result<String, StoreError> {
    let now = host.now();
    tx.execute(
        "DELETE FROM sessions WHERE expires_at <= ?1 OR seen_at <= ?2",
        params![now.seconds(), now.plus(-IDLE_SECONDS).seconds()],
    )?;
    tx.execute(
        "DELETE FROM sessions WHERE token_hash IN (SELECT token_hash FROM sessions WHERE person = ?1
         ORDER BY seen_at DESC LIMIT -1 OFFSET ?2)",
        params![person.as_str(), SESSIONS_MAX - 1],
    )?;
    let secret = new_secret(host);
    let agent: String = opening
        .agent
        .chars()
        .filter(|c| !c.is_control())
        .take(AGENT_CHARS_MAX)
        .collect();
    tx.execute(
        "INSERT INTO sessions (token_hash, id, person, proof, lacks, agent, created_at, seen_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8)",
        params![
            hash_secret(&secret),
            host.random::<16>(),
            person.as_str(),
            to_text(opening.proof),
            opening.lacks.map(to_text),
            agent,
            now.seconds(),
            now.plus(SESSION_SECONDS).seconds()
        ],
    )?;
    Ok(secret)
}

/// The session of a cookie, if it still is one.
pub fn find(
    connection: &Connection,
    secret: &str,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    connection
        .prepare_cached(
            "SELECT s.id, u.person, u.name, u.roles, s.lacks, s.proof, s.created_at, s.seen_at, s.expires_at
             FROM sessions s JOIN users u USING (person)
             WHERE s.token_hash = ?1 AND s.expires_at > ?2 AND s.seen_at > ?3 AND u.active = 1",
        )?
        .query_row(
            params![
                hash_secret(secret),
                now.seconds(),
                now.plus(-IDLE_SECONDS).seconds()
            ],
            |row| {
                let person: String = row.get(1)?;
                let roles: String = row.get(3)?;
                let lacks: Option<String> = row.get(4)?;
                let proof: String = row.get(5)?;
                Ok((|| {
                    Ok(Session {
                        id: row.get(0)?,
                        person: person.parse().map_err(|_| StoreError::Malformed {
                            what: "sessions.person",
                        })?,
                        name: row.get(2)?,
                        roles: users::parse_roles(&roles)?,
                        lacks: lacks
                            .map(|text| of_text(&text, "sessions.lacks"))
                            .transpose()?,
                        proof: of_text(&proof, "sessions.proof")?,
                        created_at: Timestamp(row.get(6)?),
                        seen_at: Timestamp(row.get(7)?),
                        expires_at: Timestamp(row.get(8)?),
                    })
                })())
            },
        )
        .optional()?
        .transpose()
}

/// Notes that a session was used.
pub fn touch(tx: &Transaction<'_>, id: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sessions SET seen_at = max(seen_at, ?2) WHERE id = ?1",
        params![id, now.seconds()],
    )?;
    Ok(())
}

/// The sessions of a person that still are, the last used first.
pub fn list(
    connection: &Connection,
    person: &PersonId,
    now: Timestamp,
) -> Result<Vec<Listed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, proof, agent, created_at, seen_at, expires_at FROM sessions
         WHERE person = ?1 AND expires_at > ?2 AND seen_at > ?3 ORDER BY seen_at DESC, created_at DESC, id",
    )?;
    let mut rows = statement.query(params![
        person.as_str(),
        now.seconds(),
        now.plus(-IDLE_SECONDS).seconds()
    ])?;
    let mut listed = Vec::new();
    while let Some(row) = rows.next()? {
        listed.push(Listed {
            id: row.get(0)?,
            proof: of_text(&row.get::<_, String>(1)?, "sessions.proof")?,
            agent: row.get(2)?,
            created_at: Timestamp(row.get(3)?),
            seen_at: Timestamp(row.get(4)?),
            expires_at: Timestamp(row.get(5)?),
        });
    }
    Ok(listed)
}

/// Ends the session of a cookie.
pub fn close(tx: &Transaction<'_>, secret: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM sessions WHERE token_hash = ?1",
        [hash_secret(secret)],
    )?;
    Ok(())
}

/// Ends one session of a person; `false` if there is none of that name.
pub fn revoke(tx: &Transaction<'_>, person: &PersonId, id: &SessionId) -> Result<bool, StoreError> {
    let ended = tx.execute(
        "DELETE FROM sessions WHERE person = ?1 AND id = ?2",
        params![person.as_str(), id],
    )?;
    Ok(ended > 0)
}

/// Ends all sessions of a person.
pub fn revoke_all(tx: &Transaction<'_>, person: &PersonId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM sessions WHERE person = ?1", [person.as_str()])?;
    Ok(())
}

fn to_text<T: Serialize>(value: T) -> String {
    let json = serde_json::to_value(value).expect("a unit variant is JSON");
    json.as_str().unwrap_or_default().to_owned()
}

fn of_text<T: serde::de::DeserializeOwned>(
    text: &str,
    what: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_value(text.into()).map_err(|_| StoreError::Malformed { what })
}
