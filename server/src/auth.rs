//! Who is asking: people by password and session, devices by their key, devices' streams by a token.
//!
//! Invariant: of every secret that others hold (session, token, enrolment code) the database has only a
//! hash, and each is random enough (≥ 80 bits) that a plain SHA-256 is one. The one exception is the secret
//! of an authenticator app, which codes are computed from.

pub mod certificates;
pub mod client;
pub mod devices;
pub mod enrolment;
pub mod extract;
pub mod identity;
pub mod incarnation;
pub mod passkeys;
pub mod password;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;
pub mod tokens;
pub mod users;

use gongdan_core::sync::request_auth::base64url;
use sha2::{Digest, Sha256};

use crate::host::Host;

/// A random secret as text, to be handed out once.
pub(crate) fn new_secret(host: &Host) -> String {
    base64url(&host.random::<32>())
}

/// What is stored of a secret.
pub(crate) fn hash_secret(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}
