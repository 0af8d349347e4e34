//! Passwords: Argon2id with OWASP's first choice of cost (19 MiB, 2 passes), in PHC form.
//!
//! Invariant: checking an unknown name costs what checking a known one does, and only a few checks run at
//! once, so that guessing cannot take the memory of the server.

use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::host::Host;
use crate::store::blocking;

/// Checks that run at once; 19 MiB each.
const CHECKS_AT_ONCE_MAX: usize = 2;
/// Bytes of a password, so that nobody makes the server hash a book.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Characters of a password, at least, where a second factor is asked for beside it (NIST SP 800-63B-4
/// section 3.1.1.2).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Characters from which on a password serves alone (the same section).
pub const PASSWORD_ALONE_CHARS_MIN: usize = 15;
/// Guesses, as a power of ten, that a password must be worth.
const GUESSES_LOG10_MIN: f64 = 8.0;

/// Why a password cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Shorter than [`PASSWORD_CHARS_MIN`] or longer than [`PASSWORD_BYTES_MAX`].
    Length,
    /// Among what is tried first: common passwords, names, keyboard rows, and what belongs to the person.
    Common,
}

/// Whether a person may choose this password; `own` is what belongs to the person (number, name).
///
/// There are no rules of composition: what counts is how soon it would be guessed (NIST SP 800-63B-4
/// section 3.1.1.2).
pub fn weakness(password: &str, own: &[&str]) -> Option<Weakness> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
        return Some(Weakness::Length);
    }
    // Names are tried without their spaces as well, and word by word.
    let joined: Vec<String> = own.iter().map(|text| text.replace(' ', "")).collect();
    let words = own.iter().flat_map(|text| text.split_whitespace());
    let own: Vec<&str> = words
        .chain(joined.iter().map(String::as_str))
        .chain(["gongdan", "工单"])
        .collect();
    let guesses = zxcvbn::zxcvbn(password, &own).guesses_log10();
    (guesses < GUESSES_LOG10_MIN).then_some(Weakness::Common)
}

/// Whether a password is long enough to serve without a second factor.
pub fn serves_alone(password: &str) -> bool {
    password.chars().count() >= PASSWORD_ALONE_CHARS_MIN
}

/// Hashes a password with a fresh salt. Takes tens of milliseconds.
pub fn hash(host: &Host, password: &str) -> String {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &host.random::<16>())
        .expect("the default cost and a salt of 16 bytes are valid");
    hash.to_string()
}

/// A password drawn for a person: 20 characters of Crockford's base 32 in groups, 100 bits.
pub fn generate(host: &Host) -> String {
    super::enrolment::grouped(&host.random::<20>())
}

/// Checks passwords; clones share its bounds.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    nobody: Arc<str>,
}

impl Passwords {
    /// Prepares the hash that unknown names are checked against.
    pub fn new(host: &Host) -> Self {
        let nobody = hash(host, &super::new_secret(host));
        Self {
            places: Arc::new(Semaphore::new(CHECKS_AT_ONCE_MAX)),
            nobody: nobody.into(),
        }
    }

    /// Whether `password` is the one of `hash`; without a hash the work is done all the same and the answer is no.
    pub async fn check(&self, hash: Option<String>, password: String) -> bool {
        let _place = self
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let nobody = Arc::clone(&self.nobody);
        blocking(move || {
            let known = hash.is_some();
            let text = hash.as_deref().unwrap_or(&nobody);
            let matches = PasswordHash::new(text).is_ok_and(|parsed| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok()
            });
            matches && known
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters_and_what_is_guessed_first_is_refused() {
        let weak = |password: &str| weakness(password, &["G1001", "Wang Min"]);
        assert_eq!(weak("q8#Kd2v"), Some(Weakness::Length));
        assert_eq!(weak("q8#Kd2vM"), None);
        assert_eq!(
            weak("密如蛛网的雨夜"),
            Some(Weakness::Length),
            "seven characters"
        );
        assert_eq!(
            weak(&"x".repeat(PASSWORD_BYTES_MAX + 1)),
            Some(Weakness::Length)
        );
        for common in [
            "password",
            "12345678",
            "qwertyuiop",
            "iloveyou1",
            "aaaaaaaaaaaaaaaa",
            "abcdefghijklmnop",
            "1qaz2wsx3edc",
            "gongdangongdan",
            "wangminG1001",
        ] {
            assert_eq!(weak(common), Some(Weakness::Common), "{common}");
        }
        assert_eq!(weak("correct horse battery"), None);
        assert!(serves_alone("fifteen charac!") && !serves_alone("fourteen chars"));
    }
}
