//! Passkeys (WebAuthn): a sign-in by a key that lives in the person's device and verifies its user there, so
//! that it is two factors by itself.
//!
//! Invariant: a ceremony is begun and ended here within minutes, once, and what is kept of those under way is
//! bounded. A key signs in nobody but the person it was registered for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use gongdan_core::sync::request_auth::base64url;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use webauthn_rs::prelude::{
    CreationChallengeResponse, DiscoverableAuthentication, DiscoverableKey, Passkey,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    RequestChallengeResponse, Url, Uuid, Webauthn, WebauthnBuilder,
};
use webauthn_rs_proto::ResidentKeyRequirement;

use crate::host::Host;
use crate::store::StoreError;

/// How long a ceremony may take, in seconds.
const CEREMONY_SECONDS: i64 = 5 * 60;
/// Ceremonies under way at once; the oldest make room.
const CEREMONIES_MAX: usize = 4096;
/// Passkeys of one person.
pub const PASSKEYS_MAX: u32 = 20;
/// Characters of a passkey's name.
pub const NAME_CHARS_MAX: usize = 60;

/// Begins and ends ceremonies; clones share those under way.
#[derive(Clone)]
pub struct Passkeys {
    webauthn: Option<Arc<Webauthn>>,
    under_way: Arc<Mutex<VecDeque<UnderWay>>>,
}

struct UnderWay {
    name: String,
    until: Timestamp,
    ceremony: Ceremony,
}

enum Ceremony {
    Registration(PersonId, Box<PasskeyRegistration>),
    SignIn(Box<DiscoverableAuthentication>),
}

/// A passkey as it stands in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name in this database.
    pub index: i64,
    /// What its owner calls it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last signed its person in.
    pub used_at: Option<Timestamp>,
}

/// A key that a person has registered.
pub struct Registered {
    /// Whose it is.
    pub person: PersonId,
    key: Passkey,
}

impl Passkeys {
    /// For a server that browsers reach at `url`. Browsers bind passkeys to a domain: at a bare address there
    /// are none, but for this machine's own, which is `localhost`.
    pub fn new(url: &str) -> Self {
        Self {
            webauthn: relying_party(url).map(Arc::new),
            under_way: Arc::default(),
        }
    }

    /// Whether there can be any.
    pub fn are_available(&self) -> bool {
        self.webauthn.is_some()
    }

    /// Begins to register a key of `person` (known to authenticators as `handle`): the ceremony's name and what
    /// the browser is to be asked. Keys that are `held` already are not registered twice.
    pub fn begin_registration(
        &self,
        person: &PersonId,
        name: &str,
        handle: [u8; 16],
        held: &[Passkey],
        host: &Host,
    ) -> Option<(String, CreationChallengeResponse)> {
        let held = held.iter().map(|key| key.cred_id().clone()).collect();
        let (mut asked, state) = self
            .webauthn
            .as_ref()?
            .start_passkey_registration(Uuid::from_bytes(handle), person.as_str(), name, Some(held))
            .ok()?;
        // A sign-in names nobody, so the key must be one that the authenticator finds by itself.
        if let Some(selection) = &mut asked.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        let ceremony = Ceremony::Registration(person.clone(), Box::new(state));
        Some((self.keep(ceremony, host), asked))
    }

    /// Ends a registration of `person`: the key, if the ceremony is theirs and the answer holds.
    pub fn end_registration(
        &self,
        ceremony: &str,
        person: &PersonId,
        answer: &RegisterPublicKeyCredential,
        now: Timestamp,
    ) -> Option<Passkey> {
        match self.take(ceremony, now)? {
            Ceremony::Registration(of, state) if of == *person => self
                .webauthn
                .as_ref()?
                .finish_passkey_registration(answer, &state)
                .ok(),
            _ => None,
        }
    }

    /// Begins a sign-in of whoever has a key: the ceremony's name and what the browser is to be asked.
    pub fn begin_sign_in(&self, host: &Host) -> Option<(String, RequestChallengeResponse)> {
        let (mut asked, state) = self
            .webauthn
            .as_ref()?
            .start_discoverable_authentication()
            .ok()?;
        // The console asks when its button is pressed.
        asked.mediation = None;
        Some((self.keep(Ceremony::SignIn(Box::new(state)), host), asked))
    }

    /// Ends a sign-in: the key as it is after it, if the answer holds for `registered`.
    pub fn end_sign_in(
        &self,
        ceremony: &str,
        answer: &PublicKeyCredential,
        registered: Option<Registered>,
        now: Timestamp,
    ) -> Option<Registered> {
        let Ceremony::SignIn(state) = self.take(ceremony, now)? else {
            return None;
        };
        let mut registered = registered?;
        let key = DiscoverableKey::from(&registered.key);
        let result = self
            .webauthn
            .as_ref()?
            .finish_discoverable_authentication_v2(answer, *state, &key)
            .ok()?;
        if !result.user_verified() {
            return None;
        }
        registered.key.update_credential(&result);
        Some(registered)
    }

    fn keep(&self, ceremony: Ceremony, host: &Host) -> String {
        let name = base64url(&host.random::<16>());
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while under_way.len() >= CEREMONIES_MAX {
            under_way.pop_front();
        }
        under_way.push_back(UnderWay {
            name: name.clone(),
            until: host.now().plus(CEREMONY_SECONDS),
            ceremony,
        });
        name
    }

    fn take(&self, name: &str, now: Timestamp) -> Option<Ceremony> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|each| each.until > now);
        let place = under_way.iter().position(|each| each.name == name)?;
        under_way.remove(place).map(|found| found.ceremony)
    }
}

fn relying_party(url: &str) -> Option<Webauthn> {
    let mut url = Url::parse(url).ok()?;
    let is_this_machine = match url.host()?.to_string().as_str() {
        "127.0.0.1" | "[::1]" => true,
        _ => url.domain().is_none(),
    };
    if is_this_machine {
        let own = matches!(url.host_str(), Some("127.0.0.1" | "[::1]"));
        if !own || url.set_host(Some("localhost")).is_err() {
            return None;
        }
    }
    let domain = url.domain()?.to_owned();
    WebauthnBuilder::new(&domain, &url)
        .ok()?
        .rp_name("Gongdan")
        .build()
        .ok()
}

/// The name of a person for authenticators, drawn at the first call.
pub fn handle(
    tx: &Transaction<'_>,
    person: &PersonId,
    host: &Host,
) -> Result<[u8; 16], StoreError> {
    tx.execute(
        "UPDATE users SET passkey_handle = ?2 WHERE person = ?1 AND passkey_handle IS NULL",
        params![person.as_str(), host.random::<16>()],
    )?;
    Ok(tx.query_row(
        "SELECT passkey_handle FROM users WHERE person = ?1",
        [person.as_str()],
        |row| row.get(0),
    )?)
}

/// The keys of a person.
pub fn keys(connection: &Connection, person: &PersonId) -> Result<Vec<Passkey>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT credential FROM passkeys WHERE person = ?1")?;
    let mut rows = statement.query([person.as_str()])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(parse(&row.get::<_, String>(0)?)?);
    }
    Ok(keys)
}

/// The key that a sign-in claims to use, if an active person has it under that handle.
pub fn registered(
    connection: &Connection,
    answer: &PublicKeyCredential,
) -> Result<Option<Registered>, StoreError> {
    let handle = answer.get_user_unique_id().unwrap_or_default();
    let found: Option<(String, String)> = connection
        .prepare_cached(
            "SELECT u.person, p.credential FROM passkeys p JOIN users u USING (person)
             WHERE p.credential_id = ?1 AND u.passkey_handle = ?2 AND u.active = 1",
        )?
        .query_row(params![answer.get_credential_id(), handle], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((person, key)) = found else {
        return Ok(None);
    };
    Ok(Some(Registered {
        person: person.parse().map_err(|_| StoreError::Malformed {
            what: "passkeys.person",
        })?,
        key: parse(&key)?,
    }))
}

/// Notes a use, with the key's counter and flags after it.
pub fn used(
    tx: &Transaction<'_>,
    registered: &Registered,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE passkeys SET credential = ?2, used_at = ?3 WHERE credential_id = ?1",
        params![
            registered.key.cred_id().as_slice(),
            to_json(&registered.key),
            now.seconds()
        ],
    )?;
    Ok(())
}

/// Adds a key; `false` where it is there already or the person has [`PASSKEYS_MAX`].
pub fn add(
    tx: &Transaction<'_>,
    person: &PersonId,
    name: &str,
    key: &Passkey,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT INTO passkeys (credential_id, person, name, credential, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM passkeys WHERE person = ?2) < ?6
         ON CONFLICT (credential_id) DO NOTHING",
        params![
            key.cred_id().as_slice(),
            person.as_str(),
            name,
            to_json(key),
            now.seconds(),
            PASSKEYS_MAX
        ],
    )?;
    Ok(added > 0)
}

/// Takes a key of a person away; `false` if there is no such one.
pub fn remove(tx: &Transaction<'_>, person: &PersonId, index: i64) -> Result<bool, StoreError> {
    let removed = tx.execute(
        "DELETE FROM passkeys WHERE person = ?1 AND idx = ?2",
        params![person.as_str(), index],
    )?;
    Ok(removed > 0)
}

/// The keys of a person as they stand in a list, the oldest first.
pub fn list(connection: &Connection, person: &PersonId) -> Result<Vec<Listed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT idx, name, created_at, used_at FROM passkeys WHERE person = ?1 ORDER BY idx",
    )?;
    let rows = statement.query_map([person.as_str()], |row| {
        Ok(Listed {
            index: row.get(0)?,
            name: row.get(1)?,
            created_at: Timestamp(row.get(2)?),
            used_at: row.get::<_, Option<i64>>(3)?.map(Timestamp),
        })
    })?;
    rows.map(|row| Ok(row?)).collect()
}

fn to_json(key: &Passkey) -> String {
    serde_json::to_string(key).expect("a passkey is JSON")
}

fn parse(json: &str) -> Result<Passkey, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Malformed {
        what: "passkeys.credential",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_want_a_domain_and_this_machine_is_localhost() {
        for (url, available) in [
            ("https://service.example.com", true),
            ("http://localhost:7420", true),
            ("http://127.0.0.1:7420", true),
            ("https://192.0.2.7", false),
            ("not an address", false),
        ] {
            assert_eq!(Passkeys::new(url).are_available(), available, "{url}");
        }
    }
}
