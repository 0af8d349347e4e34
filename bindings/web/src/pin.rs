//! What a PIN becomes before it unwraps a key: Argon2id (RFC 9106), so that trying them all out costs time.

use argon2::{Algorithm, Argon2, Params, Version};
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// 32 bytes of Argon2id over a PIN. `memory_kib` and `passes` are kept beside what the key wraps.
///
/// # Errors
/// The parameters are out of their range.
#[wasm_bindgen(js_name = derivePinKey)]
pub fn derive_pin_key(
    pin: &str,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
) -> Result<Vec<u8>, JsError> {
    let failed = |_| JsError::new("derive the key of a PIN: parameters");
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(failed)?;
    let mut key = vec![0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(pin.as_bytes(), salt, &mut key)
        .map_err(failed)?;
    Ok(key)
}
