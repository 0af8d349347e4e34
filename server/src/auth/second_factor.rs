//! Codes beside the password: of an authenticator app (TOTP, RFC 6238), and recovery codes for the day it is
//! lost.
//!
//! Invariant: a code serves once. Of a recovery code the database has a hash only; a TOTP secret it must have
//! as it is, and gives to nobody once the app has confirmed it.

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::PersonId;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use totp_rs::{Builder, Totp};

use super::{enrolment, sessions::Proof};
use crate::host::Host;
use crate::store::StoreError;

/// Recovery codes that a person is given at a time.
pub const RECOVERY_CODES: usize = 10;
/// Who the codes are for, as authenticator apps show it.
const ISSUER: &str = "Gongdan";

/// The second factors of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Factors {
    /// An authenticator app that was confirmed.
    pub totp: bool,
    /// Passkeys.
    pub passkeys: u32,
    /// Recovery codes that were not used.
    pub recovery_codes: u32,
}

impl Factors {
    /// Whether a password alone is not enough.
    pub fn any(self) -> bool {
        self.totp || self.passkeys > 0
    }
}

/// What a person has.
pub fn factors(connection: &Connection, person: &PersonId) -> Result<Factors, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM totp WHERE person = ?1 AND confirmed_at IS NOT NULL),
                    (SELECT count(*) FROM passkeys WHERE person = ?1),
                    (SELECT count(*) FROM recovery_codes WHERE person = ?1 AND used_at IS NULL)",
        )?
        .query_row([person.as_str()], |row| {
            Ok(Factors {
                totp: row.get(0)?,
                passkeys: row.get(1)?,
                recovery_codes: row.get(2)?,
            })
        })?)
}

/// A secret for an authenticator app, shown once.
pub struct Secret {
    /// To be typed.
    pub base32: String,
    /// To be scanned.
    pub uri: String,
}

/// Draws a secret that waits for its first code; `None` where one was confirmed already.
pub fn begin_totp(
    tx: &Transaction<'_>,
    person: &PersonId,
    host: &Host,
) -> Result<Option<Secret>, StoreError> {
    if factors(tx, person)?.totp {
        return Ok(None);
    }
    let secret = host.random::<20>();
    tx.execute(
        "INSERT INTO totp (person, secret, confirmed_at, last_step) VALUES (?1, ?2, NULL, 0)
         ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, last_step = 0",
        params![person.as_str(), secret],
    )?;
    let totp = totp(&secret, person);
    Ok(Some(Secret {
        base32: totp.secret().to_base32(),
        uri: totp
            .to_url()
            .expect("an employee number is a name without a colon"),
    }))
}

/// Takes the first code of a secret that waits; whether it was right.
pub fn confirm_totp(
    tx: &Transaction<'_>,
    person: &PersonId,
    code: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if !check_totp(tx, person, code, now, false)? {
        return Ok(false);
    }
    tx.execute(
        "UPDATE totp SET confirmed_at = ?2 WHERE person = ?1",
        params![person.as_str(), now.seconds()],
    )?;
    Ok(true)
}

/// Takes the authenticator app away.
pub fn remove_totp(tx: &Transaction<'_>, person: &PersonId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM totp WHERE person = ?1", [person.as_str()])?;
    Ok(())
}

/// Uses a code at sign-in: six digits are the app's, anything else is a recovery code. What was proved, or
/// nothing.
pub fn use_code(
    tx: &Transaction<'_>,
    person: &PersonId,
    code: &str,
    now: Timestamp,
) -> Result<Option<Proof>, StoreError> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(check_totp(tx, person, &digits, now, true)?.then_some(Proof::Totp));
    }
    let used = tx.execute(
        "UPDATE recovery_codes SET used_at = ?3 WHERE code_hash = ?1 AND person = ?2 AND used_at IS NULL",
        params![enrolment::hash_code(code), person.as_str(), now.seconds()],
    )?;
    Ok((used > 0).then_some(Proof::RecoveryCode))
}

/// Checks a code and lets neither it nor an older one serve again.
fn check_totp(
    tx: &Transaction<'_>,
    person: &PersonId,
    code: &str,
    now: Timestamp,
    confirmed: bool,
) -> Result<bool, StoreError> {
    let row: Option<([u8; 20], i64)> = tx
        .query_row(
            "SELECT secret, last_step FROM totp WHERE person = ?1 AND (confirmed_at IS NOT NULL) = ?2",
            params![person.as_str(), confirmed],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((secret, last_step)) = row else {
        return Ok(false);
    };
    let at = u64::try_from(now.seconds()).unwrap_or(0);
    let step = totp(&secret, person).check(code.trim(), at);
    let Some(step) = step.and_then(|step| i64::try_from(step).ok()) else {
        return Ok(false);
    };
    if step <= last_step {
        return Ok(false);
    }
    tx.execute(
        "UPDATE totp SET last_step = ?2 WHERE person = ?1",
        params![person.as_str(), step],
    )?;
    Ok(true)
}

/// Draws recovery codes in place of all that were; shown once.
pub fn draw_recovery_codes(
    tx: &Transaction<'_>,
    person: &PersonId,
    host: &Host,
) -> Result<Vec<String>, StoreError> {
    tx.execute(
        "DELETE FROM recovery_codes WHERE person = ?1",
        [person.as_str()],
    )?;
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| enrolment::grouped(&host.random::<16>()))
        .collect();
    for code in &codes {
        tx.execute(
            "INSERT INTO recovery_codes (code_hash, person, created_at) VALUES (?1, ?2, ?3)",
            params![
                enrolment::hash_code(code),
                person.as_str(),
                host.now().seconds()
            ],
        )?;
    }
    Ok(codes)
}

/// Recovery codes for somebody who has a second factor and none left; otherwise nothing.
pub fn first_recovery_codes(
    tx: &Transaction<'_>,
    person: &PersonId,
    host: &Host,
) -> Result<Vec<String>, StoreError> {
    if factors(tx, person)?.recovery_codes > 0 {
        return Ok(Vec::new());
    }
    draw_recovery_codes(tx, person, host)
}

/// Takes every second factor of a person away; their sessions end.
pub fn reset(tx: &Transaction<'_>, person: &PersonId) -> Result<(), StoreError> {
    for table in ["totp", "recovery_codes", "passkeys", "sessions"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE person = ?1"),
            [person.as_str()],
        )?;
    }
    Ok(())
}

fn totp(secret: &[u8; 20], person: &PersonId) -> Totp {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_issuer(Some(ISSUER))
        .with_account_name(person.as_str())
        .build()
        .expect("20 bytes, six digits and names without a colon are valid")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn codes_are_those_of_rfc_6238() {
        // Appendix B's table for SHA-1, its last six digits.
        let person = "G1001".parse().unwrap();
        let totp = totp(b"12345678901234567890", &person);
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp.check(code, at), Some(at / 30), "{at}");
            assert_eq!(totp.check(code, at + 60), None, "{at}");
        }
        let uri = totp.to_url().unwrap();
        assert!(
            uri.starts_with("otpauth://totp/Gongdan:G1001?secret="),
            "{uri}"
        );
    }
}
