//! Enrolling a device by a one-time code. Invariant: a code makes one device at most; the same code with
//! the same key again finds that device, because the answer may have been lost on its way.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, PersonId};
use gongdan_core::sync::keys::PublicKey;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{devices, hash_secret, users};
use crate::host::Host;
use crate::store::StoreError;

/// How long a code serves unless said otherwise, in days.
pub const INVITATION_DAYS: u16 = 7;
/// The longest it may serve, in days.
pub const INVITATION_DAYS_MAX: u16 = 30;

/// What becomes of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enrolment {
    /// The device is enrolled (now, or by this code and key before).
    Enrolled {
        /// Its id.
        device: DeviceId,
        /// Whose it is.
        person: PersonId,
    },
    /// There is no such code, or it is used, too old, or its person inactive.
    InvalidCode,
    /// Another enrolment has brought this key.
    KeyTaken,
}

/// Makes a code for a person, `None` if there is no such active person. The answer is shown once.
pub fn invite(
    tx: &Transaction<'_>,
    person: &PersonId,
    days: u16,
    host: &Host,
) -> Result<Option<(String, Timestamp)>, StoreError> {
    if !users::find(tx, person)?.is_some_and(|user| user.active) {
        return Ok(None);
    }
    let now = host.now();
    let expires_at = now.plus(i64::from(days.clamp(1, INVITATION_DAYS_MAX)) * 24 * 3600);
    let code = grouped(&host.random::<16>());
    tx.execute(
        "INSERT INTO enrolment_codes (code_hash, person, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![hash_code(&code), person.as_str(), now.seconds(), expires_at.seconds()],
    )?;
    Ok(Some((code, expires_at)))
}

/// Uses a code.
pub fn enrol(
    tx: &Transaction<'_>,
    code: &str,
    key: &PublicKey,
    name: &str,
    host: &Host,
) -> Result<Enrolment, StoreError> {
    let now = host.now();
    let hash = hash_code(code);
    let found: Option<(String, i64, Option<i64>)> = tx
        .query_row(
            "SELECT c.person, c.expires_at, c.used_by FROM enrolment_codes c JOIN users u USING (person)
             WHERE c.code_hash = ?1 AND u.active = 1",
            [hash],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((person, expires_at, used_by)) = found else {
        return Ok(Enrolment::InvalidCode);
    };
    let person: PersonId = person.parse().map_err(|_| StoreError::Malformed {
        what: "enrolment_codes.person",
    })?;
    let holder = devices::by_key(tx, key)?;
    match (used_by, holder) {
        (Some(index), Some(holder)) if holder.index == index => Ok(Enrolment::Enrolled {
            device: holder.device,
            person,
        }),
        (Some(_), _) => Ok(Enrolment::InvalidCode),
        (None, _) if expires_at <= now.seconds() => Ok(Enrolment::InvalidCode),
        (None, Some(_)) => Ok(Enrolment::KeyTaken),
        (None, None) => {
            let device = DeviceId::new(now, host.random());
            let index = devices::insert(tx, device, &person, name, key, now)?;
            tx.execute(
                "UPDATE enrolment_codes SET used_at = ?2, used_by = ?3 WHERE code_hash = ?1",
                params![hash, now.seconds(), index],
            )?;
            Ok(Enrolment::Enrolled { device, person })
        }
    }
}

/// The address that a phone reads from the QR code.
pub fn uri(server_url: &str, code: &str) -> String {
    let mut server = String::new();
    for byte in server_url.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                server.push(char::from(byte))
            }
            _ => server.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("gongdan://enrol?server={server}&code={code}")
}

/// Five bits of each byte as a digit of Crockford's base 32, in groups of four.
pub(super) fn grouped(random: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let mut out = String::with_capacity(random.len() * 5 / 4);
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            out.push('-');
        }
        out.push(char::from(DIGITS[usize::from(byte & 31)]));
    }
    out
}

/// A code is typed by people: case and separators do not count, and O, I, L are read as 0, 1, 1.
pub(super) fn hash_code(code: &str) -> [u8; 32] {
    let plain: String = code
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            c => c,
        })
        .collect();
    hash_secret(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_survive_being_typed() {
        let code = grouped(&[0, 1, 31, 10, 32, 33, 5, 6]);
        assert_eq!(code, "01ZA-0156");
        assert_eq!(hash_code(&code), hash_code("oiza o156"));
        assert_ne!(hash_code(&code), hash_code("01ZA-0157"));
    }

    #[test]
    fn the_address_escapes_the_server() {
        assert_eq!(
            uri("https://example.org:7420", "AB-CD"),
            "gongdan://enrol?server=https%3A%2F%2Fexample.org%3A7420&code=AB-CD"
        );
    }
}
