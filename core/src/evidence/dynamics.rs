//! The hand's movement, sealed to the organisation's evidence key: biometric data, which nobody needs to read
//! who reads the sheet.
//!
//! Invariant: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, one
//! message: what is kept is the encapsulated key (32 bytes) and the ciphertext. Only whoever has the secret key
//! opens it, and only beside the picture that it was made with (`info` holds its hash).

use std::convert::Infallible;

use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use sha2::{Digest, Sha256};

use super::tree::Hash;
use crate::sync::codec;
use crate::ticket::Ink;

type TheKem = X25519HkdfSha256;
/// What HPKE's `info` begins with.
const DOMAIN: &[u8] = b"gongdan ink v1\n";

/// Random bytes that the caller drew, handed to HPKE once: its ephemeral key comes from them.
struct Given([u8; 32]);

impl TryRng for Given {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        // HPKE takes its 32 bytes at once; what anybody took beyond them would be others.
        for chunk in out.chunks_mut(32) {
            chunk.copy_from_slice(&self.0[..chunk.len()]);
            self.0 = Sha256::digest(self.0).into();
        }
        Ok(())
    }
}

impl TryCryptoRng for Given {}

fn info(picture: &[u8]) -> Vec<u8> {
    let picture: Hash = Sha256::digest(picture).into();
    [DOMAIN, &picture].concat()
}

/// Seals the whole ink to a public key; `random` are 32 fresh random bytes. `picture` are the bytes of the
/// picture beside it. `None` where the key is none.
pub fn seal(key: &[u8; 32], ink: &Ink, picture: &[u8], random: [u8; 32]) -> Option<Vec<u8>> {
    let key = <TheKem as Kem>::PublicKey::from_bytes(key).ok()?;
    let (encapsulated, sealed) =
        hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, TheKem>(
            &OpModeS::Base,
            &key,
            &info(picture),
            &codec::encode(ink),
            &[],
            &mut Given(random),
        )
        .ok()?;
    let mut out = encapsulated.to_bytes().to_vec();
    out.extend_from_slice(&sealed);
    Some(out)
}

/// Opens what was sealed, with the secret key; nothing where it is another's, another picture's, or changed.
pub fn open(secret: &[u8; 32], sealed: &[u8], picture: &[u8]) -> Option<Ink> {
    let secret = <TheKem as Kem>::PrivateKey::from_bytes(secret).ok()?;
    let (encapsulated, sealed) = sealed.split_at_checked(32)?;
    let encapsulated = <TheKem as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let plain = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, TheKem>(
        &OpModeR::Base,
        &secret,
        &encapsulated,
        &info(picture),
        sealed,
        &[],
    )
    .ok()?;
    codec::decode(&plain).ok()
}

/// The key pair of 32 secret random bytes (`DeriveKeyPair` of RFC 9180 §7.1.3): secret, public.
pub fn key_pair(random: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let (secret, public) = TheKem::derive_keypair(random);
    (secret.to_bytes().into(), public.to_bytes().into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::ticket::command::InkPoint;

    fn ink() -> Ink {
        let point = |n: i32| InkPoint {
            x: n * 100,
            y: n,
            millis: n as u32 * 8,
            pressure: Some(400),
        };
        Ink {
            width: 40_000,
            height: 20_000,
            strokes: vec![(0..50).map(point).collect()],
        }
    }

    #[test]
    fn only_the_evidence_key_opens_the_ink_and_only_beside_its_picture() {
        let (secret, public) = key_pair(&[7; 32]);
        let sealed = seal(&public, &ink(), b"picture", [9; 32]).unwrap();
        assert_eq!(open(&secret, &sealed, b"picture").unwrap(), ink());
        assert_eq!(open(&secret, &sealed, b"another"), None);
        assert_eq!(open(&key_pair(&[8; 32]).0, &sealed, b"picture"), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 0x01;
            assert_eq!(open(&secret, &changed, b"picture"), None, "byte {at}");
        }
        assert_eq!(open(&secret, &sealed[..31], b"picture"), None);
    }

    /// RFC 9180, appendix A.2 (base mode): `pkRm` of `ikmR`, and `enc` of `ikmE`.
    #[test]
    fn keys_come_out_as_rfc_9180_says() {
        let hex = |text: &str| -> [u8; 32] {
            let bytes: Vec<u8> = (0..32)
                .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
                .collect();
            bytes.try_into().unwrap()
        };
        let (_, public) = key_pair(&hex(
            "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
        ));
        assert_eq!(
            public,
            hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a")
        );
        let ikm = hex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let sealed = seal(&public, &ink(), b"", ikm).unwrap();
        assert_eq!(
            sealed[..32],
            hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
        );
    }
}
