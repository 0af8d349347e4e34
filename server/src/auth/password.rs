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
/// Bytes of a password that a person chooses, at least.
pub const PASSWORD_BYTES_MIN: usize = 10;

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
